"""The simulated city: connected, with its places where a round needs them."""

from __future__ import annotations

import functools
import itertools

import pytest

from drivers.simulate.city import City, build
from drivers.simulate.plane import Spot, distance_m, hull, outside_m
from drivers.simulate.round import collection_order, travel_s, way

SEEDS = range(8)


@functools.cache
def city_of(seed: int) -> City:
    return build(seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_street_can_be_reached_from_depot_and_landfill(seed: int) -> None:
    city = city_of(seed)
    ends = {node for arc in city.arcs for node in arc}
    assert set(travel_s(city, city.depot)) == ends
    assert set(travel_s(city, city.landfill)) == ends


@pytest.mark.parametrize("seed", SEEDS)
def test_depot_and_landfill_lie_outside_the_service_area_and_the_districts_inside(seed: int) -> None:
    city = city_of(seed)
    assert 500 < outside_m(city.service_area, city.crossings[city.depot]) < 3000
    assert 7_000 < outside_m(city.service_area, city.crossings[city.landfill]) < 20_000
    for arc in itertools.chain(*city.districts):
        assert all(city.served_at(city.kerb(arc, front_m)) for front_m in city.arcs[arc].fronts_m)


@pytest.mark.parametrize("seed", SEEDS)
def test_off_limits_places_lie_in_the_service_area_beside_a_street_of_the_round(seed: int) -> None:
    city = city_of(seed)
    assert [zone.name for zone in city.off_limits] == ["Union hall", "Clinic"]
    for zone in city.off_limits:
        assert all(city.served_at(corner) for corner in zone.ring)
        kerb = city.kerb(zone.kerb.arc, zone.kerb.along_m)
        assert 0 < outside_m(zone.ring, kerb) < 12
        assert city.off_limits_at(kerb)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_road_to_the_landfill_is_fast_and_has_one_tunnel(seed: int) -> None:
    city = city_of(seed)
    nodes = way(city, city.depot, city.landfill)
    edges = [city.arcs[arc] for arc in itertools.pairwise(nodes)]
    assert sum(edge.length_m for edge in edges if edge.limit_mps == 25) > 8_000
    assert [edge.sky for edge in edges].count("tunnel") == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_house_fronts_are_10_to_30_m_apart_and_clear_of_crossings(seed: int) -> None:
    for edge in city_of(seed).arcs.values():
        assert all(9.9 <= b - a <= 30.1 for a, b in itertools.pairwise(edge.fronts_m))
        assert all(9 < front_m < edge.length_m - 9 for front_m in edge.fronts_m)


@pytest.mark.parametrize("both_sides", [True, False])
def test_the_collection_order_serves_every_arc_once(both_sides: bool) -> None:
    city = city_of(3)
    order = collection_order(city, both_sides)
    everything = {arc for district in city.districts for arc in district}
    assert len(order) == len(set(order))
    if both_sides:
        assert {frozenset(arc) for arc in order} == {frozenset(arc) for arc in everything}
        assert len(order) == len(everything) // 2
    else:
        assert set(order) == everything


def test_a_way_does_not_turn_back_at_once_unless_it_must() -> None:
    city = city_of(3)
    beyond = city.neighbours[city.landfill][0]
    assert way(city, city.landfill, city.depot, came_from=beyond)[1] == beyond
    middle = 2 * 16 + 7
    for neighbour in city.neighbours[middle]:
        assert way(city, middle, city.depot, came_from=neighbour)[1] != neighbour


def test_a_hull_is_convex_and_holds_its_points() -> None:
    spots = [Spot(0, 0), Spot(4, 0), Spot(4, 3), Spot(0, 3), Spot(2, 1), Spot(1, 0)]
    assert hull(spots) == [Spot(0, 0), Spot(4, 0), Spot(4, 3), Spot(0, 3)]


def test_distance_to_a_ring_is_nothing_inside_and_exact_beside_sides_and_corners() -> None:
    ring = hull([Spot(0, 0), Spot(4, 0), Spot(4, 3), Spot(0, 3)])
    assert outside_m(ring, Spot(1, 1)) == outside_m(ring, Spot(0, 0)) == 0.0
    assert outside_m(ring, Spot(2, -5)) == pytest.approx(5)
    assert outside_m(ring, Spot(7, 7)) == pytest.approx(5)
    assert distance_m(Spot(0, 0), Spot(3, 4)) == 5.0
