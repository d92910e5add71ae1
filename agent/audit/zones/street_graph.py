"""Distance and street graph: the hidden place is where on the streets the missing distance is explained best.

Dhondt et al., "A run a day won't keep the hacker away", CCS 2022. No map is needed: the streets are the fleet's own
published lines on a grid, and each cut line is led on straight ahead. Missing distances come from the metres that a
tracker publishes of a whole trip, hidden ones included, and beside its points; else from exact seconds and speed, from
when the shift ended, and from a day's published total less its lines. Without any of them the nearest street to the
middle of the ground is left: a truck stands on a street.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import networkx as nx
import numpy as np
from scipy.spatial import cKDTree

from agent.audit.case import Floats, Seen, interpolated, run_m
from agent.audit.zones.circle_fit import ways_of
from agent.audit.zones.cut_points import Cut, Gap, cuts_of, facing, facing_pairs, gaps, places, solid
from agent.audit.zones.target import Target

CELL_M = 10.0
AROUND_M = 600.0  # streets farther from the ground and its cuts are no way to it
AHEAD_M = 1_500.0
WAY_M_MAX = 4_000.0
PASSING_S_MAX = 240.0  # a longer gap has a stay in it, and its time is no distance
SETTLING_S = 15.0  # to brake, stop and switch off at the end of a shift
TRANSFER_SHARE = 0.97  # of a day's way, by far most of it served
OPEN_SCALE_M, PASSING_SCALE = 60.0, 0.3
STAY_SCALE_M = 25.0  # of the graph, and of where in the truck the receiver is
TOTAL_SCALE_M = 100.0  # the step of a day's total
UNSEEN_M = 30.0  # from what is published
FROM_MIDDLE = 1e-4  # a metre from the ground's middle counts this much: only among equals
CUT_PLACES_MAX = 40
# Half of the sixteen directions from a cell; ways along these are at most 3 % too long.
STEPS = ((1, 0), (0, 1), (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1))

Cell = tuple[int, int]


class Missing(NamedTuple):
    """A distance that is not published: the ways from the place to these cuts are together this long."""

    cuts: list[Cut]
    way_m: float
    scale_m: float


def distance_on_streets(days: Sequence[Seen], target: Target) -> Floats | None:
    """The place of the street graph on the ground that explains the missing distances best."""
    found = gaps(days)
    near = facing(found, target)
    graph = _streets(days, near, target)
    cells = _unseen(_on_ground(list(graph), target), ways_of(days))
    if not cells:
        return None
    spots_m = _middles_m(cells)
    loss = FROM_MIDDLE * np.hypot(*(spots_m - target.middle_m).T)
    told = list(_stayed(days, near)) or [
        *_open_ends(days, near),
        *_passed(near),
        *_totals(days, found, near),
    ]
    ways = _Ways(graph, cells, [cut for missing in told for cut in missing.cuts])
    for missing in told:
        off_m = np.abs(sum(ways.to(cut) for cut in missing.cuts) - missing.way_m)
        loss += np.minimum(1.0, off_m / missing.scale_m)
    return np.asarray(spots_m[int(loss.argmin())])


def _on_ground(cells: Sequence[Cell], target: Target) -> list[Cell]:
    apart_m = target.apart_m(_middles_m(cells)) if cells else ()
    return [cell for cell, each_m in zip(cells, apart_m, strict=True) if each_m == 0]


def _unseen(cells: Sequence[Cell], ways_m: Floats) -> list[Cell]:
    """Those that no published line passes, for what is shown is not hidden; all of them if that leaves none."""
    if not cells or not len(ways_m):
        return list(cells)
    apart_m = cKDTree(ways_m).query(_middles_m(cells))[0]
    return [cell for cell, each_m in zip(cells, apart_m, strict=True) if each_m > UNSEEN_M] or list(cells)


class _Ways:
    """Metres along the streets from cuts to the places that are looked at."""

    def __init__(self, graph: nx.Graph, cells: Sequence[Cell], cuts: Sequence[Cut]) -> None:
        starts = places(cuts)[:CUT_PLACES_MAX]
        self._starts_m = np.array([start.place_m for start in starts]).reshape(-1, 2)
        all_cells = list(graph)
        nearest = cKDTree(_middles_m(all_cells)).query(self._starts_m)[1]
        self._metres = [_metres(graph, all_cells[number], cells) for number in nearest]

    def to(self, cut: Cut) -> Floats:
        """From a cut to each cell: from the nearest place at which lines are cut."""
        return self._metres[int(np.hypot(*(self._starts_m - cut.place_m).T).argmin())]


def _metres(graph: nx.Graph, start: Cell, cells: Sequence[Cell]) -> Floats:
    far = nx.single_source_dijkstra_path_length(graph, start, cutoff=WAY_M_MAX)
    return np.array([far.get(cell, np.inf) for cell in cells])


def _streets(days: Sequence[Seen], near: Sequence[Gap], target: Target) -> nx.Graph:
    """Cells of CELL_M with a published line or a likely way in them, each tied to its sixteen neighbours."""
    laid_m = [_laid_m(line.points_m) for seen in days for line in solid(seen)]
    around = target._replace(ground=target.ground.buffer(AROUND_M))
    old_m = np.concatenate([np.empty((0, 2)), *laid_m])
    old_m = old_m[around.apart_m(old_m) == 0] if len(old_m) else old_m
    all_m = np.concatenate([old_m, *_led_on_m(near, target)])
    cells = {(int(east), int(north)) for east, north in np.unique(np.round(all_m / CELL_M), axis=0)}
    graph = nx.Graph()
    graph.add_nodes_from(sorted(cells))
    for (east, north), (right, up) in itertools.product(sorted(cells), STEPS):
        if (east + right, north + up) in cells:
            length_m = CELL_M * float(np.hypot(right, up))
            graph.add_edge((east, north), (east + right, north + up), weight=length_m)
    return graph


def _led_on_m(near: Sequence[Gap], target: Target) -> Iterator[Floats]:
    """Between cuts that face each other, and straight ahead of each other one to the far side of the ground."""
    found = places(cuts_of(near))
    facing = facing_pairs(found)
    reach_m = float(np.hypot(*np.subtract(target.ground.bounds[2:], target.ground.bounds[:2])))
    for one, other in facing:
        yield _laid_m(np.array([one.place_m, other.place_m]))
    met = {id(place) for pair in facing for place in pair}
    for place in found:
        if id(place) not in met:
            ahead_m = min(AHEAD_M, float(target.apart_m(place.place_m[None])[0]) + reach_m)
            yield _laid_m(np.array([place.place_m, place.place_m + ahead_m * place.into]))


def _laid_m(points_m: Floats) -> Floats:
    """A place each half cell along a line."""
    at_m = run_m(points_m)
    along_m = np.append(np.arange(0.0, at_m[-1], CELL_M / 2), at_m[-1])
    return interpolated(along_m, at_m, points_m)


def _middles_m(cells: Sequence[Cell]) -> Floats:
    return np.array(cells, np.float64) * CELL_M


def _stayed(days: Sequence[Seen], near: Sequence[Gap]) -> Iterator[Missing]:
    """From a cut to where the trip ended, and from where one began to the cut, as the tracker counted it."""
    for gap in near:
        for trip in days[gap.cuts[0].day].trips:
            if gap.before is not None and _lies_in(gap, trip.ends_s):
                yield Missing([gap.before], trip.ends_m - gap.before.odometer_m, STAY_SCALE_M)
            if gap.after is not None and _lies_in(gap, trip.begins_s):
                yield Missing([gap.after], gap.after.odometer_m - trip.begins_m, STAY_SCALE_M)


def _lies_in(gap: Gap, moment_s: float) -> bool:
    begins_s = gap.before.moment_s if gap.before is not None else -np.inf
    ends_s = gap.after.moment_s if gap.after is not None else np.inf
    return bool(begins_s <= moment_s <= ends_s)


def _open_ends(days: Sequence[Seen], near: Sequence[Gap]) -> Iterator[Missing]:
    """From the last cut of a day on, until the shift ended."""
    for gap in near:
        if gap.after is None and gap.before is not None:
            cut = gap.before
            speed_mps = float(np.fmax(cut.speed_mps, _transfer_mps(days[cut.day])))
            way_m = max(0.0, days[cut.day].duty_s[1] - cut.moment_s - SETTLING_S) * speed_mps
            if np.isfinite(way_m) and way_m <= WAY_M_MAX:
                yield Missing([cut], way_m, OPEN_SCALE_M)


def _transfer_mps(seen: Seen) -> float:
    """How fast the truck drives where it serves nobody: faster than on nearly all of its way; NaN if nothing tells."""
    timed = [(line.points_m, line.seconds) for line in solid(seen) if line.seconds is not None]
    steps_s = np.concatenate([np.empty(0), *(np.diff(seconds) for _, seconds in timed)])
    steps_m = np.concatenate(
        [np.empty(0), *(np.hypot(*np.diff(points_m, axis=0).T) for points_m, _ in timed)]
    )
    moved = (steps_s > 0) & (steps_m > 0)
    if not moved.any():
        return math.nan
    speeds_mps = steps_m[moved] / steps_s[moved]
    order = np.argsort(speeds_mps)
    share = steps_m[moved][order].cumsum() / steps_m[moved].sum()
    return float(speeds_mps[order][min(int(np.searchsorted(share, TRANSFER_SHARE)), len(order) - 1)])


def _passed(near: Sequence[Gap]) -> Iterator[Missing]:
    """Gaps that were driven through without a stay."""
    for gap in near:
        if gap.hidden_s <= PASSING_S_MAX:
            way_m = gap.hidden_s * float(np.mean([cut.speed_mps for cut in gap.cuts]))
            if np.isfinite(way_m):
                yield Missing(gap.cuts, way_m, max(OPEN_SCALE_M, PASSING_SCALE * way_m))


def _totals(days: Sequence[Seen], found: Sequence[Gap], near: Sequence[Gap]) -> Iterator[Missing]:
    """A day's published distance less its lines and less the other gaps, driven straight."""
    for day, seen in enumerate(days):
        hidden_m = published_total_m(seen) - sum(line.length_m for line in solid(seen))
        here = [gap for gap in near if gap.cuts[0].day == day]
        mine = {id(gap) for gap in here}
        others = [gap.cuts for gap in found if gap.cuts[0].day == day and id(gap) not in mine]
        hidden_m -= sum(float(np.hypot(*(cuts[-1].place_m - cuts[0].place_m))) for cuts in others)
        if here and hidden_m > TOTAL_SCALE_M:
            yield Missing(cuts_of(here), hidden_m, TOTAL_SCALE_M * len(here))


def published_total_m(seen: Seen) -> float:
    """The distance that the day's own totals add up to; 0 where none are published."""
    records = [record for arrival in seen.arrivals if arrival.stream == "day" for record in arrival.records]
    return float(sum(each.get("distance_m", 0) for each in records if each.get("date") == seen.date))
