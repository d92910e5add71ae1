"""Where on its way a truck lifted, from the counts by cell that some agreements publish."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from agent.audit.breaks.day import Day, nothing, steps_m
from agent.audit.case import Floats

CELL_M = 75.0  # half the diagonal of a square of 100 m, rounded up
POINTS_MIN = 3


def lifted(day: Day) -> Floats:
    """Lifts a metre of way at each candidate; a cell's are spread evenly over the way in it."""
    lifts = [
        record for arrival in day.seen.arrivals if arrival.stream == "lifts" for record in arrival.records
    ]
    to_m = _metres(day)
    if not lifts or to_m is None or not len(day.candidates.line):
        return nothing(day)
    cells_m = _degrees(lifts) @ to_m
    away_m, cell = cKDTree(cells_m).query(day.candidates.places_m)
    step_m = np.where(away_m <= CELL_M, steps_m(day), 0.0)
    ways_m = np.bincount(cell, step_m, len(cells_m))
    counts = np.array([record["count"] for record in lifts], np.float64)
    return np.where(away_m <= CELL_M, (counts / np.maximum(ways_m, 1.0))[cell], 0.0)


def _degrees(records: list[dict[str, Any]]) -> Floats:
    return np.array([[record["latitude_deg"], record["longitude_deg"], 1.0] for record in records])


def _metres(day: Day) -> Floats | None:
    """How degrees become metres, from the lines that are seen in both."""
    paths = {
        record["stretch"]: record["path"]
        for arrival in day.seen.arrivals
        if arrival.stream == "track"
        for record in arrival.records
    }
    lines = [line for line in day.seen.lines if len(paths.get(line.number, ())) == len(line.points_m)]
    if sum(len(line.points_m) for line in lines) < POINTS_MIN:
        return None
    degrees = np.concatenate([np.asarray(paths[line.number], np.float64) for line in lines])
    from_m = np.concatenate([line.points_m for line in lines])
    fitted: Floats = np.linalg.lstsq(np.column_stack([degrees, np.ones(len(degrees))]), from_m)[0]
    return fitted
