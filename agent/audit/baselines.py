"""Two trackers without Fairhaul, for the same vehicle-days: attacks that work must work here.

`raw` ships every fix with its second. `zoned` does the same, but for a circle of ZONE_M round each place that is to
stay hidden, with the place in its middle, as fitness trackers did; what it counts, it counts in the circles, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from agent.audit.case import Floats, Ints, Line, Seen, Trip
from agent.audit.seeing import metres
from agent.geometry import Plane

ZONE_M = 200.0
TRIP_ENDS_S = 300.0  # a truck that stands so long has arrived, as trackers see it
ODOMETER_M = 5.0  # its step
GAP_S_MAX = 10  # between two fixes of one line


def raw(seen: Seen, fixes_m: Floats) -> Seen:
    """Every fix in one line; `fixes_m` (n, 2): a place each second of the log, NaN where there is none."""
    return _tracked(seen, [np.flatnonzero(~np.isnan(fixes_m[:, 0]))], fixes_m, None)


def zoned(
    seen: Seen, fixes_m: Floats, hidden_m: Sequence[tuple[float, float]], odometer_m: Floats | None = None
) -> Seen:
    """Lines between the circles; with `odometer_m` (n,), true metres at each second, also the whole of each trip.

    Trackers count a trip's metres and minutes before they hide a part of it, and files of activities have the
    metres beside each point.
    """
    shown = ~np.isnan(fixes_m[:, 0])
    for place_m in hidden_m:
        shown &= ~(np.hypot(*(fixes_m - np.asarray(place_m)).T) <= ZONE_M)
    seconds = np.flatnonzero(shown)
    runs = np.split(seconds, np.flatnonzero(np.diff(seconds) > GAP_S_MAX) + 1)
    counted_m = None if odometer_m is None else np.round(odometer_m / ODOMETER_M) * ODOMETER_M
    tracked = _tracked(seen, runs, fixes_m, counted_m)
    return tracked if counted_m is None else tracked._replace(trips=tuple(_trips(counted_m)))


def _trips(counted_m: Floats) -> Iterator[Trip]:
    """From each stay of at least TRIP_ENDS_S to the next; the day begins and ends with one."""
    moved = np.flatnonzero(np.diff(counted_m) > 0)
    if not len(moved):
        return
    parts = np.split(moved, np.flatnonzero(np.diff(moved) >= TRIP_ENDS_S) + 1)
    for part in parts:
        first, last = int(part[0]), int(part[-1]) + 1
        yield Trip(float(first), float(last), float(counted_m[first]), float(counted_m[last]))


def _tracked(seen: Seen, runs: Iterable[Ints], fixes_m: Floats, counted_m: Floats | None) -> Seen:
    """A line for each run of at least two seconds."""
    lines: list[Line] = []
    for run in runs:
        if len(run) >= 2:
            line = Line(len(lines) + 1, fixes_m[run], float("nan"), run.astype(float), float(run[-1]))
            if counted_m is not None:
                line = line._replace(odometer_m=(float(counted_m[run[0]]), float(counted_m[run[-1]])))
            lines.append(line)
    whole = [(float(line.seconds[0]), line.arrived_s) for line in lines if line.seconds is not None]
    return seen._replace(lines=lines, arrivals=[], connections=whole, cap_s=float("inf"))


def received(sentences: Iterable[bytes], plane: Plane) -> Floats:
    """The place in each RMC sentence, NaN where the receiver has no fix of its own, shape (n, 2)."""
    return metres(plane, [_place(line.decode("ascii").split(",")) for line in sentences])


def _place(fields: Sequence[str]) -> tuple[float, float]:
    if fields[2] != "A" or fields[12][:1] != "A":  # an estimate is no fix
        return float("nan"), float("nan")
    latitude_deg = float(fields[3][:2]) + float(fields[3][2:]) / 60
    longitude_deg = float(fields[5][:3]) + float(fields[5][3:]) / 60
    return latitude_deg * (-1 if fields[4] == "S" else 1), longitude_deg * (-1 if fields[6] == "W" else 1)
