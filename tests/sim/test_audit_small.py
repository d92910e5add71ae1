"""The attack test on a few short days, whole: what is planted is found, and what is not protected is.

Two cities, two days of three hours each, one break a day on the route, through which the crew forgets its switch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from agent.agreement import load_agreement
from agent.audit import simulated
from agent.audit.breaks import SIGNALS, attacked, days_of_route
from agent.audit.case import Route
from agent.audit.guessing import Share, best, is_near
from agent.audit.simulated import Driven, Wanted
from agent.audit.zones import ATTACKS, guessed, of_kind, shares
from agent.records import day_number
from agent.surroundings import EXAMPLES
from drivers.simulate import Shift, shift
from tests.mutants import dwelling

SEEDS = (7, 12)
HOURS, DAYS, NOISE_M = 3.0, 2, 1.5
BREAKS = len(SEEDS) * DAYS
HERE_M = 50.0
NEAR_A_MONTHS_END = day_number("2027-03-27")  # a replay goes on until brakings have left: not for two months


def forgetful(*arguments: Any, **named: Any) -> Shift:
    """A shift whose crew leaves the switch and the engine on during breaks."""
    made = shift(*arguments, **named)
    made.breaks = [taken._replace(switched_off=False, ignition_off=False) for taken in made.breaks]
    return made


@pytest.fixture(scope="module", autouse=True)
def reduced() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulated, "HOURS", HOURS)
        patch.setattr(simulated, "DAYS_A_ROUTE", DAYS)
        # So many gaps would leave few whole stretches in so few streets.
        patch.setattr(simulated, "PRIVATE_PLACES", 0)
        patch.setattr(simulated, "FIRST_DAY", NEAR_A_MONTHS_END)
        patch.setattr(simulated, "shift", forgetful)
        simulated._ground.cache_clear()
        yield
    simulated._ground.cache_clear()


def driven(name: str) -> Driven:
    tree = simulated.tree_of(load_agreement(EXAMPLES / "agreements" / f"{name}.yaml"))
    tree["streams"]["harsh_braking"]["held"] = "1 day"
    cities = [simulated.driven(Wanted(tree, DAYS, seed, NOISE_M), 1) for seed in SEEDS]
    return Driven(
        *([route for city in cities for route in city[kind]] for kind in range(len(Driven._fields)))
    )


@pytest.fixture(scope="module")
def sound(reduced: None) -> Driven:
    return driven("routes-and-safety")


@pytest.fixture(scope="module")
def timed(reduced: None) -> Driven:
    return driven("operations")


@pytest.fixture(scope="module")
def uncapped(reduced: None) -> Driven:
    """The same truck with a leak: all of a standstill is running time."""
    with pytest.MonkeyPatch.context() as patch:
        dwelling.uncapped(patch)
        return driven("routes-and-safety")


def found(attack: str, routes: list[Route]) -> Share:
    """Breaks near one of four guesses a day."""
    hits = []
    for route in routes:
        for day, case in zip(days_of_route(route), route.cases, strict=True):
            guesses_m = best(day.candidates.places_m, SIGNALS[attack](day))
            hits += [is_near(guesses_m, taken.place_m) for taken in case.secrets.breaks]
    return Share(sum(hits), len(hits))


def at_breaks(attack: str, routes: list[Route]) -> list[float]:
    """The score that an attack gives to the place of each break; one of the four lies in withheld metres."""
    scores = []
    for route in routes:
        for day, case in zip(days_of_route(route), route.cases, strict=True):
            for taken in case.secrets.breaks:
                off_m = np.hypot(*(day.candidates.places_m - taken.place_m).T)
                if (off_m < HERE_M).any():
                    scores.append(float(SIGNALS[attack](day)[off_m < HERE_M].max()))
    assert len(scores) == BREAKS - 1
    return scores


def test_the_few_days_are_what_they_should_be(sound: Driven) -> None:
    cases = [case for route in sound.fairhaul for case in route.cases]
    assert [taken.kind for case in cases for taken in case.secrets.breaks] == ["on_route"] * BREAKS
    assert all(case.seen.lines for case in cases)


def test_R3_the_audit_finds_breaks_when_the_cap_on_standstills_is_lost(
    sound: Driven, uncapped: Driven
) -> None:
    for attack, times in (("excess over other days", 1.2), ("clock saturation", 1.8)):
        before, after = (at_breaks(attack, each.fairhaul) for each in (sound, uncapped))
        assert all(leaky > times * tight > 0 for tight, leaky in zip(before, after, strict=True))
    hits = [found("excess over other days", each.fairhaul).hits for each in (sound, uncapped)]
    assert hits[0] < hits[1]


def test_R3_the_audit_finds_breaks_when_records_leave_every_minute(sound: Driven, timed: Driven) -> None:
    assert found("arrival deficit", timed.fairhaul) == Share(BREAKS, BREAKS)
    assert set(at_breaks("arrival deficit", sound.fairhaul)) == {0.0}


def test_R3_every_break_is_found_in_raw_data(sound: Driven) -> None:
    results = attacked(sound.raw, 1)
    assert results.attacks[results.best].on_route == Share(BREAKS, BREAKS)


def test_R9_circle_fit_finds_places_in_the_middle_of_round_zones(sound: Driven) -> None:
    """Three of four: short days do not come by each place from all sides."""
    some = {"circle fit": ATTACKS["circle fit"]}
    zoned, ours = (
        shares(of_kind([each for route in routes for each in guessed(route, some)], "off_limits"), HERE_M)
        for routes in (sound.zoned, sound.fairhaul)
    )
    assert zoned["circle fit"].trials == 4
    assert zoned["circle fit"].hits >= 3
    assert ours["circle fit"].hits < zoned["circle fit"].hits
