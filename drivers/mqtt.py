"""MQTT as a dumb pipe: the truck's Link and the city's Subscription, on paho-mqtt.

Neither keeps a queue, waits, nor tries again. Both post what happens as inputs numbered by connection, so
that what a dead connection still has to say can be told from the living one. When to connect, what to send
and what to do about a refusal is the sender's affair.

Limits: QoS 1 only; no WebSockets; no MQTT 5 topic aliases, flow labels or redirects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from drivers.inputs import Input, LinkDown
from drivers.mqtt_connection import Connection, Memory, Terms
from drivers.mqtt_options import LinkError, LinkOptions

__all__ = ["Link", "LinkError", "LinkOptions", "Subscription"]

CONNECTIONS_ENDING_MAX = 4
CLOSE_WITHIN_S = 1.0


class _End:
    """One end: its current connection, and the earlier ones whose threads have not ended yet (at most a few).

    `post` takes LinkUp, LinkDown, Acknowledged and Delivered from a foreign thread; `at` stamps them.
    """

    def __init__(self, options: LinkOptions, post: Callable[[Input], None], at: Callable[[], float]) -> None:
        self._options = options
        self._post = post
        self._at = at
        self._memory = Memory()
        self._current: Connection | None = None
        self._ending: list[Connection] = []

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Send at QoS 1 and return the number that its Acknowledged will carry.

        Raises LinkError while not up or while the broker takes no more; nothing is queued then.
        """
        return self._connected().publish(topic, payload, retain)

    def disconnect(self) -> None:
        """End the connection, if there is one; its LinkDown follows."""
        self._ending = [connection for connection in self._ending if connection.thread.is_alive()]
        if self._current is not None:
            self._current.end()
            self._ending.append(self._current)
            self._current = None

    def close(self) -> None:
        """End everything and wait, at most about a second, for the threads. May be called again."""
        self.disconnect()
        for connection in self._ending:
            connection.thread.join(CLOSE_WITHIN_S / len(self._ending))

    def _begin(self, link: int, broker: str, terms: Terms) -> None:
        connection = Connection(
            self._options,
            link=link,
            broker=broker,
            terms=terms,
            memory=self._memory,
            post=self._post,
            at=self._at,
        )
        self.disconnect()
        if len(self._ending) >= CONNECTIONS_ENDING_MAX:
            self._post(LinkDown(self._at(), link, "earlier connections still hang"))
            return
        self._current = connection
        connection.thread.start()

    def _connected(self) -> Connection:
        if self._current is None:
            raise LinkError("not connected")
        return self._current


class Link(_End):
    """The truck's end. Each connection is a new client with a clean session; nothing outlives it."""

    def connect(self, link: int, broker: str) -> None:
        """Begin connection number `link`, ending the one before; returns at once.

        It ends in exactly one LinkDown of that number, with or without a LinkUp before. MQTT 5 is tried first
        where the protocol is "auto". Raises BrokerAddressError.
        """
        self._begin(link, broker, Terms())

    def subscribe(self, topics: Sequence[str]) -> None:
        """Ask for `topics` at QoS 1 on this connection; what comes is Delivered. Raises LinkError."""
        self._connected().subscribe(topics)


class Subscription(_End):
    """The city's end: a session that the broker keeps over interruptions, acknowledged by hand.

    LinkUp is posted once the broker has granted every topic; what it kept may be Delivered before that.
    Whatever is not acknowledged comes again on the next connection.
    """

    def connect(self, link: int, broker: str, topics: Sequence[str]) -> None:
        """Begin connection number `link` and subscribe to `topics` at QoS 1. Raises BrokerAddressError."""
        self._begin(link, broker, Terms(tuple(topics), lasting=True))

    def acknowledge(self, link: int, mid: int) -> None:
        """Tell the broker that the message Delivered as (`link`, `mid`) is kept.

        A message of an earlier connection is passed over: it comes again with another number. Raises
        LinkError while not up; it comes again then, too.
        """
        connection = self._connected()
        if connection.link == link and mid:
            connection.acknowledge(mid)
