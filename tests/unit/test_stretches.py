"""Stretches are long enough, trimmed at cuts, and timed with carry."""

from __future__ import annotations

import itertools
import json
import math

import pytest

from agent.filters.standstill import Step
from agent.filters.stretches import PIECE_M_MIN, PIECE_MPS, SPOTS_HELD_MAX, Stretch, Stretches

LENGTH_M, TRIM_M, CEILING_MPS = 1000.0, 50.0, 25.0


def stretches(length_m: float | None = LENGTH_M) -> Stretches:
    return Stretches(length_m, TRIM_M, CEILING_MPS)


def pushed(
    into: Stretches, metres: float, step_m: float = 10.0, step_s: float = 1.0, from_m: float = 0.0
) -> list[Stretch]:
    closed = []
    for i in range(round(metres / step_m) + 1):
        first = i == 0 and from_m == 0.0
        closed += into.push(
            Step(from_m + i * step_m, 0.0, 0.0 if first else step_m, 0.0 if first else step_s, i)
        )
    return closed


def length_m(stretch: Stretch) -> float:
    return stretch.path[-1].run_m - stretch.path[0].run_m


def test_the_first_metres_behind_a_cut_are_withheld() -> None:
    closed = pushed(stretches(), 2200)
    assert closed[0].path[0].x_m == TRIM_M


def test_a_stretch_closes_only_when_as_much_again_lies_behind_it() -> None:
    assert pushed(stretches(), TRIM_M + 2 * LENGTH_M + TRIM_M - 10) == []
    closed = pushed(stretches(), TRIM_M + 2 * LENGTH_M + TRIM_M)
    assert [length_m(one) for one in closed] == [LENGTH_M]


def test_a_cut_gives_what_is_left_but_for_the_last_metres() -> None:
    into = stretches()
    closed = pushed(into, 3000) + into.cut()
    assert closed[-1].path[-1].x_m == 3000 - TRIM_M
    assert all(length_m(one) >= LENGTH_M for one in closed)
    for before, after in itertools.pairwise(closed):
        assert before.path[-1] == after.path[0]


@pytest.mark.parametrize("metres", [0, 40, 60, 2 * TRIM_M + PIECE_M_MIN - 10])
def test_a_cut_drops_what_is_too_short_for_a_piece(metres: float) -> None:
    into = stretches()
    assert pushed(into, metres) + into.cut() == []


@pytest.mark.parametrize("metres", [2 * TRIM_M + PIECE_M_MIN, 900, LENGTH_M + 2 * TRIM_M - 10])
@pytest.mark.parametrize("step_s", [0.4, 1.0, 20.0])
def test_a_piece_between_two_cuts_tells_its_way_and_nothing_of_its_time(metres: float, step_s: float) -> None:
    into = stretches()
    (piece,) = pushed(into, metres, step_s=step_s) + into.cut()
    assert PIECE_M_MIN <= length_m(piece) < LENGTH_M
    assert piece.running_s == 10 * math.ceil(length_m(piece) / PIECE_MPS / 10)


def test_after_a_cut_nothing_of_before_is_left() -> None:
    fresh, used = stretches(), stretches()
    pushed(used, 700)
    used.cut()
    assert pushed(used, 2500) == pushed(fresh, 2500)


def test_running_time_is_rounded_to_ten_seconds_with_carry() -> None:
    closed = pushed(stretches(), 12_000, step_m=10.0, step_s=1.037)
    assert all(one.running_s % 10 == 0 for one in closed)
    total_m = sum(length_m(one) for one in closed)
    assert sum(one.running_s for one in closed) == pytest.approx(total_m / 10 * 1.037, abs=10)


@pytest.mark.parametrize("speed_mps", [26.0, 30.0, 40.0])
def test_two_drives_above_the_speed_ceiling_give_equal_times(speed_mps: float) -> None:
    slow = pushed(stretches(), 8000, step_s=10.0 / CEILING_MPS)
    fast = pushed(stretches(), 8000, step_s=10.0 / speed_mps)
    assert [one.running_s for one in slow] == [one.running_s for one in fast]
    assert all(one.running_s >= length_m(one) / CEILING_MPS for one in fast)


def test_a_timed_release_closes_what_there_is_and_goes_on_from_there() -> None:
    into = stretches(None)
    assert pushed(into, 300) == []
    first = into.close()
    assert first[0].path[-1].x_m == 300 - TRIM_M
    assert into.close() == []
    pushed(into, 100, from_m=310)
    assert into.close()[0].path[0] == first[0].path[-1]


def test_what_is_held_is_thinned_and_never_grows_past_its_limit() -> None:
    into = stretches()
    pushed(into, SPOTS_HELD_MAX * 0.05 + TRIM_M + 100, step_m=0.05)
    assert len(into._path) <= SPOTS_HELD_MAX


@pytest.mark.parametrize("metres", [0, 30, 45, 700, 1900, 3100])
def test_across_a_loss_of_power_a_stretch_goes_on_as_if_there_was_none(metres: float) -> None:
    whole, before, after = stretches(), stretches(), stretches()
    pushed(whole, metres, step_s=1.037)
    pushed(before, metres, step_s=1.037)
    after.restore(json.loads(json.dumps(before.state())))
    further = {"step_s": 1.037, "from_m": metres + 20.0, "step_m": 20.0}
    assert pushed(whole, 3000, **further) + whole.cut() == pushed(after, 3000, **further) + after.cut()


def test_where_the_truck_came_to_stand_is_known_to_the_stretch() -> None:
    into = stretches()
    pushed(into, 500)
    into.push(Step(510.0, 0.0, 10.0, 1.0, 0, stands=True))
    closed = pushed(into, 3000, from_m=520.0)
    assert [spot.x_m for one in closed for spot in one.path if spot.stands] == [510.0]


@pytest.mark.parametrize("step_m", [3.0, 7.0, 19.0, 33.0])
def test_where_a_stretch_begins_and_ends_tells_nothing_of_how_far_apart_the_fixes_were(step_m: float) -> None:
    into = stretches()
    closed = pushed(into, 3300, step_m=step_m, step_s=step_m / CEILING_MPS) + into.cut()
    assert closed[0].path[0].x_m == TRIM_M
    assert [length_m(one) for one in closed[:-1]] == [LENGTH_M] * (len(closed) - 1)
    driven_m = round(3300 / step_m) * step_m
    assert closed[-1].path[-1].x_m == pytest.approx(driven_m - TRIM_M)
