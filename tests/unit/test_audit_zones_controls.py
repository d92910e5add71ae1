"""On the seeded city every attack on hidden places succeeds where it must: none of them is broken."""

from __future__ import annotations

import math

import pytest

from agent.agreement import load_agreement
from agent.audit import simulated, verdict
from agent.audit.baselines import raw, zoned
from agent.audit.case import Case, Hidden, Route, Seen
from agent.audit.verdict import Row
from agent.audit.zones import ATTACKS
from agent.audit.zones.controls import CONTROLS, Tracker
from agent.surroundings import EXAMPLE_AGREEMENT

CITY = 3  # its street corners are driven straight across on these days; with one city each corner counts for much
DAYS = 6


@pytest.fixture(scope="module")
def trackers() -> dict[Tracker, list[Route]]:
    """A city's days on the three trackers without Fairhaul."""
    ground, shifts = simulated._ground(CITY), simulated._shifts(CITY, DAYS, 1.5)
    tree = simulated.tree_of(load_agreement(EXAMPLE_AGREEMENT))
    terms, _ = simulated._terms(tree, shifts[0], ground.privates)
    drives = [simulated._Drive(made, terms, ground) for made in shifts]
    empty = [Seen("city", "truck", "2027-03-02", one.duty_s, [], [], [], math.inf) for one in drives]

    def route(days: list[Seen], hidden: list[Hidden]) -> Route:
        return Route("city", [Case(day, one.secrets) for day, one in zip(days, drives, strict=True)], hidden)

    def circled(hidden: list[Hidden]) -> Route:
        places_m = [each.place_m for each in hidden]
        pairs = zip(empty, drives, strict=True)
        return route([zoned(day, one.fixes_m, places_m, one.odometer_m) for day, one in pairs], hidden)

    hidden = ground.hidden(outlined=False)
    bare = [raw(day, one.fixes_m) for day, one in zip(empty, drives, strict=True)]
    depot = [each for each in hidden if each.kind == "depot"]
    return {
        "raw": [route(bare, depot)],
        "zoned": [circled(hidden)],
        "corners": [circled(ground.corners())],
    }


@pytest.fixture(scope="module")
def rows(trackers: dict[Tracker, list[Route]]) -> list[Row]:
    return list(verdict.places([], trackers))


@pytest.mark.parametrize("attack", ATTACKS)
def test_R9_no_attack_on_hidden_places_is_broken(rows: list[Row], attack: str) -> None:
    (control,) = [row for row in rows if row.attack == attack and row.judgement in ("works", "TOO WEAK")]
    assert control.judgement == "works", control
    assert control.chance is not None
    assert control.value > control.chance + 0.3


def test_R9_circle_fit_and_the_metres_of_whole_trips_find_a_depot_s_gate_itself(rows: list[Row]) -> None:
    depot = [row for row in rows if row.section.startswith("round zones: the depot")]
    found = {row.attack: row.value for row in depot}
    assert found["circle fit"] == found["distance and streets"] == 1.0
    assert {row.attack for row in depot} == set(CONTROLS)
