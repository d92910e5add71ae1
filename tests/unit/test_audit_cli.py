"""`fairhaul audit` as people and scripts meet it: help, exit statuses, streams, files."""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.__main__ import main
from agent.audit import table, trial, verdict
from agent.audit.guessing import Share
from agent.audit.recorded import NOTHING_TOLD, Given
from agent.audit.trial import Asked
from agent.audit.verdict import Judged
from agent.surroundings import EXAMPLES
from tests.sim.drives import MORNING_MS, sentences, straight

HOLDS = verdict.promised("breaks", "step change", Share(10, 100), 0.12, 0.22, "R3")
BROKEN = verdict.promised("breaks", "arrival deficit", Share(93, 100), 0.12, 0.22, "R3")
WEAK = verdict.control("round zones instead", "circle fit", Share(1, 10), 0.8)
GIVEN = verdict.given_away("speed", "mean of a line, R²", math.nan, None)
SOUND = Judged([HOLDS, GIVEN])


def audit(*words: object) -> Result:
    return CliRunner().invoke(main, ["audit", *map(str, words)], prog_name="fairhaul")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """What was asked of an audit that found nothing wrong."""
    return found(monkeypatch, SOUND)


def found(monkeypatch: pytest.MonkeyPatch, judged: Judged) -> list[Asked]:
    """Audits find this; returns what they were asked."""
    heard: list[Asked] = []

    def simulated(asked: Asked, told: Callable[[str, int, int], None]) -> Judged:
        told("driving", 1, 2)
        heard.append(asked)
        return judged

    monkeypatch.setattr(trial, "simulated", simulated)
    return heard


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "monday.nmea"
    path.write_bytes(
        b"".join(sentences(MORNING_MS + 1000 * i, spot) for i, spot in enumerate(straight(3000)))
    )
    return path


# What is asked.


def test_help_names_every_option() -> None:
    text = audit("--help").stdout
    for option in ("agreement", "secrets", "days", "seed", "noise", "jobs", "out", "markdown"):
        assert f"--{option} " in text
    assert "LOG" in text


def test_without_a_word_the_recommended_agreement_is_audited(asked: list[Asked]) -> None:
    assert audit().exit_code == 0
    (one,) = asked
    assert one.agreement.reference.id == "routes-and-safety"
    assert (one.mode, one.days, one.seed, one.noises_m) == ("daily", 60, 1, (1.5, 4.0))
    assert one.jobs >= 1


def test_options_are_taken_over(asked: list[Asked]) -> None:
    agreed = EXAMPLES / "agreements" / "operations.yaml"
    assert audit("--agreement", agreed, "--days", 24, "--seed", 9, "--noise", 2, "--jobs", 1).exit_code == 0
    (one,) = asked
    assert one.agreement.reference.id == "operations"
    assert one[1:] == (24, 9, (2.0,), 1)
    assert one.mode == "timed"


def test_the_terms_are_those_of_the_agreement_without_what_stands_behind_it(
    asked: list[Asked], tmp_path: Path
) -> None:
    for name in ("routes-and-safety", "safety-only"):
        text = (EXAMPLES / "agreements" / f"{name}.yaml").read_text(encoding="utf-8")
        (tmp_path / f"{name}.yaml").write_text(
            text.replace("# behind: safety-only.yaml", "behind: safety-only.yaml"), encoding="utf-8"
        )
    assert audit("--agreement", tmp_path / "routes-and-safety.yaml").exit_code == 0
    tree = asked[0].wanted(1.5, 12).tree
    assert tree["id"] == "routes-and-safety"
    assert "behind" not in tree


# How it ends.


def test_a_promise_that_is_broken_is_exit_1_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, Judged([HOLDS, BROKEN]))
    result = audit()
    assert result.exit_code == 1
    assert "BROKEN  R3: arrival deficit (breaks)" in result.stderr.splitlines()
    assert "holds; what it does not promise" not in result.stderr


def test_without_a_broken_promise_it_is_exit_0_and_says_so(asked: list[Asked]) -> None:
    result = audit()
    assert result.exit_code == 0
    assert result.stderr.splitlines()[-1].startswith("every promise of this agreement holds")


def test_an_attack_that_is_too_weak_is_said_and_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, Judged([HOLDS, WEAK]))
    result = audit()
    assert result.exit_code == 0
    assert "too weak to prove anything: circle fit (round zones instead)" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["--days", 11],
        ["--seed", 0],
        ["--noise", -1],
        ["--noise", 51],
        ["--jobs", 0],
        ["--nonsense"],
        ["--agreement", "missing.yaml"],
        ["--secrets", "secrets.ndjson"],
    ],
)
def test_bad_usage_is_exit_2(words: list[object], asked: list[Asked]) -> None:
    result = audit(*words)
    assert result.exit_code == 2
    assert asked == []
    assert "Traceback" not in result.stderr


def test_a_broken_agreement_is_exit_2_with_file_and_line(tmp_path: Path, asked: list[Asked]) -> None:
    path = tmp_path / "agreed.yaml"
    path.write_text("fairhaul_agreement: 1\n")
    result = audit("--agreement", path)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{path}:1:")


def test_standard_input_is_refused_with_what_to_write() -> None:
    result = audit("-")
    assert result.exit_code == 2
    assert result.stderr == "a log from standard input has nothing beside it: write the name of a file\n"


def test_a_missing_log_is_exit_3(tmp_path: Path) -> None:
    result = audit(tmp_path / "missing.nmea")
    assert result.exit_code == 3
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("content", ["nonsense\n", '{"kind": "place"}\n', None])
def test_bad_secrets_are_exit_3_and_one_sentence(content: str | None, log: Path, tmp_path: Path) -> None:
    path = tmp_path / "secrets.ndjson"
    if content is not None:
        path.write_text(content)
    result = audit(log, "--secrets", path)
    assert result.exit_code == 3
    assert result.stderr.startswith(f"{path}:")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("gone", [["sklearn"], ["numpy", "scipy", "shapely", "networkx", "sklearn"]])
def test_missing_libraries_are_named_with_how_to_get_them(
    gone: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name in gone else find(name, *rest)
    )
    result = audit()
    assert result.exit_code == 1
    assert (
        result.stderr
        == f"missing: {', '.join(sorted(gone))}; in the project's folder: pip install '.[audit]'\n"
    )


def test_every_library_that_is_needed_is_there() -> None:
    from agent.cli.audit import NEEDED

    assert all(importlib.util.find_spec(name) for name in NEEDED)


# Recorded logs.


def test_logs_are_attacked_under_the_agreement_round_them(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[Asked, Given]] = []

    def recorded(asked: Asked, given: Given, told: object) -> Judged:
        heard.append((asked, given))
        return SOUND

    monkeypatch.setattr(trial, "recorded", recorded)
    secrets = tmp_path / "secrets.ndjson"
    line = {"log": "monday.nmea", "kind": "on_route", "latitude_deg": 40.0, "longitude_deg": -3.99}
    secrets.write_text(json.dumps(line | {"begins_s": 50, "ends_s": 90}))
    assert audit(log, "--secrets", secrets).exit_code == 0
    ((asked, given),) = heard
    assert asked.agreement.reference.id == "routes-and-safety"
    (case,) = given.fairhaul.cases
    assert [(taken.begins_s, taken.ends_s) for taken in case.secrets.breaks] == [(50.0, 90.0)]
    assert NOTHING_TOLD.breaks == {}


# What is written.


def test_tables_go_to_stderr_and_nothing_to_stdout(asked: list[Asked]) -> None:
    result = audit()
    assert result.stdout == ""
    first, *rest = result.stderr.splitlines()
    assert first == "attacks on what leaves under routes-and-safety version 1 (daily)"
    assert rest[: len(list(table.lines(SOUND)))] == list(table.lines(SOUND))


def test_figures_and_tables_are_written_to_files(asked: list[Asked], tmp_path: Path) -> None:
    out, page = tmp_path / "rows.ndjson", tmp_path / "page.md"
    assert audit("--out", out, "--markdown", page).exit_code == 0
    assert out.read_text(encoding="utf-8").splitlines() == list(table.records(SOUND))
    assert page.read_text(encoding="utf-8") == "\n".join(table.markdown(SOUND))


def test_files_are_written_when_a_promise_is_broken_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found(monkeypatch, Judged([BROKEN]))
    out = tmp_path / "rows.ndjson"
    assert audit("--out", out).exit_code == 1
    assert json.loads(out.read_text(encoding="utf-8"))["judgement"] == "BROKEN"


@pytest.mark.parametrize("option", ["--out", "--markdown"])
def test_a_place_that_can_t_be_written_is_exit_1_with_all_figures_said(
    option: str, asked: list[Asked], tmp_path: Path
) -> None:
    result = audit(option, tmp_path / "nowhere" / "file")
    assert result.exit_code == 1
    assert "step change" in result.stderr
    assert "nowhere" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
