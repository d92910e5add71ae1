"""Trucks that drain a backlog side by side, turned by one thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from tests.system.backlog_truck import Truck

PAUSE_S = 0.02
PATIENCE_S = 300.0


class Fleet:
    """Trucks 1 to `count` with `batches` each. Each knows all nodes and begins with another of them.

    `link` is the configuration's; what it leaves out has the agent's own default. `speed` is of the trucks' clocks.
    """

    def __init__(
        self,
        nodes: Sequence[str],
        count: int,
        batches: int,
        link: dict[str, Any] | None = None,
        speed: float = 1.0,
    ) -> None:
        self._news = threading.Event()
        self.backlog = count * batches
        self.trucks = [
            Truck(
                [*nodes[number % len(nodes) :], *nodes[: number % len(nodes)]],
                batches,
                link or {},
                speed=speed,
                number=number,
                news=self._news.set,
            )
            for number in range(1, count + 1)
        ]

    @property
    def taken(self) -> int:
        """Batches that a broker has acknowledged, each counted once."""
        return sum(len(truck.taken_live) for truck in self.trucks)

    @property
    def sealed(self) -> int:
        """Batches of `live` that the trucks have sealed."""
        return sum(truck.sealed for truck in self.trucks)

    @property
    def published(self) -> int:
        """Publications, those that came again included."""
        return sum(len(truck.sent_live) for truck in self.trucks)

    @property
    def sent_again(self) -> int:
        """Publications of what had been published before."""
        return self.published - sum(len(set(truck.sent_live)) for truck in self.trucks)

    def park(self) -> None:
        """They stand still from now on and seal nothing new."""
        for truck in self.trucks:
            truck.driving = False

    def until(
        self, true: Callable[[], bool], what: str, otherwise: Callable[[], object] = lambda: ""
    ) -> None:
        """Turn all of them until it is so; `otherwise` adds to what is said when patience ends."""
        deadline_s = time.monotonic() + PATIENCE_S  # noqa: TID251 — brokers and receiver are real
        while not true():
            patient = time.monotonic() < deadline_s  # noqa: TID251
            assert patient, f"waited in vain: {what}; {self.taken} taken; {otherwise()}"
            self._news.wait(PAUSE_S)
            self._news.clear()
            for truck in self.trucks:
                truck.turn()

    def close(self) -> None:
        for truck in self.trucks:
            truck.link.close()
            truck.box.close()
