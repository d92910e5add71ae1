"""GNSS time for the Pi's own clock, which TLS needs and a Pi without a battery forgets; chrony is who sets it.

Chrony makes a datagram socket for its reference clock of kind SOCK and takes samples of the C structure `sock_sample`
(chrony.conf(5), refclock_sock.c). Where there is no such socket nobody is told. What leaves the agent is the time, to
a program on the same box, and only for the first minute in which the time is known: later on, times of no sample
would tell when the sky was out of sight.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

# Debian's AppArmor profile lets chronyd make one of such a name.
CHRONY_SOCKET = Path("/run/chrony.fairhaul.sock")
SAMPLES = 64  # chrony believes a clock after about eight of them
EVERY_S = 1.0
_SAMPLE = struct.Struct("@lldiiii")  # seconds and µs of the sample, offset in s, pulse, leap, padding, magic
_MAGIC = 0x534F434B


class SystemClock:
    """Tells chrony at `path` what time it is, `SAMPLES` times; says nothing where no one listens.

    `utc_s` gives the seconds since 1970 at an `at`, None while no date is trusted. `reads` is the Pi's clock.
    """

    def __init__(
        self,
        path: Path | None = None,
        reads: Callable[[], float] = time.time,  # noqa: TID251 - the very clock that is to be set; nothing else uses it
    ) -> None:
        self._path = path
        self._reads = reads
        self._left = SAMPLES if path else 0
        self._due = 0.0

    def feed(self, now: float, utc_s: Callable[[float], float | None]) -> None:
        """The receiver has been heard; a sample a second is said while there are any left."""
        if not self._left or now < self._due:
            return
        self._due = (now // EVERY_S + 1) * EVERY_S
        utc = utc_s(now)
        if utc is not None:
            self._left -= 1
            self._say(utc, self._reads())

    def _say(self, utc: float, read: float) -> None:
        if self._path is None or not self._path.is_socket():
            return
        seconds = int(read)
        sample = _SAMPLE.pack(seconds, int((read - seconds) * 1e6), utc - read, 0, 0, 0, _MAGIC)
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.setblocking(False)
            line.sendto(sample, str(self._path))
