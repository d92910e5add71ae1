"""An agreement is understood in full, or it is none."""

from __future__ import annotations

import contextlib
import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.agreement import Agreement, canonical_json, load_agreement
from agent.agreement.schema import RING_POINTS_MAX
from agent.geometry import Point
from agent.records import day_number
from agent.surroundings import EXAMPLE_AGREEMENT
from config.load import ConfigurationError, load_yaml
from tests.sim.drives import AREA_M, PLANE, agreement, square

Tree = dict[str, Any]
TEXT = EXAMPLE_AGREEMENT.read_text(encoding="utf-8")


def refusal(change: Callable[[Tree], object]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        agreement(change=lambda tree: change(tree) and None)  # type: ignore[func-returns-value]
    return str(caught.value)


def put(value: Any, *path: str | int) -> Callable[[Tree], None]:
    def change(tree: Any) -> None:
        for step in path[:-1]:
            tree = tree[step]
        tree[path[-1]] = value

    return change


def drop(*path: str | int) -> Callable[[Tree], None]:
    def change(tree: Any) -> None:
        for step in path[:-1]:
            tree = tree[step]
        del tree[path[-1]]

    return change


# Identity.


def test_comments_and_order_are_no_part_of_an_agreement_s_identity(tmp_path: Path) -> None:
    one, other = tmp_path / "a.yaml", tmp_path / "b.yaml"
    one.write_text(TEXT, encoding="utf-8")
    other.write_text("# another comment\n" + TEXT.replace("\n\n", "\n\n# and more\n\n"), encoding="utf-8")
    assert load_agreement(one).reference == load_agreement(other).reference
    assert (
        canonical_json({"b": 1, "a": [1, 2]}) == canonical_json({"a": [1, 2], "b": 1}) == '{"a":[1,2],"b":1}'
    )


def test_any_value_is_part_of_it() -> None:
    assert agreement().reference != agreement(change=put("51 m", "limits", "trim")).reference


# Places.


@pytest.mark.parametrize(
    ("x_m", "y_m", "allowed"),
    [
        (0, 0, True),
        (AREA_M - 1, 0, True),
        (AREA_M + 1, 0, False),
        (0, 3000, False),
        (0, 3149, False),
        (0, 3151, True),
        (134, 3134, False),
        (136, 3136, True),
    ],
)
def test_only_the_service_area_without_what_is_off_limits_is_publishable(
    x_m: float, y_m: float, allowed: bool
) -> None:
    assert agreement().allows(PLANE.point(x_m, y_m)) is allowed


def test_overlapping_places_hide_what_any_of_them_hides_in_any_order() -> None:
    def overlapping(order: int) -> Callable[[Tree], None]:
        places = [{"name": str(i), "margin": "10 m", "area": square(150 * i, 0, 100)} for i in range(3)]
        return put(places[::order], "places", "off_limits")

    rng = random.Random(3)
    one, other = (agreement(change=overlapping(order)) for order in (1, -1))
    points = [PLANE.point(rng.uniform(-200, 600), rng.uniform(-200, 200)) for _ in range(500)]
    assert [one.allows(point) for point in points] == [other.allows(point) for point in points]
    assert {one.allows(point) for point in points} == {True, False}


def test_a_multipolygon_and_a_hole_are_areas() -> None:
    inner = square(0, 0, 50)["coordinates"][0]

    def change(tree: Tree) -> None:
        outer = square(0, 0, 500)["coordinates"][0]
        other = square(2000, 0, 100)["coordinates"][0]
        tree["places"]["service_area"] = {"type": "MultiPolygon", "coordinates": [[outer, inner], [other]]}
        tree["places"]["off_limits"] = []

    allows = agreement(change=change).allows
    assert [allows(PLANE.point(x, 0)) for x in (0, 100, 1000, 2000)] == [False, True, False, True]


def test_the_world_and_its_places_may_lie_across_the_antimeridian() -> None:
    def moved(tree: Tree) -> None:
        for part in (tree["places"]["service_area"], tree["places"]["off_limits"][0]["area"]):
            for place in part["coordinates"][0]:
                place[0] = (place[0] + 4 + 180 + 180) % 360 - 180
        tree["places"]["origin"]["longitude_deg"] = 180

    here, there = agreement(), agreement(change=moved)
    rng = random.Random(1)
    for _ in range(300):
        point = PLANE.point(rng.uniform(-4500, 4500), rng.uniform(-4500, 4500))
        turned = (point.longitude_e7 + 40_000_000 + 3_600_000_000) % 3_600_000_000 - 1_800_000_000
        assert here.allows(point) == there.allows(Point(point.latitude_e7, turned))


# What is collected, and until when.


def test_a_stream_is_collected_while_some_live_question_needs_it() -> None:
    def change(tree: Tree) -> None:
        tree["questions"][0]["valid_until"] = "2027-06-30"
        tree["questions"][1]["valid_until"] = "2027-12-31"
        tree["valid_until"] = "2027-12-31"

    agreed = agreement(change=change)
    days = [
        day_number(date) for date in ("2027-06-30", "2027-07-01", "2027-12-31", "2028-01-01", "2099-12-31")
    ]
    both, braking, box = {"track", "harsh_braking", "box"}, {"harsh_braking", "box"}, {"box"}
    assert [set(agreed.collected(day)) for day in days] == [both, braking, braking, box, box]


def test_no_question_outlives_the_agreement() -> None:
    def change(tree: Tree) -> None:
        tree["questions"][0]["valid_until"] = "9999-12-31"
        tree["valid_until"] = "2027-06-30"

    assert agreement(change=change).collected(day_number("2027-07-01")) == {"box"}


def test_a_stream_without_a_question_is_not_collected() -> None:
    assert agreement(change=drop("questions", 0)).collected(day_number("2027-01-01")) == {
        "harsh_braking",
        "box",
    }


# What is refused.

REFUSED: dict[str, tuple[Callable[[Tree], None], str]] = {
    "another version of the format": (put(2, "fairhaul_agreement"), "fairhaul_agreement"),
    "no questions": (put([], "questions"), "questions"),
    "an unknown key": (put(1, "surprise"), "surprise"),
    "an unknown field of a stream": (put("1 s", "streams", "track", "speed"), "speed"),
    "a stream that this version does not have": (put({}, "streams", "live"), "live"),
    "no box": (drop("streams", "box"), "box"),
    "no crews": (put(["operations", "it"], "groups"), "crews"),
    "a group alone": (put(["crews"], "groups"), "groups"),
    "a duty without the crew's switch": (put(["ignition"], "duty", "requires"), "crew_switch"),
    "a question of a stream that is not agreed": (put(["track"], "questions", 0, "needs"), ""),
    "times of day under a daily release": (put("exact", "streams", "track", "clock"), "clock"),
    "a missing count of envelopes": (drop("release", "envelopes", "track"), "envelopes"),
    "a count of envelopes too many": (put(1, "release", "envelopes", "live"), "envelopes"),
    "no envelope": (put(0, "release", "envelopes", "track"), "envelopes"),
    "an envelope that holds no record": (put("1024 B", "release", "size"), "size"),
    "an envelope that is no row": (put("9 KiB", "release", "size"), "size"),
    "a slot that is no time": (put(["25:00"], "release", "slots"), "slots"),
    "a slot with seconds": (put(["05:00:30"], "release", "slots"), "slots"),
    "a slot with a zone": (put(["05:00+02:00"], "release", "slots"), "slots"),
    "a slot in other digits": (put(["٠٥:٠٠"], "release", "slots"), "slots"),
    "a slot as a number": (put([530], "release", "slots"), "slots"),
    "no slot": (put([], "release", "slots"), "slots"),
    "a release of no kind": (drop("release", "kind"), "release"),
    "a cell below a hundred metres": (put("99 m", "streams", "harsh_braking", "cell"), "cell"),
    "braking not held at all": (put("0 days", "streams", "harsh_braking", "held"), "held"),
    "a standstill cap above twenty seconds": (put("21 s", "limits", "standstill_cap"), "standstill_cap"),
    "a stretch below a kilometre": (put("999 m", "limits", "stretch_length"), "stretch_length"),
    "no retention": (drop("streams", "track", "retention"), "retention"),
    "a precision of nothing": (put("0 m", "streams", "track", "precision"), "precision"),
    "a margin below nothing": (put("-1 m", "places", "off_limits", 0, "margin"), "margin"),
    "an unknown zone": (put("Europe/Atlantis", "duty", "time_zone"), "time_zone"),
    "no allowed use": (put([], "questions", 0, "uses", "allowed"), "allowed"),
    "no forbidden use": (put([], "questions", 0, "uses", "forbidden"), "forbidden"),
    "no service area": (drop("places", "service_area"), "service_area"),
    "an area of points": (
        put({"type": "Point", "coordinates": [0, 0]}, "places", "service_area"),
        "service_area",
    ),
    "an area of nothing": (
        put({"type": "Polygon", "coordinates": []}, "places", "service_area"),
        "service_area",
    ),
    "a ring of two": (
        put({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]}, "places", "service_area"),
        "ring 1",
    ),
    "latitude first": (
        put(
            {"type": "Polygon", "coordinates": [[[40, -104], [41, -104], [41, -105], [40, -104]]]},
            "places",
            "service_area",
        ),
        "longitude first",
    ),
    "a position of text": (
        put(
            {"type": "Polygon", "coordinates": [[["0", 0], [1, 0], [1, 1], ["0", 0]]]},
            "places",
            "service_area",
        ),
        "numbers",
    ),
    "a position of truth": (
        put(
            {"type": "Polygon", "coordinates": [[[True, 0], [1, 0], [1, 1], [True, 0]]]},
            "places",
            "service_area",
        ),
        "numbers",
    ),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_can_t_be_kept_is_refused(name: str) -> None:
    change, says = REFUSED[name]
    if name == "a question of a stream that is not agreed":
        change = drop("streams", "track")
        says = "track"
    assert says in refusal(change)


def test_a_ring_may_have_so_many_points_and_no_more() -> None:
    def ring(count: int) -> Callable[[Tree], None]:
        points = [[i / 1e6, (i % 2) / 1e6] for i in range(count - 1)]
        area = {"type": "Polygon", "coordinates": [[*points, points[0]]]}

        def change(tree: Tree) -> None:
            tree["places"] |= {"service_area": area, "off_limits": []}

        return change

    assert agreement(change=ring(RING_POINTS_MAX)).allows(Point(0, 0))
    assert "ring 1" in refusal(ring(RING_POINTS_MAX + 1))


SURPRISES = [b"[", b"{", b"&a ", b"*a", b"!!python/object", b": ", b"\t", b"-", b"1e999", b"~", b'"']


@pytest.mark.parametrize("seed", range(60))
def test_any_mangled_agreement_is_understood_or_refused_in_words(seed: int, tmp_path: Path) -> None:
    """Cut, doubled or swapped lines and bytes: never anything but an Agreement or a ConfigurationError."""
    rng = random.Random(seed)
    raw = bytearray(TEXT.encode("utf-8"))
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(raw))
        what = rng.randrange(4)
        if what == 0:
            del raw[at : at + rng.choice([1, 5, 400])]
        elif what == 1:
            raw[at:at] = raw[at : at + 60]
        elif what == 2:
            raw[at] = rng.randrange(256)
        else:
            raw[at:at] = rng.choice(
                [b"[", b"{", b"&a ", b"*a", b"!!python/object", b": ", b"\t", b"-", b"1e999", b"~", b'"']
            )
    path = tmp_path / "agreement.yaml"
    path.write_bytes(bytes(raw))
    with contextlib.suppress(ConfigurationError):
        assert isinstance(load_agreement(path), Agreement)


def test_trees_of_these_tests_are_their_own() -> None:
    before = copy.deepcopy(load_yaml(EXAMPLE_AGREEMENT).tree)
    agreement(change=put("51 m", "limits", "trim"))
    assert load_yaml(EXAMPLE_AGREEMENT).tree == before


def test_an_off_limits_place_far_from_the_service_area_is_a_mistake() -> None:
    def swap(tree: Tree) -> None:
        ring = tree["places"]["off_limits"][0]["area"]["coordinates"][0]
        ring[:] = [[latitude_deg, longitude_deg] for longitude_deg, latitude_deg in ring]

    assert "the longitude first, then the latitude" in refusal(swap)
