"""The broker between one truck and its city, with all that links and brokers do wrong.

It speaks in the inputs of `drivers.inputs`, late by what a network takes. Whatever a client subscribed to waits in
its session until it is acknowledged, and retained messages come with the subscription. What it never does: hand on a
message that it did not take, or acknowledge one that it did not take. It knows nothing of bytes on a socket.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from drivers.inputs import Acknowledged, Delivered, Input, LinkDown, LinkUp
from drivers.mqtt_options import LinkError

ANSWER_S = (0.05, 0.6)
ON_THEIR_WAY_MAX = 20
KEEPALIVE_S = (30.0, 60.0)

Take = Callable[[Input], None]


class Message(NamedTuple):
    """One message that was taken."""

    topic: str
    payload: bytes


class Hours(Protocol):
    """What the broker needs of the world: its time, its chance, and to be called later."""

    @property
    def s(self) -> float:
        """Seconds since the world began."""
        ...

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Call in so many seconds."""
        ...

    def between(self, least: float, most: float) -> float:
        """A number by chance."""
        ...


class Session:
    """What one client subscribed to and has not acknowledged, oldest first."""

    def __init__(self) -> None:
        self.waiting: dict[int, Message] = {}
        self.on_their_way: set[int] = set()
        self.topics: tuple[str, ...] = ()


class Broker:
    """Takes messages and keeps them for their sessions. `lost` is what a restart forgot after it was acknowledged."""

    def __init__(self, hours: Hours) -> None:
        self.sessions: dict[str, Session] = {}
        self.lines: list[Line] = []
        self.retained: dict[str, bytes] = {}
        self.taken: Counter[bytes] = Counter()
        self.lost: list[Message] = []
        self.felt: Counter[str] = Counter()
        self.up = True
        self.refusal: str | None = None
        self.refuse_once: str | None = None
        self.kick_after_s: float | None = None
        self._hours = hours
        self._unsaved: list[tuple[Session, int]] = []
        self._mid = 0

    def take(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Keep a message for whoever subscribed to it."""
        self.taken[payload] += 1
        if retain:
            self.retained[topic] = payload
        for session in self.sessions.values():
            if any(matches(topic, each) for each in session.topics):
                self._put(session, Message(topic, payload))
        for line in list(self.lines):
            line.told(topic, payload, retained=False)
            line.pump()

    def _put(self, session: Session, message: Message) -> None:
        self._mid += 1
        session.waiting[self._mid] = message
        self._unsaved.append((session, self._mid))

    def subscribe(self, client: str, topics: Sequence[str]) -> Session:
        """The lasting session of a client, with what is retained when it is new."""
        session = self.sessions.setdefault(client, Session())
        session.on_their_way.clear()
        if session.topics != tuple(topics):
            session.topics = tuple(topics)
            for topic, payload in self.retained.items():
                if any(matches(topic, each) for each in topics):
                    self._put(session, Message(topic, payload))
        return session

    def answer(self) -> str | None:
        """Why the next publish is refused; None when it is taken."""
        once, self.refuse_once = self.refuse_once, None
        reason = once or self.refusal
        if reason is not None:
            self.felt["refusals"] += 1
        return reason

    def save(self) -> None:
        """What was taken until now outlives a kill of the broker."""
        self._unsaved.clear()

    def stop(self, *, forget: bool) -> None:
        """Everyone is cut off; with `forget` what was not saved is gone."""
        self.up = False
        for line in list(self.lines):
            line.cut("the broker stopped")
        if forget:
            for session, mid in self._unsaved:
                message = session.waiting.pop(mid, None)
                if message is not None:
                    self.lost.append(message)
                    self.felt["messages a broker forgot"] += 1
        self.save()


class Line:
    """One client's way to the broker: the truck's `Pipe` and the city's `Line` in one.

    `covered`: there is a network. `swallows`: what is sent is not heard, and nobody says so. `mute`: it is heard, and
    the answer is lost. `late_s`: how much later answers come, `twice`: and they come again.
    """

    def __init__(
        self, hours: Hours, broker: Broker, client: str, take: Take, listens: Sequence[str] = ()
    ) -> None:
        """`listens`: topics that each connection subscribes to, without a session that would last."""
        self.covered = True
        self.swallows = False
        self.mute = False
        self.late_s = 0.0
        self.twice = False
        self.felt: Counter[str] = Counter()
        self._life = 0  # answers to a process that has died reach nobody
        self._hours = hours
        self._broker = broker
        self._client = client
        self._listens = tuple(listens)
        self._take = take
        self._link: int | None = None
        self._up = False
        self._mid = 0
        self._session: Session | None = None

    # What the client asks for.

    def connect(self, link: int, broker: str, topics: Sequence[str] = ()) -> None:
        """Answered soon, late or never."""
        self.gone()
        self._link = link
        self.felt["connections"] += 1
        self._soon(link, lambda: self._answered(link, broker, topics))

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Raises LinkError while not up."""
        if not self._up or self._link is None:
            raise LinkError("not connected")
        self._mid += 1
        link, mid = self._link, self._mid
        self.felt["publishes"] += 1
        if self.swallows or not self.covered:
            self.felt["publishes into a half-open link"] += 1
        else:
            self._soon(link, lambda: self._heard(link, mid, topic, payload, retain))
        return mid

    def acknowledge(self, link: int, mid: int) -> None:
        """A message that was delivered here is kept there. Raises LinkError while not up."""
        if not self._up or link != self._link or self._session is None:
            raise LinkError("not connected")
        self._session.waiting.pop(mid, None)
        self._session.on_their_way.discard(mid)
        self._soon(link, self.pump)

    def disconnect(self) -> None:
        """For a subscriber LinkDown follows, as its driver has it."""
        link, session = self._link, self._session
        self.gone()
        if session is not None and link is not None:
            self._take(LinkDown(self._hours.s, link, "disconnected"))

    # What befalls it.

    def gone(self) -> None:
        """The client is not there any more, and nobody tells it."""
        self._link, self._up, self._session = None, False, None
        if self in self._broker.lines:
            self._broker.lines.remove(self)

    def died(self) -> None:
        """The client's process has died."""
        self._life += 1
        self.gone()

    def cut(self, reason: str) -> None:
        """The connection ends, and the client is told."""
        link = self._link
        if link is not None and self._up:
            self.gone()
            self._take(LinkDown(self._hours.s, link, reason))

    def _cut_later(self, seconds: float, reason: str) -> None:
        """The connection that stands now ends then, if it still does."""
        link = self._link

        def ends() -> None:
            if self._link == link:
                self.cut(reason)

        self._hours.later(seconds, ends)

    def lose_coverage(self) -> None:
        """What is up stays so until its keep-alive fails."""
        self.covered = False
        self._cut_later(self._hours.between(*KEEPALIVE_S), "no answer to a ping")

    def pump(self) -> None:
        """Deliver what waits, so many at a time."""
        session, link = self._session, self._link
        if session is None or link is None or not self._up or not self.covered:
            return
        for mid, message in list(session.waiting.items()):
            if len(session.on_their_way) >= ON_THEIR_WAY_MAX:
                break
            if mid not in session.on_their_way:
                session.on_their_way.add(mid)
                self._take(Delivered(self._hours.s, link, message.topic, message.payload, mid))

    def told(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """A message that a connection listens for; one that is not there misses it."""
        link = self._link
        if link is not None and self.covered and any(matches(topic, each) for each in self._listens):
            self.felt["messages to the truck"] += 1
            self._take(Delivered(self._hours.s, link, topic, payload, 0, retained))

    def _soon(self, link: int, act: Callable[[], None]) -> None:
        def still() -> None:
            if self._link == link:
                act()

        self._hours.later(self._hours.between(*ANSWER_S), still)

    def _answered(self, link: int, broker: str, topics: Sequence[str]) -> None:
        if not self.covered or self.swallows:
            return  # a client that gets no answer gives up by itself
        if not self._broker.up:
            self.gone()
            self._take(LinkDown(self._hours.s, link, "connection refused"))
            return
        self._up = True
        self._broker.lines.append(self)
        if topics:
            self._session = self._broker.subscribe(self._client, topics)
        self._take(LinkUp(self._hours.s, link, broker))
        for topic, payload in self._broker.retained.items():
            self.told(topic, payload, retained=True)
        if self._broker.kick_after_s is not None and not topics:
            self.felt["kicks"] += 1
            self._cut_later(self._broker.kick_after_s, "Normal disconnection")
        self.pump()

    def _heard(self, link: int, mid: int, topic: str, payload: bytes, retain: bool) -> None:
        if not self._broker.up or not self.covered:
            return
        refusal = self._broker.answer()
        if refusal is None:
            self._broker.take(topic, payload, retain=retain)
        if self.mute:
            self.felt["acknowledgements lost"] += 1
            return
        life = self._life

        def answered() -> None:
            if life == self._life:
                self._take(Acknowledged(self._hours.s, link, mid, refusal))

        for again in range(2 if self.twice else 1):
            self.felt["acknowledgements again"] += again
            self.felt["acknowledgements late"] += bool(self.late_s)
            self._hours.later(self.late_s + again, answered)


def matches(topic: str, wanted: str) -> bool:
    """Whether a topic is one of those that a subscription wants."""
    given, asked = topic.split("/"), wanted.split("/")
    if asked[-1] == "#":
        given, asked = given[: len(asked) - 1], asked[:-1]
    return len(given) == len(asked) and all(b in ("+", a) for a, b in zip(given, asked, strict=True))
