"""The agreement between city and crews, as a file: what may leave the truck, for which question, and how.

The models refuse what they do not know: a stream, a field or a combination that this version cannot keep its
promise for makes the whole agreement invalid, and then only the box's own status leaves.
"""

from __future__ import annotations

import datetime
import math
import re
import zoneinfo
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from agent.geometry import Point, Polygon
from config.quantities import Bytes, Days, Metres, MetresPerSecond, Seconds

AREA_RINGS_MAX = 100
RING_POINTS_MAX = 10_000
OFF_LIMITS_MAX = 200
CELL_M_MIN = 100


class Part(BaseModel):
    """A mapping of the agreement: nothing unknown in it, and it never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Sentence = Annotated[str, Field(min_length=1, max_length=500)]


class Uses(Part):
    """What the answer may and may not be used for."""

    allowed: list[Sentence] = Field(min_length=1)
    forbidden: list[Sentence] = Field(min_length=1)


class Question(Part):
    """Something someone asked: nothing is collected that answers no question."""

    id: Name
    asks: Sentence
    owner: Name
    purpose: Sentence
    valid_until: datetime.date
    uses: Uses
    needs: list[Literal["track", "harsh_braking"]] = Field(min_length=1)


class TrackTerms(Part):
    """The simplified way: how far it may lie from the fixes, which clock its points carry, how long it is kept."""

    precision: Metres = Field(ge=2, le=100)
    clock: Literal["stretch", "minute", "exact"] = "stretch"
    retention: Days = Field(ge=1)


class BrakingTerms(Part):
    """Harsh brakings: how coarse the place is, how long each is held on the truck, how long it is kept."""

    cell: Metres = Field(ge=CELL_M_MIN, le=10_000)
    held: Days = Field(ge=1, le=365)
    retention: Days = Field(ge=1)


class BoxTerms(Part):
    """The box's own status."""

    retention: Days = Field(ge=1)


class Streams(Part):
    """The streams agreed on; what is left out is not collected."""

    track: TrackTerms | None = None
    harsh_braking: BrakingTerms | None = None
    box: BoxTerms


def _minute_of_day(value: Any) -> int:
    if isinstance(value, str) and (match := re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", value, re.ASCII)):
        return int(match[1]) * 60 + int(match[2])
    raise ValueError('write the time of day in quotes as "HH:MM", for example "05:30"')


TimeOfDay = Annotated[int, BeforeValidator(_minute_of_day), Field(ge=0, lt=1440)]


class DailyRelease(Part):
    """Records leave on a later day, in a fixed number of envelopes of one size, at the first of fixed slots.

    Slots are kept in minutes of the service day.
    """

    kind: Literal["daily"]
    slots: list[TimeOfDay] = Field(min_length=1, max_length=24)
    envelopes: dict[str, Annotated[int, Field(ge=1, le=100)]]
    size: Bytes = Field(ge=2048, le=8192)


class TimedRelease(Part):
    """Batches leave every so often while there is a connection, padded to a multiple of one size."""

    kind: Literal["timed"]
    every: Seconds = Field(ge=10, le=3600)
    size: Bytes = Field(ge=256, le=8192)


class Origin(Part):
    """Where the grid of cells is anchored."""

    latitude_deg: float = Field(ge=-85, le=85)
    longitude_deg: float = Field(ge=-180, le=180)

    @property
    def point(self) -> Point:
        """The origin in whole 1e-7 degrees."""
        return Point(round(self.latitude_deg * 1e7), round(self.longitude_deg * 1e7))


def _ring(ring: Any, number: int) -> list[Point]:
    if not isinstance(ring, list) or not 4 <= len(ring) <= RING_POINTS_MAX:
        raise ValueError(f"ring {number} needs 4 to {RING_POINTS_MAX} positions, the last equal to the first")
    if ring[0] != ring[-1]:
        raise ValueError(f"ring {number} is not closed: repeat its first position at its end")
    return [_position(position, number) for position in ring[:-1]]


def _position(position: Any, number: int) -> Point:
    if not isinstance(position, list) or not 2 <= len(position) <= 3:
        raise ValueError(f"ring {number}: a position is [longitude, latitude]")
    longitude_deg, latitude_deg = position[:2]
    if not all(
        type(value) in (int, float) and math.isfinite(value) for value in (longitude_deg, latitude_deg)
    ):
        raise ValueError(f"ring {number}: a position holds something else than numbers")
    if not (-180 <= longitude_deg <= 180 and -90 <= latitude_deg <= 90):
        raise ValueError(
            f"ring {number}: out of range; GeoJSON writes the longitude first, then the latitude"
        )
    return Point(round(latitude_deg * 1e7), round(longitude_deg * 1e7))


class Area(Part):
    """A GeoJSON geometry: `Polygon` or `MultiPolygon`, longitude first as GeoJSON has it."""

    type: Literal["Polygon", "MultiPolygon"]
    coordinates: list[Any] = Field(min_length=1, max_length=AREA_RINGS_MAX)

    @model_validator(mode="after")
    def _drawn_right(self) -> Area:
        self.polygons()
        return self

    def polygons(self, margin_m: float = 0.0) -> list[Polygon]:
        """The area's polygons, each with the margin round it."""
        parts = [self.coordinates] if self.type == "Polygon" else self.coordinates
        return [self._polygon(part, margin_m) for part in parts]

    @staticmethod
    def _polygon(part: Any, margin_m: float) -> Polygon:
        if not isinstance(part, list) or not part:
            raise ValueError("a polygon is a list of rings, and a ring a list of positions")
        outer, *holes = [_ring(ring, number) for number, ring in enumerate(part, start=1)]
        return Polygon(outer, holes, margin_m)


class OffLimits(Part):
    """A place of which nothing is ever published, with a margin round it."""

    name: Sentence
    margin: Metres = Field(ge=0, le=1000)
    area: Area


class Places(Part):
    """Where recording may be: inside the service area and outside everything off limits."""

    origin: Origin
    service_area: Area
    off_limits: list[OffLimits] = Field(default=[], max_length=OFF_LIMITS_MAX)

    @model_validator(mode="after")
    def _off_limits_matter(self) -> Places:
        served = self.service_area.polygons()
        for place in self.off_limits:
            areas = place.area.polygons(place.margin)
            if not any(area.may_touch(part) for area in areas for part in served):
                raise ValueError(
                    f"off_limits: {place.name} lies nowhere near the service area; "
                    "GeoJSON writes the longitude first, then the latitude"
                )
        return self


def _known_zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone {name!r}; write one like Europe/Madrid or UTC") from None
    return name


class Duty(Part):
    """When the truck is on duty: every pin kind in `requires` must be on. Service days are of `time_zone`."""

    requires: list[Literal["ignition", "crew_switch"]] = Field(min_length=1, max_length=2)
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"

    @model_validator(mode="after")
    def _crew_decides(self) -> Duty:
        if "crew_switch" not in self.requires:
            raise ValueError("requires: crew_switch is missing; the crew can always pause recording")
        return self


class Limits(Part):
    """Bounds that hold for every stream."""

    standstill_cap: Seconds = Field(default=20, ge=0, le=20)
    stretch_length: Metres = Field(default=1000, ge=1000, le=10_000)
    trim: Metres = Field(default=50, ge=10, le=1000)
    speed_ceiling: MetresPerSecond = Field(default=25, ge=5, le=50)
    device_retention: Days = Field(default=60, ge=1, le=365)


class AgreementFile(Part):
    """The whole file."""

    fairhaul_agreement: Literal[1]
    id: Name
    version: int = Field(ge=1, le=1_000_000)
    city: Sentence
    groups: list[Name] = Field(min_length=2)
    valid_until: datetime.date
    questions: list[Question] = Field(min_length=1, max_length=100)
    streams: Streams
    release: DailyRelease | TimedRelease = Field(discriminator="kind")
    places: Places
    duty: Duty
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _keeps_its_word(self) -> AgreementFile:
        if "crews" not in self.groups:
            raise ValueError("groups: crews are missing; no agreement without the crews")
        agreed = set(self.agreed_streams())
        for question in self.questions:
            missing = sorted(set(question.needs) - agreed)
            if missing:
                raise ValueError(f"question {question.id} needs {missing[0]}, which stands under no streams")
        if isinstance(self.release, DailyRelease):
            self._check_daily(self.release, agreed)
        return self

    def _check_daily(self, release: DailyRelease, agreed: set[str]) -> None:
        if self.streams.track and self.streams.track.clock != "stretch":
            raise ValueError(
                "a daily release promises that no time but a stretch's leaves: clock must be stretch"
            )
        for stream in sorted(agreed ^ set(release.envelopes)):
            wrong = "are missing" if stream in agreed else "are agreed, but the stream is not"
            raise ValueError(f"release: envelopes for {stream} {wrong}")

    def agreed_streams(self) -> Mapping[str, TrackTerms | BrakingTerms | BoxTerms]:
        """The terms of each stream that stands in the file, by its name."""
        return {name: terms for name in Streams.model_fields if (terms := getattr(self.streams, name))}
