"""What somebody finds of a day's breaks without anything that left on that day: no attack, but chance at its best.

They know the plan of the round, here from the truck's other days, and when in a shift breaks usually are, from other
trucks' truth. Whoever does not beat this guess has learned nothing from what the day published.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from agent.audit.breaks.combined import Lesson, Looked, hour_model, near_break, parts, some
from agent.audit.breaks.day import Day, along_day_m, share
from agent.audit.case import BreakKind, Floats
from agent.audit.guessing import best


def planned(
    lessons: Sequence[Lesson], looked: Sequence[Looked], chance: np.random.Generator, kind: BreakKind
) -> list[Floats]:
    """For each day the guesses (n, 2) where breaks of this kind usually are; none where there is no other day."""
    near = [near_break(one.looked.day, one.secrets, kind) for one in lessons]
    kept = [some(each, chance) for each in near]
    labels = np.concatenate([np.zeros(0, bool), *(each[rows] for each, rows in zip(near, kept, strict=True))])
    if labels.all() or not labels.any():
        return [np.empty((0, 2)) for _ in looked]
    rows = [_of_plan(one.looked.day)[rows] for one, rows in zip(lessons, kept, strict=True)]
    model = hour_model()
    guesses_m = []
    with threadpool_limits(1):
        model.fit(np.concatenate(rows), labels)
        for one in looked:
            others = [other for other in one.day.others if len(other.candidates.places_m)]
            scores = [model.predict_proba(_of_plan(other))[:, 1] for other in others]
            places_m = [other.candidates.places_m for other in others]
            guesses_m.append(
                best(np.concatenate(places_m), np.concatenate(scores)) if others else np.empty((0, 2))
            )
    return guesses_m


def _of_plan(day: Day) -> Floats:
    """How much of the way lies behind each place."""
    return parts(share(along_day_m(day)))
