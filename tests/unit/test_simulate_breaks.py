"""A break of another length changes the break and moves what comes later, and nothing else."""

from __future__ import annotations

import itertools

import pytest

from drivers.simulate import Shift, shift
from drivers.simulate.drive import sample
from drivers.simulate.pulses import PINS

SEEDS = [2, 4, 6]


def timeless(drive: Shift) -> tuple[list[bytes], list[bytes]]:
    """Every reading's VTG and place in GLL (no time in either), before the first break and after the last."""
    bodies = []
    for group in drive.nmea_readings():
        place = group[7].split(b",")[1:5]
        bodies.append(b",".join([group[1], *place]))
    begins, ends = int(drive.breaks[0].starts_s) + 1, int(drive.breaks[-1].ends_s) + 1
    return bodies[:begins], bodies[ends:]


@pytest.mark.parametrize("seed", SEEDS)
def test_readings_outside_the_break_are_the_same_for_ten_and_forty_minutes(seed: int) -> None:
    ten, forty = shift(seed, 1.2, break_minutes=10), shift(seed, 1.2, break_minutes=40)
    assert forty.seconds - ten.seconds == 1800
    assert timeless(ten) == timeless(forty)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_breaks_first_and_last_minute_are_the_same_too(seed: int) -> None:
    ten, forty = (shift(seed, 1.2, break_minutes=minutes) for minutes in (10, 40))
    places = []
    for drive in (ten, forty):
        groups = [group[7].split(b",")[1:5] for group in drive.nmea_readings()]
        begins, ends = int(drive.breaks[0].starts_s) + 1, int(drive.breaks[0].ends_s) + 1
        places.append((groups[begins : begins + 60], groups[ends - 60 : ends]))
    assert places[0] == places[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_pulses_outside_the_break_only_move(seed: int) -> None:
    planned, longer = shift(seed, 8), shift(seed, 8, break_minutes=60)
    moved = dict.fromkeys(longer.edges())
    for edge in planned.edges():
        if any(entry.starts_s * 1000 <= edge.at_ms <= entry.ends_s * 1000 for entry in planned.breaks):
            continue
        assert edge._replace(at_ms=planned_to(longer, edge.at_ms)) in moved


def planned_to(drive: Shift, at_ms: int) -> int:
    return drive.shown_ms(at_ms)


@pytest.mark.parametrize("seed", SEEDS)
def test_truth_outside_the_breaks_differs_in_time_alone(seed: int) -> None:
    texts = []
    for minutes in (10, 55):
        outside = [
            second for second in shift(seed, 2, break_minutes=minutes).truth() if second.break_index is None
        ]
        texts.append(
            [
                (s.latitude_deg, s.longitude_deg, s.speed_mps, s.street, s.place, s.state, s.stop)
                for s in outside
            ]
        )
    assert texts[0] == texts[1]


@pytest.mark.parametrize("minutes", [1, 1.99, 2, 240])
def test_a_break_has_the_length_asked_for_to_ten_seconds(minutes: float) -> None:
    for entry in shift(4, 5, break_minutes=minutes).breaks:
        assert entry.ends_s - entry.starts_s == pytest.approx(minutes * 60, abs=5)


def test_even_the_shortest_break_keeps_its_edges_in_order_and_inside() -> None:
    for seed in range(15):
        drive = shift(seed, 4, break_minutes=1)
        assert_alternating(drive)
        for entry in drive.breaks:
            inside = [e for e in drive.edges() if entry.starts_s * 1000 < e.at_ms < entry.ends_s * 1000]
            assert len(inside) == 2 * entry.switched_off + 2 * entry.ignition_off


@pytest.mark.parametrize("seed", range(4))
def test_every_line_starts_with_its_state_and_then_alternates(seed: int) -> None:
    assert_alternating(shift(seed, 8))


def assert_alternating(drive: Shift) -> None:
    edges = drive.edges()
    assert [(edge.at_ms, edge.pin, edge.level) for edge in edges[:4]] == [(0, pin, 0) for pin in PINS]
    assert all(a.at_ms <= b.at_ms for a, b in itertools.pairwise(edges))
    for pin in PINS:
        levels = [edge.level for edge in edges if edge.pin == pin]
        assert all(a != b for a, b in itertools.pairwise(levels))
        assert levels[-1] == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_duty_follows_switch_and_ignition_and_ends_in_breaks_unless_forgotten(seed: int) -> None:
    drive = shift(seed, 8)
    seconds = list(drive.truth())
    assert not seconds[0].on_duty
    assert not seconds[-1].on_duty
    assert all(second.on_duty for second in seconds if second.state in ("collecting", "serving", "dumping"))
    for entry in drive.breaks:
        middle = seconds[int((entry.starts_s + entry.ends_s) / 2)]
        assert middle.state == "break"
        assert middle.on_duty == (not entry.switched_off and not entry.ignition_off)


@pytest.mark.parametrize("seed", SEEDS)
def test_lift_pulses_happen_while_serving(seed: int) -> None:
    drive = shift(seed, 3)
    seconds = list(drive.truth())
    lifted = [edge for edge in drive.edges() if edge.pin == "lift" and edge.level == 1]
    assert lifted
    assert all(seconds[round(edge.at_ms / 1000 + 0.5)].state == "serving" for edge in lifted)


@pytest.mark.parametrize("seed", [1, 3, 7, 9])
def test_a_braking_pulse_of_a_real_braking_coincides_with_deceleration_and_no_other_does(seed: int) -> None:
    seconds = list(shift(seed, 8).truth())
    kinds = set()
    for second in seconds:
        for braking in second.brakings:
            speeds = [one.speed_mps for one in seconds[second.at_s - 1 : second.at_s + 5]]
            lost_mps = max(a - b for a, b in itertools.pairwise(speeds))
            kinds.add(braking.kind)
            if braking.kind == "braking":
                assert 3.0 <= braking.severity_mps2 <= 6.0
                assert lost_mps >= 2.3  # even where seconds cut it in two, a receiver at 1 Hz can see it
            else:
                assert (braking.severity_mps2, braking.corroborable) == (0.0, False)
    assert "braking" in kinds


def test_false_pulses_are_potholes_while_moving_and_knocks_while_standing() -> None:
    kinds = set()
    for seed in range(8):
        day = shift(seed, 6).day
        false = [braking for braking in day.brakings if braking.kind != "braking"]
        for braking, there in zip(false, sample(day.knots, (one.at_ms / 1000 for one in false)), strict=True):
            assert (there.speed_mps > 0) == (braking.kind == "pothole")
            assert (there.knot.state in ("serving", "dumping")) == (braking.kind == "knock")
            kinds.add(braking.kind)
    assert kinds == {"pothole", "knock"}
