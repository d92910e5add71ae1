"""Polygons against shapely, on every side of the world."""

from __future__ import annotations

import math

import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agent.geometry import HALF_TURN_E7, TURN_E7, Grid, Plane, Point, Polygon

bases = st.sampled_from(
    [
        Point(0, 0),
        Point(404_000_000, -37_000_000),
        Point(-330_000_000, HALF_TURN_E7 - 3),
        Point(845_000_000, -HALF_TURN_E7),
    ]
)
offsets = st.integers(-2000, 2000) | st.sampled_from([-1000, -1, 0, 1, 1000])


def wrapped(latitude_e7: int, longitude_e7: int) -> Point:
    return Point(latitude_e7, (longitude_e7 + HALF_TURN_E7) % TURN_E7 - HALF_TURN_E7)


@st.composite
def stars(draw: st.DrawFn) -> list[tuple[int, int]]:
    """A ring round (0, 0) as (north, east) offsets, star-shaped, thus simple but for degenerate draws."""
    corners = draw(st.integers(3, 9))
    radii = draw(st.lists(st.integers(2, 2000), min_size=corners, max_size=corners))
    turn = draw(st.floats(0, math.tau))
    angles = [turn + math.tau * i / corners for i in range(corners)]
    return [(round(r * math.sin(a)), round(r * math.cos(a))) for r, a in zip(radii, angles, strict=True)]


@st.composite
def near(draw: st.DrawFn, ring: list[tuple[int, int]]) -> tuple[int, int]:
    """A place likely to be a corner, on an edge, a unit beside one, or level with a corner."""
    (north, east), (north2, east2) = draw(st.sampled_from([*zip(ring, ring[1:] + ring[:1], strict=True)]))
    part = draw(st.sampled_from([0, 1, 2, 3, 4]))
    place = (north + (north2 - north) * part // 4, east + (east2 - east) * part // 4)
    nudge = draw(st.sampled_from([(0, 0), (0, 1), (1, 0), (-1, 0), (0, -1), (0, 500), (0, -500)]))
    return (
        (place[0] + nudge[0], place[1] + nudge[1]) if draw(st.booleans()) else (draw(offsets), draw(offsets))
    )


@settings(max_examples=1500, deadline=None)
@given(bases, stars(), st.data())
def test_a_polygon_covers_what_shapely_says(
    base: Point, ring: list[tuple[int, int]], data: st.DataObject
) -> None:
    oracle = shapely.Polygon([(east, north) for north, east in ring])
    assume(oracle.is_valid and oracle.area > 0)
    polygon = Polygon([wrapped(base.latitude_e7 + n, base.longitude_e7 + e) for n, e in ring])
    north, east = data.draw(near(ring))
    covered = polygon.covers(wrapped(base.latitude_e7 + north, base.longitude_e7 + east))
    assert covered == oracle.covers(shapely.Point(east, north))


@settings(max_examples=600, deadline=None)
@given(bases, stars(), st.sampled_from([0.001, 1.0, 50.0, 1000.0]), st.data())
def test_a_margin_covers_what_shapely_measures(
    base: Point, ring: list[tuple[int, int]], margin_m: float, data: st.DataObject
) -> None:
    corners = [wrapped(base.latitude_e7 + 40 * n, base.longitude_e7 + 40 * e) for n, e in ring]
    reach_e7 = round(margin_m * 90)
    north, east = data.draw(near(ring))
    nudge = data.draw(st.integers(-reach_e7, reach_e7) | st.sampled_from([-reach_e7, 0, reach_e7]))
    point = wrapped(base.latitude_e7 + 40 * north + nudge, base.longitude_e7 + 40 * east)
    plane = Plane(point)
    oracle = shapely.Polygon([plane.xy_m(corner) for corner in corners])
    assume(oracle.is_valid and oracle.area > 0)
    away_m = oracle.distance(shapely.Point(0, 0))
    assume(abs(away_m - margin_m) > 1e-6)
    assert Polygon(corners, margin_m=margin_m).covers(point) == (away_m <= margin_m)


@settings(max_examples=300, deadline=None)
@given(stars(), st.integers(0, TURN_E7), offsets, offsets)
def test_turning_the_world_moves_the_answer_with_it(
    ring: list[tuple[int, int]], turn_e7: int, north: int, east: int
) -> None:
    here = Polygon([wrapped(n, e) for n, e in ring], margin_m=2.0).covers(wrapped(north, east))
    there = Polygon([wrapped(n, e + turn_e7) for n, e in ring], margin_m=2.0).covers(
        wrapped(north, east + turn_e7)
    )
    assert here == there


@settings(max_examples=300, deadline=None)
@given(bases, st.floats(-20_000, 20_000), st.floats(-20_000, 20_000), st.sampled_from([100.0, 250.0]))
def test_a_cell_s_centre_is_half_a_cell_away_at_most_and_is_its_own_centre(
    base: Point, x_m: float, y_m: float, cell_m: float
) -> None:
    plane, grid = Plane(base), Grid(base, cell_m)
    centre = grid.centre(plane.point(x_m, y_m))
    cx_m, cy_m = plane.xy_m(centre)
    assert max(abs(cx_m - x_m), abs(cy_m - y_m)) <= cell_m / 2 + 0.05
    assert grid.centre(centre) == centre
