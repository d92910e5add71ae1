"""Both ends of a link in miniature: a truck whose outbox is a dict, and a city that keeps what it acknowledges."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from agent.sending.sender import Acked, Connect, Disconnect, Effect, Publish, Refused, Sender, SenderLimits
from drivers.clock import Clock
from drivers.inbox import Inbox
from drivers.inputs import Acknowledged, Delivered, Input, LinkDown, LinkUp, Tick
from drivers.mqtt import Link, LinkError, LinkOptions, Subscription

WAIT_S = 20.0
PATIENCE_S = 45.0
TRUCK = LinkOptions(client_id="truck", connect_within_s=5)
CITY = LinkOptions(client_id="city", connect_within_s=5)
QUICK = SenderLimits(
    in_flight=10, acknowledge_within_s=1.0, connect_within_s=2.0, backoff_s_first=0.05, backoff_s_max=0.2
)


class Parcel(NamedTuple):
    stream: str
    n: int
    payload: bytes


class End:
    """A Link with its inbox."""

    def __init__(self, options: LinkOptions) -> None:
        self.inbox = Inbox()
        self.clock = Clock()
        self.link = Link(options, self.inbox.post, self.clock.at)

    def next(self) -> Input:
        entry = self.inbox.take(WAIT_S)
        assert entry is not None
        return entry

    def outcome(self, url: str) -> str:
        """Connect once: "up", or why not."""
        self.link.connect(1, url)
        entry = self.next()
        self.link.close()
        return "up" if isinstance(entry, LinkUp) else entry.reason if isinstance(entry, LinkDown) else ""


class City:
    """A Subscription that keeps what it acknowledges, reconnecting at once as often as it must."""

    def __init__(self, url: str, options: LinkOptions = CITY) -> None:
        self.kept: dict[bytes, int] = {}
        self._url = url
        self._inbox = Inbox()
        self._subscription = Subscription(options, self._inbox.post, Clock().at)
        self._number = 0
        self._connect()
        self._until(LinkUp)

    def _connect(self) -> None:
        self._number += 1
        self._subscription.connect(self._number, self._url, ["fairhaul/#"])

    def _until(self, kind: type[Input]) -> None:
        while True:
            entry = self._inbox.take(WAIT_S)
            assert entry is not None, f"no {kind.__name__}; kept {len(self.kept)}"
            if isinstance(entry, LinkDown):
                self._connect()
            if isinstance(entry, Delivered):
                self._keep(entry)
            if isinstance(entry, kind):
                return

    def _keep(self, entry: Delivered) -> None:
        self.kept[entry.payload] = self.kept.get(entry.payload, 0) + 1
        try:
            self._subscription.acknowledge(entry.link, entry.mid)
        except LinkError:
            return  # it comes again

    def until_up(self) -> None:
        """Notice the end of the connection and wait for the next one."""
        self._until(LinkDown)
        self._until(LinkUp)

    def until_kept(self, wanted: set[bytes]) -> None:
        while not wanted <= self.kept.keys():
            self._until(Delivered)

    def close(self) -> None:
        self._subscription.close()


def batches(count: int) -> set[bytes]:
    """The first so many that `Truck.record` makes."""
    return {b"batch %d" % n for n in range(1, count + 1)}


class Truck:
    """Sender and Link with an outbox that is a dict; `run_until` is the agent's loop in miniature.

    `connects` holds when each connection was begun, `reasons` why each ended.
    """

    def __init__(
        self, *urls: str, limits: SenderLimits = QUICK, options: LinkOptions = TRUCK, stream: str = "track"
    ) -> None:
        self.outbox: dict[tuple[str, int], bytes] = {}
        self.acknowledged: set[bytes] = set()
        self.refused: dict[bytes, str] = {}
        self.connects: list[float] = []
        self.reasons: list[str] = []
        self._made = 0
        self._stream = stream
        self.end = End(options)
        self.sender = Sender(urls, limits, Random(5))
        self._perform(self.sender.want(True, self.end.clock.at()))

    def record(self, count: int) -> None:
        for _ in range(count):
            self._made += 1
            self.outbox[self._stream, self._made] = b"batch %d" % self._made

    def record_bytes(self, size: int) -> tuple[str, int]:
        """One batch of that size; its key."""
        self._made += 1
        self.outbox[self._stream, self._made] = bytes(size)
        return self._stream, self._made

    def run_until_sent(self) -> None:
        self.run_until(lambda: not self.outbox)

    def run_until(self, done: Callable[[], bool]) -> None:
        """Turn the loop; fails when that takes longer than any test may."""
        until = self.end.clock.at() + PATIENCE_S
        while not done():
            assert self.end.clock.at() < until, (
                f"{self.sender.state}, {self.sender.trouble}, {len(self.outbox)} left"
            )
            self.turn()

    def turn(self) -> None:
        now = self.end.clock.at()
        waiting = [
            Parcel(*key, payload) for key, payload in self.outbox.items() if key not in self.sender.in_flight
        ]
        self._perform(self.sender.offer(waiting, now))
        due = self.sender.due
        entry = self.end.inbox.take(WAIT_S if due is None else min(WAIT_S, max(0.0, due - now))) or Tick(now)
        assert isinstance(entry, LinkUp | LinkDown | Acknowledged | Tick)
        if isinstance(entry, LinkDown):
            self.reasons.append(entry.reason)
        self._perform(self.sender.step(entry, self.end.clock.at()))

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Connect):
                self.connects.append(self.end.clock.at())
                self.end.link.connect(effect.link, effect.broker)
            elif isinstance(effect, Disconnect):
                self.end.link.disconnect()
            elif isinstance(effect, Publish):
                self._publish(effect)
            elif isinstance(effect, Acked):
                self.acknowledged.add(self.outbox.pop(effect.key))
            elif isinstance(effect, Refused):
                self.refused[self.outbox.pop(effect.key)] = effect.reason

    def _publish(self, effect: Publish) -> None:
        key = (effect.batch.stream, effect.batch.n)
        now = self.end.clock.at()
        try:
            mid = self.end.link.publish(f"fairhaul/v1/fleet/truck/{key[0]}", effect.batch.payload)
        except LinkError:
            self.sender.failed(key, now)
        else:
            self.sender.published(key, mid, now)

    def close(self) -> None:
        self.end.link.close()
