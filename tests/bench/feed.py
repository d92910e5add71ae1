"""Pseudo-terminals as serial ports, written in the shape of a receiver's bursts.

A receiver at 115200 baud sends its nine sentences in one burst of some 50 ms at the start of each second, and the
kernel hands them on 16 bytes at a time, as a UART's FIFO does. Several ports are fed in turn, each a share of the
second after the one before, so that programs do not wake at the same moment.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
import tty
from collections.abc import Iterator, Sequence
from typing import NamedTuple

BAUD = 115_200
BITS_A_BYTE = 10
FIFO_BYTES = 16
PACED_SPEED_MAX = 4.0
"""Faster than this the bursts of three ports would overlap: each is written at once."""
STALL_S_MAX = 20.0


class Port:
    """One pseudo-terminal. What its program does not read is held back, never dropped."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.name = os.ttyname(self._slave)
        self.held_s = 0.0

    def write(self, data: bytes) -> None:
        """All of it. Raises TimeoutError when the program reads nothing for `STALL_S_MAX`."""
        while data:
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self._master, data) :]
            if data:
                self._wait()

    def _wait(self) -> None:
        began = time.monotonic()
        if not select.select([], [self._master], [], STALL_S_MAX)[1]:
            raise TimeoutError(f"nobody reads {self.name}")
        self.held_s += time.monotonic() - began

    def close(self) -> None:
        """Both ends."""
        os.close(self._master)
        os.close(self._slave)


class Slot(NamedTuple):
    """When a port gets its next burst, in real seconds from the start."""

    due_s: float
    port: int
    burst: int


def slots(ports: int, bursts: int, speed: float) -> Iterator[Slot]:
    """One for each port and burst, in order of time: a second of driving takes 1/speed."""
    for burst in range(bursts):
        for port in range(ports):
            yield Slot((burst + port / ports) / speed, port, burst)


def pieces(burst: bytes, paced: bool) -> list[tuple[float, bytes]]:
    """A burst as a line at `BAUD` brings it: seconds from its start, and the bytes."""
    if not paced:
        return [(0.0, burst)]
    byte_s = BITS_A_BYTE / BAUD
    starts = range(0, len(burst), FIFO_BYTES)
    return [((start + FIFO_BYTES) * byte_s, burst[start : start + FIFO_BYTES]) for start in starts]


def feed(ports: Sequence[Port], bursts: Sequence[bytes], speed: float) -> None:
    """Write every burst to every port, `speed` times as fast as a receiver would."""
    paced = speed <= PACED_SPEED_MAX
    start = time.monotonic()
    for slot in slots(len(ports), len(bursts), speed):
        for after_s, piece in pieces(bursts[slot.burst], paced):
            time.sleep(max(0.0, start + slot.due_s + after_s - time.monotonic()))
            ports[slot.port].write(piece)
    time.sleep(max(0.0, start + len(bursts) / speed - time.monotonic()))
