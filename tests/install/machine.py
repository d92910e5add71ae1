"""A Debian 12 of its own, booted with systemd as PID 1 in a container without network: root and systemd-nspawn.

The base tree is fetched once and kept. What the container does not model: hardware, the real network, memory limits.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

SUITE = "bookworm"
PACKAGES = "systemd,systemd-sysv,dbus,udev,python3,tzdata"
NSPAWN = [
    "systemd-nspawn",
    "--quiet",
    "--boot",
    "--register=no",
    "--keep-unit",
    "--private-network",
    "--capability=all",
    "--system-call-filter=bpf",
    "--console=pipe",
]
IN_CGROUPS = 'for procs in $0; do echo $$ > "$procs"; done && exec "$@"'
BOOT_S, COMMAND_S, BASE_S = 90.0, 120.0, 900.0
HIERARCHIES = [Path("/sys/fs/cgroup", name) for name in ("unified", "systemd", "")]
PROPAGATED = Path("/run/systemd/nspawn/propagate")
TICK = threading.Event()  # never set: paces what polls


class NotInTime(Exception):
    """What was waited for did not come about."""


def wait_until(true: Callable[[], bool], within_s: float, what: str) -> float:
    """Ask until it is true; the seconds that it took."""
    began_s = time.monotonic()  # noqa: TID251 — another machine has a real clock
    while not true():
        if time.monotonic() - began_s > within_s:  # noqa: TID251
            raise NotInTime(f"not within {within_s:.0f} s: {what}")
        TICK.wait(0.1)
    return time.monotonic() - began_s  # noqa: TID251


def base_tree(kept: Path) -> Path:
    """The archive of a bare Debian, fetched when it is not there yet."""
    archive = kept / f"{SUITE}.tar"
    if not archive.exists():
        kept.mkdir(parents=True, exist_ok=True)
        fresh = kept / f".{SUITE}.tar"
        subprocess.run(
            ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", SUITE, fresh],
            check=True,
            timeout=BASE_S,
        )
        fresh.replace(archive)
    return archive


class Machine:
    """A container over a fresh copy of the base tree; a context manager, switched off and removed behind it."""

    def __init__(self, kept: Path) -> None:
        archive = base_tree(kept)
        self._folder = Path(tempfile.mkdtemp(prefix="machine-", dir=kept))
        self.root = self._folder / "root"
        self.root.mkdir()
        self.console = self._folder / "console"
        self._name = f"fairhaul-test-{os.getpid()}"
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._first = 0
        subprocess.run(["tar", "-x", "-f", archive, "-C", self.root], check=True, timeout=BASE_S)

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.cut_power()
        shutil.rmtree(self._folder)

    def boot(self) -> float:
        """Switch it on; the seconds until systemd says that it is up."""
        of_this_one = [f"--machine={self._name}", f"--directory={self.root}"]
        with self.console.open("ab") as console:
            self._nspawn = subprocess.Popen(
                ["sh", "-c", IN_CGROUPS, self._own_cgroups(), *NSPAWN, *of_this_one],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            )
        took_s = wait_until(self._has_a_first_process, BOOT_S, "a first process")
        return took_s + wait_until(self._is_up, BOOT_S, "systemd up")

    def cut_power(self) -> None:
        """Everything in it ends at once, as with SIGKILL; what it has written to its files is there."""
        if self._nspawn is None:
            return
        if self._first:  # whose end takes every other process of the machine with it
            os.kill(self._first, signal.SIGKILL)
        else:
            self._nspawn.kill()
        self._nspawn.wait(COMMAND_S)
        self._nspawn, self._first = None, 0
        shutil.rmtree(PROPAGATED / self._name, ignore_errors=True)
        for hierarchy in HIERARCHIES:
            for folder, _, _ in os.walk(hierarchy / self._name, topdown=False):
                Path(folder).rmdir()

    def run(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """A command in it, as root; what it says on either channel is `stdout`."""
        return subprocess.run(
            [
                "nsenter",
                f"--target={self._first}",
                "--mount",
                "--uts",
                "--ipc",
                "--net",
                "--pid",
                "--",
                *words,
            ],
            stdin=subprocess.DEVNULL if stdin is None else None,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=COMMAND_S,
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "LC_ALL": "C.UTF-8",
                "DEBIAN_FRONTEND": "noninteractive",
            },
        )

    def said(self, *words: str) -> str:
        """What a command in it says that must succeed."""
        done = self.run(*words)
        assert done.returncode == 0, f"{' '.join(words)}: {done.returncode}\n{done.stdout[-2000:]}"
        return done.stdout.strip()

    def _own_cgroups(self) -> str:
        """The files that take a process into them: nspawn makes its own below those it is in, and they go with them."""
        own = [folder / self._name for folder in HIERARCHIES if (folder / "cgroup.procs").exists()]
        for folder in own:
            folder.mkdir(exist_ok=True)
        return " ".join(str(folder / "cgroup.procs") for folder in own)

    def _has_a_first_process(self) -> bool:
        assert self._nspawn is not None
        assert self._nspawn.poll() is None, (
            f"nspawn ended:\n{self.console.read_text(errors='replace')[-2000:]}"
        )
        pid = self._nspawn.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                self._first = int(child)
        return self._first > 0

    def _is_up(self) -> bool:
        return self.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded")
