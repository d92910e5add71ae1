"""docs/doctor.md names every check that there is, and none that is made up."""

from __future__ import annotations

import re
from pathlib import Path

from agent.doctor import hands, network, receiver
from agent.doctor.finding import OUTCOMES
from agent.self_test import SelfTest
from tests.unit.test_doctor_finding import SCHEMA

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs/doctor.md").read_text(encoding="utf-8")
CHECK_CALL = re.compile(r"\b(?:passed|warned|failed|not_here|not_tested|missing|remaining)\(\s*\"([^\"]+)\"")


def table(heading: str) -> list[str]:
    section = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([^`|]+)` \|", section, re.MULTILINE)


def checks_in_code() -> set[str]:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "agent/doctor").glob("*.py"))
    return set(CHECK_CALL.findall(code)) | set(receiver.CHECKS) | set(network.CHECKS)


def test_the_page_explains_every_check_and_no_other() -> None:
    assert len(checks_in_code()) > 25
    assert sorted(table("Every check")) == sorted(checks_in_code())


def test_the_page_says_what_the_hands_are_told() -> None:
    section = TEXT.partition("## With your hands\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE))
    assert rows.pop("status_led") == "Does the lamp blink, once a second?"
    assert rows == hands.ASK_FOR


def test_the_page_explains_every_outcome_and_every_key_for_programs() -> None:
    assert re.findall(r"^\| (pass|warn|fail|not here|not tested) \|", TEXT, re.MULTILINE) == list(OUTCOMES)
    section = TEXT.partition("## For programs\n")[2].partition("\n## ")[0]
    items = SCHEMA["properties"]["checks"]["items"]  # type: ignore[index]
    for key in (*SCHEMA["properties"], *items["properties"]):  # type: ignore[misc]
        assert f"`{key}`" in section


def test_the_page_names_every_check_of_the_self_test() -> None:
    from tests.unit.test_self_test import self_test_of

    section = TEXT.partition("## The self-test\n")[2]
    box: SelfTest = self_test_of(Path("/nowhere"))
    box.lines_here = False
    assert {f.check for f in box._findings(0)} <= set(re.findall(r"`(\w+)`", section))
