"""`fairhaul explain`: which agreement it finds, what it prints, how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.__main__ import main
from agent.cli import explain
from agent.explain import LANGUAGES, card, card_text, dpia, markdown
from tests.unit.agreement_parts import AGREEMENTS, understood

DAILY, TIMED = AGREEMENTS / "routes-and-safety.yaml", AGREEMENTS / "operations.yaml"


def explained(*words: object) -> Result:
    return CliRunner().invoke(main, ["explain", *map(str, words)], prog_name="fairhaul")


@pytest.fixture
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory without an agreement, on a machine without a truck's configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(explain, "CONFIGURATION", tmp_path / "agent.yaml")
    return tmp_path


@pytest.mark.parametrize("language", LANGUAGES)
def test_R22_the_card_of_the_agreement_goes_to_stdout(language: str) -> None:
    result = explained("--agreement", DAILY, "--language", language)
    assert result.exit_code == 0
    assert result.stdout == card_text(card(understood()), LANGUAGES[language])
    assert result.stderr == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_R22_the_inputs_of_an_assessment_are_markdown(language: str) -> None:
    result = explained("--agreement", TIMED, "--language", language, "--dpia")
    assert result.stdout == markdown(dpia(understood("operations")), LANGUAGES[language])


@pytest.mark.parametrize("page", ["card", "dpia"])
def test_R22_json_is_one_object_on_one_line(page: str) -> None:
    result = explained("--agreement", TIMED, "--json", *(["--dpia"] if page == "dpia" else []))
    (line,) = result.stdout.splitlines()
    assert json.loads(line)["page"] == page


def test_the_agreement_that_lies_here_is_explained(nothing_here: Path) -> None:
    (nothing_here / "agreement.yaml").write_text(TIMED.read_text(encoding="utf-8"), encoding="utf-8")
    assert "Data agreement operations" in explained().stdout


def test_else_the_one_that_the_truck_s_configuration_names(nothing_here: Path) -> None:
    folder = nothing_here / "agreed"
    folder.mkdir()
    (folder / "ours.yaml").write_text(DAILY.read_text(encoding="utf-8"), encoding="utf-8")
    example = (AGREEMENTS.parent / "agent.example.yaml").read_text(encoding="utf-8")
    (nothing_here / "agent.yaml").write_text(
        example.replace("agreement: agreements/routes-and-safety.yaml", "agreement: agreed/ours.yaml"),
        encoding="utf-8",
    )
    result = explained()
    assert result.exit_code == 0, result.stderr
    assert "routes-and-safety" in result.stdout


def test_without_any_it_says_what_to_write(nothing_here: Path) -> None:
    result = explained()
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "--agreement" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("words", [["--agreement", "missing.yaml"], ["--language", "fr"]])
def test_what_can_t_be_used_is_exit_2(words: list[str], nothing_here: Path) -> None:
    result = explained(*words)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_a_broken_agreement_is_told_with_its_line_and_not_explained(nothing_here: Path) -> None:
    (nothing_here / "agreement.yaml").write_text("fairhaul_agreement: 1\n", encoding="utf-8")
    result = explained()
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("agreement.yaml:1:")


@pytest.mark.parametrize("words", [[DAILY], ["--json", DAILY]])
def test_the_agreement_may_be_named_without_the_option(words: list[object]) -> None:
    named = [word for word in words if word != DAILY]
    assert explained(*words).stdout == explained(*named, "--agreement", DAILY).stdout != ""


def test_two_agreements_at_a_time_are_bad_usage() -> None:
    result = explained(DAILY, "--agreement", TIMED)
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (2, "", 1)


@pytest.mark.parametrize("text", [None, "vehicle: truck-017\n"])
def test_a_truck_s_configuration_is_told_to_be_one_in_one_line(text: str | None, nothing_here: Path) -> None:
    example = (AGREEMENTS.parent / "agent.example.yaml").read_text(encoding="utf-8")
    (nothing_here / "mine.yaml").write_text(text or example, encoding="utf-8")
    result = explained("--agreement", "mine.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"mine.yaml:1:1: {explain.OTHER_FILE}\n"
