"""The way as stretches: simplified within its bound, numbered by day once published, timed as agreed."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable

import pytest

from agent.filters.placed import Placed
from agent.geometry import Plane, Point, segment_distance_m
from agent.records import Record, iso_date
from agent.streams.track import POINTS_MAX, Track, TrackRules

ORIGIN = Point(404_168_000, -37_038_000)
PLANE = Plane(ORIGIN)
DAY = 20_700
RULES = TrackRules(ORIGIN, 5.0, "stretch", 20.0, 1000.0, 50.0, 25.0)


def driven(
    track: Track, xys_m: Iterable[tuple[float, float]], day: int = DAY, second: int = 30_000
) -> list[Record]:
    return [
        record
        for i, (x_m, y_m) in enumerate(xys_m)
        for record in track.push(Placed(day, second + i, 1.0 if i else 0.0, PLANE.point(x_m, y_m)))
    ]


def straight(metres: float, step_m: float = 10.0) -> list[tuple[float, float]]:
    return [(i * step_m, 0.0) for i in range(round(metres / step_m) + 1)]


def test_a_record_has_exactly_the_fields_of_the_stream() -> None:
    (record,) = driven(Track(RULES), straight(2500))
    assert record.stream == "track"
    assert record.day == DAY
    assert list(record.fields) == ["date", "stretch", "running_s", "path"]
    assert record.fields["date"] == iso_date(DAY)
    assert record.fields["running_s"] == 100
    assert all(round(value, 5) == value for point in record.fields["path"] for value in point)


@pytest.mark.parametrize("precision_m", [2.0, 5.0, 20.0])
@pytest.mark.parametrize("seed", range(5))
def test_no_place_lies_farther_from_the_published_line_than_the_precision(
    precision_m: float, seed: int
) -> None:
    rng = random.Random(seed)
    xys_m, heading = [(0.0, 0.0)], 0.0
    for _ in range(900):
        heading += rng.choice([0.0, 0.0, 0.0, 0.3, -0.3, 1.5])
        step_m = rng.choice([6.0, 12.0])
        xys_m.append((xys_m[-1][0] + step_m * math.cos(heading), xys_m[-1][1] + step_m * math.sin(heading)))
    track = Track(RULES._replace(precision_m=precision_m))
    records = driven(track, xys_m) + track.cut()
    assert records
    published = [
        PLANE.xy_m(Point(round(lat * 1e7), round(lon * 1e7)))
        for r in records
        for lat, lon in r.fields["path"]
    ]
    lines = list(itertools.pairwise(published))
    begins, ends = (
        min(range(901), key=lambda i: math.dist(xys_m[i], at)) for at in (published[0], published[-1])
    )
    for place in xys_m[begins : ends + 1]:
        assert min(segment_distance_m(place, a, b) for a, b in lines) <= precision_m


def test_stretches_are_numbered_within_their_day_once_they_are_published() -> None:
    track = Track(RULES)
    records = driven(track, straight(700)) + track.cut()  # too short: no number
    records += driven(track, straight(5000)) + track.cut()
    records += driven(track, straight(2500), day=DAY + 1)
    assert [(r.day - DAY, r.fields["stretch"]) for r in records] == [(0, 1), (0, 2), (0, 3), (0, 4), (1, 1)]


def test_midnight_cuts_and_nothing_of_the_day_before_goes_under_the_new_date() -> None:
    track = Track(RULES)
    way = straight(4000)
    records = driven(track, way[:250]) + driven(track, way[250:], day=DAY + 1, second=0)
    assert [(r.day - DAY, r.fields["stretch"]) for r in records] == [(0, 1), (0, 2)]
    last = PLANE.xy_m(
        Point(round(records[-1].fields["path"][-1][0] * 1e7), round(records[-1].fields["path"][-1][1] * 1e7))
    )
    assert last[0] <= way[249][0] - RULES.trim_m


def test_after_a_restart_numbers_go_on_for_that_day_and_begin_for_another() -> None:
    assert driven(Track(RULES, (DAY, 7)), straight(2500))[0].fields["stretch"] == 8
    assert driven(Track(RULES, (DAY - 1, 7)), straight(2500))[0].fields["stretch"] == 1


@pytest.mark.parametrize(("clock", "step_s"), [("minute", 60), ("exact", 1)])
def test_each_point_carries_its_time_as_fine_as_agreed(clock: str, step_s: int) -> None:
    track = Track(RULES._replace(clock=clock, stretch_length_m=None))
    corner = [*straight(500), *((500.0, 10.0 * i) for i in range(1, 60))]
    driven(track, corner, second=30_001)
    (record,) = track.close()
    fields = record.fields
    assert len(fields["s"]) == len(fields["path"]) >= 3
    assert all(second % step_s == 0 for second in fields["s"])
    assert fields["s"] == sorted(fields["s"])
    assert 30_000 <= fields["s"][0] <= 30_010


def test_a_timed_release_takes_the_way_so_far_and_joins_on_to_it() -> None:
    track = Track(RULES._replace(stretch_length_m=None))
    way = straight(1200)
    assert driven(track, way[:60]) == []
    (first,) = track.close()
    assert track.close() == []
    driven(track, way[60:])
    (second,) = track.close()
    assert second.fields["path"][0] == first.fields["path"][-1]
    assert second.fields["stretch"] == 2


def test_a_way_with_no_end_of_turns_is_published_coarser_rather_than_longer() -> None:
    zigzag = [(i * 2.0, 9.0 * (i % 2)) for i in range(4000)]
    track = Track(RULES._replace(precision_m=2.0, stretch_length_m=10_000.0))
    records = driven(track, zigzag) + track.cut()
    assert records
    assert all(len(record.fields["path"]) <= POINTS_MAX for record in records)


def test_a_cut_forgets_everything() -> None:
    used, fresh = Track(RULES), Track(RULES)
    driven(used, [(9000.0 + x, y) for x, y in straight(900)])
    assert used.cut() == []
    assert driven(used, straight(3000)) == driven(fresh, straight(3000))


def test_speed_above_the_ceiling_is_not_to_be_read() -> None:
    fast, slow = (driven(Track(RULES), straight(6000, step_m=step_m)) for step_m in (40.0, 30.0))
    assert all(r.fields["running_s"] >= 1000 / RULES.speed_ceiling_mps for r in fast + slow)
