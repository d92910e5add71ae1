"""When what was recorded leaves."""

from __future__ import annotations

import pytest

from agent.columns import STREAMS
from agent.records import iso_date
from agent.release import DAY_TOTALS, SLOT_S, WINDOW_LATE_S, Daily, Slots, Timed, lane_of
from agent.service_day import DAY_S, Moment
from agent.streams.passed import WINDOW_S

TODAY = 20_700
FIVE, SIX, NINE_PM = 5 * 3600, 6 * 3600, 21 * 3600


def daily() -> Daily:
    envelopes = {"track": 6, "harsh_braking": 1, "box": 1}
    return Daily({"truck": [SIX, FIVE], "fleet": [NINE_PM]}, envelopes, 4096, {"harsh_braking": 28})


def timed(every_s: int = 60) -> Timed:
    return Timed(every_s, 512, {"harsh_braking": 7}, [NINE_PM])


def test_brakings_go_by_a_lane_of_their_own() -> None:
    assert {stream for stream in STREAMS if lane_of(stream) == "fleet"} == {"harsh_braking"}


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
    assert daily().open(Moment(TODAY, second)) == ({"truck"} if inside else set())
    assert daily().due(Moment(TODAY, second)) == (["truck"] if inside else [])


def test_a_daily_release_is_due_once_a_day() -> None:
    release = daily()
    seconds = range(0, DAY_S, 30)
    dues = [
        (day, second, lanes)
        for day in (TODAY, TODAY + 1)
        for second in seconds
        if (lanes := release.due(Moment(day, second)))
    ]
    assert dues == [
        (day, second, [lane])
        for day in (TODAY, TODAY + 1)
        for second, lane in ((FIVE, "truck"), (NINE_PM, "fleet"))
    ]


def test_the_first_slot_with_power_counts() -> None:
    release = daily()
    assert release.due(Moment(TODAY, SIX + 1))
    assert not release.due(Moment(TODAY, SIX + 2))
    assert release.due(Moment(TODAY + 1, FIVE))


def test_a_day_that_was_released_before_a_restart_is_not_released_again() -> None:
    release = daily()
    release.resume("truck", TODAY)
    assert not release.due(Moment(TODAY, FIVE))
    assert release.due(Moment(TODAY + 1, FIVE))


def test_where_a_slot_is_not_tried_again_the_day_s_others_stay_closed_after_a_restart_too() -> None:
    once = Slots([FIVE, SIX], again=False)
    assert once.open(Moment(TODAY, FIVE))
    assert once.due(Moment(TODAY, FIVE))
    assert [once.open(Moment(TODAY, second)) for second in (FIVE + SLOT_S - 1, SIX)] == [True, False]
    assert once.open(Moment(TODAY + 1, SIX))
    assert once.due(Moment(TODAY + 1, SIX))
    assert [once.open(Moment(TODAY + 1, second)) for second in (FIVE, SIX)] == [False, True]
    restarted = Slots([FIVE, SIX], again=False)
    restarted.resume(TODAY + 1)
    assert [restarted.open(Moment(day, SIX)) for day in (TODAY + 1, TODAY + 2)] == [False, True]


def test_a_date_that_goes_back_releases_nothing_again() -> None:
    release = daily()
    assert release.due(Moment(TODAY, FIVE))
    assert not release.due(Moment(TODAY - 1, FIVE))
    assert not release.due(Moment(TODAY, SIX))


def test_daily_records_leave_on_a_later_day() -> None:
    assert daily().before_day("track", TODAY) == TODAY


@pytest.mark.parametrize("release", [timed(), daily()])
@pytest.mark.parametrize("today", range(TODAY, TODAY + 70))
def test_R18_the_day_on_which_a_braking_leaves_tells_no_more_than_its_month(
    release: Timed | Daily, today: int
) -> None:
    held_days = 7 if isinstance(release, Timed) else 28
    before = release.before_day("harsh_braking", today)
    assert iso_date(before).endswith("-01")
    assert today - before >= held_days  # and the month behind it has not been over for so long
    assert today - (before + 31) <= held_days


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


def test_a_timed_release_goes_on_after_a_date_that_was_far_ahead() -> None:
    for ahead in (2, 7168):
        release = timed(60)
        assert [release.due(Moment(day, 600)) for day in (TODAY + ahead, TODAY)] == [[], []]
        assert release.due(Moment(TODAY, 660)) == ["truck"]


def test_a_timed_release_takes_today_s_records_but_held_ones() -> None:
    assert timed().before_day("track", TODAY) == TODAY + 1
    assert timed().envelopes("track") is None


@pytest.mark.parametrize("release", [timed(), daily()])
def test_a_record_is_never_held_for_less_than_agreed(release: Timed | Daily) -> None:
    held_days = 7 if isinstance(release, Timed) else 28
    newest_to_leave = release.before_day("harsh_braking", TODAY) - 1
    assert TODAY - newest_to_leave >= held_days


@pytest.mark.parametrize("second", range(0, DAY_S, 293))
def test_the_lanes_of_a_day_share_no_slot(second: int) -> None:
    assert len(daily().open(Moment(TODAY, second))) <= 1


@pytest.mark.parametrize("stream", sorted(DAY_TOTALS))
def test_totals_of_a_day_leave_when_it_is_over_whatever_the_release(stream: str) -> None:
    assert timed().before_day(stream, TODAY) == daily().before_day(stream, TODAY) == TODAY


@pytest.mark.parametrize(
    ("second", "ripe"),
    [(4 * WINDOW_S + WINDOW_LATE_S - 1, False), (4 * WINDOW_S + WINDOW_LATE_S, True)],
)
def test_a_window_leaves_when_it_has_been_over_for_an_hour(second: int, ripe: bool) -> None:
    window = {"window": 3}
    assert timed().ripe("passed", TODAY, window, Moment(TODAY, second)) is ripe
    assert timed().ripe("passed", TODAY - 1, window, Moment(TODAY, 0))
    assert timed().ripe("track", TODAY, {}, Moment(TODAY, second))


def test_the_last_window_of_a_day_leaves_on_the_next() -> None:
    last = {"window": DAY_S // WINDOW_S - 1}
    assert not timed().ripe("passed", TODAY, last, Moment(TODAY + 1, WINDOW_LATE_S - 1))
    assert timed().ripe("passed", TODAY, last, Moment(TODAY + 1, WINDOW_LATE_S))


def test_a_timed_release_lets_brakings_out_within_their_slots_alone() -> None:
    release = timed()
    assert release.open(Moment(TODAY, NINE_PM - 1)) == {"truck"}
    assert release.open(Moment(TODAY, NINE_PM)) == {"truck", "fleet"}
    assert release.open(Moment(TODAY, NINE_PM + SLOT_S)) == {"truck"}
    dues = [(day, second) for day in (TODAY, TODAY + 1) for second in range(0, DAY_S, 20)]
    assert [due for due in dues if "fleet" in release.due(Moment(*due))] == [
        (TODAY, NINE_PM),
        (TODAY + 1, NINE_PM),
    ]


@pytest.mark.parametrize(
    ("second", "seconds"),
    [
        (0, FIVE),
        (FIVE - 1, 1),
        (FIVE, SLOT_S),
        (FIVE + SLOT_S - 1, 1),
        (FIVE + SLOT_S, SIX - FIVE - SLOT_S),
        (NINE_PM + SLOT_S, DAY_S - NINE_PM - SLOT_S),
    ],
)
def test_a_release_knows_when_its_next_slot_begins_or_ends(second: int, seconds: int) -> None:
    assert daily().change_s(Moment(TODAY, second)) == seconds


def test_without_slots_nothing_is_ever_due() -> None:
    slots = Slots([])
    assert not any(slots.due(Moment(TODAY, second)) for second in range(0, DAY_S, 60))
    assert slots.change_s(Moment(TODAY, 0)) == DAY_S
