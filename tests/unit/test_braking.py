"""A harsh braking and what GNSS says of it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from agent.recording.braking import (
    AFTER_S,
    FIXES_MAX,
    LATENESS_S_MAX,
    PAIR_S_MAX,
    PAIR_S_MIN,
    PENDING_MAX,
    PLAUSIBLE_MPS2_MAX,
    Braking,
    BrakingRules,
    Brakings,
)

RULES = BrakingRules(
    match_within_s=3.0,
    corroborated_at_mps2=2.0,
    standing_below_mps=1.0,
    severity=(("light", 2.0), ("harsh", 2.7), ("severe", 4.4)),
)
PULSE_AT = 100.0


def decide(fixes: Iterable[tuple[float, float | None]], rules: BrakingRules = RULES) -> Braking:
    """The one braking that a pulse at `PULSE_AT` gives amid these fixes, times relative to it."""
    brakings = Brakings(rules)
    brakings.push_pulse(PULSE_AT, "here")
    for after_s, speed_mps in fixes:
        brakings.push_fix(PULSE_AT + after_s, speed_mps)
    (braking,) = brakings.step(PULSE_AT + rules.match_within_s + LATENESS_S_MAX)
    return braking


def each_second(*speeds_mps: float | None) -> list[tuple[float, float | None]]:
    """One fix a second, the first three seconds before the pulse."""
    return [(second - 3.0, speed_mps) for second, speed_mps in enumerate(speeds_mps)]


def steady(speed_mps: float, rate_hz: int = 1) -> list[tuple[float, float | None]]:
    return [(tick / rate_hz - 3.0, speed_mps) for tick in range(6 * rate_hz + 1)]


def test_a_fall_of_speed_corroborates_a_braking_and_rates_it() -> None:
    braking = decide(each_second(12, 12, 12, 11, 8, 7, 7))
    assert braking == Braking(PULSE_AT, "yes", "harsh", None, "here")


def test_steady_driving_speaks_against_a_braking_and_keeps_it() -> None:
    assert decide(steady(12.0)) == Braking(PULSE_AT, "no", "unrated", None, "here")


def test_no_fix_at_all_leaves_it_unknown_and_keeps_it() -> None:
    assert decide([]) == Braking(PULSE_AT, "unknown", "unrated", None, "here")


def test_a_stale_fix_is_no_evidence() -> None:
    assert decide([(-60.0, 12.0), (-3.001, 12.0)]).corroborated == "unknown"


def test_fixes_without_speed_are_no_evidence() -> None:
    assert decide(each_second(*[None] * 7)).corroborated == "unknown"


def test_standing_still_through_the_window_refuses_the_braking() -> None:
    assert decide(steady(0.99)).refused == "standing"
    assert decide(steady(1.0)).refused is None


def test_one_fix_in_motion_is_enough_not_to_call_it_standing() -> None:
    assert decide(each_second(0, 0, 0, 0, 0, 0, 1.0)).refused is None


def test_too_few_fixes_to_know_are_not_called_standing() -> None:
    assert decide([(-1.0, 0.0)]) == Braking(PULSE_AT, "unknown", "unrated", None, "here")


@pytest.mark.parametrize(
    ("fall_mps2", "corroborated", "severity"),
    [
        (1.999, "no", "unrated"),
        (2.0, "yes", "light"),
        (2.699, "yes", "light"),
        (2.7, "yes", "harsh"),
        (4.399, "yes", "harsh"),
        (4.4, "yes", "severe"),
        (PLAUSIBLE_MPS2_MAX, "yes", "severe"),
    ],
)
def test_thresholds_count_from_exactly_their_value(
    fall_mps2: float, corroborated: str, severity: str
) -> None:
    braking = decide(each_second(20, 20, 20, 20, 20 - fall_mps2, 20 - fall_mps2, 20 - fall_mps2))
    assert (braking.corroborated, braking.severity) == (corroborated, severity)


def test_a_fall_steeper_than_tyres_allow_is_a_fault_of_the_receiver() -> None:
    assert decide(each_second(20, 20, 20, 20, 7.9, 7.9, 7.9)).corroborated == "unknown"
    assert decide(each_second(20, 7.9, 7.9, 7.9, 7.9, 7.9, 7.9)).corroborated == "no"


def test_ten_fixes_a_second_with_noise_are_not_taken_for_a_braking() -> None:
    noisy = [(at, 12.0 + 0.15 * (-1) ** tick) for tick, (at, _) in enumerate(steady(12.0, rate_hz=10))]
    assert decide(noisy).corroborated == "no"


def test_a_braking_is_seen_at_ten_fixes_a_second_as_at_one() -> None:
    braked = [(tick / 10 - 3.0, min(12.0, max(8.0, 12.0 - 3.0 * tick / 10 + 9.0))) for tick in range(61)]
    assert decide(braked) == Braking(PULSE_AT, "yes", "harsh", None, "here")


def test_a_braking_is_seen_at_one_fix_in_two_seconds() -> None:
    assert decide([(-2.0, 14.0), (0.0, 14.0), (2.0, 8.0)]).severity == "harsh"


def test_fixes_are_compared_at_exactly_the_nearest_and_furthest_distance_and_not_beyond() -> None:
    assert decide([(0.0, 12.0), (PAIR_S_MIN, 9.0)]).corroborated == "yes"
    assert decide([(0.0, 12.0), (PAIR_S_MIN - 0.01, 9.0)]).corroborated == "unknown"
    assert decide([(0.0, 12.0), (PAIR_S_MAX, 2.0)]).corroborated == "yes"
    assert decide([(0.0, 12.0), (PAIR_S_MAX + 0.01, 2.0)]).corroborated == "unknown"


def test_fixes_must_reach_past_the_pulse_before_they_speak_against_it() -> None:
    assert decide([(-1.0, 12.0), (0.0, 12.0), (AFTER_S, 12.0)]).corroborated == "no"
    assert decide([(-1.0, 12.0), (0.0, 12.0), (AFTER_S - 0.01, 12.0)]).corroborated == "unknown"
    assert decide([(0.01, 12.0), (1.0, 12.0), (2.0, 12.0)]).corroborated == "unknown"


def test_a_gap_across_the_pulse_leaves_it_unknown() -> None:
    assert decide([(-3.0, 12.0), (-2.0, 12.0), (2.0, 12.0), (3.0, 12.0)]).corroborated == "unknown"


def test_a_fix_exactly_at_the_edge_of_the_window_counts_and_one_beyond_does_not() -> None:
    assert decide([(2.0, 12.0), (3.0, 9.0)]).corroborated == "yes"
    assert decide([(2.0, 12.0), (3.001, 9.0)]).corroborated == "unknown"


def test_a_braking_is_told_when_a_fix_closes_its_window_or_none_came_in_time() -> None:
    brakings = Brakings(RULES)
    brakings.push_pulse(PULSE_AT)
    assert brakings.due == PULSE_AT + 3.0 + LATENESS_S_MAX
    assert brakings.step(PULSE_AT + 3.0 + LATENESS_S_MAX - 0.001) == []
    brakings.push_fix(PULSE_AT + 2.999, 5.0)
    assert brakings.step(PULSE_AT + 4.0) == []
    brakings.push_fix(PULSE_AT + 3.0, 5.0)
    assert len(brakings.step(PULSE_AT + 4.0)) == 1
    assert brakings.due is None
    brakings.push_pulse(PULSE_AT)
    assert brakings.due is not None
    assert len(brakings.step(brakings.due)) == 1


def test_fixes_whose_time_does_not_advance_are_ignored() -> None:
    assert decide([(0.0, 12.0), (0.0, 3.0), (-1.0, 30.0), (1.0, 12.0)]).corroborated == "no"


def test_a_cut_forgets_pulses_and_speeds() -> None:
    brakings = Brakings(RULES)
    for at, speed_mps in each_second(12, 12, 12, 12):
        brakings.push_fix(PULSE_AT + at, speed_mps)
    for _ in range(PENDING_MAX + 1):
        brakings.push_pulse(PULSE_AT, "here")
    brakings.cut()
    assert brakings.due is None
    assert brakings.step(PULSE_AT + 1_000.0) == []
    brakings.push_pulse(PULSE_AT, "there")
    brakings.push_fix(PULSE_AT + 1.0, 5.0)
    assert brakings.step(PULSE_AT + 1_000.0) == [Braking(PULSE_AT, "unknown", "unrated", None, "there")]


def test_one_pulse_more_than_may_wait_decides_the_oldest_and_loses_none() -> None:
    brakings = Brakings(RULES)
    for pulse in range(PENDING_MAX):
        brakings.push_pulse(PULSE_AT + pulse / 100)
    assert brakings.step(PULSE_AT + 1.0) == []
    brakings.push_pulse(PULSE_AT + 1.0)
    assert brakings.due == PULSE_AT
    assert [each.at for each in brakings.step(PULSE_AT + 1.0)] == [PULSE_AT]
    assert len(brakings.step(PULSE_AT + 100.0)) == PENDING_MAX


def test_speeds_are_kept_for_the_longest_window_and_no_longer() -> None:
    brakings = Brakings(RULES)
    for tick in range(10 * FIXES_MAX):
        brakings.push_fix(tick / 100, 12.0)
        assert len(brakings._speeds) <= FIXES_MAX
    brakings.push_fix(1_000.0, 12.0)
    assert len(brakings._speeds) == 1


def test_what_was_carried_through_is_never_shown() -> None:
    braking = decide([])
    assert braking.where == "here"
    assert "here" not in f"{braking} {braking!r} {braking!s}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"match_within_s": 0.0},
        {"match_within_s": 20.001},
        {"corroborated_at_mps2": 0.0},
        {"corroborated_at_mps2": PLAUSIBLE_MPS2_MAX + 0.001},
        {"standing_below_mps": -0.001},
        {"standing_below_mps": float("nan")},
        {"severity": (("severe", 4.4), ("harsh", 2.7))},
        {"severity": (("harsh", 2.7), ("severe", 2.7))},
    ],
)
def test_rules_that_cannot_be_meant_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        BrakingRules(**wrong)  # type: ignore[arg-type]
