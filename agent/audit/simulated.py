"""Seeded vehicle-days: routes in made-up cities, six days each, with private places drawn into the agreement.

A route's days are the same round of the same kind of truck within one month. Each has breaks, traffic and served
houses of its own; every other day the crew leaves switch and engine on in its breaks. The receiver's sentences are
thinned to the two that the agent needs, RMC and GGA.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import json
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import shapely

from agent.agreement import Agreement, load_agreement
from agent.audit.baselines import ZONE_M, raw, received, zoned
from agent.audit.case import Braking, Break, BreakKind, Case, Floats, Hidden, Route, Secrets, Seen, pair
from agent.audit.seeing import Log, metres, seen
from agent.geometry import Plane, Point
from agent.records import day_number
from config.load import load_configuration, load_yaml
from config.schema import Configuration
from drivers.inputs import Chunk
from drivers.replay import merge
from drivers.simulate.city import City
from drivers.simulate.files import agent_yaml, agreement_yaml
from drivers.simulate.plane import Spot, distance_m, offset, toward, turn_rad
from drivers.simulate.shifts import DAY_MS, Shift, shift

HOURS = 8.0
DAYS_A_ROUTE = 6
DAYS_APART = 4
KEPT = (b"RMC", b"GGA")
SEEDS_A_ROUTE = 1000
STREET_STEP_M = 4.0
PRIVATE_PLACES = 3
PRIVATE_HALF_M = (30.0, 100.0)  # half a side of the ground that the agreement draws round one
PRIVATE_MARGIN_M = 30.0
PRIVATE_APART_M = 450.0
HINT_M = 250.0  # what an attacker knows beforehand where no outline is published: a disc of this radius
HINT_OFF_M = 150.0  # whose middle is off by up to so much
DEPOT_HINT_TIMES = 6.0  # and so many times as large for the depot, which may be anywhere outside
STRAIGHT_RAD = 0.1  # a street that bends less at a crossing goes straight on
FIRST_DAY = day_number("2027-03-02")  # all routes are one fleet's, in one month


Told = Callable[[int, int], None]
One = TypeVar("One")


class Wanted(NamedTuple):
    """Which vehicle-days to drive: so many, from a seed on, at that receiver noise, under the terms of `tree`."""

    tree: dict[str, Any]
    days: int
    seed: int
    noise_m: float


def tree_of(agreement: Agreement) -> dict[str, Any]:
    """The terms of an agreement as plain data, but for what stands behind it: nothing expires in an audit."""
    tree: dict[str, Any] = json.loads(agreement.canonical)
    tree.pop("behind", None)
    return tree


class Driven(NamedTuple):
    """The same vehicle-days as Fairhaul would show them, and as two trackers without it would.

    `zoned` has its circles round the same places as Fairhaul's, `corners` round street corners.
    """

    fairhaul: list[Route]
    raw: list[Route]
    zoned: list[Route]
    corners: list[Route]


def driven(wanted: Wanted, jobs: int, told: Told = lambda done, whole: None) -> Driven:
    """Drive them all, in `jobs` processes; `told` hears how many days are done, and of how many."""
    return Driven(*map(list, zip(*_by_route(_driven, wanted, jobs, told), strict=True)))


def _by_route(drive: Callable[[Wanted, int], One], wanted: Wanted, jobs: int, told: Told) -> list[One]:
    found = []
    numbers = range(-(-wanted.days // DAYS_A_ROUTE))
    with contextlib.ExitStack() as closing:
        pool = closing.enter_context(concurrent.futures.ProcessPoolExecutor(jobs)) if jobs > 1 else None
        for one in (pool.map if pool else map)(drive, [wanted] * len(numbers), numbers):
            found.append(one)
            told(min(wanted.days, len(found) * DAYS_A_ROUTE), wanted.days)
    return found


def planes_of(routes: Sequence[Route], seed: int) -> dict[str, Plane]:
    """The plane on which each route's places count."""
    return {route.name: _ground(seed + number).plane for number, route in enumerate(routes)}


# Places.


class Private(NamedTuple):
    """A place that is to stay hidden, and the ground that the agreement draws round it, on the city's plane."""

    spot: Spot
    low: Spot
    high: Spot


class Ground(NamedTuple):
    """A city's hidden places, in metres of the agreement's plane.

    `grounds`: what the agreement draws off limits, margin included; None for the depot, which lies outside the
    service area. `privates`: those that are drawn for the audit, beside the city's own. `corners_m`: for a
    tracker without Fairhaul alone.
    """

    seed: int
    plane: Plane
    places_m: list[tuple[float, float]]
    grounds: list[shapely.Polygon | None]
    privates: list[Private]
    corners_m: list[tuple[float, float]]

    def hidden(self, *, outlined: bool) -> list[Hidden]:
        """What an attacker looks for; `outlined`: whether the agreement's outlines are known."""
        rng = random.Random(f"hints {self.seed}")
        found = []
        for place_m, ground in zip(self.places_m, self.grounds, strict=True):
            times = 1.0 if ground is not None else DEPOT_HINT_TIMES
            disc = _disc(rng, place_m, times)
            known = ground if outlined and ground is not None else disc
            found.append(Hidden("off_limits" if ground is not None else "depot", place_m, known))
        return found

    def corners(self) -> list[Hidden]:
        """Where two straight streets cross: nothing is hidden there but for a tracker that is to be attacked."""
        rng = random.Random(f"corners {self.seed}")
        return [Hidden("off_limits", place_m, _disc(rng, place_m, 1.0)) for place_m in self.corners_m]


def _disc(rng: random.Random, place_m: tuple[float, float], times: float) -> shapely.Polygon:
    off_m = [times * HINT_OFF_M / 2**0.5 * rng.uniform(-1, 1) for _ in place_m]
    return shapely.Point(place_m[0] + off_m[0], place_m[1] + off_m[1]).buffer(times * HINT_M)


@functools.lru_cache(maxsize=32)
def _ground(city_seed: int) -> Ground:
    city = shift(city_seed, HOURS, city_seed=city_seed).city
    plane = Plane(_point(city.origin.latitude_deg, city.origin.longitude_deg))

    def flat(spot: Spot) -> tuple[float, float]:
        return pair(metres(plane, [city.origin.degrees(*spot)])[0])

    kerbs = [city.kerb(zone.kerb.arc, zone.kerb.along_m) for zone in city.off_limits]
    rings = [
        shapely.Polygon([flat(spot) for spot in zone.ring]).buffer(zone.margin_m) for zone in city.off_limits
    ]
    privates = _privates(city_seed, kerbs)
    boxes = [
        shapely.box(*flat(private.low), *flat(private.high)).buffer(PRIVATE_MARGIN_M) for private in privates
    ]
    depot = next(site.gate for site in city.sites if site.kind == "depot")
    spots = [*kerbs, *(private.spot for private in privates), depot]
    places_m, corners_m = [flat(spot) for spot in spots], [flat(spot) for spot in _corners(city)]
    grounds = [*rings, *boxes, None]
    return Ground(city_seed, plane, places_m, grounds, privates, corners_m)


def _corners(city: City) -> list[Spot]:
    """Where two straight streets cross, far enough from each other that round zones do not overlap."""
    chosen: list[Spot] = []
    for number, spot in enumerate(city.crossings):
        straight = [other for other in city.neighbours[number] if _is_straight(city, number, other)]
        if len(straight) == 4 and all(distance_m(spot, other) >= PRIVATE_APART_M for other in chosen):
            chosen.append(spot)
    return chosen


def _is_straight(city: City, start: int, onward: int) -> bool:
    """Whether the street from a crossing by way of the next one goes straight on across a round zone."""
    course = toward(city.crossings[start], city.crossings[onward])
    while distance_m(city.crossings[start], city.crossings[onward]) < ZONE_M:
        here = city.crossings[onward]
        ahead = [
            other
            for other in city.neighbours[onward]
            if abs(turn_rad(course, toward(here, city.crossings[other]))) <= STRAIGHT_RAD
        ]
        if not ahead:
            return False
        onward = ahead[0]
    return True


def _privates(city_seed: int, kerbs: Sequence[Spot]) -> list[Private]:
    """Houses on the round, and ground round each that says only roughly where it is."""
    rng = random.Random(f"private {city_seed}")
    stops = [stop.spot for stop in shift(city_seed * SEEDS_A_ROUTE, HOURS, city_seed=city_seed).day.stops]
    rng.shuffle(stops)
    chosen: list[Spot] = []
    for spot in stops:
        if all(distance_m(spot, other) >= PRIVATE_APART_M for other in [*kerbs, *chosen]):
            chosen.append(spot)
    found = []
    for spot in chosen[:PRIVATE_PLACES]:
        east_m, north_m = rng.uniform(*PRIVATE_HALF_M), rng.uniform(*PRIVATE_HALF_M)
        low = Spot(
            spot.east_m - east_m * (1 + rng.uniform(-1, 1)), spot.north_m - north_m * (1 + rng.uniform(-1, 1))
        )
        found.append(Private(spot, low, Spot(low.east_m + 2 * east_m, low.north_m + 2 * north_m)))
    return found


# Days.


def _shifts(city_seed: int, days: int, noise_m: float) -> list[Shift]:
    """So many days of the city's round with one kind of truck, a few days apart within the month."""
    found: list[Shift] = []
    for seed in range(city_seed * SEEDS_A_ROUTE, (city_seed + 1) * SEEDS_A_ROUTE):
        made = shift(seed, HOURS, city_seed=city_seed, noise_m=noise_m)
        if found and made.day.loader.name != found[0].day.loader.name:
            continue
        made.utc_ms = (FIRST_DAY + DAYS_APART * len(found)) * DAY_MS + made.utc_ms % DAY_MS
        if len(found) % 2:
            made.breaks = [taken._replace(switched_off=False, ignition_off=False) for taken in made.breaks]
        found.append(made)
        if len(found) == days:
            break
    return found


def _agreement(tree: dict[str, Any], made: Shift, privates: Sequence[Private], folder: Path) -> Agreement:
    """The terms of `tree` with the places and the duty of the shift's city, private places included."""
    (folder / "city.yaml").write_text(agreement_yaml(made.city), encoding="utf-8")
    city = load_yaml(folder / "city.yaml").tree
    city["places"]["off_limits"] += [
        {
            "name": f"private place {number}",
            "margin": f"{PRIVATE_MARGIN_M:g} m",
            "area": {"type": "Polygon", "coordinates": [_ring(made, private)]},
        }
        for number, private in enumerate(privates, 1)
    ]
    agreed = tree | {"places": city["places"], "duty": city["duty"]}
    (folder / "agreement.yaml").write_text(json.dumps(agreed, default=str), encoding="utf-8")
    return load_agreement(folder / "agreement.yaml")


def _ring(made: Shift, private: Private) -> list[list[float]]:
    low, high = private.low, private.high
    corners = [low, Spot(high.east_m, low.north_m), high, Spot(low.east_m, high.north_m), low]
    degrees = [made.city.origin.degrees(*corner) for corner in corners]
    return [[round(longitude_deg, 7), round(latitude_deg, 7)] for latitude_deg, longitude_deg in degrees]


def _terms(tree: dict[str, Any], made: Shift, privates: Sequence[Private]) -> tuple[Agreement, Configuration]:
    """The agreement in the shift's city with these private places, and a truck's configuration."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "agent.yaml").write_text(agent_yaml(made), encoding="utf-8")
        return _agreement(tree, made, privates, folder), load_configuration(folder / "agent.yaml")


class Versions(NamedTuple):
    """A route's days under an agreement without its private places, and under the next version with them.

    `streets_m`: places along the city's streets, (n, 2), as on any street map.
    """

    before: list[Seen]
    after: list[Seen]
    hidden: list[Hidden]
    streets_m: Floats


def versions(wanted: Wanted, jobs: int, told: Told = lambda done, whole: None) -> list[Versions]:
    """Each route's days, half of them under either version."""
    return _by_route(_version, wanted, jobs, told)


def _version(wanted: Wanted, number: int) -> Versions:
    city_seed = wanted.seed + number
    shifts, ground = _shifts(city_seed, DAYS_A_ROUTE, wanted.noise_m), _ground(city_seed)
    middle = DAYS_A_ROUTE // 2
    halves = shifts[: DAYS_A_ROUTE - middle], shifts[middle:]
    days = []
    for half, privates in zip(halves, ([], ground.privates), strict=True):
        agreement, configuration = _terms(wanted.tree, half[0], privates)
        logs = [_Drive(made, agreement, ground).log(f"city {city_seed}") for made in half]
        days.append(seen(logs, configuration, agreement))
    drawn = {private.spot for private in ground.privates}
    hidden = ground.hidden(outlined=True)[-1 - len(drawn) : -1]  # the depot is last
    return Versions(days[0], days[1], hidden, _streets_m(shifts[0].city, ground.plane))


def _streets_m(city: City, plane: Plane) -> Floats:
    """A place every STREET_STEP_M along the middle of each street."""
    spots = [
        offset(city.crossings[arc[0]], city.unit(arc), along_m, 0.0)
        for arc, edge in city.arcs.items()
        if arc[0] < arc[1]
        for along_m in np.arange(0.0, edge.length_m, STREET_STEP_M).tolist()
    ]
    return metres(plane, [city.origin.degrees(*spot) for spot in spots])


def _driven(wanted: Wanted, number: int) -> tuple[Route, Route, Route, Route]:
    """A route's days, as Fairhaul would show them, raw, and with round zones of either kind."""
    city_seed = wanted.seed + number
    days = min(DAYS_A_ROUTE, wanted.days - number * DAYS_A_ROUTE)
    shifts, ground = _shifts(city_seed, days, wanted.noise_m), _ground(city_seed)
    agreement, configuration = _terms(wanted.tree, shifts[0], ground.privates)
    drives = [_Drive(made, agreement, ground) for made in shifts]
    name = f"city {city_seed}"
    shown = seen([one.log(name) for one in drives], configuration, agreement)

    def route(days_: Sequence[Seen], hidden: list[Hidden]) -> Route:
        return Route(name, [Case(day, one.secrets) for day, one in zip(days_, drives, strict=True)], hidden)

    def round_zones(hidden: list[Hidden]) -> Route:
        places_m = [each.place_m for each in hidden]
        pairs = zip(shown, drives, strict=True)
        return route([zoned(day, one.fixes_m, places_m, one.odometer_m) for day, one in pairs], hidden)

    bare = [raw(day, one.fixes_m) for day, one in zip(shown, drives, strict=True)]
    hidden = ground.hidden(outlined=False)
    return (
        route(shown, ground.hidden(outlined=True)),
        route(bare, hidden),
        round_zones(hidden),
        round_zones(ground.corners()),
    )


class _Drive:
    """One day: what the agent is fed, what the receiver said, and what was true."""

    def __init__(self, made: Shift, agreement: Agreement, ground: Ground) -> None:
        self.made = made
        readings = [[line for line in group if line[3:6] in KEPT] for group in made.nmea_readings()]
        self.fixes_m = received((group[0] for group in readings), ground.plane)
        self.secrets, self.duty_s = _secrets(made, ground.plane, agreement)
        self.odometer_m = np.cumsum(self.secrets.speed_mps)
        self.entries = list(merge(_chunks(readings), made.pulses()))

    def log(self, route: str) -> Log:
        """As the agent is fed it."""
        vehicle = f"truck-{int(route.rsplit(' ', 1)[1]):03d}"
        return Log(route, vehicle, self.made.utc_ms, self.duty_s, self.entries)


def _chunks(readings: Sequence[Sequence[bytes]]) -> Iterator[Chunk]:
    return (Chunk(float(second), b"".join(group)) for second, group in enumerate(readings))


def _secrets(made: Shift, plane: Plane, agreement: Agreement) -> tuple[Secrets, tuple[float, float]]:
    """What is to stay hidden, and when the shift began and ended."""
    origin = made.city.origin
    truth = list(made.truth())
    on_duty = np.array([second.on_duty for second in truth])

    def placed(spot: Spot) -> tuple[float, float]:
        return pair(metres(plane, [origin.degrees(*spot)])[0])

    def allowed(spot: Spot) -> bool:
        return agreement.allows(_point(*origin.degrees(*spot)))

    def kind(each: Any) -> BreakKind:
        return each.kind if allowed(each.spot) else "off_limits"

    breaks = [Break(kind(each), placed(each.spot), each.starts_s, each.ends_s) for each in made.breaks]
    way_m = metres(plane, [(second.latitude_deg, second.longitude_deg) for second in truth])
    stops = [stop for stop in made.day.stops if allowed(stop.spot)]
    on = np.flatnonzero(on_duty)
    secrets = Secrets(
        breaks=breaks,
        way_m=way_m,
        speed_mps=np.array([second.speed_mps for second in truth]),
        stops_m=np.array([placed(stop.spot) for stop in stops]).reshape(-1, 2),
        brakings=list(_brakings(truth, way_m, agreement)),
    )
    return secrets, (float(on[0]), float(on[-1])) if len(on) else (0.0, 0.0)


def _brakings(truth: Sequence[Any], way_m: Floats, agreement: Agreement) -> Iterator[Braking]:
    for second, place_m in zip(truth, way_m, strict=True):
        for braking in second.brakings:
            if (
                braking.kind == "braking"
                and second.on_duty
                and agreement.allows(_point(second.latitude_deg, second.longitude_deg))
            ):
                yield Braking(braking.at_s, pair(place_m))


def _point(latitude_deg: float, longitude_deg: float) -> Point:
    return Point(round(latitude_deg * 1e7), round(longitude_deg * 1e7))
