"""All signals at once, weighed by models that learned on other routes where breaks really were.

Two models look at the same columns: logistic regression and gradient-boosted trees. A third sees nothing but how
much of the day lay behind a place: breaks have their hours, and whoever knows those needs no leak.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from agent.audit.breaks.day import (
    Day,
    along_day_m,
    by_line,
    clock_s,
    days_of_route,
    ran_s,
    runnings_s,
    share,
)
from agent.audit.breaks.signals import scored
from agent.audit.case import Bools, BreakKind, Floats, Ints, Route, Secrets
from agent.audit.guessing import NEAR_M

LOCAL = 41  # candidates that a score is compared with: a kilometre of way
NEIGHBOURS = 9
HOURS = 24  # parts of a day that may each be as likely as they like
LEARNED_A_DAY = 80  # places without a break that are learned from
SEEDS = 2**31 - 8
FORESTS = 3  # whose word is averaged: one alone is lucky or not

LINEAR, TREES, HOUR = "combined, linear", "combined, trees", "usual hour alone"
COMBINED = (LINEAR, TREES, HOUR)


class Model(Protocol):
    """What scikit-learn's classifiers have in common."""

    def fit(self, columns: Floats, labels: Bools) -> Any:
        """Learn."""

    def predict_proba(self, columns: Floats) -> Floats:
        """How likely each label is."""


class Looked(NamedTuple):
    """A day as it was looked at, a row for each candidate.

    `scores`: each signal's; `columns`: what the models see; `hours`: the last of them, what HOUR sees.
    """

    day: Day
    scores: Floats
    columns: Floats
    hours: Floats


class Lesson(NamedTuple):
    """A day of another route, with its truth."""

    looked: Looked
    secrets: Secrets


def look(day: Day) -> Looked:
    """All that the models may see of a day."""
    scores, hours = scored(day), _hours(day)
    if not len(scores):
        return Looked(day, scores, np.empty((0, 0)), hours)
    tamed = np.sign(scores) * np.log1p(np.abs(scores))
    ranks = rankdata(scores, axis=0) / len(scores)
    mean, highest = uniform_filter1d(scores, LOCAL, axis=0), maximum_filter1d(tamed, NEIGHBOURS, axis=0)
    spread = np.sqrt(np.maximum(uniform_filter1d((scores - mean) ** 2, LOCAL, axis=0), 1e-6))
    local = np.clip((scores - mean) / spread, -8, 8)
    return Looked(day, scores, np.column_stack([tamed, ranks, highest, local, *_plain(day), hours]), hours)


def _plain(day: Day) -> list[Floats]:
    """What is no attack of its own, but tells when another one is worth something."""
    return [
        share(along_day_m(day)),
        share(ran_s(day)),
        np.log1p(by_line(day, day.lengths_m)),
        np.log1p(by_line(day, runnings_s(day))),
        np.full(len(day.candidates.line), np.log1p(day.lengths_m.sum())),
    ]


def _hours(day: Day) -> Floats:
    """How much of the shift lay behind each candidate, by what clock there is, softly in HOURS parts."""
    begins_s, ends_s = day.seen.duty_s
    clock = (clock_s(day) - begins_s) / max(ends_s - begins_s, 1.0)
    return parts(np.where(np.isfinite(clock), clock, share(ran_s(day))))


def parts(behind: Floats) -> Floats:
    """Shares of a day (n,) softly in its HOURS parts, (n, HOURS)."""
    softly: Floats = np.exp(-0.5 * ((behind[:, None] * HOURS - np.arange(HOURS) - 0.5) / 0.7) ** 2)
    return softly


def lessons_of(route: Route) -> list[Lesson]:
    """The days of a route, looked at."""
    days = days_of_route(route)
    return [Lesson(look(day), case.secrets) for day, case in zip(days, route.cases, strict=True)]


def learned(
    lessons: Sequence[Lesson], looked: Sequence[Looked], chance: np.random.Generator, kind: BreakKind
) -> dict[str, list[Floats]]:
    """How likely a break of this kind is near each candidate of the days in `looked`, by each of COMBINED.

    `lessons` must not be of the route of those days. Scores are 0 where there is nothing to learn from.
    """
    lessons = [one for one in lessons if len(one.looked.scores)]
    near = [near_break(one.looked.day, one.secrets, kind) for one in lessons]
    kept = [some(each, chance) for each in near]
    models = _models(int(chance.integers(SEEDS)))
    labels = [each[rows] for each, rows in zip(near, kept, strict=True)]
    if not any(each.any() for each in labels) or all(each.all() for each in labels):
        return {name: [np.zeros(len(one.hours)) for one in looked] for name in models}
    scores = {}
    for name, model in models.items():
        rows = [_seen_by(name, one.looked)[rows] for one, rows in zip(lessons, kept, strict=True)]
        with threadpool_limits(1):  # so little work is slower in parallel
            model.fit(np.concatenate(rows), np.concatenate(labels))
            scores[name] = [_likely(model, _seen_by(name, one)) for one in looked]
    return scores


def _models(seed: int) -> Mapping[str, Model]:
    linear = LogisticRegression(C=0.02, class_weight="balanced", max_iter=3000)
    return {
        LINEAR: make_pipeline(StandardScaler(), linear),
        TREES: VotingClassifier([(str(n), _trees(seed + n)) for n in range(FORESTS)], voting="soft"),
        HOUR: hour_model(),
    }


def _trees(seed: int) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        learning_rate=0.06,
        max_iter=120,
        max_leaf_nodes=8,
        min_samples_leaf=60,
        l2_regularization=5.0,
        max_features=0.3,
        max_bins=32,
        class_weight="balanced",
        early_stopping=False,
        random_state=seed,
    )


def hour_model() -> Model:
    """Any hour as likely as it likes, and nothing else."""
    model: Model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=3000)
    return model


def _seen_by(name: str, looked: Looked) -> Floats:
    return looked.hours if name == HOUR else looked.columns


def _likely(model: Model, columns: Floats) -> Floats:
    return model.predict_proba(columns)[:, 1] if len(columns) else np.zeros(0)


def near_break(day: Day, secrets: Secrets, kind: BreakKind) -> Bools:
    """For each candidate, whether guessing it would find a break of this kind."""
    near = np.zeros(len(day.candidates.line), bool)
    for taken in secrets.breaks:
        if taken.kind == kind:
            near |= np.hypot(*(day.candidates.places_m - np.asarray(taken.place_m)).T) <= NEAR_M
    return near


def some(near: Bools, chance: np.random.Generator) -> Ints:
    """All candidates near a break, and some of the many others: they say the same many times over."""
    far = np.flatnonzero(~near)
    return np.concatenate(
        [np.flatnonzero(near), chance.choice(far, min(len(far), LEARNED_A_DAY), replace=False)]
    )
