"""What the attacks found, each beside chance, beside what it finds on trackers without Fairhaul, and its promise."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from agent.audit import elastic_pathing
from agent.audit.breaks import Results
from agent.audit.breaks import attacked as breaks_attacked
from agent.audit.case import HiddenKind, Route
from agent.audit.fingerprint import fingerprinted
from agent.audit.guessing import Share
from agent.audit.joining import joined
from agent.audit.simulated import Versions
from agent.audit.speed import local_speed, speeding
from agent.audit.unicity import unicity
from agent.audit.zones import ATTACKS, CHANCE, Guessed, differenced, guesses, without_place
from agent.audit.zones import shares as zone_shares
from agent.geometry import Plane

POINTS = 0.10  # an attack may find so much more than chance does
BREAKS_MAX = 0.20  # and breaks this much, whatever chance is
JOINT_POINTS = 0.02
GAIN_MAX = 0.02  # of R², from the points of one day beyond those of another
# What attacks must reach where nothing is protected, or they are broken.
CIRCLE_FIT_MIN, BREAKS_MIN, GAIN_MIN = 0.80, 0.95, 0.30
SHOWN_MIN = 0.90  # of vehicle-days
ZONE_WITHIN_M = (50.0, 23.0)
NO_TRIAL = Share(0, 0)

Mode = Literal["daily", "timed"]
Judgement = Literal["holds", "BROKEN", "given away", "works", "TOO WEAK", "too few", "printed"]


class Row(NamedTuple):
    """One attack's figures; shares are from 0 to 1, NaN or None where there is nothing to say.

    `promise`: the requirement's id; `bound`: what may at most be found under it.
    """

    section: str
    attack: str
    found: Share | float
    chance: float | None
    bound: float | None
    promise: str
    judgement: Judgement

    @property
    def value(self) -> float:
        """What was found."""
        return _of(self.found)

    @property
    def has_trials(self) -> bool:
        """Whether there was anything to find."""
        return not math.isnan(self.value)


class Judged(NamedTuple):
    """All rows, and whether a promise of the agreement's mode is broken."""

    rows: list[Row]

    @property
    def broken(self) -> list[Row]:
        """Promises that do not hold."""
        return [row for row in self.rows if row.judgement == "BROKEN"]

    @property
    def weak(self) -> list[Row]:
        """Attacks that fail where they should succeed: what they do not find proves nothing."""
        return [row for row in self.rows if row.judgement == "TOO WEAK"]


def _of(found: Share | float) -> float:
    return found.value if isinstance(found, Share) else found


def promised(
    section: str, attack: str, found: Share | float, chance: float | None, bound: float, promise: str
) -> Row:
    """A row under a promise; one that found nothing to judge holds, one without a bound to judge it by does not.

    More than the bound is broken when it is also more than luck: chance lies below the interval of what was found.
    """
    judgement: Judgement = "BROKEN"
    if math.isnan(_of(found)) or _of(found) <= bound + 1e-9:
        judgement = "holds"
    elif chance is not None and isinstance(found, Share) and found.interval[0] <= chance:
        judgement = "too few"
    return Row(section, attack, found, chance, bound, promise, judgement)


def given_away(section: str, attack: str, found: Share | float, chance: float | None) -> Row:
    """A row of what this agreement does not promise."""
    return Row(section, attack, found, chance, None, "", "given away")


def printed(section: str, attack: str, found: Share | float, chance: float | None = None) -> Row:
    """A figure beside others."""
    return Row(section, attack, found, chance, None, "", "printed")


def control(section: str, attack: str, found: Share | float, least: float) -> Row:
    """An attack where nothing is protected, or badly: it must find at least so much."""
    return Row(section, attack, found, None, least, "", "works" if _of(found) >= least else "TOO WEAK")


def shown(fairhaul: Sequence[Route]) -> Row:
    """Whether there is anything to attack: an agent that publishes nothing keeps every promise."""
    days = [bool(case.seen.lines) for route in fairhaul for case in route.cases]
    return control(
        "what is attacked", "vehicle-days with a published line", Share(sum(days), len(days)), SHOWN_MIN
    )


# Hidden places.

DIFFERENCED = "what one version lacks"
KINDS: Mapping[HiddenKind, str] = {"off_limits": "places off limits", "depot": "the depot"}


def places(fairhaul: Sequence[Route], zoned: Sequence[Route]) -> Iterator[Row]:
    """R9: every attack on every kind of hidden place, at 50 m and at 23 m, and the same on round zones."""
    ours = [answer for route in fairhaul for answer in guesses(route)]
    theirs = [answer for route in zoned for answer in guesses(route)]
    for (kind, words), within_m in itertools.product(KINDS.items(), ZONE_WITHIN_M):
        yield from _places_of(_only(ours, kind), f"{words}, within {within_m:g} m", within_m)
    within_m = ZONE_WITHIN_M[0]
    section = f"round zones instead, within {within_m:g} m"
    found = zone_shares(_only(theirs, "off_limits"), within_m)
    for attack in ATTACKS:
        if attack == "circle fit":
            yield control(section, attack, found.get(attack, NO_TRIAL), CIRCLE_FIT_MIN)
        else:
            yield printed(section, attack, found.get(attack, NO_TRIAL), found[CHANCE].value)


def versions(found: Sequence[Versions]) -> Iterator[Row]:
    """R9: places that a later version of the agreement takes out of what an earlier one published."""
    answers = []
    for one in found:
        for hidden in one.hidden:
            guess_m = differenced(one.before, one.after, without_place(hidden))
            guesses_m = np.empty((0, 2)) if guess_m is None else guess_m[None]
            answers.append(Guessed(hidden, {DIFFERENCED: guesses_m}))
    for within_m in ZONE_WITHIN_M:
        shares = zone_shares(answers, within_m)
        section, chance = "two versions of an agreement", shares[CHANCE].value
        attack = f"{DIFFERENCED}, within {within_m:g} m"
        if within_m == ZONE_WITHIN_M[0]:
            yield promised(section, attack, shares.get(DIFFERENCED, NO_TRIAL), chance, chance + POINTS, "R9")
        else:
            yield printed(section, attack, shares.get(DIFFERENCED, NO_TRIAL), chance)


def _only(answers: Sequence[Guessed], kind: HiddenKind) -> list[Guessed]:
    return [answer for answer in answers if answer.hidden.kind == kind]


def _places_of(answers: Sequence[Guessed], section: str, within_m: float) -> Iterator[Row]:
    found = zone_shares(answers, within_m)
    chance = found[CHANCE].value
    for attack in ATTACKS:
        share = found.get(attack, NO_TRIAL)
        if within_m == ZONE_WITHIN_M[0]:
            yield promised(section, attack, share, chance, chance + POINTS, "R9")
        else:
            yield printed(section, attack, share, chance)


# Breaks.


def breaks(noise_m: float, results: Results, mode: Mode, *, bound: bool) -> Iterator[Row]:
    """R3: every attack on breaks; bound where the agreement promises and the noise is the one it promises for."""
    section = f"breaks on the route, receiver noise {noise_m:g} m"
    chance = results.chance.on_route.value
    most = max(BREAKS_MAX, chance + POINTS)
    for attack, found in results.attacks.items():
        yield _break_row(section, attack, found.on_route, chance, most, mode, bound)
    best = results.attacks[results.best]
    yield printed(
        section, f"best ({results.best}), placebo stops", best.placebo, results.chance.placebo.value
    )
    detours = max(results.attacks.items(), key=lambda each: each[1].detour.hits)
    yield printed(section, f"detours, best ({detours[0]})", detours[1].detour, results.chance.detour.value)
    both = results.place_and_duration
    yield _break_row(section, "place and duration", both, chance, chance + JOINT_POINTS, mode, bound)
    yield printed(section, "total minutes of the day", results.duration)
    yield printed(section, "minutes of one break, place unknown", results.duration_of_each)


def _break_row(
    section: str, attack: str, found: Share, chance: float, most: float, mode: Mode, bound: bool
) -> Row:
    if mode == "timed":
        return given_away(section, attack, found, chance)
    if bound:
        return promised(section, attack, found, chance, most, "R3")
    return printed(section, attack, found, chance)


def unprotected(results: Results) -> Iterator[Row]:
    """The same on raw data."""
    best = max(found.on_route.value for found in results.attacks.values())
    section = "breaks on raw data"
    yield control(
        section,
        "best of all",
        Share(best * results.chance.on_route.trials, results.chance.on_route.trials),
        BREAKS_MIN,
    )
    for attack, found in results.attacks.items():
        yield printed(section, attack, found.on_route, results.chance.on_route.value)


# Speed.


def speeds(
    fairhaul: Sequence[Route], raw: Sequence[Route], ceiling_mps: float, mode: Mode, seed: int
) -> Iterator[Row]:
    """R4: speeding, and speed at a place; and elastic pathing where any speed is published."""
    section = "speed"
    above, local, bare = speeding(fairhaul, ceiling_mps), local_speed(fairhaul, seed), local_speed(raw, seed)
    if mode == "daily":
        yield promised(section, "lines faster than the ceiling", above, None, 0.0, "R4")
        yield promised(
            section, "at a place, R² beyond another day's", local.gain_over_street, None, GAIN_MAX, "R4"
        )
    else:
        yield given_away(section, "lines faster than the ceiling", above, None)
        yield given_away(section, "at a place, R² beyond another day's", local.gain_over_street, None)
    yield given_away(section, "mean of a line, R²", local.by_line, None)
    yield control(section, "at a place on raw data, R² beyond the line's mean", bare.gain, GAIN_MIN)
    named = elastic_pathing.attacked(fairhaul)
    if named is None:
        yield printed(section, "elastic pathing: no speed is published", math.nan)
    else:
        yield given_away(section, "elastic pathing", named, _value(elastic_pathing.chance(fairhaul)))
    alone = elastic_pathing.attacked(fairhaul, "truth")
    if alone is not None:
        yield printed(
            section,
            "elastic pathing on speed alone",
            alone,
            _value(elastic_pathing.chance(fairhaul, "truth")),
        )


def _value(share: Share | None) -> float | None:
    return share.value if share else None


# Brakings and the crowd.


def brakings(
    fairhaul: Sequence[Route], planes: Mapping[str, Plane], cell_m: float, seed: int
) -> Iterator[Row]:
    """R18: joining brakings to vehicle-days by key, time and order; by space it is printed."""
    section = "brakings joined to their day"
    found = joined(fairhaul, planes, seed, cell_m)
    chance = found["chance"].value
    for attack in ("key", "time", "time_coincidence", "order"):
        yield promised(section, attack, found[attack], chance, chance + POINTS, "R18")
    truck = found["truck_chance"].value
    for attack in ("truck_by_name", "truck_by_age"):
        yield promised(section, attack, found[attack], truck, truck + POINTS, "R18")
    shuffled = found["order_along_shuffled"].value
    yield promised(section, "order along the way", found["order_along"], shuffled, shuffled + POINTS, "R18")
    for attack in ("space", "space_together"):
        yield given_away(section, attack, found[attack], chance)
    style = fingerprinted(fairhaul, planes, seed)
    yield given_away(section, "truck by severity", style.by_style, style.chance.value)
    yield given_away(section, "truck by severity and square", style.by_place, style.chance.value)


def crowd(fairhaul: Sequence[Route], seed: int) -> Iterator[Row]:
    """How few places single out a truck."""
    for points in (1, 2, 3, 4):
        yield given_away(
            "singled out by squares of 100 m",
            f"{points} and the month",
            unicity(fairhaul, points, seed, dated=False),
            None,
        )


def results_of(routes: Sequence[Route], seed: int, judged: Collection[str] | None = None) -> Results:
    """Every attack on the breaks of these routes; `judged`: the names of those that count, None for all."""
    return breaks_attacked(routes, seed, judged)
