"""What one connection sends again because the city's end asked for it; it never asks for a connection itself.

A message of custody changes nothing but this: batches that were published before, and are still here, go to the
broker once more, the same bytes under the same key. Each goes at most once on a connection, at most RESENT_MAX of
them do, and the outbox is searched at most every LOOK_EVERY_S, whatever the messages say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping

from agent.keeping import Key
from agent.sending.custody import Range, Series, asked, decode
from buffer.outbox import Batch, Outbox, OutboxDamaged, OutboxLost
from buffer.reading import Place
from drivers.inputs import Delivered

LISTEN_S = 10.0  # a connection waits so long behind its beginning and each answer for word from the city
LOOK_EVERY_S = 5.0
RESENT_MAX = 4_096  # batches on one connection
UNDER_WAY_S = 60.0  # what the broker took within this time may not have reached the receiver yet
ANSWERED_S = 300.0  # how long an answer is remembered, longer than it waits for its commit
ANSWERED_MAX = 4_096


class Resending:
    """The batches that the present connection sends again.

    `listening`: whether a connection that has sent everything stays for a while.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._link: int | None = None
        self._answered: dict[Key, float] = {}
        self._forget_connection(None, 0.0)

    def _forget_connection(self, link: int | None, now: float) -> None:
        self._link = link
        self._until = None if link is None else now + LISTEN_S
        self._told: tuple[Mapping[str, Series], bool] | None = None  # not looked at yet; whether it was live
        self._wanted: dict[str, tuple[Range, ...]] = {}
        self._look_at = now
        self._asked: set[Key] = set()
        self._places: deque[Place] = deque()
        self._offered: dict[Key, Batch] = {}

    @property
    def busy(self) -> bool:
        """Whether there is something to send again or a message to look at."""
        return bool(self._told or self._places or self._offered)

    @property
    def listening(self) -> bool:
        """Whether it is too early to hang up, as of the last `follow`."""
        return self._link is not None and (self._until is not None or self.busy)

    @property
    def due(self) -> float | None:
        """When the listening ends."""
        return self._until

    def follow(self, link: int | None, now: float) -> None:
        """Which connection is up, None for none: a new one knows nothing of the one before."""
        if link != self._link:
            self._forget_connection(link, now)
        elif self._until is not None and now >= self._until:
            self._until = None

    def hear(self, entry: Delivered) -> bool:
        """A message came; whether there is something in it for this truck."""
        told = (decode(entry.payload) or {}) if entry.link == self._link else {}
        epoch = self._outbox.epoch("box")
        if epoch not in told:
            return False
        self._told = told[epoch], not entry.retained
        return True

    def answered(self, key: Key, now: float) -> bool:
        """The broker has answered for a batch; whether it had been sent again, so that nothing is new."""
        if self._link is not None:
            self._until = now + LISTEN_S
        if self._offered.pop(key, None):
            return True
        self._answered[key] = now
        while len(self._answered) > ANSWERED_MAX or now > ANSWERED_S + next(iter(self._answered.values())):
            del self._answered[next(iter(self._answered))]
        return False

    def batches(
        self, streams: Collection[str], room: int, on_their_way: Collection[Key], now: float
    ) -> list[Batch]:
        """Up to `room` batches of these streams to send again, those that are on their way left out."""
        try:
            if self._told and now >= self._look_at:
                self._look(streams, now)
            self._fill(streams, room, on_their_way)
        except OutboxDamaged:
            raise
        except OutboxLost:
            return []  # the next commit says so
        return [batch for key, batch in self._offered.items() if key not in on_their_way][: max(0, room)]

    def _look(self, streams: Collection[str], now: float) -> None:
        """Find in the outbox what the newest message asks for, unless an earlier one has asked already."""
        assert self._told is not None
        (told, live), self._told = self._told, None
        heads = {stream: self._outbox.head(stream).n for stream in streams}
        wanted = asked(told, heads, streams, live=live)
        fresh = {of: _new(ranges, self._wanted.get(of, ())) for of, ranges in wanted.items()}
        if not any(fresh.values()):
            return
        self._look_at = now + LOOK_EVERY_S
        found = self._outbox.find(fresh, RESENT_MAX)
        waiting = {(place.stream, place.n) for place in found if not self._may_go(place, told, now)}
        self._wanted = {of: _without(ranges, of, waiting) for of, ranges in wanted.items()}
        for place in reversed(found):
            key = (place.stream, place.n)
            if key not in waiting and key not in self._asked and len(self._asked) < RESENT_MAX:
                self._asked.add(key)
                self._places.append(place)

    def _may_go(self, place: Place, told: Mapping[str, Series], now: float) -> bool:
        """Whether the broker has had it, and the receiver would know of it by now."""
        since = self._answered.get((place.stream, place.n))
        if since is None:
            return place.answered
        known = told.get(place.stream)
        return (known is not None and place.n <= known.newest) or now >= since + UNDER_WAY_S

    def _fill(self, streams: Collection[str], room: int, on_their_way: Collection[Key]) -> None:
        while self._places and len(self._offered.keys() - on_their_way) < room:
            place = self._places.popleft()
            batch = self._outbox.at(place.row) if place.stream in streams else None
            if batch is not None:
                self._offered[batch.stream, batch.n] = batch


def _new(ranges: Iterable[Range], known: Collection[Range]) -> tuple[Range, ...]:
    """Those ranges that do not lie within one that is known."""
    return tuple(each for each in ranges if not any(a <= each[0] and each[1] <= b for a, b in known))


def _without(ranges: Iterable[Range], stream: str, keys: Collection[Key]) -> tuple[Range, ...]:
    """Those ranges that hold none of the keys."""
    numbers = [n for of, n in keys if of == stream]
    return tuple((a, b) for a, b in ranges if not any(a <= n <= b for n in numbers))
