"""`fairhaul receive` as a process of its own, for tests against a real broker."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

WAIT_S = 30.0
STARTED: list[subprocess.Popen[bytes]] = []


class City:
    """The command as a process over one store; its people's output goes to a file."""

    def __init__(self, folder: Path, url: str, *more: str) -> None:
        self.store = folder / "received.db"
        self._url = url
        self._said = folder / "said.txt"
        self._more = more

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        """Run it; returns when it is connected."""
        with self._said.open("wb") as said:
            process = subprocess.Popen(self._command(*more), stderr=said)
        STARTED.append(process)
        self.until(lambda: "connected" in self.said())
        return process

    def run(self, *more: str) -> int:
        """Run it to its end."""
        with self._said.open("wb") as said:
            return subprocess.run(self._command(*more), stderr=said, timeout=WAIT_S, check=False).returncode

    def said(self) -> str:
        return self._said.read_text()

    def numbers(self, stream: str = "") -> list[int]:
        """The batches in the store, of a stream or of all, read from beside the running receiver."""
        with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as db:
            sql = "SELECT n FROM batch WHERE ? IN (stream, '') ORDER BY id"
            return [row[0] for row in db.execute(sql, (stream,))]

    def until(self, true: Callable[[], bool]) -> None:
        """Wait for another process; these tests have a real clock."""
        deadline_s = time.monotonic() + WAIT_S  # noqa: TID251 — the process under test has a real one
        while not true():
            assert time.monotonic() < deadline_s, self.said()  # noqa: TID251
            time.sleep(0.05)  # noqa: TID251

    def status(self) -> list[dict[str, Any]]:
        """What `--status` prints."""
        command = [sys.executable, "-m", "agent", "receive", "--store", str(self.store), "--status"]
        printed = subprocess.run(command, capture_output=True, timeout=WAIT_S, check=True).stdout
        return [json.loads(line) for line in printed.splitlines()]

    def _command(self, *more: str) -> list[str]:
        common = ["receive", "--broker", self._url, "--store", str(self.store)]
        return [sys.executable, "-m", "agent", *common, *self._more, *more]


def end(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> int:
    process.send_signal(how)
    return process.wait(WAIT_S)


def end_all() -> None:
    """Kill what a failed test has left running."""
    while STARTED:
        process = STARTED.pop()
        process.kill()
        process.wait(WAIT_S)
