"""One seed: its world, run to its end, and what came of it."""

from __future__ import annotations

import hashlib
import logging
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from agent.guarded import OURS
from tests.soak import faults
from tests.soak.ledger import Broken
from tests.soak.truck import DAY_S
from tests.soak.world import FIRST_DAY, Plan, World

DAYS = (7, 14)
MEMORY = Path("/dev/shm")


class Outcome(NamedTuple):
    """What became of one seed: `broken` says what did not hold, None: all did."""

    seed: int
    days: float
    broken: str | None
    happened: Counter[str]
    digest: str


class WallClock:
    """The system's clock of a world, as wrong as it is there. `looked` names the module of ours that asked it."""

    def __init__(self, world: World) -> None:
        self.looked: str | None = None
        self._world = world

    def time(self) -> float:
        """Seconds since 1970, or thereabouts."""
        asked_by = sys._getframe(1).f_globals.get("__name__", "")
        if asked_by.startswith(OURS):
            self.looked = asked_by
        return FIRST_DAY * DAY_S + self._world.s + self._world.wall_off_s


def soaked(
    seed: int, days: int | None = None, *, daily: bool | None = None, plan: Plan = faults.draw
) -> Outcome:
    """Run a seed to its end; `daily` and `plan` in place of what it would draw. Only a bug of the test raises."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        world = World(seed, Path(folder), daily)
        broken = _run(world, days or world.chance.randint(*DAYS), plan)
        outcome = Outcome(seed, world.s / DAY_S, broken, _counts(world), _digest(world))
        world.card.closed()
        world.store.close()
        return outcome


def _run(world: World, days: int, plan: Plan) -> str | None:
    root, lines, clock = logging.getLogger(), world.rules.lines, WallClock(world)
    before = root.level
    root.addHandler(lines)
    root.setLevel(logging.INFO)
    try:
        with mock.patch.object(time, "time", clock.time):
            world.run(days, plan)
        if clock.looked is not None:
            raise Broken(f"{clock.looked} looked at the system's clock")
    except Broken as broken:
        return f"day {world.s / DAY_S:.3f}: {broken}"
    except Exception as error:  # noqa: BLE001 - a seed that crashes the agent is a finding, told with its place
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"day {world.s / DAY_S:.3f}: {type(error).__name__}: {error} ({where.filename}:{where.lineno})"
    finally:
        root.removeHandler(lines)
        root.setLevel(before)
    return None


def _counts(world: World) -> Counter[str]:
    """All that is counted, by name."""
    found = Counter(world.happened)
    for felt in (world.card.felt, world.link.felt, world.broker.felt):
        found.update(felt)
    found.update({f"rows {kind}": count for kind, count in world.ledger.lost.items()})
    found.update({f"checked {what}": count for what, count in world.rules.checked.items()})
    found["records at risk and lost"] += world.ledger.at_risk
    found["commits"] += world.ledger.commits
    found["batches sealed"] += len(world.ledger.sealed)
    found["batches at the city"] += sum(1 for _ in world.store.batches())
    found["batches that came again"] += sum(each.repeats for each in world.store.batches())
    found["lives"] += world.lives
    found["rollover receivers"] += world.gnss.rolled
    return found


def _digest(world: World) -> str:
    """The same for the same seed: every batch that was sealed, in order, byte for byte."""
    return hashlib.sha256(b"".join(each.payload for each in world.ledger.sealed.values())).hexdigest()
