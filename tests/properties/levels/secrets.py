"""What must not matter: hidden places, pauses, pulses and power, drawn close to where rules change.

Uniform draws missed real leaks; so places lie on rims and corners, times just before and behind the moments at which
something is decided, and lengths round every limit that the agent knows.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from tests.properties.levels.parts import Edge, Heard, Part, exact
from tests.properties.levels.worlds import (
    CLINIC,
    CLINIC_HALF_M,
    GATE,
    GATE_HALF_M,
    HALL,
    HALL_HALF_M,
    HALL_MARGIN_M,
)
from tests.sim.drives import AREA_M, DAY_MS, Spot

Draw = st.DrawFn
HIDDEN_LAG_S = 0.5  # the crew's switch moves so long before the fix from which on it counts

_RIM_M = HALL_HALF_M + HALL_MARGIN_M - 0.05
_hall_m = st.sampled_from([-_RIM_M, -HALL_HALF_M, -1.0, 0.0, HALL_HALF_M, _RIM_M])
_in_hall = st.builds(
    lambda x, y: (HALL[0] + x, HALL[1] + min(max(y, -HALL_HALF_M), HALL_HALF_M)), _hall_m, _hall_m
)
_clinic_m = st.sampled_from([-CLINIC_HALF_M, 0.0, CLINIC_HALF_M])
_in_clinic = st.builds(lambda x, y: (CLINIC[0] + x, CLINIC[1] + y), _clinic_m, _clinic_m)
_at_gate = st.builds(
    lambda x, y: (GATE[0] + x, GATE[1] + y),
    st.sampled_from([-GATE_HALF_M + 0.05, 0.0, GATE_HALF_M]),
    st.sampled_from([-GATE_HALF_M + 0.05, 0.0, GATE_HALF_M - 0.05]),
)
_beyond_m = st.sampled_from([AREA_M + 0.05, AREA_M + 1, AREA_M + 1000, 40_000.0, 4_000_000.0])
_sideways_m = st.sampled_from([-AREA_M, -20.0, 0.0, 1.0, AREA_M])


def _turned(far: float, side: float, turn: int) -> tuple[float, float]:
    for _ in range(turn):
        far, side = -side, far
    return far, side


_outside = st.builds(_turned, _beyond_m, _sideways_m, st.integers(0, 3))
_nearby = st.tuples(
    st.sampled_from([-20.0, 0.0, 20.0, 30.0, 31.0, 1000.0]), st.sampled_from([-31.0, -1.0, 0.0, 30.0])
)
PLACES = {
    "off limits": st.one_of(_in_hall, _in_clinic, _at_gate),
    "outside": _outside,
    "off duty": st.one_of(_in_hall, _outside, _nearby),
}


def spots(why: str) -> st.SearchStrategy[Spot]:
    """Fixes that may not be published for that reason; a void fix has no place and hides only off duty."""
    return st.builds(
        lambda at, speed, hdop, satellites, quality: Spot(*at, speed, hdop, satellites, quality),
        PLACES[why],
        st.sampled_from([0.0, 0.5, 20.0, 60.0]),
        st.sampled_from([0.5, 0.8, 9.9, 20.0]),
        st.sampled_from([0, 3, 4, 12]),
        st.sampled_from([0, 1, 6] if why == "off duty" else [1, 2, 6]),
    )


def dense(draw: Draw, why: str, seconds: float) -> Part:
    """Every second of it: at most some forty."""
    count = max(1, int(seconds))
    listed = draw(st.lists(spots(why), min_size=1, max_size=min(count, 6)))
    heard = [Heard(float(second), listed[second % len(listed)]) for second in range(count)]
    return Part(seconds, heard, _edges(draw, seconds, why))


def sparse(draw: Draw, why: str, seconds: float) -> Part:
    """A long one: the receiver is heard at its beginning, at its end and now and then between."""
    if seconds <= 12:
        return dense(draw, why, seconds)
    ends = [0.0, 1.0, 2.0, seconds / 2, seconds / 2 + 1, seconds - 3, seconds - 2, seconds - 1]
    if why == "off duty":
        ends = ends[draw(st.sampled_from([0, 0, 3, 8])) : draw(st.sampled_from([8, 8, 7, 6, 5]))]
    listed = draw(st.lists(spots(why), min_size=1, max_size=4))
    heard = [Heard(exact(at_s), listed[index % len(listed)]) for index, at_s in enumerate(ends)]
    return Part(seconds, [_on_the_beat(one, seconds) for one in heard], _edges(draw, seconds, why))


def _on_the_beat(one: Heard, seconds: float) -> Heard:
    """Fixes come at whole seconds of what follows, which keeps their time of day within its two decimals."""
    return one._replace(at_s=seconds - int(seconds - one.at_s) if one.at_s > 3 else one.at_s)


def _edges(draw: Draw, seconds: float, why: str) -> list[Edge]:
    """Pulses: none, one that ends with it, one held down into what follows, a chatter; off duty the ignition too."""
    ends_s = seconds - 0.0625
    times = [0.0, 0.015625, 0.5, ends_s - 2, ends_s - 1, ends_s - 0.3125, ends_s]
    pin = draw(st.sampled_from(["brake", "brake", "lift", "hazard"]))
    pressed = draw(st.lists(st.sampled_from(times), max_size=3))
    found = [
        Edge(exact(at_s + later_s), pin, level)
        for at_s in sorted({max(0.0, at_s) for at_s in pressed})
        for level, later_s in ((1, 0.0), (0, 0.046875 if at_s == ends_s else 0.25))
    ]
    extra = draw(st.integers(0, 9))
    if extra in (0, 1):
        found.append(Edge(exact(ends_s + 0.046875), pin, 1))  # and held down into what follows
    if extra == 2:
        found += [Edge(exact(max(0.0, ends_s - 1.25) + index / 64), pin, index % 2) for index in range(74)]
    if extra == 7:  # all the time, between the fixes
        seconds_of_it = range(min(60, int(seconds) - 1))
        found = [
            Edge(second + late_s, pin, level)
            for second in seconds_of_it
            for late_s, level in ((0.75, 1), (0.8125, 0))
        ]
    if why == "off duty" and seconds >= 5 and extra in (3, 4):
        found += [Edge(1.0, "ignition", 0), Edge(exact(seconds - 1.5), "ignition", 1)]
    if why != "off duty" and seconds >= 5 and extra in (5, 6):  # once it is known that the place is hidden
        found += [Edge(1.5, "switch", 0), Edge(exact(seconds - 1.5), "switch", 1)]
    found.sort(key=lambda edge: edge.at_s)
    return found


def off_duty(part: Part) -> Part:
    """The crew's switch round it."""
    switched = [Edge(-HIDDEN_LAG_S, "switch", 0), Edge(part.lasts_s - HIDDEN_LAG_S, "switch", 1)]
    return part._replace(edges=sorted([*part.edges, *switched], key=lambda edge: edge.at_s))


def darkened(draw: Draw, part: Part) -> Part:
    """Power goes at some moment of it and is back before its end, or it stays."""
    if part.lasts_s < 40 or any(one.odd_ms for one in part.heard) or not draw(st.booleans()):
        return part  # whoever starts among odd dates can't know that they are
    since_s = draw(st.sampled_from([16.0, 20.5, 30.0]))
    switched = any(edge.pin == "switch" and edge.at_s == part.lasts_s - HIDDEN_LAG_S for edge in part.edges)
    latest_s = [0.015625, 0.25, 0.75] if switched else []  # else it would itself hide what comes first
    back_s = draw(st.sampled_from([1.25, 2.25, 3.25, 5.0, 8.0, *latest_s]))
    return part._replace(dark=[(since_s, exact(part.lasts_s - back_s))])


def odd(draw: Draw, part: Part) -> Part:
    """The receiver's clock is off for a while, or it isn't."""
    odd_ms = draw(st.sampled_from([0, 0, 0, 0, DAY_MS, -DAY_MS, 7168 * DAY_MS, -3_600_000]))
    if not odd_ms or part.dark:
        return part
    return part._replace(heard=[one._replace(odd_ms=odd_ms) for one in part.heard])


def drawn_secret(draw: Draw, why: str, seconds: float, fill: Callable[[Draw, str, float], Part]) -> Part:
    """So many seconds that may not be published for that reason."""
    part = odd(draw, fill(draw, why, seconds))
    return off_duty(part) if why == "off duty" else part
