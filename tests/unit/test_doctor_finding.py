"""Ready or not, and the one next thing to do."""

from __future__ import annotations

import json

import jsonschema
import pytest

from agent.doctor.finding import (
    OUTCOMES,
    Finding,
    Group,
    Verdict,
    failed,
    filled,
    not_here,
    not_tested,
    passed,
    verdict,
    warned,
)
from agent.doctor.report import as_json, as_lines, naming

GOOD = passed("a", "well")
ODD = warned("b", "odd", "look at it")
BAD = failed("c", "broken", "mend it")
ABSENT = not_here("d", "absent", "go to the truck")
UNTESTED = not_tested("e", "nobody stood by", "use your hands")

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "vehicle", "ready", "next", "checks"],
    "properties": {
        "version": {"type": "string"},
        "vehicle": {"type": "string"},
        "ready": {"type": "boolean"},
        "next": {"type": ["string", "null"]},
        "checks": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["group", "check", "outcome", "says", "remedy", "needed"],
                "properties": {
                    "group": {"type": "string"},
                    "check": {"type": "string"},
                    "outcome": {"enum": list(OUTCOMES)},
                    "says": {"type": "string", "minLength": 1},
                    "remedy": {"type": "string"},
                    "needed": {"type": "boolean"},
                },
            },
        },
    },
}
"""What programs may rely on: docs/doctor.md."""


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([GOOD], Verdict(True, None)),
        ([GOOD, ODD], Verdict(True, "look at it")),
        ([ODD, BAD, GOOD], Verdict(False, "mend it")),
        ([UNTESTED, ABSENT, BAD], Verdict(False, "mend it")),
        ([UNTESTED, ABSENT, ODD], Verdict(False, "go to the truck")),
        ([UNTESTED, GOOD, ODD], Verdict(False, "use your hands")),
        ([not_tested("e", "it does not tell"), not_here("d", "no supply to ask"), GOOD], Verdict(True, None)),
        ([failed("f", "lost", "first"), BAD], Verdict(False, "first")),
    ],
)
def test_ready_asks_for_all_that_is_needed_and_names_one_next_action(
    findings: list[Finding], expected: Verdict
) -> None:
    assert verdict(findings) == expected


@pytest.mark.parametrize("finding", [BAD, ABSENT, UNTESTED])
def test_what_is_not_tested_is_never_green(finding: Finding) -> None:
    groups = [Group("All", (GOOD, finding))]
    lines = [line.plain for line in as_lines("truck-017", groups)]
    assert lines[0] == "NOT READY: truck-017"
    assert lines[1] == f"Next: {finding.remedy}"
    assert not any("pass" in line for line in lines if finding.says in line)
    assert as_json("truck-017", groups)["ready"] is False


def test_checks_that_were_not_reached_are_told_in_their_place() -> None:
    found = filled(("x", "c", "y"), [BAD], "an earlier step failed")
    assert [(each.check, each.outcome) for each in found] == [
        ("x", "not tested"),
        ("c", "fail"),
        ("y", "not tested"),
    ]


def test_programs_get_every_finding_with_its_group() -> None:
    groups = [Group("One", (GOOD, ODD)), Group("Two", (UNTESTED,))]
    told = json.loads(json.dumps(as_json("truck-017", groups)))
    jsonschema.validate(told, SCHEMA)
    assert [(check["group"], check["check"]) for check in told["checks"]] == [
        ("One", "a"),
        ("One", "b"),
        ("Two", "e"),
    ]
    assert told["next"] == "use your hands"


def test_every_remedy_names_the_truck_s_own_configuration() -> None:
    bad = failed("a", "agent.yaml says so", "Change it in agent.yaml.")
    (group,) = naming("/srv/truck.yaml", [Group("One", (bad, GOOD))])
    assert group == Group("One", (bad._replace(remedy="Change it in /srv/truck.yaml."), GOOD))


def test_a_passing_check_shows_no_remedy_and_every_other_one_does() -> None:
    lines = [line.plain.strip() for line in as_lines("t", [Group("G", (GOOD, ODD, BAD))])]
    assert [line for line in lines if line.startswith("→")] == ["→ look at it", "→ mend it"]
