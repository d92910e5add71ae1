"""The privacy property at its levels: what is secret changes no byte of what can be seen.

`make properties` draws PROPERTY_EXAMPLES=20000 of each level afresh; a plain run is small and always the same.
How shifts are drawn and what is compared: `tests/properties/levels`.
"""

from __future__ import annotations

import functools
import os
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.geometry import Point
from tests.properties.levels.levels import Pair, difference
from tests.properties.levels.named import LEVELS
from tests.properties.levels.parts import Edge, Heard, Part, each_second, pulses
from tests.properties.levels.public import Public, before, behind, drawn_public, shift_of
from tests.properties.levels.secrets import dense, drawn_secret, off_duty
from tests.properties.levels.seen import bytes_of
from tests.properties.levels.ways import Go, Place, Receiver, way_from, way_to
from tests.properties.levels.worlds import DOORS, HALL, HALL_HALF_M, HALL_MARGIN_M, agreed
from tests.sim.drives import AREA_M, MORNING_MS, PLANE, Spot

SMALL = 30
thorough = settings(
    max_examples=int(os.environ.get("PROPERTY_EXAMPLES", SMALL)),
    derandomize="PROPERTY_EXAMPLES" not in os.environ,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


SHOWS = {
    "content": "R1-R6-R7-R10",
    "duration": "R7",
    "existence": "R2",
    "speed": "R4",
    "drift": "R2",
    "apart": "R18",
}


@pytest.mark.parametrize("name", [pytest.param(name, id=f"{name}-{SHOWS[name]}") for name in LEVELS])
def test_what_is_secret_changes_no_byte(name: str) -> None:
    level = LEVELS[name]

    @thorough
    @given(level.drawn)
    def holds(drawn: object) -> None:
        wrong = level.wrong(drawn)
        assert wrong is None, wrong

    holds()


@settings(thorough, max_examples=15, derandomize=True)
@given(st.data())
def test_the_shifts_of_these_tests_leave_something_to_see(data: st.DataObject) -> None:
    door = data.draw(st.sampled_from(DOORS))
    public = drawn_public(data.draw, before(data.draw, door.place), behind(data.draw, door.place))
    seen = bytes_of(shift_of(public, drawn_secret(data.draw, "off duty", 5.0, dense)))
    assert {event[1] for event in seen.link} == {"connect", "publish", "disconnect"}
    assert any(row[0].startswith("batch") for _, _, rows, _ in seen.disk for row in rows)
    assert seen.commits
    assert seen.status


# Leaks that were met.


class Leak(NamedTuple):
    """Why the place was hidden, and two secrets of which one showed."""

    why: str
    one: Part
    other: Part


AWAY = Spot(2 * AREA_M, 0.0)
INSIDE = Spot(*HALL)
CHATTER = [Edge(2.0 + index / 64, "brake", index % 2) for index in range(60)]
LEAKS = {
    "a fix far away makes the first fix behind it a jump": Leak(
        "outside", each_second([Spot(AREA_M + 1, 0)]), each_second([Spot(8_000_000.0, 0)])
    ),
    "the last fix before the switch is on again": Leak(
        "off duty", each_second([Spot(0, 0)]), each_second([Spot(1000, 0)])
    ),
    "a pulse just before the end disarms the line": Leak(
        "off limits",
        each_second([INSIDE] * 3),
        each_second([INSIDE] * 3, edges=pulses("brake", 2.9, held_s=0.046875)),
    ),
    "a line that chattered loses the next pulses": Leak(
        "off limits", each_second([INSIDE] * 3), each_second([INSIDE] * 3, edges=CHATTER)
    ),
    "a line held down into what follows": Leak(
        "outside", each_second([AWAY] * 3), each_second([AWAY] * 3, edges=[Edge(2.984375, "brake", 1)])
    ),
    "a poor fix is as hidden as a good one": Leak(
        "off limits", each_second([INSIDE]), each_second([Spot(*HALL, 20.0, 20.0, 3, 6)])
    ),
    "dates of hidden fixes release nothing": Leak(
        "off limits",
        each_second([INSIDE] * 8),
        Part(8.0, [Heard(float(second), INSIDE, 60 * 86_400_000) for second in range(8)]),
    ),
}


@functools.cache
def _public(name: str, late_s: float) -> Public:
    place, back = Place(0.0, 0.0), Place(-20.0, 0.0, 180.0)
    on = [Edge(0.0, "ignition", 1), Edge(0.0, "switch", 1)]
    first = each_second(way_to(place, (Go(1250),), Receiver(0.4, 1)), edges=[*on, *pulses("brake", 20.25)])
    last = each_second(
        way_from(back, (Go(1250),), Receiver(0.4, 2), 20.0), edges=pulses("brake", late_s, 30.25)
    )
    return Public(name, "as it is", "north-west", MORNING_MS, first, last, True)


@pytest.mark.parametrize("name", ["routes-and-safety", "operations"])
@pytest.mark.parametrize("leak", sorted(LEAKS))
@pytest.mark.parametrize("late_s", [0.0, 2.125, 4.0625])
def test_leaks_that_were_met_stay_closed(name: str, leak: str, late_s: float) -> None:
    why, *secrets = LEAKS[leak]
    one, other = (off_duty(part) if why == "off duty" else part for part in secrets)
    public = _public(name, late_s)
    wrong = difference(Pair(shift_of(public, one), shift_of(public, other), exact=True))
    assert wrong is None, wrong


def test_a_position_on_the_very_edge_of_the_margin_is_hidden_and_one_step_on_is_not() -> None:
    allowed = agreed("operations").allows
    north_e7 = PLANE.point(0, HALL[1] - HALL_HALF_M).latitude_e7
    margin_e7 = round(HALL_MARGIN_M / 0.0111194)
    answers = [
        allowed(Point(north_e7 - step, PLANE.origin.longitude_e7))
        for step in range(margin_e7 - 2, margin_e7 + 3)
    ]
    assert answers == sorted(answers)
    assert {True, False} == set(answers)
