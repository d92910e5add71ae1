"""The Link against scripted brokers: every way a connection can end is one LinkDown in words."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers.clock import Clock
from drivers.inbox import Inbox
from drivers.inputs import Acknowledged, Delivered, Input, LinkDown, LinkUp
from drivers.mqtt import Link, LinkError, LinkOptions
from drivers.mqtt_connection import HANG_UPS_MAX
from drivers.mqtt_options import PASSWORD_FILE_BYTES_MAX
from drivers.ration import BURST, EVERY_S, Ration

WAIT_S = 10.0
CONNACK_5 = b"\x20\x03\x00\x00\x00"
CONNACK_3 = b"\x20\x02\x00\x00"
REFUSED_VERSION = b"\x20\x02\x00\x01"

Script = Callable[["Peer"], None]


class Peer:
    """The broker's side of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def packet(self) -> bytes:
        """One whole packet: its first byte, then its body; empty when the other end has gone."""
        head = self._sock.recv(1)
        length = shift = 0
        while head:
            byte = self._sock.recv(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        body = b""
        while len(body) < length:
            body += self._sock.recv(length - len(body))
        return head + body

    def send(self, data: bytes) -> None:
        self._sock.sendall(data)

    @staticmethod
    def level(connect: bytes) -> int:
        return connect[7]

    @staticmethod
    def mid(publish: bytes) -> bytes:
        (topic_bytes,) = struct.unpack("!H", publish[1:3])
        return publish[3 + topic_bytes : 5 + topic_bytes]


class ScriptedBroker:
    """Plays one script for each connection it accepts; the last one for all that follow."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = list(scripts)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self._listener.getsockname()[1]}"
        self.levels: list[int] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
            sock.settimeout(WAIT_S)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with sock:
                peer = Peer(sock)
                try:
                    self.levels.append(peer.level(peer.packet()))
                    script(peer)
                except (OSError, IndexError, struct.error):
                    continue

    def close(self) -> None:
        # shutdown wakes the thread that waits in accept; close alone would not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(WAIT_S)


def hang_up(peer: Peer) -> None:
    """Close without a word."""


def refuse_version(peer: Peer) -> None:
    peer.send(REFUSED_VERSION)


def accept_5(peer: Peer, acknowledgement: bytes = b"") -> None:
    peer.send(CONNACK_5)
    while (packet := peer.packet()) and packet[0] & 0xF0 == 0x30:
        peer.send(bytes([0x40, 2 + len(acknowledgement)]) + peer.mid(packet) + acknowledgement)


def accept_3(peer: Peer) -> None:
    peer.send(CONNACK_3)
    while (packet := peer.packet()) and packet[0] & 0xF0 == 0x30:
        peer.send(b"\x40\x02" + peer.mid(packet))


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def link(inbox: Inbox) -> Iterator[Link]:
    link = Link(LinkOptions(client_id="truck", connect_within_s=5), inbox.post, Clock().at)
    yield link
    link.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., ScriptedBroker]]:
    brokers: list[ScriptedBroker] = []

    def start(*scripts: Script) -> ScriptedBroker:
        brokers.append(ScriptedBroker(*scripts))
        return brokers[-1]

    yield start
    for broker in brokers:
        broker.close()


def next_input(inbox: Inbox) -> Input:
    entry = inbox.take(WAIT_S)
    assert entry is not None
    return entry


def down(inbox: Inbox) -> str:
    entry = next_input(inbox)
    assert isinstance(entry, LinkDown)
    assert inbox.take(0.1) is None
    return entry.reason


def test_publish_is_acknowledged_by_its_number(serve, inbox, link):
    broker = serve(accept_5)
    link.connect(7, broker.url)
    up = next_input(inbox)
    assert isinstance(up, LinkUp)
    assert (up.link, up.broker) == (7, broker.url)
    mids = [link.publish("a/b", b"payload") for _ in range(3)]
    assert [next_input(inbox)[1:] for _ in range(3)] == [(7, mid, None) for mid in mids]
    assert broker.levels == [5]


def test_refused_publish_carries_its_reason(serve, inbox, link):
    link.connect(1, serve(lambda peer: accept_5(peer, b"\x97\x00")).url)
    next_input(inbox)
    mid = link.publish("a/b", b"payload")
    assert next_input(inbox)[1:] == (1, mid, "Quota exceeded")


def test_own_disconnect_ends_in_one_link_down(serve, inbox, link):
    link.connect(1, serve(accept_5).url)
    next_input(inbox)
    link.disconnect()
    link.disconnect()
    assert down(inbox) == "closed by this end"


def test_broker_that_hangs_up_is_one_link_down(serve, inbox, link):
    link.connect(1, serve(lambda peer: peer.send(CONNACK_5)).url)
    assert isinstance(next_input(inbox), LinkUp)
    assert down(inbox) == "the broker closed the connection"
    with pytest.raises(LinkError, match="not connected"):
        link.publish("a/b", b"")


def test_disconnect_by_the_broker_says_why(serve, inbox, link):
    def take_over(peer: Peer) -> None:
        peer.send(CONNACK_5 + b"\xe0\x02\x8e\x00")

    link.connect(1, serve(take_over).url)
    next_input(inbox)
    assert down(inbox) == "Session taken over"


def test_refused_login_says_why(serve, inbox, link):
    link.connect(1, serve(lambda peer: peer.send(b"\x20\x03\x00\x87\x00")).url)
    assert down(inbox) == "Not authorized"


def test_nobody_listening_is_one_link_down(inbox, link):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    link.connect(1, f"mqtt://127.0.0.1:{port}")
    assert down(inbox) == "connection refused"


def test_unknown_name_is_one_link_down(inbox, link):
    link.connect(1, "mqtt://no-such-broker.invalid:1883")
    assert down(inbox) == "the broker's name was not found"


def test_name_that_cannot_be_encoded_is_one_link_down(inbox, link):
    link.connect(1, "mqtt://a" + "b" * 70 + ".example:1883")
    assert down(inbox) == "unexpected UnicodeError"


def test_broker_that_never_answers_is_one_link_down(inbox):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        link = Link(LinkOptions(client_id="truck", connect_within_s=0.2), inbox.post, Clock().at)
        link.connect(1, f"mqtt://127.0.0.1:{listener.getsockname()[1]}")
        assert down(inbox) == "no answer in time"
        link.close()


def test_tls_against_a_broker_without_it_is_one_link_down(serve, inbox, link):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        link.connect(1, f"mqtts://127.0.0.1:{listener.getsockname()[1]}")
        listener.accept()[0].close()
        entry = next_input(inbox)
    assert isinstance(entry, LinkDown)


@pytest.mark.parametrize(
    "garbage", [b"\xff" * 64, b"\x20\x02", b"\x20\x05\x00\x00\x02\xff\xff", b"HTTP/1.1 400\r\n"]
)
def test_garbage_from_the_broker_is_one_link_down(serve, inbox, link, garbage: bytes):
    link.connect(1, serve(lambda peer: peer.send(garbage)).url)
    assert isinstance(next_input(inbox), LinkDown)
    assert inbox.take(0.1) is None


def test_garbage_after_the_welcome_is_one_link_down(serve, inbox, link):
    link.connect(1, serve(lambda peer: peer.send(CONNACK_5 + b"\x30\x01\x00" * 3)).url)
    assert isinstance(next_input(inbox), LinkUp)
    assert isinstance(next_input(inbox), LinkDown)
    assert inbox.take(0.1) is None


def test_refused_version_falls_back_and_is_remembered(serve, inbox, link):
    broker = serve(refuse_version, accept_3)
    for number in (1, 2):
        link.connect(number, broker.url)
        assert isinstance(next_input(inbox), LinkUp)
        link.disconnect()
        assert isinstance(next_input(inbox), LinkDown)
    assert broker.levels == [5, 4, 4]


def test_silent_hang_up_falls_back_and_is_believed_the_second_time(serve, inbox, link):
    broker = serve(hang_up, accept_3, hang_up, accept_3)
    for number in (1, 2, 3):
        link.connect(number, broker.url)
        assert isinstance(next_input(inbox), LinkUp)
        link.disconnect()
        assert isinstance(next_input(inbox), LinkDown)
    assert broker.levels == [5, 4, 5, 4, 4]


def test_broker_that_hangs_up_on_every_version_is_not_remembered(serve, inbox, link):
    broker = serve(hang_up)
    for number in (1, 2):
        link.connect(number, broker.url)
        assert down(inbox) == "the broker closed the connection"
    assert broker.levels == [5, 4, 5, 4]


@pytest.mark.parametrize(("protocol", "level"), [("5", 5), ("3.1.1", 4)])
def test_fixed_protocol_is_not_changed(serve, inbox, protocol: str, level: int):
    broker = serve(hang_up)
    link = Link(LinkOptions(client_id="truck", protocol=protocol), inbox.post, Clock().at)
    link.connect(1, broker.url)
    assert down(inbox) == "the broker closed the connection"
    assert broker.levels == [level]
    link.close()


def test_new_connection_ends_the_one_before(serve, inbox, link):
    first, second = serve(accept_5), serve(accept_5)
    link.connect(1, first.url)
    next_input(inbox)
    link.connect(2, second.url)
    entries = {type(entry): entry for entry in (next_input(inbox), next_input(inbox))}
    assert entries[LinkDown][1] == 1
    assert entries[LinkUp][1] == 2


def test_broker_that_announces_a_window_is_not_sent_more(serve, inbox, link):
    def window_of_two(peer: Peer) -> None:
        peer.send(b"\x20\x06\x00\x00\x03\x21\x00\x02")
        packets = [peer.packet() for _ in range(2)]
        peer.packet()
        del packets

    link.connect(1, serve(window_of_two).url)
    next_input(inbox)
    link.publish("a", b"1")
    link.publish("a", b"2")
    with pytest.raises(LinkError, match="takes no more"):
        link.publish("a", b"3")


@pytest.mark.parametrize(
    ("payload_bytes", "refusal"), [(83, None), (84, "Packet too large: 101 bytes, the broker takes 100")]
)
def test_payload_beyond_the_announced_size_is_refused_here(
    serve, inbox, link, payload_bytes: int, refusal: str
):
    def at_most_100(peer: Peer) -> None:
        peer.send(b"\x20\x08\x00\x00\x05\x27\x00\x00\x00\x64")
        peer.send(b"\x40\x02" + peer.mid(peer.packet()))
        peer.packet()

    link.connect(1, serve(at_most_100).url)
    next_input(inbox)
    mid = link.publish("a", bytes(payload_bytes))
    assert next_input(inbox)[1:] == (1, mid, refusal)


def test_message_on_a_subscribed_topic_is_delivered(serve, inbox, link):
    def answer(peer: Peer) -> None:
        peer.send(CONNACK_5)
        subscribe = peer.packet()
        peer.send(b"\x90\x04" + subscribe[1:3] + b"\x00\x01")
        peer.send(b"\x32\x08\x00\x01t\x00\x09\x00hi")
        peer.packet()

    link.connect(1, serve(answer).url)
    next_input(inbox)
    link.subscribe(["t"])
    entry = next_input(inbox)
    assert isinstance(entry, Delivered)
    assert (entry.topic, entry.payload) == ("t", b"hi")


@pytest.mark.parametrize("granted", [b"\x00", b"\x87"])
def test_a_truck_asks_for_word_of_its_custody_and_goes_on_where_that_is_refused(serve, inbox, granted):
    asked: list[bytes] = []

    def answer(peer: Peer) -> None:
        peer.send(CONNACK_5)
        asked.append(peer.packet())
        peer.send(b"\x90\x04" + asked[0][1:3] + b"\x00" + granted)
        peer.send(b"\x33\x08\x00\x01t\x00\x09\x00hi")
        while publish := peer.packet():
            if publish[0] == 0x32:
                peer.send(b"\x40\x02" + peer.mid(publish))

    link = Link(LinkOptions(client_id="truck", custody_topic="a/custody"), inbox.post, Clock().at)
    link.connect(1, serve(answer).url)
    assert isinstance(next_input(inbox), LinkUp)
    entry = next_input(inbox)
    assert isinstance(entry, Delivered)
    assert (entry.payload, entry.retained) == (b"hi", True)
    assert asked[0][-12:] == b"\x00\x09a/custody"[:11] + b"\x00"
    mid = link.publish("t", b"x")
    assert next_input(inbox)[1:] == (1, mid, None)
    link.close()


def test_a_broker_that_hangs_up_over_the_word_of_custody_is_asked_no_more(serve, inbox):
    asked: list[bytes] = []

    def hang_up(peer: Peer) -> None:
        peer.send(CONNACK_5)
        packet = peer.packet()
        asked.append(packet[:1])
        if packet[0] == 0x32:
            peer.send(b"\x40\x02" + peer.mid(packet))
            peer.packet()

    link = Link(LinkOptions(client_id="truck", custody_topic="a/custody"), inbox.post, Clock().at)
    url = serve(hang_up).url
    for number in range(1, HANG_UPS_MAX + 1):
        link.connect(number, url)
        assert isinstance(next_input(inbox), LinkUp)
        assert isinstance(next_input(inbox), LinkDown)
    link.connect(HANG_UPS_MAX + 1, url)
    assert isinstance(next_input(inbox), LinkUp)
    mid = link.publish("t", b"x")
    assert next_input(inbox)[1:] == (HANG_UPS_MAX + 1, mid, None)
    assert asked == [b"\x82"] * HANG_UPS_MAX + [b"\x32"]
    link.close()


def test_a_flood_of_messages_does_not_fill_the_inbox(serve, inbox):
    def flood(peer: Peer) -> None:
        peer.send(CONNACK_5)
        peer.packet()
        peer.send(b"\x30\x06\x00\x01t\x00hi" * 5_000)
        while publish := peer.packet():
            if publish[0] == 0x32:
                peer.send(b"\x40\x02" + peer.mid(publish))

    link = Link(LinkOptions(client_id="truck", custody_topic="a/custody"), inbox.post, lambda: 0.0)
    link.connect(1, serve(flood).url)
    next_input(inbox)
    link.publish("t", b"x")
    entries = [next_input(inbox) for _ in range(BURST + 1)]
    assert [type(entry) for entry in entries].count(Delivered) == BURST
    link.close()


def test_publish_without_a_connection_is_an_error(link):
    with pytest.raises(LinkError, match="not connected"):
        link.publish("a/b", b"")


def test_close_twice_is_harmless_and_quick(serve, inbox, link):
    link.connect(1, serve(accept_5).url)
    link.close()
    link.close()
    assert not any(thread.name.startswith("fairhaul-link") for thread in threading.enumerate())


def test_acknowledged_after_thousands_of_publishes_keeps_its_numbers(serve, inbox, link):
    link.connect(1, serve(accept_5).url)
    next_input(inbox)
    for _ in range(50):
        mids = [link.publish("a", b"x") for _ in range(20)]
        entries = [next_input(inbox) for _ in mids]
        assert [entry.mid for entry in entries if isinstance(entry, Acknowledged)] == mids


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"x" * (PASSWORD_FILE_BYTES_MAX + 1), "too long"), (b"\xff\xfe", "not UTF-8"), (None, "not readable")],
)
def test_password_file_that_is_no_use_ends_the_attempt_without_showing_it(
    tmp_path: Path, inbox: Inbox, content: bytes | None, reason: str
):
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    options = LinkOptions(client_id="truck", username="truck", password_file=str(path))
    link = Link(options, inbox.post, Clock().at)
    link.connect(1, "mqtt://127.0.0.1:1")
    assert reason in down(inbox)
    link.close()


def test_a_ration_is_a_burst_and_then_one_for_each_interval():
    ration = Ration()
    assert [ration.allows(5.0) for _ in range(BURST + 2)] == [True] * BURST + [False] * 2
    assert [ration.allows(5.0 + EVERY_S) for _ in range(2)] == [True, False]
    assert [ration.allows(5.0) for _ in range(2)] == [False, False]
    assert sum(ration.allows(1e6) for _ in range(2 * BURST)) == BURST
