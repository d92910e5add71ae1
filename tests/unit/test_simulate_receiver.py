"""The simulated receiver: nine good sentences for each reading, errors of the size asked for, outages."""

from __future__ import annotations

import functools
import itertools
import statistics
from collections import Counter

import pynmea2
import pytest

from drivers.simulate import shift
from drivers.simulate.plane import chance
from drivers.simulate.sentences import Constellation, angle, with_checksum


@functools.cache
def parsed(seed: int, hours: float) -> list[list[pynmea2.NMEASentence]]:
    return [
        [pynmea2.parse(line.decode("ascii"), check=True) for line in group]
        for group in shift(seed, hours).nmea_readings()
    ]


def test_every_sentence_of_a_shift_parses_with_its_checksum() -> None:
    groups = parsed(3, 3.2)
    kinds = ["RMC", "VTG", "GGA", "GSA", "GSV", "GSV", "GSV", "GLL", "ZDA"]
    assert all([line.sentence_type for line in group] == kinds for group in groups)
    assert len(groups) == 3.2 * 3600


def test_sentences_end_in_carriage_return_and_line_feed_and_fit_82_characters() -> None:
    for line in itertools.islice(shift(3, 3.2).nmea(), 40_000):
        assert line.endswith(b"\r\n")
        assert line.count(b"\n") == 1
        assert len(line) <= 82


def test_a_known_sentence_has_its_known_checksum() -> None:
    assert (
        with_checksum("GPGLL,4916.45,N,12311.12,W,225444,A") == b"$GPGLL,4916.45,N,12311.12,W,225444,A*31\r\n"
    )


@pytest.mark.parametrize(
    ("degrees", "text"),
    [
        (0.0, "0000.00000,N"),
        (41.5, "4130.00000,N"),
        (-33.25, "3315.00000,S"),
        (9.99999999999, "1000.00000,N"),  # rounds up into the next degree, never to 60 minutes
    ],
)
def test_degrees_become_degrees_and_minutes(degrees: float, text: str) -> None:
    assert angle(degrees, 2, "NS") == text


def test_the_cold_start_is_void_for_about_half_a_minute_and_names_no_place() -> None:
    groups = parsed(3, 3.2)
    void = list(itertools.takewhile(lambda group: group[0].status == "V", groups))
    assert 24 <= len(void) <= 35
    for group in void:
        assert (group[0].lat, group[2].lat, group[7].lat, group[8].day) == ("", "", "", None)
        assert group[2].gps_qual == 0
        assert group[0].timestamp == group[2].timestamp


def test_time_goes_on_by_a_second_through_outages() -> None:
    times = [group[0].timestamp for group in parsed(3, 3.2)]
    seconds = [(t.hour * 60 + t.minute) * 60 + t.second for t in times]
    assert all(b - a == 1 for a, b in itertools.pairwise(seconds))


def test_all_three_modes_occur_and_the_tunnel_starts_with_frozen_dead_reckoning() -> None:
    groups = parsed(3, 3.2)
    modes = Counter(group[0].mode_indicator for group in groups)
    assert set(modes) == {"A", "E", "N"}
    assert modes["A"] > 0.97 * len(groups)
    for before, after in itertools.pairwise(groups):
        if after[0].mode_indicator == "E":
            assert after[2].gps_qual == 6
            assert (after[0].spd_over_grnd, after[0].true_course) == (
                before[0].spd_over_grnd,
                before[0].true_course,
            )


@pytest.mark.parametrize("noise_m", [0.0, 1.5, 4.0])
def test_the_error_of_a_fix_has_the_size_asked_for(noise_m: float) -> None:
    errors_m = []
    for seed in range(4):  # drift changes over minutes, so a good figure needs hours
        drive = shift(seed, 1, noise_m=noise_m)
        for group, second in zip(drive.nmea_readings(), drive.truth(), strict=True):
            if second.at_s % 10 or sky_at(group) == "canyon":
                continue
            fix = pynmea2.parse(group[0].decode("ascii"))
            if fix.mode_indicator == "A":
                errors_m.append((fix.latitude - second.latitude_deg) * 111_195)
    assert statistics.pstdev(errors_m) == pytest.approx(noise_m, rel=0.3, abs=0.02)


def sky_at(group: list[bytes]) -> str:
    """A canyon shows as seven satellites in GGA."""
    return "canyon" if group[2].split(b",")[7] == b"07" else "open"


def test_errors_are_slow_from_second_to_second() -> None:
    drive = shift(4, 1)
    errors = []
    for group, second in zip(drive.nmea_readings(), drive.truth(), strict=True):
        fix = pynmea2.parse(group[0].decode("ascii"))
        errors.append((fix.latitude - second.latitude_deg) * 111_195 if fix.mode_indicator == "A" else None)
    steps = [b - a for a, b in itertools.pairwise(errors) if a is not None and b is not None]
    assert statistics.pstdev(steps) < 0.8


@pytest.mark.parametrize("rate_hz", [0.5, 2.0, 10.0])
def test_another_rate_gives_as_many_readings_and_finer_times(rate_hz: float) -> None:
    drive = shift(5, 0.1, rate_hz=rate_hz)
    groups = list(drive.nmea_readings())
    assert len(groups) == drive.readings == 360 * rate_hz
    stamps = {group[0].split(b",")[1] for group in groups}
    assert len(stamps) == len(groups)


def test_speed_is_nearly_nothing_while_standing_and_the_course_is_left_empty() -> None:
    drive = shift(4, 0.5)
    standing = [
        pynmea2.parse(group[0].decode("ascii"))
        for group, second in zip(drive.nmea_readings(), drive.truth(), strict=True)
        if second.state == "serving" and second.speed_mps == 0
    ]
    seen = [fix for fix in standing if fix.mode_indicator == "A"]
    assert all(fix.spd_over_grnd < 0.5 for fix in seen)
    assert statistics.mean(fix.true_course is None for fix in seen) > 0.9


def test_satellites_move_slowly_and_stay_in_the_sky() -> None:
    sky = Constellation(chance(1, "test"))
    for _ in range(600):
        sky = sky.later()
        assert all(
            5 < s.elevation_deg <= 89 and 0 <= s.azimuth_deg < 360 and 0 < s.signal < 60
            for s in sky.satellites
        )
