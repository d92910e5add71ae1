"""Harsh brakings as trackers without Fairhaul would send them: on them every attack that joins brakings must succeed.

Made of the same vehicle-days' true brakings, on the days' raw tracks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from agent.audit.case import Arrival, Braking, Case, Line, Route
from agent.geometry import Plane
from agent.records import day_number

CELL_M = 100.0
FITTED_APART_DAYS = 30  # one truck after the other
# How hard the first crew brakes, by how much the next one more, and how much that varies.
PEAK_MPS2, APART_MPS2, SPREAD_MPS2 = 3.0, 0.3, 0.15
BATCH_BYTES = 4096


def named(raw: Sequence[Route], planes: Mapping[str, Plane], seed: int) -> list[Route]:
    """Each day's brakings come with its track: under its key and number, in order, with truck, date and peak.

    `raw`: the days without Fairhaul; `planes`: of each route by its name.
    """
    rng = np.random.default_rng(seed)
    return [
        route._replace(cases=[_named(case, number, planes[route.name], rng) for case in route.cases])
        for number, route in enumerate(raw)
    ]


def _named(case: Case, truck: int, plane: Plane, rng: np.random.Generator) -> Case:
    seen = case.seen
    n = 1 + day_number(seen.date) - day_number(f"{seen.date[:7]}-01") + FITTED_APART_DAYS * truck
    at_s = seen.duty_s[1]
    name, epoch = f"{truck}/{seen.vehicle}", f"epoch-of-{truck}"
    peaks_mps2 = (
        PEAK_MPS2 + APART_MPS2 * truck + SPREAD_MPS2 * rng.standard_normal(len(case.secrets.brakings))
    )
    records = [
        _record(braking, seen.date, plane, peak)
        for braking, peak in zip(sorted(case.secrets.brakings), peaks_mps2, strict=True)
    ]
    arrivals = [
        Arrival(at_s, f"{name}/{stream}", stream, epoch, n, BATCH_BYTES, sent)
        for stream, sent in (("track", [{"date": seen.date}]), ("harsh_braking", records))
    ]
    # What is not known to have happened is of the day with which it came.
    return Case(seen._replace(arrivals=arrivals), case.secrets._replace(brakings=[]))


def _record(braking: Braking, date: str, plane: Plane, peak_mps2: float) -> dict[str, object]:
    east_m, north_m = ((each // CELL_M + 0.5) * CELL_M for each in braking.place_m)
    point = plane.point(east_m, north_m)
    return {
        "date": date,
        "month": date[:7],
        "latitude_deg": point.latitude_e7 / 1e7,
        "longitude_deg": point.longitude_e7 / 1e7,
        "severity": f"{peak_mps2:.1f}",
    }


def apart(raw: Sequence[Route]) -> list[Route]:
    """Each day of a route in a part of it: what is seen of the day, and its brakings, are those of that part."""
    return [
        route._replace(cases=[_part(each, n, len(route.cases)) for n, each in enumerate(route.cases)])
        for route in raw
    ]


def _part(case: Case, number: int, parts: int) -> Case:
    begins_s, ends_s = case.seen.duty_s
    since_s, until_s = (begins_s + (ends_s - begins_s) * each / parts for each in (number, number + 1))
    pieces = (_within(line, since_s, until_s) for line in case.seen.lines)
    lines = [piece for piece in pieces if len(piece.points_m) > 1]
    brakings = [braking for braking in case.secrets.brakings if since_s <= braking.at_s < until_s]
    return Case(case.seen._replace(lines=lines), case.secrets._replace(brakings=brakings))


def _within(line: Line, since_s: float, until_s: float) -> Line:
    seconds = line.seconds if line.seconds is not None else np.empty(0)
    kept = (seconds >= since_s) & (seconds < until_s)
    return line._replace(points_m=line.points_m[: len(seconds)][kept], seconds=seconds[kept])
