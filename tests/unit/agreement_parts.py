"""What the tests of agreements are made of: the examples' values, changed, and the sentences they are refused with."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from agent.agreement import Agreement, canonical_json
from agent.agreement.schema import AgreementFile
from agent.surroundings import EXAMPLES
from config.load import ConfigurationError, load_yaml, validate

Tree = dict[str, Any]
Change = Callable[[Tree], object]

AGREEMENTS = EXAMPLES / "agreements"


def understood(name: str = "routes-and-safety", change: Change = lambda tree: None) -> Agreement:
    """An example agreement with some of its values changed."""
    located = load_yaml(AGREEMENTS / f"{name}.yaml")
    change(located.tree)
    return Agreement(validate(AgreementFile, located), canonical_json(located.tree))


def refusals(change: Change, name: str = "routes-and-safety") -> list[str]:
    """`key: sentence` of everything that a changed example is refused for."""
    with pytest.raises(ConfigurationError) as caught:
        understood(name, change)
    return [f"{problem.key}: {problem.says}" for problem in caught.value.problems]


def put(value: Any, *path: str | int) -> Change:
    """Write a value at a path."""

    def change(tree: Any) -> None:
        for step in path[:-1]:
            tree = tree[step]
        tree[path[-1]] = value

    return change


def drop(*path: str | int) -> Change:
    """Take out what stands at a path."""

    def change(tree: Any) -> None:
        for step in path[:-1]:
            tree = tree[step]
        del tree[path[-1]]

    return change


def both(*changes: Change) -> Change:
    """One change after the other."""

    def change(tree: Tree) -> None:
        for each in changes:
            each(tree)

    return change


def agreed(stream: str, terms: Tree) -> Change:
    """A stream with a question that needs it, and its envelope."""

    def change(tree: Tree) -> None:
        tree["streams"][stream] = terms
        tree["questions"][0]["needs"].append(stream)
        tree["release"]["envelopes"][stream] = 1

    return change


CELL = {"cell": "100 m", "retention": "60 days"}
EVERY_STREAM: dict[str, Tree] = {
    "track": {"precision": "5 m", "retention": "60 days"},
    "stops": {
        "precision": "10 m",
        "retention": "60 days",
        "snapped_to": {"type": "MultiPoint", "coordinates": [[-4.0, 40.01]]},
        "gives_away_breaks": "accepted",
    },
    "lifts": CELL,
    "passed": CELL,
    "harsh_braking": CELL,
    "day": {"precision": "100 m", "retention": "60 days"},
    "site_visits": {"dwell_classes": ["15 min"], "retention": "60 days"},
    "crew_report": CELL,
    "help": {"precision": "exact", "retention": "60 days"},
    "live": CELL,
    "box": {"retention": "60 days"},
}
TIMED = {"kind": "timed", "every": "60 s", "size": "512 B", "fleet_slots": ["21:00"]}


def everything(tree: Tree) -> None:
    """Every stream there is, under a timed release."""
    tree["streams"] = json.loads(json.dumps(EVERY_STREAM))
    tree["release"] = dict(TIMED)
    tree["questions"] = tree["questions"][:1]
    tree["questions"][0]["needs"] = [name for name in EVERY_STREAM if name != "box"]
