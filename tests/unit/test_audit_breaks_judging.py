"""Attacks on breaks that are trained, and how all of them are judged."""

from __future__ import annotations

import numpy as np
import pytest

from agent.audit.breaks import COMBINED, SIGNALS, Results, attacked
from agent.audit.breaks.combined import learned, lessons_of
from agent.audit.breaks.judging import placebos_m
from agent.audit.case import Break, Secrets
from agent.audit.guessing import best, is_near
from tests.unit.audit_breaks_parts import daily, raw, routes, timed


@pytest.fixture(scope="module")
def of_raw() -> Results:
    return attacked(routes(raw, count=3, days=3), 1)


@pytest.fixture(scope="module")
def of_daily() -> Results:
    return attacked(routes(daily, count=5, days=4), 1)


def test_every_attack_is_judged_by_name(of_raw: Results) -> None:
    assert set(of_raw.attacks) == {*SIGNALS, *COMBINED}
    assert of_raw.attacks[of_raw.best].on_route.hits == max(
        one.on_route.hits for one in of_raw.attacks.values()
    )


def test_the_best_attack_on_raw_tracks_finds_breaks_and_their_minutes(of_raw: Results) -> None:
    assert of_raw.attacks[of_raw.best].on_route.value >= 0.95
    assert of_raw.attacks["combined, linear"].on_route.value >= 0.8
    by_chance = of_raw.chance.on_route.value * of_raw.duration_of_each.value
    assert of_raw.place_and_duration.value > by_chance + 0.3


def test_placebos_are_found_less_often_than_breaks(of_raw: Results) -> None:
    best_of_all = of_raw.attacks[of_raw.best]
    assert best_of_all.placebo.trials == best_of_all.on_route.trials == 18
    assert best_of_all.placebo.value < 0.5


def test_detours_without_any_have_no_trial(of_raw: Results) -> None:
    assert of_raw.chance.detour.trials == of_raw.attacks[of_raw.best].detour.trials == 0


def test_kilometres_of_a_later_day_do_not_lead_a_trained_attacker_to_breaks(of_daily: Results) -> None:
    for name in COMBINED:
        assert of_daily.attacks[name].on_route.interval[0] <= of_daily.chance.on_route.value + 0.1


def test_chance_is_the_same_for_breaks_and_placebos(of_daily: Results) -> None:
    assert 0.02 < of_daily.chance.on_route.value < 0.4
    assert of_daily.chance.placebo.value == pytest.approx(of_daily.chance.on_route.value, abs=0.1)


def test_equal_seeds_give_equal_results(of_raw: Results) -> None:
    assert attacked(routes(raw, count=3, days=3), 1) == of_raw


def test_routes_that_are_not_judged_are_only_learned_from() -> None:
    given = routes(timed, count=3, days=2)
    results = attacked(given, 1, judged={"route 1"})
    assert results.attacks["arrival deficit"].on_route.trials == results.chance.on_route.trials == 4
    assert results.attacks["combined, trees"].on_route.value >= 0.5


def test_a_single_route_leaves_trained_attackers_with_nothing_to_learn() -> None:
    results = attacked(routes(timed, count=1, days=2), 1)
    assert results.attacks["arrival deficit"].on_route.value == 1.0
    assert results.attacks["combined, trees"].on_route.trials == 4


def test_no_route_at_all_gives_no_trial() -> None:
    results = attacked([], 1)
    assert results.chance.on_route.trials == results.duration.trials == results.place_and_duration.trials == 0


def test_a_day_without_lines_counts_as_not_found() -> None:
    given = routes(raw, count=2, days=2)
    empty = given[0].cases[0]
    given[0].cases[0] = empty._replace(seen=empty.seen._replace(lines=[]))
    results = attacked(given, 1)
    assert results.attacks["gap in time"].on_route.trials == 8
    assert results.attacks["gap in time"].on_route.hits == 6


def test_what_was_learned_on_other_routes_finds_breaks_on_this_one() -> None:
    here, *others = (lessons_of(route) for route in routes(timed, count=4, days=3))
    taught = [one for route in others for one in route]
    scores = learned(taught, [one.looked for one in here], np.random.default_rng(1), "on_route")
    assert set(scores) == set(COMBINED)
    hits = [
        is_near(best(one.looked.day.candidates.places_m, of_day), taken.place_m)
        for one, of_day in zip(here, scores["combined, trees"], strict=True)
        for taken in one.secrets.breaks
    ]
    assert sum(hits) >= 5 <= len(hits)


def test_placebos_keep_away_from_breaks() -> None:
    stops_m = np.column_stack([np.arange(0.0, 2000.0, 20.0), np.zeros(100)])
    breaks = [Break("on_route", (1000.0, 0.0), 0.0, 900.0), Break("detour", (200.0, 0.0), 0.0, 900.0)]
    secrets = Secrets(breaks, stops_m, np.zeros(100), stops_m, [])
    chosen_m = placebos_m(secrets, np.random.default_rng(1))
    assert len(chosen_m) == 2
    assert all(abs(chosen_m[:, 0] - east_m).min() >= 400 for east_m in (1000.0, 200.0))


def test_where_every_stop_is_near_a_break_there_is_no_placebo() -> None:
    here_m = np.zeros((3, 2))
    secrets = Secrets([Break("on_route", (0.0, 0.0), 0.0, 900.0)], here_m, np.zeros(3), here_m, [])
    assert len(placebos_m(secrets, np.random.default_rng(1))) == 0
