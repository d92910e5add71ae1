"""The content property: what happens where nothing is published changes no byte of what leaves.

A drive is P + S + Q. P and Q are the same; S is off limits, outside the service area or off duty, and two of them
that last equally long differ in everything else: places, speeds, quality, pulses. Compared is all of it: payloads,
topics and times, connections, every change of the outbox in order, log lines, and the status file.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from agent.agreement import Agreement
from agent.gate import Gate
from agent.geometry import Point
from agent.recorder import Recorder
from agent.replaying import replay
from agent.status import status_of
from drivers.inputs import Input, Pulse
from tests.sim.drives import (
    AREA_M,
    PLANE,
    Lines,
    Spot,
    Witness,
    WitnessedOutbox,
    agreement,
    braking,
    by_time,
    configuration,
    epochs,
    outbox,
    straight,
    switched_on,
    truck,
)

P_M, Q_M = 1400.0, 1500.0
P_FIXES, Q_FIXES = 71, 76
HALL = (0.0, 3000.0)
HALL_HALF_M, MARGIN_M = 100.0, 50.0
AWAY = Spot(2 * AREA_M, 0.0)


class Secret(NamedTuple):
    """One S: its fixes, and pulses in seconds since its first fix."""

    fixes: list[Spot | Point]
    edges: list[tuple[float, str, int]]


def _turned(far: float, side: float, turn: int) -> tuple[float, float]:
    for _ in range(turn):
        far, side = -side, far
    return far, side


# Places on the rim, just within it, and far from it.
RIM_M = HALL_HALF_M + MARGIN_M - 0.05
hall_rim = st.sampled_from([-RIM_M, -HALL_HALF_M, -1.0, 0.0, HALL_HALF_M, RIM_M])
in_hall = st.builds(
    lambda x, y: (HALL[0] + x, HALL[1] + min(max(y, -HALL_HALF_M), HALL_HALF_M)), hall_rim, hall_rim
)
beyond = st.sampled_from([AREA_M + 0.05, AREA_M + 1, AREA_M + 1000, 40_000.0, 4_000_000.0])
sideways = st.sampled_from([-AREA_M, -20.0, 0.0, 1.0, AREA_M])
outside = st.builds(_turned, beyond, sideways, st.integers(0, 3))
anywhere = st.one_of(
    in_hall,
    outside,
    st.tuples(
        st.sampled_from([-20.0, 0.0, 20.0, 30.0, 31.0, 1000.0]), st.sampled_from([-31.0, -1.0, 0.0, 30.0])
    ),
)


def spots(place: st.SearchStrategy[tuple[float, float]], qualities: list[int]) -> st.SearchStrategy[Spot]:
    return st.builds(
        lambda at, speed, hdop, satellites, quality: Spot(*at, speed, hdop, satellites, quality),
        place,
        st.sampled_from([0.0, 0.5, 20.0, 60.0]),
        st.sampled_from([0.5, 0.8, 9.9, 20.0]),
        st.sampled_from([0, 3, 4, 12]),
        st.sampled_from(qualities),
    )


PLACES = {
    "off limits": spots(in_hall, [1, 2, 6]),
    "outside": spots(outside, [1, 2, 6]),
    "either": spots(st.one_of(in_hall, outside), [1]),
    "off duty": spots(anywhere, [0, 1, 6]),
}


@st.composite
def edges(draw: st.DrawFn, seconds: int, off_duty: bool) -> list[tuple[float, str, int]]:
    """Pulses within S: none, one that ends it, one held down into Q, a chatter; off duty the ignition too."""
    ends_s = seconds - 0.05
    pressed = draw(
        st.lists(st.sampled_from([0.0, 0.01, 0.5, ends_s - 2, ends_s - 1, ends_s - 0.3, ends_s]), max_size=4)
    )
    found = [(at, "brake", level) for at in sorted({max(0.0, at) for at in pressed}) for level in (1, 0)]
    found = [(at + (0.04 if level == 0 else 0.0), pin, level) for at, pin, level in found]
    if draw(st.booleans()):
        found.append((ends_s + 0.045, "brake", 1))  # and held down into Q
    if draw(st.integers(0, 5)) == 0:
        found += [(max(0.0, ends_s - 0.9) + 0.01 * i, "brake", i % 2) for i in range(70)]
    if off_duty and seconds > 8 and draw(st.booleans()):
        found += [(1.0, "ignition", 0), (2.0, "ignition", 1)]
    return sorted(found)


@st.composite
def secrets(draw: st.DrawFn) -> tuple[str, int, Secret, Secret]:
    """How nothing is published, for how many fixes, and two ways to spend that time."""
    why = draw(st.sampled_from(sorted(PLACES)))
    count = draw(st.sampled_from([1, 1, 2, 3, 5, 11, 40]))
    one, other = (
        Secret(
            draw(st.lists(PLACES[why], min_size=count, max_size=count)), draw(edges(count, why == "off duty"))
        )
        for _ in range(2)
    )
    return why, count, one, other


def drive(why: str, secret: Secret, back_m: float, late_s: float) -> list[Input]:
    """P ends at 0 m east; Q begins there or `back_m` further, with a brake pulse `late_s` after its first fix."""
    count = len(secret.fixes)
    before = straight(P_M, -P_M)
    after = [*straight(Q_M, back_m), AWAY, AWAY]
    starts_s = float(len(before))
    resumes_s = starts_s + count
    off = (
        [Pulse(starts_s - 0.5, "switch", 0), Pulse(resumes_s - 0.5, "switch", 1)] if why == "off duty" else []
    )
    return by_time(
        switched_on(),
        epochs([*before, *secret.fixes, *after]),
        off,
        braking(20.3),
        braking(starts_s - 1.9),
        [Pulse(starts_s + at, pin, level) for at, pin, level in secret.edges],
        braking(resumes_s + late_s),
        braking(resumes_s + 30.2),
    )


def held_one_day(tree: dict[str, Any]) -> None:
    tree["streams"]["harsh_braking"]["held"] = "1 day"


@functools.cache
def agreed(name: str) -> Agreement:
    return agreement(name, held_one_day)


def everything(name: str, entries: list[Input]) -> list[Any]:
    """All that can be seen from outside of one drive and the days after it."""
    link, box, lines = Witness(), WitnessedOutbox(outbox()), Lines()
    logging.getLogger().addHandler(lines)
    try:
        runtime = truck(agreed(name), box, link)
        replay(runtime, link, entries)
    finally:
        logging.getLogger().removeHandler(lines)
    status = status_of(configuration(), agreed(name), runtime)
    return [*link.seen, *box.commits, *box.receipts(), box.counts(), lines.text, status]


@pytest.mark.parametrize("name", ["routes-and-safety", "operations"])
@settings(max_examples=30, deadline=None)
@given(
    secrets(),
    st.sampled_from([0.0, 20.0, 29.0, 31.0, 400.0]),
    st.sampled_from([0.0, 0.05, 1.05, 2.1, 3.5, 4.05, 4.6, 6.0]),
)
def test_what_happens_where_nothing_is_published_changes_no_byte(
    name: str, drawn: tuple[str, int, Secret, Secret], back_m: float, late_s: float
) -> None:
    why, count, one, other = drawn
    event(f"{why}, {'one fix' if count == 1 else 'more fixes'}")
    first, second = (everything(name, drive(why, secret, back_m, late_s)) for secret in (one, other))
    assert first == second


@pytest.mark.parametrize("name", ["routes-and-safety", "operations"])
def test_the_drives_of_this_test_publish_way_and_brakings(name: str) -> None:
    link = Witness()
    secret = Secret([Spot(*HALL)] * 3, [])
    replay(truck(agreed(name), link=link), link, drive("off limits", secret, 400.0, 6.0))
    assert len(link.records("track")) >= 2
    assert len(link.records("harsh_braking")) == 3  # the one just before S is dropped at the cut


LEAKS: dict[str, tuple[str, Secret, Secret]] = {
    "a fix far away makes the first fix behind it a jump": (
        "outside",
        Secret([Spot(AREA_M + 1, 0)], []),
        Secret([Spot(8_000_000.0, 0)], []),
    ),
    "the last fix before the switch is on again": (
        "off duty",
        Secret([Spot(0, 0)], []),
        Secret([Spot(1000, 0)], []),
    ),
    "a pulse just before the end disarms the line": (
        "off limits",
        Secret([Spot(*HALL)] * 3, []),
        Secret([Spot(*HALL)] * 3, [(2.9, "brake", 1), (2.95, "brake", 0)]),
    ),
    "a line that chattered loses the next pulses": (
        "off limits",
        Secret([Spot(*HALL)] * 3, []),
        Secret([Spot(*HALL)] * 3, [(2.0 + 0.01 * i, "brake", i % 2) for i in range(80)]),
    ),
    "a line held down into what follows": (
        "outside",
        Secret([AWAY] * 3, []),
        Secret([AWAY] * 3, [(2.99, "brake", 1)]),
    ),
    "a poor fix is as hidden as a good one": (
        "off limits",
        Secret([Spot(*HALL)], []),
        Secret([Spot(*HALL, 20.0, 20.0, 3, 6)], []),
    ),
}


@pytest.mark.parametrize("name", ["routes-and-safety", "operations"])
@pytest.mark.parametrize("leak", sorted(LEAKS))
@pytest.mark.parametrize("late_s", [0.0, 2.1, 4.05])
def test_leaks_that_were_met_stay_closed(name: str, leak: str, late_s: float) -> None:
    why, one, other = LEAKS[leak]
    first, second = (everything(name, drive(why, secret, 20.0, late_s)) for secret in (one, other))
    assert first == second


def gate_sees_all(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(replay=True)
    decoded = Recorder._decoded
    monkeypatch.setattr(
        Recorder, "_decoded", lambda self, fix: [] if fix and gate.judge(fix) else decoded(self, fix)
    )


def lines_remember(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = Recorder._fresh_lines
    kept: dict[tuple[int, bool], Any] = {}
    monkeypatch.setattr(
        Recorder,
        "_fresh_lines",
        lambda self, *, level, known: kept.setdefault(
            (id(self), level), fresh(self, level=level, known=known)
        ),
    )


def late_fixes_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.recorder.FIX_AGE_S", -60.0)


@pytest.mark.parametrize("mutant", [lines_remember, late_fixes_count, gate_sees_all])
def test_a_planted_leak_is_found(
    mutant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant(monkeypatch)
    found = [
        everything("operations", drive(why, one, 20.0, late_s))
        != everything("operations", drive(why, other, 20.0, late_s))
        for why, one, other in LEAKS.values()
        for late_s in (2.1, 4.05)
    ]
    assert any(found)


def test_a_position_on_the_very_edge_of_the_margin_is_hidden_and_one_step_on_is_not() -> None:
    allowed = agreed("operations").allows
    north_e7 = PLANE.point(0, HALL[1] + HALL_HALF_M).latitude_e7
    steps = range(round(MARGIN_M / 0.0111194) - 2, round(MARGIN_M / 0.0111194) + 3)
    answers = [allowed(Point(north_e7 + step, PLANE.origin.longitude_e7)) for step in steps]
    assert answers == sorted(answers)
    assert {True, False} == set(answers)
