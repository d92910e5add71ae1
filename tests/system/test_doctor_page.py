"""The whole doctor as a program, for each kind of receiver; docs/doctor.md shows what it really says."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from tests.system.doctor_page import PAGE, Said, asked, on_page, settled, shown
from tests.system.mosquitto import Mosquitto, free_port
from tests.unit.doctor_parts import DIGITS, SAMPLES
from tests.unit.test_doctor_finding import SCHEMA

PATHS = {**os.environ, "PYTHONPATH": str(PAGE.parent.parent)}
VERDICTS = {
    "silent": (1, "Next: Check the receiver's power, and that its TX goes to our RX."),
    "wrong baud": (1, "Next: Write `baud: auto` under gnss in agent.yaml."),
    "garbage": (1, "Next: Take a receiver that speaks NMEA 0183"),
    "no fix": (1, "Next: Drive into open sky, wait up to 15 minutes, and run this again."),
    "good": (0, "Next: Name under `pins:` in agent.yaml what is wired to the header."),
}


def shows_no_place(said: Said) -> None:
    for text in (said.stdout, said.stderr):
        assert [digits for digits in DIGITS if digits in text] == []


@pytest.mark.parametrize("name", SAMPLES)
def test_each_receiver_gets_its_verdict_and_the_page_shows_it(name: str) -> None:
    said = asked(name)
    status, action = VERDICTS[name]
    assert said.status == status
    verdict, following = said.stdout.splitlines()[:2]
    assert verdict == f"{'NOT READY' if status else 'READY'}: truck-017"
    assert following.startswith(action)
    shows_no_place(said)
    fresh = "type: .venv/bin/python -m tests.system.doctor_page"
    assert settled(on_page(name)) == settled(shown(name, said)), fresh


def test_programs_get_json_that_shows_no_place_either() -> None:
    said = asked("good", ["--json"])
    told = json.loads(said.stdout)
    jsonschema.validate(told, SCHEMA)
    assert (said.status, said.stderr, told["ready"]) == (0, "", True)
    checks = {check["check"]: check["outcome"] for check in told["checks"]}
    assert (checks["fix"], checks["date"], checks["test message"]) == ("pass", "pass", "pass")
    shows_no_place(said)


def test_the_canary_would_be_found() -> None:
    with pytest.raises(AssertionError):
        shows_no_place(Said(0, "at 47.8765432", ""))


def test_a_newcomer_gets_from_an_empty_directory_to_ready_with_the_page_alone(tmp_path: Path) -> None:
    section = (
        PAGE.read_text(encoding="utf-8").partition("## Try it without a truck\n")[2].partition("\n## ")[0]
    )
    blocks = {
        language: text.replace("10110", str(free_port()))
        for language, text in re.findall(
            r"^```(python|yaml) ?\w*\n(.*?)^```", section, re.MULTILINE | re.DOTALL
        )
    }
    commands = [shlex.split(line) for line in re.findall(r"^\$ fairhaul (.*)$", section, re.MULTILINE)]
    port = re.search(r":(\d+)", blocks["yaml"])
    assert port is not None
    (tmp_path / "gps.py").write_text(re.sub(r"\d{5}", port[1], blocks["python"]))
    run = [sys.executable, "-m", "agent"]
    subprocess.run([*run, *commands[0]], cwd=tmp_path, env=PATHS, check=True, capture_output=True)
    with Mosquitto(tmp_path) as broker:
        (tmp_path / "agent.yaml").write_text(blocks["yaml"].replace("1883", str(broker.port)))
        with subprocess.Popen([sys.executable, "gps.py"], cwd=tmp_path) as gps:
            try:
                done = subprocess.run(
                    [*run, *commands[1]], cwd=tmp_path, env=PATHS, capture_output=True, text=True, check=False
                )
            finally:
                gps.kill()
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "READY: truck-017"), done.stdout
