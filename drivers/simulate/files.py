"""A shift as files: the log, its pulses, the truth, and an agreement and configuration that fit its city."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from drivers.simulate.city import City
from drivers.simulate.plane import Spot
from drivers.simulate.shifts import Second, Shift

READINGS_A_WRITE = 600
FILES = ("shift.nmea", "pulses.csv", "truth.ndjson", "agreement.yaml", "agent.yaml")


def write(shift: Shift, directory: Path, progress: Callable[[int, int], None] | None = None) -> list[Path]:
    """Write the shift's five files into `directory`, made where missing; their paths.

    `progress` is told readings written and readings to write. Raises OSError where the disk refuses.
    """
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / name for name in FILES]
    _write_log(shift, paths[0], progress or (lambda done, whole: None))
    _write_lines(paths[1], pulse_lines(shift))
    _write_lines(paths[2], (truth_line(second) for second in shift.truth()))
    _write_lines(paths[3], [agreement_yaml(shift.city)])
    _write_lines(paths[4], [agent_yaml(shift)])
    return paths


def _write_log(shift: Shift, path: Path, progress: Callable[[int, int], None]) -> None:
    done, readings = 0, shift.nmea_readings()
    with path.open("wb") as log:
        while batch := list(itertools.islice(readings, READINGS_A_WRITE)):
            log.write(b"".join(itertools.chain.from_iterable(batch)))
            done += len(batch)
            progress(done, shift.readings)


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.writelines(lines)


def pulse_lines(shift: Shift) -> Iterator[str]:
    """`pulses.csv`, header first."""
    yield "at_s,pin,level\n"
    for edge in shift.edges():
        yield f"{edge.at_ms // 1000}.{edge.at_ms % 1000:03d},{edge.pin},{edge.level}\n"


def truth_line(second: Second) -> str:
    """One line of `truth.ndjson`; the key `break` is `break_index` in Python, where `break` is taken."""
    fields = second._asdict()
    fields["break"] = fields.pop("break_index")
    fields["brakings"] = [braking._asdict() for braking in second.brakings]
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")) + "\n"


def agreement_yaml(city: City) -> str:
    """An agreement for the city, in the manner of *routes-and-safety*; without `help`, which no simulated crew calls.

    The landfill is a site and part of the service area, so that visits to it count; the depot is neither. There is
    no schedule: a shift may be as long as it likes.
    """
    zones = "".join(
        f"    - name: {zone.name}\n      margin: {zone.margin_m:.0f} m\n"
        f"      area: {_geojson('Polygon', [_ring(city, zone.ring)])}\n"
        for zone in city.off_limits
    )
    landfill = _ring(city, next(site.ring for site in city.sites if site.kind == "landfill"))
    area = _geojson("MultiPolygon", [[_ring(city, city.service_area)], [landfill]])
    return f"""\
# The data agreement of the simulated city {city.name}, written by `fairhaul simulate`.
# Under it the streets driven on duty, lifts, the day's totals, visits to the landfill and harsh brakings leave the
# truck, on a later day; breaks, speed and the places below that are off limits do not.
fairhaul_agreement: 1
id: simulated-city
version: 1
city: {city.name}
groups: [operations, crews, safety, legal, it]
valid_until: 2030-12-31
questions:
  - id: routes
    asks: Which streets were served, how much is put out there, and how long does a round take?
    owner: operations
    purpose: plan routes
    valid_until: 2030-12-31
    uses: {{allowed: [route planning], forbidden: [discipline]}}
    needs: [track, day, lifts, site_visits]
  - id: safety
    asks: Where in the city do trucks brake hard?
    owner: safety
    purpose: mend dangerous places
    valid_until: 2030-12-31
    uses: {{allowed: [road safety], forbidden: [discipline]}}
    needs: [harsh_braking]
streams:
  track: {{precision: 5 m, clock: stretch, retention: 60 days}}
  lifts: {{cell: 100 m, retention: 365 days}}
  harsh_braking: {{cell: 100 m, held: 28 days, retention: 365 days}}
  day: {{precision: 100 m, retention: 365 days}}
  site_visits: {{dwell_classes: [15 min, 45 min], retention: 365 days}}
  box: {{retention: 60 days}}
release:
  kind: daily
  slots: ["05:00", "06:00"]
  fleet_slots: ["05:30", "06:30"]
  envelopes: {{track: 6, lifts: 1, harsh_braking: 1, day: 1, site_visits: 1, box: 1}}
  size: 4096 B
places:
  origin: {{latitude_deg: {city.origin.latitude_deg}, longitude_deg: {city.origin.longitude_deg}}}
  service_area: {area}
  off_limits:
{zones}  sites:
    - id: landfill
      kind: landfill
      area: {_geojson("Polygon", [landfill])}
duty: {{requires: [ignition, crew_switch], time_zone: {city.time_zone}}}
limits: {{standstill_cap: 20 s, stretch_length: 1000 m, trim: 50 m, speed_ceiling: 25 m/s, device_retention: 70 days}}
"""


def _ring(city: City, ring: Sequence[Spot]) -> list[list[float]]:
    """A closed ring of GeoJSON: longitude first, counter-clockwise."""
    degrees = [city.origin.degrees(*spot) for spot in [*ring, ring[0]]]
    return [[round(longitude_deg, 7), round(latitude_deg, 7)] for latitude_deg, longitude_deg in degrees]


def _geojson(kind: str, coordinates: list[Any]) -> str:
    """A geometry on one line, as YAML in braces."""
    return f"{{type: {kind}, coordinates: {json.dumps(coordinates)}}}"


def agent_yaml(shift: Shift) -> str:
    """A truck's configuration for the shift: play `shift.nmea` to port 2947 and it is this truck."""
    return f"""\
# The truck of a simulated shift ({shift.day.loader.name}), written by `fairhaul simulate`.
fleet: simulated-city
vehicle: truck-{shift.seed % 1000:03d}
agreement: agreement.yaml
state: state
gnss: {{port: "socket://127.0.0.1:2947", baud: auto}}
pins:
  ignition: {{gpio: 5, kind: ignition}}
  crew_switch: {{gpio: 6, kind: crew_switch}}
  brake: {{gpio: 17, kind: harsh_braking}}
  lift: {{gpio: 27, kind: lift}}
link: {{brokers: ["mqtt://127.0.0.1:1883"]}}
"""
