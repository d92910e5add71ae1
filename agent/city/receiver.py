"""The city's end, step by step: read what was delivered, keep it, and only then acknowledge it.

It takes inputs and `now`, as the truck's runtime does. Whatever goes wrong with the store, it hangs up without
acknowledging: the broker's session keeps what is not acknowledged and delivers it again. A payload that cannot be
read is put aside and acknowledged, because it would be no better the second time.

A call for help is said aloud before anything else is done with it, with its place: the crew means it for people.

It tells each truck what has arrived and what has not (agent/city/confirming.py), and the truck sends that again. It has
no idea who drove, and there is nothing here to look that up.
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
from agent.city.calls import calls_in_words, unreadable_call
from agent.city.confirming import Confirming, Mouth
from agent.topics import CUSTODY, DOCTOR, FLEET_STREAMS, STATE
from buffer.received import Received, ReceivedStore, StoreLost
from drivers.inputs import Delivered, Input, LinkDown, LinkUp
from drivers.mqtt_options import LinkError
from drivers.mqtt_state import state_in

BACKOFF_S_FIRST = 0.2
BACKOFF_S_MAX = 5.0  # one receiver is no stampede, and trucks are waiting
BACKOFF_DOUBLINGS_MAX = 10
ANSWER_WITHIN_S = 30.0  # while connecting: a node may take the connection and then never grant the topics
STABLE_S = 30.0  # so long a connection must last to be forgiven its earlier failures
SHORT_CONNECTIONS_MAX = 3  # in a row, before someone is told to look for a second receiver
WAIT_S = 0.5
VEHICLES_MAX = 10_000
ELSEWHERE = "…"  # where vehicles past VEHICLES_MAX are counted
TOPIC_CHARACTERS_MAX = 200
PURGE_EVERY_S = 3600.0
CALLS_KNOWN_MAX = 1_000  # batches of help that are not said twice while the store can't be written

_NAME = re.compile(r"[a-z0-9-]{1,32}")


class Unreadable(NamedTuple):
    """A message that is no batch; `reason` quotes nothing of its content."""

    topic: str
    payload: bytes
    reason: str


class Connected(NamedTuple):
    """Whether a truck is connected: one of `drivers.mqtt_state.STATES`, or None for words of a later release."""

    vehicle: str
    state: str | None


def read(topic: str, payload: bytes) -> Received | Unreadable | Connected | None:
    """One message as a batch, as what a truck says of its connection, or as something to put aside.

    None for what receivers tell trucks, and for a technician's test: everything below a fleet's topic comes.
    """
    place = _place(topic)
    if place is None:
        return Unreadable(topic[:TOPIC_CHARACTERS_MAX], payload, "a topic of no batch")
    fleet, vehicle, stream = place
    if vehicle and stream in (CUSTODY, DOCTOR):
        return None
    if vehicle and stream == STATE:
        return Connected(vehicle, state_in(payload))
    try:
        heading, records = wire.decode(payload)
    except wire.PayloadError as error:
        return Unreadable(topic, payload, str(error))
    if heading.stream != stream or (stream in FLEET_STREAMS) == bool(vehicle):
        return Unreadable(topic, payload, f"{heading.stream} inside, which does not belong on this topic")
    key = (vehicle, stream, heading.epoch, heading.n)
    return Received(*key, heading.prev, wire.digest(payload), payload, records, fleet)


def _place(topic: str) -> tuple[str, str, str] | None:
    """Fleet, vehicle and stream of a topic, the vehicle "" where there is none."""
    match topic.split("/"):
        case ["fairhaul", "v1", fleet, stream] if _NAME.fullmatch(fleet) and stream in FLEET_STREAMS:
            return fleet, "", stream
        case ["fairhaul", "v1", fleet, vehicle, stream] if _NAME.fullmatch(fleet) and _NAME.fullmatch(
            vehicle
        ):
            return fleet, vehicle, stream
    return None


def _calling(topic: str) -> str | None:
    """The vehicle whose topic for help this is; None for any other topic."""
    place = _place(topic)
    return place[1] if place and place[2] == "help" else None


class Line(Mouth, Protocol):
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
    """What came from one vehicle since the start; `state` is whether it is connected, where it says so."""

    batches: int = 0
    records: int = 0
    repeats: int = 0
    state: str = ""


class Receiver:
    """Keeps a broker's batches in a store; `brokers` are the nodes of one, and are tried in turn.

    `say` takes whole sentences for people, never with a position; `alarm` takes those about calls for help.
    """

    def __init__(
        self,
        store: ReceivedStore,
        line: Line,
        brokers: Sequence[str],
        fleet: str,
        *,
        chance: Random,
        say: Callable[[str], None],
        alarm: Callable[[str], None],
        confirms: bool = True,
        purge: Callable[[], int] | None = None,
    ) -> None:
        """`fleet` is a fleet's name, or "+" for all.

        `confirms`: whether trucks are told what has arrived. `purge` removes what is old and says how many batches.
        """
        self.confirming = Confirming(store, line) if confirms else None
        self._purge = purge
        self._purge_at = 0.0
        self.tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self.unreadable = 0
        self.up = False
        self.ever_up = False
        self.quiet_since = 0.0
        self._store = store
        self._line = line
        self._brokers = tuple(brokers)
        self._topics = (f"fairhaul/v1/{fleet}/#",)
        self._chance = chance
        self._say = say
        self._alarm = alarm
        self._called: dict[str, None] = {}  # hashes of batches of help, oldest first
        self._link = self._turn = 0
        self._due: float | None = None
        self._sign_at = 0.0  # when this connection was begun, or last delivered something
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
            elif isinstance(entry, LinkDown) and entry.link == self._link and self._due is None:
                self._went_down(entry.reason, now)
        delivered = [entry for entry in entries if isinstance(entry, Delivered)]
        if delivered:
            self._take(delivered, now)
        if self.up and self.confirming:
            self.confirming.step(now)
        if self._purge and now >= self._purge_at:
            self._purge_at = now + PURGE_EVERY_S
            self._remove_old(self._purge)
        if self._due is not None and now >= self._due:
            self._connect(now)
        elif self._due is None and not self.up and now >= self._sign_at + ANSWER_WITHIN_S:
            self._line.disconnect()
            self._went_down("no answer in time", now)

    def doubt(self) -> None:
        """Messages were dropped on their way here: hang up, so that they are delivered again."""
        self._line.disconnect()

    def finish(self) -> None:
        """Before it ends: trucks are told what they were not told yet."""
        if self.up and self.confirming:
            self.confirming.finish()

    def wait_s(self, now: float) -> float:
        """How long there is nothing to do by itself, at most WAIT_S."""
        telling = self.confirming.due if self.up and self.confirming else None
        return min([WAIT_S, *(max(0.0, due - now) for due in (self._due, telling) if due is not None)])

    def _remove_old(self, purge: Callable[[], int]) -> None:
        try:
            gone = purge()
        except StoreLost as error:
            self._lose_store(error)
            return
        if gone:
            self._say(f"{gone:,} batches removed that were exported long ago")

    # Messages.

    def _take(self, delivered: Sequence[Delivered], now: float) -> None:
        self._sign_at = now
        read_all = [one for entry in delivered if (one := read(entry.topic, entry.payload)) is not None]
        if read_all:
            self.quiet_since = now
        batches = [each for each in read_all if isinstance(each, Received)]
        self._call(read_all)
        try:
            self._keep(batches, now)
            for each in read_all:
                if isinstance(each, Unreadable):
                    self._put_aside(each)
                elif isinstance(each, Connected) and each.state:
                    self._tally(each.vehicle).state = each.state
        except StoreLost as error:
            self._lose_store(error)
            return
        if self._store_lost:
            self._say("the store can be written again")
        self._store_lost = False
        self._acknowledge(delivered)

    def _call(self, read_all: Sequence[Received | Unreadable | Connected]) -> None:
        """Say each call for help that is news, whether or not it can be read, and kept afterwards."""
        for each in read_all:
            if isinstance(each, Received) and each.stream == "help" and not self._kept_already(each):
                self._call_once(each.vehicle, each.payload, calls_in_words(each.vehicle, each.records))
            elif isinstance(each, Unreadable) and (vehicle := _calling(each.topic)):
                self._call_once(vehicle, each.payload, [unreadable_call(vehicle)])

    def _call_once(self, vehicle: str, payload: bytes, sentences: Sequence[str]) -> None:
        name = f"{vehicle}/{wire.digest(payload)}"
        if name in self._called:
            return
        self._called[name] = None
        if len(self._called) > CALLS_KNOWN_MAX:
            del self._called[next(iter(self._called))]
        for sentence in sentences:
            self._alarm(sentence)

    def _kept_already(self, batch: Received) -> bool:
        try:
            return self._store.knows(batch)
        except StoreLost:
            return False

    def _keep(self, batches: Sequence[Received], now: float) -> None:
        if not batches:
            return
        for batch, new in zip(batches, self._store.accept_many(batches), strict=True):
            tally = self._tally(batch.vehicle)
            if new:
                tally.batches += 1
                tally.records += len(batch.records)
                if self.confirming:
                    self.confirming.changed(batch.vehicle, batch.fleet, now)
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
        self._sign_at = now
        self._link += 1
        broker = self._brokers[self._turn % len(self._brokers)]
        self._line.connect(self._link, broker, self._topics)

    def _went_up(self, now: float) -> None:
        self.up = self.ever_up = True
        self._up_since = self.quiet_since = now
        self._said_down = False
        self._say_of_link("connected")
        if self.confirming:
            self.confirming.came_up(now)

    def _went_down(self, reason: str, now: float) -> None:
        if self.up:
            self._judge(now - self._up_since)
        if not self._said_down:
            self._say_of_link(f"no connection ({reason}); trying again")
        self._said_down, self.up = True, False
        self._turn += 1
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
