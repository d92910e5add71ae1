"""How what is new and what has piled up share one connection, under a timed release. Pure.

After an outage the newest periods leave first, and the backlog, oldest first, with what is left: so many batches a
minute, and none that would take the day above its budget of bytes. Neither may starve the other. Of the places there
are, the backlog gets one after every few, and at most half of those on their way; and above the budget it still gets
one in a while. What the city asks for again counts as backlog, and gets what that leaves. What is new, and calls for
help, wait for no budget.

The budget counts by service day. It is written down in steps, each before it is used up, together with commits that
are made anyway; a restart costs what was left of a step, and forgets what was sent since the last commit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence, Set
from typing import NamedTuple, Protocol

from agent.release import Release
from buffer.rows import Batch, Note

SPENT_NOTE = "spent"
FRESH_BATCHES_MAX = 64  # that are held in memory; further ones count as backlog
FRESH_IN_A_ROW = 3  # and then one of the backlog
BURST_S = 5.0  # what the backlog may catch up at once, as the time in which it would be due
TRICKLE_S = 600.0  # above the budget, one batch of the backlog in so long
FRAME_BYTES = 150  # round a payload: topic, MQTT, TLS and TCP/IP of a publish and its acknowledgement, about
NOTE_STEPS = 64  # a budget is written down in so many steps at least,
STEP_BYTES_MAX = 16 * 1024  # and each restart costs no more than this

Key = tuple[str, int]
Oldest = Callable[[int, Collection[Key]], list[Batch] | None]


class SharingLimits(NamedTuple):
    """Bounds of the backlog: one batch in `backlog_every_s`, and `daily_bytes_max` of everything sent in a day.

    No budget: None. `window` batches are on their way at most.
    """

    backlog_every_s: float = 0.5
    daily_bytes_max: int | None = None
    window: int = 20


class Window(Protocol):
    """What the sender has room for."""

    @property
    def room(self) -> int:
        """How many may be offered."""
        ...

    @property
    def in_flight(self) -> Set[Key]:
        """Not to be offered: on their way, or held back."""
        ...

    @property
    def outstanding(self) -> Set[Key]:
        """On their way."""
        ...


class Spent:
    """Bytes sent on one service day, out of a budget; `noted` is what an earlier run has written down."""

    def __init__(self, daily_bytes_max: int | None, noted: Note | None) -> None:
        self._max = daily_bytes_max
        self._step = max(1, min(STEP_BYTES_MAX, (daily_bytes_max or 0) // NOTE_STEPS))
        self._day = noted.day if noted else None
        self.bytes = int.from_bytes(noted.body) if noted else 0

    def on(self, day: int) -> None:
        """It is this service day."""
        if day != self._day:
            self._day, self.bytes = day, 0

    def room_for(self, size: int) -> bool:
        """Whether so many bytes more stay within the budget."""
        return self._max is None or self.bytes + size <= self._max

    @property
    def note(self) -> Note | None:
        """The step that has been begun, for the outbox; None without a budget, or before the first byte of a day."""
        if self._max is None or self._day is None or not self.bytes:
            return None
        return Note(self._day, (-(-self.bytes // self._step) * self._step).to_bytes(8))


class Sharing:
    """Chooses what is offered next. `waiting`: a limit kept some back, so that there is reason to ask again.

    Under a release without a standing connection, and until `follow` says otherwise, the oldest go first and nothing
    is limited or counted: a slot is short, and what leaves in it is agreed on.
    """

    def __init__(self, limits: SharingLimits, noted: Note | None = None) -> None:
        self.waiting = False
        self._limits = limits
        self._shared = False
        self._fresh_for_s = 0.0
        self._spent = Spent(limits.daily_bytes_max, noted)
        self._pace = _Pace(limits.backlog_every_s)
        self._fresh: dict[Key, tuple[float, Batch]] = {}  # and until when it is that
        self._backlog: set[Key] = set()  # chosen as such, and perhaps on their way
        self._in_a_row = 0
        self._trickle_at = 0.0
        self._spare = 0  # places of the backlog's that the last choice left
        self._planned_bytes = 0  # of the last choice

    @property
    def note(self) -> Note | None:
        """What of the day's budget is to be found again after a restart."""
        return self._spent.note if self._shared else None

    def follow(self, day: int | None, release: Release) -> None:
        """Which service day it is, None while that is not known, and the release; what it sealed is new for a while."""
        self._fresh_for_s = release.within_s
        if day is not None:
            self._spent.on(day)
        self._shared = release.connected
        self.waiting = self.waiting and self._shared

    def sealed(self, batches: Iterable[Batch], now: float) -> None:
        """These are new."""
        if self._shared:
            until = now + self._fresh_for_s
            self._fresh |= {(batch.stream, batch.n): (until, batch) for batch in batches}
        while len(self._fresh) > FRESH_BATCHES_MAX:
            del self._fresh[next(iter(self._fresh))]

    def settled(self, key: Key) -> None:
        """The broker has answered for this batch."""
        self._fresh.pop(key, None)
        self._backlog.discard(key)

    def chosen(
        self, oldest: Oldest, streams: Collection[str], window: Window, calls: Collection[Key], now: float
    ) -> list[Batch] | None:
        """Batches of `streams` to offer, in order, as many as there is room for; None when the disk is lost.

        `oldest(limit, without)` reads sealed batches from the outbox; `calls` are offered otherwise.
        """
        room, taken = window.room, window.in_flight | set(calls)
        if not self._shared:
            return oldest(room, taken)
        self._fresh = {key: held for key, held in self._fresh.items() if held[0] > now}
        fresh = [
            batch for key, (_, batch) in self._fresh.items() if key not in taken and batch.stream in streams
        ]
        limit = min(room, self._backlog_room(window.outstanding, now))
        found = oldest(limit, taken | self._fresh.keys()) if limit else []
        if found is None:
            return None
        backlog = self._affordable(found, sum(map(cost, fresh[:room])))
        if not backlog and now >= self._trickle_at:
            backlog = found[:1]
        self.waiting = len(found) == limit < room or len(backlog) < len(found)
        chosen = self._in_turn(deque(fresh), deque(backlog), room)
        self._spare, self._planned_bytes = limit - len(found), sum(map(cost, chosen))
        return chosen

    def spare(self, again: Sequence[Batch]) -> list[Batch]:
        """As many batches that the city asked for again as fit beside those chosen last: they count as backlog."""
        if not self._shared:
            return list(again)
        added = self._affordable(again[: self._spare], self._planned_bytes)
        self._backlog |= {(batch.stream, batch.n) for batch in added}
        return added

    def sent(self, batches: Iterable[Batch], outstanding: Set[Key], now: float) -> None:
        """Of the batches that were offered, those on their way have been sent."""
        for batch in batches if self._shared else ():
            key = (batch.stream, batch.n)
            if key not in outstanding:
                continue
            if key in self._backlog:
                self._pace.take()
                if not self._spent.room_for(cost(batch)):
                    self._trickle_at = now + TRICKLE_S
            self._spent.bytes += cost(batch)

    def _backlog_room(self, outstanding: Set[Key], now: float) -> int:
        """How many of the backlog may be offered, by their share of the window and their rate."""
        self._backlog &= outstanding
        share = max(1, self._limits.window // 2) - len(self._backlog)
        return max(0, min(share, self._pace.room(now)))

    def _affordable(self, found: Sequence[Batch], total: int) -> list[Batch]:
        """As many of them, from the first, as the budget has room for beside `total` bytes."""
        affordable: list[Batch] = []
        for batch in found:
            total += cost(batch)
            if not self._spent.room_for(total):
                break
            affordable.append(batch)
        return affordable

    def _in_turn(self, fresh: deque[Batch], backlog: deque[Batch], room: int) -> list[Batch]:
        """New ones first, and one of the backlog after every few."""
        chosen: list[Batch] = []
        while len(chosen) < room and (fresh or backlog):
            if fresh and not (backlog and self._in_a_row >= FRESH_IN_A_ROW):
                self._in_a_row += 1
                chosen.append(fresh.popleft())
                continue
            self._in_a_row = 0
            chosen.append(backlog.popleft())
            self._backlog.add((chosen[-1].stream, chosen[-1].n))
        return chosen


class _Pace:
    """One in `every_s` on average; what was not used within BURST_S is gone."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._saved_s = self._saved_s_max = max(every_s, BURST_S)
        self._at = 0.0

    def room(self, now: float) -> int:
        """How many may go now."""
        self._saved_s = min(self._saved_s_max, self._saved_s + now - self._at)
        self._at = now
        return int(self._saved_s / self._every_s) if self._every_s else FRESH_BATCHES_MAX

    def take(self) -> None:
        """One went."""
        self._saved_s -= self._every_s


def cost(batch: Batch) -> int:
    """What sending it takes of the budget, in bytes."""
    return len(batch.payload) + FRAME_BYTES
