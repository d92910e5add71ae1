"""What the running agent says of itself: counts and states, never a place."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent import VERSION
from agent.__main__ import main
from agent.cli.status import _age_in_words, in_words
from agent.recording.duty import FixedDuty
from agent.records import iso_date
from agent.status import last_word, status_of, status_path
from buffer import lock
from drivers.inputs import PortLost, PortOpened, Pulse, Tick
from tests.sim.drives import (
    MORNING_MS,
    Witness,
    agreement,
    by_time,
    configuration,
    epochs,
    fed,
    straight,
    switched_on,
    truck,
)

TODAY = iso_date(MORNING_MS // 86_400_000)


def test_the_status_of_a_truck_that_has_just_started() -> None:
    status = status_of(configuration(), agreement(), truck(agreement()))
    assert status["version"] == VERSION
    assert (status["date"], status["recording"], status["gnss"], status["broker"]) == (
        None,
        "off",
        "silent",
        "off",
    )
    assert status["agreement"]["id"] == "routes-and-safety"
    assert set(status["since_start"].values()) == {0}


def test_the_status_follows_duty_receiver_and_broker() -> None:
    link = Witness()
    runtime = truck(agreement("operations"), link=link)
    fed(runtime, link, [PortOpened(0.0, "usb", 9600), *by_time(switched_on(), epochs(straight(3000)))])
    status = status_of(configuration(), agreement("operations"), runtime)
    assert (status["date"], status["recording"], status["gnss"], status["broker"]) == (
        TODAY,
        "on",
        "heard",
        "up",
    )
    assert status["since_start"]["acknowledged"] == status["since_start"]["sealed"] > 0
    fed(runtime, link, [Pulse(151.0, "switch", 0), PortLost(152.0, "unplugged"), Tick(153.0)])
    status = status_of(configuration(), agreement("operations"), runtime)
    assert (status["recording"], status["gnss"]) == ("off", "silent")


def test_without_an_agreement_nothing_is_recorded_whatever_the_switch_says() -> None:
    status = status_of(configuration(), None, truck(None, duty=FixedDuty(True)))
    assert status["recording"] == "off"
    assert status["agreement"] is None


def test_the_status_shows_no_coordinates() -> None:
    link = Witness()
    runtime = truck(agreement("operations"), link=link, duty=FixedDuty(True))
    fed(runtime, link, epochs(straight(3000, 1234.0)))
    text = json.dumps(status_of(configuration(), agreement("operations"), runtime))
    for digits in ("40.0", "-3.9", "4000", "-39", "3985"):
        assert digits not in text


def test_the_status_file_lies_where_systemd_says_else_with_the_state(tmp_path: Path) -> None:
    truck_here = configuration(state=str(tmp_path))
    assert status_path(truck_here, {}) == tmp_path / "status.json"
    assert status_path(truck_here, {"RUNTIME_DIRECTORY": "/run/x"}) == Path("/run/x/status.json")


@pytest.mark.parametrize("agreed", [None, agreement()])
def test_people_read_the_status_in_words(agreed: object) -> None:
    told = in_words(json.loads(json.dumps(status_of(configuration(), agreed, truck(agreed)))))  # type: ignore[arg-type]
    assert "truck-017" in told
    assert ("routes-and-safety version 1" if agreed else "none: only box status leaves") in told
    assert "not known yet" in told
    assert len(told.splitlines()) == 9


def test_the_status_says_how_many_days_the_agreement_has_left() -> None:
    link = Witness()
    ending = agreement(
        "operations", lambda tree: tree.update(valid_until=iso_date(MORNING_MS // 86_400_000 + 7))
    )
    runtime = truck(ending, link=link)
    assert status_of(configuration(), ending, runtime)["agreement_days_left"] is None
    fed(runtime, link, by_time(switched_on(), epochs(straight(300))))
    assert status_of(configuration(), ending, runtime)["agreement_days_left"] == 7


@pytest.mark.parametrize("none", [None, "", "{", "[]", "\udcff"])
def test_a_status_that_is_none_is_passed_over(none: str | None, tmp_path: Path) -> None:
    truck_here, runtime = configuration(state=str(tmp_path)), tmp_path / "run"
    runtime.mkdir()
    if none is not None:
        (runtime / "status.json").write_text(none, errors="surrogateescape")
    assert last_word(truck_here, runtime) is None
    (tmp_path / "status.json").write_text('{"gnss": "heard"}')
    os.utime(tmp_path / "status.json", (5, 7))
    assert last_word(truck_here, runtime) == ({"gnss": "heard"}, 7)
    (runtime / "status.json").write_text('{"gnss": "silent"}')
    word = last_word(truck_here, runtime)
    assert word
    assert word[0] == {"gnss": "silent"}


def test_a_status_that_may_not_be_read_is_no_absent_one(tmp_path: Path) -> None:
    (tmp_path / "status.json").mkdir()  # which root may not read either
    with pytest.raises(IsADirectoryError):
        last_word(configuration(state=str(tmp_path / "state")), tmp_path)


WITHIN_S = 30.0


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """The folder of an agent that was started by hand and has ended: its status file is still there."""
    told = status_of(configuration(), agreement(), truck(agreement()))
    (tmp_path / "status.json").write_text(json.dumps(told), encoding="utf-8")
    (tmp_path / "agent.yaml").write_text(
        f"fleet: springfield\nvehicle: truck-017\nstate: {tmp_path}\nlink: {{brokers: [mqtt://localhost]}}\n"
    )
    return tmp_path


@pytest.fixture
def running(stopped: Path) -> Iterator[Path]:
    """The folder of an agent that runs."""
    with lock.held(stopped):
        yield stopped


def asked(folder: Path, *words: str) -> Result:
    environment = {"RUNTIME_DIRECTORY": str(folder / "run")}
    command = ["status", "--config", str(folder / "agent.yaml"), *words]
    return CliRunner().invoke(main, command, env=environment)


def test_an_agent_that_has_ended_is_not_running_whatever_it_said_last(stopped: Path) -> None:
    written = (stopped / "status.json").stat().st_mtime - 750
    os.utime(stopped / "status.json", (written, written))
    result = asked(stopped)
    assert result.exit_code == 1
    first, second, *rest = result.stdout.splitlines()
    assert first == "NOT RUNNING: this is the agent's last word, 12 minutes old."
    assert "sudo systemctl start fairhaul" in second
    assert len(rest) == 10
    result = asked(stopped, "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["running"], told["vehicle"]) == (1, False, "truck-017")
    assert 750 <= told["age_s"] < 750 + WITHIN_S


def test_a_status_file_that_a_power_cut_has_emptied_is_none(stopped: Path) -> None:
    (stopped / "status.json").write_bytes(b"")
    result = asked(stopped)
    assert (result.exit_code, result.stderr[:15]) == (1, "no status file:")


def test_an_agent_that_runs_is_told_without_more_ado(running: Path) -> None:
    result = asked(running)
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 9)
    told = json.loads(asked(running, "--json").stdout)
    assert told["running"] is True


@pytest.mark.parametrize(("age_s", "runs"), [(10, True), (60, False)])
def test_where_its_lock_may_not_be_looked_at_the_age_of_its_word_tells(
    age_s: int, runs: bool, stopped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("buffer.lock.agent_runs", lambda _: None)  # root may look everywhere
    written = (stopped / "status.json").stat().st_mtime - age_s
    os.utime(stopped / "status.json", (written, written))
    assert asked(stopped).exit_code == (0 if runs else 1)


@pytest.mark.parametrize(
    ("age_s", "words"),
    [(0, "0 seconds"), (119, "119 seconds"), (120, "2 minutes"), (7_200, "2 hours"), (259_200, "3 days")],
)
def test_an_age_is_told_in_one_unit(age_s: float, words: str) -> None:
    assert _age_in_words(age_s) == words


# Watching.


@contextmanager
def watched(folder: Path, *words: str, out: int) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "RUNTIME_DIRECTORY": str(folder), "PYTHONUNBUFFERED": "1", "TERM": "xterm"}
    command = [
        sys.executable,
        "-m",
        "agent",
        "status",
        "--watch",
        "--config",
        str(folder / "agent.yaml"),
        *words,
    ]
    root = Path(__file__).parent.parent.parent
    heard = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # deaf to it where tests run in the background
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, cwd=root, env=environment)
    finally:
        signal.signal(signal.SIGINT, heard)
    with process:
        try:
            yield process
        finally:
            process.kill()


def read_until(descriptor: int, what: bytes, times: int) -> bytes:
    told = b""
    while told.count(what) < times:
        assert select.select([descriptor], [], [], WITHIN_S)[0], told
        found = os.read(descriptor, 65536)
        assert found, told
        told += found
    return told


def test_watching_tells_it_again_and_again_until_ctrl_c_and_follows_the_file(running: Path) -> None:
    ours, theirs = os.pipe()
    with watched(running, out=theirs) as process:
        os.close(theirs)
        plain = read_until(ours, b"data agreement    routes-and-safety version 1", 2)
        (running / "status.json").unlink()
        read_until(ours, b"is the agent running?", 1)
        process.send_signal(signal.SIGINT)
        assert process.wait(WITHIN_S) == 0
    os.close(ours)
    assert b"\x1b" not in plain


def test_watching_for_programs_gives_one_object_a_line(running: Path) -> None:
    ours, theirs = os.pipe()
    with watched(running, "--json", out=theirs) as process:
        os.close(theirs)
        told = read_until(ours, b"\n", 2)
        process.send_signal(signal.SIGINT)
        assert process.wait(WITHIN_S) == 0
    os.close(ours)
    assert [json.loads(line)["vehicle"] for line in told.splitlines()[:2]] == ["truck-017"] * 2


def test_watching_on_a_terminal_draws_in_the_same_place(running: Path) -> None:
    ours, theirs = pty.openpty()
    with watched(running, out=theirs) as process:
        os.close(theirs)
        told = read_until(ours, b"routes-and-safety version 1", 2)
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # how a pseudo-terminal says that the other end is closed
            while len(told) < 2**20 and select.select([ours], [], [], WITHIN_S)[0]:
                told += os.read(ours, 65536)  # a terminal's reader has to take it all
        assert process.wait(WITHIN_S) == 0
    os.close(ours)
    assert b"\x1b[" in told
