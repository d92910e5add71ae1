"""The order in which a crew collects its districts, and the way from one crossing to another."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator

from drivers.simulate.city import Arc, City
from drivers.simulate.plane import turn_rad

TURN_BACK_S = 40.0  # what a U-turn costs when the way is chosen
SLOWED = 1.5  # driving takes this much longer than length over limit: corners, lights, starting off


def travel_s(city: City, target: int) -> dict[int, float]:
    """Estimated seconds to `target` from every crossing that a street reaches."""
    return {node: seconds * SLOWED for node, seconds, _ in _settle(city, target, None)}


def way(city: City, start: int, target: int, came_from: int | None = None) -> list[int]:
    """The quickest crossings from `start` to `target`, both included; turning back at once is avoided."""
    before: dict[int, int] = {}
    for node, _, previous in _settle(city, start, came_from):
        before[node] = previous
        if node == target:
            break
    nodes = [target]
    while nodes[-1] != start:
        nodes.append(before[nodes[-1]])
    return nodes[::-1]


def _settle(city: City, start: int, came_from: int | None) -> Iterator[tuple[int, float, int]]:
    """Dijkstra's crossings in order of travel time: crossing, seconds and the crossing before it."""
    settled: set[int] = set()
    todo = [(0.0, start, start)]
    while todo:
        seconds, node, previous = heapq.heappop(todo)
        if node in settled:
            continue
        settled.add(node)
        yield node, seconds, previous
        for beyond in city.neighbours[node]:
            edge = city.arcs[node, beyond]
            back_s = TURN_BACK_S if node == start and beyond == came_from else 0.0
            heapq.heappush(todo, (seconds + back_s + edge.length_m / edge.limit_mps, beyond, node))


def collection_order(city: City, both_sides: bool) -> list[Arc]:
    """Every arc to be served, district by district: straight on while there is work, else to the nearest work.

    With `both_sides` (a rear loader) a street is served once, else once in each direction. The order belongs to
    the city, so that another day's round in the same city goes the same way.
    """
    order: list[Arc] = []
    here = city.districts[0][0][0]
    came_from: int | None = None
    for district in city.districts:
        left = set(district)
        while left:
            arc = _next_arc(city, left, here, came_from)
            left.discard(arc)
            if both_sides:
                left.discard((arc[1], arc[0]))
            order.append(arc)
            came_from, here = arc
    return order


def _next_arc(city: City, left: set[Arc], here: int, came_from: int | None) -> Arc:
    """The straightest unserved arc at the nearest crossing that has one."""
    for node, _, previous in _settle(city, here, came_from):
        arcs = [(node, beyond) for beyond in city.neighbours[node] if (node, beyond) in left]
        if arcs:
            return min(arcs, key=lambda arc: (_bend(city, came_from if node == here else previous, arc), arc))
    raise AssertionError("a district that no street reaches")


def _bend(city: City, before: int | None, arc: Arc) -> float:
    """How far from straight on an arc leads, in radians; a left turn counts a little more than a right one."""
    if before is None:
        return 0.0
    if before == arc[1]:
        return math.pi
    bend = turn_rad(city.unit((before, arc[0])), city.unit(arc))
    return round(abs(bend) + (0.2 if bend > 0 else 0.0), 6)
