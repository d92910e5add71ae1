"""Exact where it decides, metric where it measures."""

from __future__ import annotations

import pytest

from agent.geometry import (
    HALF_TURN_E7,
    M_PER_E7,
    Grid,
    Plane,
    Point,
    Polygon,
    distance_m,
    segment_distance_m,
)

MADRID = Point(404_168_000, -37_038_000)
SQUARE = [Point(0, 0), Point(0, 1000), Point(1000, 1000), Point(1000, 0)]


def test_a_degree_of_latitude_has_its_length() -> None:
    assert pytest.approx(111_195.08, abs=0.01) == 10_000_000 * M_PER_E7
    assert distance_m(Point(400_000_000, 0), Point(410_000_000, 0)) == pytest.approx(111_195.08, abs=0.01)


def test_a_degree_of_longitude_shrinks_with_the_cosine_of_the_latitude() -> None:
    assert distance_m(Point(600_000_000, 0), Point(600_000_000, 1_000_000)) == pytest.approx(
        5559.75, abs=0.01
    )


@pytest.mark.parametrize("xy_m", [(0.0, 0.0), (1234.5, -987.6), (-20_000.0, 20_000.0)])
@pytest.mark.parametrize("origin", [MADRID, Point(-850_000_000, 1_799_999_999), Point(1, -HALF_TURN_E7)])
def test_a_plane_takes_metres_to_a_position_and_back(origin: Point, xy_m: tuple[float, float]) -> None:
    plane = Plane(origin)
    assert plane.xy_m(plane.point(*xy_m)) == pytest.approx(xy_m, abs=0.012)


def test_distances_go_the_shorter_way_across_the_antimeridian() -> None:
    assert distance_m(Point(0, 1_799_999_000), Point(0, -1_799_999_000)) == pytest.approx(2000 * M_PER_E7)


@pytest.mark.parametrize("latitude_e7", [900_000_000, -900_000_000])
def test_a_plane_at_a_pole_divides_by_nothing(latitude_e7: int) -> None:
    assert Plane(Point(latitude_e7, 0)).point(1.0, 1.0).latitude_e7 != 0


def test_all_points_of_a_cell_have_its_centre() -> None:
    grid, plane = Grid(MADRID, 100.0), Plane(MADRID)
    centres = {grid.centre(plane.point(x, y)) for x in (0.1, 50.0, 99.9) for y in (0.1, 50.0, 99.9)}
    assert centres == {plane.point(50.0, 50.0)}
    assert grid.centre(plane.point(-0.1, 0.1)) == plane.point(-50.0, 50.0)
    assert grid.centre(plane.point(100.1, 0.1)) == plane.point(150.0, 50.0)


@pytest.mark.parametrize("point", [*SQUARE, Point(0, 500), Point(500, 1000), Point(1000, 1), Point(999, 0)])
def test_edges_and_corners_count_as_inside(point: Point) -> None:
    assert Polygon(SQUARE).covers(point)
    assert Polygon(SQUARE[::-1]).covers(point)


@pytest.mark.parametrize(
    "point", [Point(-1, 0), Point(0, -1), Point(1001, 500), Point(500, 1001), Point(1001, 1001)]
)
def test_one_unit_beyond_the_edge_is_outside(point: Point) -> None:
    assert not Polygon(SQUARE).covers(point)


def test_a_slanted_edge_is_decided_exactly() -> None:
    far = 1_000_000_007
    slanted = Polygon([Point(0, 0), Point(far - 1, far), Point(0, far)])
    assert slanted.covers(Point(0, 1))
    assert not slanted.covers(
        Point(1, 1)
    )  # off the edge by a ten-millionth of a degree over a hundred degrees
    assert not slanted.covers(Point(far // 2, far // 2))


def test_a_hole_is_outside_but_its_edge_is_not() -> None:
    hole = [Point(400, 400), Point(400, 600), Point(600, 600), Point(600, 400)]
    ring = Polygon(SQUARE, [hole])
    assert not ring.covers(Point(500, 500))
    assert ring.covers(Point(400, 500))
    assert ring.covers(Point(300, 500))


def test_a_margin_reaches_round_corners_and_into_holes_and_no_further() -> None:
    plane = Plane(MADRID)
    outer = [plane.point(x, y) for x, y in [(-500, -500), (500, -500), (500, 500), (-500, 500)]]
    hole = [plane.point(x, y) for x, y in [(-200, -200), (200, -200), (200, 200), (-200, 200)]]
    area = Polygon(outer, [hole], 50.0)
    assert area.covers(plane.point(549.9, 0))
    assert not area.covers(plane.point(550.1, 0))
    assert area.covers(plane.point(500 + 35.3, 500 + 35.3))
    assert not area.covers(plane.point(500 + 35.5, 500 + 35.5))
    assert area.covers(plane.point(150.1, 0))
    assert not area.covers(plane.point(149.8, 0))


def test_a_polygon_may_cross_the_antimeridian() -> None:
    area = Polygon(
        [
            Point(0, 1_799_999_000),
            Point(0, -1_799_999_000),
            Point(1000, -1_799_999_000),
            Point(1000, 1_799_999_000),
        ]
    )
    assert area.covers(Point(500, HALF_TURN_E7 - 1))
    assert area.covers(Point(500, -HALF_TURN_E7))
    assert not area.covers(Point(500, 0))
    assert not area.covers(Point(500, 1_799_998_999))


def test_a_ring_of_one_place_covers_only_that_place() -> None:
    assert Polygon([MADRID] * 3).covers(MADRID)
    assert not Polygon([MADRID] * 3).covers(Point(MADRID.latitude_e7 + 1, MADRID.longitude_e7))


@pytest.mark.parametrize(
    ("p", "metres"), [((5.0, 3.0), 3.0), ((-3.0, 4.0), 5.0), ((13.0, -4.0), 5.0), ((0.0, 0.0), 0.0)]
)
def test_the_distance_to_a_segment_counts_its_ends(p: tuple[float, float], metres: float) -> None:
    assert segment_distance_m(p, (0.0, 0.0), (10.0, 0.0)) == metres
    assert segment_distance_m(p, (10.0, 0.0), (0.0, 0.0)) == metres


def test_a_segment_without_length_is_a_point() -> None:
    assert segment_distance_m((3.0, 4.0), (0.0, 0.0), (0.0, 0.0)) == 5.0


def test_a_point_shows_no_coordinates() -> None:
    for shown in (repr(MADRID), str(MADRID), f"{MADRID}", f"{[MADRID]}"):
        assert "404" not in shown
        assert "370" not in shown
