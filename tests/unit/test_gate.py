"""The gate: each reason at its limit and one past it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from agent.recording.fixes import Fix
from agent.recording.gate import METRES_PER_E7, REASONS, Gate, GateLimits

START_MS = 1_700_000_000_000
LATITUDE_E7 = 481_173_000
LONGITUDE_E7 = 115_166_667


def fix(second: float = 0.0, north_m: float = 0.0, **changes: Any) -> Fix:
    """A good fix, `north_m` metres north of the start."""
    good = Fix(
        at=second,
        utc_ms=START_MS + round(second * 1000),
        trusted=True,
        latitude_e7=LATITUDE_E7 + round(north_m / METRES_PER_E7),
        longitude_e7=LONGITUDE_E7,
        speed_mps=10.0,
        course_deg=0.0,
        altitude_m=500.0,
        hdop=0.9,
        satellites=9,
        quality="gnss",
    )
    return good._replace(**changes)


def reasons(*fixes: Fix, limits: GateLimits | None = None, replay: bool = False) -> list[str | None]:
    gate = Gate(limits, replay)
    return [gate.judge(each) for each in fixes]


def test_a_good_drive_is_accepted_and_counted() -> None:
    gate = Gate()
    assert all(gate.judge(fix(second, 10.0 * second)) is None for second in range(20))
    assert (gate.accepted, dict(gate.refused)) == (20, {})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"quality": "none"}, "void"),
        ({"quality": "estimated"}, "estimated"),
        ({"quality": "simulated"}, "simulated"),
        ({"latitude_e7": None}, "no_position"),
        ({"longitude_e7": None}, "no_position"),
        ({"latitude_e7": 0, "longitude_e7": 0}, "null_island"),
        ({"latitude_e7": 900_000_001}, "out_of_range"),
        ({"longitude_e7": -1_800_000_001}, "out_of_range"),
        ({"latitude_e7": math.nan}, "out_of_range"),
        ({"speed_mps": math.nan}, "not_a_number"),
        ({"hdop": math.inf}, "not_a_number"),
        ({"hdop": 10.1}, "hdop"),
        ({"satellites": 3}, "few_satellites"),
        ({"utc_ms": None}, "no_date"),
        ({"trusted": False}, "untrusted_date"),
    ],
)
def test_what_is_wrong_with_a_fix_by_itself(changes: dict[str, Any], reason: str) -> None:
    assert reason in REASONS
    gate = Gate()
    assert gate.judge(fix(**changes)) == reason
    assert (gate.accepted, dict(gate.refused)) == (0, {reason: 1})


@pytest.mark.parametrize(
    "changes",
    [
        {"latitude_e7": 900_000_000},
        {"longitude_e7": -1_800_000_000},
        {"latitude_e7": 0},
        {"hdop": 10.0},
        {"hdop": None},
        {"satellites": 4},
        {"satellites": None},
        {"satellites": 0},
        {"speed_mps": None, "course_deg": None, "altitude_m": None},
    ],
)
def test_what_is_just_good_enough_or_unknown_is_accepted(changes: dict[str, Any]) -> None:
    assert reasons(fix(**changes)) == [None]


def test_replay_accepts_simulated_fixes_with_their_mark_but_no_estimated_ones() -> None:
    assert reasons(fix(quality="simulated"), replay=True) == [None]
    assert reasons(fix(quality="estimated"), replay=True) == ["estimated"]


def test_seventy_metres_a_second_is_driven_and_more_is_a_teleport() -> None:
    assert reasons(fix(0), fix(1, 69.9)) == [None, None]
    assert reasons(fix(0), fix(1, 70.1)) == [None, "teleport"]


def test_a_jump_that_persists_is_accepted_at_the_named_number_of_fixes() -> None:
    jumped = [fix(second, 5_000 + 10 * second) for second in range(1, 7)]
    assert reasons(fix(0), *jumped) == [None, *["teleport"] * 4, None, None]


def test_a_spike_is_refused_and_the_drive_goes_on() -> None:
    assert reasons(fix(0), fix(1, 9_000), fix(2, 20)) == [None, "teleport", None]


def test_spikes_that_do_not_agree_with_each_other_never_persist() -> None:
    spikes = [fix(second, 9_000 * second * (-1) ** second) for second in range(1, 12)]
    assert set(reasons(fix(0), *spikes)[1:]) == {"teleport"}


def test_time_that_goes_back_is_refused_until_it_persists() -> None:
    back = [fix(second, 10.0 * second) for second in range(-100, -94)]
    assert reasons(fix(0), *back) == [None, *["time_back"] * 4, None, None]


def test_a_date_that_was_never_trusted_is_no_measure_for_the_next() -> None:
    assert reasons(fix(900, trusted=False), fix(0)) == ["untrusted_date", None]


def test_the_same_epoch_again_is_refused() -> None:
    assert reasons(fix(0), fix(0), fix(1, 10)) == [None, "duplicate_epoch", None]


def test_a_frozen_position_is_refused_once_the_speed_claims_more_than_thirty_metres() -> None:
    frozen = [fix(second) for second in range(6)]
    assert reasons(*frozen) == [None, None, None, None, "frozen", "frozen"]
    assert reasons(*frozen, fix(6, 60))[-1] is None


def test_standing_on_the_same_digits_without_speed_is_no_frozen_position() -> None:
    assert set(reasons(*(fix(second, speed_mps=0.0) for second in range(50)))) == {None}
    assert set(reasons(*(fix(second, speed_mps=None) for second in range(50)))) == {None}


def test_speed_far_above_a_standing_position_is_refused() -> None:
    assert reasons(fix(0), fix(1, 0.5, speed_mps=16.4)) == [None, "speed_disagrees"]
    assert reasons(fix(0), fix(1, 0.5, speed_mps=10.0)) == [None, None]
    assert reasons(fix(0), fix(1, 3.0, speed_mps=16.4)) == [None, None]


def test_speed_is_not_compared_over_a_gap() -> None:
    assert reasons(fix(0), fix(5.0, 0.5, speed_mps=16.4)) == [None, "speed_disagrees"]
    assert reasons(fix(0), fix(5.1, 0.5, speed_mps=16.4)) == [None, None]


def test_the_date_line_is_no_teleport() -> None:
    east, west = 1_799_999_900, -1_799_999_900
    assert reasons(fix(0, longitude_e7=east, latitude_e7=1), fix(1, longitude_e7=west, latitude_e7=1)) == [
        None,
        None,
    ]


def test_limits_are_arguments() -> None:
    assert reasons(fix(hdop=2.0), limits=GateLimits(hdop_max=1.0)) == ["hdop"]
    assert reasons(fix(0), fix(1, 500), limits=GateLimits(jump_fixes=1)) == [None, None]
