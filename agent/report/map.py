"""The report's map: an SVG drawing of what would be published and of the agreement's own places, nothing else.

Drawn on a plane that touches the sphere at the agreement's origin, north up. It has no street map underneath,
because that would have to be fetched from somebody who then learns where the truck was.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from agent.agreement.places import Area
from agent.agreement.schema import AgreementFile
from agent.geometry import Plane, Point
from agent.report import layers
from agent.report.frame import WIDTH, XY, Frame, Mapped, drawn, framed, plane_xy
from agent.report.words import length_in_words

MARGIN_SHARE = 0.08
LABEL_CHARACTERS_MAX = 32
OVERVIEW_WIDTH = 180
OVERVIEW_FROM = 1.6  # so many times the map's span the service area must have to be worth an overview


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
        *_sites(mapped, plane, frame),
        *layers.lifts(mapped, plane, frame),
        *_off_limits(mapped.agreement, plane, frame),
        *layers.brakings(mapped, plane, frame),
        *layers.tracks(mapped, plane, frame),
        *layers.stops(mapped, plane, frame),
        *layers.crew_reports(mapped, plane, frame),
        *layers.calls(mapped, plane, frame),
        *_names(mapped, plane, frame),
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
    whole = framed(area, 0.05)
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


def elsewhere(mapped: Mapped) -> str:
    """A sentence on what the map leaves out; empty when it shows all."""
    plane = Plane(mapped.agreement.places.origin.point)
    frame, places = _frame(mapped, plane), _published(mapped)
    beyond = sum(not frame.shows(plane_xy(plane, place)) for place in places)
    return (
        f"<p>{beyond:,} of {len(places):,} published places lie elsewhere, outside this map.</p>"
        if beyond
        else ""
    )


def _published(mapped: Mapped) -> list[list[float]]:
    """Every published place, as `[latitude_deg, longitude_deg]`."""
    points: list[list[float]] = [point for record in mapped.of("track") for point in record["path"]]
    placed = (record for stream in layers.PLACED for record in mapped.placed(stream))
    return points + [[record["latitude_deg"], record["longitude_deg"]] for record in placed]


def _frame(mapped: Mapped, plane: Plane) -> Frame:
    """Round what would be published in the part of the service area that has most of it; without any, round it all.

    A landfill far from the city would make both too small to see.
    """
    area = mapped.agreement.places.service_area
    parts = area.polygons()
    by_part: dict[int, list[XY]] = {}
    for place in _published(mapped):
        point = Point(*(round(degrees * 1e7) for degrees in place))
        part = next((number for number, one in enumerate(parts[1:], 1) if one.covers(point)), 0)
        by_part.setdefault(part, []).append(plane_xy(plane, place))
    return framed(max(by_part.values(), key=len, default=_places(area, plane)), MARGIN_SHARE)


def _rings(area: Area) -> Iterable[Any]:
    parts = [area.coordinates] if area.type == "Polygon" else area.coordinates
    return (ring for part in parts for ring in part)


def _places(area: Area, plane: Plane) -> list[XY]:
    # GeoJSON has the longitude first.
    return [plane_xy(plane, position[1::-1]) for ring in _rings(area) for position in ring]


def _outline(area: Area, plane: Plane, frame: Frame) -> str:
    """The rings of an area as the `d` of an SVG path."""
    rings = [
        " L".join(drawn(frame.xy(plane_xy(plane, position[1::-1]))) for position in ring[:-1])
        for ring in _rings(area)
    ]
    return " ".join(f"M{ring}Z" for ring in rings)


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


def _sites(mapped: Mapped, plane: Plane, frame: Frame) -> Iterable[str]:
    """The declared sites, where visits of them are published."""
    if mapped.agreement.streams.site_visits is None:
        return
    for site in mapped.agreement.places.sites:
        title = f"<title>{escape(site.id)}: visits of this site are published</title>"
        yield f'<path class="site" fill-rule="evenodd" d="{_outline(site.area, plane, frame)}">{title}</path>'


def _named(mapped: Mapped) -> Iterable[tuple[str, Area, float]]:
    """The places that bear a name on the map, with their margins."""
    for place in mapped.agreement.places.off_limits:
        yield place.name, place.area, place.margin
    if mapped.agreement.streams.site_visits is not None:
        for site in mapped.agreement.places.sites:
            yield site.id, site.area, 0.0


def _names(mapped: Mapped, plane: Plane, frame: Frame) -> Iterable[str]:
    for name, area, margin_m in _named(mapped):
        corners = _places(area, plane)
        middle = sum(x for x, _ in corners) / len(corners), max(y for _, y in corners) + margin_m
        if frame.shows(middle):
            x, y = frame.xy(middle)
            anchor = "start" if x < WIDTH / 5 else "end" if x > WIDTH * 4 / 5 else "middle"
            where = f'x="{x:.1f}" y="{max(16.0, y - 6):.1f}" text-anchor="{anchor}"'
            yield f'<text class="name" {where}>{escape(name[:LABEL_CHARACTERS_MAX])}</text>'


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
