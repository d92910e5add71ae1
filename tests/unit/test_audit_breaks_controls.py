"""Trackers with one fault each: every attack on breaks finds them by its own fault, and not without it."""

from __future__ import annotations

import numpy as np
import pytest

from agent.audit.breaks import COMBINED, SIGNALS
from agent.audit.breaks.controls import CONTROLS, FAULTS, RAW, alone, planted, published, rendered, way_of
from agent.audit.case import Case, Floats, Route, Secrets
from tests.unit import audit_breaks_parts as rounds


def case(way_m: Floats, name: str, chance: np.random.Generator) -> Case:
    """A day of a round, raw, with the truth of each second."""
    made = rounds.drive(way_m, chance)
    along_m = np.interp(np.arange(0.0, made.at_s[-1] + 2.0), made.at_s, made.along_m)
    secrets = Secrets(made.breaks, made.place_m(along_m[:-1]), np.diff(along_m), np.empty((0, 2)), [])
    return Case(rounds.seen(made, rounds.raw(made, chance), name), secrets)


@pytest.fixture(scope="module")
def raw() -> list[Route]:
    chance = np.random.default_rng(5)
    routes = []
    for name in ("a", "b"):
        way_m = rounds.round_of(chance)
        routes.append(Route(name, [case(way_m, name, chance) for _ in range(4)], []))
    return routes


def test_every_attack_has_a_tracker_on_which_it_must_succeed() -> None:
    assert set(CONTROLS) == set(SIGNALS)
    assert {control.where for control in CONTROLS.values()} == {RAW, *FAULTS}
    assert not set(CONTROLS) & set(COMBINED)


def test_every_attack_finds_its_own_fault(raw: list[Route]) -> None:
    found = planted(raw, 1)
    assert {name for name, control in CONTROLS.items() if control.where != RAW} == set(found)
    assert {share.trials for share in found.values()} == {16}
    weak = {name: share.value for name, share in found.items() if share.value < CONTROLS[name].least}
    assert weak == {}


@pytest.mark.parametrize("attack", [name for name, control in CONTROLS.items() if control.where == RAW])
def test_every_other_attack_finds_breaks_on_raw_data(raw: list[Route], attack: str) -> None:
    assert alone(raw, [attack])[0].value >= CONTROLS[attack].least


def test_without_a_fault_none_of_them_finds_so_much(raw: list[Route]) -> None:
    clean = rendered(raw, published, 1)
    found = dict(zip(CONTROLS, alone(clean, list(CONTROLS)), strict=True))
    assert {name for name, share in found.items() if share.value >= CONTROLS[name].least} == set()


def test_equal_seeds_give_equal_trackers(raw: list[Route]) -> None:
    first, second = (rendered(raw[:1], FAULTS["drift that stays"], 3) for _ in range(2))
    for one, other in zip(first[0].cases, second[0].cases, strict=True):
        assert all(
            (a.points_m == b.points_m).all() for a, b in zip(one.seen.lines, other.seen.lines, strict=True)
        )


@pytest.mark.parametrize("fault", FAULTS)
def test_a_day_without_a_fix_or_without_a_break_shows_no_fault(raw: list[Route], fault: str) -> None:
    whole = raw[0].cases[0]
    blind = whole._replace(seen=whole.seen._replace(lines=[]))
    restless = whole._replace(secrets=whole.secrets._replace(breaks=[]))
    chance = np.random.default_rng(1)
    assert FAULTS[fault](way_of(blind), chance).lines == []
    assert sum(line.length_m for line in FAULTS[fault](way_of(restless), chance).lines) > 5000
