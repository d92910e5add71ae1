"""What no agreement holds: keys that name somebody, values out of range, places nowhere near; each in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agent.agreement.schema import AgreementFile
from config.shape import fields, models_of
from tests.sim.drives import square
from tests.unit.agreement_parts import Change, both, drop, everything, put, refusals, understood

# R5: nothing that names a person, a truck or a line.

NOBODY = [
    "driver",
    "driver_id",
    "badge",
    "roster",
    "crew",
    "crew_id",
    "plate",
    "vin",
    "imsi",
    "imei",
    "mac",
    "phone",
    "vehicle",
    "employee",
    "shift",
]


def mappings(tree: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of all mappings in a tree."""
    if isinstance(tree, dict):
        yield path
    for step, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        if isinstance(value, dict | list):
            yield from mappings(value, (*path, step))


def test_R5_no_key_anywhere_names_a_driver_a_badge_a_plate_or_a_line() -> None:
    paths: list[tuple[str | int, ...]] = []
    understood(change=both(everything, lambda tree: paths.extend(mappings(tree))))
    assert len(paths) > 25
    for path in paths:
        told = refusals(both(everything, *(put("x", *path, word) for word in NOBODY)))
        unknown = [line for line in told if "unknown key" in line]
        assert len(unknown) == len(NOBODY), path


def test_R5_no_field_of_the_schema_names_one() -> None:
    keys = {key for model in models_of(AgreementFile).values() for key in fields(model)}
    assert keys & set(NOBODY) == set()


def test_R5_no_envelopes_can_be_made_for_one() -> None:
    assert refusals(put(1, "release", "envelopes", "driver")) == [
        "release.envelopes.driver: envelopes for driver are agreed, but the stream is not: take them out"
    ]


# What can't be read at all.

REFUSED: dict[str, tuple[Change, str]] = {
    "another version of the format": (put(2, "fairhaul_agreement"), "fairhaul_agreement: found 2: write 1"),
    "no questions": (put([], "questions"), "questions: found 0 entries: write at least 1 entry"),
    "an unknown key": (
        put(1, "surprise"),
        "surprise: unknown key: allowed are fairhaul_agreement, id, version, city, groups, valid_until, behind, "
        "stop_all, questions, streams, release, places, duty, limits",
    ),
    "an unknown field of a stream": (
        put("1 s", "streams", "track", "speed"),
        "streams.track.speed: unknown key: allowed are precision, clock, retention",
    ),
    "no box": (drop("streams", "box"), "streams.box: missing: the box's own status; every agreement has it"),
    "no crews": (
        both(put(["operations", "safety"], "groups"), put("safety", "questions", 3, "owner")),
        "groups: crews are missing; no agreement without the crews",
    ),
    "a group alone": (put(["crews"], "groups"), "groups: found 1 entries: write at least 2 entries"),
    "a group twice": (
        put(["operations", "crews", "safety", "crews"], "groups"),
        "groups[4]: crews stands here twice: each group counts once",
    ),
    "a question that nobody asks": (
        put("harbour", "questions", 0, "owner"),
        "questions[1].owner: harbour is none of the groups: write which of them asks",
    ),
    "two questions of one name": (
        put("routes", "questions", 1, "id"),
        "questions[2].id: routes is the id of another question already",
    ),
    "a name with capitals": (
        put("Routes", "id"),
        "id: found 'Routes': a name of 1 to 63 of a-z, 0-9 and -",
    ),
    "a duty without the crew's switch": (
        put(["ignition"], "duty", "requires"),
        "duty.requires: crew_switch is missing; the crew can always pause recording",
    ),
    "no envelope": (
        put(0, "release", "envelopes", "track"),
        "release.envelopes.track: found 0, allowed is 1 to 100",
    ),
    "an envelope that holds no record": (
        put("1024 B", "release", "size"),
        "release.size: found 1024 B, allowed is 2 KiB to 8 KiB",
    ),
    "an envelope that is no row": (
        put("9 KiB", "release", "size"),
        "release.size: found 9 KiB, allowed is 2 KiB to 8 KiB",
    ),
    "no slot": (put([], "release", "slots"), "release.slots: found 0 entries: write at least 1 entry"),
    "too many slots": (
        put([f"{hour:02d}:00" for hour in range(24)] + ["04:10"], "release", "slots"),
        "release.slots: found 25 entries: write at most 24 entries",
    ),
    "a release of no kind": (drop("release", "kind"), "release.kind: missing: write daily or timed"),
    "a release of another kind": (
        put("hourly", "release", "kind"),
        "release.kind: found 'hourly': write daily or timed",
    ),
    "a cell below a hundred metres": (
        put("99 m", "streams", "harsh_braking", "cell"),
        "streams.harsh_braking.cell: found 99 m, allowed is 100 m to 10 km",
    ),
    "a stream kept for ever": (
        put("3651 days", "streams", "box", "retention"),
        "streams.box.retention: found 3651 days, allowed is 1 day to 3650 days",
    ),
    "braking not held at all": (
        put("0 days", "streams", "harsh_braking", "held"),
        "streams.harsh_braking.held: found 0 days, allowed is 1 day to 327 days",
    ),
    "help that is not exact": (
        put("100 m", "streams", "help", "precision"),
        "streams.help.precision: found '100 m': write exact",
    ),
    "dwell classes that are none": (
        put([], "streams", "site_visits", "dwell_classes"),
        "streams.site_visits.dwell_classes: found 0 entries: write at least 1 entry",
    ),
    "too many dwell classes": (
        put([f"{10 * i} min" for i in range(1, 8)], "streams", "site_visits", "dwell_classes"),
        "streams.site_visits.dwell_classes: found 7 entries: write at most 6 entries",
    ),
    "dwell classes that do not ascend": (
        put(["30 min", "30 min"], "streams", "site_visits", "dwell_classes"),
        "streams.site_visits.dwell_classes[2]: write a time that is at least 5 min longer than the one before it",
    ),
    "a dwell class that times a stay": (
        put(["299 s"], "streams", "site_visits", "dwell_classes"),
        "streams.site_visits.dwell_classes[1]: write a time that is at least 5 min longer than the one before it",
    ),
    "a standstill cap above twenty seconds": (
        put("21 s", "limits", "standstill_cap"),
        "limits.standstill_cap: found 21 s, allowed is 0 s to 20 s",
    ),
    "a stretch below a kilometre": (
        put("999 m", "limits", "stretch_length"),
        "limits.stretch_length: found 999 m, allowed is 1 km to 10 km",
    ),
    "a margin below nothing": (
        put("-1 m", "places", "off_limits", 0, "margin"),
        "places.off_limits[1].margin: found -1 m, allowed is 0 m to 1 km",
    ),
    "an unknown zone": (
        put("Europe/Atlantis", "duty", "time_zone"),
        "duty.time_zone: no time zone 'Europe/Atlantis'; write one like Europe/Madrid or UTC",
    ),
    "hours of no length": (
        put([{"from": "05:00", "to": "05:00"}], "duty", "schedule"),
        "duty.schedule[1].to: it ends when it begins: write when it ends, or leave the schedule out",
    ),
    "hours without an end": (
        put([{"from": "05:00"}], "duty", "schedule"),
        'duty.schedule[1].to: missing: when it ends, in quotes, such as "14:00"',
    ),
    "no allowed use": (
        put([], "questions", 0, "uses", "allowed"),
        "questions[1].uses.allowed: found 0 entries: write at least 1 entry",
    ),
    "no forbidden use": (
        put([], "questions", 0, "uses", "forbidden"),
        "questions[1].uses.forbidden: found 0 entries: write at least 1 entry",
    ),
    "a site of no kind": (
        put("canteen", "places", "sites", 0, "kind"),
        "places.sites[1].kind: found 'canteen': write landfill, transfer_station or depot",
    ),
    "two sites of one name": (
        put("landfill-south", "places", "sites", 1, "id"),
        "places.sites[2].id: landfill-south is the id of another site already",
    ),
    "a site far from the service area": (
        put(square(90_000, 0, 100), "places", "sites", 0, "area"),
        "places.sites[1]: landfill-south lies nowhere near the service area, so no visit is ever seen; "
        "GeoJSON writes the longitude first, then the latitude",
    ),
    "a place off limits far from the service area": (
        put(square(90_000, 0, 100), "places", "off_limits", 0, "area"),
        "places.off_limits[1]: union hall lies nowhere near the service area; "
        "GeoJSON writes the longitude first, then the latitude",
    ),
    "a stop_all that is none": (
        put("yes", "stop_all"),
        "stop_all: found 'yes': write true or false; did you mean 'true'?",
    ),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_can_t_be_kept_is_refused_with_a_sentence(name: str) -> None:
    change, says = REFUSED[name]
    assert refusals(change) == [says]


@pytest.mark.parametrize("time", ["25:00", "05:00:30", "05:00+02:00", "٠٥:٠٠", "5:00", 530])
@pytest.mark.parametrize(
    "path", [("release", "slots"), ("release", "fleet_slots"), ("duty", "day_starts")], ids=str
)
def test_a_time_of_day_is_hours_and_minutes_in_quotes(path: tuple[str, str], time: Any) -> None:
    value = time if path[1] == "day_starts" else [time]
    (told,) = refusals(put(value, *path))
    assert told.endswith(': write the time of day in quotes as "HH:MM", for example "05:30"')
