"""The attacks on breaks against the truth: what each finds, beside placebos and chance."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from agent.audit.breaks import duration
from agent.audit.breaks.combined import COMBINED, Lesson, learned, lessons_of
from agent.audit.breaks.plan import planned
from agent.audit.breaks.signals import SIGNALS
from agent.audit.case import BreakKind, Floats, Route, Secrets
from agent.audit.guessing import Share, best, is_near

PLACEBO_M = 400.0  # a placebo is at least so far from any break
DRAWS = 60
PLANS = 5  # guesses by plan are averaged over so many draws of what was learned from
KINDS: tuple[BreakKind, ...] = ("on_route", "detour")


class Found(NamedTuple):
    """How often four guesses a day find a break, by kind, and a stop that was none."""

    on_route: Share
    detour: Share
    placebo: Share


class Results(NamedTuple):
    """What the attacks found; `chance` is what four random guesses of the same spacing find.

    `by_plan` is what four guesses find that know the round and the usual hours, and nothing of the day. `best` names
    the attack that found most breaks on the route; `duration` counts days whose total was guessed, `duration_of_each`
    breaks; `place_and_duration` is of the best attack.
    """

    attacks: dict[str, Found]
    chance: Found
    by_plan: Share
    best: str
    duration: Share
    duration_of_each: Share
    place_and_duration: Share


class Target(NamedTuple):
    """A day to be attacked: its truth, its placebos, and the guesses of each attack by the kind it is after."""

    lesson: Lesson
    placebos_m: Floats
    guesses_m: dict[BreakKind, dict[str, Floats]]
    plans_m: list[Floats]

    def places_m(self, kind: BreakKind) -> list[tuple[float, float]]:
        """Where the breaks of a kind were."""
        return [taken.place_m for taken in self.lesson.secrets.breaks if taken.kind == kind]


def attacked(routes: Sequence[Route], seed: int, judged: Collection[str] | None = None) -> Results:
    """Every attack on every day; the trained ones learn on all routes but the day's own.

    `judged`: the names of the routes that are attacked, None for all; the others are only learned from.
    """
    chance = np.random.default_rng(seed)
    lessons = [lessons_of(route) for route in routes]
    rounds = [
        (taught, _targets(here, taught, chance))
        for i, here in enumerate(lessons)
        if judged is None or routes[i].name in judged
        for taught in [[one for other in [*lessons[:i], *lessons[i + 1 :]] for one in other]]
    ]
    targets = [target for _, here in rounds for target in here]
    attacks = {name: _found(targets, name) for name in (*SIGNALS, *COMBINED)}
    by_chance = _by_chance(targets, chance)
    winner = max(attacks, key=lambda name: attacks[name].on_route.hits)
    total, each = _durations(rounds)
    both = _place_and_duration(rounds, winner)
    return Results(attacks, by_chance, _by_plan(targets), winner, total, each, both)


def _targets(here: Sequence[Lesson], taught: Sequence[Lesson], chance: np.random.Generator) -> list[Target]:
    looked = [one.looked for one in here]
    scores = {kind: learned(taught, looked, chance, kind) for kind in KINDS}
    plans_m = [planned(taught, looked, chance, "on_route") for _ in range(PLANS)]
    targets = []
    for i, one in enumerate(here):
        places_m = one.looked.day.candidates.places_m
        alone = {name: best(places_m, one.looked.scores[:, column]) for column, name in enumerate(SIGNALS)}
        guesses_m = {
            kind: alone | {name: best(places_m, of_days[i]) for name, of_days in scores[kind].items()}
            for kind in KINDS
        }
        plans = [of_days[i] for of_days in plans_m]
        targets.append(Target(one, placebos_m(one.secrets, chance), guesses_m, plans))
    return targets


def placebos_m(secrets: Secrets, chance: np.random.Generator) -> Floats:
    """For each break a stop at which none was, at least PLACEBO_M from all of them; fewer where there are not."""
    stops_m = secrets.stops_m.reshape(-1, 2)
    for taken in secrets.breaks:
        stops_m = stops_m[np.hypot(*(stops_m - np.asarray(taken.place_m)).T) >= PLACEBO_M]
    return chance.choice(stops_m, min(len(secrets.breaks), len(stops_m)), replace=False)


def _found(targets: Sequence[Target], attack: str) -> Found:
    def share(kind: BreakKind, *, placebo: bool = False) -> Share:
        hits = [
            is_near(target.guesses_m[kind][attack], place_m)
            for target in targets
            for place_m in (target.placebos_m if placebo else target.places_m(kind))
        ]
        return Share(sum(hits), len(hits))

    return Found(share("on_route"), share("detour"), share("on_route", placebo=True))


def _by_chance(targets: Sequence[Target], chance: np.random.Generator) -> Found:
    """What is expected of guesses at random, by DRAWS of them a day."""
    hits = np.zeros(3)
    trials = np.zeros(3, int)
    for target in targets:
        places = [target.places_m("on_route"), target.places_m("detour"), list(target.placebos_m)]
        trials += [len(each) for each in places]
        for guesses_m in _random(target.lesson.looked.day.candidates.places_m, chance):
            hits += [sum(is_near(guesses_m, place_m) for place_m in each) / DRAWS for each in places]
    return Found(*(Share(float(hit), int(of)) for hit, of in zip(hits, trials, strict=True)))


def _by_plan(targets: Sequence[Target]) -> Share:
    hits = [
        sum(is_near(guesses_m, place_m) for guesses_m in target.plans_m) / PLANS
        for target in targets
        for place_m in target.places_m("on_route")
    ]
    return Share(sum(hits), len(hits))


def _random(places_m: Floats, chance: np.random.Generator) -> Iterator[Floats]:
    for _ in range(DRAWS):
        yield best(places_m, chance.random(len(places_m)))


Round = tuple[list[Lesson], list[Target]]


def _durations(rounds: Sequence[Round]) -> tuple[Share, Share]:
    """Days whose total minutes were guessed, and breaks whose own were, whatever their place."""
    total, each = [], []
    for taught, targets in rounds:
        looked = [target.lesson.looked for target in targets]
        sums, singles = duration.totals_min(taught, looked), duration.each_min(taught, looked)
        for target, whole_min, one_min in zip(targets, sums, singles, strict=True):
            secrets = target.lesson.secrets
            total.append(duration.is_right(whole_min, duration.total_min(secrets)))
            each += [
                duration.is_right(one_min, duration.lasted_min(taken))
                for taken in secrets.breaks
                if taken.kind == "on_route"
            ]
    return Share(sum(total), len(total)), Share(sum(each), len(each))


def _place_and_duration(rounds: Sequence[Round], attack: str) -> Share:
    """Breaks on the route that a guess is near to, whose minutes the same guess tells."""
    hits = []
    for taught, targets in rounds:
        for target in targets:
            guesses_m = target.guesses_m["on_route"][attack]
            minutes = duration.guessed_min(taught, target.lesson.looked, guesses_m)
            for taken in target.lesson.secrets.breaks:
                if taken.kind == "on_route":
                    right = [duration.is_right(each, duration.lasted_min(taken)) for each in minutes]
                    hits.append(is_near(guesses_m[np.array(right, bool)], taken.place_m))
    return Share(sum(hits), len(hits))
