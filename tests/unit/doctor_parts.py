"""A GNSS receiver on a real pseudo-terminal that speaks by itself, for the tests of `fairhaul doctor`.

A pty has no speed of its own: the receiver looks at the one that the reader has set, and garbles what it says unless
that is its own.
"""

from __future__ import annotations

import contextlib
import os
import random
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from agent.geometry import Point
from drivers.simulate.sentences import with_checksum
from tests.sim.drives import Spot, sentences

CANARY = Point(478_765_432, 118_765_432)
NORTH_E7 = 1_800
"""Twenty metres a second, as the sentences say."""

DIGITS = ("4752.", "1152.", "47.87", "11.87", "4787", "1187")
"""What a place of the canary begins with, in degrees and minutes as in degrees, whoever writes it."""

GARBAGE = bytes(random.Random(7).choices(range(128, 256), k=120))
SAMPLES = ("silent", "wrong baud", "garbage", "no fix", "good")


def now_ms() -> int:
    """This computer's own time: what the clock is compared with is the date of the receiver."""
    return int(time.time()) * 1000  # noqa: TID251


def text_sentence(words: str) -> bytes:
    """A sentence of text, as receivers tell of their antenna."""
    return with_checksum(f"GNTXT,01,01,02,{words}")


def epoch(number: int, *, fix: bool = True, start_ms: int | None = None) -> bytes:
    """What a receiver says in second `number`, at the canary's place."""
    begun_ms = now_ms() if start_ms is None else start_ms
    north_e7 = CANARY.latitude_e7 + NORTH_E7 * number
    said = sentences(begun_ms + 1000 * number, Point(north_e7, CANARY.longitude_e7))
    if fix:
        return said
    void = sentences(begun_ms + 1000 * number, Spot(0, 0, quality=0, satellites=2))
    return without_place(void)


def without_place(said: bytes) -> bytes:
    """The same sentences with empty places, as receivers without a fix send them."""
    lines = []
    for line in said.decode("ascii").splitlines():
        fields = line[1:].partition("*")[0].split(",")
        for place, field in enumerate(fields):
            if field in ("N", "S", "E", "W") and place > 2:
                fields[place] = fields[place - 1] = ""
        lines.append(with_checksum(",".join(fields)))
    return b"".join(lines)


class Gps:
    """A receiver for one speed (None: for any), which says `says(n)` in its n-th second until it is unplugged."""

    def __init__(self, says: Callable[[int], bytes], baud: int | None = None, every_s: float = 1.0) -> None:
        self._master, slave = os.openpty()
        self.path = os.ttyname(slave)
        os.close(slave)  # who has it open counts as another program on the port
        os.set_blocking(self._master, False)  # nobody may be reading
        self._speed = None if baud is None else getattr(termios, f"B{baud}")
        self._says = says
        self._every_s = every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._speak, daemon=True)
        self._thread.start()

    def _speak(self) -> None:
        number = 0
        while not self._over.wait(self._every_s):
            said = self._says(number)
            heard = self._speed in (None, termios.tcgetattr(self._master)[4])
            with contextlib.suppress(BlockingIOError):
                os.write(self._master, said if heard else GARBAGE)
            number += 1

    def __enter__(self) -> Gps:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(5)
        os.close(self._master)


def sample(name: str, every_s: float = 1.0) -> Gps:
    """One of SAMPLES."""
    start_ms = now_ms()
    if name == "silent":
        return Gps(lambda _: b"", every_s=every_s)
    if name == "garbage":
        return Gps(lambda _: GARBAGE, every_s=every_s)
    if name == "no fix":
        return Gps(lambda n: epoch(n, fix=False, start_ms=start_ms), every_s=every_s)
    if name == "wrong baud":
        return Gps(lambda n: epoch(n, start_ms=start_ms), 115_200, every_s)
    return Gps(lambda n: epoch(n, start_ms=start_ms), every_s=every_s)


def linked(gps: Gps, folder: Path) -> Path:
    """The receiver under a name of its own, as the udev rule gives it one."""
    path = folder / "fairhaul-gps"
    path.symlink_to(gps.path)
    return path
