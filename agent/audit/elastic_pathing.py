"""Where a drive ended, from its speed alone and its start: elastic pathing.

After Gao et al., UbiComp 2014. A speed trace gives the distance driven; a tree of ways through the streets is
searched for those at whose turns the truck was slow. Distances are elastic: a turn may be put where the truck was
slowest nearby, at a price. Only the cheapest ways are kept at each distance, so that the search is bounded.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import networkx as nx
import numpy as np
from scipy.ndimage import minimum_filter1d
from scipy.spatial import cKDTree

from agent.audit.case import Bools, Case, Floats, Line, Route, interpolated, pair, run_m
from agent.audit.guessing import Share, is_near, spaced

WITHIN_M = (500.0, 250.0)  # the paper's, and one at which a small city leaves little to chance
ALIKE_M = 250.0  # ends nearer to each other count for each other
JOINED_M = 50.0  # lines whose ends are no further apart are one drive
TRACE_S = 12 * 60  # of driving
TRACE_S_MIN = 3 * 60
MERGE_M = 14.0  # places nearer to each other are of one street
SAMPLE_M = 5.0
HEADING_M = 20.0  # from a crossing, where a street's direction is taken
BIN_M = 2.0  # of the trace by distance
ELASTIC_SHARE, ELASTIC_M = 0.05, 10.0  # standard error of the distance between crossings
TURN_MIN = math.radians(30)
TURN_MPS = 4.5  # in a turn of a right angle
BRISK_MPS = 1.5  # standard error of that
U_TURN = 8.0
SLICE_M = 40.0
BEAM = 150
MOVING_MPS = 0.5


def street_graph(lines: Iterable[Floats]) -> nx.MultiGraph:
    """The streets that the lines (n, 2) go along: crossings and dead ends, joined by edges.

    Nodes have `place_m`, edges `path_m` (from the node named in `from_`) and `length_m`.
    """
    fine = _fine_graph(lines)
    kept = [node for node in fine if fine.degree(node) != 2]
    # A ring without a crossing has no end of its own.
    kept += [min(ring) for ring in nx.connected_components(fine) if all(fine.degree(n) == 2 for n in ring)]
    graph = nx.MultiGraph()
    for node in kept:
        graph.add_node(node, place_m=fine.nodes[node]["place_m"])
    ends = set(kept)
    for node in kept:
        for beside in fine[node]:
            chain = _chain(fine, node, beside, ends)
            if (chain[0], chain[1]) <= (chain[-1], chain[-2]):  # each chain is met from both of its ends
                path_m = np.array([fine.nodes[each]["place_m"] for each in chain])
                graph.add_edge(node, chain[-1], from_=node, path_m=path_m, length_m=run_m(path_m)[-1])
    return graph


def _fine_graph(lines: Iterable[Floats]) -> nx.Graph:
    """A node for each place not within MERGE_M of an earlier one, joined where a line goes from one to the next."""
    graph, by_square = nx.Graph(), defaultdict[tuple[int, int], list[int]](list)
    for points_m in lines:
        before: int | None = None
        for place_m in _sampled(points_m):
            node = _node(graph, by_square, place_m)
            if before is not None and before != node:
                graph.add_edge(before, node)
            before = node
    return graph


def _sampled(points_m: Floats) -> Floats:
    return spaced(points_m, SAMPLE_M)[1]


def _node(graph: nx.Graph, by_square: dict[tuple[int, int], list[int]], place_m: Floats) -> int:
    east, north = (math.floor(each / MERGE_M) for each in place_m)
    squares = itertools.product((east - 1, east, east + 1), (north - 1, north, north + 1))
    near = [
        (math.dist(graph.nodes[node]["place_m"], place_m), node)
        for square in squares
        for node in by_square.get(square, ())
    ]
    if near and min(near)[0] <= MERGE_M:
        return min(near)[1]
    graph.add_node(len(graph), place_m=pair(place_m))
    by_square[east, north].append(len(graph) - 1)
    return len(graph) - 1


def _chain(fine: nx.Graph, node: int, beside: int, ends: set[int]) -> list[int]:
    chain = [node, beside]
    while chain[-1] not in ends:
        chain.append(next(n for n in fine[chain[-1]] if n != chain[-2]))
    return chain


class _Street(NamedTuple):
    """A street in one direction, to crossing `to`; `leaves` and `enters` are its headings, in radians, at its ends."""

    name: tuple[int, int, int]
    to: int
    path_m: Floats
    length_m: float
    leaves: float
    enters: float


class _Way(NamedTuple):
    """A way that so far ends with `street`, entered `began_m` into the trace."""

    cost: float
    began_m: float
    street: _Street

    @property
    def arrives_m(self) -> float:
        """Into the trace, at the crossing."""
        return self.began_m + self.street.length_m


class _Trace(NamedTuple):
    """By distance, in bins of BIN_M: the least speed, and whether the truck was slow nearby.

    `straight_price`: of going straight on where it was slow. A truck that is slow all the time, for the houses, says
    little by it: the price is how unlikely that is at any place.
    """

    slowest_mps: Floats
    slow: Bools
    straight_price: float


_Todo = dict[int, dict[tuple[object, ...], _Way]]


def paths(trace_mps: Floats, graph: nx.MultiGraph, start_m: Floats) -> Floats:
    """Where the drive may have ended, likeliest first: (n, 2), none where the streets or the trace are empty.

    `trace_mps`: a speed for each second from the start on. An end is the likelier the more of the cheap ways end
    near it.
    """
    length_m = float(trace_mps.sum())
    if not length_m or not graph.number_of_edges():
        return np.empty((0, 2))
    from_crossing, trace = _streets(graph), _trace(trace_mps)
    todo: _Todo = defaultdict(dict)
    for street in _first_streets(graph, start_m):
        _put(todo, 0, _Way(0.0, 0.0, street))
    ended: list[_Way] = []
    while todo:
        number = min(todo)
        for way in sorted(todo.pop(number).values(), key=lambda way: way.cost)[:BEAM]:
            if way.arrives_m >= length_m:
                ended.append(way)
                continue
            for street in from_crossing[way.street.to]:
                onward = _onward(way, street, trace)
                _put(todo, max(number, int(onward.began_m / SLICE_M)), onward)
    return _ranked(ended, length_m)


def _put(todo: _Todo, number: int, way: _Way) -> None:
    """Of two ways that are at the same place at the same distance, the cheaper goes on."""
    key = (way.street.name, way.street.to, round(way.began_m / 10))
    other = todo[number].get(key)
    if other is None or way.cost < other.cost:
        todo[number][key] = way


def _streets(graph: nx.MultiGraph) -> dict[int, list[_Street]]:
    """The streets out of each crossing."""
    found: dict[int, list[_Street]] = defaultdict(list)
    for a, b, key, edge in graph.edges(keys=True, data=True):
        from_ = edge["from_"]
        to = b if a == from_ else a
        found[from_].append(_street((a, b, key), to, edge["path_m"]))
        found[to].append(_street((a, b, key), from_, edge["path_m"][::-1]))
    return found


def _street(name: tuple[int, int, int], to: int, path_m: Floats) -> _Street:
    enters = _heading(path_m[::-1]) + math.pi
    return _Street(name, to, path_m, float(run_m(path_m)[-1]), _heading(path_m), enters)


def _first_streets(graph: nx.MultiGraph, start_m: Floats) -> Iterator[_Street]:
    """From the nearest point of the nearest street, both ways."""
    _, at, (a, b, key) = min(_nearest(graph, edge, start_m) for edge in graph.edges(keys=True))
    edge = graph.edges[a, b, key]
    places_m, from_ = _sampled(edge["path_m"]), edge["from_"]
    yield _street((a, b, key), b if a == from_ else a, places_m[at:])
    yield _street((a, b, key), from_, places_m[at::-1])


def _nearest(
    graph: nx.MultiGraph, edge: tuple[int, int, int], start_m: Floats
) -> tuple[float, int, tuple[int, int, int]]:
    off_m = np.hypot(*(_sampled(graph.edges[edge]["path_m"]) - start_m).T)
    return float(off_m.min()), int(off_m.argmin()), edge


def _onward(way: _Way, street: _Street, trace: _Trace) -> _Way:
    """Along a street at the crossing; back the way it came at a high price."""
    turn = abs((street.leaves - way.street.enters + math.pi) % (2 * math.pi) - math.pi)
    more, began_m = _turned(turn, way, trace)
    back = street.name == way.street.name and street.to != way.street.to
    return _Way(way.cost + more + U_TURN * back, began_m, street)


def _heading(path_m: Floats) -> float:
    """Of a street where it begins."""
    ((east_m, north_m),) = interpolated(HEADING_M, run_m(path_m), path_m)
    return math.atan2(north_m - path_m[0, 1], east_m - path_m[0, 0])


def _turned(turn: float, way: _Way, trace: _Trace) -> tuple[float, float]:
    """The price of a turn, and where in the trace it was: straight on is where it should be."""
    if turn < TURN_MIN:
        at = min(len(trace.slow) - 1, round(way.arrives_m / BIN_M))
        return trace.straight_price * bool(trace.slow[at]), way.arrives_m
    error_m = ELASTIC_SHARE * (way.arrives_m - way.began_m) + ELASTIC_M
    low, high = (round((way.arrives_m + by * 2 * error_m) / BIN_M) for by in (-1, 1))
    least = math.ceil((way.began_m + way.street.length_m / 2) / BIN_M)  # it always goes on
    bins = np.arange(max(low, least), min(len(trace.slow) - 1, high) + 1)
    if not len(bins):
        return 0.0, way.arrives_m
    agreed_mps = TURN_MPS * (math.pi / 2) / turn
    too_fast = np.maximum(0.0, trace.slowest_mps[bins] - agreed_mps) / BRISK_MPS
    price = too_fast**2 / 2 + ((bins * BIN_M - way.arrives_m) / error_m) ** 2 / 2
    best = int(price.argmin())
    return float(price[best]), float(bins[best] * BIN_M)


def _trace(trace_mps: Floats) -> _Trace:
    driven_m = trace_mps.cumsum()
    bins = np.arange(0.0, driven_m[-1] + BIN_M, BIN_M)
    slowest_mps = np.interp(bins, driven_m, trace_mps)
    np.minimum.at(slowest_mps, np.round(driven_m / BIN_M).astype(np.int64), trace_mps)
    slow = minimum_filter1d(slowest_mps, 2 * round(ELASTIC_M / BIN_M) + 1) <= TURN_MPS
    return _Trace(slowest_mps, slow, -math.log(slow.mean()) if slow.any() else 0.0)


def _ranked(ended: Sequence[_Way], length_m: float) -> Floats:
    if not ended:
        return np.empty((0, 2))
    places_m = np.concatenate([_place_m(way, length_m) for way in ended])
    cost = np.array([way.cost for way in ended])
    weight = np.exp(cost.min() - cost)
    near = cKDTree(places_m).query_ball_point(places_m, ALIKE_M)
    mass = np.array([weight[each].sum() for each in near])
    return places_m[np.argsort(-mass, kind="stable")]


def _place_m(way: _Way, length_m: float) -> Floats:
    """Where it has got to when the trace ends, shape (1, 2)."""
    return interpolated(length_m - way.began_m, run_m(way.street.path_m), way.street.path_m)


class _Drive(NamedTuple):
    trace_mps: Floats
    start_m: Floats
    end_m: Floats


class Named(NamedTuple):
    """The drives whose end was named to so many metres, and how many would be by who sees no speed."""

    within_m: float
    found: Share
    chance: Share


def attacked(routes: Sequence[Route]) -> list[Named]:
    """The days whose drive's end the likeliest way names, for each of WITHIN_M; none where no speed is published.

    Speeds are those that the published times of points give. Chance is of the better of two: who names the start, and
    who names any street.
    """
    drives = _drives(routes)
    ends = [(paths(drive.trace_mps, graph, drive.start_m)[:1], drive.end_m) for drive, graph in drives]
    named = []
    for within_m in WITHIN_M if drives else ():
        hits = sum(is_near(places_m, end_m.tolist(), within_m) for places_m, end_m in ends)
        start = sum(math.dist(drive.start_m, drive.end_m) <= within_m for drive, _ in drives)
        anywhere = sum(_share_near(graph, drive.end_m, within_m) for drive, graph in drives)
        chance = Share(max(float(start), anywhere), len(drives))
        named.append(Named(within_m, Share(hits, len(drives)), chance))
    return named


def _share_near(graph: nx.MultiGraph, end_m: Floats, within_m: float) -> float:
    places_m = np.concatenate([_sampled(path_m) for _, _, path_m in graph.edges(data="path_m")])
    return float((np.hypot(*(places_m - end_m).T) <= within_m).mean())


def _drives(routes: Sequence[Route]) -> list[tuple[_Drive, nx.MultiGraph]]:
    found = []
    for route in routes:
        lines = [line for case in route.cases for line in case.seen.lines if line.length_m > MERGE_M]
        graph = street_graph(line.points_m for line in lines)
        if not graph.number_of_edges():
            continue
        for case in route.cases:
            drive = _published_drive(case)
            if drive is not None:
                found.append((drive, graph))
    return found


def _cut(mps: Floats, way_m: Floats) -> _Drive | None:
    """The first TRACE_S of driving; None where it is too short to be worth it."""
    driven_s = (mps > MOVING_MPS).cumsum()
    if not len(mps) or driven_s[-1] < TRACE_S_MIN:
        return None
    last = min(len(mps) - 1, int(np.searchsorted(driven_s, TRACE_S)))
    return _Drive(mps[: last + 1], way_m[0], way_m[last])


def _published_drive(case: Case) -> _Drive | None:
    """From the published times of points, the first drive that is long enough."""
    drives = (_timed_drive(line) for line in _joined(case.seen.lines))
    return next((drive for drive in drives if drive is not None), None)


def _joined(lines: Sequence[Line]) -> Iterator[Line]:
    """Lines with times, those that go on where and when the one before ended made one."""
    whole: Line | None = None
    for line in lines:
        if line.seconds is None or not len(line.points_m):
            continue
        if whole is not None and whole.seconds is not None and _goes_on(whole, line):
            points_m = np.concatenate([whole.points_m, line.points_m])
            whole = whole._replace(points_m=points_m, seconds=np.concatenate([whole.seconds, line.seconds]))
            continue
        if whole is not None:
            yield whole
        whole = line
    if whole is not None:
        yield whole


def _goes_on(before: Line, line: Line) -> bool:
    if before.seconds is None or line.seconds is None:
        return False
    in_time = bool(line.seconds[0] >= before.seconds[-1])
    return in_time and math.dist(before.points_m[-1], line.points_m[0]) <= JOINED_M


def _timed_drive(line: Line) -> _Drive | None:
    if line.seconds is None or len(line.points_m) < 2:
        return None
    seconds, last = np.unique(line.seconds[::-1], return_index=True)
    last = len(line.seconds) - 1 - last  # of points at one time, the furthest
    every_s = np.arange(seconds[0], seconds[-1] + 1)
    way_m = interpolated(every_s, seconds, line.points_m[last])
    if len(way_m) < 2:
        return None
    return _cut(np.hypot(*np.diff(way_m, axis=0).T), way_m[1:])
