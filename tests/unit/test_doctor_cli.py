"""`fairhaul doctor` as people and programs meet it, on a computer that is no truck."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result

from agent.__main__ import main
from agent.city.receiver import read
from agent.cli.doctor import AtTheTruck
from agent.doctor.agreed import agreed
from agent.doctor.finding import Finding
from agent.doctor.network import TEST_MESSAGE
from agent.records import EPOCH_DATE
from agent.standing import AGREEMENT_NOTE, DUTY_DAY_NOTE, _written
from agent.surroundings import EXAMPLES
from agent.topics import DOCTOR, topic_for
from buffer import lock
from buffer.outbox import OUTBOX_FILE, Note, Outbox
from tests.sim.drives import agreement
from tests.unit.test_doctor_finding import SCHEMA

TRUCK = """\
fleet: springfield
vehicle: truck-017
state: state
gnss: {port: fairhaul-gps}
pins:
  crew: {gpio: 22, kind: crew_switch}
  lamp: {gpio: 25, kind: status_led}
link:
  brokers: [mqtt://127.0.0.1:1]
  connect_within: 1 s
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("agent.yaml").write_text(TRUCK.replace("port: fairhaul-gps", f"port: {tmp_path}/fairhaul-gps"))


def doctor(*words: str) -> Result:
    return CliRunner().invoke(main, ["doctor", "--config", "agent.yaml", "--seconds", "1", *words])


def told(*words: str) -> dict[str, Any]:
    result = doctor("--json", *words)
    found: dict[str, Any] = json.loads(result.stdout)
    jsonschema.validate(found, SCHEMA)
    assert result.exit_code == (0 if found["ready"] else 1)
    return found


def outcomes(found: dict[str, Any]) -> dict[str, str]:
    return {check["check"]: check["outcome"] for check in found["checks"]}


def test_on_a_laptop_what_is_absent_is_not_here_and_no_error_but_it_is_no_truck() -> None:
    result = doctor()
    assert (result.exit_code, result.stdout.splitlines()[0]) == (1, "NOT READY: truck-017")
    found = outcomes(told())
    assert {
        check: found[check] for check in ("port", "crew", "lamp", "power", "certificate")
    } == dict.fromkeys(("port", "crew", "lamp", "power", "certificate"), "not here")
    assert {check for check, outcome in found.items() if outcome == "fail"} == {"connection"}


def test_the_next_action_stands_right_below_the_verdict_and_is_one_line() -> None:
    lines = doctor().stdout.splitlines()
    assert lines[1] == "Next: Ask whether the broker runs. Check the port in link.brokers in agent.yaml."
    assert lines[2] == ""


def test_a_configuration_with_mistakes_is_exit_2_and_says_what_check_says() -> None:
    Path("agent.yaml").write_text(TRUCK.replace("kind: status_led", "kind: lamp"))
    result = doctor("--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == CliRunner().invoke(main, ["check", "--config", "agent.yaml"]).stderr
    assert doctor("--config", "absent.yaml").exit_code == 2


def test_warnings_of_check_are_told_and_do_not_hold_the_truck_up() -> None:
    assert outcomes(told())["configuration"] in ("pass", "warn")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    state = tmp_path / "state"
    state.mkdir()
    with lock.held(state):
        yield state


def test_while_the_agent_runs_it_keeps_port_and_pins_and_its_status_tells(running: Path) -> None:
    (running / "status.json").write_text(json.dumps({"gnss": "heard", "date": "2027-06-25"}))
    found = outcomes(told())
    assert (found["port"], found["fix"], found["sentences"]) == ("pass", "pass", "not tested")
    assert (found["crew"], found["lamp"]) == ("not tested", "not tested")
    assert found["clock"] == "warn"
    (running / "status.json").write_text(json.dumps({"gnss": "silent", "date": None}))
    assert outcomes(told())["port"] == "fail"


def test_a_group_without_findings_has_no_heading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.doctor.pins.pins", lambda *_: iter(()))
    assert "The lines" not in doctor().stdout


def test_nothing_is_made_or_changed(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    Outbox.open(state / OUTBOX_FILE, random_bytes=os.urandom, size_bytes_max=2**22).close()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    doctor()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize(("typed", "answer"), [("y\n", True), ("n\n", False), ("", None), ("\n", None)])
def test_a_question_is_answered_with_yes_no_or_nothing(
    typed: str, answer: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, write = os.pipe()
    os.write(write, typed.encode())
    with os.fdopen(read) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert AtTheTruck().agrees("Does it blink?", 0.05) is answer
    os.close(write)


def test_the_city_passes_over_the_test_message() -> None:
    assert read(topic_for("springfield", "truck-017", DOCTOR), TEST_MESSAGE) is None


# The agreement.


def by_check(file: Path | None, day: int, folder: Path) -> dict[str, Finding]:
    return {finding.check: finding for finding in agreed(file, folder / OUTBOX_FILE, day)}


def test_an_agreement_is_told_by_its_days(tmp_path: Path) -> None:
    file = EXAMPLES / "agreements/operations.yaml"
    last = (agreement("operations").file.valid_until - EPOCH_DATE).days
    ways = {
        left: by_check(file, last - left, tmp_path)["agreement's days"].outcome for left in (61, 60, 0, -1)
    }
    assert ways == {61: "pass", 60: "warn", 0: "warn", -1: "fail"}


def test_an_agreement_that_is_missing_or_not_understood(tmp_path: Path) -> None:
    assert by_check(None, 0, tmp_path)["agreement"].outcome == "warn"
    broken = tmp_path / "agreement.yaml"
    broken.write_text("id: [")
    assert by_check(broken, 0, tmp_path)["agreement"].outcome == "fail"


def test_an_agreement_that_waits_for_the_next_duty_is_told(tmp_path: Path) -> None:
    standing = agreement("operations")
    shelf = Outbox.open(tmp_path / OUTBOX_FILE, random_bytes=os.urandom, size_bytes_max=2**22)
    shelf.commit(notes={AGREEMENT_NOTE: Note(None, _written(standing))})
    shelf.close()
    found = by_check(EXAMPLES / "agreements/safety-only.yaml", 20_779, tmp_path)
    assert found["in force"].outcome == "warn"
    assert found["in force"].says == "operations version 1 is still in force"


def test_an_agreement_that_was_lost_and_waits_for_the_next_duty_is_told(tmp_path: Path) -> None:
    shelf = Outbox.open(tmp_path / OUTBOX_FILE, random_bytes=os.urandom, size_bytes_max=2**22)
    file = EXAMPLES / "agreements/safety-only.yaml"
    assert "in force" not in by_check(file, 20_779, tmp_path)  # a truck that never ran takes it at once
    shelf.commit(notes={DUTY_DAY_NOTE: Note(20_778, b"")})
    shelf.close()
    found = by_check(file, 20_779, tmp_path)["in force"]
    assert (found.outcome, found.says.partition(":")[0]) == ("warn", "none")
