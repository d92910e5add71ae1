"""Two trackers without Fairhaul, for the same vehicle-days: attacks that work must work here.

`raw` ships every fix with its second. `zoned` does the same, but for a circle of ZONE_M round each place that is to
stay hidden, with the place in its middle, as fitness trackers did.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from agent.audit.case import Floats, Line, Seen
from agent.audit.seeing import metres
from agent.geometry import Plane

ZONE_M = 200.0


def raw(seen: Seen, fixes_m: Floats) -> Seen:
    """Every fix in one line; `fixes_m` (n, 2): a place each second of the log, NaN where there is none."""
    return _tracked(seen, [~np.isnan(fixes_m[:, 0])], fixes_m)


def zoned(seen: Seen, fixes_m: Floats, hidden_m: Sequence[tuple[float, float]]) -> Seen:
    """Lines between the circles."""
    shown = ~np.isnan(fixes_m[:, 0])
    for place_m in hidden_m:
        shown &= ~(np.hypot(*(fixes_m - np.asarray(place_m)).T) <= ZONE_M)
    return _tracked(seen, _runs(shown), fixes_m)


def _runs(
    shown: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> Iterable[np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """One mask for each run of seconds that are shown; a second or two without a fix part nothing."""
    seconds = np.flatnonzero(shown)
    parts = np.split(seconds, np.flatnonzero(np.diff(seconds) > 10) + 1)
    for part in parts:
        mask = np.zeros(len(shown), np.bool_)
        mask[part] = True
        yield mask


def _tracked(
    seen: Seen, masks: Iterable[np.ndarray[tuple[int], np.dtype[np.bool_]]], fixes_m: Floats
) -> Seen:
    lines: list[Line] = []
    for mask in masks:
        seconds = np.flatnonzero(mask).astype(float)
        if len(seconds) >= 2:
            lines.append(Line(len(lines) + 1, fixes_m[mask], float("nan"), seconds, float(seconds[-1])))
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
