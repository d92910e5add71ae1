"""Clocks that lie: the system's, the computer's that slept, the receiver's; and files from another year.

Whole simulated days around the real agent (tests/soak). Each ends with everything delivered once, records under
their true dates, and no timer that fires on and on: `tests.soak.rules` breaks a world with more.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.records import iso_date
from tests.soak import faults
from tests.soak.run import soaked
from tests.soak.truck import DAY_S
from tests.soak.world import FIRST_DAY, World

DAYS = 3
STALE_DAYS = 380
MODES = pytest.mark.parametrize("daily", [True, False], ids=["daily", "timed"])


def _no_faults(world: World, days: int) -> None:
    """A world in which nothing goes wrong."""


def _every(hours: float, fault: Callable[[World], None]) -> Callable[[World, int], None]:
    def plan(world: World, days: int) -> None:
        for turn in range(int(days * 24 / hours)):
            world.later(turn * hours * 3600 + 1234.5, lambda: fault(world))

    return plan


@MODES
def test_the_system_clock_may_step_years_both_ways_and_nobody_notices(daily: bool) -> None:
    quiet = soaked(5, DAYS, daily=daily, plan=_no_faults)
    chance = random.Random(5)

    def step(world: World) -> None:
        world.wall_off_s = chance.uniform(-30, 30) * faults.YEAR_S

    stepped = soaked(5, DAYS, daily=daily, plan=_every(1, step))
    assert (quiet.broken, stepped.broken) == (None, None)
    assert quiet.happened["batches at the city"] > 5
    assert stepped.digest == quiet.digest


def _ended(tmp_path: Path, daily: bool, plan: Callable[[World, int], None]) -> World:
    world = World(8, tmp_path, daily)
    world.run(DAYS, plan)
    return world


def _dates(world: World) -> set[str]:
    return {record["date"] for record in world.store.records() if "date" in record}


@MODES
@pytest.mark.parametrize("frozen", [True, False], ids=["its clock too", "its clock goes on"])
def test_a_computer_that_slept_goes_on_where_the_sky_says(tmp_path: Path, daily: bool, frozen: bool) -> None:
    """Where its own clock slept, the next two drives tell it how late it is."""

    def sleep(world: World, days: int) -> None:
        world.later(0.9 * DAY_S, lambda: world.suspend(5 * 3600.0, frozen=frozen))

    world = _ended(tmp_path, daily, sleep)
    assert world.lives == 1
    assert world.slept_s == (5 * 3600.0 if frozen else 0.0)
    assert world.rules.misled_until_s < world.s
    assert len(_dates(world)) >= DAYS


@MODES
def test_a_receiver_1024_weeks_behind_dates_records_as_the_others_do(tmp_path: Path, daily: bool) -> None:
    def rolled(world: World, days: int) -> None:
        world.gnss.rolled = True

    world = _ended(tmp_path, daily, rolled)
    allowed = {iso_date(FIRST_DAY + day) for day in range(DAYS + 4)}
    assert {iso_date(FIRST_DAY)} < _dates(world) <= allowed
    assert any(world.store.records("track"))


@MODES
def test_a_receiver_that_restarts_with_an_old_time_misleads_nobody(tmp_path: Path, daily: bool) -> None:
    world = _ended(tmp_path, daily, _every(3, faults._stale_receiver))
    assert min(_dates(world)) >= iso_date(FIRST_DAY)
    assert world.happened["receiver restarts with an old time"] > 10


@MODES
def test_a_restart_after_a_year_with_a_stale_file_finds_its_day_and_lets_go_what_is_too_old(
    tmp_path: Path, daily: bool
) -> None:
    """What was sealed before has expired, is counted, and the box says so; what comes after leaves as ever."""

    def put_away(world: World, days: int) -> None:
        world.link.covered = False
        world.later(1.5 * DAY_S, lambda: world.die("power", 600.0))
        world.later(1.5 * DAY_S + 300.0, lambda: world.skip(STALE_DAYS))

    world = World(9, tmp_path, daily, brakings=False)
    world.run(DAYS, put_away)
    assert world.ledger.lost["expired"] > 0
    assert (
        iso_date(FIRST_DAY + STALE_DAYS) < max(_dates(world)) <= iso_date(FIRST_DAY + STALE_DAYS + DAYS + 4)
    )
    assert world.happened["clean ends"] == 1


def test_timers_do_not_storm_where_a_slot_begins_between_two_looks(tmp_path: Path) -> None:
    """The loop waits for a slot and for its housekeeping; neither may make it spin."""
    world = _ended(tmp_path, True, _no_faults)
    assert max(world.rules._hot.values(), default=0) < 10
    assert max(world.rules._ticks.values()) < 1500
