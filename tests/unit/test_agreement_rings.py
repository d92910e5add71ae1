"""Areas are drawn right: closed, simple, in range, holes inside; decided exactly, and in bounded time."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from shapely.geometry import LinearRing
from shapely.geometry import Polygon as Oracle

from agent.agreement import places, promises, rings
from agent.agreement.places import AREA_RINGS_MAX, POINTS_MAX
from agent.agreement.rings import RING_POINTS_MAX
from agent.geometry import Point
from config.located import Mistake
from tests.sim.drives import square
from tests.unit.agreement_parts import EVERY_STREAM, Change, Tree, agreed, both, put, refusals, understood

Ring = list[list[float]]
SQUARE: Ring = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]
INNER: Ring = [[1, 1], [3, 1], [3, 3], [1, 3], [1, 1]]


def mistake(coordinates: Any, kind: str = "Polygon") -> tuple[str, tuple[str | int, ...]]:
    with pytest.raises(Mistake) as caught:
        rings.polygons(kind, coordinates)
    return caught.value.says, caught.value.path


RING = "ring 1 needs 4 to 10000 positions, the last equal to the first"
CROSSES = (
    "ring 1 crosses or touches itself: the edge from position {} meets the one from position {}; "
    "draw it without crossing"
)
WRONG: dict[str, tuple[Any, str, tuple[int, ...]]] = {
    "of nothing": ([[]], RING, (0,)),
    "of three": ([[[0, 0], [1, 1], [0, 0]]], RING, (0,)),
    "of text": (["ring"], RING, (0,)),
    "open": ([SQUARE[:-1]], "ring 1 is not closed: repeat its first position at its end", (0, 3)),
    "of one place": ([[[1, 1]] * 5], "ring 1 has fewer than 3 different positions", (0,)),
    "of two places": (
        [[[0, 0], [1, 1], [1, 1], [0, 0]]],
        "ring 1 has fewer than 3 different positions",
        (0,),
    ),
    "with text for a number": (
        [[["0", 0], *SQUARE[1:]]],
        "ring 1, position 1 holds something else than numbers",
        (0, 0),
    ),
    "with a truth for a number": (
        [[[0, 0], [4, True], *SQUARE[2:]]],
        "ring 1, position 2 holds something else than numbers",
        (0, 1),
    ),
    "with one number": ([[[0], *SQUARE[1:]]], "ring 1, position 1 must be [longitude, latitude]", (0, 0)),
    "with four numbers": (
        [[*SQUARE[:3], [0, 4, 1, 1], [0, 0]]],
        "ring 1, position 4 must be [longitude, latitude]",
        (0, 3),
    ),
    "latitude first": (
        [[[40, -104], [41, -104], [41, -105], [40, -104]]],
        "ring 1, position 1 is out of range; GeoJSON writes the longitude first, then the latitude",
        (0, 0),
    ),
    "beyond the antimeridian": (
        [[[179, 0], [180.0000001, 0], [179, 1], [179, 0]]],
        "ring 1, position 2 is out of range; GeoJSON writes the longitude first, then the latitude",
        (0, 1),
    ),
    "not a number": (
        [[[0, 0], [4, math.nan], *SQUARE[2:]]],
        "ring 1, position 2 is out of range; GeoJSON writes the longitude first, then the latitude",
        (0, 1),
    ),
    "a bow tie": ([[[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]], CROSSES.format(1, 3), (0, 0)),
    "touching itself at a corner": (
        [[[0, 0], [4, 0], [2, 2], [4, 4], [0, 4], [2, 2], [0, 0]]],
        CROSSES.format(2, 6),
        (0, 1),
    ),
    "touching itself on an edge": (
        [[[0, 0], [4, 0], [4, 4], [2, 0], [0, 4], [0, 0]]],
        CROSSES.format(1, 4),
        (0, 0),
    ),
    "with a spike": ([[[0, 0], [4, 0], [6, 0], [4, 0], [4, 4], [0, 0]]], CROSSES.format(1, 3), (0, 0)),
    "flat": ([[[0, 0], [2, 0], [4, 0], [0, 0]]], CROSSES.format(1, 3), (0, 0)),
    "there and back": ([[[0, 0], [2, 2], [4, 0], [2, 2], [0, 0]]], CROSSES.format(1, 4), (0, 0)),
    "round the pole": (
        [[[0, 80], [120, 80], [-120, 80], [0, 80]]],
        "ring 1 goes half round the earth at position 3: draw it in parts",
        (0, 2),
    ),
    "a hole over the antimeridian and an edge": (
        [
            [[179, -2], [-179, -2], [-179, 2], [179, 2], [179, -2]],
            [[-179.5, 0], [-178, 0], [-178, 1], [-179.5, 0]],
        ],
        "ring 1 meets ring 2: the edge from position 2 meets the one from position 1 of ring 2; "
        "a hole lies apart inside ring 1",
        (0, 1),
    ),
    "halfway round in its last edge": (
        [[[0, 0], [-90, 0], [-180, 10], [0, 0]]],
        "ring 1 goes half round the earth at position 4: draw it in parts",
        (0, 3),
    ),
    "a hole outside": (
        [SQUARE, [[5, 5], [6, 5], [6, 6], [5, 5]]],
        "ring 2 lies outside ring 1: the rings after the first are holes in it",
        (1,),
    ),
    "a hole across": (
        [SQUARE, [[3, 3], [6, 3], [6, 3.5], [3, 3]]],
        "ring 1 meets ring 2: the edge from position 2 meets the one from position 1 of ring 2; "
        "a hole lies apart inside ring 1",
        (0, 1),
    ),
    "two holes that touch": (
        [SQUARE, [[1, 1], [2, 1], [2, 2], [1, 1]], [[2, 1.5], [3, 1], [3, 2], [2, 1.5]]],
        "ring 2 meets ring 3: the edge from position 2 meets the one from position 1 of ring 3; "
        "a hole lies apart inside ring 1",
        (1, 1),
    ),
    "no rings": ([], "a polygon is a list of rings, and a ring a list of positions", ()),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_a_ring_that_is_not_drawn_right_is_refused_where_it_goes_wrong(name: str) -> None:
    coordinates, says, path = WRONG[name]
    assert mistake(coordinates) == (says, ("coordinates", *path))


@pytest.mark.parametrize("name", list(WRONG))
def test_in_a_multipolygon_the_polygon_is_named_too(name: str) -> None:
    coordinates, says, path = WRONG[name]
    told, where = mistake([[SQUARE], coordinates], "MultiPolygon")
    assert (told, where) == (f"polygon 2, {says}", ("coordinates", 1, *path))


def test_what_is_drawn_right_is_taken() -> None:
    ((outer, hole),) = rings.polygons("Polygon", [SQUARE, INNER])
    assert outer == [Point(0, 0), Point(0, 40_000_000), Point(40_000_000, 40_000_000), Point(40_000_000, 0)]
    assert len(hole) == 4
    backwards = [SQUARE[::-1], INNER[::-1]]
    assert len(rings.polygons("MultiPolygon", [backwards, [SQUARE]])) == 2


@pytest.mark.parametrize(
    "ring",
    [
        [[0, 0], [0, 0], [4, 0], [4, 4], [4, 4], [0, 0]],
        [[0, 0], [2, 0], [4, 0], [4, 4], [0, 0]],
        [[0, 0, 610.5], [4, 0, 611], [4, 4, 0], [0, 0, 610.5]],
        [[179, -1], [-179, -1], [-179, 1], [179, 1], [179, -1]],
        [[-179, -1], [-179, 1], [179, 1], [179, -1], [-179, -1]],
        [[-180, 0], [180, 1], [-179, 1], [-180, 0]],
        [[-90, 0], [89.9999999, 0], [0, 10], [-90, 0]],
        [[0, 89], [4, 89], [4, 90], [0, 89]],
    ],
    ids=[
        "a place twice",
        "a corner on an edge",
        "heights",
        "antimeridian",
        "westwards",
        "on it",
        "half the earth",
        "pole",
    ],
)
def test_odd_rings_that_are_simple_are_taken(ring: Ring) -> None:
    assert rings.polygons("Polygon", [ring])


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=9),
    st.sampled_from([(1, 0), (10, 40), (25, -170)]),
)
def test_what_is_simple_is_what_a_geometry_library_calls_simple(
    corners: list[tuple[int, int]], scale: tuple[int, int]
) -> None:
    """On a small grid most rings touch, fold or cross; both must say the same of each."""
    assume(all(a != b for a, b in zip(corners, corners[1:] + corners[:1], strict=True)))
    size, shift = scale
    ring = [[shift + x * size * 0.1, y * size * 0.1] for x, y in [*corners, corners[0]]]
    simple = LinearRing([*corners, corners[0]]).is_simple and Oracle(corners).is_valid
    try:
        rings.polygons("Polygon", [ring])
        taken = True
    except Mistake:
        taken = False
    assert taken == simple


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=3, max_size=6),
    st.tuples(st.integers(-2, 8), st.integers(-2, 8)),
)
def test_holes_lie_inside_as_a_geometry_library_sees_it(
    corners: list[tuple[int, int]], at: tuple[int, int]
) -> None:
    outer = Oracle(corners)
    assume(outer.is_valid and LinearRing(corners).is_simple)
    x, y = at
    hole = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y)]
    apart = outer.contains(Oracle(hole)) and not outer.exterior.intersects(Oracle(hole).exterior)
    coordinates = [[list(spot) for spot in [*ring, ring[0]]] for ring in (corners, hole[:-1])]
    try:
        rings.polygons("Polygon", coordinates)
        taken = True
    except Mistake:
        taken = False
    assert taken == apart


# Limits.


def comb(count: int, across: bool = False) -> Ring:
    """A ring of `count` positions with one long side and teeth."""
    teeth: Ring = [[i / 1e4, 1 - (i % 2) / 2] for i in range(count - 3)]
    ring: Ring = [[0, 2], *teeth, [teeth[-1][0], 2], [0, 2]]
    return [[y, x] for x, y in ring] if across else ring


def spiral(turns: int) -> Ring:
    """A ring that winds round itself, so that every line through its middle meets every turn twice."""
    out = [
        [r * math.cos(a), r * math.sin(a)]
        for i in range(turns * 40)
        for r, a in [(1 + i / 40, i * math.tau / 40)]
    ]
    back = [[x * 0.997, y * 0.997] for x, y in reversed(out)]
    scale = 80 / (turns + 2)
    ring = [[x * scale, y * scale] for x, y in [*out, *back]]
    return [*ring, ring[0]]


@pytest.mark.parametrize("across", [False, True])
def test_a_ring_may_have_so_many_positions_and_no_more(across: bool) -> None:
    ((ring,),) = rings.polygons("Polygon", [comb(RING_POINTS_MAX, across)])
    assert len(ring) == RING_POINTS_MAX - 1
    assert mistake([comb(RING_POINTS_MAX + 1, across)])[0] == RING


def test_a_ring_that_winds_too_much_to_be_checked_in_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = spiral(4)
    assert rings.polygons("Polygon", [ring])
    monkeypatch.setattr(rings, "PAIRS_MAX", 500)
    assert mistake([ring])[0] == "the outline winds too much to be checked: draw it with fewer positions"


def test_the_slowest_ring_is_decided_in_less_than_a_second() -> None:
    slowest = spiral(120)
    assert RING_POINTS_MAX - 500 < len(slowest) <= RING_POINTS_MAX
    began = time.process_time()
    assert "winds too much" in mistake([slowest])[0]
    assert time.process_time() - began < 2.0  # a third of a second on the machine this was written on


def test_an_area_may_have_so_many_rings_and_no_more() -> None:
    def areas(count: int) -> Change:
        parts = [
            [[[-4 + i / 1e4, 40], [-4 + i / 1e4, 40.00005], [-4 + i / 1e4 + 5e-5, 40], [-4 + i / 1e4, 40]]]
            for i in range(count)
        ]
        return both(no_places, put({"type": "MultiPolygon", "coordinates": parts}, "places", "service_area"))

    assert understood(change=areas(AREA_RINGS_MAX))
    assert refusals(areas(AREA_RINGS_MAX + 1)) == [
        "places.service_area.coordinates: found 101 entries: write at most 100 entries"
    ]


def no_places(tree: Tree) -> None:
    """Neither places off limits nor sites."""
    del tree["places"]["off_limits"], tree["places"]["sites"]
    del tree["streams"]["site_visits"], tree["release"]["envelopes"]["site_visits"], tree["questions"][1]


def test_all_areas_together_have_so_many_positions_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def areas(corners: int) -> Change:
        ring = [[x / 100 - 4, y / 100 + 40] for x, y in comb(corners + 1)]
        return both(
            put(square(0, 0, 4000), "places", "service_area"),
            put({"type": "Polygon", "coordinates": [ring]}, "places", "off_limits", 0, "area"),
        )

    assert places.POSITIONS_MAX == 50_000
    monkeypatch.setattr(places, "POSITIONS_MAX", 100)
    four_a_square = 4 + 2 * 4
    assert understood(change=areas(100 - four_a_square))
    assert refusals(areas(101 - four_a_square)) == [
        "places: the areas have 101 positions, more than 100: draw them coarser"
    ]


def stops(points: list[Any]) -> Change:
    """Stops at these declared points."""
    return agreed(
        "stops", EVERY_STREAM["stops"] | {"snapped_to": {"type": "MultiPoint", "coordinates": points}}
    )


def test_declared_points_are_checked_and_counted() -> None:
    stops_agreed = understood(change=stops([[-4, 40.01]])).file.streams.stops
    assert stops_agreed is not None
    assert stops_agreed.snapped_to is not None
    assert stops_agreed.snapped_to.points() == [Point(400_100_000, -40_000_000)]
    at = "streams.stops.snapped_to.coordinates"
    assert refusals(stops([[-4, 40.01], [40.01, -400]])) == [
        f"{at}[2]: position 2 is out of range; GeoJSON writes the longitude first, then the latitude"
    ]
    assert refusals(stops([[-4, 40.01], 7])) == [f"{at}[2]: position 2 must be [longitude, latitude]"]
    assert refusals(stops([])) == [f"{at}: found 0 entries: write at least 1 entry"]
    assert understood(change=stops([[-4, 40.01]] * POINTS_MAX))
    assert refusals(stops([[-4, 40.01]] * (POINTS_MAX + 1))) == [
        f"{at}: found 10001 entries: write at most 10000 entries"
    ]


def test_declared_points_and_areas_together_are_looked_at_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    change = stops([[-4, 40.01]] * 3)
    monkeypatch.setattr(promises, "LOOKS_MAX", 3 * understood().file.places.positions)
    assert understood(change=change)
    monkeypatch.setattr(promises, "LOOKS_MAX", promises.LOOKS_MAX - 1)
    assert refusals(change) == [
        "streams.stops.snapped_to: there are too many points to be looked at: "
        "write fewer, or draw the areas coarser"
    ]


def test_no_sentence_shows_a_coordinate() -> None:
    for coordinates, _, _ in WRONG.values():
        says, _ = mistake(coordinates)
        assert not any(figure in says for figure in ("104", "41", "180", "179", "3.5", "120"))
