"""Whether an agreement lets out no more than another is decided part by part."""

from __future__ import annotations

import pytest

from tests.sim.drives import square
from tests.unit.agreement_parts import Change, Tree, both, drop, everything, put, understood

POINTS = {"type": "MultiPoint", "coordinates": [[-4.0, 40.01], [-4.0, 40.02]]}


def whole(tree: Tree) -> None:
    """Every stream, more places, two hours' duty and limits with room on both sides."""
    everything(tree)
    tree["streams"]["track"] |= {"precision": "10 m", "clock": "minute"}
    tree["streams"]["lifts"] = {"cell": "200 m", "retention": "60 days"}
    tree["streams"]["stops"]["snapped_to"] = dict(POINTS)
    tree["streams"]["site_visits"]["dwell_classes"] = ["15 min", "45 min"]
    tree["places"]["off_limits"].append({"name": "clinic", "margin": "20 m", "area": square(900, 900, 50)})
    tree["limits"] = {
        "standstill_cap": "10 s",
        "stretch_length": "2 km",
        "trim": "60 m",
        "speed_ceiling": "20 m/s",
        "device_retention": "80 days",
    }
    tree["duty"]["requires"] = ["crew_switch"]


def no_stream(name: str) -> Change:
    return both(drop("streams", name), lambda tree: tree["questions"][0]["needs"].remove(name))


def another_question(tree: Tree) -> None:
    tree["questions"].append(tree["questions"][0] | {"id": "another"})


def more_off_limits(tree: Tree) -> None:
    tree["places"]["off_limits"].append({"name": "mosque", "margin": "0 m", "area": square(-900, 0, 50)})


NARROWER: dict[str, Change] = {
    "itself": lambda tree: None,
    "a version later, and to end later": both(put(2, "version"), put("2030-12-31", "valid_until")),
    "a question for longer": put("2031-12-31", "questions", 0, "valid_until"),
    "a stream less": no_stream("live"),
    "a coarser way": put("20 m", "streams", "track", "precision"),
    "a coarser clock": put("stretch", "streams", "track", "clock"),
    "a larger cell": put("300 m", "streams", "lifts", "cell"),
    "a shorter retention": put("30 days", "streams", "day", "retention"),
    "brakings held longer": put("35 days", "streams", "harsh_braking", "held"),
    "a dwell class less": put(["45 min"], "streams", "site_visits", "dwell_classes"),
    "a declared point less": put(POINTS["coordinates"][:1], "streams", "stops", "snapped_to", "coordinates"),
    "a use less": put(["planning rounds"], "questions", 0, "uses", "allowed"),
    "a use more forbidden": put(
        ["discipline", "measuring the pace of a crew", "prizes"], "questions", 0, "uses", "forbidden"
    ),
    "a place more off limits": more_off_limits,
    "a wider margin": put("60 m", "places", "off_limits", 0, "margin"),
    "a site less": drop("places", "sites", 1),
    "both switches": put(["crew_switch", "ignition"], "duty", "requires"),
    "a shorter schedule": put([{"from": "06:00", "to": "12:00"}], "duty", "schedule"),
    "two schedules within": put(
        [{"from": "06:00", "to": "08:00"}, {"from": "10:00", "to": "12:00"}], "duty", "schedule"
    ),
    "a shorter cap": put("5 s", "limits", "standstill_cap"),
    "longer stretches": put("3 km", "limits", "stretch_length"),
    "more trimmed": put("100 m", "limits", "trim"),
    "a lower ceiling": put("15 m/s", "limits", "speed_ceiling"),
    "less kept on the truck": put("75 days", "limits", "device_retention"),
    "a slower release": put("120 s", "release", "every"),
}


@pytest.mark.parametrize("name", list(NARROWER))
def test_R14_what_lets_out_no_more_is_narrower(name: str) -> None:
    other = understood(change=whole)
    assert understood(change=both(whole, NARROWER[name])).narrower_than(other) is None


WIDER: dict[str, tuple[Change, str]] = {
    "a finer way": (put("9 m", "streams", "track", "precision"), "track: its precision is finer"),
    "a finer clock": (put("exact", "streams", "track", "clock"), "track: its clock is finer"),
    "a smaller cell": (put("199 m", "streams", "lifts", "cell"), "lifts: its cell is smaller"),
    "brakings held shorter": (
        put("27 days", "streams", "harsh_braking", "held"),
        "harsh_braking: it is held for a shorter time",
    ),
    "a longer retention": (put("61 days", "streams", "day", "retention"), "day: its retention is longer"),
    "other dwell classes": (
        put(["15 min", "30 min"], "streams", "site_visits", "dwell_classes"),
        "site_visits: its dwell classes are others",
    ),
    "stops where they are": (
        drop("streams", "stops", "snapped_to"),
        "stops: its stops are snapped to other points",
    ),
    "other points": (
        put([[-4.0, 40.03]], "streams", "stops", "snapped_to", "coordinates"),
        "stops: its stops are snapped to other points",
    ),
    "another question": (another_question, "question another is another, or has other uses"),
    "another purpose": (
        put("rate crews", "questions", 0, "purpose"),
        "question routes is another, or has other uses",
    ),
    "another use": (
        put(["pay"], "questions", 0, "uses", "allowed"),
        "question routes is another, or has other uses",
    ),
    "less forbidden": (
        put(["discipline"], "questions", 0, "uses", "forbidden"),
        "question routes is another, or has other uses",
    ),
    "a faster release": (put("59 s", "release", "every"), "its release comes more often"),
    "another service area": (
        put(square(0, 0, 3800), "places", "service_area"),
        "its service area is another",
    ),
    "another grid": (
        put(40.0001, "places", "origin", "latitude_deg"),
        "the origin of its cells is another, and two grids together are finer than one",
    ),
    "a place less off limits": (
        drop("places", "off_limits", 1),
        "clinic is not off limits any more, or less of it",
    ),
    "a narrower margin": (
        put("49 m", "places", "off_limits", 0, "margin"),
        "union hall is not off limits any more, or less of it",
    ),
    "a place moved": (
        put(square(900, 901, 50), "places", "off_limits", 1, "area"),
        "clinic is not off limits any more, or less of it",
    ),
    "another site": (
        put("gate", "places", "sites", 0, "id"),
        "it has sites that the other does not have",
    ),
    "another zone": (put("UTC", "duty", "time_zone"), "its service days begin at other times"),
    "another day": (put("15:00", "duty", "day_starts"), "its service days begin at other times"),
    "longer hours": (put("14:46", "duty", "schedule", 0, "to"), "its schedule is longer"),
    "any hour": (drop("duty", "schedule"), "its schedule is longer"),
    "a longer cap": (put("11 s", "limits", "standstill_cap"), "its standstill cap is longer"),
    "shorter stretches": (put("1999 m", "limits", "stretch_length"), "its stretches are shorter"),
    "less trimmed": (put("59 m", "limits", "trim"), "it trims less"),
    "a higher ceiling": (put("21 m/s", "limits", "speed_ceiling"), "its speed ceiling is higher"),
    "more kept on the truck": (put("81 days", "limits", "device_retention"), "it keeps longer on the truck"),
}


@pytest.mark.parametrize("name", list(WIDER))
def test_R14_what_lets_out_more_is_said(name: str) -> None:
    change, says = WIDER[name]
    wider, other = understood(change=both(whole, change)), understood(change=whole)
    assert wider.narrower_than(other) == says


def test_R14_a_stream_more_is_wider() -> None:
    less, more = understood(change=both(whole, no_stream("live"))), understood(change=whole)
    assert more.narrower_than(less) == "live is a stream that the other does not have"
    assert less.narrower_than(more) is None


def test_R14_less_required_of_duty_is_wider() -> None:
    more = both(whole, put(["crew_switch", "ignition"], "duty", "requires"))
    assert understood(change=whole).narrower_than(understood(change=more)) == "it requires less of duty"


def daily(tree: Tree) -> None:
    """Only brakings, released daily."""
    keep = {name: tree["streams"][name] for name in ("harsh_braking", "box")}
    tree["streams"], tree["questions"][0]["needs"] = keep, ["harsh_braking"]
    tree["release"] = {
        "kind": "daily",
        "slots": ["20:00"],
        "fleet_slots": ["21:00"],
        "envelopes": {"harsh_braking": 1, "box": 1},
        "size": "4096 B",
    }


def test_R14_a_daily_release_is_narrower_than_a_timed_one_and_not_the_other_way() -> None:
    timed, later = understood(change=whole), understood(change=both(whole, daily))
    assert later.narrower_than(timed) is None
    timed_too = both(whole, daily, put({"kind": "timed", "every": "60 s", "size": "512 B"}, "release"))
    both_brakings = understood(change=both(timed_too, put(["21:00"], "release", "fleet_slots")))
    assert both_brakings.narrower_than(later) == "its release is timed, which shows breaks"


def test_of_the_examples_safety_only_is_narrower_than_the_recommended_one() -> None:
    safety, routes, operations = (
        understood(name) for name in ("safety-only", "routes-and-safety", "operations")
    )
    assert safety.narrower_than(routes) is None
    assert safety.narrower_than(operations) is None
    assert routes.narrower_than(safety) == "track is a stream that the other does not have"
    assert operations.narrower_than(routes) is not None
