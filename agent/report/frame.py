"""The report's plane: metres east and north of the agreement's origin, and how they lie in the drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from agent.agreement.schema import AgreementFile
from agent.geometry import Plane, Point

WIDTH = 840
HEIGHT_MIN, HEIGHT_MAX = 420, 760
SPAN_M_MIN = 400.0

XY = tuple[float, float]
Records = Sequence[Mapping[str, Any]]


class Mapped(NamedTuple):
    """What the map shows: published records by stream. `severities` are the classes of braking, gentlest first."""

    agreement: AgreementFile
    records: Mapping[str, Records]
    severities: Sequence[str]

    def of(self, stream: str) -> Records:
        """The records of one stream."""
        return self.records.get(stream, ())

    def placed(self, stream: str) -> Records:
        """Those that have a place of their own."""
        return [
            record for record in self.of(stream) if "latitude_deg" in record and "longitude_deg" in record
        ]


class Frame(NamedTuple):
    """A rectangle of the plane, in metres, and how it lies in the drawing."""

    west_m: float
    south_m: float
    east_m: float
    north_m: float
    width: float = WIDTH

    @property
    def per_m(self) -> float:
        """Drawn units for each metre."""
        return self.width / (self.east_m - self.west_m)

    @property
    def height(self) -> float:
        """Height of the drawing in drawn units."""
        return (self.north_m - self.south_m) * self.per_m

    def xy(self, place: XY) -> XY:
        """Where a place of the plane lies in the drawing."""
        return (place[0] - self.west_m) * self.per_m, (self.north_m - place[1]) * self.per_m

    def shows(self, place: XY) -> bool:
        """Whether a place of the plane is within the rectangle."""
        return self.west_m <= place[0] <= self.east_m and self.south_m <= place[1] <= self.north_m


def framed(places: Sequence[XY], margin_share: float) -> Frame:
    west, east = min(x for x, _ in places), max(x for x, _ in places)
    south, north = min(y for _, y in places), max(y for _, y in places)
    width = max(SPAN_M_MIN, (east - west) * (1 + 2 * margin_share))
    height = max((north - south) * (1 + 2 * margin_share), width * HEIGHT_MIN / WIDTH)
    width = max(width, height * WIDTH / HEIGHT_MAX)
    x, y = (west + east) / 2, (south + north) / 2
    return Frame(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def plane_xy(plane: Plane, place: Sequence[float]) -> XY:
    """Where `[latitude_deg, longitude_deg]` lies on the plane."""
    latitude_deg, longitude_deg = place
    return plane.xy_m(Point(round(latitude_deg * 1e7), round(longitude_deg * 1e7)))


def record_xy(plane: Plane, record: Mapping[str, Any]) -> XY:
    """Where a record with a place of its own lies on the plane."""
    return plane_xy(plane, [record["latitude_deg"], record["longitude_deg"]])


def drawn(xy: XY) -> str:
    """A place of the drawing as SVG writes it."""
    return f"{xy[0]:.1f},{xy[1]:.1f}"
