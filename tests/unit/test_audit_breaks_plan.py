"""What is guessed by the plan of the round: from other days, never from the day itself."""

from __future__ import annotations

import numpy as np

from agent.audit.breaks.combined import Lesson, lessons_of, look
from agent.audit.breaks.day import days_of
from agent.audit.breaks.plan import planned
from agent.audit.case import Break, Route, interpolated, pair, run_m
from agent.audit.guessing import is_near
from tests.unit.audit_breaks_parts import daily, routes

SHARE = 0.6  # of the way, where every truck takes its break


def with_a_break_at(route: Route, share: float) -> Route:
    """The same days, each with a single break so far along its published way."""
    cases = []
    for case in route.cases:
        points_m = np.concatenate([line.points_m for line in case.seen.lines])
        at_m = run_m(points_m)
        (place_m,) = interpolated(share * at_m[-1], at_m, points_m)
        breaks = [Break("on_route", pair(place_m), 0.0, 600.0)]
        cases.append(case._replace(secrets=case.secrets._replace(breaks=breaks)))
    return route._replace(cases=cases)


def lessons(share: float) -> list[list[Lesson]]:
    return [lessons_of(with_a_break_at(route, share)) for route in routes(daily, count=4, days=3)]


def test_breaks_at_their_usual_hour_are_found_by_the_plan() -> None:
    here, *others = lessons(SHARE)
    taught = [one for route in others for one in route]
    guesses_m = planned(taught, [one.looked for one in here], np.random.default_rng(1), "on_route")
    for one, of_day in zip(here, guesses_m, strict=True):
        assert len(of_day) == 4
        assert is_near(of_day, one.secrets.breaks[0].place_m)


def test_nothing_of_the_day_itself_is_looked_at() -> None:
    here, *others = lessons(SHARE)
    taught = [one for route in others for one in route]
    days = [one.looked.day for one in here]
    blank = [one.seen._replace(lines=[]) if i == 0 else one.seen for i, one in enumerate(days)]
    before, after = (
        planned(taught, [look(day) for day in of], np.random.default_rng(1), "on_route")
        for of in (days, days_of(blank))
    )
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.array_equal(before[1], after[1])  # of which the blank day is the plan


def test_without_another_day_or_a_break_to_learn_from_nothing_is_guessed() -> None:
    here, *others = lessons(SHARE)
    taught = [one for route in others for one in route]
    alone = [look(days_of([here[0].looked.day.seen])[0])]
    assert [len(each) for each in planned(taught, alone, np.random.default_rng(1), "on_route")] == [0]
    assert [len(each) for each in planned(taught, alone, np.random.default_rng(1), "detour")] == [0]
    assert [len(each) for each in planned([], alone, np.random.default_rng(1), "on_route")] == [0]
