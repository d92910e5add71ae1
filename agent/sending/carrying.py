"""The runtime's way to the broker: performs what the sender decides on the link, and offers it what may leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from agent.keeping import Counts, Key
from agent.sending.sender import Acked, Connect, Disconnect, Effect, Publish, Refused, Sender
from buffer.outbox import Batch
from drivers.inputs import Acknowledged, LinkDown, LinkUp, Tick
from drivers.mqtt_options import LinkError


class Pipe(Protocol):
    """What the runtime needs of a link: see `drivers.mqtt.Link`."""

    def connect(self, link: int, broker: str) -> None:
        """Begin connection number `link`."""
        ...

    def publish(self, topic: str, payload: bytes) -> int:
        """Send, and return the number under which it will be acknowledged. Raises LinkError."""
        ...

    def disconnect(self) -> None:
        """End the connection."""
        ...


Settle = Callable[[Key, bool, float], None]


class Carrying:
    """One sender over one link. `settle` takes each batch that was answered: key, whether refused, and `now`."""

    def __init__(
        self, sender: Sender, link: Pipe, topic: Callable[[str], str], counts: Counts, settle: Settle
    ) -> None:
        self.sender = sender
        self._link = link
        self._topic = topic
        self._counts = counts
        self._settle = settle
        self.stale = True  # whether there may be something to offer that was not offered yet
        self._number = 0

    @property
    def link(self) -> int | None:
        """The number of the connection that is up; None while none is."""
        return self._number if self.sender.state == "up" else None

    def step(self, entry: LinkUp | LinkDown | Acknowledged | Tick, now: float) -> None:
        """What came from the link, or the time."""
        self._perform(self.sender.step(entry, now), now)

    def want(self, wanted: bool, now: float) -> None:
        """Whether there is to be a connection."""
        if wanted != (self.sender.state != "off"):
            self._perform(self.sender.want(wanted, now), now)

    def offer(self, batches: Iterable[Batch], now: float) -> None:
        """Send what there is room for."""
        self._perform(self.sender.offer(batches, now), now)

    def _perform(self, effects: list[Effect], now: float) -> None:
        for effect in effects:
            if isinstance(effect, Publish):
                self._publish(effect, now)
            elif isinstance(effect, Connect):
                self._number = effect.link
                self._link.connect(effect.link, effect.broker)
            elif isinstance(effect, Disconnect):
                self.stale = True
                self._link.disconnect()
            else:
                self._answered(effect, now)

    def _publish(self, effect: Publish, now: float) -> None:
        batch = effect.batch
        key = (batch.stream, batch.n)
        try:
            mid = self._link.publish(self._topic(batch.stream), batch.payload)
        except LinkError:
            self.sender.failed(key, now)
            return
        self._counts.published += 1
        self.sender.published(key, mid, now)

    def _answered(self, effect: Acked | Refused, now: float) -> None:
        refused = isinstance(effect, Refused)
        if refused:
            self._counts.refused += 1
        else:
            self._counts.acknowledged += 1
        self._settle(effect.key, refused, now)
