"""Where recording may be: service area, places off limits, declared sites; GeoJSON, longitude first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from agent.agreement import rings
from agent.agreement.part import Name, Sentence, without
from agent.geometry import Point, Polygon
from config.located import Mistake
from config.quantities import Metres
from config.section import Section

AREA_RINGS_MAX = 100
OFF_LIMITS_MAX = 200
SITES_MAX = 100
POINTS_MAX = 10_000
POSITIONS_MAX = 50_000
"""Most positions in all areas of an agreement together."""


class Origin(Section):
    """Where the grid of cells is anchored."""

    latitude_deg: float = Field(ge=-85, le=85)
    longitude_deg: float = Field(ge=-180, le=180)

    @property
    def point(self) -> Point:
        """The origin in whole 1e-7 degrees."""
        return Point(round(self.latitude_deg * 1e7), round(self.longitude_deg * 1e7))


class Area(Section):
    """A GeoJSON geometry: `Polygon` or `MultiPolygon`, longitude first as GeoJSON has it."""

    type: Literal["Polygon", "MultiPolygon"]
    coordinates: list[Any] = Field(min_length=1, max_length=AREA_RINGS_MAX)
    _drawn: list[list[list[Point]]] = PrivateAttr(default=[])

    @model_validator(mode="after")
    def _drawn_right(self) -> Area:
        self._drawn = rings.polygons(self.type, self.coordinates)
        return self

    @property
    def rings(self) -> list[list[Point]]:
        """The rings of all its polygons, unclosed."""
        return [ring for part in self._drawn for ring in part]

    @property
    def positions(self) -> int:
        """How many positions its rings have."""
        return sum(map(len, self.rings))

    def polygons(self, margin_m: float = 0.0) -> list[Polygon]:
        """The area's polygons, each with the margin round it."""
        return [Polygon(outer, holes, margin_m) for outer, *holes in self._drawn]


class Points(Section):
    """A GeoJSON `MultiPoint`."""

    type: Literal["MultiPoint"]
    coordinates: list[Any] = Field(min_length=1, max_length=POINTS_MAX)
    _drawn: list[Point] = PrivateAttr(default=[])

    @model_validator(mode="after")
    def _drawn_right(self) -> Points:
        self._drawn = rings.points(self.coordinates)
        return self

    def points(self) -> list[Point]:
        """The positions, in the order of the file."""
        return list(self._drawn)


class OffLimits(Section):
    """A place of which nothing is ever published, with a margin round it."""

    name: Sentence
    margin: Metres = Field(ge=0, le=1000)
    area: Area


class Site(Section):
    """A place whose visits may be published, such as the landfill."""

    id: Name
    kind: Literal["landfill", "transfer_station", "depot"]
    area: Area


class Places(Section):
    """Where recording may be: inside the service area and outside everything off limits."""

    origin: Origin
    service_area: Area
    off_limits: list[OffLimits] = Field(default=[], max_length=OFF_LIMITS_MAX)
    sites: list[Site] = Field(default=[], max_length=SITES_MAX)

    @model_validator(mode="after")
    def _fit_together(self) -> Places:
        return without(self._mistakes(), self)

    @property
    def positions(self) -> int:
        """How many positions all its areas have together."""
        areas = [place.area for place in self.off_limits] + [site.area for site in self.sites]
        return sum(area.positions for area in [self.service_area, *areas])

    def _mistakes(self) -> Iterator[Mistake]:
        if self.positions > POSITIONS_MAX:
            yield Mistake(
                f"the areas have {self.positions} positions, more than {POSITIONS_MAX}: draw them coarser"
            )
            return
        for number, place in enumerate(self.off_limits):
            if not self._is_near(place.area.polygons(place.margin)):
                yield Mistake(
                    f"{place.name} lies nowhere near the service area; {_ORDER}", "off_limits", number
                )
        ids = [site.id for site in self.sites]
        for number, site in enumerate(self.sites):
            if site.id in ids[:number]:
                yield Mistake(f"{site.id} is the id of another site already", "sites", number, "id")
            if not self._is_near(site.area.polygons()):
                says = f"{site.id} lies nowhere near the service area, so no visit is ever seen; {_ORDER}"
                yield Mistake(says, "sites", number)

    def _is_near(self, parts: list[Polygon]) -> bool:
        return any(part.may_touch(served) for part in parts for served in self.service_area.polygons())


_ORDER = "GeoJSON writes the longitude first, then the latitude"
