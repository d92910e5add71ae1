"""A vehicle-day as an attack on breaks looks at it: the places that may be guessed, and what is known of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from agent.audit.case import Floats, Route, Seen, run_m
from agent.audit.guessing import Candidates, candidates

LATE_S = 900.0  # a payload that came this long after duty was still sent because of it
CRAWL_MPS = 1.5  # what a round makes on the whole, where no running time is published


@dataclass(frozen=True, eq=False)
class Day:
    """What is seen of a day, the places that may be guessed, and the other days of the same route.

    `others` have no others themselves.
    """

    seen: Seen
    candidates: Candidates
    others: list[Day]

    @cached_property
    def lengths_m(self) -> Floats:
        """Of each line."""
        return np.array([line.length_m for line in self.seen.lines], np.float64)


Signal = Callable[[Day], Floats]


def days_of(seen: Sequence[Seen]) -> list[Day]:
    """Each of these days of one route beside the others."""
    alone = [Day(one, candidates(one), []) for one in seen]
    return [replace(one, others=[*alone[:i], *alone[i + 1 :]]) for i, one in enumerate(alone)]


def days_of_route(route: Route) -> list[Day]:
    """The days of a route, in the order of its cases."""
    return days_of([case.seen for case in route.cases])


def nothing(day: Day) -> Floats:
    """The scores of an attack that has nothing to work on."""
    return np.zeros(len(day.candidates.along_m))


def runnings_s(day: Day) -> Floats:
    """Of each line; where it is not published, what its length would take at the day's pace."""
    found_s = np.array([line.running_s for line in day.seen.lines], np.float64)
    known, lengths = np.isfinite(found_s), day.lengths_m
    length_m = lengths[known].sum()
    pace = found_s[known].sum() / length_m if length_m > 0 else 1 / CRAWL_MPS
    return np.where(known, found_s, lengths * pace)


def along_day_m(day: Day) -> Floats:
    """Metres of published way from the day's beginning to each candidate."""
    return _before(day.lengths_m)[day.candidates.line] + day.candidates.along_m


def ran_s(day: Day) -> Floats:
    """Running time from the day's beginning to each candidate, even within a line."""
    running_s, length_m = runnings_s(day), np.maximum(day.lengths_m, 1e-9)
    number = day.candidates.line
    return _before(running_s)[number] + running_s[number] * day.candidates.along_m / length_m[number]


def _before(values: Floats) -> Floats:
    return np.concatenate([[0.0], values.cumsum()])


def share(values: Floats) -> Floats:
    """Ascending values as shares of the last; 0 where there is nothing to share."""
    whole = values[-1] if len(values) else 0.0
    return values / whole if whole > 0 else np.zeros(len(values))


def headings(found: Candidates) -> Floats:
    """A unit vector for each candidate, the way its line goes there; (0, 0) for a line without length."""
    ahead_m = np.diff(found.places_m, axis=0, append=found.places_m[-1:])
    ends = np.append(np.diff(found.line) != 0, True) if len(found.line) else np.zeros(0, bool)
    behind_m = np.roll(ahead_m, 1, axis=0)
    step_m = np.where(ends[:, None], behind_m, ahead_m)
    units: Floats = step_m / np.maximum(np.hypot(*step_m.T), 1e-9)[:, None]
    return units


def steps_m(day: Day) -> Floats:
    """How much way each candidate stands for: half of that to either neighbour on its line."""
    line, along_m = day.candidates.line, day.candidates.along_m
    gap_m = np.where(np.diff(line) == 0, np.diff(along_m), 0.0)
    half_m: Floats = (np.append(gap_m, 0.0) + np.append(0.0, gap_m))[: len(line)] / 2
    return half_m


def live_s(day: Day) -> Floats:
    """When each line came, NaN for those that came on another day or long after duty."""
    begins_s, ends_s = day.seen.duty_s
    arrived_s = np.array([line.arrived_s for line in day.seen.lines], np.float64)
    return np.where((arrived_s >= begins_s) & (arrived_s <= ends_s + LATE_S), arrived_s, np.nan)


def clock_s(day: Day) -> Floats:
    """The best published time of each candidate, ascending: its own, or else its line's arrival; NaN for neither."""
    found_s = live_s(day)[day.candidates.line] if day.seen.lines else np.zeros(0)
    for number, line in enumerate(day.seen.lines):
        if line.seconds is not None:
            here = day.candidates.line == number
            found_s[here] = np.interp(day.candidates.along_m[here], run_m(line.points_m), line.seconds)
    return _ascending(found_s)


def _ascending(values: Floats) -> Floats:
    highest = np.fmax.accumulate(values) if len(values) else values
    return np.where(np.isfinite(values), highest, np.nan)


def by_line(day: Day, values: Floats) -> Floats:
    """The value of its line for each candidate."""
    return values[day.candidates.line] if len(values) else nothing(day)
