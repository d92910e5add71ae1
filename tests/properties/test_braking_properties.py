"""What holds for brakings whatever the receiver says."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.recording.braking import LATENESS_S_MAX, PLAUSIBLE_MPS2_MAX, Braking, BrakingRules, Brakings

RULES = BrakingRules(severity=(("light", 2.0), ("harsh", 2.7), ("severe", 4.4)))
GRID = 64
"""Ticks a second: binary fractions, so that window edges are met exactly."""

speeds_mps = st.one_of(st.none(), st.sampled_from([0.0, 0.999, 1.0, 12.0]), st.floats(0, 40))
apart_ticks = st.one_of(
    st.sampled_from([1, GRID * 3 // 4 - 1, GRID * 3 // 4, GRID, GRID * 5 // 2, GRID * 5 // 2 + 1]),
    st.integers(1, 5 * GRID),
)
tracks = st.lists(st.tuples(apart_ticks, speeds_mps), max_size=40)


def fixes_of(track: list[tuple[int, float | None]]) -> list[tuple[float, float | None]]:
    """Fixes at rising times from 0 on."""
    ticks, fixes = 0, []
    for apart, speed_mps in track:
        ticks += apart
        fixes.append((ticks / GRID, speed_mps))
    return fixes


def decide(
    fixes: list[tuple[float, float | None]], pulses: list[float], rules: BrakingRules = RULES
) -> list[Braking]:
    """All brakings of these pulses, each pushed once time has reached it."""
    brakings, decided = Brakings(rules), []
    entries = [(at, 0, None) for at in pulses] + [(at, 1, speed) for at, speed in fixes]
    for at, is_fix, speed_mps in sorted(entries, key=lambda entry: entry[:2]):
        if is_fix:
            brakings.push_fix(at, speed_mps)
        else:
            brakings.push_pulse(at, at)
        decided += brakings.step(at)
    while (due := brakings.due) is not None:
        ripe = brakings.step(due)
        assert ripe, "what is due must come, or the loop would spin"
        decided += ripe
    return decided


@given(tracks, st.lists(st.integers(0, 60 * GRID), max_size=50))
@settings(deadline=None, max_examples=200)
def test_every_pulse_is_decided_once_and_keeps_what_it_carried(
    track: list[tuple[int, float | None]], pulse_ticks: list[int]
) -> None:
    pulses = [ticks / GRID for ticks in pulse_ticks]
    decided = decide(fixes_of(track), pulses)
    assert sorted(each.at for each in decided) == sorted(pulses)
    assert all(each.where == each.at for each in decided)


@given(tracks, st.integers(0, 30 * GRID))
@settings(deadline=None, max_examples=200)
def test_what_lies_outside_the_window_changes_nothing(
    track: list[tuple[int, float | None]], pulse_ticks: int
) -> None:
    pulse_at = pulse_ticks / GRID
    fixes = fixes_of(track)
    near = [fix for fix in fixes if abs(fix[0] - pulse_at) <= RULES.match_within_s]
    assert decide(fixes, [pulse_at]) == decide(near, [pulse_at])


@given(tracks, st.integers(0, 30 * GRID))
@settings(deadline=None, max_examples=200)
def test_a_fix_without_speed_is_as_no_fix(track: list[tuple[int, float | None]], pulse_ticks: int) -> None:
    fixes = fixes_of(track)
    spoken = [fix for fix in fixes if fix[1] is not None]
    assert decide(fixes, [pulse_ticks / GRID]) == decide(spoken, [pulse_ticks / GRID])


@given(
    st.sampled_from([1, 2, 5, 10]),
    st.lists(st.floats(-1.99, 1.99), min_size=61, max_size=61),
    st.integers(0, 6 * GRID),
)
@settings(deadline=None, max_examples=200)
def test_a_truck_that_never_brakes_harder_than_the_threshold_never_corroborates(
    rate_hz: int, accelerations_mps2: list[float], pulse_ticks: int
) -> None:
    speed_mps, fixes = 130.0, []
    for epoch in range(6 * rate_hz + 1):
        fixes.append((epoch / rate_hz, speed_mps))
        speed_mps += accelerations_mps2[epoch] / rate_hz
    (braking,) = decide(fixes, [pulse_ticks / GRID])
    assert braking.corroborated != "yes"
    assert braking.severity == "unrated"
    assert braking.refused is None


@given(
    st.sampled_from([1, 2, 5]),
    st.sampled_from([1.998, 2.0, 2.699, 2.7, 4.399, 4.4, PLAUSIBLE_MPS2_MAX]),
    st.integers(0, GRID),
)
@settings(deadline=None, max_examples=200)
def test_two_seconds_of_even_braking_are_rated_by_their_deceleration(
    rate_hz: int, fall_mps2: float, pulse_ticks: int
) -> None:
    fixes = [
        (epoch / rate_hz, 40.0 - fall_mps2 * min(2.0, max(0.0, epoch / rate_hz - 3.0)))
        for epoch in range(8 * rate_hz)
    ]
    (braking,) = decide(fixes, [3.0 + pulse_ticks / GRID])
    reached = [name for name, at_least_mps2 in RULES.severity if fall_mps2 >= at_least_mps2]
    assert braking.corroborated == ("yes" if fall_mps2 >= 2.0 else "no")
    assert braking.severity == (reached[-1] if reached else "unrated")


@given(tracks, st.lists(st.integers(0, 60 * GRID), max_size=20))
@settings(deadline=None, max_examples=100)
def test_nothing_before_a_cut_is_left_behind_it(
    track: list[tuple[int, float | None]], pulse_ticks: list[int]
) -> None:
    brakings = Brakings(RULES)
    for at, speed_mps in fixes_of(track):
        brakings.push_fix(at, speed_mps)
    for ticks in pulse_ticks:
        brakings.push_pulse(ticks / GRID, "inside")
    brakings.cut()
    assert brakings.due is None
    brakings.push_pulse(200.0, "outside")
    late = brakings.step(200.0 + RULES.match_within_s + LATENESS_S_MAX)
    assert late == [Braking(200.0, "unknown", "unrated", None, "outside")]
