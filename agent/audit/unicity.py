"""How few coarse points single out a vehicle-day among the published ones: unicity.

After de Montjoye et al., Scientific Reports 2013. A point is a cell of 100 m in which the truck was, without its date.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from agent.audit.case import Case, Floats, Route, interpolated, run_m
from agent.audit.guessing import Share

CELL_M = 100.0
STEP_M = 5.0  # between the places of a line that are looked at
PUBLISHED_M = 20.0  # ground nearer to a published line than this was publishable

MINUTE_S = 60.0
Cell = tuple[int, ...]
Cells = frozenset[Cell]


def unicity(routes: Sequence[Route], p: int, seed: int, *, timed: bool = False) -> Share:
    """The vehicle-days that `p` random cells of their true way single out among those published.

    Each route is a fleet of its own. `timed`: the points tell the minute as well, and so must the lines. A day is
    singled out when more of the points lie on its lines than on those of any other. Days with fewer than `p` cells
    are no trials.
    """
    rng = np.random.default_rng(seed)
    found = [one for route in routes for one in _singled_out(route.cases, p, rng, timed)]
    return Share(sum(found), len(found))


def _singled_out(fleet: Sequence[Case], p: int, rng: np.random.Generator, timed: bool) -> list[bool]:
    published = [_published(case, timed) for case in fleet]
    found = []
    for number, case in enumerate(fleet):
        cells = sorted(_true_cells(case, timed))
        if len(cells) < p:
            continue
        drawn = {cells[index] for index in rng.choice(len(cells), p, replace=False)}
        fitting = [len(drawn & each) for each in published]
        found.append(fitting[number] == max(fitting) and fitting.count(fitting[number]) == 1)
    return found


def _published(case: Case, timed: bool) -> Cells:
    """The cells that the day's lines cross; with the minutes in which their points were there, if they tell."""
    if not timed:
        return _cells(_places(case))
    told = [(line.points_m, line.seconds) for line in case.seen.lines if line.seconds is not None]
    return frozenset[Cell]().union(*(_cells(points_m, seconds) for points_m, seconds in told))


def _true_cells(case: Case, timed: bool) -> Cells:
    """The cells in which the truck really was, on ground that may be published."""
    places_m, way_m = _places(case), case.secrets.way_m
    if not len(places_m) or not len(way_m):
        return frozenset()
    off_m: Floats = cKDTree(places_m).query(way_m)[0]
    shown = np.flatnonzero(off_m <= PUBLISHED_M)
    return _cells(way_m[shown], shown.astype(np.float64) if timed else None)


def _places(case: Case) -> Floats:
    """A place each STEP_M of the day's lines at least."""
    return np.concatenate([np.empty((0, 2)), *(_dense(line.points_m) for line in case.seen.lines)])


def _dense(points_m: Floats) -> Floats:
    at_m = run_m(points_m)
    return interpolated(np.union1d(at_m, np.arange(0.0, at_m[-1], STEP_M)), at_m, points_m)


def _cells(places_m: Floats, seconds: Floats | None = None) -> Cells:
    """With the minute of the log as a third number where seconds are given."""
    columns = np.floor(places_m / CELL_M)
    if seconds is not None:
        columns = np.column_stack([columns, np.floor(seconds / MINUTE_S)])
    return frozenset(map(tuple, columns.astype(np.int64).tolist()))
