"""`docs/audit.md`: every attack is explained, and its figures are those that `make audit` writes."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import pytest

from agent.audit import trial, verdict
from agent.audit.breaks import COMBINED, SIGNALS
from agent.audit.guessing import Share
from agent.audit.recorded import told_by
from agent.audit.trial import Asked
from agent.audit.verdict import Judged
from agent.audit.zones import ATTACKS
from tests.audit import __main__ as making
from tests.audit.__main__ import BLOCKS, DOCS, block, marks, with_block

PAGE = DOCS.read_text(encoding="utf-8")
HOLDS = verdict.promised("breaks on the route", "vertices", Share(10, 100), 0.12, 0.22, "R3")
BROKEN = verdict.promised("the depot", "stay points", Share(90, 100), 0.12, 0.22, "R9")
WEAK = verdict.control("round zones instead", "circle fit", Share(1, 10), 0.8)
GIVEN = argparse.Namespace(days=60, seed=1)


@pytest.mark.parametrize("name", [*SIGNALS, *COMBINED, *ATTACKS])
def test_every_attack_is_explained_by_its_name(name: str) -> None:
    section = PAGE.partition("## The attacks")[2].partition("\n## ")[0]
    first = [
        part.strip()
        for row in re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE)
        for part in row.split(";")
    ]
    assert name in first


@pytest.mark.parametrize("judgement", ["holds", "BROKEN", "given away", "works", "TOO WEAK"])
def test_every_judgement_is_explained(judgement: str) -> None:
    assert re.search(rf"^\| (\*\*)?{judgement}(\*\*)? \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize("promise", ["R3", "R4", "R9", "R18"])
def test_every_bound_is_named(promise: str) -> None:
    assert f"| {promise} |" in PAGE


def test_the_example_of_secrets_is_understood(tmp_path: Path) -> None:
    example = PAGE.partition("```json\n")[2].partition("```")[0]
    path = tmp_path / "secrets.ndjson"
    path.write_text(example)
    told = told_by(path, ["monday.nmea", "tuesday.nmea"])
    assert [line["kind"] for line in told.breaks["monday.nmea"]] == ["on_route", "detour"]
    assert len(told.places) == 1
    assert [json.loads(line)["kind"] for line in example.splitlines()] == ["on_route", "detour", "place"]


# The figures.


@pytest.mark.parametrize("name", BLOCKS)
def test_the_figures_of_a_block_take_the_place_of_the_old_ones(name: str) -> None:
    once = with_block(PAGE, name, "first")
    assert with_block(once, name, "second") == with_block(PAGE, name, "second")
    begin, end = marks(name)
    assert f"{begin}\nfirst\n{end}" in once
    others = [other for other in BLOCKS if other != name]
    for other in others:
        begin, end = marks(other)
        assert once.partition(begin)[2].partition(end)[0] == PAGE.partition(begin)[2].partition(end)[0]


def test_a_page_that_lost_its_marks_is_not_written() -> None:
    with pytest.raises(ValueError, match="lost its marks"):
        with_block("nothing", "operations", "text")


def test_figures_say_how_they_were_made_and_what_they_come_to() -> None:
    text = block("routes-and-safety", GIVEN, Judged([HOLDS]))
    assert "60 simulated vehicle-days under *routes-and-safety*, cities from seed 1 on" in text
    assert "receiver noise 1.5 m and 4 m. Figures under a promise that hold: 1.\n" in text
    assert "| vertices | 10 % | 6–17 | 100 | 12 % | 22 % | R3 holds |" in text


def test_what_is_broken_or_too_weak_is_said_before_the_tables() -> None:
    text = block("operations", GIVEN, Judged([HOLDS, BROKEN, WEAK])).partition("###")[0]
    assert "**Broken:** R9 by stay points (the depot)." in text
    assert "**Too weak to prove anything:** circle fit (round zones instead)." in text
    assert "that hold" not in text


@pytest.mark.parametrize(("rows", "status"), [([HOLDS], 0), ([HOLDS, BROKEN], 1), ([HOLDS, WEAK], 1)])
def test_every_block_is_attacked_and_the_page_is_written(
    rows: list[verdict.Row], status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Asked] = []

    def simulated(asked: Asked, told: object) -> Judged:
        heard.append(asked)
        return Judged(rows)

    page = making.ROOT / "docs" / "audit.md"
    monkeypatch.setattr(trial, "simulated", simulated)
    monkeypatch.setattr(making, "DOCS", written := tmp_path / page.name)
    monkeypatch.setattr(making, "ROOT", tmp_path)
    written.write_text(PAGE, encoding="utf-8")
    assert making.main(["--days", "12", "--seed", "7", "--dry-run"]) == status
    assert written.read_text(encoding="utf-8") == PAGE
    assert making.main(["--days", "12"]) == status
    assert written.read_text(encoding="utf-8").count("12 simulated vehicle-days") == 3
    once = ["routes-and-safety", "operations", "routes-and-safety"]
    assert [one.agreement.reference.id for one in heard] == [*once, *once]
    assert [(one.days, one.seed, one.mode) for one in heard[:3]] == [
        (12, 7, "daily"),
        (12, 7, "timed"),
        (12, 107, "daily"),
    ]
