"""What is made of the figures: a promise is broken above its bound and nowhere else, whatever the mode says."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely

from agent.audit import verdict
from agent.audit.breaks import COMBINED, SIGNALS, Found, Results, attacked
from agent.audit.breaks.controls import CONTROLS, RAW
from agent.audit.case import Hidden, Route
from agent.audit.guessing import Share
from agent.audit.verdict import Judged, Mode, Row
from agent.audit.zones import ATTACKS
from tests.unit import audit_breaks_parts as rounds
from tests.unit.zone_parts import days_of, hint, inside, within

SURE = Share(100, 100)
NONE = Share(0, 0)
MODES: tuple[Mode, ...] = ("daily", "timed")


def judgements(rows: list[Row]) -> dict[str, str]:
    return {row.attack: row.judgement for row in rows}


# Rows.


def test_a_promise_is_broken_exactly_above_its_bound() -> None:
    for found, judgement in ((0.19, "holds"), (0.20, "holds"), (0.2001, "BROKEN"), (1.0, "BROKEN")):
        row = verdict.promised("s", "a", found, 0.1, 0.2, "R3")
        assert (row.judgement, row.bound, row.promise) == (judgement, 0.2, "R3")


@pytest.mark.parametrize(("hits", "judgement"), [(20, "holds"), (21, "BROKEN")])
def test_shares_are_judged_by_their_value(hits: int, judgement: str) -> None:
    assert verdict.promised("s", "a", Share(hits, 100), 0.1, 0.2, "R3").judgement == judgement


def test_a_bound_that_was_added_up_is_not_broken_by_the_last_bit() -> None:
    assert verdict.promised("s", "a", 0.3, 0.1, 0.1 + 0.2, "R9").judgement == "holds"
    assert verdict.promised("s", "a", 0.1 + 0.2, 0.1, 0.3, "R9").judgement == "holds"


@pytest.mark.parametrize("found", [NONE, math.nan])
def test_a_promise_of_which_there_was_nothing_to_judge_holds(found: Share | float) -> None:
    row = verdict.promised("s", "a", found, math.nan, math.nan, "R9")
    assert row.judgement == "holds"
    assert not row.has_trials


@pytest.mark.parametrize(
    ("found", "judgement"), [(0.95, "works"), (0.94, "TOO WEAK"), (math.nan, "TOO WEAK")]
)
def test_an_attack_that_fails_where_nothing_is_protected_is_too_weak(found: float, judgement: str) -> None:
    assert verdict.control("s", "a", found, 0.95).judgement == judgement


def test_what_is_not_promised_is_given_away_however_much_it_is() -> None:
    for row in (verdict.given_away("s", "a", SURE, 0.1), verdict.printed("s", "a", SURE)):
        assert row.bound is None
        assert row.promise == ""
        assert Judged([row]).broken == Judged([row]).weak == []


def test_the_broken_and_the_weak_are_named() -> None:
    rows = [
        verdict.promised("s", "broken", 0.5, 0.1, 0.2, "R3"),
        verdict.promised("s", "holds", 0.1, 0.1, 0.2, "R3"),
        verdict.control("s", "weak", 0.5, 0.8),
        verdict.control("s", "works", 0.9, 0.8),
        verdict.given_away("s", "given", 1.0, None),
    ]
    assert [row.attack for row in Judged(rows).broken] == ["broken"]
    assert [row.attack for row in Judged(rows).weak] == ["weak"]


# Breaks.


def on_route(rows: list[Row]) -> dict[str, str]:
    return judgements([row for row in rows if "on the route" in row.section])


def results(best: Share, chance: float = 0.05, both: Share | None = None, by_plan: float = 0.0) -> Results:
    """One attack that found so much, and one that found nothing."""
    found = Found(best, SURE, Share(14, 100))
    nothing = Found(Share(0, 100), Share(0, 100), Share(0, 100))
    by_chance = Share(100 * chance, 100)
    return Results(
        attacks={"strong": found, "weak": nothing},
        chance=Found(by_chance, by_chance, by_chance),
        by_plan=Share(100 * by_plan, 100),
        best="strong",
        duration=SURE,
        duration_of_each=Share(40, 100),
        place_and_duration=both or Share(0, 100),
    )


@pytest.mark.parametrize(
    ("hits", "chance", "judgement"),
    [
        (20, 0.05, "holds"),
        (21, 0.05, "BROKEN"),
        (25, 0.15, "holds"),
        (26, 0.15, "BROKEN"),
        (0, 0.0, "holds"),
    ],
)
def test_R3_breaks_are_bound_by_a_fifth_or_by_ten_points_above_chance(
    hits: int, chance: float, judgement: str
) -> None:
    rows = list(verdict.breaks(1.5, results(Share(hits, 100), chance), "daily", bound=True))
    assert on_route(rows)["strong"] == judgement
    assert on_route(rows)["weak"] == "holds"
    assert {row.promise for row in rows if row.judgement in ("holds", "BROKEN")} == {"R3"}


@pytest.mark.parametrize(("hits", "judgement"), [(44, "holds"), (46, "BROKEN")])
def test_R3_chance_is_the_better_of_guessing_anywhere_and_by_the_plan(hits: int, judgement: str) -> None:
    given = results(Share(hits * 10, 1000), chance=0.26, by_plan=0.35)
    rows = list(verdict.breaks(1.5, given, "daily", bound=True))
    assert on_route(rows)["strong"] == judgement
    assert {row.chance for row in rows if row.attack == "strong" and row.promise} == {0.35}


@pytest.mark.parametrize(("hits", "judgement"), [(7, "holds"), (8, "too few"), (14, "BROKEN")])
def test_R3_place_and_duration_together_are_bound_by_two_points_above_the_place_s_chance(
    hits: int, judgement: str
) -> None:
    rows = list(verdict.breaks(1.5, results(Share(0, 100), both=Share(hits, 100)), "daily", bound=True))
    assert judgements(rows)["place and duration"] == judgement


def test_R3_detours_placebos_and_minutes_are_printed() -> None:
    rows = list(verdict.breaks(1.5, results(Share(0, 100)), "daily", bound=True))
    beside = {row.attack: row.value for row in rows if row.judgement == "printed"}
    assert beside == {
        "best (strong), placebo stops": 0.14,
        "strong": 1.0,
        "weak": 0.0,
        "chance: anywhere on the way": 0.05,
        "chance: usual hours on the plan of the round": 0.0,
        "total minutes of the day": 1.0,
        "minutes of one break, place unknown": 0.4,
    }


def test_R3_of_detours_every_attack_is_printed_beside_chance() -> None:
    rows = list(verdict.breaks(1.5, results(Share(0, 100)), "daily", bound=True))
    detours = {
        row.attack: (row.value, row.chance) for row in rows if row.section.startswith("breaks on detours")
    }
    assert detours == {"strong": (1.0, 0.05), "weak": (0.0, 0.05)}


def test_R3_what_an_attack_that_succeeds_nowhere_does_not_find_proves_nothing() -> None:
    found = results(Share(50, 100))
    rows = list(verdict.breaks(1.5, found, "daily", {"weak", "strong"}, bound=True))
    assert on_route(rows)["weak"] == "proves nothing"
    assert on_route(rows)["strong"] == "BROKEN"  # what it does find counts


def test_R3_every_attack_must_succeed_somewhere() -> None:
    names = [*SIGNALS, *COMBINED]
    nothing, most = Found(Share(1, 100), NONE, NONE), Found(Share(99, 100), NONE, NONE)
    given = results(SURE)._replace(attacks=dict.fromkeys(names, most), best=names[0])
    faulty = {name: Share(99, 100) for name, control in CONTROLS.items() if control.where != RAW}
    rows = list(verdict.proven(given, faulty))
    assert {row.attack.partition(": ")[0] for row in rows if row.judgement == "works"} == set(names)
    assert verdict.unproven(rows) == set()
    weak = list(verdict.proven(given._replace(attacks=given.attacks | {"step change": nothing}), faulty))
    assert verdict.unproven(weak) == {"step change"}
    weak = list(verdict.proven(given, faulty | {"gap in space": Share(1, 100)}))
    assert verdict.unproven(weak) == {"gap in space"}
    assert verdict.unproven(list(verdict.proven(given, faulty | {"gap in space": NONE}))) == set()


def test_R3_breaks_in_a_circle_are_not_looked_for_where_round_zones_hide_them() -> None:
    (route,) = rounds.routes(rounds.raw, count=1, days=1)
    first, second = route.cases[0].secrets.breaks
    hidden = Hidden("off_limits", (first.place_m[0] + 199.0, first.place_m[1]), shapely.Polygon())
    (shown,) = verdict.uncircled([route._replace(hidden=[hidden])])
    assert first not in shown.cases[0].secrets.breaks
    assert verdict.uncircled([route])[0].cases[0].secrets.breaks == [first, second]


def test_R3_at_another_receiver_noise_breaks_are_printed_alone() -> None:
    rows = list(verdict.breaks(4.0, results(SURE, both=SURE), "daily", bound=False))
    assert {row.judgement for row in rows} == {"printed"}
    assert "4 m" in rows[0].section


@pytest.mark.parametrize("bound", [True, False])
def test_R3_a_timed_agreement_gives_breaks_away_and_never_breaks_a_promise(bound: bool) -> None:
    rows = list(verdict.breaks(1.5, results(SURE, both=SURE), "timed", bound=bound))
    found = on_route(rows)
    assert found["strong"] == found["weak"] == found["place and duration"] == "given away"
    assert Judged(rows).broken == []


@pytest.mark.parametrize(("hits", "judgement"), [(95, "works"), (94, "TOO WEAK")])
def test_R3_on_raw_data_the_best_attack_must_find_nearly_every_break(hits: int, judgement: str) -> None:
    first, *others = verdict.unprotected(results(Share(hits, 100)))
    assert (first.judgement, first.found) == (judgement, Share(pytest.approx(hits), 100))
    assert judgements(others) == {"strong": "printed", "weak": "printed"}


def test_R3_the_attacks_of_a_whole_audit_become_rows() -> None:
    """Real attackers on a made-up round: a line a minute gives its breaks away."""
    timed = attacked(rounds.routes(rounds.timed, count=1, days=2), 1)
    rows = list(verdict.breaks(1.5, timed, "timed", bound=True))
    assert max(row.value for row in rows if row.judgement == "given away") > 0.9


@pytest.mark.parametrize(("days", "judgement"), [(9, "works"), (8, "TOO WEAK"), (0, "TOO WEAK")])
def test_an_agent_that_publishes_nothing_proves_nothing(days: int, judgement: str) -> None:
    (route,) = rounds.routes(rounds.daily, count=1, days=10)
    emptied = [case._replace(seen=case.seen._replace(lines=[])) for case in route.cases[days:]]
    row = verdict.shown([route._replace(cases=[*route.cases[:days], *emptied])])
    assert (row.judgement, row.found) == (judgement, Share(days, 10))


# Hidden places.


def town(number: int, radius_m: float | None) -> Route:
    """Six days round a place of which the agreement shows an outline that says little, or a circle round it."""
    rng = np.random.default_rng(number)
    place_m = rng.uniform(-200, 200, 2)
    ground = hint(rng, place_m)
    days = days_of(rng, within(place_m, radius_m) if radius_m else inside(ground))
    cases = [
        rounds.Case(day, rounds.Secrets([], np.empty((0, 2)), np.empty(0), np.empty((0, 2)), []))
        for day in days
    ]
    return Route("town", cases, [Hidden("off_limits", (float(place_m[0]), float(place_m[1])), ground)])


@pytest.fixture(scope="module")
def of_places() -> list[Row]:
    return list(verdict.places([town(1, None)], {"zoned": [town(2, 200.0)]}))


def test_R9_every_attack_on_places_off_limits_and_on_the_depot_is_bound_at_50_m(of_places: list[Row]) -> None:
    bound = [row for row in of_places if row.promise == "R9"]
    assert {row.section for row in bound} == {"places off limits, within 50 m", "the depot, within 50 m"}
    assert len(bound) == 2 * len(ATTACKS)
    assert all(row.judgement in ("holds", "proves nothing", "BROKEN") for row in bound)
    for row in bound:
        if row.has_trials:
            assert row.chance is not None
            assert row.bound == pytest.approx(row.chance + 0.1)


def test_R9_at_23_m_figures_are_printed(of_places: list[Row]) -> None:
    rows = [row for row in of_places if "23 m" in row.section]
    assert {row.judgement for row in rows} == {"printed"}


def test_R9_every_attack_must_succeed_on_some_tracker(of_places: list[Row]) -> None:
    controls = [row for row in of_places if row.judgement in ("works", "TOO WEAK")]
    assert sorted(row.attack for row in controls) == sorted(ATTACKS)
    assert judgements(controls)["circle fit"] == "works"
    circles = [row for row in of_places if row.section.startswith("round zones: places off limits")]
    assert [row.attack for row in circles] == list(ATTACKS)


def test_R9_what_an_attack_does_not_find_proves_nothing_where_it_succeeds_nowhere(
    of_places: list[Row],
) -> None:
    """Of the trackers there is only the one with round zones, and no depot in it."""
    rows = judgements([row for row in of_places if row.section == "places off limits, within 50 m"])
    assert rows["circle fit"] == "holds"
    assert {rows[attack] for attack in ("ray crossings", "last destination", "stay points")} == {
        "proves nothing"
    }


def test_R9_a_place_that_is_found_breaks_the_promise() -> None:
    """What the agreement draws is a circle round the secret, in the place of an outline that says little."""
    rows = list(verdict.places([town(2, 200.0)], {}))
    assert "circle fit" in {row.attack for row in Judged(rows).broken}


def test_R9_without_a_hidden_place_there_is_nothing_to_judge() -> None:
    rows = list(verdict.places([town(1, None)._replace(hidden=[])], {}))
    assert not any(row.has_trials for row in rows)
    assert Judged(rows).broken == []


# Speed.


def of_speed(ceiling_mps: float, mode: Mode) -> dict[str, Row]:
    fairhaul, bare = (rounds.routes(kind, count=2, days=2) for kind in (rounds.daily, rounds.raw))
    return {row.attack: row for row in verdict.speeds(fairhaul, bare, ceiling_mps, mode, 1)}


def test_R4_a_line_faster_than_the_ceiling_breaks_a_daily_promise() -> None:
    above = "lines faster than the ceiling"
    assert of_speed(25.0, "daily")[above].judgement == "holds"
    slow = of_speed(1.0, "daily")[above]
    assert (slow.judgement, slow.promise) == ("BROKEN", "R4")


def test_R4_a_timed_agreement_gives_speed_away() -> None:
    rows = of_speed(1.0, "timed")
    assert rows["lines faster than the ceiling"].value > 0
    assert Judged(list(rows.values())).broken == []


def test_R4_without_any_speed_there_is_none_to_follow() -> None:
    rows = of_speed(25.0, "daily")
    assert not rows["elastic pathing: no speed is published"].has_trials


def test_R4_attacks_on_speed_must_succeed_on_raw_data() -> None:
    rows = of_speed(25.0, "daily")
    without = {attack: row.judgement for attack, row in rows.items() if "on raw data" in attack}
    assert set(without) == {
        "lines faster than 15 m/s on raw data",
        "at a place on raw data, R² beyond the line's mean",
        "elastic pathing on raw data, within 500 m",
        "elastic pathing on raw data, within 250 m",
    }
    # These trucks drive 5 m/s.
    assert without["lines faster than 15 m/s on raw data"] == "TOO WEAK"
    assert without["elastic pathing on raw data, within 250 m"] == "printed"


@pytest.mark.parametrize(
    ("hits", "trials", "chance", "judgement"),
    [(1, 1, 0.3, "too few"), (1, 1, 0.02, "BROKEN"), (9, 20, 0.3, "too few"), (45, 100, 0.3, "BROKEN")],
)
def test_more_than_the_bound_breaks_a_promise_when_luck_does_not_explain_it(
    hits: int, trials: int, chance: float, judgement: str
) -> None:
    row = verdict.promised("s", "a", Share(hits, trials), chance, chance + 0.1, "R3")
    assert row.judgement == judgement
