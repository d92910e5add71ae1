"""What an agreement must not say, and the sentence that each is refused with."""

from __future__ import annotations

import pytest

from agent.agreement.promises import DAILY_RETENTION_DAYS_MIN, SLOT_MINUTES
from agent.release import SLOT_S
from tests.unit.agreement_parts import (
    CELL,
    EVERY_STREAM,
    Change,
    Tree,
    agreed,
    both,
    drop,
    everything,
    put,
    refusals,
    understood,
)

LENGTH = "how long receipts stay on the truck and the city may keep it, such as 60 days"


def test_all_streams_there_are_can_be_agreed_on_together() -> None:
    assert list(understood(change=everything).file.agreed_streams()) == list(EVERY_STREAM)


# R12: every field has purpose, precision and retention.


@pytest.mark.parametrize("stream", list(EVERY_STREAM))
def test_R12_a_stream_without_a_retention_is_refused(stream: str) -> None:
    change = both(everything, drop("streams", stream, "retention"))
    assert refusals(change) == [f"streams.{stream}.retention: missing: {LENGTH}"]


PRECISIONS = {
    "track": ("precision", "how far the line may lie from where the truck drove, such as 5 m"),
    "stops": ("precision", "how exact the place is, such as 10 m"),
    "day": ("precision", "what the distance is rounded to, such as 100 m"),
    "help": ("precision", "write exact: help must be found"),
    "site_visits": ("dwell_classes", "the times that part one class from the next, such as [10 min, 30 min]"),
    **dict.fromkeys(
        ("lifts", "passed", "harsh_braking", "crew_report", "live"),
        ("cell", "edge of the square that stands for the place, such as 100 m"),
    ),
}


def test_every_stream_but_the_box_has_a_precision() -> None:
    assert set(PRECISIONS) | {"box"} == set(EVERY_STREAM)


@pytest.mark.parametrize("stream", list(PRECISIONS))
def test_R12_a_stream_without_a_precision_is_refused(stream: str) -> None:
    key, says = PRECISIONS[stream]
    assert refusals(both(everything, drop("streams", stream, key))) == [
        f"streams.{stream}.{key}: missing: {says}"
    ]


@pytest.mark.parametrize("stream", [name for name in EVERY_STREAM if name != "box"])
def test_R12_a_stream_that_answers_no_question_is_refused(stream: str) -> None:
    def change(tree: Tree) -> None:
        everything(tree)
        tree["questions"][0]["needs"].remove(stream)

    says = f"no question needs {stream}: name it under the `needs:` of a question, or take it out"
    assert refusals(change) == [f"streams.{stream}: {says}"]


@pytest.mark.parametrize("stream", [name for name in EVERY_STREAM if name != "box"])
def test_R12_a_question_of_a_stream_that_is_not_agreed_is_refused(stream: str) -> None:
    slots = [] if stream == "harsh_braking" else ["21:00"]
    change = both(everything, drop("streams", stream), put(slots, "release", "fleet_slots"))
    number = [name for name in EVERY_STREAM if name != "box"].index(stream) + 1
    says = f"question routes needs {stream}, which stands under no streams"
    assert refusals(change) == [f"questions[1].needs[{number}]: {says}"]


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("purpose", "missing: what the answer is for, in plain words"),
        ("asks", "missing: the question, in plain words"),
        ("owner", "missing: which of the groups asks"),
        ("valid_until", "missing: the last date on which it is asked"),
        ("uses", "missing: what the answer may and may not be used for"),
        ("needs", "missing: the streams that answer it"),
    ],
)
def test_R12_a_question_without_a_purpose_or_an_end_is_refused(key: str, says: str) -> None:
    assert refusals(drop("questions", 0, key)) == [f"questions[1].{key}: {says}"]


def test_all_mistakes_are_told_at_once() -> None:
    change = both(
        put(["operations", "it", "it", "safety"], "groups"),
        put("20 days", "limits", "device_retention"),
        put("exact", "streams", "track", "clock"),
        put(["04:30", "04:35"], "release", "slots"),
    )
    assert [line.partition(":")[0] for line in refusals(change)] == [
        "groups",
        "groups[3]",
        "questions[4].owner",
        "streams.track.clock",
        "release.slots[2]",
        "limits.device_retention",
    ]


# What the release promises.

PASSED = "passed says the hours at which it was somewhere"
LIVE = "live says where the truck is now"
NOT_DAILY = (
    "a daily release promises that nothing says when it was, and {}: take it out, or agree on a timed release"
)
IN_SCHEDULE = (
    "a daily release is silent on duty, and this slot of 10 min lies in the schedule: write a time outside it"
)
POINTS = {"type": "MultiPoint", "coordinates": [[-4.0, 40.01], [-4.001, 40.0015], [-3.8, 40.01]]}
STOPS = {"precision": "10 m", "retention": "60 days"}


NO_SCHEDULE = drop("duty", "schedule")
NO_BRAKING = both(
    drop("streams", "harsh_braking"),
    drop("questions", 2),
    drop("release", "envelopes", "harsh_braking"),
    drop("release", "fleet_slots"),
)


BROKEN_PROMISES: dict[str, tuple[Change, list[str]]] = {
    "times at points": (
        put("minute", "streams", "track", "clock"),
        [
            "streams.track.clock: a daily release promises that no time but a stretch's leaves: "
            "clock must be stretch"
        ],
    ),
    "hours of passing": (agreed("passed", CELL), [f"streams.passed: {NOT_DAILY.format(PASSED)}"]),
    "where it is now": (agreed("live", CELL), [f"streams.live: {NOT_DAILY.format(LIVE)}"]),
    "stops where they are": (
        agreed("stops", STOPS | {"gives_away_breaks": "accepted"}),
        [
            "streams.stops: a daily release promises to hide breaks, and stops show them: declare the points "
            "that may be shown as `snapped_to:`, or take stops out"
        ],
    ),
    "snapped stops that nobody accepted": (
        agreed("stops", STOPS | {"snapped_to": {"type": "MultiPoint", "coordinates": [[-4.0, 40.01]]}}),
        [
            "streams.stops: stops at declared points still show some breaks: write "
            "`gives_away_breaks: accepted` if crews agree to that, or take stops out"
        ],
    ),
    "declared points that may not be published": (
        agreed("stops", STOPS | {"snapped_to": POINTS, "gives_away_breaks": "accepted"}),
        [
            "streams.stops.snapped_to.coordinates[2]: position 2 lies off limits: take it out",
            "streams.stops.snapped_to.coordinates[3]: position 3 lies outside the service area: take it out",
        ],
    ),
    "breaks accepted by halves": (
        agreed("stops", STOPS | {"gives_away_breaks": True}),
        ["streams.stops.gives_away_breaks: found true: write accepted"],
    ),
    "visits without sites": (
        drop("places", "sites"),
        [
            "streams.site_visits: no sites are declared: write them under `places:` as `sites:`, "
            "or take site_visits out"
        ],
    ),
    "a slot in the schedule": (
        put(["04:30", "10:00"], "release", "slots"),
        [f"release.slots[2]: {IN_SCHEDULE}"],
    ),
    "a slot that reaches into the schedule": (
        put(["05:21"], "release", "slots"),
        [f"release.slots[1]: {IN_SCHEDULE}"],
    ),
    "a slot as the schedule ends": (put(["14:44"], "release", "slots"), [f"release.slots[1]: {IN_SCHEDULE}"]),
    "a fleet's slot in the schedule": (
        put(["12:00"], "release", "fleet_slots"),
        [f"release.fleet_slots[1]: {IN_SCHEDULE}"],
    ),
    "a slot in a schedule round midnight": (
        both(
            put([{"from": "20:00", "to": "03:50"}], "duty", "schedule"),
            put("12:00", "duty", "day_starts"),
            put(["23:00", "00:30", "03:45"], "release", "slots"),
        ),
        [
            f"release.slots[1]: {IN_SCHEDULE}",
            f"release.slots[2]: {IN_SCHEDULE}",
            f"release.slots[3]: {IN_SCHEDULE}",
            f"release.fleet_slots[7]: {IN_SCHEDULE}",
        ],
    ),
    "a day that begins in a shift": (
        put("05:30", "duty", "day_starts"),
        [
            "duty.day_starts: a service day that begins at 05:30 parts a shift in two: "
            "write a time outside the schedule"
        ],
    ),
    "two slots too near": (
        put(["04:00", "04:09"], "release", "slots"),
        [
            "release.slots[2]: found 04:09, less than 10 min from the slot at 04:00: write them farther apart",
            "release.fleet_slots[1]: found 04:15, less than 10 min from the slot at 04:09: write them farther apart",
        ],
    ),
    "the truck's and the fleet's slot together": (
        put(["05:00"], "release", "fleet_slots"),
        [
            "release.fleet_slots[1]: found 05:00, less than 10 min from the slot at 05:00: "
            "write them farther apart"
        ],
    ),
    "two slots too near round midnight": (
        both(put("12:00", "duty", "day_starts"), NO_SCHEDULE, put(["23:55", "00:04"], "release", "slots")),
        ["release.slots[2]: found 00:04, less than 10 min from the slot at 23:55: write them farther apart"],
    ),
    "a slot over the end of the day": (
        put(["23:51"], "release", "slots"),
        [
            "release.slots[1]: a slot lasts 10 min, and this one would not end before the next service day begins "
            "at 00:00: write another time"
        ],
    ),
    "brakings without slots of their own": (
        drop("release", "fleet_slots"),
        [
            "release.fleet_slots: missing: harsh_braking leaves apart from all that is the truck's own; "
            'write times of the day for it, such as ["21:00"]'
        ],
    ),
    "slots for brakings that are not agreed": (
        both(NO_BRAKING, put(["21:00"], "release", "fleet_slots")),
        ["release.fleet_slots: no harsh_braking is agreed, and nothing else leaves in them: take them out"],
    ),
    "brakings that go before they may leave": (
        put("65 days", "limits", "device_retention"),
        [
            "limits.device_retention: harsh_braking is held for 28 days, leaves a month at a time and must then find "
            "a slot: write 66 days or more, or hold it for less"
        ],
    ),
    "records that go before a slot comes": (
        both(NO_BRAKING, put("13 days", "limits", "device_retention")),
        [
            "limits.device_retention: a daily release waits for a slot with power and coverage: "
            "write 14 days or more"
        ],
    ),
    "a line that shows single fixes": (
        put("4 m", "streams", "track", "precision"),
        [
            "streams.track.precision: a daily release promises that no speed leaves, and a finer line would show "
            "single fixes, whose distance is a speed: write 5 m or more"
        ],
    ),
    "no envelopes for a stream": (
        drop("release", "envelopes", "track"),
        [
            "release.envelopes: envelopes for track are missing: write how many leave in a day, such as `track: 1`"
        ],
    ),
    "envelopes for a stream that is not agreed": (
        put(1, "release", "envelopes", "live"),
        ["release.envelopes.live: envelopes for live are agreed, but the stream is not: take them out"],
    ),
    "envelopes for help": (
        put(1, "release", "envelopes", "help"),
        ["release.envelopes.help: help leaves at once and in no envelope: take this out"],
    ),
}


@pytest.mark.parametrize("name", list(BROKEN_PROMISES))
def test_R12_what_the_release_can_t_keep_is_refused(name: str) -> None:
    change, says = BROKEN_PROMISES[name]
    assert refusals(change) == says


TIMED_PROMISES: dict[str, tuple[Change, list[str]]] = {
    "brakings without slots of their own": (
        drop("release", "fleet_slots"),
        [
            "release.fleet_slots: missing: harsh_braking leaves apart from all that is the truck's own; "
            'write times of the day for it, such as ["21:00"]'
        ],
    ),
    "two of the fleet's slots too near": (
        put(["21:00", "21:09"], "release", "fleet_slots"),
        [
            "release.fleet_slots[2]: found 21:09, less than 10 min from the slot at 21:00: write them farther apart"
        ],
    ),
    "envelopes": (
        put({"track": 1}, "release", "envelopes"),
        ["release.envelopes: unknown key: allowed are kind, every, size, fleet_slots"],
    ),
    "slots": (
        put(["05:00"], "release", "slots"),
        ["release.slots: unknown key: allowed are kind, every, size, fleet_slots"],
    ),
}


@pytest.mark.parametrize("name", list(TIMED_PROMISES))
def test_R12_what_a_timed_release_can_t_keep_is_refused(name: str) -> None:
    change, says = TIMED_PROMISES[name]
    assert refusals(change, "operations") == says


def test_what_a_daily_release_promises_is_no_limit_to_a_timed_one() -> None:
    assert understood("operations", put("exact", "streams", "track", "clock"))
    assert understood("operations", put([{"from": "05:00", "to": "22:00"}], "duty", "schedule"))
    assert understood("operations", put("66 days", "limits", "device_retention"))
    assert understood("operations", put("2 m", "streams", "track", "precision"))


def test_at_the_limits_a_daily_release_is_understood() -> None:
    assert understood(change=put(["04:00", "05:20", "14:45", "23:50", "00:00"], "release", "slots"))
    assert understood(change=put("14:45", "duty", "day_starts"))
    assert understood(change=put("66 days", "limits", "device_retention"))
    assert understood(change=put("5 m", "streams", "track", "precision"))
    shortest = put(f"{DAILY_RETENTION_DAYS_MIN} days", "limits", "device_retention")
    assert understood(change=both(NO_BRAKING, shortest))
    assert understood(change=agreed("stops", EVERY_STREAM["stops"]))


def test_brakings_are_held_for_four_weeks_when_nothing_is_said() -> None:
    braking = understood(change=drop("streams", "harsh_braking", "held")).file.streams.harsh_braking
    assert braking is not None
    assert braking.held == 28


def test_a_slot_is_as_long_here_as_where_it_is_kept() -> None:
    assert SLOT_MINUTES * 60 == SLOT_S
