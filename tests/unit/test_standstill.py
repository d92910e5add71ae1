"""Standing draws no cloud, runs no odometer, and shows no more time than was agreed."""

from __future__ import annotations

import json
import math
import random

import pytest

from agent.filters.standstill import (
    FADE_M,
    QUIET_RADIUS_M,
    REARM_ALLOWANCE_S,
    REARM_M,
    SECOND_STOP_M,
    Standstill,
    Step,
)

CAP_S = 20.0


def driven(still: Standstill, xs_m: list[float], ys_m: list[float] | None = None) -> list[Step]:
    ys_m = ys_m or [0.0] * len(xs_m)
    return [
        step
        for second, (x, y) in enumerate(zip(xs_m, ys_m, strict=True))
        for step in still.push(x, y, 1.0 if second else 0.0, second)
    ]


def test_a_moving_truck_goes_on_with_a_lag_of_eight_seconds() -> None:
    steps = driven(Standstill(CAP_S), [10.0 * i for i in range(30)])
    assert [step.x_m for step in steps] == [10.0 * i for i in range(22)]
    assert all(step.moved_m == 10.0 for step in steps[1:])
    assert all(step.elapsed_s == 1.0 for step in steps[1:])


@pytest.mark.parametrize("noise_seed", range(20))
def test_a_standing_truck_gives_one_anchor_however_long_it_stands(noise_seed: int) -> None:
    noise = random.Random(noise_seed)
    cloud_x = [100.0 + noise.gauss(0, 1.0) for _ in range(3600)]
    cloud_y = [noise.gauss(0, 1.0) for _ in range(3600)]
    still = Standstill(CAP_S)
    steps = driven(still, [*range(0, 100, 10), *cloud_x], [*([0.0] * 10), *cloud_y])
    assert len(steps) <= 13
    assert sum(step.moved_m for step in steps) < 110


@pytest.mark.parametrize("stood_s", [9, 30, 600, 3600])
def test_leaving_a_standstill_counts_thirty_metres_and_at_most_the_cap_and_ten_seconds(stood_s: int) -> None:
    away = [100.0 + 5.0 * i for i in range(1, 40)]
    steps = driven(Standstill(CAP_S), [*range(0, 101, 10), *([100.0] * stood_s), *away])
    anchor = next(i for i, step in enumerate(steps) if step.x_m == 100.0)
    leaving = [step for step in steps[anchor + 1 :] if step.x_m <= 100.0 + REARM_M]
    assert sum(step.moved_m for step in leaving) == pytest.approx(REARM_M)
    assert sum(step.elapsed_s for step in leaving) <= CAP_S + REARM_ALLOWANCE_S
    assert all(step.x_m - 100.0 >= QUIET_RADIUS_M for step in leaving)


def two_stops(first_s: int, apart_m: float, second_s: int) -> list[float]:
    """A way at 5 m/s with a stop at 100 m and another one so far behind it."""
    between = [100.0 + 5.0 * i for i in range(1, math.ceil(apart_m / 5.0))]
    away = [100.0 + apart_m + 5.0 * i for i in range(1, 40)]
    return [*range(0, 101, 5), *([100.0] * first_s), *between, *([100.0 + apart_m] * second_s), *away]


def leaving_s(steps: list[Step]) -> float:
    """What counts between the anchor at 100 m and the first place 30 m behind it."""
    xs_m = [step.x_m for step in steps]
    behind = next(x_m for x_m in xs_m if x_m >= 100.0 + REARM_M)
    return sum(step.elapsed_s for step in steps[xs_m.index(100.0) + 1 : xs_m.index(behind) + 1])


@pytest.mark.parametrize(
    ("first_s", "apart_m", "second_s", "counts_s"),
    [
        (40, 20.0, 40, 2 * (CAP_S + REARM_ALLOWANCE_S)),
        (600, 20.0, 600, 2 * (CAP_S + REARM_ALLOWANCE_S)),
        (40, SECOND_STOP_M, 40, 2 * (CAP_S + REARM_ALLOWANCE_S)),
        (40, SECOND_STOP_M - 1, 40, CAP_S + REARM_ALLOWANCE_S),
        (40, 20.0, 5, CAP_S + REARM_ALLOWANCE_S),  # too short to be known
        (12, 20.0, 12, 29.0),  # as long as it truly took
        (12, 20.0, 600, 16.0 + CAP_S + REARM_ALLOWANCE_S),
    ],
)
def test_a_second_stop_within_thirty_metres_counts_as_the_first_does(
    first_s: int, apart_m: float, second_s: int, counts_s: float
) -> None:
    steps = driven(Standstill(CAP_S), two_stops(first_s, apart_m, second_s))
    assert leaving_s(steps) == pytest.approx(counts_s)
    assert [step.x_m for step in steps if step.stands] == [100.0]


def test_a_second_stop_is_one_place_with_nothing_round_it() -> None:
    steps = driven(Standstill(CAP_S), two_stops(40, 20.0, 60))
    xs_m = [step.x_m for step in steps if 100.0 <= step.x_m <= 150.0]
    assert xs_m == [100.0, 110.0, 115.0, 120.0, 130.0, 135.0, 140.0, 145.0, 150.0]
    assert sum(step.moved_m for step in steps if 100.0 < step.x_m <= 130.0) == pytest.approx(REARM_M)


@pytest.mark.parametrize("apart_m", [20.0, 29.0])
@pytest.mark.parametrize("stray", [(109.0, 0.0), (120.0, 11.0), (145.0, 0.0), (100.0, 0.0), (129.0, 0.0)])
@pytest.mark.parametrize("noise_seed", range(5))
def test_noise_and_a_single_fix_far_away_do_nothing_at_a_second_stop(
    apart_m: float, stray: tuple[float, float], noise_seed: int
) -> None:
    """At 29 m some of the cloud lies beyond the 30 m that end a standstill."""
    noise = random.Random(noise_seed)
    stood_m = 100.0 + apart_m
    whole = [(x_m, 0.0) for x_m in two_stops(12, apart_m, 60)]
    at = whole.index((stood_m, 0.0)) + 45
    cloud = [(stood_m + noise.gauss(0, 1.5), noise.gauss(0, 1.5)) for _ in range(300)]
    longer = [*whole[:at], *cloud, stray, *cloud, *whole[at:]]
    one, other = (driven(Standstill(CAP_S), *map(list, zip(*way, strict=True))) for way in (whole, longer))
    assert [tuple(step)[:4] for step in one] == [tuple(step)[:4] for step in other]


def test_moving_to_and_fro_counts_no_third_stop() -> None:
    fro = [*([120.0] * 40), 110.0, *([100.0] * 40), 110.0]
    steps = driven(
        Standstill(CAP_S),
        [*range(0, 101, 5), *([100.0] * 40), 110.0, *fro * 5, 110.0, 120.0, *range(130, 400, 5)],
    )
    assert leaving_s(steps) == pytest.approx(2 * (CAP_S + REARM_ALLOWANCE_S))


@pytest.mark.parametrize("paused", [False, True])
def test_a_loss_of_power_at_a_second_stop_is_a_pause_there(paused: bool) -> None:
    whole = two_stops(12, 20.0, 60)
    at = whole.index(120.0) + 30
    still = Standstill(CAP_S)
    steps = driven(still, whole[:at])
    if paused:
        fresh = Standstill(CAP_S)
        fresh.restore(json.loads(json.dumps(still.state())))
        still, steps = fresh, steps + fresh.resume()
    steps += driven(still, whole[at:])
    assert leaving_s(steps) == pytest.approx(16.0 + CAP_S + REARM_ALLOWANCE_S)


def test_a_nudge_of_less_than_thirty_metres_leaves_no_trace() -> None:
    straight = [*range(0, 101, 10), *([100.0] * 60)]
    nudged = [*straight, 105.0, 115.0, 125.0, 115.0, 105.0, *([100.0] * 60)]
    away = [100.0 + 10.0 * i for i in range(1, 20)]
    quiet = driven(Standstill(CAP_S), [*straight, *([100.0] * 65), *away])
    moved = driven(Standstill(CAP_S), [*nudged, *away])
    assert [(s.x_m, s.moved_m) for s in quiet] == [(s.x_m, s.moved_m) for s in moved]


def test_two_standstills_of_different_length_give_the_same_steps() -> None:
    away = [100.0 + 10.0 * i for i in range(1, 20)]
    short, long = (
        driven(Standstill(CAP_S), [*range(0, 101, 10), *([100.0] * stood_s), *away]) for stood_s in (60, 2400)
    )
    assert [tuple(step)[:4] for step in short] == [tuple(step)[:4] for step in long]


def test_one_fix_far_away_ends_no_standstill() -> None:
    away = [100.0 + 10.0 * i for i in range(1, 20)]
    quiet = [*range(0, 101, 10), *([100.0] * 60)]
    noisy = [*quiet[:40], 140.0, *quiet[41:]]
    assert driven(Standstill(CAP_S), [*quiet, *away])[:-1] == driven(Standstill(CAP_S), [*noisy, *away])[:-1]


def test_a_fix_far_away_and_a_second_one_are_not_yet_a_departure() -> None:
    still = Standstill(CAP_S)
    driven(still, [*range(0, 101, 10), *([100.0] * 30)])
    assert still.push(131.0, 0.0, 1.0, 0) == []
    assert still.push(141.0, 0.0, 1.0, 0) == []
    assert still.push(151.0, 0.0, 1.0, 0) != []


@pytest.mark.parametrize("drift_m", [2.0, 5.0, 9.0])
def test_what_drifted_while_standing_is_taken_off_and_fades(drift_m: float) -> None:
    """The receiver walks off sideways while the truck stands: the way behind joins the way before."""
    stood = 120
    xs = [*range(0, 101, 10), *([100.0] * stood), *(100.0 + 10.0 * i for i in range(1, 60))]
    ys = [*([0.0] * 11), *(drift_m * i / stood for i in range(stood)), *([drift_m] * 59)]
    steps = driven(Standstill(CAP_S), [*xs], ys)
    leaving = next(step for step in steps if step.x_m > 100.0 + REARM_M)
    assert abs(leaving.y_m) < 1.5 + 0.25 * drift_m
    gone = [step for step in steps if step.x_m > 100.0 + 3 * FADE_M]
    assert all(step.y_m == pytest.approx(drift_m, abs=0.1 * drift_m) for step in gone)
    kept = driven(Standstill(CAP_S, fades=False), [*xs], ys)
    assert next(step for step in kept if step.x_m > 100.0 + REARM_M).y_m == drift_m


@pytest.mark.parametrize("drifts_at", [0, 1])
@pytest.mark.parametrize("paused", [False, True])
def test_what_drifted_at_either_of_two_stops_is_taken_off_behind_it(drifts_at: int, paused: bool) -> None:
    """8 m to the side; what was noted of the way between the stops keeps the drift of its own time."""
    xs_m = two_stops(60, 20.0, 60)
    began, moved_off = xs_m.index(100.0 + 20.0 * drifts_at), xs_m.index(100.0 + 20.0 * drifts_at) + 60
    drifting = [8.0 * (i + 1) / 60 for i in range(60)]
    ys_m = [*([0.0] * began), *drifting, *([8.0] * (len(xs_m) - moved_off))]
    still = Standstill(CAP_S)
    steps = driven(still, xs_m[:moved_off], ys_m[:moved_off])
    if paused:
        fresh = Standstill(CAP_S)
        fresh.restore(json.loads(json.dumps(still.state())))
        still, steps = fresh, steps + fresh.resume()
    steps += driven(still, xs_m[moved_off:], ys_m[moved_off:])
    assert max(abs(step.y_m) for step in steps if step.x_m <= 100.0 + REARM_M) < 1.5
    assert steps[-1].y_m > 4.0


@pytest.mark.parametrize("before_s", [0, 3, 12, 40])
@pytest.mark.parametrize("after_s", [0, 3, 12, 40])
def test_a_pause_fills_the_cap_and_its_length_does_not_matter(before_s: int, after_s: int) -> None:
    still = Standstill(CAP_S)
    steps = driven(still, [*range(0, 101, 10), *([100.0] * before_s)])
    steps += still.resume()
    for i in range(after_s):
        steps += still.push(100.0, 0.0, 1.0 if i else 0.0, 0)
    for i in range(1, 30):
        steps += still.push(100.0 + 10.0 * i, 0.0, 1.0, 0)
    anchor = next(i for i, step in enumerate(steps) if step.x_m == 100.0)
    leaving = [step for step in steps[anchor + 1 :] if step.x_m <= 100.0 + REARM_M]
    assert sum(step.elapsed_s for step in leaving) == pytest.approx(CAP_S + REARM_ALLOWANCE_S)
    assert sum(step.moved_m for step in leaving) == pytest.approx(REARM_M)
    assert [step.x_m for step in steps if step.stands] == [100.0]


@pytest.mark.parametrize("seconds", [1, 5, 12, 40])
def test_after_a_loss_of_power_it_goes_on_as_after_any_pause(seconds: int) -> None:
    paused, lost = Standstill(CAP_S), Standstill(CAP_S)
    before = [*range(0, 101, 10), *([100.0] * seconds)]
    driven(paused, before)
    driven(lost, before)
    restored = Standstill(CAP_S)
    restored.restore(json.loads(json.dumps(lost.state())))
    after = [101.0, *([100.0] * 20), *(100.0 + 10.0 * i for i in range(1, 30))]
    assert paused.resume() + driven(paused, after) == restored.resume() + driven(restored, after)


def test_a_cut_forgets_the_window_and_the_anchor() -> None:
    still = Standstill(CAP_S)
    driven(still, [*range(0, 101, 10), *([100.0] * 60)])
    still.cut()
    steps = driven(still, [500.0 + 10.0 * i for i in range(12)])
    assert steps[0].moved_m == 0.0
    assert steps[0].x_m == 500.0


def test_a_step_shows_no_coordinates() -> None:
    step = Step(12345.678, 98765.432, 1.0, 1.0, 1)
    for shown in (repr(step), str(step), f"{step}"):
        assert "12345" not in shown
        assert "98765" not in shown
