"""Attacks on breaks that look at running time: alone, and against the same stretch on other days."""

from __future__ import annotations

import numpy as np

from agent.audit.breaks.day import Day, by_line, nothing, runnings_s, steps_m
from agent.audit.breaks.lifting import lifted
from agent.audit.breaks.twins import Twin, twins, usual
from agent.audit.case import Bools, Floats

REARM_S = 10.0  # what leaving a standstill counts at most, beyond its cap
UNCAPPED_S = 60.0
FREE_MPS = 6.0
ALIKE = 0.1  # another day whose pace differs by this share counts e times less
KNOWN_MIN = 0.3  # of a line, for it to be compared
A_LIFT_S = (0.0, 15.0)


def saturation(day: Day) -> Floats:
    """How many standstills would have to reach the cap to take so long, a kilometre of the line."""
    cap_s = day.seen.cap_s + REARM_S if np.isfinite(day.seen.cap_s) else UNCAPPED_S
    stood_s = np.where(_published(day), runnings_s(day) - day.lengths_m / FREE_MPS, 0.0)
    return by_line(day, stood_s / cap_s / np.maximum(day.lengths_m / 1000, 0.05))


def excess(day: Day) -> Floats:
    """How much longer a line ran than the same streets took on other days, spread over where trucks stand."""
    return _excess(day, with_lifts=False)


def excess_beyond_lifts(day: Day) -> Floats:
    """The same, less what more lifts there than on other days explain."""
    return _excess(day, with_lifts=True)


def _excess(day: Day, *, with_lifts: bool) -> Floats:
    found = twins(day)
    if not found:
        return nothing(day)
    weights = [_alike(day, twin) for twin in found]
    expected, known = _expected_s(day, found, weights)
    step_m = np.maximum(steps_m(day), 1e-9)
    expected_s, known_m = _sums(day, expected), _sums(day, np.where(known, step_m, 0.0))
    whole_m = np.maximum(_sums(day, step_m), 1e-9)
    comparable = (known_m / whole_m >= KNOWN_MIN) & _published(day)
    more_s = np.where(comparable, runnings_s(day) - expected_s, 0.0)
    if with_lifts:
        more_s -= _explained_s(day, found, weights, more_s, comparable)
    odd = more_s / np.sqrt(np.maximum(expected_s, 30.0))
    slower = expected / step_m * (whole_m / np.maximum(expected_s, 1e-9))[day.candidates.line]
    return by_line(day, odd) * np.clip(slower, 0.5, 2.0)


def _published(day: Day) -> Bools:
    return np.isfinite([line.running_s for line in day.seen.lines])


def _sums(day: Day, values: Floats) -> Floats:
    return np.bincount(day.candidates.line, values, len(day.seen.lines)).astype(np.float64)


def _ratio(day: Day, twin: Twin) -> float:
    """How much slower this day is than the other where both went."""
    mine, theirs = _paces(day)[twin.found], _paces(twin.other)[twin.at][twin.found]
    both = np.isfinite(mine) & np.isfinite(theirs) & (theirs > 0)
    return float(np.median(mine[both] / theirs[both])) if both.any() else 1.0


def _alike(day: Day, twin: Twin) -> float:
    """A truck that loads from one side only has another pace, and tells less."""
    return float(np.exp(-abs(np.log(max(_ratio(day, twin), 1e-3))) / ALIKE)) + 1e-3


def _paces(day: Day) -> Floats:
    """Seconds a metre of each candidate's line, NaN where not published."""
    running_s = np.array([line.running_s for line in day.seen.lines], np.float64)
    return by_line(day, running_s / np.maximum(day.lengths_m, 1.0))


def _expected_s(day: Day, found: list[Twin], weights: list[float]) -> tuple[Floats, Bools]:
    """What other days say that each candidate's piece takes, and for which they say anything."""
    rows = [
        (_paces(twin.other)[twin.at] * _ratio(day, twin), twin.found, weight)
        for twin, weight in zip(found, weights, strict=True)
    ]
    paces = usual(rows, np.full(len(day.candidates.line), np.nan))
    known = np.isfinite(paces)
    middle = float(np.median(paces[known])) if known.any() else 0.0
    return np.where(known, paces, middle) * steps_m(day), known


def _explained_s(
    day: Day,
    found: list[Twin],
    weights: list[float],
    more_s: Floats,
    comparable: Bools,
) -> Floats:
    """What lifts explain: those more than usual, at as many seconds each as fits the day best."""
    rows = [
        (lifted(twin.other)[twin.at], twin.found, weight) for twin, weight in zip(found, weights, strict=True)
    ]
    lifts = lifted(day)
    more = _sums(day, (lifts - usual(rows, lifts)) * steps_m(day))[comparable]
    spread = float(more @ more)
    each_s = float(np.clip(more @ more_s[comparable] / spread, *A_LIFT_S)) if spread > 0 else 0.0
    explained_s = np.zeros(len(more_s))
    explained_s[comparable] = each_s * more
    return explained_s
