"""`fairhaul audit` from end to end on very short days: everything runs, and every figure has its row.

So few breaks prove nothing either way: what is found here is luck.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner

from agent.__main__ import main
from agent.audit import simulated, trial, verdict
from agent.audit.breaks import COMBINED, SIGNALS
from agent.audit.zones import ATTACKS
from agent.surroundings import EXAMPLES
from drivers.simulate import shift, write
from tests.sim.test_audit_small import NEAR_A_MONTHS_END

JUDGEMENTS = set(get_args(verdict.Judgement))


@pytest.fixture(autouse=True)
def reduced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(simulated, "HOURS", 0.7)
    monkeypatch.setattr(simulated, "DAYS_A_ROUTE", 1)
    monkeypatch.setattr(simulated, "FIRST_DAY", NEAR_A_MONTHS_END)
    monkeypatch.setattr(trial, "TRAINING_DAYS", 2)
    simulated._ground.cache_clear()
    yield
    simulated._ground.cache_clear()


def audited(folder: Path, *words: object) -> list[dict[str, Any]]:
    """The rows; the status says whether one of them is broken."""
    out, page = folder / "rows.ndjson", folder / "page.md"
    options = ["--jobs", 1, "--out", out, "--markdown", page, *words]
    result = CliRunner().invoke(main, ["audit", *map(str, options)], catch_exceptions=False)
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert result.exit_code == int(any(row["judgement"] == "BROKEN" for row in rows))
    assert {row["judgement"] for row in rows} <= JUDGEMENTS
    assert page.read_text(encoding="utf-8").count("\n| ") > len(rows)
    return rows


def attacks(rows: list[dict[str, Any]], section: str) -> set[str]:
    return {row["attack"] for row in rows if row["section"].startswith(section)}


def test_simulated_days_are_attacked_by_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def few(asked: trial.Asked, noise_m: float, days: int) -> simulated.Wanted:
        tree = simulated.tree_of(asked.agreement)
        tree["streams"]["harsh_braking"]["held"] = "1 day"
        return simulated.Wanted(tree, 2, 3, noise_m)

    monkeypatch.setattr(trial.Asked, "wanted", few)
    agreed = EXAMPLES / "agreements" / "operations.yaml"
    rows = audited(tmp_path, "--agreement", agreed, "--noise", 1.5)
    for section in ("places off limits, within 50 m", "the depot, within 23 m", "round zones:", "raw data:"):
        assert attacks(rows, section) == set(ATTACKS)
    for section in ("breaks on the route, receiver noise 1.5 m", "breaks on raw data"):
        assert {*SIGNALS, *COMBINED} <= attacks(rows, section)
    assert attacks(rows, "what is attacked")
    assert not {row["promise"] for row in rows if row["judgement"] == "BROKEN"} & {"R3", "R4"}


def test_recorded_logs_are_attacked_by_all_that_have_something_to_find(tmp_path: Path) -> None:
    names = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        write(shift(1000 + number, 0.7, city_seed=1), folder)
        names.append(folder / "shift.nmea")
    rows = audited(tmp_path, *names)
    assert {*SIGNALS, *COMBINED} <= attacks(rows, "breaks on the route")
    assert not attacks(rows, "the depot")
    assert all(row["found"] is not None for row in rows)
