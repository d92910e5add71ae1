"""Attacks on how long breaks were: a day's total, and each break once its place is guessed.

What a shift lasted less what the truck ran and usually needs besides is what it stood: learned on other routes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import maximum_filter1d
from sklearn.linear_model import QuantileRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from agent.audit.breaks.combined import Lesson, Looked
from agent.audit.breaks.day import runnings_s
from agent.audit.breaks.signals import SIGNALS
from agent.audit.case import Break, Floats, Secrets
from agent.audit.guessing import NEAR_M

WITHIN_MIN = 5.0
LONG_S = 480.0  # a silence longer than a truck stands to serve
GUESSED_MIN = 30.0  # where there is nothing to learn from
ONE_SILENCE = 15  # candidates in a row that tell of the same one
SPARSE = 0.05  # minutes that a column must be worth
TIMES = ("gap in time", "arrival deficit", "connection times")


def totals_min(lessons: Sequence[Lesson], looked: Sequence[Looked]) -> Floats:
    """The minutes of all breaks of each day in `looked`."""
    taught = [(_of_day(one.looked), total_min(one.secrets)) for one in lessons]
    return _predicted(taught, [_of_day(one) for one in looked])


def each_min(lessons: Sequence[Lesson], looked: Sequence[Looked]) -> Floats:
    """The minutes of any one break of each day in `looked`, whatever its place."""
    taught = [(_of_day(one.looked), lasted_min(taken)) for one in lessons for taken in one.secrets.breaks]
    return _predicted(taught, [_of_day(one) for one in looked])


def guessed_min(lessons: Sequence[Lesson], looked: Looked, places_m: Floats) -> Floats:
    """The minutes of a break at each of these candidates of a day."""
    taught = [
        (_of_place(one.looked, taken.place_m), lasted_min(taken))
        for one in lessons
        for taken in one.secrets.breaks
        if len(one.looked.scores)
    ]
    return _predicted(taught, [_of_place(looked, place_m) for place_m in places_m])


def total_min(secrets: Secrets) -> float:
    """The minutes of all breaks of a day."""
    return sum(lasted_min(taken) for taken in secrets.breaks)


def is_right(guessed: float, true_min: float) -> bool:
    """Whether a guess of minutes counts as found."""
    return abs(guessed - true_min) <= WITHIN_MIN


def lasted_min(taken: Break) -> float:
    """The minutes of a break."""
    return (taken.ends_s - taken.begins_s) / 60


def _of_day(looked: Looked) -> Floats:
    """What a day shows of how long it stood, in minutes."""
    day = looked.day
    lasted_s, running_s = day.seen.duty_s[1] - day.seen.duty_s[0], runnings_s(day).sum()
    sums = [_long_s(looked, name) for name in TIMES]
    lengths = day.lengths_m
    return np.array([lasted_s - running_s, running_s, lengths.sum() / 5, len(lengths) * 60, *sums]) / 60


def _long_s(looked: Looked, name: str) -> float:
    """The sum of a signal's silences that are long enough for a break, each once."""
    found_s = _column(looked, name)
    if not len(found_s):
        return 0.0
    tops = (found_s >= LONG_S) & (found_s == maximum_filter1d(found_s, ONE_SILENCE))
    return float(found_s[tops & ~np.append(False, tops[:-1])].sum())


def _column(looked: Looked, name: str) -> Floats:
    return looked.scores[:, list(SIGNALS).index(name)]


def _of_place(looked: Looked, place_m: Sequence[float] | Floats) -> Floats:
    """What a day does not account for, and the longest silence at a place by each of TIMES, in minutes."""
    away_m = np.hypot(*(looked.day.candidates.places_m - np.asarray(place_m)).T)
    near = away_m <= max(away_m.min(), NEAR_M)
    return np.array([_of_day(looked)[0], *(_column(looked, name)[near].max() / 60 for name in TIMES)])


def _predicted(taught: Sequence[tuple[Floats, float]], asked: Sequence[Floats]) -> Floats:
    if len(taught) < 2 or not len(asked):
        return np.full(len(asked), GUESSED_MIN)
    # The median, not the mean: some of the breaks that are learned from left no trace where they were.
    model = make_pipeline(StandardScaler(), QuantileRegressor(alpha=SPARSE))
    rows, minutes = (np.array(column) for column in zip(*taught, strict=True))
    found: Floats = model.fit(rows, minutes).predict(np.array(asked))
    return found
