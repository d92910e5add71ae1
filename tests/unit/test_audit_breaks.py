"""Attacks on breaks: each finds what it looks for where that was planted, and nothing where nothing is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agent.audit.breaks import SIGNALS, Day, days_of, days_of_route
from agent.audit.breaks.signals import scored
from agent.audit.case import Arrival, Floats, Line, Route
from agent.audit.guessing import Share, best, is_near
from tests.unit.audit_breaks_parts import (
    Rendered,
    daily,
    day,
    drifted,
    line,
    raw,
    routes,
    timed,
    uncapped,
)

STREET = [(float(east_m), 0.0) for east_m in range(0, 2001, 100)]


def found(signal: str, rendered: Rendered, count: int = 5) -> Share:
    """How many breaks four guesses a day find."""
    hits = []
    for route in routes(rendered, count=count):
        for one, case in zip(days_of_route(route), route.cases, strict=True):
            guesses_m = best(one.candidates.places_m, SIGNALS[signal](one))
            hits += [is_near(guesses_m, taken.place_m) for taken in case.secrets.breaks]
    return Share(sum(hits), len(hits))


def by_chance(rendered: Rendered) -> float:
    chance, hits = np.random.default_rng(3), []
    for route in routes(rendered):
        for one, case in zip(days_of_route(route), route.cases, strict=True):
            places_m = one.candidates.places_m
            for _ in range(20):
                guesses_m = best(places_m, chance.random(len(places_m)))
                hits += [is_near(guesses_m, taken.place_m) for taken in case.secrets.breaks]
    return sum(hits) / len(hits)


def guess(signal: str, one: Day) -> Floats:
    """The one place with the highest score."""
    return best(one.candidates.places_m, SIGNALS[signal](one), 1)[0]


@pytest.mark.parametrize("signal", ["gap in time", "bucket deficit", "step change"])
def test_raw_tracks_give_every_break_away(signal: str) -> None:
    assert found(signal, raw, count=3).value >= 0.95


@pytest.mark.parametrize("signal", ["arrival deficit", "bucket deficit", "step change"])
def test_releases_by_the_minute_give_nearly_every_break_away(signal: str) -> None:
    assert found(signal, timed).value >= 0.9


@pytest.mark.parametrize("signal", ["excess over other days", "clock saturation"])
def test_running_time_without_a_cap_gives_breaks_away(signal: str) -> None:
    assert found(signal, uncapped).interval[0] > by_chance(uncapped) + 0.1


@pytest.mark.parametrize("signal", SIGNALS)
def test_capped_kilometres_on_a_later_day_give_hardly_more_away_than_chance(signal: str) -> None:
    assert found(signal, daily).interval[0] <= by_chance(daily) + 0.1


def test_a_line_that_stays_beside_the_street_behind_a_break_gives_it_away() -> None:
    assert found("sideways after a standstill", drifted).interval[0] > by_chance(drifted) + 0.2


def test_a_gap_between_two_lines_is_where_the_truck_was_cut_off() -> None:
    one = day(line((0, 0), (1000, 0)), line((1100, 0), (2000, 0), number=2))
    assert guess("gap in space", one)[0] == pytest.approx(1000, abs=100)


def test_more_vertices_and_kinks_than_on_other_days_mark_a_standstill() -> None:
    kinked = [*STREET[:10], (905.0, 4.0), (910.0, -4.0), (915.0, 4.0), (920.0, 0.0), *STREET[10:]]
    one = day(line(*kinked), others=[day(line(*STREET)).seen])
    assert guess("vertices", one)[0] == pytest.approx(910, abs=60)


def test_vertices_that_every_day_has_mark_nothing() -> None:
    kinked = [*STREET[:10], (905.0, 4.0), (910.0, -4.0), (915.0, 4.0), (920.0, 0.0), *STREET[10:]]
    one = day(line(*kinked), others=[day(line(*kinked)).seen])
    assert not SIGNALS["vertices"](one).any()
    assert not SIGNALS["several days' standstills"](one).any()


def test_a_vertex_of_one_day_only_marks_a_standstill() -> None:
    one = day(line((0, 0), (730, 2), (2000, 0)), others=[day(line((0, 0), (2000, 0))).seen])
    assert guess("several days' standstills", one)[0] == pytest.approx(730, abs=60)


def test_the_middle_of_a_way_that_no_other_day_went_scores_highest() -> None:
    one = day(line((0, 0), (1000, 0), (1000, 600), (1000, 0), (2000, 0)), others=[day(line(*STREET)).seen])
    assert guess("where no other day went", one)[1] > 500


def test_a_change_of_label_that_comes_early_by_running_time_marks_the_lines_before_it() -> None:
    def kilometres(flip: int) -> list[Line]:
        return [
            line((1000 * i, 0), (1000 * (i + 1), 0), running_s=600.0, number=i + 1, part=int(i >= flip))
            for i in range(8)
        ]

    one = day(*kilometres(3), others=[day(*kilometres(6)).seen])
    scores = SIGNALS["label-flip budget"](one)
    assert set(scores[one.candidates.line < 3]) == {1800.0}
    assert not scores[one.candidates.line >= 3].any()


def test_a_silent_connection_marks_where_the_truck_was_by_its_running_time() -> None:
    one = day(line((0, 0), (8000, 0), running_s=4000.0))
    one = replace(one, seen=one.seen._replace(connections=[(0.0, 14_400.0), (18_000.0, 28_800.0)]))
    inside = SIGNALS["connection times"](one) == 3600.0
    assert one.candidates.along_m[inside].min() == pytest.approx(4000, abs=50)
    assert one.candidates.along_m[inside].max() == pytest.approx(5000, abs=50)


def test_payloads_of_a_later_day_tell_nothing_of_when() -> None:
    route = routes(daily, count=1)[0]
    timing = ("gap in time", "arrival deficit", "bucket deficit", "step change", "connection times")
    for one in days_of_route(route):
        assert not any(SIGNALS[name](one).any() for name in timing)


def test_more_lifts_than_usual_explain_a_longer_running_time() -> None:
    def served(lifts: tuple[int, ...]) -> Day:
        lines = [
            line(
                (1000 * i, 0),
                (1000 * i + 500, 0),
                (1000 * (i + 1), 0),
                running_s=300.0 + 6 * lifts[i],
                number=i + 1,
            )
            for i in range(len(lifts))
        ]
        track = [
            {"stretch": each.number, "path": [[40 + n / 111_000, -4 + e / 85_000] for e, n in each.points_m]}
            for each in lines
        ]
        cells = [
            {"latitude_deg": 40.0, "longitude_deg": -4 + (1000 * i + 500) / 85_000, "count": count}
            for i, count in enumerate(lifts)
        ]
        made = day(*lines)
        told = [
            Arrival(80_000.0, stream, stream, "e", 1, 4096, rows)
            for stream, rows in (("track", track), ("lifts", cells))
        ]
        return replace(made, seen=made.seen._replace(arrivals=told))

    busy, usual = served((10, 40, 10, 12, 8)), served((10, 10, 10, 10, 10))
    one = days_of([busy.seen, usual.seen])[0]
    assert np.abs(SIGNALS["excess over other days"](one)).max() > 5
    assert np.abs(SIGNALS["excess beyond lifts"](one)).max() < 1


EMPTY = day()
HARD = {
    "no line": EMPTY,
    "no line beside a day that has some": day(others=[day(line(*STREET)).seen]),
    "one line": day(line(*STREET, running_s=600.0)),
    "no other day": day(line((0, 0), (1000, 0)), line((1000, 0), (2000, 50))),
    "an empty other day": day(line(*STREET, running_s=600.0), others=[EMPTY.seen]),
    "no running time": day(line(*STREET), others=[day(line(*STREET)).seen]),
    "some running time": day(
        line((0, 0), (900, 0)), line((900, 0), (2000, 0), running_s=200.0), others=[day(line(*STREET)).seen]
    ),
    "a line of one point": day(line((5, 5), running_s=10.0), others=[day(line((5, 5))).seen]),
    "a line without length": day(
        line((5, 5), (5, 5), running_s=10.0), others=[day(line((5, 5), (5, 5))).seen]
    ),
    "times on one line only": day(
        line((0, 0), (500, 0), seconds=np.array([0.0, 900.0])), line((500, 0), (900, 0)), cap_s=np.inf
    ),
    "all at one moment": day(line((0, 0), (500, 0), seconds=np.array([7.0, 7.0]), arrived_s=7.0)),
}


@pytest.mark.parametrize("one", HARD.values(), ids=HARD)
def test_every_signal_gives_a_finite_score_for_each_candidate(one: Day) -> None:
    for name, signal in SIGNALS.items():
        scores = signal(one)
        assert scores.shape == one.candidates.along_m.shape, name
        assert np.isfinite(scores).all(), name
    assert scored(one).shape == (len(one.candidates.along_m), len(SIGNALS))


def test_signals_are_the_same_every_time() -> None:
    def all_of(route: Route) -> list[Floats]:
        return [scored(one) for one in days_of_route(route)]

    first, again = (all_of(routes(daily, count=1)[0]) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
