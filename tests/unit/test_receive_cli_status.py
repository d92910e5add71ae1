"""`receive --status` and what the summary says; what an export lets go, and nothing else."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.__main__ import main
from agent.cli import stored
from agent.cli.stored import tell_gaps
from buffer.received import Received, ReceivedStore

NOWHERE = "mqtt://127.0.0.1:1"
LATER = "2999-01-01 00:00:00"


def batch(n: int, vehicle: str = "truck-007", stream: str = "day", epoch: str = "a" * 16) -> Received:
    record = {"date": "2026-11-21", "distance_m": n, "running_s": 60, "stretches": 1}
    return Received(vehicle, stream, epoch, n, "", f"{n:064x}", b"payload", [record], "north")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "received.db"
    with closing(ReceivedStore.open(path)) as kept:
        kept.accept_many(
            [batch(1), batch(2), batch(5), batch(1, stream="box"), batch(1, "", "harsh_braking")]
        )
    return path


def test_the_status_is_one_object_for_each_series_on_stdout(store: Path) -> None:
    result = CliRunner().invoke(main, ["receive", "--store", str(store), "--status"])
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line.get("vehicle"), line["stream"], line["complete"], line["missing_n"]) for line in lines] == [
        (None, "harsh_braking", True, []),
        ("truck-007", "box", True, []),
        ("truck-007", "day", False, [3, 4]),
    ]


def test_the_summary_says_complete_or_how_many_are_missing_over_all_epochs(
    store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "SERIES_SHOWN_MAX", 2)
    with closing(ReceivedStore.open(store)) as kept:
        kept.accept(batch(2, epoch="b" * 16))
        tell_gaps(kept)
    assert capsys.readouterr().err.splitlines() == [
        "  truck-007, day: 3 missing: 3, 4, 1",
        "  (whole fleet), harsh_braking: complete",
        "  and 1 more: --status lists them all",
    ]


def test_an_export_that_was_made_lets_its_batches_go_later_and_no_other_does(
    store: Path, tmp_path: Path
) -> None:
    common = ["receive", "--broker", NOWHERE, "--store", str(store), "--for", "0"]
    CliRunner().invoke(main, [*common, "--keep-days", "0"])
    with closing(ReceivedStore.open(store)) as kept:
        assert kept.purge(LATER, 1) == 0
    CliRunner().invoke(main, [*common, "--export", str(tmp_path / "out")])
    with closing(ReceivedStore.open(store)) as kept:
        kept.accept(batch(6))
        assert kept.purge(LATER, 1) == 5
        assert [each.n for each in kept.batches()] == [6]
    assert len((tmp_path / "out" / "records.ndjson").read_text().splitlines()) == 5
