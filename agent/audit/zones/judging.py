"""How attacks on hidden places fare: the share of places found within so many metres, and what needs no byte."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from agent.audit.case import Floats, Hidden, HiddenKind, Route, Seen
from agent.audit.guessing import Share, is_near
from agent.audit.zones.middles import discovered
from agent.audit.zones.target import Target, blind, chance, without_place

ZoneAttack = Callable[[Sequence[Seen], Target], Floats | None]
CHANCE = "chance"
DISCOVERED = "zone discovery, ground unknown"


class Guessed(NamedTuple):
    """What every attack guessed on one hidden place; an empty array where it had nothing to work on."""

    hidden: Hidden
    guesses_m: dict[str, Floats]  # (n, 2) each


def guessed(route: Route, attacks: Mapping[str, ZoneAttack]) -> list[Guessed]:
    """Every attack on every hidden place of a route; judge them at as many distances as needed."""
    days = [case.seen for case in route.cases]
    centres_m = discovered(days)
    answers = []
    for hidden in route.hidden:
        target = without_place(hidden)
        guesses = {name: as_rows(attack(days, target)) for name, attack in attacks.items()}
        answers.append(Guessed(hidden, {**guesses, DISCOVERED: centres_m}))
    return answers


def as_rows(guess_m: Floats | None) -> Floats:
    """One guess or none as guesses, (n, 2)."""
    return np.empty((0, 2)) if guess_m is None else guess_m[None]


def of_kind(answers: Sequence[Guessed], kind: HiddenKind) -> list[Guessed]:
    """Those on one kind of hidden place."""
    return [answer for answer in answers if answer.hidden.kind == kind]


def shares(answers: Sequence[Guessed], within_m: float) -> dict[str, Share]:
    """The share of places found by each attack, and CHANCE: the better of a blind guess and a random one."""
    names = sorted({name for answer in answers for name in answer.guesses_m})
    found = {name: Share(sum(_hit(each, name, within_m) for each in answers), len(answers)) for name in names}
    return {**found, CHANCE: _chance(answers, within_m)}


def _hit(answer: Guessed, name: str, within_m: float) -> bool:
    return is_near(answer.guesses_m[name], answer.hidden.place_m, within_m)


def _chance(answers: Sequence[Guessed], within_m: float) -> Share:
    targets = [(without_place(answer.hidden), answer.hidden.place_m) for answer in answers]
    random = sum(chance(target, place_m, within_m) for target, place_m in targets)
    middle = sum(is_near(blind(target)[None], place_m, within_m) for target, place_m in targets)
    return Share(max(random, float(middle)), len(answers))
