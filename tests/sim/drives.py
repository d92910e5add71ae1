"""Small worlds for tests: an agreement, a truck over an outbox in memory and a broker of paper, and its inputs.

Everything goes the whole way: real NMEA bytes in, payloads out. Places are metres east and north of the origin.
"""

from __future__ import annotations

import datetime
import logging
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agent.agreement import Agreement, canonical_json
from agent.agreement.schema import AgreementFile
from agent.assembly import assemble
from agent.geometry import Plane, Point
from agent.paper import PaperLink, Published
from agent.recording.duty import Duty, FixedDuty
from agent.replaying import replay
from agent.runtime import Runtime
from agent.sending.carrying import Pipe
from agent.surroundings import EXAMPLES
from agent.wire import Payload, decode
from buffer.outbox import Outbox
from config.load import load_yaml, validate
from config.schema import Configuration
from drivers.inputs import Chunk, Input, Pulse, Tick
from drivers.simulate.sentences import KNOT_MPS, with_checksum

PLANE = Plane(Point(400_000_000, -40_000_000))  # the origin of the example agreements
AREA_M = 4_000.0  # half the side of the service area
DAY_MS = 86_400_000
# 2027-08-31 09:00 UTC: behind the release date, between the slots of the examples, and the last day of a month, so that
# brakings leave soon.
TODAY = 21_061
MORNING_MS = TODAY * DAY_MS + 9 * 3_600_000
SIZE_BYTES = 64 * 1024 * 1024
TRUCK: dict[str, Any] = {
    "fleet": "springfield",
    "vehicle": "truck-017",
    "pins": {
        "ignition": {"gpio": 27, "kind": "ignition"},
        "switch": {"gpio": 22, "kind": "crew_switch"},
        "brake": {"gpio": 17, "kind": "harsh_braking"},
    },
    "link": {"brokers": ["mqtt://broker"]},
}


def square(east_m: float, north_m: float, half_m: float, plane: Plane = PLANE) -> dict[str, Any]:
    """A GeoJSON square round a place."""
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
    points = [plane.point(east_m + half_m * x, north_m + half_m * y) for x, y in corners]
    return {
        "type": "Polygon",
        "coordinates": [[[point.longitude_e7 / 1e7, point.latitude_e7 / 1e7] for point in points]],
    }


def agreement(
    name: str = "routes-and-safety",
    change: Callable[[dict[str, Any]], None] | None = None,
    plane: Plane = PLANE,
) -> Agreement:
    """An example agreement with a service area of 8 km, a union hall 3 km north and times in UTC, then changed."""
    located = load_yaml(EXAMPLES / "agreements" / f"{name}.yaml")
    tree = located.tree
    tree["places"]["service_area"] = square(0, 0, AREA_M, plane)
    tree["places"]["off_limits"] = [
        {"name": "union hall", "margin": "50 m", "area": square(0, 3000, 100, plane)}
    ]
    tree["duty"]["time_zone"] = "UTC"
    if change:
        change(tree)
    return Agreement(validate(AgreementFile, located), canonical_json(tree))


def configuration(**changed: Any) -> Configuration:
    """A truck with ignition, switch and brake."""
    return Configuration.model_validate({**TRUCK, **changed})


class Spot(NamedTuple):
    """What the receiver says once: metres from the origin, speed, quality of the fix (0: none)."""

    east_m: float
    north_m: float
    speed_mps: float = 20.0
    hdop: float = 0.8
    satellites: int = 9
    quality: int = 1


def sentences(utc_ms: int, spot: Spot | Point, plane: Plane = PLANE) -> bytes:
    """RMC and GGA of one epoch; a Point is taken to its last digit."""
    if isinstance(spot, Point):
        point, spot = spot, Spot(0, 0)
    else:
        point = plane.point(spot.east_m, spot.north_m)
    second, ms = divmod(utc_ms % DAY_MS, 1000)
    time = f"{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}.{ms // 10:02d}"
    date = _date(utc_ms)
    place = f"{_angle(point.latitude_e7, 2, 'NS')},{_angle(point.longitude_e7, 3, 'EW')}"
    status, mode = ("A", "A") if spot.quality else ("V", "N")
    rmc = f"GNRMC,{time},{status},{place},{spot.speed_mps / KNOT_MPS:.3f},90.00,{date},,,{mode},V"
    gga = f"GNGGA,{time},{place},{spot.quality},{spot.satellites:02d},{spot.hdop:.2f},600.0,M,47.0,M,,"
    return with_checksum(rmc) + with_checksum(gga)


def _date(utc_ms: int) -> str:
    date = datetime.date(1970, 1, 1) + datetime.timedelta(days=utc_ms // DAY_MS)
    return date.strftime("%d%m%y")


def _angle(e7: int, digits: int, hemispheres: str) -> str:
    """Degrees and minutes to 1e-6 minutes, which hold 1e-7 degrees exactly."""
    degrees, rest_e7 = divmod(abs(e7), 10_000_000)
    minutes, fraction = divmod(rest_e7 * 6, 1_000_000)
    return f"{degrees:0{digits}d}{minutes:02d}.{fraction:06d},{hemispheres[e7 < 0]}"


def epochs(
    spots: Sequence[Spot | Point], start_s: float = 0.0, step_s: float = 1.0, utc_ms: int = MORNING_MS
) -> list[Input]:
    """A Chunk for each spot; `utc_ms` is at second 0."""
    times = [start_s + i * step_s for i in range(len(spots))]
    return [
        Chunk(at, sentences(utc_ms + round(at * 1000), spot)) for at, spot in zip(times, spots, strict=True)
    ]


def straight(metres: float, east_m: float = 0.0, north_m: float = 0.0, speed_mps: float = 20.0) -> list[Spot]:
    """Eastwards at an even speed, a spot a second."""
    return [Spot(east_m + i * speed_mps, north_m, speed_mps) for i in range(round(metres / speed_mps) + 1)]


def by_time(*parts: Iterable[Input]) -> list[Input]:
    """All inputs in the order of their time, pulses before chunks of the same moment."""
    return sorted((entry for part in parts for entry in part), key=lambda e: (e.at, isinstance(e, Chunk)))


def switched_on(at: float = 0.0) -> list[Input]:
    """Ignition and crew switch, on."""
    return [Pulse(at, "ignition", 1), Pulse(at, "switch", 1)]


def braking(at: float, held_s: float = 0.2) -> list[Input]:
    """One pulse of the brake."""
    return [Pulse(at, "brake", 1), Pulse(at + held_s, "brake", 0)]


class Witness(PaperLink):
    """A broker of paper that notes everything it is asked for."""

    def __init__(self) -> None:
        super().__init__(self._note)
        self.published: list[Published] = []
        self.seen: list[tuple[Any, ...]] = []

    def _note(self, one: Published) -> None:
        self.published.append(one)
        self.seen.append(("publish", *one))

    def connect(self, link: int, broker: str) -> None:
        self.seen.append(("connect", self.at, link, broker))
        super().connect(link, broker)

    def disconnect(self) -> None:
        self.seen.append(("disconnect", self.at))
        super().disconnect()

    @property
    def payloads(self) -> list[Payload]:
        """What was published, decoded."""
        return [decode(one.payload) for one in self.published]

    def records(self, stream: str) -> list[dict[str, Any]]:
        """The published records of a stream."""
        return [
            record
            for payload in self.payloads
            if payload.heading.stream == stream
            for record in payload.records
        ]


class WitnessedOutbox:
    """An outbox that notes what each commit changes."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self.commits: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox, name)

    def commit(self, **change: Any) -> None:
        shown = {key: sorted(value) if isinstance(value, set) else value for key, value in change.items()}
        self.commits.append(shown)
        self._outbox.commit(**change)


def outbox(seed: int = 1, path: Path | None = None) -> Outbox:
    """An outbox in memory, or in that file."""
    return Outbox.open(path, random_bytes=random.Random(seed).randbytes, size_bytes_max=SIZE_BYTES)


def truck(
    agreed: Agreement | None,
    box: Any = None,
    link: Pipe | None = None,
    duty: Duty | None = None,
    replayed: bool = True,
    **changed: Any,
) -> Runtime:
    """A runtime put together as on the truck; in a replay dates are taken as recorded."""
    return assemble(
        configuration(**changed),
        agreed,
        box if box is not None else outbox(),
        link if link is not None else Witness(),
        chance=random.Random(1),
        duty_override=duty,
        replay=replayed,
    )


def driven(
    agreed: Agreement | None, entries: Iterable[Input], duty: Duty | None = None, **changed: Any
) -> Witness:
    """All that leaves from a drive and the days after it."""
    link = Witness()
    replay(truck(agreed, link=link, duty=duty, **changed), link, entries)
    return link


ON = FixedDuty(True)


def fed(runtime: Runtime, link: PaperLink, entries: Iterable[Input]) -> None:
    """Inputs one by one, answered by the paper broker."""
    for entry in entries:
        link.at = entry.at
        runtime.step(entry, entry.at)
        while link.answers:
            runtime.step(link.answers.popleft(), link.at)


def ticks(start_s: float, end_s: float, step_s: float = 300.0) -> Iterator[Tick]:
    """Nothing happens, for long."""
    for i in range(1, int((end_s - start_s) / step_s) + 1):
        yield Tick(start_s + i * step_s)


class Lines(logging.Handler):
    """Every log line, as text."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.text.append(self.format(record))
