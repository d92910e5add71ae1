"""A line crosses exactly the squares that it crosses."""

from __future__ import annotations

import itertools
import random

import pytest

from agent.geometry import Plane, Point, point_of
from agent.streams.cells import LINE_M_MAX, Cells, degrees
from tests.unit.stream_parts import ORIGIN, PLANE

CELL_M = 100.0
CELLS = Cells(ORIGIN, CELL_M)


def crossed(a: tuple[float, float], b: tuple[float, float]) -> list[tuple[int, int]]:
    """Column and row of each square that the line crosses, in order."""
    found = [PLANE.xy_m(centre) for _, centre in CELLS.crossed(PLANE.point(*a), PLANE.point(*b))]
    return [(int(x_m // CELL_M), int(y_m // CELL_M)) for x_m, y_m in found]


@pytest.mark.parametrize(
    ("a", "b", "squares"),
    [
        ((10, 10), (90, 90), [(0, 0)]),
        ((10, 50), (350, 50), [(0, 0), (1, 0), (2, 0), (3, 0)]),
        ((350, 50), (10, 50), [(3, 0), (2, 0), (1, 0), (0, 0)]),
        ((-50, 50), (50, 50), [(-1, 0), (0, 0)]),
        ((50, 98), (103, 103), [(0, 0), (0, 1), (1, 1)]),  # 0.3 s of driving in the one between
        ((50, 50), (50, 50), [(0, 0)]),
    ],
)
def test_a_line_crosses_these_squares(
    a: tuple[float, float], b: tuple[float, float], squares: list[tuple[int, int]]
) -> None:
    assert crossed(a, b) == squares


def test_no_square_is_skipped_and_none_is_far_from_the_line() -> None:
    rng = random.Random(7)
    for _ in range(200):
        a, b = ((rng.uniform(-800, 800), rng.uniform(-800, 800)) for _ in range(2))
        squares = crossed(a, b)
        steps = {abs(c[0] - d[0]) + abs(c[1] - d[1]) for c, d in itertools.pairwise(squares)}
        assert steps <= {0, 1, 2}  # 2 where a corner is met to the centimetre
        dense = {
            (int((a[0] + t * (b[0] - a[0])) // CELL_M), int((a[1] + t * (b[1] - a[1])) // CELL_M))
            for t in (i / 3000 for i in range(3001))
        }
        assert dense <= set(squares)


@pytest.mark.parametrize(("length_m", "all_of_them"), [(LINE_M_MAX - 1, True), (LINE_M_MAX + 1, False)])
def test_of_a_line_that_nobody_drives_only_the_ends_count(length_m: float, all_of_them: bool) -> None:
    squares = crossed((50.0, 50.0), (50.0 + length_m, 50.0))
    assert len(squares) == (201 if all_of_them else 2)


@pytest.mark.parametrize("origin", [Point(0, 1_799_990_000), Point(-500_000_000, -1_799_990_000)])
def test_lines_cross_squares_over_the_antimeridian(origin: Point) -> None:
    plane = Plane(origin)
    ends = [plane.point(x_m, 50.0) for x_m in (-950.0, 950.0)]
    centres = [plane.xy_m(centre)[0] for _, centre in Cells(origin, CELL_M).crossed(*ends)]
    assert centres == pytest.approx([-950.0 + 100 * i for i in range(20)], abs=0.02)


def test_published_degrees_lead_back_to_the_place_within_their_step() -> None:
    point = Point(401_234_567, -1_799_999_999)
    fields = degrees(point)
    back = point_of([fields["latitude_deg"], fields["longitude_deg"]])
    assert abs(back.latitude_e7 - point.latitude_e7) <= 50
    assert abs(back.longitude_e7 - point.longitude_e7) <= 50
