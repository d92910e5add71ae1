"""`fairhaul check` says which lines the agreement needs and the truck does not have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.agreement.check import PINS_OF_STREAMS, agreement_problems, kinds_of
from agent.agreement.schema import Streams
from config.located import Located
from config.schema import Configuration
from tests.unit.agreement_parts import AGREEMENTS, CELL, Change, agreed, both, drop, put, understood

GPIO = {
    "ignition": 5,
    "crew_switch": 6,
    "harsh_braking": 17,
    "lift": 27,
    "help_button": 22,
    "hazard_button": 23,
}
CREW = agreed("crew_report", CELL)


def told(folder: Path, kinds: list[str], change: Change = lambda tree: None) -> list[str]:
    path = folder / "agreement.yaml"
    path.write_text(understood(change=change).canonical, encoding="utf-8")
    pins = {kind: {"gpio": GPIO.get(kind, 24), "kind": kind} for kind in kinds}
    tree = {"agreement": str(path), "pins": pins}
    return [f"{each.key}: {each.says}" for each in agreement_problems(Located("agent.yaml", tree))]


def test_a_truck_with_every_line_has_no_problem(tmp_path: Path) -> None:
    assert told(tmp_path, list(GPIO), CREW) == []


def test_a_kind_that_is_no_word_is_none() -> None:
    assert kinds_of({"a": {"kind": ["lift"]}, "b": {"kind": "lift"}, "c": 5}) == {"lift"}


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("ignition", "without which the agreement records nothing"),
        ("crew_switch", "without which the agreement records nothing"),
        ("lift", "without which the agreement's lifts stays empty"),
        ("harsh_braking", "without which the agreement's harsh_braking stays empty"),
        ("help_button", "without which the agreement's help stays empty"),
    ],
)
def test_a_missing_line_is_a_problem(kind: str, says: str, tmp_path: Path) -> None:
    kinds = [each for each in GPIO if each != kind]
    assert told(tmp_path, kinds) == [f"pins: no pin of kind {kind}, {says}: wire it and name it here"]


def test_any_of_the_crew_s_buttons_is_enough(tmp_path: Path) -> None:
    buttons = PINS_OF_STREAMS["crew_report"]
    others = [kind for kind in GPIO if kind not in buttons]
    assert told(tmp_path, others, CREW) == [
        "pins: no pin of kind hazard_button or blocked_button or nothing_out_button, "
        "without which the agreement's crew_report stays empty: wire it and name it here"
    ]
    for button in buttons:
        assert told(tmp_path, [*others, button], CREW) == []


def test_a_stream_that_is_not_agreed_needs_no_line(tmp_path: Path) -> None:
    less = both(
        drop("streams", "lifts"),
        drop("release", "envelopes", "lifts"),
        put(["track", "day"], "questions", 0, "needs"),
    )
    assert told(tmp_path, [kind for kind in GPIO if kind != "lift"], less) == []


def test_without_any_pins_the_agreement_s_line_is_named() -> None:
    path = AGREEMENTS / "safety-only.yaml"
    problems = list(agreement_problems(Located("agent.yaml", {"agreement": str(path)})))
    assert {each.key for each in problems} == {"agreement"}
    assert len(problems) == 3


def test_mistakes_in_the_agreement_are_told_at_their_place_there(tmp_path: Path) -> None:
    path = tmp_path / "agreement.yaml"
    tree = json.loads(understood().canonical)
    path.write_text(json.dumps(tree | {"city": ""}), encoding="utf-8")
    (problem,) = agreement_problems(Located("agent.yaml", {"agreement": str(path)}))
    assert (problem.file, problem.key) == (str(path), "city")


@pytest.mark.parametrize("tree", [{}, {"agreement": 7}, None, {"agreement": "nowhere.yaml"}])
def test_a_configuration_that_names_none_is_no_trouble_here(tree: object) -> None:
    problems = [each.says for each in agreement_problems(Located("agent.yaml", tree))]
    if isinstance(tree, dict) and tree.get("agreement") == "nowhere.yaml":
        assert problems == [
            "no such file: nowhere.yaml; write the path of the data agreement, relative to this file"
        ]
    else:
        assert problems == []


def test_every_kind_that_is_wanted_is_one_that_a_truck_can_have() -> None:
    assert set(PINS_OF_STREAMS) <= set(Streams.model_fields)
    for kinds in PINS_OF_STREAMS.values():
        for kind in kinds:
            pins = {"line": {"gpio": 17, "kind": kind}}
            link = {"brokers": ["mqtt://broker"]}
            named = Configuration.model_validate(
                {"fleet": "springfield", "vehicle": "truck-1", "pins": pins, "link": link}
            )
            assert named.pins["line"].kind == kind
