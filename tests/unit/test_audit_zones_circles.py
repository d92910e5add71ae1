"""Circle fit finds round zones that are centred on their secret, and no others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import shapely

from agent.audit.case import Case, Route, Secrets
from agent.audit.guessing import Share
from agent.audit.zones import ATTACKS, CHANCE, DISCOVERED, guessed, guesses, of_kind, shares
from tests.unit.zone_parts import days_of, hidden, hint, inside, off_limits, within

CASES = 12


def _found(attack: str, radius_m: float, within_m: float) -> float:
    hits = 0
    for seed in range(CASES):
        rng = np.random.default_rng(seed)
        place_m = rng.uniform(-300, 300, 2)
        days = days_of(rng, within(place_m, radius_m), count=3)
        guess_m = ATTACKS[attack](days, off_limits(hint(rng, place_m)))
        hits += guess_m is not None and bool(np.hypot(*(guess_m - place_m)) <= within_m)
    return hits / CASES


def test_a_round_zone_of_known_radius_is_found():
    assert _found("circle fit", 200.0, 50.0) >= 0.8
    assert _found("circle fit", 200.0, 23.0) >= 0.8


@pytest.mark.parametrize("radius_m", [130.0, 200.0, 330.0])
def test_a_round_zone_of_unknown_radius_is_found(radius_m: float):
    assert _found("circle fit, radius unknown", radius_m, 50.0) >= 0.8


def _secrets() -> Secrets:
    nothing = np.empty((0, 2))
    return Secrets([], nothing, np.empty(0), nothing, [])


def _route(seed: int, *, centred: bool) -> Route:
    """A round zone round its secret; or one that was drawn, with the secret anywhere in it."""
    rng = np.random.default_rng(seed)
    drawn_m = rng.uniform(-300, 300, 2)
    if centred:
        days, place = days_of(rng, within(drawn_m, 200.0), count=2), hidden(drawn_m, hint(rng, drawn_m))
    else:
        ground = shapely.Point(drawn_m).buffer(200.0)
        turn, off_m = rng.uniform(0, 2 * np.pi), 200 * np.sqrt(rng.uniform())
        place_m = drawn_m + off_m * np.array([np.cos(turn), np.sin(turn)])
        days, place = days_of(rng, inside(ground), count=2), hidden(place_m, ground)
    return Route(f"town {seed}", [Case(each, _secrets()) for each in days], [place])


CONTROLLED = ("circle fit", "circle fit, radius unknown", "heading rays", "ray crossings")


def _shares(routes: list[Route], names: Sequence[str]) -> dict[str, Share]:
    """Of some attacks only: the street graph takes its time."""
    some = {name: ATTACKS[name] for name in names}
    return shares([answer for route in routes for answer in guessed(route, some)], 50.0)


def test_a_zone_drawn_beside_its_secret_gives_the_attacks_no_more_than_chance():
    found = _shares([_route(seed, centred=False) for seed in range(40)], CONTROLLED)
    for attack in (*CONTROLLED, DISCOVERED):
        assert found[attack].value <= found[CHANCE].value + 0.10, attack


def test_zones_are_discovered_without_any_ground():
    assert _shares([_route(seed, centred=True) for seed in range(8)], ())[DISCOVERED].value >= 0.8


def test_shares_count_the_places_of_a_route():
    found = shares(guesses(_route(1, centred=True)), 50.0)
    assert set(found) == {*ATTACKS, CHANCE, DISCOVERED}
    assert {share.trials for share in found.values()} == {1}


def test_shares_can_be_asked_for_one_kind_of_place():
    answers = guessed(_route(1, centred=True), {})
    assert [shares(of_kind(answers, kind), 50.0)[CHANCE].trials for kind in ("off_limits", "depot")] == [1, 0]
