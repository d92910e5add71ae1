"""Brakings and the crowd: what is promised, what is given away, and that the attacks succeed without Fairhaul."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.audit import fleet
from agent.audit.case import Arrival, Braking, Route
from agent.audit.verdict import Judged, Row
from tests.unit import audit_breaks_parts as rounds
from tests.unit import test_audit_joining as streets
from tests.unit.test_audit_planted import PLANES, RAW

Leak = Callable[[int, str, Arrival], Arrival]
TRUCKS = {"truck by severity", "truck by severity and square"}


def rows_of(route: Route, raw: list[Route]) -> list[Row]:
    return list(fleet.brakings([route], raw, {route.name: streets.PLANE} | PLANES, 100.0, 1))


def of_brakings(leak: Leak | None = None) -> list[Row]:
    return rows_of(streets.route(change=leak) if leak else streets.route(), RAW)


def promised_or_given(rows: list[Row]) -> dict[str, str]:
    return {row.attack: row.judgement for row in rows if row.section == "brakings joined to their day"}


def test_R18_brakings_that_share_nothing_are_not_joined() -> None:
    rows = of_brakings()
    assert {row.promise for row in rows if row.judgement == "holds"} == {"R18"}
    assert Judged(rows).broken == []


def test_R18_a_shared_key_breaks_the_promise() -> None:
    rows = of_brakings(lambda day, vehicle, arrival: arrival._replace(epoch=f"epoch-of-{vehicle}"))
    assert ("key", "R18") in [(row.attack, row.promise) for row in Judged(rows).broken]


def test_R18_key_time_and_order_are_bound_and_space_is_given_away() -> None:
    found = promised_or_given(of_brakings())
    given = {attack for attack, judgement in found.items() if judgement == "given away"}
    assert given == {"space", "space_together"} | TRUCKS
    assert {"key", "time", "time_coincidence", "order", "order along the way"} <= set(found) - given
    # The made-up trucks all go along one street: there the order of the way says nothing even without Fairhaul.
    assert found.pop("order along the way") == "proves nothing"
    assert {found[attack] for attack in set(found) - given} == {"holds"}


def test_R18_without_a_braking_there_is_nothing_to_judge() -> None:
    route = streets.route(change=lambda day, vehicle, arrival: arrival._replace(records=[]))
    rows = rows_of(route, [])
    assert not any(row.has_trials for row in rows)
    assert Judged(rows).broken == []
    assert "proves nothing" not in {row.judgement for row in rows}


def test_R18_where_brakings_come_with_their_day_every_attack_must_succeed() -> None:
    without = [row for row in of_brakings() if row.section != "brakings joined to their day"]
    found = {row.attack: row.judgement for row in without}
    assert set(found) == set(fleet.JOINED) | TRUCKS
    # A round of one street, driven once: all its days have the same order.
    assert {attack for attack, judgement in found.items() if judgement == "TOO WEAK"} <= {
        "order along the way"
    }


def test_R18_what_an_attack_that_succeeds_nowhere_does_not_join_proves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    too_much = {name: by._replace(least=1.1) for name, by in fleet.JOINED.items()}
    monkeypatch.setattr(fleet, "JOINED", too_much)
    found = promised_or_given(of_brakings())
    assert found["key"] == found["time"] == "proves nothing"
    assert found["space"] == "given away"


def test_a_truck_is_looked_for_in_squares_of_the_agreement_s_size() -> None:
    """Each record lies 100 m from the braking that explains it: in a square of 250 m, and in none of 100 m."""
    cases = [
        case._replace(
            secrets=case.secrets._replace(brakings=[Braking(1.0, (550.0, 150.0 + 300.0 * day))]),
        )
        for day, case in enumerate(streets.late(300.0).cases)
    ]
    for cell_m, trials in ((250.0, 2), (100.0, 0)):  # half of the days are learned from
        rows = fleet.brakings([Route("a", cases, [])], [], {"a": streets.PLANE}, cell_m, 1)
        found = {row.attack: row.found for row in rows if row.section == "brakings joined to their day"}
        assert [found[attack].trials for attack in sorted(TRUCKS)] == [trials, trials]


def test_how_few_places_single_out_a_truck_is_given_away_and_on_raw_data_they_must() -> None:
    days = rounds.routes(rounds.daily, count=2, days=2)
    *rows, without = fleet.crowd(days, rounds.routes(rounds.raw, count=2, days=2), 1)
    assert [row.attack[0] for row in rows] == ["1", "2", "3", "4"]
    assert {row.judgement for row in rows} == {"given away"}
    assert without.bound == fleet.CROWD_MIN
