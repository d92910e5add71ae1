"""The city's end, step by step: read what was delivered, keep it, and only then acknowledge it.

It takes inputs and `now`, as the truck's runtime does. Whatever goes wrong with the store, it hangs up without
acknowledging: the broker's session keeps what is not acknowledged and delivers it again. A payload that cannot be
read is put aside and acknowledged, because it would be no better the second time.

It does not ask trucks for what is missing, has no idea who drove, and there is nothing here to look that up.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import NamedTuple, Protocol

from agent import wire
from agent.topics import FLEET_STREAMS
from buffer.received import Received, ReceivedStore, StoreLost
from drivers.inputs import Delivered, Input, LinkDown, LinkUp
from drivers.mqtt_options import LinkError

BACKOFF_S_FIRST = 0.2
BACKOFF_S_MAX = 5.0  # one receiver is no stampede, and trucks are waiting
BACKOFF_DOUBLINGS_MAX = 10
STABLE_S = 30.0  # so long a connection must last to be forgiven its earlier failures
SHORT_CONNECTIONS_MAX = 3  # in a row, before someone is told to look for a second receiver
WAIT_S = 0.5
VEHICLES_MAX = 10_000
ELSEWHERE = "…"  # where vehicles past VEHICLES_MAX are counted
TOPIC_CHARACTERS_MAX = 200

_NAME = re.compile(r"[a-z0-9-]{1,32}")
_PRESENCE = "state"


class Unreadable(NamedTuple):
    """A message that is no batch; `reason` quotes nothing of its content."""

    topic: str
    payload: bytes
    reason: str


def read(topic: str, payload: bytes) -> Received | Unreadable | None:
    """One message as a batch, as something to put aside, or None when it is only a truck's presence."""
    place = _place(topic)
    if place is None:
        return Unreadable(topic[:TOPIC_CHARACTERS_MAX], payload, "a topic of no batch")
    vehicle, stream = place
    if vehicle and stream == _PRESENCE:
        return None
    try:
        heading, records = wire.decode(payload)
    except wire.PayloadError as error:
        return Unreadable(topic, payload, str(error))
    if heading.stream != stream or (stream in FLEET_STREAMS) == bool(vehicle):
        return Unreadable(topic, payload, f"{heading.stream} inside, which does not belong on this topic")
    return Received(
        vehicle, stream, heading.epoch, heading.n, heading.prev, wire.digest(payload), payload, records
    )


def _place(topic: str) -> tuple[str, str] | None:
    """Vehicle and stream of a topic, the vehicle "" where there is none."""
    match topic.split("/"):
        case ["fairhaul", "v1", fleet, stream] if _NAME.fullmatch(fleet) and stream in FLEET_STREAMS:
            return "", stream
        case ["fairhaul", "v1", fleet, vehicle, stream] if _NAME.fullmatch(fleet) and _NAME.fullmatch(
            vehicle
        ):
            return vehicle, stream
    return None


class Line(Protocol):
    """What the receiver needs of a subscription: see `drivers.mqtt.Subscription`."""

    def connect(self, link: int, broker: str, topics: Sequence[str]) -> None:
        """Begin connection number `link`."""
        ...

    def acknowledge(self, link: int, mid: int) -> None:
        """Tell the broker that a message is kept. Raises LinkError while not up."""
        ...

    def disconnect(self) -> None:
        """End the connection; its LinkDown follows."""
        ...


@dataclass
class Tally:
    """What came from one vehicle since the start."""

    batches: int = 0
    records: int = 0
    repeats: int = 0


class Receiver:
    """Keeps one broker's batches in a store. `say` takes whole sentences for people, never with a position."""

    def __init__(
        self,
        store: ReceivedStore,
        line: Line,
        broker: str,
        fleet: str,
        *,
        chance: Random,
        say: Callable[[str], None],
    ) -> None:
        """`fleet` is a fleet's name, or "+" for all."""
        self.tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self.unreadable = 0
        self.up = False
        self.ever_up = False
        self.quiet_since = 0.0
        self._store = store
        self._line = line
        self._broker = broker
        self._topics = (f"fairhaul/v1/{fleet}/#",)
        self._chance = chance
        self._say = say
        self._link = 0
        self._due: float | None = None
        self._up_since = 0.0
        self._failures = 0
        self._short = 0
        self._said_down = False
        self._store_lost = False

    def start(self, now: float) -> None:
        """Begin the first connection."""
        self._connect(now)

    def step(self, entries: Sequence[Input], now: float) -> None:
        """Take what came in, in one transaction; connect again when it is time."""
        for entry in entries:
            if isinstance(entry, LinkUp) and entry.link == self._link:
                self._went_up(now)
            elif isinstance(entry, LinkDown) and entry.link == self._link:
                self._went_down(entry.reason, now)
        delivered = [entry for entry in entries if isinstance(entry, Delivered)]
        if delivered:
            self.quiet_since = now
            self._take(delivered)
        if self._due is not None and now >= self._due:
            self._connect(now)

    def doubt(self) -> None:
        """Messages were dropped on their way here: hang up, so that they are delivered again."""
        self._line.disconnect()

    def wait_s(self, now: float) -> float:
        """How long there is nothing to do by itself, at most WAIT_S."""
        return WAIT_S if self._due is None else min(WAIT_S, max(0.0, self._due - now))

    # Messages.

    def _take(self, delivered: Sequence[Delivered]) -> None:
        read_all = [read(entry.topic, entry.payload) for entry in delivered]
        try:
            self._keep([each for each in read_all if isinstance(each, Received)])
            for each in read_all:
                if isinstance(each, Unreadable):
                    self._put_aside(each)
        except StoreLost as error:
            self._lose_store(error)
            return
        if self._store_lost:
            self._say("the store can be written again")
        self._store_lost = False
        self._acknowledge(delivered)

    def _keep(self, batches: Sequence[Received]) -> None:
        if not batches:
            return
        for batch, new in zip(batches, self._store.accept_many(batches), strict=True):
            tally = self._tally(batch.vehicle)
            if new:
                tally.batches += 1
                tally.records += len(batch.records)
            else:
                tally.repeats += 1

    def _tally(self, vehicle: str) -> Tally:
        known = vehicle in self.tallies or len(self.tallies) < VEHICLES_MAX
        return self.tallies[vehicle if known else ELSEWHERE]

    def _put_aside(self, unreadable: Unreadable) -> None:
        self._store.quarantine(*unreadable)
        self.unreadable += 1

    def _lose_store(self, error: StoreLost) -> None:
        if not self._store_lost:
            self._say(f"the store can't be written ({error}); nothing is acknowledged until it can")
        self._store_lost = True
        self._line.disconnect()

    def _acknowledge(self, delivered: Sequence[Delivered]) -> None:
        # A connection that has ended meanwhile delivers again, and the repeat is dropped then.
        with suppress(LinkError):
            for entry in delivered:
                self._line.acknowledge(entry.link, entry.mid)

    # The connection.

    def _connect(self, now: float) -> None:
        self._due = None
        self._link += 1
        self._line.connect(self._link, self._broker, self._topics)

    def _went_up(self, now: float) -> None:
        self.up = self.ever_up = True
        self._up_since = self.quiet_since = now
        self._said_down = False
        self._say_of_link("connected")

    def _went_down(self, reason: str, now: float) -> None:
        if self.up:
            self._judge(now - self._up_since)
        if not self._said_down:
            self._say_of_link(f"no connection ({reason}); trying again")
        self._said_down, self.up = True, False
        self._due = now + self._backoff_s()
        self._failures = min(self._failures + 1, BACKOFF_DOUBLINGS_MAX)

    def _judge(self, lasted_s: float) -> None:
        """Whether a connection was a good one; several short ones in a row are told once, together."""
        if lasted_s >= STABLE_S:
            self._failures = self._short = 0
            return
        self._short += 1
        if self._short == SHORT_CONNECTIONS_MAX:
            self._say("connections end soon after they begin: does another receiver use the same client id?")

    def _say_of_link(self, sentence: str) -> None:
        if self._short < SHORT_CONNECTIONS_MAX:
            self._say(sentence)

    def _backoff_s(self) -> float:
        """Full jitter: anything between nothing and the doubled longest wait."""
        return self._chance.uniform(0.0, min(BACKOFF_S_MAX, BACKOFF_S_FIRST * 2**self._failures))
