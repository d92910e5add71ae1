"""A truck with a backlog: the agent's own runtime over its real link, and an outbox that holds batches from before.

Only its clock may be faster than the real one. It stands for a truck under a timed agreement that has had no network.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from agent import wire
from agent.assembly import assemble, link_options
from agent.live import AgreedLink
from agent.wire import Heading
from buffer.outbox import Batch, Outbox
from drivers.clock import Clock
from drivers.inbox import Inbox
from drivers.inputs import Acknowledged, Delivered, Input, Tick
from drivers.mqtt import Link
from tests.sim.drives import ON, TODAY, Spot, agreement, configuration, epochs, outbox

EAST_M = -3_000.0  # of its first second, well inside the service area


def with_calls(count: int, seed: int = 1) -> Outbox:
    """An outbox with so many sealed batches of `live` of an earlier day; another seed, another epoch."""
    box = outbox(seed)
    previous, agreed = wire.NO_PREVIOUS, agreement("operations").reference
    batches = []
    for n in range(1, count + 1):
        heading = Heading("live", box.epoch("live"), n, previous, agreed)
        payload = wire.encode(heading, [], 512)
        previous = wire.digest(payload)[: len(previous)]
        batches.append(Batch("live", n, TODAY - 1, payload))
    box.commit(seal=batches)
    return box


def eastwards() -> Iterator[Input]:
    """What the receiver says while the truck drives on at 1 m/s."""
    for second in itertools.count():
        yield from epochs([Spot(EAST_M + second, 0.0, 1.0)], float(second))


class Truck:
    """Truck number `number`; while it drives it seals a batch of `live` each minute.

    `sent`: every payload that was published, repeats included; `sent_live` those of `live`, and `taken_live` those of
    them that a broker has acknowledged; `heard` what the city said. `news` is called from other threads when `turn`
    has something to do.
    """

    def __init__(
        self,
        brokers: Sequence[str],
        count: int,
        link: dict[str, Any],
        *,
        speed: float = 1.0,
        number: int = 17,
        news: Callable[[], object] = lambda: None,
    ) -> None:
        self.vehicle = f"truck-{number:03d}"
        self.box = with_calls(count, number)
        self.heard: list[Delivered] = []
        self.sent: list[bytes] = []
        self.sent_live: list[bytes] = []
        self.taken_live: set[bytes] = set()
        self.driving = True
        self._under_way: dict[int, bytes] = {}
        self._news = news
        self._speed = speed
        self.inbox, self.clock = Inbox(), Clock(speed)
        known = configuration(vehicle=self.vehicle, link={"brokers": list(brokers), **link})
        agreed = agreement("operations")
        self.link = AgreedLink(
            lambda: link_options(known, agreed), lambda options: Link(options, self._post, self.clock.at)
        )
        self.runtime = assemble(
            known, agreed, self.box, self, chance=random.Random(number), duty_override=ON, replay=True
        )
        self._way = eastwards()
        self._next: Input | None = None

    def _post(self, entry: Input) -> None:
        self.inbox.post(entry)
        self._news()

    # The pipe: everything passes, and is noted.

    def connect(self, link: int, broker: str) -> None:
        self._under_way.clear()
        self.link.connect(link, broker)

    def publish(self, topic: str, payload: bytes) -> int:
        mid = self.link.publish(topic, payload)
        self.sent.append(payload)
        if topic.endswith("/live"):
            self.sent_live.append(payload)
            self._under_way[mid] = payload
        return mid

    def disconnect(self) -> None:
        self.link.disconnect()

    # The loop.

    def turn(self, wait_s: float = 0.0) -> None:
        """Take what has come, waiting at most `wait_s` real seconds for the first. Time begins with the first turn."""
        if self._next is None:
            self.clock = Clock(self._speed)
            self._next = next(self._way)
        while self.driving and self._next.at <= self.clock.at():
            self.runtime.step(self._next, self._next.at)
            self._next = next(self._way)
        entry = self.inbox.take(wait_s)
        while entry is not None:
            self._note(entry)
            self.runtime.step(entry, self.clock.at())
            entry = self.inbox.take(0.0)
        now = self.clock.at()
        self.runtime.step(Tick(now), now)

    def _note(self, entry: Input) -> None:
        match entry:
            case Delivered():
                self.heard.append(entry)
            case Acknowledged(refusal=None) if entry.mid in self._under_way:
                self.taken_live.add(self._under_way.pop(entry.mid))

    @property
    def sealed(self) -> int:
        """The newest batch of `live`."""
        return self.box.head("live").n

    def sent_all(self) -> bool:
        """Whether the brokers have acknowledged everything that may leave."""
        return bool(self.taken_live) and self.runtime.quiet
