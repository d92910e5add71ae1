"""What the attacks found, each beside chance, beside what it finds on trackers without Fairhaul, and its promise."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from agent.audit import elastic_pathing
from agent.audit.baselines import ZONE_M
from agent.audit.breaks import Results, controls
from agent.audit.breaks.combined import HOUR, LINEAR, TREES
from agent.audit.case import Case, HiddenKind, Route
from agent.audit.guessing import Share
from agent.audit.simulated import Versions
from agent.audit.speed import local_speed, speeding
from agent.audit.zones import (
    ATTACKS,
    CHANCE,
    Guessed,
    as_rows,
    by_map,
    differenced,
    guesses,
    of_kind,
    without_place,
)
from agent.audit.zones import shares as zone_shares
from agent.audit.zones.controls import CONTROLS, Tracker

POINTS = 0.10  # an attack may find so much more than chance does
BREAKS_MAX = 0.20  # and breaks this much, whatever chance is
JOINT_POINTS = 0.02
GAIN_MAX = 0.02  # of R², from the points of one day beyond those of another
# What attacks must reach where nothing is protected, or they are broken.
BREAKS_MIN, TREES_MIN, GAIN_MIN = 0.95, 0.90, 0.30
SPEEDING_MIN, ELASTIC_MIN = 0.90, 0.50
DRIVEN_MPS = 15.0  # which every truck exceeds on its way to the landfill
SHOWN_MIN = 0.90  # of vehicle-days
ZONE_WITHIN_M = (50.0, 23.0)
NO_TRIAL = Share(0, 0)

Mode = Literal["daily", "timed"]
Judgement = Literal[
    "holds", "BROKEN", "given away", "works", "TOO WEAK", "proves nothing", "too few", "printed"
]


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
BY_MAP = "chance: a street map and the outline"
KINDS: Mapping[HiddenKind, str] = {"off_limits": "places off limits", "depot": "the depot"}


TRACKERS: Mapping[Tracker, str] = {
    "zoned": "round zones",
    "corners": "round zones round street corners",
    "raw": "raw data",
}


def places(fairhaul: Sequence[Route], trackers: Mapping[Tracker, Sequence[Route]]) -> Iterator[Row]:
    """R9: every attack on every kind of hidden place, at 50 m and at 23 m, and the same where little protects them."""
    without = list(_without_fairhaul(trackers))
    unproven = {row.attack for row in without if row.judgement == "TOO WEAK"}
    ours = [answer for route in fairhaul for answer in guesses(route)]
    for (kind, words), within_m in itertools.product(KINDS.items(), ZONE_WITHIN_M):
        section = f"{words}, within {within_m:g} m"
        yield from (proving(row, unproven) for row in _places_of(of_kind(ours, kind), section, within_m))
    yield from without


def proving(row: Row, unproven: Collection[str]) -> Row:
    """What a broken attack does not find proves nothing; what it finds does."""
    if row.judgement == "holds" and row.attack in unproven:
        return row._replace(judgement="proves nothing")
    return row


def _without_fairhaul(trackers: Mapping[Tracker, Sequence[Route]]) -> Iterator[Row]:
    """Every attack on every tracker without Fairhaul, and on one of them at least so much."""
    within_m = ZONE_WITHIN_M[0]
    for (tracker, name), (kind, words) in itertools.product(TRACKERS.items(), KINDS.items()):
        answers = of_kind([each for route in trackers.get(tracker, ()) for each in guesses(route)], kind)
        found = zone_shares(answers, within_m)
        section = f"{name}: {words}, within {within_m:g} m"
        for attack, (where, what, least) in CONTROLS.items():
            share, chance = found.get(attack, NO_TRIAL), found[CHANCE].value
            if (where, what) == (tracker, kind):
                yield control(section, attack, share, least)._replace(chance=chance)
            elif answers:
                yield printed(section, attack, share, chance)


def versions(found: Sequence[Versions]) -> Iterator[Row]:
    """R9: places that a later version of the agreement takes out of what an earlier one published.

    What that shows is where streets run inside the new outline, so chance is also what a street map alone finds.
    """
    section, answers = "two versions of an agreement", []
    for one in found:
        for hidden in one.hidden:
            target = without_place(hidden)
            guess_m, map_m = differenced(one.before, one.after, target), by_map(target, one.streets_m)
            answers.append(Guessed(hidden, {DIFFERENCED: as_rows(guess_m), BY_MAP: as_rows(map_m)}))
    for within_m in ZONE_WITHIN_M:
        shares, within = zone_shares(answers, within_m), f"within {within_m:g} m"
        share, of_map = (shares.get(name, NO_TRIAL) for name in (DIFFERENCED, BY_MAP))
        chance = max(shares[CHANCE].value, of_map.value)
        yield _place_row(section, f"{DIFFERENCED}, {within}", share, chance, within_m)
        yield printed(section, f"{BY_MAP}, {within}", of_map)


def _places_of(answers: Sequence[Guessed], section: str, within_m: float) -> Iterator[Row]:
    found = zone_shares(answers, within_m)
    for attack in ATTACKS:
        yield _place_row(section, attack, found.get(attack, NO_TRIAL), found[CHANCE].value, within_m)


def _place_row(section: str, attack: str, share: Share, chance: float, within_m: float) -> Row:
    """Promised within the first of ZONE_WITHIN_M; within the other it is printed."""
    if within_m == ZONE_WITHIN_M[0]:
        return promised(section, attack, share, chance, chance + POINTS, "R9")
    return printed(section, attack, share, chance)


# Breaks.


def breaks(
    noise_m: float, results: Results, mode: Mode, unproven: Collection[str] = (), *, bound: bool
) -> Iterator[Row]:
    """R3: every attack on breaks; bound where the agreement promises and the noise is the one it promises for.

    Chance is the better of two that know nothing of the day: anywhere on the way, and usual hours on the plan.

    `unproven`: attacks that fail even where they must succeed.
    """
    section = f"breaks on the route, receiver noise {noise_m:g} m"
    chance = max(results.chance.on_route.value, results.by_plan.value)
    most = max(BREAKS_MAX, chance + POINTS)
    for attack, found in results.attacks.items():
        yield proving(_break_row(section, attack, found.on_route, chance, most, mode, bound), unproven)
    best = results.attacks[results.best]
    yield printed(
        section, f"best ({results.best}), placebo stops", best.placebo, results.chance.placebo.value
    )
    yield printed(section, "chance: anywhere on the way", results.chance.on_route)
    yield printed(section, "chance: usual hours on the plan of the round", results.by_plan)
    both = results.place_and_duration
    yield _break_row(section, "place and duration", both, chance, chance + JOINT_POINTS, mode, bound)
    yield printed(section, "total minutes of the day", results.duration)
    yield printed(section, "minutes of one break, place unknown", results.duration_of_each)
    section = f"breaks on detours, receiver noise {noise_m:g} m"
    for attack, found in results.attacks.items():
        yield printed(section, attack, found.detour, results.chance.detour.value)


def _break_row(
    section: str, attack: str, found: Share, chance: float, most: float, mode: Mode, bound: bool
) -> Row:
    if mode == "timed":
        return given_away(section, attack, found, chance)
    if bound:
        return promised(section, attack, found, chance, most, "R3")
    return printed(section, attack, found, chance)


def unprotected(results: Results, where: str = "raw data") -> Iterator[Row]:
    """The same on a tracker without Fairhaul."""
    best = max(found.on_route.value for found in results.attacks.values())
    section, chance = f"breaks on {where}", results.chance.on_route
    yield control(section, "best of all", Share(best * chance.trials, chance.trials), BREAKS_MIN)
    for attack, found in results.attacks.items():
        yield printed(section, attack, found.on_route, chance.value)


def uncircled(zoned: Sequence[Route]) -> list[Route]:
    """The same routes without the breaks that a circle hides: a tracker with round zones shows the others."""
    return [
        route._replace(
            cases=[_uncircled(case, [each.place_m for each in route.hidden]) for case in route.cases]
        )
        for route in zoned
    ]


def _uncircled(case: Case, hidden_m: Sequence[tuple[float, float]]) -> Case:
    shown = [
        taken
        for taken in case.secrets.breaks
        if all(math.dist(taken.place_m, place_m) > ZONE_M for place_m in hidden_m)
    ]
    return case._replace(secrets=case.secrets._replace(breaks=shown))


def proven(raw: Results, faulty: Mapping[str, Share]) -> Iterator[Row]:
    """Each attack on breaks where it must succeed: on raw data, or on a tracker with the fault that it looks for."""
    least = {LINEAR: BREAKS_MIN, TREES: TREES_MIN, HOUR: raw.chance.on_route.value + POINTS}
    musts = dict(controls.CONTROLS) | {
        attack: controls.Control(controls.RAW, each) for attack, each in least.items()
    }
    for attack, (where, enough) in musts.items():
        share = faulty.get(attack, raw.attacks[attack].on_route)
        yield control("breaks, where each attack must succeed", f"{attack}: {where}", share, enough)


def unproven(rows: Sequence[Row]) -> set[str]:
    """The attacks that fail in these rows, in which they must succeed."""
    return {row.attack.partition(": ")[0] for row in rows if row.judgement == "TOO WEAK" and row.has_trials}


# Speed.


def speeds(
    fairhaul: Sequence[Route], raw: Sequence[Route], ceiling_mps: float, mode: Mode, seed: int
) -> Iterator[Row]:
    """R4: speeding, and speed at a place; and elastic pathing where any speed is published."""
    section = "speed"
    above, local, bare = speeding(fairhaul, ceiling_mps), local_speed(fairhaul, seed), local_speed(raw, seed)
    for attack, found, most in (
        ("lines faster than the ceiling", above, 0.0),
        ("at a place, R² beyond another day's", local.gain_over_street, GAIN_MAX),
    ):
        if mode == "daily":
            yield promised(section, attack, found, None, most, "R4")
        else:
            yield given_away(section, attack, found, None)
    yield given_away(section, "mean of a line, R²", local.by_line, None)
    yield control(section, "at a place on raw data, R² beyond the line's mean", bare.gain, GAIN_MIN)
    yield control(
        section, f"lines faster than {DRIVEN_MPS:g} m/s on raw data", speeding(raw, DRIVEN_MPS), SPEEDING_MIN
    )
    yield from _elastic(fairhaul, raw)


def _elastic(fairhaul: Sequence[Route], raw: Sequence[Route]) -> Iterator[Row]:
    """The end of a drive from its speed; on raw data it must be named to what the paper counts."""
    section = "speed"
    named = elastic_pathing.attacked(fairhaul)
    if not named:
        yield printed(section, "elastic pathing: no speed is published", math.nan)
    for within_m, found, chance in named:
        yield given_away(section, f"elastic pathing, within {within_m:g} m", found, chance.value)
    for within_m, found, chance in elastic_pathing.attacked(raw):
        attack = f"elastic pathing on raw data, within {within_m:g} m"
        if within_m == elastic_pathing.WITHIN_M[0]:
            yield control(section, attack, found, ELASTIC_MIN)._replace(chance=chance.value)
        else:
            yield printed(section, attack, found, chance.value)
