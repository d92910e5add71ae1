"""GeoJSON coordinates into rings of whole 1e-7 degrees, refused where they are not well drawn.

A ring is closed, has at least three different corners, and neither crosses nor touches itself; holes lie inside
the first ring and touch no other. All of it is decided in integers. A ring may cross the antimeridian, but no
edge may go half round the earth. No message shows a coordinate: rings and positions are counted from 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from agent.geometry import HALF_TURN_E7, TURN_E7, Point, Polygon
from config.located import KeyPath, Mistake

RING_POINTS_MAX = 10_000
PAIRS_MAX = 2_000_000
"""Most pairs of edges that are looked at for one polygon; a city's outline needs a hundredth of it."""


class Corner(NamedTuple):
    """A corner of a ring, its longitude unwrapped, and the number of the position it stands at."""

    x_e7: int
    y_e7: int
    position: int


class Edge(NamedTuple):
    """An edge between two corners, the box round it, and its number among the edges of its ring."""

    low: int  # the box along the axis of the sweep
    high: int
    bottom: int  # and across it
    top: int
    a: Corner
    b: Corner
    ring: int
    number: int
    ring_edges: int


class Drawn(NamedTuple):
    """Where in the coordinates something stands, in a path and in words."""

    path: KeyPath
    named: str

    def ring(self, number: int) -> Drawn:
        """One of its rings."""
        return Drawn((*self.path, number), f"{self.named}ring {number + 1}")

    def refuse(self, says: str, *path: int) -> Mistake:
        """The mistake of what stands there."""
        return Mistake(f"{self.named}{says}", *self.path, *path)


def polygons(kind: str, coordinates: list[Any]) -> list[list[list[Point]]]:
    """The rings of each polygon of a `Polygon` or `MultiPolygon`, unclosed. Raises Mistake."""
    if kind == "Polygon":
        return [_polygon(coordinates, Drawn(("coordinates",), ""))]
    return [
        _polygon(part, Drawn(("coordinates", number), f"polygon {number + 1}, "))
        for number, part in enumerate(coordinates)
    ]


def points(coordinates: list[Any]) -> list[Point]:
    """The positions of a `MultiPoint`. Raises Mistake."""
    where = Drawn(("coordinates",), "")
    return [_position(each, where, number) for number, each in enumerate(coordinates)]


def _polygon(rings: Any, where: Drawn) -> list[list[Point]]:
    if not isinstance(rings, list) or not rings:
        raise where.refuse("a polygon is a list of rings, and a ring a list of positions")
    drawn = [_ring(ring, where.ring(number)) for number, ring in enumerate(rings)]
    base_e7 = drawn[0][0].longitude_e7
    corners = [_corners(ring, base_e7, where.ring(number)) for number, ring in enumerate(drawn)]
    _refuse_meetings(corners, where)
    outer = Polygon(drawn[0])
    for number, hole in enumerate(drawn[1:], start=1):
        if not outer.covers(hole[0]):
            raise where.ring(number).refuse(" lies outside ring 1: the rings after the first are holes in it")
    return drawn


def _ring(ring: Any, where: Drawn) -> list[Point]:
    if not isinstance(ring, list) or not 4 <= len(ring) <= RING_POINTS_MAX:
        raise where.refuse(f" needs 4 to {RING_POINTS_MAX} positions, the last equal to the first")
    found = [_position(position, where, number) for number, position in enumerate(ring)]
    if found[0] != found[-1]:
        raise where.refuse(" is not closed: repeat its first position at its end", len(ring) - 1)
    return found[:-1]


def _position(position: Any, where: Drawn, number: int) -> Point:
    comma = ", " if where.named else ""
    if not isinstance(position, list) or not 2 <= len(position) <= 3:
        raise where.refuse(f"{comma}position {number + 1} must be [longitude, latitude]", number)
    longitude_deg, latitude_deg = position[:2]
    if not all(type(value) in (int, float) for value in (longitude_deg, latitude_deg)):
        raise where.refuse(f"{comma}position {number + 1} holds something else than numbers", number)
    if not (-180 <= longitude_deg <= 180 and -90 <= latitude_deg <= 90):
        raise where.refuse(
            f"{comma}position {number + 1} is out of range; "
            "GeoJSON writes the longitude first, then the latitude",
            number,
        )
    return Point(round(latitude_deg * 1e7), round(longitude_deg * 1e7))


def _corners(ring: Sequence[Point], base_e7: int, where: Drawn) -> list[Corner]:
    """The ring's corners without repeated positions, longitudes unwrapped from `base_e7`."""
    corners: list[Corner] = []
    for number, point in enumerate([*ring, ring[0]], start=1):
        east_e7 = (point.longitude_e7 - base_e7 + HALF_TURN_E7) % TURN_E7 - HALF_TURN_E7
        corner = Corner(east_e7 + base_e7, point.latitude_e7, number)
        if corners and abs(corner.x_e7 - corners[-1].x_e7) >= HALF_TURN_E7:
            raise where.refuse(
                f" goes half round the earth at position {number}: draw it in parts", number - 1
            )
        if not corners or corner[:2] != corners[-1][:2]:
            corners.append(corner)
    while len(corners) > 1 and corners[-1][:2] == corners[0][:2]:
        corners.pop()
    if len(corners) < 3:
        raise where.refuse(" has fewer than 3 different positions")
    return corners


def _refuse_meetings(rings: Sequence[Sequence[Corner]], where: Drawn) -> None:
    """Raise Mistake where two edges meet that are no neighbours, or neighbours that lie on each other."""
    found = _first_meeting(list(_edges(rings)), where)
    if found is None:
        return
    one, other = sorted(found, key=lambda edge: (edge.ring, edge.number))
    at = (one.ring, one.a.position - 1)
    between = f"the edge from position {one.a.position} meets the one from position {other.a.position}"
    if one.ring == other.ring:
        says = f"ring {one.ring + 1} crosses or touches itself: {between}; draw it without crossing"
    else:
        between += f" of ring {other.ring + 1}"
        says = f"ring {one.ring + 1} meets ring {other.ring + 1}: {between}; a hole lies apart inside ring 1"
    raise where.refuse(says, *at)


def _edges(rings: Sequence[Sequence[Corner]]) -> Iterator[Edge]:
    """Every edge, to be swept along the axis along which edges are short."""
    along_x = _lies_along_x(rings)
    for number, ring in enumerate(rings):
        for i, a in enumerate(ring):
            b = ring[(i + 1) % len(ring)]
            xs, ys = sorted((a.x_e7, b.x_e7)), sorted((a.y_e7, b.y_e7))
            (low, high), (bottom, top) = (xs, ys) if along_x else (ys, xs)
            yield Edge(low, high, bottom, top, a, b, number, i, len(ring))


def _lies_along_x(rings: Sequence[Sequence[Corner]]) -> bool:
    """Whether edges are shorter along x, measured by the whole outline, than along y."""
    outline = rings[0]
    shares = []
    for axis in (0, 1):
        values = [corner[axis] for corner in outline]
        run = sum(abs(a - b) for a, b in itertools.pairwise(values))
        shares.append(run / max(1, max(values) - min(values)))
    return shares[0] <= shares[1]


def _first_meeting(edges: list[Edge], where: Drawn) -> tuple[Edge, Edge] | None:
    """Two edges that may not meet and do; looks only at pairs whose boxes overlap along the sweep."""
    open_edges: list[Edge] = []
    pairs = 0
    for edge in sorted(edges):
        low, bottom, top = edge.low, edge.bottom, edge.top
        open_edges = [other for other in open_edges if other[1] >= low]
        pairs += len(open_edges)
        if pairs > PAIRS_MAX:
            raise where.refuse("the outline winds too much to be checked: draw it with fewer positions")
        for other in open_edges:
            if other[2] <= top and other[3] >= bottom and _wrongly_meet(edge, other):
                return edge, other
        open_edges.append(edge)
    return None


def _wrongly_meet(one: Edge, other: Edge) -> bool:
    if one.ring == other.ring:
        if (one.number + 1) % one.ring_edges == other.number:
            return _folds_back(one.a, one.b, other.b)
        if (other.number + 1) % one.ring_edges == one.number:
            return _folds_back(other.a, other.b, one.b)
    return _meet(one.a, one.b, other.a, other.b)


def _side(a: Corner, b: Corner, c: Corner) -> int:
    """Positive where `c` lies left of the line from `a` to `b`, negative right of it, 0 on it."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _folds_back(a: Corner, b: Corner, c: Corner) -> bool:
    """Whether the edge from `b` to `c` lies on the one from `a` to `b`."""
    turned = (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1])
    return _side(a, b, c) == 0 and turned < 0


def _meet(a: Corner, b: Corner, c: Corner, d: Corner) -> bool:
    """Whether two edges whose boxes overlap have a point in common; exact."""
    to_c, to_d = _side(a, b, c), _side(a, b, d)
    to_a, to_b = _side(c, d, a), _side(c, d, b)
    apart = (to_c > 0 and to_d > 0) or (to_c < 0 and to_d < 0)
    return not apart and not ((to_a > 0 and to_b > 0) or (to_a < 0 and to_b < 0))
