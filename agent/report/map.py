"""The report's map: an SVG drawing of what would be published and of the agreement's own places, nothing else.

Drawn on a plane that touches the sphere at the agreement's origin, north up. It has no street map underneath,
because that would have to be fetched from somebody who then learns where the truck was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from agent.agreement.schema import AgreementFile, Area
from agent.geometry import Plane, Point
from agent.report.words import length_in_words

WIDTH = 840
HEIGHT_MIN, HEIGHT_MAX = 420, 760
MARGIN_SHARE = 0.08
SPAN_M_MIN = 400.0
CELL_MIN = 9.0  # drawn units; a cell stays visible on a map of a whole city
LABEL_CHARACTERS_MAX = 32
OVERVIEW_WIDTH = 180
OVERVIEW_FROM = 1.6  # so many times the map's span the service area must have to be worth an overview
SEVERITY_CLASSES = 4  # colours in the style sheet; further classes share the last

XY = tuple[float, float]


class Mapped(NamedTuple):
    """What the map shows. `severities` are the classes of braking, gentlest first."""

    agreement: AgreementFile
    tracks: Sequence[Mapping[str, Any]]
    brakings: Sequence[Mapping[str, Any]]
    severities: Sequence[str]


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


def severity_class(severity: str, severities: Sequence[str]) -> str:
    """The style sheet's class for a class of braking: s1 the gentlest, s0 one that is not rated."""
    if severity not in severities:
        return "s0"
    return f"s{min(SEVERITY_CLASSES, severities.index(severity) + 1)}"


def map_svg(mapped: Mapped) -> str:
    """The map."""
    plane = Plane(mapped.agreement.places.origin.point)
    frame = _frame(mapped, plane)
    area = _outline(mapped.agreement.places.service_area, plane, frame)
    parts = [
        f'<svg class="map" viewBox="0 0 {frame.width:.0f} {frame.height:.0f}" role="img" aria-labelledby="map-title">',
        '<title id="map-title">Map of what would be published</title>',
        _PATTERN,
        f'<rect class="outside" width="{frame.width:.0f}" height="{frame.height:.0f}"/>',
        f'<path class="inside" fill-rule="evenodd" d="{area}"/>',
        *_off_limits(mapped.agreement, plane, frame),
        *_cells(mapped, plane, frame),
        *_tracks(mapped.tracks, plane, frame),
        *_names(mapped.agreement, plane, frame),
        _scale_bar(frame),
        _north(frame),
        "</svg>",
    ]
    return "\n".join(part for part in parts if part)


def overview_svg(mapped: Mapped) -> str:
    """Where the map lies in the service area; empty when it shows most of it anyway."""
    plane = Plane(mapped.agreement.places.origin.point)
    frame = _frame(mapped, plane)
    area = _places(mapped.agreement.places.service_area, plane)
    whole = _framed(area, 0.05)
    if (whole.east_m - whole.west_m) < OVERVIEW_FROM * (frame.east_m - frame.west_m):
        return ""
    small = whole._replace(width=OVERVIEW_WIDTH)
    left, top = small.xy((frame.west_m, frame.north_m))
    right, bottom = small.xy((frame.east_m, frame.south_m))
    return (
        f'<svg class="overview" viewBox="0 0 {small.width:.0f} {small.height:.0f}" role="img">'
        "<title>Where the map lies in the service area</title>"
        f'<rect class="outside" width="{small.width:.0f}" height="{small.height:.0f}"/>'
        f'<path class="inside" fill-rule="evenodd" d="{_outline(mapped.agreement.places.service_area, plane, small)}"/>'
        f'<rect class="here" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}"/>'
        "</svg>"
    )


_PATTERN = (
    '<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="hatch-ground" width="7" height="7"/><rect class="hatch-line" width="2" height="7"/></pattern></defs>'
)


def _frame(mapped: Mapped, plane: Plane) -> Frame:
    """Round what would be published; without any of it, the service area."""
    published = [_xy(plane, point) for record in mapped.tracks for point in record["path"]]
    published += [_xy(plane, _place(record)) for record in mapped.brakings]
    return _framed(published or _places(mapped.agreement.places.service_area, plane), MARGIN_SHARE)


def _framed(places: Sequence[XY], margin_share: float) -> Frame:
    west, east = min(x for x, _ in places), max(x for x, _ in places)
    south, north = min(y for _, y in places), max(y for _, y in places)
    width = max(SPAN_M_MIN, (east - west) * (1 + 2 * margin_share))
    height = max((north - south) * (1 + 2 * margin_share), width * HEIGHT_MIN / WIDTH)
    width = max(width, height * WIDTH / HEIGHT_MAX)
    x, y = (west + east) / 2, (south + north) / 2
    return Frame(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _xy(plane: Plane, place: Sequence[float]) -> XY:
    latitude_deg, longitude_deg = place
    return plane.xy_m(Point(round(latitude_deg * 1e7), round(longitude_deg * 1e7)))


def _place(record: Mapping[str, Any]) -> list[float]:
    return [record["latitude_deg"], record["longitude_deg"]]


def _rings(area: Area) -> Iterable[Any]:
    parts = [area.coordinates] if area.type == "Polygon" else area.coordinates
    return (ring for part in parts for ring in part)


def _places(area: Area, plane: Plane) -> list[XY]:
    # GeoJSON has the longitude first.
    return [_xy(plane, position[1::-1]) for ring in _rings(area) for position in ring]


def _outline(area: Area, plane: Plane, frame: Frame) -> str:
    """The rings of an area as the `d` of an SVG path."""
    rings = [
        " L".join(_drawn(frame.xy(_xy(plane, position[1::-1]))) for position in ring[:-1])
        for ring in _rings(area)
    ]
    return " ".join(f"M{ring}Z" for ring in rings)


def _drawn(xy: XY) -> str:
    return f"{xy[0]:.1f},{xy[1]:.1f}"


def _off_limits(agreement: AgreementFile, plane: Plane, frame: Frame) -> Iterable[str]:
    """Each place hatched, with its margin as a stroke of twice the margin's width."""
    for place in agreement.places.off_limits:
        outline = _outline(place.area, plane, frame)
        width = 2 * place.margin * frame.per_m
        yield f'<path class="margin" stroke-width="{width:.1f}" d="{outline}"/>'
        yield (
            f'<path class="off-limits" fill-rule="evenodd" d="{outline}"><title>{escape(place.name)}: off limits, '
            f"with a margin of {place.margin:g} m</title></path>"
        )


def _names(agreement: AgreementFile, plane: Plane, frame: Frame) -> Iterable[str]:
    for place in agreement.places.off_limits:
        corners = _places(place.area, plane)
        middle = sum(x for x, _ in corners) / len(corners), max(y for _, y in corners) + place.margin
        if frame.shows(middle):
            x, y = frame.xy(middle)
            anchor = "start" if x < WIDTH / 5 else "end" if x > WIDTH * 4 / 5 else "middle"
            where = f'x="{x:.1f}" y="{max(16.0, y - 6):.1f}" text-anchor="{anchor}"'
            yield f'<text class="name" {where}>{escape(place.name[:LABEL_CHARACTERS_MAX])}</text>'


def _tracks(tracks: Sequence[Mapping[str, Any]], plane: Plane, frame: Frame) -> Iterable[str]:
    """Each stretch as a line; a dot at either end shows where it was cut."""
    for record in tracks:
        points = [_drawn(frame.xy(_xy(plane, point))) for point in record["path"]]
        if points:
            title = f"{record['date']}, stretch {record['stretch']}"
            yield (
                f'<polyline class="track" points="{" ".join(points)}"><title>{escape(title)}</title></polyline>'
            )
    for record in tracks:
        for point in record["path"][:1] + record["path"][1:][-1:]:
            x, y = frame.xy(_xy(plane, point))
            yield f'<circle class="end" cx="{x:.1f}" cy="{y:.1f}" r="2.2"/>'


def _cells(mapped: Mapped, plane: Plane, frame: Frame) -> Iterable[str]:
    """A square for each cell with brakings, in the colour of its most severe one."""
    terms = mapped.agreement.streams.harsh_braking
    side = max(CELL_MIN, (terms.cell if terms else 0) * frame.per_m)
    cells: dict[XY, list[str]] = defaultdict(list)
    for record in mapped.brakings:
        cells[frame.xy(_xy(plane, _place(record)))].append(record["severity"])
    for (x, y), severities in sorted(cells.items()):
        worst = max(severities, key=lambda one: severity_class(one, mapped.severities))
        times = "once" if len(severities) == 1 else f"{len(severities)} times"
        yield (
            f'<rect class="cell {severity_class(worst, mapped.severities)}" x="{x - side / 2:.1f}" '
            f'y="{y - side / 2:.1f}" width="{side:.1f}" height="{side:.1f}">'
            f"<title>harsh braking, {times}, at worst {escape(worst)}</title></rect>"
        )


def _scale_bar(frame: Frame) -> str:
    """A bar of a round length, at most a quarter of the map's width."""
    room_m = (frame.east_m - frame.west_m) / 4
    length_m = max(
        step * 10**power for power in range(0, 7) for step in (1, 2, 5) if step * 10**power <= room_m
    )
    width, y = length_m * frame.per_m, frame.height - 18
    return (
        f'<g class="scale"><path d="M18,{y - 6:.1f} V{y:.1f} H{18 + width:.1f} V{y - 6:.1f}"/>'
        f'<text x="{18 + width / 2:.1f}" y="{y - 8:.1f}" text-anchor="middle">{length_in_words(length_m)}</text></g>'
    )


def _north(frame: Frame) -> str:
    x = frame.width - 26
    return (
        f'<g class="north"><path d="M{x:.0f},14 l6,17 l-6,-4 l-6,4 Z"/>'
        f'<text x="{x:.0f}" y="54" text-anchor="middle">N</text></g>'
    )
