"""The receiver's word to each truck: what has arrived of it, told when that has changed, and never in a flood.

Everything told is read from the store, so that a receiver which was killed goes on where it was. A message is small
and retained: a truck that is connected for a minute a day finds it there.
"""

from __future__ import annotations

from typing import Protocol

from agent.sending.custody import EPOCHS_MAX, encode, series
from agent.topics import CUSTODY, topic_for
from buffer.received import ReceivedStore, StoreLost
from drivers.mqtt_options import LinkError

TOLD_AFTER_S = 3.0  # of the first batch that is not told yet; others come with it
PAUSE_S = 0.2
AT_ONCE_MAX = 20  # trucks, between two pauses
VEHICLES_MAX = 10_000


class Mouth(Protocol):
    """What telling needs of a subscription: see `drivers.mqtt.Subscription`."""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Send at QoS 1. Raises LinkError."""
        ...


class Confirming:
    """Tells trucks what a store holds of them. `missing`: how many numbers each lacks, as last told."""

    def __init__(self, store: ReceivedStore, line: Mouth) -> None:
        self.missing: dict[str, int] = {}
        self._store = store
        self._line = line
        self._fleets: dict[str, str] = {}
        self._told: dict[str, bytes] = {}  # on this connection
        self._waiting: dict[str, float] = {}  # since when, oldest first
        self._next = 0.0

    @property
    def due(self) -> float | None:
        """When there is something to tell; None when there is not."""
        first = next(iter(self._waiting.values()), None)
        return None if first is None else max(first + TOLD_AFTER_S, self._next)

    def came_up(self, now: float) -> None:
        """A new connection: the broker may have lost what it was told before, so all of it is told again."""
        self._told.clear()
        try:
            self._fleets = self._store.fleets()
        except StoreLost:
            return
        for vehicle, fleet in self._fleets.items():
            self.changed(vehicle, fleet, now)

    def changed(self, vehicle: str, fleet: str, now: float) -> None:
        """Something has come from this vehicle."""
        if vehicle and (vehicle in self._waiting or len(self._waiting) < VEHICLES_MAX):
            self._fleets[vehicle] = fleet
            self._waiting.setdefault(vehicle, now)

    def step(self, now: float) -> None:
        """Tell what is due, to some trucks at a time."""
        if self.due is None or now < self.due:
            return
        self._next = now + PAUSE_S
        for vehicle, since in list(self._waiting.items())[:AT_ONCE_MAX]:
            if now < since + TOLD_AFTER_S or not self._tell(vehicle):
                return
            del self._waiting[vehicle]

    def finish(self) -> None:
        """Tell all that waits, before the connection ends."""
        for vehicle in list(self._waiting):
            if not self._tell(vehicle):
                return
            del self._waiting[vehicle]

    def _tell(self, vehicle: str) -> bool:
        """Whether the truck is told, or there is nothing new to tell."""
        try:
            ranges = self._store.arrived(vehicle, EPOCHS_MAX)
            custody = {
                epoch: {stream: series(each) for stream, each in streams.items()}
                for epoch, streams in ranges.items()
            }
            payload = encode(custody)
            if payload != self._told.get(vehicle):
                topic = topic_for(self._fleets[vehicle], vehicle, CUSTODY)
                self._line.publish(topic, payload, retain=True)
        except (StoreLost, LinkError):
            return False
        self._told[vehicle] = payload
        self.missing[vehicle] = sum(
            last - first + 1
            for streams in custody.values()
            for told in streams.values()
            for first, last in told.missing
        )
        return True
