"""One connection to one broker: a thread of its own round one paho-mqtt client.

paho 2.2's own `loop_start` swallows why a first connection failed, reports an end twice or not at all, and
leaves `is_connected()` true when its thread dies. So the thread here is ours and runs paho's public `connect`
and `loop`; whatever happens in it, the `finally` of `Connection.run` posts exactly one LinkDown.

Limits: name resolution cannot be interrupted, so a thread may outlive `close` until the resolver gives up;
the broker never hears of it then.
"""

from __future__ import annotations

import contextlib
import math
import socket
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY, Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from drivers.inputs import Acknowledged, Delivered, Input, LinkDown, LinkUp
from drivers.mqtt_options import LinkError, LinkOptions, in_words, parse_broker, read_password, tls_context
from drivers.mqtt_state import LOST, OFFLINE, ONLINE, state_payload
from drivers.ration import Ration

IN_FLIGHT_PUBLISHES_MAX = 1_000
PACKET_OVERHEAD_BYTES = 16  # fixed header, topic length, packet id, empty properties, and room to spare
PACKET_BYTES_MAX = 268_435_455  # what MQTT's length field can say
ROUND_S = 0.5
ROUND_UP_S = 5.0  # paho's loop is woken by a publish and by the socket; the rest is only its keepalive
ROUNDS_TO_SPARE = 4  # rounds that end early because bytes moved
ROUNDS_TO_SAY_GOODBYE = 4  # in which no acknowledgement came
SESSION_S_MAX = 0xFFFFFFFF  # MQTT 5: the session never expires by itself
RECEIVE_MAX = 100
DELIVERED_BYTES_MAX = 16_384  # MQTT 5: what a truck takes from the broker at a time
HANG_UPS_MAX = 3  # then a broker is asked for word of custody no more, until the agent starts anew
VERSION_REFUSED = "Unsupported protocol version"


@dataclass
class Memory:
    """What one end remembers over its connections: the brokers that only speak MQTT 3.1.1, or hang up when asked.

    Some brokers end a connection that subscribes where it may not, instead of refusing: `hung_up` counts how often in
    a row one did so when it was asked for word of custody.
    """

    older: set[str] = field(default_factory=set)
    suspected: set[str] = field(default_factory=set)
    hung_up: Counter[str] = field(default_factory=Counter)

    def note(self, broker: str, said_so: bool) -> None:
        """`broker` ended MQTT 5 and took 3.1.1; one that did not say why is believed the second time."""
        if said_so or broker in self.suspected:
            self.older.add(broker)
        self.suspected.add(broker)


class Terms(NamedTuple):
    """What this connection is for: nothing kept by the broker, or a lasting session on `topics`."""

    topics: tuple[str, ...] = ()
    lasting: bool = False


class _Attempt(NamedTuple):
    reason: str
    try_older: bool


def _no_direct_write(client: Client, userdata: Any, sock: Any) -> None:
    """With this set, paho leaves all writing to the thread that runs its loop."""


class Connection:
    """Connection number `link`. `run` is its `thread`, which the owner starts; the rest is called from another."""

    def __init__(
        self,
        options: LinkOptions,
        *,
        link: int,
        broker: str,
        terms: Terms,
        memory: Memory,
        post: Callable[[Input], None],
        at: Callable[[], float],
    ) -> None:
        self.link = link
        self._options = options
        self._broker = broker
        self._address = parse_broker(broker)
        self._terms = terms
        self._memory = memory
        self._post = post
        self._at = at
        self._client: Client | None = None
        self._open = False  # accepted by the broker
        self._ready = False  # LinkUp posted
        self._leaving = False
        self._reason: str | None = None
        self._published = 0
        self._answered = 0
        self._refused_here = 0
        self._birth: int | None = None  # paho's number of it, while it is not acknowledged
        self._saying_goodbye = False
        self._ration = Ration() if options.custody_topic else None
        self._receive_max = IN_FLIGHT_PUBLISHES_MAX
        self._packet_bytes_max = PACKET_BYTES_MAX
        self.thread = threading.Thread(target=self.run, name=f"fairhaul-link-{link}", daemon=True)

    # From the owner's thread.

    def publish(self, topic: str, payload: bytes, retain: bool) -> int:
        """Hand one message to paho at QoS 1 and return its number on this connection.

        A message that the broker has said it would not take gets a negative number and its refusal at once.
        Raises LinkError while not up, and when the broker takes no more before it has acknowledged some.
        """
        client = self._usable()
        packet_bytes = len(payload) + len(topic.encode()) + PACKET_OVERHEAD_BYTES
        if packet_bytes > self._packet_bytes_max:
            self._refused_here += 1
            too_large = f"Packet too large: {packet_bytes} bytes, the broker takes {self._packet_bytes_max}"
            self._post(Acknowledged(self._at(), self.link, -self._refused_here, too_large))
            return -self._refused_here
        if self._published - self._answered >= self._receive_max:
            raise LinkError("the broker takes no more before it has acknowledged some")
        sent = client.publish(topic, payload, qos=1, retain=retain)
        if sent.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise LinkError("the connection just ended")
        self._published += 1
        return sent.mid

    def subscribe(self, topics: Sequence[str]) -> None:
        """Ask for more topics at QoS 1. Raises LinkError while not up."""
        self._usable().subscribe([(topic, 1) for topic in topics])

    def acknowledge(self, mid: int) -> None:
        """Tell the broker that a delivered message is kept. Raises LinkError while not up."""
        self._usable().ack(mid, 1)

    def end(self) -> None:
        """Say goodbye if possible; the thread ends by itself soon after.

        Where it may be telling its birth just now it goes without a word: the last will then says the rest.
        """
        goodbye = self._ready and self._options.state_topic is not None
        self._published += goodbye
        self._saying_goodbye = goodbye
        self._leaving = True
        client = self._client
        if client is not None and goodbye:
            self._tell(client, OFFLINE)  # its thread disconnects once the broker has it
        elif client is not None and self._options.state_topic is None:
            client.disconnect()

    def _tell(self, client: Client, state: str) -> int | None:
        """Publish that this end is connected or not; paho's number of it, None without a topic for it."""
        if self._options.state_topic is None:
            return None
        qos = 1 if self._published - self._answered <= self._receive_max else 0
        return client.publish(self._options.state_topic, state_payload(state), qos, retain=True).mid

    def _usable(self) -> Client:
        client = self._client
        if client is None or not self._open or self._leaving:
            raise LinkError("not connected")
        return client

    # From here on, its own thread.

    def run(self) -> None:
        """Connect, serve, and post exactly one LinkDown, whatever happens."""
        reason = "the connection ended"
        try:
            reason = self._through_the_versions()
        except Exception as error:  # noqa: BLE001 — the end of a link must be told, whatever ended it.
            reason = in_words(error)
        finally:
            self._open = False
            self._client = None
            self._post(LinkDown(self._at(), self.link, "closed by this end" if self._leaving else reason))

    def _through_the_versions(self) -> str:
        versions = self._versions()
        attempt = self._attempt(versions[0])
        if not attempt.try_older or len(versions) == 1 or self._leaving:
            return attempt.reason
        second = self._attempt(versions[1])
        if self._ready:
            self._memory.note(self._broker, said_so=attempt.reason == VERSION_REFUSED)
        return second.reason

    def _versions(self) -> Sequence[MQTTProtocolVersion]:
        if self._options.protocol == "3.1.1" or (
            self._options.protocol == "auto" and self._broker in self._memory.older
        ):
            return (MQTTProtocolVersion.MQTTv311,)
        if self._options.protocol == "5":
            return (MQTTProtocolVersion.MQTTv5,)
        return (MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311)

    def _attempt(self, version: MQTTProtocolVersion) -> _Attempt:
        self._reason = None
        client = self._new_client(version)
        self._client = client
        try:
            client.connect(
                self._address.host,
                self._address.port,
                self._options.keepalive_s,
                **self._session(version),
            )
            self._serve(client)
        except Exception as error:  # noqa: BLE001 — paho lets its decoder's errors through.
            # A failure before the broker saw CONNECT says nothing about the protocol's version.
            return _Attempt(self._reason or in_words(error), try_older=False)
        finally:
            self._open = False
            self._client = None
            sock = client.socket()
            if sock is not None:
                sock.close()
        return _Attempt(self._reason or "the broker closed the connection", self._refuses_version(version))

    def _refuses_version(self, version: MQTTProtocolVersion) -> bool:
        """Whether the broker ended an MQTT 5 attempt as one does that knows only 3.1.1."""
        if version != MQTTProtocolVersion.MQTTv5 or self._ready:
            return False
        return self._reason is None or self._reason == VERSION_REFUSED

    def _session(self, version: MQTTProtocolVersion) -> dict[str, Any]:
        if version != MQTTProtocolVersion.MQTTv5:
            return {"clean_start": MQTT_CLEAN_START_FIRST_ONLY}
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        if not self._terms.lasting:
            properties.MaximumPacketSize = DELIVERED_BYTES_MAX
            return {"clean_start": True, "properties": properties}
        properties.SessionExpiryInterval = SESSION_S_MAX
        properties.ReceiveMaximum = RECEIVE_MAX
        return {"clean_start": False, "properties": properties}

    def _new_client(self, version: MQTTProtocolVersion) -> Client:
        options = self._options
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=options.client_id,
            clean_session=None if version == MQTTProtocolVersion.MQTTv5 else not self._terms.lasting,
            protocol=version,
            reconnect_on_failure=False,
            manual_ack=self._terms.lasting,
        )
        client.connect_timeout = options.connect_within_s
        client.max_inflight_messages = 0  # 0: paho never holds a message back; the window is the sender's
        client.max_queued_messages = IN_FLIGHT_PUBLISHES_MAX
        if options.username is not None:
            client.username_pw_set(options.username, read_password(options.password_file))
        if self._address.tls:
            client.tls_set_context(tls_context(options))
        if options.state_topic is not None:
            client.will_set(options.state_topic, state_payload(LOST), qos=1, retain=True)
        self._listen(client)
        return client

    def _listen(self, client: Client) -> None:
        client.on_socket_open = self._on_socket_open
        client.on_socket_register_write = _no_direct_write
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_log = self._on_log

    def _serve(self, client: Client) -> None:
        """Run paho's loop until the connection ends, the broker never answers, or this end has left."""
        unanswered = math.ceil(self._options.connect_within_s / ROUND_S) + ROUNDS_TO_SPARE
        goodbyes, answered = ROUNDS_TO_SAY_GOODBYE, 0
        if self._leaving:
            return
        while client.loop(ROUND_UP_S if self._ready and not self._leaving else ROUND_S) == 0:
            unanswered -= not self._open
            goodbyes -= self._leaving and self._answered == answered
            answered = self._answered
            if unanswered <= 0:
                self._reason = "no answer in time"
            if unanswered <= 0 or goodbyes <= 0:
                break
        if self._saying_goodbye:
            client.disconnect()
            client.loop(ROUND_S)

    # paho's callbacks: they note or post, and raise nothing.

    def _on_socket_open(self, client: Client, userdata: Any, sock: Any) -> None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, self._options.keepalive_s * 1000)

    def _on_log(self, client: Client, userdata: Any, level: int, text: str) -> None:
        # paho only logs why a read failed: with TLS 1.3 that is where a refused certificate shows.
        if level == LogLevel.MQTT_LOG_ERR and not self._open and "SSL" in text:
            self._reason = f"TLS failed: {text.partition('] ')[2].partition(' (')[0] or 'no reason given'}"

    def _on_connect(self, client: Client, userdata: Any, flags: Any, reason: ReasonCode, given: Any) -> None:
        if reason.is_failure:
            self._reason = str(reason)
            return
        self._receive_max = min(IN_FLIGHT_PUBLISHES_MAX, getattr(given, "ReceiveMaximum", 65_535))
        self._packet_bytes_max = getattr(given, "MaximumPacketSize", PACKET_BYTES_MAX)
        client.on_log = None  # so that paho does not format a line for each packet
        self._published += self._options.state_topic is not None
        self._birth = self._tell(client, ONLINE)
        self._open = True
        if self._terms.topics:
            client.subscribe([(topic, 1) for topic in self._terms.topics])
            return
        topic = self._options.custody_topic
        if topic is not None and self._memory.hung_up[self._broker] < HANG_UPS_MAX:
            self._memory.hung_up[self._broker] += 1  # until it answers
            client.subscribe(topic, qos=0)
        self._up()

    def _up(self) -> None:
        self._ready = True
        self._post(LinkUp(self._at(), self.link, self._broker))

    def _on_subscribe(
        self, client: Client, userdata: Any, mid: int, reasons: list[ReasonCode], given: Any
    ) -> None:
        self._memory.hung_up.pop(self._broker, None)
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused and self._terms.topics:
            self._reason = f"subscription refused: {refused[0]}"
            client.disconnect()
        elif not self._ready:
            self._up()

    def _on_disconnect(
        self, client: Client, userdata: Any, flags: Any, reason: ReasonCode, given: Any
    ) -> None:
        if flags.is_disconnect_packet_from_server or str(reason) == "Keep alive timeout":
            self._reason = self._reason or str(reason)

    def _on_publish(self, client: Client, userdata: Any, mid: int, reason: ReasonCode, given: Any) -> None:
        self._answered += 1
        if self._saying_goodbye and self._answered >= self._published:
            client.disconnect()
        if self._leaving or mid == self._birth:
            self._birth = None
            return  # nobody waits for the number of a birth or a goodbye, nor for any once this end has left
        refusal = str(reason) if reason.is_failure else None
        self._post(Acknowledged(self._at(), self.link, mid, refusal))

    def _on_message(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            client.ack(message.mid, message.qos)  # a topic that is no text is nobody's
            return
        at, mid = self._at(), message.mid if message.qos else 0
        if self._ration is None or self._ration.allows(at):
            self._post(Delivered(at, self.link, topic, bytes(message.payload), mid, message.retain))
