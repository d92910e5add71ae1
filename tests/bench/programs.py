"""The three programs: how each is started, and where it says how often it committed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.bench import driving
from tests.bench.feed import BAUD

ROOT = Path(__file__).parents[2]
STOP_S_MAX = 15.0
ANSWER_S_MAX = 5.0


class Start(NamedTuple):
    """What a program is started with. `work` is not measured, `store` is the measured disk."""

    port: str
    broker_port: int
    store: Path
    work: Path
    speed: float
    agreement: str


class Counts(NamedTuple):
    """What a program says of itself."""

    fixes: int | None
    commits: int


class Program(NamedTuple):
    """A command, environment settings, the topic under which it publishes, and the way to its counts."""

    topic: str
    command: Callable[[Start], list[str]]
    settings: Callable[[Start], dict[str, str]]
    counts: Callable[[subprocess.Popen[bytes], Path], Counts]


def _agent_command(start: Start) -> list[str]:
    driving.write_yaml(start.work / "agreement.yaml", driving.operations(start.agreement))
    tree = driving.configuration(start.port, BAUD, start.store / "state", start.broker_port)
    return ["-m", "agent", "run", "--config", str(driving.write_yaml(start.work / "agent.yaml", tree))]


def _agent_settings(start: Start) -> dict[str, str]:
    # As systemd/fairhaul.service starts it: without docstrings, with a cache for what Python compiles, and with a
    # runtime directory in memory, where the status file belongs, not on the card.
    return {
        "PYTHONOPTIMIZE": "2",
        "PYTHONPYCACHEPREFIX": str(start.work / "pycache"),
        "PYTHONDONTWRITEBYTECODE": "",
        "FAIRHAUL_CLOCK_SPEED": str(start.speed),
        "RUNTIME_DIRECTORY": str(start.work),
        "GPIOZERO_PIN_FACTORY": "mock",
    }


def _agent_counts(process: subprocess.Popen[bytes], work: Path) -> Counts:
    status = json.loads((work / "status.json").read_text(encoding="utf-8"))
    return Counts(None, status["since_start"]["commits"])


def _script_command(name: str) -> Callable[[Start], list[str]]:
    path = str(Path(__file__).with_name(name))
    return lambda start: [
        path,
        start.port,
        str(BAUD),
        str(start.store / "fixes.db"),
        str(start.broker_port),
    ]


def _script_counts(process: subprocess.Popen[bytes], work: Path) -> Counts:
    said = work / "stdout"
    before = said.stat().st_size
    process.send_signal(signal.SIGUSR1)
    until = time.monotonic() + ANSWER_S_MAX
    while said.stat().st_size == before and time.monotonic() < until:
        time.sleep(0.02)
    return Counts(**json.loads(said.read_text(encoding="utf-8").splitlines()[-1]))


PROGRAMS = {
    "fairhaul": Program(f"fairhaul/v1/{driving.FLEET}/", _agent_command, _agent_settings, _agent_counts),
    "yardstick": Program("bench/yardstick", _script_command("yardstick.py"), lambda _: {}, _script_counts),
    "usual": Program("bench/usual", _script_command("usual_script.py"), lambda _: {}, _script_counts),
}


class Running:
    """A started program, stopped by `close`. Its output goes to files beside its configuration."""

    def __init__(self, name: str, start: Start) -> None:
        self.name, self._work, self._program = name, start.work, PROGRAMS[name]
        with (start.work / "stdout").open("wb") as out, (start.work / "stderr").open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, *self._program.command(start)],
                env={**os.environ, **self._program.settings(start)},
                cwd=ROOT,
                stdout=out,
                stderr=err,
            )

    @property
    def pid(self) -> int:
        """Its process number."""
        return self.process.pid

    @property
    def complaints(self) -> str:
        """The end of what it wrote to stderr."""
        return (self._work / "stderr").read_text(encoding="utf-8", errors="replace")[-2000:]

    def counts(self) -> Counts:
        """What it says of itself now. Raises RuntimeError when it has ended."""
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with status {self.process.returncode}: {self.complaints}")
        return self._program.counts(self.process, self._work)

    def close(self) -> None:
        """Ask it to end; make it end when it does not."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_S_MAX)
            return
        self.process.kill()
        self.process.wait()
