"""Many trucks in one process: for each the agent's own sender, carrying and link, and an outbox in memory.

`python -m tests.herd.trucks` takes one line of JSON on stdin (see `Job`), then "connect", "record" because the broker
has gone, "end". It tells what happens on stdout, a line of JSON each. One thread steps all senders, as the one loop of
an agent does for its own; each link has its own thread, as on a truck.
"""

from __future__ import annotations

import heapq
import json
import logging
import queue
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, NamedTuple

from agent.keeping import Counts, Key
from agent.sending.carrying import Carrying
from agent.sending.sender import Sender, SenderLimits
from buffer.outbox import Batch
from drivers.inputs import Acknowledged, Input, LinkDown, LinkUp, Tick
from drivers.mqtt import Link, LinkOptions

STABLE_AFTER_S = 2.0  # the truck's own is 60 s; nobody wants to wait for that before each outage
BODY_BYTES = 512
CONNECT_WITHIN_S = 20.0


class Job(NamedTuple):
    """Trucks `first` to `last`, of how many batches each, under which waits. `jitter`: by chance as in the agent."""

    url: str
    folder: str
    first: int
    last: int
    batches: int
    longest_s: float
    jitter: bool
    seed: int


class Lockstep(Random):
    """Planted: no chance at all, the most is waited each time."""

    def uniform(self, a: float, b: float) -> float:
        return b


Post = Callable[[int, Input | str], None]


class Truck:
    """Sender, carrying and link of one truck."""

    def __init__(self, number: int, job: Job, post: Post) -> None:
        self._number = number
        self._job = job
        self._waiting: dict[Key, Batch] = {}
        name = f"truck-{number}"
        self._link = Link(
            LinkOptions(
                client_id=f"fairhaul-herd-{name}",
                ca_file=f"{job.folder}/ca.pem",
                certificate_file=f"{job.folder}/{name}.pem",
                key_file=f"{job.folder}/{name}.key",
                connect_within_s=CONNECT_WITHIN_S,
            ),
            partial(post, number),
            time.monotonic,  # noqa: TID251 — sockets and broker are real
        )
        limits = SenderLimits(
            connect_within_s=CONNECT_WITHIN_S, backoff_s_max=job.longest_s, stable_after_s=STABLE_AFTER_S
        )
        chance = Random(f"{job.seed} {number}") if job.jitter else Lockstep()
        self._told = partial(post, number)
        self.carrying = Carrying(
            Sender((job.url,), limits, chance),
            self,
            partial("fairhaul/v1/herd/{}/{}".format, name),
            Counts(),
            self._settle,
        )

    # The pipe: everything passes, and the attempts are told.

    def connect(self, link: int, broker: str) -> None:
        self._told("attempt")
        self._link.connect(link, broker)

    def publish(self, topic: str, payload: bytes) -> int:
        return self._link.publish(topic, payload)

    def disconnect(self) -> None:
        self._link.disconnect()

    def record(self) -> None:
        """What piles up while there is no broker."""
        for n in range(1, self._job.batches + 1):
            body = b"%d %d " % (self._number, n)
            self._waiting["track", n] = Batch("track", n, 0, body.ljust(BODY_BYTES, b"."))

    def _settle(self, key: Key, refused: bool, now: float) -> None:
        self._told("refused" if refused else "acknowledged")
        del self._waiting[key]
        if not self._waiting:
            self._told("drained")

    def offer(self, now: float) -> None:
        """What there is room for."""
        self.carrying.offer(list(self._waiting.values()), now)

    def close(self) -> None:
        self._link.close()


class Herd:
    """All trucks of a job and the one thread that steps them."""

    def __init__(self, job: Job) -> None:
        self._inbox: queue.SimpleQueue[tuple[int, Input | str]] = queue.SimpleQueue()
        self._dues: list[tuple[float, int]] = []
        numbers = range(job.first, job.last + 1)
        self._trucks = {number: Truck(number, job, self.post) for number in numbers}
        self._over = False

    def post(self, number: int, what: Input | str) -> None:
        """From any thread: an input of a truck's, or word of what it did; number 0 is everyone."""
        self._inbox.put((number, what))

    def run(self) -> None:
        """Until "end" is posted."""
        while not self._over:
            now = time.monotonic()  # noqa: TID251
            wait_s = max(0.0, self._dues[0][0] - now) if self._dues else 1.0
            try:
                self._take(*self._inbox.get(timeout=min(1.0, wait_s)))
            except queue.Empty:
                self._tick(time.monotonic())  # noqa: TID251
        for truck in self._trucks.values():
            truck.close()

    def _take(self, number: int, what: Input | str) -> None:
        now = time.monotonic()  # noqa: TID251
        if isinstance(what, str):
            self._obey(number, what, now)
            return
        if isinstance(what, LinkUp | LinkDown):
            reason = what.reason if isinstance(what, LinkDown) else ""
            tell(now, "down" if reason else "up", number, reason)
        assert isinstance(what, LinkUp | LinkDown | Acknowledged)
        self._trucks[number].carrying.step(what, now)
        self._go_on(number, now)

    def _obey(self, number: int, what: str, now: float) -> None:
        if number:
            tell(now, what, number, "")
        elif what == "end":
            self._over = True
        else:
            for each, truck in self._trucks.items():
                truck.record() if what == "record" else truck.carrying.want(True, now)
                self._go_on(each, now)

    def _tick(self, now: float) -> None:
        while self._dues and self._dues[0][0] <= now:
            number = heapq.heappop(self._dues)[1]
            self._trucks[number].carrying.step(Tick(now), now)
            self._go_on(number, now)

    def _go_on(self, number: int, now: float) -> None:
        truck = self._trucks[number]
        truck.offer(now)
        due = truck.carrying.sender.due
        if due is not None:
            heapq.heappush(self._dues, (due, number))


def tell(now: float, what: str, number: int, why: str) -> None:
    """One line: `at` in seconds of the computer's monotonic clock."""
    if what != "acknowledged":
        sys.stdout.write(json.dumps({"at": now, "what": what, "truck": number, "why": why}) + "\n")
        sys.stdout.flush()


def main() -> None:
    """Obey the lines on stdin."""
    logging.getLogger().addHandler(logging.NullHandler())  # each truck would say that the broker is away
    words: dict[str, Any] = json.loads(sys.stdin.readline())
    herd = Herd(Job(**words))

    def obey() -> None:
        for line in sys.stdin:
            herd.post(0, line.strip())
        herd.post(0, "end")

    threading.Thread(target=obey, daemon=True).start()
    herd.run()


if __name__ == "__main__":
    main()
