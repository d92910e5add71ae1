"""From what would be published to what an attacker sees of a vehicle-day."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from agent.agreement import Agreement
from agent.assembly import assemble
from agent.audit.case import Arrival, Floats, Line, Seen
from agent.geometry import HALF_TURN_E7, TURN_E7, Plane, Point
from agent.paper import PaperLink, Published
from agent.recording.duty import Duty
from agent.records import day_number, iso_date
from agent.replaying import follow, replay, wait
from agent.service_day import DAY_S, ServiceDays
from agent.wire import decode
from buffer.outbox import Outbox
from config.schema import Configuration
from drivers.inputs import Input

SCALE_E7 = 10**6


class Log(NamedTuple):
    """A vehicle-day's inputs, and what everybody knows of it.

    `utc_ms` is when the log begins, `duty_s` when the shift began and ended, `duty` overrides the lines if given.
    """

    route: str
    vehicle: str
    utc_ms: int
    duty_s: tuple[float, float]
    entries: Iterable[Input]
    duty: Duty | None = None


class WitnessLink(PaperLink):
    """A broker of paper that also notes from when until when there was a connection."""

    def __init__(self) -> None:
        self.published: list[Published] = []
        self.connections: list[tuple[float, float]] = []
        self._since: float | None = None
        super().__init__(self.published.append)

    def connect(self, link: int, broker: str) -> None:
        """Noted."""
        self._since = self.at
        super().connect(link, broker)

    def disconnect(self) -> None:
        """Noted."""
        if self._since is not None:
            self.connections.append((self._since, self.at))
        self._since = None
        super().disconnect()


def seen(logs: Sequence[Log], configuration: Configuration, agreement: Agreement) -> list[Seen]:
    """All that leaves of one truck's vehicle-days, in order, and when, with power and coverage at every slot.

    What leaves before the next of them begins is seen as the day's own, so they must lie a few days apart.
    """
    link = WitnessLink()
    chance = random.Random(f"{logs[0].route} {logs[0].vehicle} {logs[0].utc_ms}")
    box = Outbox.open(None, random_bytes=chance.randbytes, size_bytes_max=configuration.outbox.size)
    runtime = assemble(
        configuration, agreement, box, link, chance=chance, duty_override=logs[0].duty, replay=True
    )
    begins_s = [(log.utc_ms - logs[0].utc_ms) / 1000 for log in logs]
    for log, begun_s, next_s in zip(logs, begins_s, begins_s[1:], strict=False):
        follow(runtime, link, later(log.entries, begun_s))
        wait(runtime, link, next_s - link.at)
    replay(runtime, link, later(logs[-1].entries, begins_s[-1]))
    link.disconnect()
    ends_s = [*begins_s[1:], math.inf]
    return [
        _seen(log, agreement, link, (begun_s, end_s))
        for log, begun_s, end_s in zip(logs, begins_s, ends_s, strict=True)
    ]


def later(entries: Iterable[Input], by_s: float) -> Iterator[Input]:
    """The same inputs so much later."""
    return (entry._replace(at=entry.at + by_s) for entry in entries)


def _seen(log: Log, agreement: Agreement, link: WitnessLink, within_s: tuple[float, float]) -> Seen:
    """What left within that time, with the seconds of the log."""
    begun_s, end_s = within_s
    arrivals = [_arrival(one, begun_s) for one in link.published if begun_s <= one.at < end_s]
    days = ServiceDays(agreement.zone, agreement.file.duty.day_starts * 60)
    begun = days.moment(log.utc_ms)
    return Seen(
        route=log.route,
        vehicle=log.vehicle,
        date=iso_date(begun.day),
        duty_s=log.duty_s,
        lines=list(_lines(arrivals, Plane(agreement.file.places.origin.point), begun.day, begun.second)),
        arrivals=arrivals,
        connections=[
            (max(since, begun_s) - begun_s, min(until, end_s) - begun_s)
            for since, until in link.connections
            if begun_s <= until and since < end_s
        ],
        cap_s=agreement.file.limits.standstill_cap,
    )


def _arrival(one: Published, begun_s: float) -> Arrival:
    payload = decode(one.payload)
    heading = payload.heading
    return Arrival(
        one.at - begun_s,
        one.topic,
        heading.stream,
        heading.epoch,
        heading.n,
        len(one.payload),
        payload.records,
    )


def _lines(arrivals: Sequence[Arrival], plane: Plane, day: int, second: int) -> Iterable[Line]:
    """In the order of the way; `day` and `second`: the service day's, when the log began."""
    found = [(record, one.at_s) for one in arrivals if one.stream == "track" for record in one.records]
    found.sort(key=lambda each: (each[0]["date"], each[0]["stretch"]))
    for record, at_s in found:
        yield Line(
            number=record["stretch"],
            points_m=metres(plane, record["path"]),
            running_s=float(record.get("running_s", math.nan)),
            seconds=_seconds(record, day, second),
            arrived_s=at_s,
        )


def _seconds(record: dict[str, Any], day: int, second: int) -> Floats | None:
    if "s" not in record:
        return None
    shift_s = (day_number(record["date"]) - day) * DAY_S - second
    return np.asarray(record["s"], float) + shift_s


def metres(plane: Plane, places_deg: Sequence[Sequence[float]]) -> Floats:
    """Latitudes and longitudes, shape (n, 2), as metres east and north of the plane's origin."""
    origin = plane.origin
    east_m, north_m = plane.xy_m(Point(origin.latitude_e7 + SCALE_E7, origin.longitude_e7 + SCALE_E7))
    offsets_e7 = np.asarray(places_deg, float).reshape(-1, 2) * 1e7 - np.asarray(origin, float)
    offsets_e7[:, 1] = (offsets_e7[:, 1] + HALF_TURN_E7) % TURN_E7 - HALF_TURN_E7
    scaled: Floats = offsets_e7[:, ::-1] * np.array([east_m, north_m]) / SCALE_E7
    return scaled
