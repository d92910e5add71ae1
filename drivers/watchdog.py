"""What systemd is told of the agent: that it is ready, that it lives, that it stops. Nothing else, ever.

A service of `Type=notify` finds the address of a datagram socket in NOTIFY_SOCKET and, with a watchdog, the longest
silence in WATCHDOG_USEC; see sd_notify(3) and sd_watchdog_enabled(3). Systemd keeps the time of each word where
anybody may read it, so no word's time may tell of the truck: the agent is said to live at multiples of a period, at
the first step that ends behind one.
"""

from __future__ import annotations

import contextlib
import math
import socket
from collections.abc import Mapping

FEEDS_A_TIMEOUT = 3  # two in a row may be lost or late


class Watchdog:
    """Says to systemd that the agent is ready, lives and stops; to nobody when `address` is None.

    `timeout_s` is the silence after which systemd ends the agent, None for no watchdog. `due` is when a step has to
    end again, in the same seconds as `now`; infinity when nobody waits for it. No word raises or waits: one that
    can't be sent is lost.
    """

    def __init__(self, address: str | None = None, timeout_s: float | None = None) -> None:
        self._address = address
        self._every_s = timeout_s / FEEDS_A_TIMEOUT if address and timeout_s else math.inf
        self.due = math.inf

    @classmethod
    def of(cls, environment: Mapping[str, str], pid: int) -> Watchdog:
        """As systemd asks process `pid` for it in its environment; what is malformed there counts as absent."""
        path, usec = environment.get("NOTIFY_SOCKET", ""), environment.get("WATCHDOG_USEC", "")
        address = f"\0{path[1:]}" if path.startswith("@") else path if path.startswith("/") else None
        mine = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
        return cls(address, int(usec) / 1e6 if mine and usec.isdecimal() else None)

    def ready(self) -> None:
        """The loop runs; it is to end its first step at once."""
        self._say("READY=1")
        if math.isfinite(self._every_s):
            self.due = 0.0

    def feed(self, now: float) -> None:
        """A step has ended; systemd hears of it when a period is over."""
        if now >= self.due:
            self._say("WATCHDOG=1")
            self.due = (now // self._every_s + 1) * self._every_s

    def stop(self) -> None:
        """The agent ends because it was asked to."""
        self._say("STOPPING=1")

    def _say(self, word: str) -> None:
        if self._address:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
                line.setblocking(False)
                line.sendto(word.encode("ascii"), self._address)
