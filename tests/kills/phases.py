"""Which phase an agent is in, told through a small mapped file that outlives it, and a kill -9 at a chosen moment.

The kernel itself sends the kill when a timer runs out, so that it lands within a commit of milliseconds however busy
the computer is, and nothing of Python's runs in between.
"""

from __future__ import annotations

import ctypes
import mmap
import signal
import time
from pathlib import Path
from typing import NamedTuple

PHASES = (
    "starting",
    "recording",
    "committing",
    "sealing",
    "connecting",
    "draining",
    "acknowledging",
    "purging",
    "ending",
)
WHOLE = {"starting", "ending"}  # whatever else happens within them
NAME_BYTES = 16


class Fate(NamedTuple):
    """A kill so many seconds behind the `nth` time that the phase is entered."""

    phase: str
    nth: int
    delay_s: float


class Shown:
    """The mapped file: the name of the phase, kept by the kernel when its writer is killed."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(NAME_BYTES))
        with path.open("r+b") as file:
            self._bytes = mmap.mmap(file.fileno(), NAME_BYTES)

    def put(self, phase: str) -> None:
        """From now on it is this one."""
        self._bytes[:] = phase.encode("ascii").ljust(NAME_BYTES, b"\0")

    def get(self) -> str:
        """Which one it is, or was when its writer ended."""
        return self._bytes[:].rstrip(b"\0").decode("ascii")


class Watch:
    """Follows the phases of this process, and arms the kill when its fate says so.

    Phases of calls lie within each other and the innermost counts, those in WHOLE apart; `state` tells the phase
    outside of all calls.
    """

    def __init__(self, shown: Shown, fate: Fate | None) -> None:
        self.state = "recording"
        self._shown = shown
        self._fate = fate
        self._entered = 0
        self._calls: list[str] = []
        self._phase = ""

    def enter(self, phase: str) -> None:
        """A call begins that is this phase."""
        self._calls.append(phase)
        self.show()

    def leave(self) -> None:
        """It is over."""
        self._calls.pop()
        self.show()

    def show(self) -> None:
        """Tell the phase if it is another than before."""
        phase = next((each for each in self._calls if each in WHOLE), (self._calls or [self.state])[-1])
        if phase == self._phase:
            return
        self._phase = phase
        self._shown.put(phase)
        if self._fate is not None and phase == self._fate.phase:
            self._entered += 1
            if self._entered == self._fate.nth:
                kill_within(self._fate.delay_s)


class _Event(ctypes.Structure):
    """`struct sigevent` of Linux with SIGEV_SIGNAL, which is 0."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_byte * 48),
    )


class _Setting(ctypes.Structure):
    """`struct itimerspec`: twice seconds and nanoseconds, of which only the second pair is used."""

    _fields_ = tuple((name, ctypes.c_long) for name in ("every_s", "every_ns", "first_s", "first_ns"))


def kill_within(delay_s: float) -> None:
    """Have the kernel kill this process with signal 9 in so many seconds. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    timer = ctypes.c_void_p()
    first_ns = max(1, round(delay_s * 1e9))
    event, setting = _Event(None, signal.SIGKILL, 0), _Setting(0, 0, *divmod(first_ns, 10**9))
    if libc.timer_create(time.CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(timer)):
        raise OSError(ctypes.get_errno(), "timer_create")
    if libc.timer_settime(timer, 0, ctypes.byref(setting), None):
        raise OSError(ctypes.get_errno(), "timer_settime")
