"""A link made of paper: what would be published is handed on, and acknowledged at once.

It stands in for the broker in replays. It never loses, delays or refuses anything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from drivers.inputs import Acknowledged, Input, LinkUp


class Published(NamedTuple):
    """One payload as it would leave: `at` in seconds since the log began."""

    at: float
    topic: str
    payload: bytes


class PaperLink:
    """A link whose broker takes everything. `answers` are the inputs it has in store for the runtime."""

    def __init__(self, take: Callable[[Published], None]) -> None:
        self.at = 0.0
        self.answers: deque[Input] = deque()
        self._take = take
        self._link = 0
        self._mid = 0

    def connect(self, link: int, broker: str) -> None:
        """Accepted."""
        self._link = link
        self.answers.append(LinkUp(self.at, link, broker))

    def publish(self, topic: str, payload: bytes) -> int:
        """Taken and acknowledged."""
        self._mid += 1
        self._take(Published(self.at, topic, payload))
        self.answers.append(Acknowledged(self.at, self._link, self._mid, None))
        return self._mid

    def disconnect(self) -> None:
        """Nothing is left to do."""
