"""A fix that the gate, the duty and the places have let through: all that a stream may see of the truck."""

from __future__ import annotations

from typing import NamedTuple

from agent.geometry import Point
from agent.guarded import guarded


@guarded
class Placed(NamedTuple):
    """Where the truck was, publishable.

    `day` is the service day in days since 1970-01-01, `second` the second of that day, `elapsed_s` the seconds
    since the fix before (0 behind a gap), `utc_ms` milliseconds since 1970-01-01 UTC. `resumed`: a pause that
    ends where it began lies between the fix before and this one. Shows no coordinates when printed.
    """

    day: int
    second: int
    elapsed_s: float
    point: Point
    utc_ms: int = 0
    resumed: bool = False
