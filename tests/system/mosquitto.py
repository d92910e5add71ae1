"""apt's mosquitto on a free loopback port, with a configuration of the test's own."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

ANSWER_WITHIN_S = 10.0
OPEN = "allow_anonymous true"


def free_port() -> int:
    """A loopback port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Log:
    """What one run of the broker writes to stderr, line by line, with a way to wait for a line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.lines: list[str] = []
        self._process = process
        self._news = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._news:
                self.lines.append(line.rstrip())
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wait_for(self, words: str, times: int = 1) -> str:
        """The line that holds `words` for the so-many-th time; fails when the broker ends or is silent too long."""

        def seen() -> str | None:
            found = [line for line in self.lines if words in line]
            return found[times - 1] if len(found) >= times else None

        with self._news:
            self._news.wait_for(lambda: seen() or self._ended, ANSWER_WITHIN_S)
            found = seen()
        assert found is not None, f"mosquitto never said {words!r}: {self.lines}"
        return found

    def close(self) -> None:
        """Read to the end."""
        self._thread.join(ANSWER_WITHIN_S)
        if self._process.stderr is not None:
            self._process.stderr.close()


class Mosquitto:
    """One broker in `folder`; `settings` are lines of mosquitto.conf, which keep the listener's port.

    `stop` is SIGTERM, `kill9` what it says, `freeze` and `thaw` are SIGSTOP and SIGCONT. `start` may follow any end
    and listens on the same port. Persistence, where the settings ask for it, is in `folder`.
    """

    def __init__(self, folder: Path, settings: str = OPEN, scheme: str = "mqtt") -> None:
        self.port = free_port()
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"user {getpass.getuser()}\n"  # as root it would drop to a user who cannot read the folder
            f"listener {self.port} 127.0.0.1\n"
            f"persistence_location {folder}/\n"
            "log_dest stderr\nlog_type all\nconnection_messages true\n"
            f"{settings}\n"
        )
        self._process: subprocess.Popen[str] | None = None
        self.log: Log

    def start(self) -> Mosquitto:
        """Run it; returns when it listens."""
        program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        assert program is not None, "these tests need mosquitto: apt install mosquitto"
        self._process = subprocess.Popen(
            [program, "-c", str(self._config)], stderr=subprocess.PIPE, text=True
        )
        self.log = Log(self._process)
        self.log.wait_for("running")
        return self

    def stop(self) -> None:
        """End it as the system would."""
        self._end(signal.SIGTERM)

    def kill9(self) -> None:
        """End it as a power cut would, the files apart."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Leave its connections open and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after `freeze`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        self._process.send_signal(signal.SIGCONT)
        self._process.wait(ANSWER_WITHIN_S)
        self.log.close()
        self._process = None

    def __enter__(self) -> Mosquitto:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self._end(signal.SIGKILL)
