"""When what was recorded leaves."""

from __future__ import annotations

import pytest

from agent.release import SLOT_S, Daily, Timed
from agent.service_day import DAY_S, Moment

TODAY = 20_700
FIVE, SIX = 5 * 3600, 6 * 3600


def daily(**changed: object) -> Daily:
    return Daily(
        [360, 300], {"track": 6, "harsh_braking": 1, "box": 1}, 4096, {"harsh_braking": 28}, **changed
    )  # type: ignore[arg-type]


def timed(every_s: int = 60) -> Timed:
    return Timed(every_s, 512, {"harsh_braking": 7})


@pytest.mark.parametrize(
    ("second", "inside"),
    [
        (FIVE - 1, False),
        (FIVE, True),
        (FIVE + SLOT_S - 1, True),
        (FIVE + SLOT_S, False),
        (SIX, True),
        (0, False),
    ],
)
def test_a_daily_release_knows_only_its_slots(second: int, inside: bool) -> None:
    assert daily().link_wanted(Moment(TODAY, second)) is inside
    assert daily().due(Moment(TODAY, second)) is inside


def test_a_daily_release_is_due_once_a_day() -> None:
    release = daily()
    seconds = range(0, DAY_S, 30)
    dues = [
        (day, second) for day in (TODAY, TODAY + 1) for second in seconds if release.due(Moment(day, second))
    ]
    assert dues == [(TODAY, FIVE), (TODAY + 1, FIVE)]


def test_the_first_slot_with_power_counts() -> None:
    release = daily()
    assert release.due(Moment(TODAY, SIX + 1))
    assert not release.due(Moment(TODAY, SIX + 2))
    assert release.due(Moment(TODAY + 1, FIVE))


def test_a_day_that_was_released_before_a_restart_is_not_released_again() -> None:
    release = daily()
    release.resume(TODAY)
    assert not release.due(Moment(TODAY, FIVE))
    assert release.due(Moment(TODAY + 1, FIVE))


def test_a_date_that_goes_back_releases_nothing_again() -> None:
    release = daily()
    assert release.due(Moment(TODAY, FIVE))
    assert not release.due(Moment(TODAY - 1, FIVE))
    assert not release.due(Moment(TODAY, SIX))


def test_daily_records_leave_on_a_later_day_and_held_ones_as_much_later() -> None:
    assert daily().before_day("track", TODAY) == TODAY
    assert daily().before_day("harsh_braking", TODAY) == TODAY - 28


def test_the_number_of_daily_envelopes_is_the_agreed_one() -> None:
    assert [daily().envelopes(stream) for stream in ("track", "harsh_braking", "box")] == [6, 1, 1]


@pytest.mark.parametrize("started_s", [0, 1, 30, 59])
def test_a_timed_release_keeps_its_phase_whenever_the_truck_started(started_s: int) -> None:
    release = timed()
    dues = [second for second in range(started_s, 200) if release.due(Moment(TODAY, second))]
    assert dues == [60, 120, 180]


def test_a_timed_release_that_was_missed_comes_late_and_once() -> None:
    release = timed()
    dues = [second for second in (10, 50, 130, 140, 179, 181) if release.due(Moment(TODAY, second))]
    assert dues == [130, 181]


def test_midnight_is_a_multiple_of_every_period() -> None:
    release = timed(7000)
    assert not release.due(Moment(TODAY, DAY_S - 1))
    assert release.due(Moment(TODAY + 1, 0))


def test_a_timed_release_is_not_due_again_when_the_date_goes_back() -> None:
    release = timed()
    assert not release.due(Moment(TODAY, 60))
    assert not release.due(Moment(TODAY - 1, 3000))
    assert not release.due(Moment(TODAY, 61))
    assert release.due(Moment(TODAY, 120))


def test_a_timed_release_takes_today_s_records_but_held_ones() -> None:
    assert timed().before_day("track", TODAY) == TODAY + 1
    assert timed().before_day("harsh_braking", TODAY) == TODAY - 6
    assert timed().envelopes("track") is None
    assert timed().link_wanted(Moment(TODAY, 0))


@pytest.mark.parametrize("release", [timed(), daily()])
def test_a_record_is_never_held_for_less_than_agreed(release: Timed | Daily) -> None:
    held_days = 7 if isinstance(release, Timed) else 28
    newest_to_leave = release.before_day("harsh_braking", TODAY) - 1
    assert TODAY - newest_to_leave >= held_days
