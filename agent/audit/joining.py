"""From which vehicle-day a harsh braking came: joined by key, by time, by order, and by space.

Brakings come under the fleet's topic and name no truck. The attacker has every payload with the time it came, and of
all other streams the vehicle and the date. Times are compared to the hour, never to the second: the logs of two
days do not begin at the same second, and only the judge could know by how much.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import shapely

from agent.audit.case import Arrival, Case, Floats, Route, interpolated, run_m
from agent.audit.guessing import Share
from agent.geometry import Plane, Point
from agent.records import day_number

STREAM = "harsh_braking"
CELL_M = 100.0
DAY_S = 86_400.0
HOUR_S = 3_600.0
NOISE_M = 20.0
FAR_M = 500.0  # a line further from a cell than this is just not near
SURE = 1_000.0  # outweighs every gap in days


class Found(NamedTuple):
    """A record of a braking as the attacker has it, and `truth`, which only the judge knows.

    `truth`: how likely it is of each of the route's vehicle-days; they add up to 1. `day`: days since 1970-01-01 at
    its coming, broken. `position`: in its batch. `centre_m`: of its cell.
    """

    truth: Floats
    arrival: Arrival
    day: float
    position: int
    record: Mapping[str, Any]
    centre_m: tuple[float, float]

    @property
    def case(self) -> int:
        """The likeliest of its vehicle-days."""
        return int(self.truth.argmax())


class Pool(NamedTuple):
    """A fleet's brakings, pooled; `delays_days`: between track and braking on other fleets, by their truth."""

    cases: list[Case]
    found: list[Found]
    delays_days: Floats
    rng: np.random.Generator


Attack = Callable[[Pool], Floats]


def joined(
    routes: Sequence[Route], planes: Mapping[str, Plane], seed: int, cell_m: float = CELL_M
) -> dict[str, Share]:
    """How many brakings each attack joins to their vehicle-day, and `chance`: one of all of the fleet in that month.

    `planes`: of each route by its name. Where an attack can't tell some days apart it chooses among them by chance,
    and counts as so much of a success. `space` may succeed: only the promise on key, time and order is one.
    `order_along_shuffled` is the placebo of `order_along`: both use space, one of them order too.
    """
    pools = _pools(routes, planes, seed, cell_m)
    attacks: dict[str, Attack] = {
        "chance": lambda pool: np.zeros((len(pool.found), len(pool.cases))),
        "key": by_key,
        "time": by_time,
        "time_coincidence": by_coincidence,
        "order": by_order,
        "order_along": lambda pool: by_order_along(pool, cell_m),
        "order_along_shuffled": lambda pool: by_order_along(_shuffled(pool), cell_m),
        "space": lambda pool: by_space(pool, cell_m),
        "space_together": lambda pool: by_space_together(pool, cell_m),
    }
    days = {name: _judged(pools, attack) for name, attack in attacks.items()}
    return days | _trucks_joined(pools)


def _trucks_joined(pools: Sequence[Pool]) -> dict[str, Share]:
    """All routes as one fleet: which truck, by names and epochs, and by the age of the buffer.

    The days of one truck share what a payload says of it, so that only among trucks does a key show. Which month it
    was is left aside: here every city has its own.
    """
    names = ("truck_chance", "truck_by_name", "truck_by_age")
    cases = [case for pool in pools for case in pool.cases]
    trucks = np.array([f"{case.seen.route}/{case.seen.vehicle}" for case in cases])
    hits, offset = np.zeros(len(names)), 0
    for pool in pools:
        fleet = pool._replace(cases=cases)
        scores = (np.zeros((len(pool.found), len(cases))), by_name(fleet), by_age(fleet, pool.cases))
        for number, rows in enumerate(scores):
            for found, row in zip(pool.found, rows, strict=True):
                named = set(trucks[row == row.max()])
                hits[number] += (trucks[offset + found.case] in named) / len(named)
        offset += len(pool.cases)
    trials = sum(len(pool.found) for pool in pools)
    return {name: Share(float(each), trials) for name, each in zip(names, hits, strict=True)}


def _pools(routes: Sequence[Route], planes: Mapping[str, Plane], seed: int, cell_m: float) -> list[Pool]:
    found = [brakings(route, planes[route.name], cell_m) for route in routes]
    delays = [_delays_days(route, each) for route, each in zip(routes, found, strict=True)]
    pools = []
    for number, route in enumerate(routes):
        elsewhere = [np.empty(0), *delays[:number], *delays[number + 1 :]]
        rng = np.random.default_rng([seed, number])
        pools.append(Pool(route.cases, found[number], np.concatenate(elsewhere), rng))
    return pools


def brakings(route: Route, plane: Plane, cell_m: float = CELL_M) -> list[Found]:
    """All records of harsh brakings that came, but for those that no known braking explains.

    A month's brakings leave together, long after their days: with whose other payloads a record came says nothing.
    It is of the days that braked in its cell in its month, in proportion. On a route of which no braking is known, it
    is of the day with whose payloads it came.
    """
    found = []
    for number, case in enumerate(route.cases):
        for arrival in case.seen.arrivals:
            for position, record in enumerate(arrival.records if arrival.stream == STREAM else ()):
                centre_m = _centre_m(plane, record)
                truth = _truth(route, number, record, centre_m, cell_m)
                if truth is not None:
                    found.append(Found(truth, arrival, _came(case, arrival), position, record, centre_m))
    return found


def _truth(
    route: Route, came_with: int, record: Mapping[str, Any], centre_m: tuple[float, float], cell_m: float
) -> Floats | None:
    """The share of each vehicle-day; None where nobody is known to have braked there."""
    braked = np.zeros(len(route.cases))
    if not any(case.secrets.brakings for case in route.cases):
        braked[came_with] = 1.0
        return braked
    for reach_m in (cell_m / 2, cell_m / 2 + NOISE_M):  # what a receiver's error put into the next cell
        for number, case in enumerate(route.cases):
            if case.seen.date[:7] == record.get("month"):
                braked[number] = _braked(case, centre_m, reach_m)
        if braked.any():
            return braked / float(braked.sum())
    return None


def _braked(case: Case, centre_m: tuple[float, float], reach_m: float) -> int:
    places_m = np.array([each.place_m for each in case.secrets.brakings]).reshape(-1, 2)
    return int((np.abs(places_m - np.asarray(centre_m)).max(axis=1) <= reach_m).sum())


def _came(case: Case, arrival: Arrival) -> float:
    return day_number(case.seen.date) + arrival.at_s / DAY_S


def _centre_m(plane: Plane, record: Mapping[str, Any]) -> tuple[float, float]:
    return plane.xy_m(Point(round(record["latitude_deg"] * 1e7), round(record["longitude_deg"] * 1e7)))


def _others(case: Case) -> list[Arrival]:
    return [arrival for arrival in case.seen.arrivals if arrival.stream != STREAM]


def _judged(pools: Sequence[Pool], attack: Attack) -> Share:
    hits = 0.0
    for pool in pools:
        if not pool.found:
            continue
        for found, row in zip(pool.found, attack(pool), strict=True):
            best = _best(pool, found, row)
            hits += float(found.truth[best].sum()) / len(best)
    return Share(hits, sum(len(pool.found) for pool in pools))


def _best(pool: Pool, found: Found, scores: Floats) -> list[int]:
    """The vehicle-days of the record's month that score best; of all months where there is none in that."""
    month = found.record.get("month")
    in_month = [i for i, case in enumerate(pool.cases) if case.seen.date[:7] == month]
    candidates = in_month or list(range(len(pool.cases)))
    most = max(scores[i] for i in candidates)
    return [i for i in candidates if scores[i] == most]


def by_key(pool: Pool) -> Floats:
    """Shared epochs, names that stand anywhere, and buffers of one age."""
    return by_name(pool) + by_age(pool, pool.cases)


def by_name(pool: Pool) -> Floats:
    """Epochs that other streams share, and vehicles and dates that stand anywhere."""
    shared = [
        [_times_named(found, case) + 2 * _shares_epoch(found, case) for case in pool.cases]
        for found in pool.found
    ]
    return SURE * np.array(shared, np.float64)


def by_age(pool: Pool, senders: Sequence[Case]) -> Floats:
    """Buffers of one age. `senders`: with whose payloads the records came.

    A batch's number counts from when its buffer was made. Where so many batches leave each day, number and day give
    that day away, for brakings as for any stream with a name: trucks fitted on different days are told apart by it.
    """
    ages = np.array([_made_on_day(case) for case in pool.cases])
    rates = [
        _per_day([_came(case, each) for each in case.seen.arrivals if each.stream == STREAM])
        for case in senders
    ]
    rate = float(np.median(rates)) if rates else 1.0  # it is in the agreement, too
    own = np.array([found.day - found.arrival.n / rate for found in pool.found]).reshape(-1, 1)
    gaps_days = np.round(np.abs(own - ages))
    return np.asarray(-np.fmin(gaps_days, SURE / 2), dtype=np.float64)  # NaN is a day without other payloads


def _shares_epoch(found: Found, case: Case) -> bool:
    return any(other.epoch == found.arrival.epoch for other in _others(case))


def _times_named(found: Found, case: Case) -> int:
    """How many of vehicle and date stand in the topic, in the epoch, or in any field."""
    said = [found.arrival.topic, found.arrival.epoch, *map(str, found.record.values())]
    parts = {part for text in said for part in text.split("/")}
    return (case.seen.vehicle in parts) + (case.seen.date in parts)


def _made_on_day(case: Case) -> float:
    """The median of what all streams with a name say; NaN without any."""
    by_stream: dict[tuple[str, str], list[Arrival]] = {}
    for arrival in _others(case):
        by_stream.setdefault((arrival.topic, arrival.epoch), []).append(arrival)
    made = []
    for arrivals in by_stream.values():
        rate = _per_day([_came(case, each) for each in arrivals])
        made += [_came(case, each) - each.n / rate for each in arrivals]
    return float(np.median(made)) if made else math.nan


def _per_day(came: list[float]) -> float:
    """How many batches of a stream come on a day, one at least."""
    counted = np.unique(np.round(came), return_counts=True)[1]
    return max(1.0, round(float(np.median(counted)))) if len(counted) else 1.0


# By time: when it came.


def by_time(pool: Pool) -> Floats:
    """How often, on other fleets, a braking came so long after its day's track; to the hour, else to the day."""
    tracks = [_track_came(case) for case in pool.cases]
    known = pool.delays_days if len(pool.delays_days) else np.zeros(1)
    scores = np.zeros((len(pool.found), len(pool.cases)))
    for (row, found), (column, came) in itertools.product(enumerate(pool.found), enumerate(tracks)):
        off_days = np.abs(known - (found.day - came))
        scores[row, column] = (off_days <= HOUR_S / 2 / DAY_S).mean() + (off_days <= 0.5).mean()
    return scores


def _track_came(case: Case) -> float:
    """The day on which the last of its tracks came, empty batches left aside; NaN without any."""
    tracks = [each for each in case.seen.arrivals if each.stream == "track" and each.records]
    return max((_came(case, each) for each in tracks), default=math.nan)


def _delays_days(route: Route, found: list[Found]) -> Floats:
    delays = np.array([each.day - _track_came(route.cases[each.case]) for each in found], dtype=np.float64)
    return delays[np.isfinite(delays)]


def by_coincidence(pool: Pool) -> Floats:
    """Trucks that had coverage when the braking came: the nearest payload of theirs, in whole hours."""
    came = [np.array([_came(case, each) for each in _others(case)]) for case in pool.cases]
    scores = np.full((len(pool.found), len(pool.cases)), -math.inf)
    for (row, found), (column, days) in itertools.product(enumerate(pool.found), enumerate(came)):
        if len(days):
            scores[row, column] = -math.floor(float(np.abs(days - found.day).min()) * DAY_S / HOUR_S)
    return scores


# By order: which came first.


def by_order(pool: Pool) -> Floats:
    """The first of a month's records are of its first vehicle-day, and so on, in as many parts as there are days."""
    scores = np.zeros((len(pool.found), len(pool.cases)))
    rank = _ranks(pool)
    dates = sorted({case.seen.date for case in pool.cases})
    for month in {date[:7] for date in dates}:
        rows = [i for i, found in enumerate(pool.found) if found.record.get("month") == month]
        columns = [i for i, case in enumerate(pool.cases) if case.seen.date[:7] == month]
        columns.sort(key=lambda i: pool.cases[i].seen.date)
        rows.sort(key=lambda i: rank[i])
        for place, row in enumerate(rows):
            expected = place * len(columns) // len(rows)
            scores[row, columns] = -np.abs(np.arange(len(columns)) - expected)
    return scores


def _ranks(pool: Pool) -> list[tuple[int, float, int]]:
    """By the day it came, then the batch (by chance: their keys say nothing of order), then the place in it."""
    batches = {batch_of(found): 0.0 for found in pool.found}
    drawn = dict(zip(batches, pool.rng.permutation(len(batches)), strict=True))
    return [(round(found.day), float(drawn[batch_of(found)]), found.position) for found in pool.found]


def batch_of(found: Found) -> tuple[float, str, int]:
    """The same for all records that came in one payload."""
    return found.day, found.arrival.epoch, found.arrival.n


def by_order_along(pool: Pool, cell_m: float) -> Floats:
    """The records of a batch in the order in which the day's way comes by their cells."""
    scores = np.zeros((len(pool.found), len(pool.cases)))
    for rows in _batches(pool):
        for column, case in enumerate(pool.cases):
            cells = [pool.found[row].centre_m for row in rows]
            scores[rows, column] = _in_order(_first_at_m(case, cells, cell_m))
    return scores


def _batches(pool: Pool) -> list[list[int]]:
    """The rows of each batch, in the order of its records."""
    rows: dict[tuple[float, str, int], list[int]] = {}
    for row in sorted(range(len(pool.found)), key=lambda row: pool.found[row].position):
        rows.setdefault(batch_of(pool.found[row]), []).append(row)
    return list(rows.values())


def _in_order(first_at_m: Floats) -> float:
    """The share of pairs in order less that in disorder; of places that the way comes by."""
    signs = [np.sign(b - a) for a, b in itertools.combinations(first_at_m[np.isfinite(first_at_m)], 2)]
    return float(np.mean(signs)) if signs else 0.0


def _first_at_m(case: Case, centres_m: Sequence[tuple[float, float]], cell_m: float) -> Floats:
    """How far along the day's way each cell is first reached; inf where it is not."""
    points_m = np.concatenate([np.empty((0, 2)), *(line.points_m for line in case.seen.lines)])
    first_at_m = np.full(len(centres_m), np.inf)
    if len(points_m) < 2:
        return first_at_m
    at_m = run_m(points_m)
    along_m = np.arange(0.0, at_m[-1], cell_m / 10)
    places_m = interpolated(along_m, at_m, points_m)
    for number, centre_m in enumerate(centres_m):
        inside = np.abs(places_m - np.asarray(centre_m)).max(axis=1) <= cell_m / 2
        if inside.any():
            first_at_m[number] = along_m[inside.argmax()]
    return first_at_m


def _shuffled(pool: Pool) -> Pool:
    """The same with the records of each batch in another order."""
    found = list(pool.found)
    for rows in _batches(pool):
        for row, position in zip(rows, pool.rng.permutation(len(rows)), strict=True):
            found[row] = found[row]._replace(position=int(position))
    return pool._replace(found=found)


def by_space(pool: Pool, cell_m: float) -> Floats:
    """The days whose lines cross the record's cell, else those that come nearest."""
    return -_off_m(pool, cell_m)


def by_space_together(pool: Pool, cell_m: float) -> Floats:
    """What comes in one batch is of one truck: first the truck that fits all of it, then that truck's day."""
    off_m = _off_m(pool, cell_m)
    scores = -off_m
    vehicles = [case.seen.vehicle for case in pool.cases]
    for rows in _batches(pool):
        for vehicle in set(vehicles):
            days = [column for column, each in enumerate(vehicles) if each == vehicle]
            scores[np.ix_(rows, days)] -= SURE * off_m[np.ix_(rows, days)].min(axis=1).sum()
    return scores


def _off_m(pool: Pool, cell_m: float) -> Floats:
    """Metres from each record's cell to the lines of each day: 0 where they cross it, FAR_M at most."""
    half_m = cell_m / 2
    centres_m = np.array([found.centre_m for found in pool.found])
    cells = shapely.box(*(centres_m - half_m).T, *(centres_m + half_m).T)
    ways = np.array([_way(case) for case in pool.cases])
    off_m: Floats = np.round(shapely.distance(cells[:, None], ways[None, :]), 1)
    return np.fmin(off_m, FAR_M)  # NaN is a day without any line


def _way(case: Case) -> shapely.MultiLineString:
    return shapely.MultiLineString([line.points_m for line in case.seen.lines if len(line.points_m) > 1])
