"""New batches and a backlog on a link of any speed: neither starves, the budget holds, and order is kept."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise
from random import Random
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.release import Timed
from agent.sending.sharing import FRESH_BATCHES_MAX, FRESH_IN_A_ROW, TRICKLE_S, Sharing, SharingLimits, cost
from buffer.rows import Batch

PERIOD_S = 60
LASTS_S = 12 * 60
TODAY = 21_065
Key = tuple[str, int]
given_worlds = settings(max_examples=40, deadline=None)


class Sent(NamedTuple):
    """One publish: when, what, what it costs, and whether it was new."""

    now: float
    n: int
    bytes: int
    new: bool


class World:
    """Some minutes on a link that acknowledges so many a second, not quite in order.

    Numbers up to `backlog` were sealed before it came up.
    """

    def __init__(
        self,
        window: int,
        per_s: float,
        backlog: int,
        new_each: int,
        every_s: float,
        budget: int | None,
        seed: int,
    ) -> None:
        self.window, self.backlog, self.every_s = window, backlog, every_s
        self.outstanding: set[Key] = set()
        self.sent: list[Sent] = []
        self._per_s, self._new_each = per_s, new_each
        self._chance = Random(seed)
        self._credit = 0.0
        self._on_their_way: list[Key] = []
        self._sealed_at: dict[Key, float] = {}
        self._unsent: dict[Key, Batch] = {}
        self._sharing = Sharing(SharingLimits(every_s, budget, window))
        self._sharing.follow(TODAY, Timed(PERIOD_S, 512, {}))
        self._make(backlog)
        for second in range(LASTS_S):
            self._step(float(second))

    @property
    def room(self) -> int:
        return self.window - len(self.outstanding)

    @property
    def in_flight(self) -> set[Key]:
        return self.outstanding

    def _make(self, count: int) -> list[Batch]:
        n = len(self._sealed_at) + (self.backlog if self.sent or self._unsent else 0)
        made = [
            Batch("track", n + i, TODAY, bytes(self._chance.randrange(90, 900))) for i in range(1, count + 1)
        ]
        self._unsent |= {("track", batch.n): batch for batch in made}
        return made

    def _step(self, now: float) -> None:
        if now % PERIOD_S == 1:
            fresh = self._make(self._new_each)
            self._sealed_at |= {("track", batch.n): now for batch in fresh}
            self._sharing.sealed(fresh, now)
        chosen = self._sharing.chosen(self._oldest, ("track",), self, (), now)
        assert chosen is not None
        assert len(chosen) <= self.room
        keys = {("track", batch.n) for batch in chosen}
        assert len(keys) == len(chosen)
        assert not keys & self.outstanding
        self.outstanding |= keys
        self._on_their_way += [("track", batch.n) for batch in chosen]
        self._sharing.sent(chosen, self.outstanding, now)
        self.sent += [Sent(now, batch.n, cost(batch), self._is_new(batch, now)) for batch in chosen]
        self._answer()

    def _is_new(self, batch: Batch, now: float) -> bool:
        return now < self._sealed_at.get(("track", batch.n), -1e9) + 2 * PERIOD_S

    def _oldest(self, limit: int, without: Collection[Key]) -> list[Batch]:
        return [batch for key, batch in self._unsent.items() if key not in without][:limit]

    def _answer(self) -> None:
        self._credit = min(self._credit + self._per_s, max(1.0, self._per_s))
        while self._credit >= 1.0 and self.outstanding:
            self._credit -= 1.0
            key = self._chance.choice(self._on_their_way[:2])
            self._on_their_way.remove(key)
            self.outstanding.discard(key)
            del self._unsent[key]
            self._sharing.settled(key)

    @property
    def old(self) -> list[Sent]:
        """What went as backlog."""
        return [sent for sent in self.sent if not sent.new]

    @property
    def rounds(self) -> list[list[Sent]]:
        """What went at one moment, in order."""
        found: dict[float, list[Sent]] = {}
        for sent in self.sent:
            found.setdefault(sent.now, []).append(sent)
        return list(found.values())


def worlds(budget: st.SearchStrategy[int | None]) -> st.SearchStrategy[World]:
    return st.builds(
        World,
        window=st.sampled_from([1, 2, 3, 5, 20]),
        per_s=st.sampled_from([0.1, 0.5, 1.0, 3.0, 30.0]),
        backlog=st.integers(0, 150),
        new_each=st.integers(0, FRESH_BATCHES_MAX // 2),  # so that two periods are new at most
        every_s=st.sampled_from([0.0, 0.3, 1.0, 7.0]),
        budget=budget,
        seed=st.integers(0, 1000),
    )


@given(world=worlds(st.none()))
@given_worlds
def test_the_backlog_makes_progress_on_every_link_however_much_is_new(world: World):
    by_turns = len(world.sent) // (2 * FRESH_IN_A_ROW) - 1  # its turns may come while its share is on its way
    by_pace = LASTS_S // (world.every_s + 1) if world.every_s else float("inf")
    assert len(world.old) >= min(world.backlog, by_turns, by_pace)


@given(world=worlds(st.none()))
@given_worlds
def test_what_is_new_goes_before_the_backlog_except_at_its_turn(world: World):
    for sent in world.rounds:
        kinds = [one.new for one in sent]
        while kinds and not kinds[-1]:
            kinds.pop()  # behind the last new one there is nothing to wait for
        turns = [i for i, new in enumerate(kinds) if not new]
        assert all(b - a > FRESH_IN_A_ROW for a, b in pairwise(turns))


@given(world=worlds(st.none()))
@given_worlds
def test_what_is_new_finds_half_of_the_window_free_of_the_backlog(world: World):
    for sent in world.rounds:
        assert sum(not one.new for one in sent) <= max(1, world.window // 2)


@given(world=worlds(st.none()))
@given_worlds
def test_the_backlog_goes_oldest_first(world: World):
    numbers = [one.n for one in world.old if one.n <= world.backlog]
    assert numbers == sorted(numbers)


@given(world=worlds(st.none()))
@given_worlds
def test_the_backlog_keeps_its_pace(world: World):
    if not world.every_s:
        return
    for i, one in enumerate(world.old):
        until = [later for later in world.old[i:] if later.now <= one.now + 60]
        assert len(until) <= max(1.0, 5.0 / world.every_s) + 60 / world.every_s + 1


@given(world=worlds(st.integers(1_000, 100_000)))
@given_worlds
def test_the_budget_is_exceeded_by_what_is_new_and_by_one_batch_in_a_while(world: World):
    budget = world._sharing._limits.daily_bytes_max
    assert budget is not None
    spent, next_at = 0, 0.0
    for one in world.sent:
        if not one.new and spent + one.bytes > budget:
            assert one.now >= next_at
            next_at = one.now + TRICKLE_S
        spent += one.bytes


@given(world=worlds(st.just(1)))
@given_worlds
def test_a_budget_that_is_used_up_starves_nothing_for_ever(world: World):
    assert len(world.old) >= min(world.backlog, 1, len(world.sent) // (FRESH_IN_A_ROW + 1))
    assert len([one for one in world.old if one.n <= world.backlog]) <= 2
