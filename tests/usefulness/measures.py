"""What is measured of one shift: counts and samples that add up over shifts."""

from __future__ import annotations

import bisect
import datetime
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely

from tests.bench.shift_bytes import SLOT_S, wire_bytes
from tests.usefulness.driving import STREETS, Driven, Flags, Floats, Left, on_plane
from tests.usefulness.ways import (
    STEP_M,
    Passage,
    Way,
    driven_way,
    near,
    next_passage,
    once,
    passages,
    published_lines,
)

NEAR_M = 15.0
STOP_NEAR_M = 20.0
VISIT_S_MIN = 60
BRIDGED_S_MAX = 10
EDGE_M = 0.03
PRECISION_M = 5.0
TIMED_FROM_M = 900.0  # a stretch of 1000 m driven is shorter as a simplified line
COLLECTING = 0.5  # of its time makes a stretch one of collection
Cell = tuple[int, int]


@dataclass(slots=True)
class Found:
    """Shares as (reached, of), samples as lists; each by the name of a figure."""

    shares: dict[str, tuple[float, float]] = field(default_factory=dict)
    samples: dict[str, list[float]] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)

    def sample(self, name: str, value: float) -> None:
        """One more of its kind."""
        self.samples.setdefault(name, []).append(value)

    def add(self, other: Found) -> None:
        """Take in another shift's."""
        for name, (reached, of) in other.shares.items():
            before = self.shares.get(name, (0.0, 0.0))
            self.shares[name] = before[0] + reached, before[1] + of
        for name, samples in other.samples.items():
            self.samples.setdefault(name, []).extend(samples)
        self.notes += other.notes


def daily(driven: Driven) -> Found:
    """Everything that *routes-and-safety* is measured by."""
    found = Found()
    way = driven_way(driven)
    _coverage(driven, way, found)
    _running_times(driven, passages(driven, way), found)
    _brakings(driven, found)
    _lifts(driven, found)
    _site_visits(driven, found)
    _bytes(driven, found)
    return found


def timed(driven: Driven) -> Found:
    """Everything that *operations* is measured by."""
    found = Found()
    _precision(driven, found)
    _stops(driven, found)
    _delays(driven, driven_way(driven), found)
    return found


# The track.


def _coverage(driven: Driven, way: Way, found: Found) -> None:
    """Each driving of a piece of street counts; `street-once` counts every piece once."""
    streets = np.array([driven.seconds[int(at_s)].place in STREETS for at_s in way.at_s])
    reached = near(way.points_m, published_lines(driven), NEAR_M)
    first = once(way) & streets
    found.shares["street"] = (
        float(way.lengths_m[reached & streets].sum()),
        float(way.lengths_m[streets].sum()),
    )
    found.shares["street-once"] = float(reached[first].sum()), float(first.sum())
    for index in np.flatnonzero(~reached & streets):
        found.notes[f"street missed: {_why(driven, way, int(index))}"] += round(way.lengths_m[index])


def _why(driven: Driven, way: Way, index: int) -> str:
    """Where on its run between two places that are not open a missed point lies."""
    closed = np.flatnonzero(~driven.open_)
    second = round(float(way.at_s[index]))
    at = int(np.searchsorted(closed, second))
    begins_s = int(closed[at - 1]) if at else -1
    ends_s = int(closed[at]) if at < len(closed) else len(driven.open_)
    inside = (way.at_s > begins_s) & (way.at_s < ends_s)
    before, behind = (float(way.lengths_m[part].sum()) for part in _split(inside, index))
    if before + behind < 1100:
        return "a run of less than 1100 m"
    if before <= 100:
        return "the first 100 m of a run"
    if behind <= 100:
        return "the last 100 m of a run"
    return "the last 2200 m of a run" if behind <= 2200 else "elsewhere"


def _split(inside: Flags, index: int) -> tuple[Flags, Flags]:
    """The same, up to a point and from it on."""
    numbers = np.arange(len(inside))
    return inside & (numbers <= index), inside & (numbers >= index)


def _running_times(driven: Driven, driven_in: list[Passage], found: Found) -> None:
    loader = driven.shift.day.loader.name
    for record, passage in zip(driven.records("track"), driven_in, strict=True):
        if np.linalg.norm(np.diff(driven.path_m(record["path"]), axis=0), axis=1).sum() < TIMED_FROM_M:
            continue  # a piece between two cuts carries no time of its own
        during = slice(math.floor(passage.from_s), math.ceil(passage.until_s))
        spans = driven.seconds[during]
        pause_s = sum(
            second.state == "break" or not is_open
            for second, is_open in zip(spans, driven.open_[during], strict=True)
        )
        true_s = passage.until_s - passage.from_s - pause_s
        collecting_s = sum(second.state in ("collecting", "serving") for second in spans)
        found.sample("passage apart", passage.apart_m)
        if true_s > 0 and collecting_s >= COLLECTING * true_s:
            found.sample("running", record["running_s"] / true_s - 1)
            found.sample(f"running, {loader}", record["running_s"] / true_s - 1)


def _precision(driven: Driven, found: Found) -> None:
    points_m = [driven.path_m(record["path"]) for record in driven.records("track")]
    if not points_m:
        return
    places_m = shapely.points(np.concatenate(points_m))
    for name, way_m in (("precision-true", driven.way_m), ("precision-received", driven.fixes_m)):
        apart_m = shapely.distance(places_m, _open_line(driven, way_m))
        found.samples[f"{name} m"] = [float(each) for each in apart_m]
        found.shares[name] = float((apart_m <= PRECISION_M).sum()), float(len(apart_m))


def _open_line(driven: Driven, way_m: Floats) -> shapely.MultiLineString:
    """A way of one place a second where it is open and known; a few seconds without a place are bridged."""
    known = np.flatnonzero(driven.open_ & ~np.isnan(way_m[:, 0]))
    runs = np.split(known, np.flatnonzero(np.diff(known) > BRIDGED_S_MAX) + 1)
    return shapely.MultiLineString([way_m[run] for run in runs if len(run) > 1])


def _delays(driven: Driven, way: Way, found: Found) -> None:
    """How long a record of the track waits, while the shift lasts.

    `ready`: since the truck was as far beyond the record's newest place as the agreement withholds before a cut;
    `newest` and `oldest`: since the newest and the oldest place were driven.
    """
    withheld = round(_quantity(driven.agreement["limits"]["trim"]) / STEP_M)
    reached_s = 0.0
    for one in driven.left:
        if one.stream == "track" and one.at_s <= len(driven.seconds):
            for record in one.records:
                passage = next_passage(way, driven.path_m(record["path"]), reached_s, one.at_s)
                reached_s = passage.until_s
                beyond = int(np.searchsorted(way.at_s, passage.until_s)) + withheld
                ready_s = float(way.at_s[min(beyond, len(way.at_s) - 1)])
                found.sample("ready", one.at_s - ready_s)
                found.sample("newest", one.at_s - passage.until_s)
                found.sample("oldest", one.at_s - passage.from_s)


# Places.


def cell_of(place_m: Iterable[float], cell_m: float) -> Cell:
    """The cell of a grid anchored at the agreement's origin."""
    east_m, north_m = place_m
    return math.floor(east_m / cell_m), math.floor(north_m / cell_m)


def _published_cell(driven: Driven, record: Mapping[str, Any], cell_m: float) -> Cell:
    """The cell whose centre a record names; centres are rounded to about a metre, so the grid is unambiguous."""
    place_m = on_plane(driven.agreement, [(record["latitude_deg"], record["longitude_deg"])])[0]
    return cell_of(place_m, cell_m)


def _cell_m(driven: Driven, stream: str) -> float:
    return _quantity(driven.agreement["streams"][stream]["cell"])


def _quantity(text: str) -> float:
    """Its number; the example agreements use metres and seconds throughout."""
    return float(text.split(maxsplit=1)[0])


def _brakings(driven: Driven, found: Found) -> None:
    """Records that GNSS corroborated against real brakings, on open ground, that a receiver could see."""
    cell_m = _cell_m(driven, "harsh_braking")
    real_s = [
        braking.at_s
        for second in driven.seconds
        for braking in second.brakings
        if braking.kind == "braking" and braking.corroborable and driven.is_open(braking.at_s)
    ]
    records = driven.records("harsh_braking")
    yes = Counter(
        _published_cell(driven, record, cell_m) for record in records if record["corroborated"] == "yes"
    )
    true = Counter(cell_of(driven.place_m(at_s), cell_m) for at_s in real_s)
    received = Counter(cell_of(driven.received_m(at_s), cell_m) for at_s in real_s)
    found.shares["braking"] = (yes & received).total(), yes.total()
    found.shares["braking-true"] = (yes & true).total(), yes.total()
    found.shares["braking-possible"] = (received & true).total(), true.total()
    found.shares["braking-left"] = yes.total(), len(real_s)
    found.notes["brakings: records not corroborated"] += len(records) - yes.total()
    found.notes["brakings: real, within 10 s of hidden ground"] += sum(
        not driven.is_far_from_hidden(at_s) for at_s in real_s
    )


def _lifts(driven: Driven, found: Found) -> None:
    """Cells by the fixes received, the total by the truth."""
    if "lifts" not in driven.agreement["streams"]:
        return
    cell_m = _cell_m(driven, "lifts")
    rises_s = [p.at for p in driven.shift.pulses() if p.pin == "lift" and p.level and driven.is_open(p.at)]
    sure, unsure = _lifts_read(driven, rises_s, cell_m)
    true = Counter(cell_of(driven.place_m(at_s), cell_m) for at_s in rises_s)
    left: Counter[Cell] = Counter()
    for record in driven.records("lifts"):
        left[_published_cell(driven, record, cell_m)] += record["count"]
    cells = {cell for cell in set(sure) | set(left) if driven.is_named(cell, cell_m)}
    exact = sum(sure[cell] <= left[cell] <= sure[cell] + unsure[cell] for cell in cells)
    found.shares["lift cells"] = exact, len(cells)
    found.shares["lift total"] = left.total(), len(rises_s)
    found.shares["lift true"] = (left & true).total(), true.total()
    found.notes["lifts: within 10 s of hidden ground"] += len(rises_s) - sure.total()
    found.notes["lifts: not counted"] += max(0, len(rises_s) - left.total())


def _lifts_read(
    driven: Driven, rises_s: Iterable[float], cell_m: float
) -> tuple[Counter[Cell], Counter[Cell]]:
    """What a reader of the fixes counts by cell, and how much more may count there: near hidden ground, on an edge."""
    sure: Counter[Cell] = Counter()
    unsure: Counter[Cell] = Counter()
    for at_s in rises_s:
        place_m = driven.received_m(at_s)
        column, row = cell_of(place_m, cell_m)
        if driven.is_far_from_hidden(at_s) and not _is_on_edge(place_m, cell_m):
            sure[column, row] += 1
        else:
            unsure.update((column + i, row + j) for i in (-1, 0, 1) for j in (-1, 0, 1))
    return sure, unsure


def _is_on_edge(place_m: Floats, cell_m: float) -> bool:
    """Whether rounding to a digit of the receiver's decides in which cell it lies."""
    return bool((np.abs((place_m + cell_m / 2) % cell_m - cell_m / 2) < EDGE_M).any())


def _site_visits(driven: Driven, found: Found) -> None:
    """Stays at the landfill of a minute or more on duty, by class of dwell."""
    if "site_visits" not in driven.agreement["streams"]:
        return
    bounds_s = [60 * _quantity(text) for text in driven.agreement["streams"]["site_visits"]["dwell_classes"]]
    at_site = [second.on_duty and second.place == "landfill" for second in driven.seconds]
    stays_s = [len(list(run)) for is_at, run in itertools.groupby(at_site) if is_at]
    true = Counter(bisect.bisect_right(bounds_s, stay_s) for stay_s in stays_s if stay_s >= VISIT_S_MIN)
    left: Counter[int] = Counter()
    for record in driven.records("site_visits"):
        left[_class_number(record["dwell_class"], bounds_s)] += record["visits"]
    found.shares["site visits"] = (left & true).total(), true.total()
    found.notes["site visits that were none, or of another class"] += (left - true).total()


def _class_number(words: str, bounds_s: Sequence[float]) -> int:
    """Which class `under 15 min`, `15 to 45 min` or `over 45 min` is, from 0."""
    if words.startswith("under"):
        return 0
    return len(bounds_s) if words.startswith("over") else bounds_s.index(60 * _quantity(words)) + 1


def _stops(driven: Driven, found: Found) -> None:
    """Stops served on open ground near a published stop."""
    if "stops" not in driven.agreement["streams"]:
        return
    served = {second.stop: second.at_s for second in driven.seconds if second.stop is not None}
    true_m = np.array([driven.way_m[at_s] for at_s in served.values() if driven.is_open(at_s)])
    stops = [(record["latitude_deg"], record["longitude_deg"]) for record in driven.records("stops")]
    left_m = on_plane(driven.agreement, stops)
    lines = shapely.multipoints(left_m)
    reached = near(true_m, lines, STOP_NEAR_M) if len(left_m) else np.zeros(len(true_m), dtype=np.bool_)
    found.shares["stops"] = float(reached.sum()), float(len(true_m))


# Bytes.


def _bytes(driven: Driven, found: Found) -> None:
    """The dearest day on the wire, and on how many days what the shift recorded left."""
    days: dict[datetime.date, list[Left]] = {}
    for one in driven.left:
        days.setdefault(driven.date(one.at_s), []).append(one)
    found.sample("day bytes", max(_day_bytes(sent) for sent in days.values()))
    with_track = [
        sent for sent in days.values() if any(one.stream == "track" and one.records for one in sent)
    ]
    found.sample("days of track", len(with_track))


def _day_bytes(sent: Sequence[Left]) -> int:
    """Payloads, framing, acknowledgements, pings and a connection for each slot that was used."""
    slots: dict[float, list[Mapping[str, Any]]] = {}
    for one in sent:
        slots.setdefault(one.at_s, []).append({"topic": one.topic, "bytes": one.size_bytes})
    return sum(wire_bytes(batches, SLOT_S) for batches in slots.values())
