"""A seeded city for refuse rounds: streets, house fronts, districts, depot, landfill, places that are off limits.

West of the middle it is an old town with bent streets, east of it a planned grid; a few avenues run through both.
Outside lie the depot (about a kilometre) and the landfill (8-20 km by a fast road with a tunnel). It does not
model one-way streets, hills, roundabouts or traffic on the right of way; traffic lights are the drive's business.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from drivers.simulate.plane import Origin, Spot, chance, distance_m, hull, offset, outside_m, toward

COLUMNS, ROWS = 16, 12
FRONT_SPACING_M = (10.0, 30.0)
LANDFILL_M = (8_500.0, 18_500.0)
LANE_M = 2.5  # from the middle of the road to the truck's middle: the round drives on the right
CORNER_M = 9.0  # how far before a crossing a street bend begins
SITE_M, SITE_CORNERS = 150.0, 16  # of depot and landfill, round their gates
SERVICE_MARGIN_M = 80.0  # of the service area round the outermost crossings
OFF_LIMITS_MARGIN_M = 50.0
STREET_MPS, AVENUE_MPS, ROAD_MPS, FAST_MPS = 30 / 3.6, 50 / 3.6, 60 / 3.6, 90 / 3.6

Sky = Literal["open", "canyon", "tunnel"]
Arc = tuple[int, int]  # from crossing, to crossing

# Inland, driving on the right, and no midnight UTC within the twelve hours after 06:00 local time.
REGIONS = [
    (Origin(41.65, -4.72), "Europe/Madrid"),
    (Origin(47.15, 2.40), "Europe/Paris"),
    (Origin(49.45, 10.60), "Europe/Berlin"),
    (Origin(45.10, 9.30), "Europe/Rome"),
    (Origin(52.05, 19.60), "Europe/Warsaw"),
    (Origin(-34.70, -61.00), "America/Argentina/Buenos_Aires"),
    (Origin(39.30, -77.90), "America/New_York"),
]
CITY_NAMES = ["Alder", "Brook", "Castle", "Elm", "Fern", "Harrow", "Linden", "Marsh", "Stone", "Willow"]
STREET_NAMES = [
    *("Acacia", "Baker", "Bell", "Bishop", "Canal", "Cedar", "Chapel", "Cherry", "Church", "Copper", "Cross"),
    *("Dyer", "Foundry", "Garden", "Glover", "Hazel", "Hill", "Holly", "King", "Lime", "Market", "Mason"),
    *("Meadow", "Mill", "Orchard", "Park", "Potter", "Queen", "Rope", "School", "Smith", "Spring", "Station"),
]


class Edge(NamedTuple):
    """A street from one crossing to the next, in one direction; `fronts_m` are houses on the right, from its start."""

    name: str
    length_m: float
    limit_mps: float
    sky: Sky
    fast: bool  # a road outside the city with wide bends
    fronts_m: tuple[float, ...]


class Kerb(NamedTuple):
    """A named place at which a truck can stand: `along_m` from the start of an arc, on its right."""

    name: str
    arc: Arc
    along_m: float


class Zone(NamedTuple):
    """An off-limits lot beside a street: a convex ring, its margin, and the kerb before it."""

    name: str
    margin_m: float
    ring: tuple[Spot, ...]
    kerb: Kerb


class Site(NamedTuple):
    """Where a truck begins, ends or tips: a convex ring round its gate, which lies outside the service area."""

    kind: Literal["depot", "landfill"]
    gate: Spot
    ring: tuple[Spot, ...]

    def holds(self, spot: Spot) -> bool:
        """Whether a spot lies inside or on the edge."""
        return distance_m(self.gate, spot) <= SITE_M and outside_m(self.ring, spot) == 0


@dataclass(slots=True)
class City:
    """Crossings, arcs in both directions, and the places a round needs; all in metres from `origin`."""

    name: str
    origin: Origin
    time_zone: str
    altitude_m: float
    crossings: list[Spot] = field(default_factory=list)
    arcs: dict[Arc, Edge] = field(default_factory=dict)
    neighbours: list[list[int]] = field(default_factory=list)
    districts: list[list[Arc]] = field(default_factory=list)
    service_area: list[Spot] = field(default_factory=list)
    off_limits: list[Zone] = field(default_factory=list)
    cafes: list[Kerb] = field(default_factory=list)
    depot: int = 0
    landfill: int = 0
    sites: list[Site] = field(default_factory=list)

    def unit(self, arc: Arc) -> Spot:
        """The unit vector along an arc."""
        return toward(self.crossings[arc[0]], self.crossings[arc[1]])

    def kerb(self, arc: Arc, along_m: float) -> Spot:
        """The truck's place in its lane, `along_m` from the start of `arc`."""
        return offset(self.crossings[arc[0]], self.unit(arc), along_m, LANE_M)

    def off_limits_at(self, spot: Spot) -> bool:
        """Whether a spot lies in an off-limits zone or its margin."""
        return any(outside_m(zone.ring, spot) <= zone.margin_m for zone in self.off_limits)

    def served_at(self, spot: Spot) -> bool:
        """Whether a spot lies in the service area."""
        return outside_m(self.service_area, spot) == 0


def corner_m(edge: Edge) -> float:
    """How much of each end of a street belongs to its crossings, so that nobody stops there."""
    return min(CORNER_M, 0.3 * edge.length_m)


def build(seed: int) -> City:
    """The city of this seed: equal for equal seeds."""
    rng = chance(seed, "city")
    region, time_zone = rng.choice(REGIONS)
    at = Origin(
        round(region.latitude_deg + rng.uniform(-0.2, 0.2), 4),
        round(region.longitude_deg + rng.uniform(-0.3, 0.3), 4),
    )
    name = rng.choice(CITY_NAMES) + rng.choice(["ford", "ton", "field", "bury"])
    city = City(name=name, origin=at, time_zone=time_zone, altitude_m=round(rng.uniform(40, 700), 1))
    city.crossings = _crossings(rng)
    _lay_streets(city, rng)
    city.service_area = _service_area(city.crossings)
    _lay_road_to_depot(city, rng)
    _lay_road_to_landfill(city, rng)
    _place_zones_and_cafes(city, rng)
    city.sites = [
        _site("depot", city.crossings[city.depot]),
        _site("landfill", city.crossings[city.landfill]),
    ]
    return city


def _crossings(rng: random.Random) -> list[Spot]:
    """Crossings row by row: a grid with uneven blocks, bent in the west, turned as a whole."""
    easts, norths = _lines(rng, COLUMNS, 75, 150), _lines(rng, ROWS, 65, 125)
    phase, angle = rng.uniform(0, 6), rng.uniform(-0.7, 0.7)
    spots = []
    for row in range(ROWS):
        for column in range(COLUMNS):
            bend = 1.0 if column < COLUMNS * 0.45 else 0.06
            east = easts[column] + bend * (45 * math.sin(norths[row] / 170 + phase) + rng.uniform(-14, 14))
            north = norths[row] + bend * (35 * math.sin(easts[column] / 210 + phase) + rng.uniform(-12, 12))
            spots.append(offset(Spot(0, 0), Spot(math.cos(angle), math.sin(angle)), east, -north))
    return spots


def _lines(rng: random.Random, count: int, least_m: float, most_m: float) -> list[float]:
    """Street lines with uneven spacing, centred on zero."""
    lines = [0.0]
    while len(lines) < count:
        lines.append(lines[-1] + rng.uniform(least_m, most_m))
    return [line - lines[-1] / 2 for line in lines]


def _lay_streets(city: City, rng: random.Random) -> None:
    """Name the lines, lay a street along each, leave some blocks out, keep everything connected."""
    city.neighbours = [[] for _ in city.crossings]
    names = rng.sample(STREET_NAMES, COLUMNS + ROWS)
    for line, (name, arcs) in enumerate(zip(names, _lines_of_arcs(), strict=True)):
        avenue = (line if line < ROWS else line - ROWS) % 5 == 2
        full = f"{name} {'Avenue' if avenue else 'Street'}"
        canyon: Sky = "canyon" if not avenue and rng.random() < 0.08 else "open"
        for a, b in arcs:
            if avenue or rng.random() > 0.13:
                _lay(city, (a, b), full, AVENUE_MPS if avenue else STREET_MPS, rng, sky=canyon)
    _join_up(city, rng)
    city.districts = _districts(city)


def _lines_of_arcs() -> list[list[Arc]]:
    """The arcs of each row, then of each column, as if no block were left out."""
    rows = [[(row * COLUMNS + i, row * COLUMNS + i + 1) for i in range(COLUMNS - 1)] for row in range(ROWS)]
    columns = [
        [(i * COLUMNS + col, (i + 1) * COLUMNS + col) for i in range(ROWS - 1)] for col in range(COLUMNS)
    ]
    return rows + columns


def _lay(
    city: City,
    arc: Arc,
    name: str,
    limit_mps: float,
    rng: random.Random,
    *,
    sky: Sky = "open",
    built: bool = True,
) -> None:
    """Lay one street between two crossings, in both directions, with houses where it is built up."""
    a, b = arc
    length_m = distance_m(city.crossings[a], city.crossings[b])
    for x, y in ((a, b), (b, a)):
        edge = Edge(name, length_m, limit_mps, sky, not built, ())
        city.arcs[x, y] = edge._replace(fronts_m=_fronts(edge, rng)) if built else edge
        city.neighbours[x].append(y)


def _fronts(edge: Edge, rng: random.Random) -> tuple[float, ...]:
    """House fronts along the right-hand side, clear of the crossings."""
    fronts = []
    along_m = corner_m(edge) + rng.uniform(2, 8)
    while along_m < edge.length_m - corner_m(edge) - 2:
        fronts.append(round(along_m, 1))
        along_m += rng.uniform(*FRONT_SPACING_M)
    return tuple(fronts)


def _join_up(city: City, rng: random.Random) -> None:
    """Tie every crossing to the rest: where leaving blocks out cut one off, a lane leads back."""
    avenue = 2 * COLUMNS + 2
    reached = _reached(city, avenue)
    for node in range(len(city.crossings)):
        if node in reached:
            continue
        near = [
            n
            for n in (node - 1, node + 1, node - COLUMNS, node + COLUMNS)
            if n in reached and _beside(node, n)
        ]
        if near:
            _lay(city, (node, near[0]), "Back Lane", STREET_MPS, rng)
            reached = _reached(city, avenue)
    # Whatever is still cut off (several crossings in a row) has no street: the round never goes there.
    for arc in [arc for arc in city.arcs if arc[0] not in reached]:
        del city.arcs[arc]
        city.neighbours[arc[0]].remove(arc[1])


def _beside(a: int, b: int) -> bool:
    """Whether two numbers belong to crossings next to each other on the grid."""
    return abs(a % COLUMNS - b % COLUMNS) + abs(a // COLUMNS - b // COLUMNS) == 1


def _reached(city: City, start: int) -> set[int]:
    """Every crossing that a street joins to `start`."""
    reached, todo = {start}, [start]
    while todo:
        for node in city.neighbours[todo.pop()]:
            if node not in reached:
                reached.add(node)
                todo.append(node)
    return reached


def _districts(city: City) -> list[list[Arc]]:
    """Four collection districts, quarters of the city; each arc belongs to one."""
    quarters: list[list[Arc]] = [[], [], [], []]
    for a, b in sorted(city.arcs):
        first = min(a, b)
        quarters[2 * (first // COLUMNS >= ROWS // 2) + (first % COLUMNS >= COLUMNS // 2)].append((a, b))
    return quarters


def _service_area(crossings: list[Spot]) -> list[Spot]:
    """A convex ring at least SERVICE_MARGIN_M outside every crossing."""
    reach_m = SERVICE_MARGIN_M * 1.1
    turns = [Spot(math.cos(k * math.pi / 4), math.sin(k * math.pi / 4)) for k in range(8)]
    return hull([offset(spot, turn, reach_m) for spot in crossings for turn in turns])


def _lay_road_to_depot(city: City, rng: random.Random) -> None:
    """From the western end of an avenue out to the depot, outside the service area."""
    gate = 2 * COLUMNS
    legs = [rng.uniform(250, 450) for _ in range(3)]
    city.depot = _lay_road(city, gate, gate + 1, legs, [("Depot Road", ROAD_MPS, "open")] * 3, rng)


def _lay_road_to_landfill(city: City, rng: random.Random) -> None:
    """From the eastern end of the other avenue: a ring road, the fast road with its tunnel, the landfill's own lane."""
    gate = 7 * COLUMNS + COLUMNS - 1
    left_m, legs = rng.uniform(*LANDFILL_M), [300.0]
    kinds: list[tuple[str, float, Sky]] = [("Ring Road", ROAD_MPS, "open")]
    tunnel_after_m = left_m * rng.uniform(0.3, 0.7)
    while left_m > 0:
        tunnel = tunnel_after_m > 0 and left_m < tunnel_after_m
        leg_m = rng.uniform(200, 350) if tunnel else rng.uniform(500, 900)
        tunnel_after_m = 0 if tunnel else tunnel_after_m
        legs.append(leg_m)
        kinds.append(("Route 7", FAST_MPS, "tunnel" if tunnel else "open"))
        left_m -= leg_m
    city.landfill = _lay_road(
        city, gate, gate - 1, [*legs, 350.0], [*kinds, ("Landfill Lane", STREET_MPS, "open")], rng
    )


def _lay_road(
    city: City,
    gate: int,
    inner: int,
    legs_m: list[float],
    kinds: list[tuple[str, float, Sky]],
    rng: random.Random,
) -> int:
    """Lay a winding road outward from `gate`; the crossing at its far end."""
    course = city.unit((inner, gate))
    heading, drift, node = math.atan2(course.north_m, course.east_m), 0.0, gate
    for leg_m, (name, limit_mps, sky) in zip(legs_m, kinds, strict=True):
        city.crossings.append(offset(city.crossings[node], Spot(math.cos(heading), math.sin(heading)), leg_m))
        city.neighbours.append([])
        _lay(city, (node, len(city.crossings) - 1), name, limit_mps, rng, sky=sky, built=False)
        node = len(city.crossings) - 1
        turn = rng.uniform(-0.2, 0.2) - 0.3 * drift  # winds, and comes back to its first course
        heading, drift = heading + turn, drift + turn
    return node


def _site(kind: Literal["depot", "landfill"], gate: Spot) -> Site:
    """A regular polygon round a gate, counter-clockwise."""
    turns = [math.tau * i / SITE_CORNERS for i in range(SITE_CORNERS)]
    ring = tuple(offset(gate, Spot(math.cos(turn), math.sin(turn)), SITE_M) for turn in turns)
    return Site(kind, gate, ring)


def _place_zones_and_cafes(city: City, rng: random.Random) -> None:
    """A union hall and a clinic on lots beside ordinary streets, two cafés at kerbs elsewhere."""
    quarters = [[arc for arc in quarter if _is_quiet(city, arc)] for quarter in city.districts]
    # The hall lies in the district collected first and the clinic in one of the first two: a round passes them.
    chosen: list[Arc] = []
    for arcs in (
        quarters[0],
        quarters[rng.randrange(2)],
        quarters[2] + quarters[3],
        quarters[1] + quarters[3],
    ):
        free = [arc for arc in arcs if all(_apart_m(city, arc, other) > 250 for other in chosen)]
        chosen.append(rng.choice(free or arcs))
    city.off_limits = [_lot(city, chosen[0], "Union hall", rng), _lot(city, chosen[1], "Clinic", rng)]
    cafes = zip(("Corner Café", "Market Café"), chosen[2:], strict=True)
    city.cafes = [Kerb(name, arc, round(city.arcs[arc].length_m / 2, 1)) for name, arc in cafes]


def _is_quiet(city: City, arc: Arc) -> bool:
    """Whether a street is an ordinary one inside the city, long enough for a lot beside it."""
    inside = all(0 < n % COLUMNS < COLUMNS - 1 and 0 < n // COLUMNS < ROWS - 1 for n in arc)
    return inside and city.arcs[arc].length_m > 70 and city.arcs[arc].limit_mps == STREET_MPS


def _apart_m(city: City, arc: Arc, other: Arc) -> float:
    """Distance between the middles of two streets."""
    a, b = (city.kerb(each, city.arcs[each].length_m / 2) for each in (arc, other))
    return distance_m(a, b)


def _lot(city: City, arc: Arc, name: str, rng: random.Random) -> Zone:
    """A rectangular lot on the right of `arc`, counter-clockwise."""
    along_m, half_m, depth_m = city.arcs[arc].length_m / 2, rng.uniform(18, 28), rng.uniform(25, 40)
    start, unit = city.crossings[arc[0]], city.unit(arc)
    near_m = LANE_M + 8
    corners = ((-half_m, near_m + depth_m), (half_m, near_m + depth_m), (half_m, near_m), (-half_m, near_m))
    ring = tuple(offset(start, unit, along_m + on_m, right_m) for on_m, right_m in corners)
    return Zone(name, OFF_LIMITS_MARGIN_M, ring, Kerb(name, arc, round(along_m, 1)))
