"""Planted leaks of speed, and of brakings that can be joined to a truck."""

from __future__ import annotations

from typing import Any

import pytest

from agent import release, runtime, sealing, topics
from agent.filters.placed import Placed
from agent.filters.stretches import Stretches
from agent.recording.chain import Chain
from agent.recording.way import Way
from buffer.outbox import Outbox

Patch = pytest.MonkeyPatch


def no_floor(patch: Patch) -> None:
    """A stretch may show less time than its length needs at the ceiling."""
    init = Stretches.__init__

    def fresh(self: Any, *arguments: Any, **named: Any) -> None:
        init(self, *arguments, **named)
        self._speed_ceiling_mps = 1e9

    patch.setattr(Stretches, "__init__", fresh)
    own_seconds(patch)


def own_seconds(patch: Patch) -> None:
    """Above the ceiling, too, a faster truck takes fewer seconds to be known to have left a place."""

    def elapsed_s(self: Way, x_m: float, y_m: float, placed: Placed) -> float:
        return round(placed.elapsed_s, 3)

    patch.setattr(Way, "_elapsed_s", elapsed_s)


def no_clamp(patch: Patch) -> None:
    """Brakings from above the ceiling are told from those at it."""
    init = Chain.__init__

    def fresh(self: Any, *arguments: Any, **named: Any) -> None:
        init(self, *arguments, **named)
        self._ceiling_mps = 1e9

    patch.setattr(Chain, "__init__", fresh)


def one_slot(patch: Patch) -> None:
    """Brakings leave with everything else."""
    for module in (release, runtime, sealing):
        patch.setattr(module, "lane_of", lambda stream: "truck")


def one_topic(patch: Patch) -> None:
    """Brakings leave under the truck's name."""
    patch.setattr(topics, "FLEET_STREAMS", frozenset())


def one_chain(patch: Patch) -> None:
    """Brakings share the epoch of the truck."""
    lasting_chain(patch)
    epoch = Outbox.epoch
    patch.setattr(Outbox, "epoch", lambda self, stream: epoch(self, "track"))


def lasting_chain(patch: Patch) -> None:
    """Brakings are numbered since the truck was fitted."""
    chain, lane_of = sealing._chain, sealing.lane_of

    def lasting(*arguments: Any) -> tuple[str, int, str]:
        with patch.context() as inside:
            inside.setattr(sealing, "lane_of", lambda stream: "truck")
            found = chain(*arguments)
        assert sealing.lane_of is lane_of
        return found

    patch.setattr(sealing, "_chain", lasting)


def by_the_day(patch: Patch) -> None:
    """Brakings leave as soon as each was held for long enough."""
    patch.setattr(release, "_fleet_before", lambda today, held_days: today - held_days)


def unsorted(patch: Patch) -> None:
    """Brakings leave in the order in which they happened."""
    patch.setattr(sealing, "MERGED", {**sealing.MERGED, "harsh_braking": list})
