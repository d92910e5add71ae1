"""When what was recorded leaves: the two modes of an agreement behind one face.

`daily`: once on each day, at the first of fixed slots with power, what earlier days left; a fixed number of envelopes
of one size, and silence outside the slots. `timed`: every N seconds, at multiples of N of the service day, so that
the phase says nothing of when the truck started.

What leaves goes by one of two lanes that never share a slot: the truck's own streams, and the fleet's, which name no
truck and must not be joined to it by the time at which they come. A slot begins at its fixed second and lasts SLOT_S;
a truck that gets power or coverage in the middle of one still uses the rest of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol

from agent.records import month_begins
from agent.service_day import DAY_S, Moment
from agent.streams.passed import WINDOW_S
from agent.topics import FLEET_STREAMS

SLOT_S = 600  # how long a slot lasts
WINDOW_LATE_S = 3600  # a window of `passed` leaves so long after its end
DAY_TOTALS = frozenset({"day", "lifts", "site_visits"})  # whole only when their day is over

Lane = Literal["truck", "fleet"]
LANES: tuple[Lane, ...] = ("truck", "fleet")


def lane_of(stream: str) -> Lane:
    """By which lane a stream leaves."""
    return "fleet" if stream in FLEET_STREAMS else "truck"


def _fleet_before(today: int, held_days: int) -> int:
    """The fleet's records leave a whole month at once: their day of arrival tells no more than their month does."""
    return month_begins(today - held_days)


class Release(Protocol):
    """What the runtime asks of a release."""

    size_bytes: int
    within_s: float  # a release comes within so many seconds; 0 where that may be a day
    connected: bool  # whether there is a connection outside of slots, too
    silent_on_duty: bool  # whether a day with duty has no slots any more, once duty has begun

    def resume(self, lane: Lane, released_day: int | None) -> None:
        """After a restart, or a release that failed: the newest day at which this lane was released."""
        ...

    def due(self, now: Moment) -> list[Lane]:
        """The lanes to seal now; says so once for each release."""
        ...

    def open(self, now: Moment) -> frozenset[Lane]:
        """The lanes by which something may leave at this moment."""
        ...

    def change_s(self, now: Moment) -> int:
        """How many seconds until a slot begins or ends; at most a day."""
        ...

    def closes(self, lane: Lane) -> bool:
        """Whether a release of this lane takes what is not yet finished with it."""
        ...

    def before_day(self, stream: str, today: int) -> int:
        """Records of a stream leave that are of service days before this one."""
        ...

    def ripe(self, stream: str, day: int, fields: Mapping[str, Any], now: Moment) -> bool:
        """Whether one of them may leave already."""
        ...

    def envelopes(self, stream: str) -> int | None:
        """How many batches of a stream leave at a release: exactly so many, or None for as many as needed."""
        ...


class Slots:
    """Fixed times of the service day; the first one of a day that finds the truck awake is due, once.

    `starts_s` are seconds of the service day. A slot ends with its service day at the latest. `again`: whether what
    found no answer in that slot may try the day's later ones; if not, these stay closed.
    """

    def __init__(self, starts_s: Iterable[int], *, again: bool = True) -> None:
        self._starts_s = sorted(starts_s)
        self._again = again
        self._released_day: int | None = None
        self._released_s: int | None = None  # in the slot that begins there

    def resume(self, released_day: int | None) -> None:
        """The newest day at which there was a release."""
        self._released_day = released_day

    def open(self, now: Moment) -> bool:
        """Whether this moment lies within a slot that may be used."""
        start_s = self._begun_s(now)
        if start_s is None:
            return False
        return self._again or not self._released_before(now) or start_s == self._released_s

    def due(self, now: Moment) -> bool:
        """Whether this is the first slot of the day; says so once."""
        start_s = self._begun_s(now)
        if start_s is None or self._released_before(now):
            return False
        self._released_day, self._released_s = now.day, start_s
        return True

    def _begun_s(self, now: Moment) -> int | None:
        """When the slot of this moment began."""
        return max(
            (start_s for start_s in self._starts_s if 0 <= now.second - start_s < SLOT_S), default=None
        )

    def _released_before(self, now: Moment) -> bool:
        ahead_days = -1 if self._released_day is None else self._released_day - now.day
        return 0 <= ahead_days <= 1  # one farther ahead was a date gone wrong

    def change_s(self, now: Moment) -> int:
        """Seconds until a slot begins or ends, or the service day does."""
        edges = [edge for start_s in self._starts_s for edge in (start_s, start_s + SLOT_S)]
        return min(edge - now.second for edge in [*edges, DAY_S] if edge > now.second)


class Timed:
    """Every `every_s` seconds while there is a connection; the fleet's streams within `fleet_slots_s` alone.

    `held_days` holds streams back.
    """

    connected = True
    silent_on_duty = False

    def __init__(
        self, every_s: int, size_bytes: int, held_days: Mapping[str, int], fleet_slots_s: Sequence[int] = ()
    ) -> None:
        self._every_s = every_s
        self.within_s = 2.0 * every_s
        self.size_bytes = size_bytes
        self._held_days = held_days
        self._fleet = Slots(fleet_slots_s)
        self._last: tuple[int, int] | None = None

    def resume(self, lane: Lane, released_day: int | None) -> None:
        """The truck's lane has nothing to know: the next multiple of the period comes by itself."""
        if lane == "fleet":
            self._fleet.resume(released_day)

    def due(self, now: Moment) -> list[Lane]:
        """The truck's lane at each multiple of the period of the service day, the fleet's once a day."""
        lanes: list[Lane] = ["truck"] if self._period_over(now) else []
        return [*lanes, "fleet"] if self._fleet.due(now) else lanes

    def _period_over(self, now: Moment) -> bool:
        period = (now.day, now.second // self._every_s)
        # The first look; or a date that was two days ahead or more, and is right again.
        if self._last is None or self._last[0] - now.day > 1:
            self._last = period
            return False
        changed = period > self._last
        self._last = max(period, self._last)
        return changed

    def open(self, now: Moment) -> frozenset[Lane]:
        """The truck's lane always."""
        return frozenset(LANES if self._fleet.open(now) else LANES[:1])

    def change_s(self, now: Moment) -> int:
        """Until a slot of the fleet's begins or ends."""
        return self._fleet.change_s(now)

    def closes(self, lane: Lane) -> bool:
        """The truck's lane does."""
        return lane == "truck"

    def before_day(self, stream: str, today: int) -> int:
        """Today's records leave too, unless the stream is held or tells of whole days."""
        if stream in DAY_TOTALS:
            return today
        if lane_of(stream) == "fleet":
            return _fleet_before(today, self._held_days.get(stream, 0))
        return today + 1 - self._held_days.get(stream, 0)

    def ripe(self, stream: str, day: int, fields: Mapping[str, Any], now: Moment) -> bool:
        """`passed` waits until its window has been over for an hour."""
        if stream != "passed":
            return True
        window_ends_s = (int(fields["window"]) + 1) * WINDOW_S
        return (now.day - day) * DAY_S + now.second >= window_ends_s + WINDOW_LATE_S

    def envelopes(self, stream: str) -> int | None:
        """As many as needed."""
        return None


class Daily:
    """Once a day at the first slot of each lane. `envelopes` counts by stream.

    `silent_on_duty`: on a day on which the truck was on duty there is no slot any more from then on. Not needed
    where the agreement has a schedule, which lies outside of all slots. `again`: see Slots.
    """

    connected = False
    within_s = 0.0

    def __init__(
        self,
        slots_s: Mapping[Lane, Sequence[int]],
        envelopes: Mapping[str, int],
        size_bytes: int,
        held_days: Mapping[str, int],
        *,
        silent_on_duty: bool = True,
        again: bool = True,
    ) -> None:
        self._slots: dict[Lane, Slots] = {lane: Slots(slots_s.get(lane, ()), again=again) for lane in LANES}
        self._envelopes = envelopes
        self.size_bytes = size_bytes
        self._held_days = held_days
        self.silent_on_duty = silent_on_duty

    def resume(self, lane: Lane, released_day: int | None) -> None:
        """The newest day at which this lane was released."""
        self._slots[lane].resume(released_day)

    def due(self, now: Moment) -> list[Lane]:
        """Each lane in the first of its slots of the day at which there is power."""
        return [lane for lane, slots in self._slots.items() if slots.due(now)]

    def open(self, now: Moment) -> frozenset[Lane]:
        """Each lane within its slots."""
        return frozenset(lane for lane, slots in self._slots.items() if slots.open(now))

    def change_s(self, now: Moment) -> int:
        """Until a slot of any lane begins or ends."""
        return min(slots.change_s(now) for slots in self._slots.values())

    def closes(self, lane: Lane) -> bool:
        """Never: only what is over leaves."""
        return False

    def before_day(self, stream: str, today: int) -> int:
        """Only earlier days' records, and later those that are held."""
        held_days = self._held_days.get(stream, 0)
        return _fleet_before(today, held_days) if lane_of(stream) == "fleet" else today - held_days

    def ripe(self, stream: str, day: int, fields: Mapping[str, Any], now: Moment) -> bool:
        """An earlier day is over as a whole."""
        return True

    def envelopes(self, stream: str) -> int | None:
        """The agreed number."""
        return self._envelopes.get(stream, 1)
