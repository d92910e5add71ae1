from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import agent.cli.check as command
from config.load import Located, Problem, load_configuration
from config.located import problem_at

FINE = """\
fleet: springfield
vehicle: truck-017
pins:
  brake: {gpio: 17, kind: harsh_braking, stuck_after: none}
link:
  brokers:
    - mqtts://mqtt.city.example
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "agreement_problems", lambda located: ())


def check(text: str, *options: str) -> Result:
    Path("agent.yaml").write_text(text, encoding="utf-8")
    return CliRunner().invoke(command.check, ["--config", "agent.yaml", *options])


def last(result: Result) -> str:
    """Below the warnings, of which tests/unit/test_check_warnings.py tells."""
    return result.stderr.splitlines()[-1]


def test_a_configuration_that_can_be_used_is_said_to_be_so() -> None:
    result = check(FINE)
    assert (result.exit_code, result.stdout) == (0, "")
    assert last(result) == "agent.yaml can be used, with 3 warnings: truck truck-017 of fleet springfield."


def test_an_extended_file_is_named() -> None:
    Path("fleet.yaml").write_text(FINE, encoding="utf-8")
    result = check("extends: fleet.yaml\nvehicle: truck-018\n")
    assert last(result).startswith("agent.yaml over fleet.yaml can be used")


def test_every_problem_is_a_line_on_stderr_and_the_exit_status_is_2() -> None:
    result = check(FINE + "gnss: {silence: 10, bawd: 9600}\n")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        "agent.yaml:8:17: gnss.silence: 10 has no unit: write 10 s",
        "agent.yaml:8:21: gnss.bawd: unknown key: allowed are port, baud, silence, reopen, quality; "
        "did you mean 'baud'?",
    ]


def test_a_file_that_is_not_there_is_a_problem_like_any_other() -> None:
    result = CliRunner().invoke(command.check, ["--config", "nowhere.yaml"])
    assert (result.exit_code, result.stderr) == (
        2,
        "nowhere.yaml:1:1: there is no such file: write --config FILE, or make one with `fairhaul init`\n",
    )


def test_the_usual_place_is_looked_at_when_none_is_named() -> None:
    (option,) = (each for each in command.check.params if each.name == "config")
    assert option.get_default(click.Context(command.check)) == Path("/etc/fairhaul/agent.yaml")


def test_what_takes_effect_is_printed_with_the_origin_of_every_value() -> None:
    Path("fleet.yaml").write_text(FINE, encoding="utf-8")
    lines = check("extends: fleet.yaml\nvehicle: truck-018\n", "--effective").stdout.splitlines()
    origins = {text.strip(): origin for text, _, origin in (line.partition("  # ") for line in lines)}
    assert origins["fleet: springfield"] == "fleet.yaml:1"
    assert origins["vehicle: truck-018"] == "agent.yaml:2"
    assert origins["gpio: 17"] == "fleet.yaml:4"
    assert origins["stuck_after: none"] == "fleet.yaml:4"
    assert origins["rearm: 2 s"] == "default"
    assert origins["- mqtts://mqtt.city.example"] == "fleet.yaml:7"
    assert origins["size: 256 MiB"] == "default"
    assert origins["link:"] == ""
    assert {text for text, origin in origins.items() if not origin} == {
        *("gnss:", "reopen:", "quality:", "pins:", "brake:", "braking:", "severity:"),
        *("outbox:", "link:", "brokers:", "backoff:", "log:"),
    }


def test_values_in_a_list_have_their_own_origin() -> None:
    severity = "braking:\n  severity:\n    - class: firm\n      at_least: 2 m/s2\n"
    lines = [line.split() for line in check(FINE + severity, "--effective").stdout.splitlines()]
    assert ["-", "class:", "firm", "#", "agent.yaml:10"] in lines
    assert ["at_least:", "2", "m/s2", "#", "agent.yaml:11"] in lines


def test_what_takes_effect_is_printed_though_the_agreement_is_at_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(command, "agreement_problems", not_on_this_truck)
    result = check(FINE, "--effective")
    assert (result.exit_code, "springfield" in result.stdout) == (2, True)


def test_what_is_printed_is_a_configuration_with_the_same_effect() -> None:
    printed = check(FINE, "--effective").stdout
    Path("again.yaml").write_text(printed, encoding="utf-8")
    assert load_configuration(Path("again.yaml")) == load_configuration(Path("agent.yaml"))


def not_on_this_truck(located: Located) -> Iterator[Problem]:
    yield problem_at(located.keys["pins", "brake"], ("pins", "brake"), "not on this truck")


def test_the_agreement_s_problems_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "agreement_problems", not_on_this_truck)
    result = check(FINE)
    assert (result.exit_code, result.stderr) == (2, "agent.yaml:4:3: pins.brake: not on this truck\n")


def test_the_agreement_s_problems_are_told_together_with_the_configuration_s_own_mistakes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(command, "agreement_problems", not_on_this_truck)
    assert check(FINE + "log: {level: loud}\n").stderr.splitlines() == [
        "agent.yaml:8:14: log.level: found 'loud': write debug, info, warning or error",
        "agent.yaml:4:3: pins.brake: not on this truck",
    ]


def test_the_agreement_is_looked_for_at_a_path_made_absolute(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[Located] = []
    monkeypatch.setattr(command, "agreement_problems", lambda located: seen.append(located) or ())
    check(FINE + "agreement: agreement.yaml\n")
    assert seen[0].tree["agreement"] == str(tmp_path / "agreement.yaml")
