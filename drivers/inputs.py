"""Everything that can happen to the agent, as values.

The world enters through one inbox. Foreign threads (the serial reader, gpiozero's callbacks, paho's network
thread) only stamp one of these with `at` and post it; one thread consumes them. A recorded log, the simulator
and the live truck all yield the same values, so the agent cannot tell them apart.

`at` is always monotonic seconds of the injected clock: for timeouts and debounce, never for records.
"""

from __future__ import annotations

from typing import NamedTuple, NoReturn


class Chunk(NamedTuple):
    """Bytes as they came from the GNSS receiver, cut anywhere."""

    at: float
    data: bytes

    def __repr__(self) -> str:
        return f"Chunk(at={self.at}, {len(self.data)} bytes)"

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Chunk tells where a truck was: it is neither pickled nor copied")


class PortOpened(NamedTuple):
    """The GNSS port is open and, where it has one, its speed is known."""

    at: float
    device: str
    baud: int | None


class PortLost(NamedTuple):
    """The GNSS port is gone, silent or unreadable; the driver goes on trying by itself."""

    at: float
    reason: str


class Pulse(NamedTuple):
    """One edge on a named input line, raw and undebounced. `level` is logical: 1 is active, after polarity."""

    at: float
    pin: str
    level: int


class LinkUp(NamedTuple):
    """Connection number `link` to `broker` is accepted."""

    at: float
    link: int
    broker: str


class LinkDown(NamedTuple):
    """Connection number `link` ended or never came up. `reason` is in words, never with a secret."""

    at: float
    link: int
    reason: str


class Acknowledged(NamedTuple):
    """The broker answered the publish numbered `mid` on connection `link`; `refusal` is None when it took it."""

    at: float
    link: int
    mid: int
    refusal: str | None


class Delivered(NamedTuple):
    """A message from the broker on a topic that this end subscribed to.

    `mid` is what a lasting subscription acknowledges it by; 0 where there is nothing to acknowledge. `retained`: the
    broker had kept it; else somebody has published it just now.
    """

    at: float
    link: int
    topic: str
    payload: bytes
    mid: int = 0
    retained: bool = False


class Tick(NamedTuple):
    """Nothing happened, but time went on to `at`."""

    at: float


class Stop(NamedTuple):
    """Someone asked the agent to end cleanly."""

    at: float


Input = Chunk | PortOpened | PortLost | Pulse | LinkUp | LinkDown | Acknowledged | Delivered | Tick | Stop
