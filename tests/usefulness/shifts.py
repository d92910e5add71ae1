"""Shifts of many seeds, measured one by one and counted together."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from drivers.simulate import shift
from tests.usefulness.driving import drive
from tests.usefulness.measures import Found, daily, timed


def measured(seeds: Iterable[int], hours: float, jobs: int = 1) -> tuple[Found, Found]:
    """The shifts of these seeds together: under *routes-and-safety*, and under *operations*."""
    whole = Found(), Found()
    given = [(seed, hours) for seed in seeds]
    if jobs == 1:
        found = [of_shift(each) for each in given]
    else:
        with ProcessPoolExecutor(jobs) as pool:
            found = list(pool.map(of_shift, given))
    for each in found:
        for pooled, one in zip(whole, each, strict=True):
            pooled.add(one)
    return whole


def of_shift(given: tuple[int, float]) -> tuple[Found, Found]:
    """The shift of a seed and so many hours."""
    driven = shift(*given)
    with tempfile.TemporaryDirectory(prefix="fairhaul-usefulness-") as folder:
        return (
            daily(drive(driven, "routes-and-safety", Path(folder))),
            timed(drive(driven, "operations", Path(folder))),
        )
