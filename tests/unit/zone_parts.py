"""Small hand-made cities for the attacks on zones: streets, trucks that drive them at 1 Hz, and what is cut out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import shapely

from agent.audit.case import Floats, Hidden, Line, Seen, interpolated, pair, run_m
from agent.audit.zones import Target

DRIVEN_MPS = 6.0
HALF_M = 900.0


def path(*points_m: tuple[float, float]) -> Floats:
    """A line's points."""
    return np.array(points_m, np.float64)


def seconds_along(points_m: Floats, speed_mps: float = DRIVEN_MPS) -> Floats:
    """A place for each second of a drive along the points."""
    at_m = run_m(points_m)
    return interpolated(np.arange(0.0, at_m[-1], speed_mps), at_m, points_m)


def seen(*lines_m: Floats, seconds: Sequence[Floats] | None = None, duty_s: float = 28_800.0) -> Seen:
    """A day of these lines, in slots on a later day; `seconds` for each line if they are published."""
    lines = [
        Line(number, points_m, math.nan, seconds[number] if seconds else None, 100_000.0)
        for number, points_m in enumerate(lines_m)
    ]
    return Seen("town", "truck", "2026-11-21", (0.0, duty_s), lines, [], [], math.inf)


def round_of(rng: np.random.Generator, half_m: float = HALF_M) -> Floats:
    """A round through every street of a town of uneven blocks, row by row and then column by column."""
    rows, columns = (_streets(rng, half_m) for _ in range(2))
    turns = [(side * half_m, row) for number, row in enumerate(rows) for side in _there(number)]
    turns += [(column, side * half_m) for number, column in enumerate(columns) for side in _there(number)]
    return np.array(turns)


def _streets(rng: np.random.Generator, half_m: float) -> Floats:
    lines = np.cumsum(rng.uniform(70, 150, size=40)) - half_m
    return np.asarray(lines[lines < half_m])


def _there(number: int) -> tuple[int, int]:
    """Along and back, in turns."""
    return (1, -1) if number % 2 else (-1, 1)


def without(fixes_m: Floats, is_hidden: Callable[[Floats], np.ndarray]) -> Seen:
    """A day of second by second fixes, less those that are hidden."""
    kept = np.flatnonzero(~is_hidden(fixes_m))
    pieces = np.split(kept, np.flatnonzero(np.diff(kept) > 1) + 1)
    pieces = [piece for piece in pieces if len(piece) > 1]
    return seen(
        *(fixes_m[piece] for piece in pieces),
        seconds=[piece.astype(np.float64) for piece in pieces],
        duty_s=float(len(fixes_m)),
    )


def days_of(
    rng: np.random.Generator, is_hidden: Callable[[Floats], np.ndarray], count: int = 6
) -> list[Seen]:
    """Days of the same round, each with its own noise of 1.5 m and its own first second."""
    way_m = round_of(rng)
    drives = [seconds_along(way_m, DRIVEN_MPS * rng.uniform(0.9, 1.1)) for _ in range(count)]
    return [without(drive + rng.normal(0, 1.5, drive.shape), is_hidden) for drive in drives]


def within(place_m: Floats, radius_m: float) -> Callable[[Floats], np.ndarray]:
    """The round zone of a tracker, centred on its secret."""
    return lambda fixes_m: np.hypot(*(fixes_m - place_m).T) < radius_m


def inside(ground: shapely.Polygon) -> Callable[[Floats], np.ndarray]:
    """A zone with a drawn outline."""
    return lambda fixes_m: shapely.intersects_xy(ground, fixes_m)


def hint(rng: np.random.Generator, place_m: Floats, radius_m: float = 300.0) -> shapely.Polygon:
    """A disc that holds the place, its centre off by chance."""
    turn, off_m = rng.uniform(0, 2 * math.pi), radius_m * math.sqrt(rng.uniform())
    return shapely.Point(place_m + off_m * np.array([math.cos(turn), math.sin(turn)])).buffer(radius_m)


def off_limits(ground: shapely.Polygon) -> Target:
    """A target with this ground."""
    return Target("off_limits", ground)


def hidden(place_m: Floats, ground: shapely.Polygon) -> Hidden:
    """A place off limits."""
    return Hidden("off_limits", pair(place_m), ground)
