"""Bugs of the kind that a soak is for, planted at run time, and how many seeds it takes to find each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from agent.keeping import Keeping
from agent.release import Slots
from agent.runtime import Runtime
from agent.sending.sender import Sender
from buffer.outbox import Outbox
from buffer.received import ReceivedStore
from tests.crash.planted import marked_early, normal
from tests.soak.run import soaked
from tests.soak.truck import DAY_S

SEEDS_MAX = 24

Plant = Callable[[pytest.MonkeyPatch], None]


class Found(NamedTuple):
    """A bug, how many seeds were run, and what broke; None: nothing did."""

    bug: str
    seeds: int
    broken: str | None


def _sealed_rows_stay(patch: pytest.MonkeyPatch) -> None:
    commit = Outbox.commit

    def committed(self: Outbox, **change: Any) -> None:
        commit(self, **{**change, "used": ()} if change.get("seal") else change)

    patch.setattr(Outbox, "commit", committed)


def _backoff_reset_at_connack(patch: pytest.MonkeyPatch) -> None:
    """Every connection that ends counts as the first one that did."""
    came_up = Sender._came_up

    def forgiven(self: Any, now: float) -> Any:
        self._backoff.begin_anew()
        return came_up(self, now)

    patch.setattr(Sender, "_came_up", forgiven)


def _eviction_not_counted(patch: pytest.MonkeyPatch) -> None:
    evict = Outbox._evict

    def evicted(self: Outbox, free_pages: int, tally: Counter[str]) -> None:
        evict(self, free_pages, tally)
        tally["evicted"] = 0

    patch.setattr(Outbox, "_evict", evicted)


def _key_without_epoch(patch: pytest.MonkeyPatch) -> None:
    def known(self: Any, received: Any) -> Any:
        sql = "SELECT id, sha256 FROM batch WHERE vehicle = ? AND stream = ? AND n = ?"
        return self._db.execute(sql, (received.vehicle, received.stream, received.n)).fetchone()

    patch.setattr(ReceivedStore, "_known", known)


def _purge_by_wall_clock(patch: pytest.MonkeyPatch) -> None:
    purge = Outbox.purge

    def purged(self: Outbox, today: int, **limits: Any) -> None:
        purge(self, int(time.time() // DAY_S), **limits)  # noqa: TID251 - the bug itself

    patch.setattr(Outbox, "purge", purged)


def _release_not_remembered(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Slots, "resume", lambda self, released_day: None)


def _said_again_and_again(patch: pytest.MonkeyPatch) -> None:
    lost = Sender._lost

    def complained(self: Any, *arguments: Any) -> Any:
        self._complained = False
        return lost(self, *arguments)

    patch.setattr(Sender, "_lost", complained)


def _no_purge(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Keeping, "purge", lambda self, today, keep: None)


def _forgotten(patch: pytest.MonkeyPatch) -> None:
    """What waits for a commit is forgotten when the disk would not have it."""
    written = Keeping._written

    def forgetful(self: Any, *arguments: Any) -> Any:
        done = written(self, *arguments)
        if not done:
            self.pending = []
        return done

    patch.setattr(Keeping, "_written", forgetful)


def _awake_all_the_time(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Runtime, "wait_s", lambda self, now: 0.0)


BUGS: dict[str, Plant] = {
    "acknowledged when published": marked_early,
    "sealed rows stay": _sealed_rows_stay,
    "back-off reset at CONNACK": _backoff_reset_at_connack,
    "eviction not counted": _eviction_not_counted,
    "the city's key without epoch": _key_without_epoch,
    "purge by the wall clock": _purge_by_wall_clock,
    "commits not synced": normal,
    "a day's release not remembered": _release_not_remembered,
    "each failure said again": _said_again_and_again,
    "nothing is purged": _no_purge,
    "records forgotten when the disk is full": _forgotten,
    "awake all the time": _awake_all_the_time,
}


def hunted(bug: str, seeds_max: int = SEEDS_MAX) -> Found:
    """Plant the bug and run seeds until one breaks."""
    with pytest.MonkeyPatch.context() as patch:
        BUGS[bug](patch)
        for seed in range(seeds_max):
            broken = soaked(seed).broken
            if broken is not None:
                return Found(bug, seed + 1, broken)
    return Found(bug, seeds_max, None)
