"""Where each attack on hidden places must succeed: on a tracker that gives away what the attack lives on.

An attack that fails there is broken, and what it does not find under Fairhaul proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from agent.audit.case import HiddenKind

Tracker = Literal["raw", "zoned", "corners"]


class Control(NamedTuple):
    """A tracker without Fairhaul, the hidden places there, and the least share of them to find within 50 m."""

    tracker: Tracker
    kind: HiddenKind
    least: float


# Round zones that trucks pass on many streets hold a circle, its rim and its hole. Rays need streets that lead straight
# to the place, so the circles are drawn round corners. A depot is where trips end: whole trips tell how far behind the
# last cut, and raw data show it.
CONTROLS: Mapping[str, Control] = {
    "circle fit": Control("zoned", "off_limits", 0.80),
    "circle fit, radius unknown": Control("zoned", "off_limits", 0.80),
    "zone discovery": Control("zoned", "off_limits", 0.80),
    "heading rays": Control("corners", "off_limits", 0.60),
    "ray crossings": Control("corners", "off_limits", 0.60),
    "centroid": Control("zoned", "off_limits", 0.60),
    "distance and streets": Control("zoned", "depot", 0.80),
    "last destination": Control("raw", "depot", 0.80),
    "stay points": Control("raw", "depot", 0.80),
}
