"""The measuring of usefulness, measured: made-up ways and records whose figures are known."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
import shapely

from drivers.simulate import shift
from tests.usefulness import measures, table, ways
from tests.usefulness.driving import Driven, Floats, Left, on_plane

AGREEMENT: dict[str, Any] = {
    "streams": {
        "lifts": {"cell": "100 m"},
        "harsh_braking": {"cell": "100 m"},
        "site_visits": {"dwell_classes": ["5 min", "45 min"]},
    },
    "limits": {"trim": "50 m"},
    "duty": {"time_zone": "UTC"},
}


def eastwards(metres: float, north_m: float = 0.0) -> Floats:
    """A point a metre."""
    east_m = np.arange(0.0, metres)
    return np.column_stack([east_m, np.full(len(east_m), north_m)])


@functools.cache
def told() -> Driven:
    """An hour of which everything true left, exactly."""
    made = shift(3, 3.0)
    seconds = list(made.truth())
    latitude_deg, longitude_deg = made.city.origin
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
    ring = [[longitude_deg + east, latitude_deg + north] for east, north in corners]
    places = {
        "origin": made.city.origin._asdict(),
        "service_area": {"type": "Polygon", "coordinates": [ring]},
        "off_limits": [],
    }
    agreement = AGREEMENT | {"places": places}
    way_m = on_plane(agreement, [(second.latitude_deg, second.longitude_deg) for second in seconds])
    open_ = np.array(
        [second.on_duty and second.place in ("district", "break", "landfill") for second in seconds]
    )
    driven = Driven(made, agreement, seconds, way_m, way_m, open_, open_, [])
    return driven._replace(left=[Left(90_000.0, f"city/{name}", 100, rows) for name, rows in truths(driven)])


def truths(driven: Driven) -> list[tuple[str, list[dict[str, Any]]]]:
    """Records that say just what was so."""
    tracks = []
    edges = np.flatnonzero(np.diff(np.concatenate([[0], driven.open_.astype(int), [0]])))
    for begins, ends in edges.reshape(-1, 2):
        span = driven.seconds[begins:ends]
        path = [[second.latitude_deg, second.longitude_deg] for second in span]
        pause_s = sum(second.state == "break" for second in span)
        tracks.append({"path": path, "running_s": len(span) - pause_s})
    rises_s = [p.at for p in driven.shift.pulses() if p.pin == "lift" and p.level and driven.is_open(p.at)]
    lifts = [{**centre(driven, at_s), "count": 1} for at_s in rises_s]
    brakings = [
        {**centre(driven, braking.at_s), "corroborated": "yes"}
        for second in driven.seconds
        for braking in second.brakings
        if braking.kind == "braking" and braking.corroborable and driven.is_open(braking.at_s)
    ]
    visits = [{"visits": 1, "dwell_class": "5 to 45 min"}]
    return [("track", tracks), ("lifts", lifts), ("harsh_braking", brakings), ("site_visits", visits)]


def centre(driven: Driven, at_s: float) -> dict[str, float]:
    """The published centre of the cell of a true place."""
    column, row = measures.cell_of(driven.place_m(at_s), 100)
    origin = driven.shift.city.origin
    latitude_deg, longitude_deg = origin.degrees((column + 0.5) * 100, (row + 0.5) * 100)
    return {"latitude_deg": latitude_deg, "longitude_deg": longitude_deg}


def test_the_whole_truth_is_wholly_useful() -> None:
    rows = {row.what: row for row in table.daily_rows(measures.daily(told()))}
    assert not table.missed(list(rows.values()))
    shares = [
        row.figure for row in rows.values() if row.unit == "%" and row.at_least and row.figure is not None
    ]
    assert min(shares) >= 99.5
    running = rows["running time of collection stretches off the true one, median"]
    assert running.figure is not None
    assert running.figure < 1.5


def test_nothing_published_is_of_no_use() -> None:
    silent = told()._replace(left=[Left(90_000.0, "city/box", 4096, [])])
    rows = list(table.daily_rows(measures.daily(silent)))
    targets = {row.what for row in rows if row.limit is not None}
    assert {row.what for row in table.missed(rows)} == targets - {
        "bytes of the dearest day, framing included"
    }
    assert all(row.met is False for row in table.timed_rows(measures.Found()) if row.limit is not None)


def test_a_braking_or_lifts_in_the_next_cell_are_told() -> None:
    moved = []
    for left in told().left:
        rows = [dict(row) for row in left.records]
        if left.stream in ("harsh_braking", "lifts"):
            rows[0]["latitude_deg"] += 100 / 111_195.08
        moved.append(left._replace(records=rows))
    found = measures.daily(told()._replace(left=moved))
    before = measures.daily(told())
    assert found.shares["braking"][0] == before.shares["braking"][0] - 1
    assert found.shares["lift cells"][0] < before.shares["lift cells"][0]


@pytest.mark.parametrize("offset_m", [0.0, 3.0])
def test_a_path_is_found_where_it_lies_on_the_way(offset_m: float) -> None:
    way_m = eastwards(2000)[::5]
    first, last, apart_m = ways.aligned(
        ways.resampled(eastwards(501, offset_m)[[0, -1]] + [700.0, 0.0]), way_m
    )
    assert (first, last) == (140, 240)
    assert apart_m == pytest.approx(offset_m, abs=0.5)


def test_of_two_passages_the_one_that_follows_the_path_counts() -> None:
    """A way out and back: a path back lies on the second half."""
    way_m = np.concatenate([eastwards(1000)[::5], eastwards(1000)[::-5]])
    back = ways.resampled(eastwards(400)[[-1, 0]] + [300.0, 0.0])
    first, last, _ = ways.aligned(back, way_m)
    assert way_m[first, 0] > way_m[last, 0]
    assert first >= 200


def test_near_means_within() -> None:
    line = shapely.MultiLineString([eastwards(100)[[0, -1]]])
    places_m = np.array([[50.0, 14.9], [50.0, 15.1], [113.9, 0.0], [114.1, 0.0]])
    assert ways.near(places_m, line, 15.0).tolist() == [True, False, True, False]


def test_ground_driven_twice_counts_once() -> None:
    points_m = np.concatenate([eastwards(1000)[::5], eastwards(1000)[::-5]])
    way = ways.Way(points_m, np.arange(400.0), np.full(400, 5.0))
    assert ways.once(way).sum() == 100


@pytest.mark.parametrize(
    ("figure", "limit", "at_least", "met"),
    [(95.0, 95.0, True, True), (94.9, 95.0, True, False), (8.0, 8.0, False, True), (8.1, 8.0, False, False)],
)
def test_a_target_is_met_at_its_limit(figure: float, limit: float, at_least: bool, met: bool) -> None:
    assert table.Row("it", figure, "%", limit, at_least).met is met


def test_only_a_whole_reads_as_a_hundred() -> None:
    assert "| 99.99 % |" in table.markdown([table.Row("it", 99.9999, "%", 100.0)])
    assert "**MISSED**" in table.markdown([table.Row("it", 99.9999, "%", 100.0)])
