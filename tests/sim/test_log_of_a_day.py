"""A day of normal running fits one screen of the log: the real loop for a day, with what goes wrong on any day."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.inputs import PortLost, PortOpened
from tests.soak.truck import DAY_S
from tests.soak.world import World

SCREEN_LINES = 24
DRIVES, HOLES, UNPLUGS = 8, 6, 2
HOLE_S = (60.0, 1200.0)  # a hole in the coverage that is shorter does not end a connection
WORK_S = (5 * 3600.0, 15 * 3600.0)


class Told(logging.Handler):
    """What the log says while its world's first day lasts."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.world: World | None = None
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if self.world is not None and self.world.s < DAY_S:
            self.lines.append(record.getMessage())


@pytest.fixture
def told() -> Iterator[Told]:
    """At level info, which is the default."""
    root, handler = logging.getLogger(), Told()
    level = root.level
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


def drives(world: World, days: int) -> None:
    """A shift of short rounds."""
    assert days == 1
    first_s, last_s = WORK_S
    for number in range(DRIVES):
        world.later(first_s + (last_s - first_s) * number / DRIVES, lambda: world.truck.drive(2000))


def normal_day(world: World, days: int) -> None:
    """Holes in the coverage, one of them when batches should leave; a loose plug; a restart, and once no power."""
    drives(world, days)
    slots_s = sorted(world.rules.slots_s) or list(WORK_S)
    for begins_s in [
        world.chance.choice(slots_s) - 30.0,
        *(world.between(*WORK_S) for _ in range(HOLES - 1)),
    ]:
        world.later(begins_s, lambda: hole(world))
    for _ in range(UNPLUGS):
        world.later(world.between(*WORK_S), lambda: unplugged(world))
    world.later(WORK_S[0] - 600, world.stop)
    world.later(WORK_S[1] + 600, lambda: world.die("power", 60.0))


def hole(world: World) -> None:
    world.happened["holes"] += 1
    world.link.lose_coverage()
    world.later(world.between(*HOLE_S), lambda: setattr(world.link, "covered", True))


def unplugged(world: World) -> None:
    world.happened["unplugs"] += 1
    world.gnss.plugged = False
    world.post(PortLost(world.at, "unplugged"))

    def plugged() -> None:
        world.gnss.plugged = True
        world.post(PortOpened(world.at, "/dev/gnss", 9600))

    world.later(30.0, plugged)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("daily", [True, False], ids=["daily", "timed"])
def test_a_day_of_normal_running_fits_one_screen_of_log(
    daily: bool, seed: int, told: Told, tmp_path: Path
) -> None:
    world = told.world = World(seed, tmp_path, daily=daily)
    world.run(1, normal_day)
    assert world.store.totals() != []
    assert (world.happened["holes"], world.happened["unplugs"]) == (HOLES, UNPLUGS)
    assert world.lives >= 3
    assert 0 < len(told.lines) <= SCREEN_LINES, "\n".join(told.lines)


def test_a_day_without_any_trouble_says_only_what_is_in_force(told: Told, tmp_path: Path) -> None:
    world = told.world = World(1, tmp_path, daily=True)
    world.run(1, drives)
    assert [line for line in told.lines if "is in force" not in line] == []
    assert len(told.lines) == 1
