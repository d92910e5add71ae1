"""Vehicle-days from recorded logs: pulses, configuration and truth are taken from beside each log.

Secrets come from `truth.ndjson` (see `drivers.simulate`) or from a file of lines like

    {"log": "monday.nmea", "kind": "on_route", "latitude_deg": 40.0, "longitude_deg": -4.0,
     "begins_s": 7200, "ends_s": 9000}
    {"kind": "place", "latitude_deg": 40.0, "longitude_deg": -4.0}

where `kind` is `on_route`, `detour` or `off_limits` for a break, and seconds count from the log's first sentence. A
`place` is one that is to stay hidden. A break names its log as it was given, or by its file name.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely
import shapely.geometry

from agent.agreement import Agreement
from agent.audit.baselines import raw
from agent.audit.case import Break, BreakKind, Case, Floats, Hidden, Route, Secrets, interpolated, pair
from agent.audit.seeing import Log, metres, seen
from agent.audit.simulated import HINT_M
from agent.geometry import Plane
from agent.recording.duty import FixedDuty
from agent.recording.fixes import Fix, Receiver
from agent.recording.gate import Gate
from agent.surroundings import Logs, configuration_for
from config.schema import Configuration
from drivers.inputs import Pulse
from drivers.replay import LogError, merge, open_log, pulses, replay

DAY_S_MAX = 2 * 86_400


class Given(NamedTuple):
    """Recorded vehicle-days as Fairhaul would show them, and as raw data."""

    fairhaul: Route
    raw: Route


class SecretsError(ValueError):
    """A file of secrets that is not understood; the text says where and why."""


class Told(NamedTuple):
    """What a file of secrets says: breaks by their log, as it was given, and hidden places."""

    breaks: dict[str, list[dict[str, Any]]]
    places: list[tuple[float, float]]


NOTHING_TOLD = Told({}, [])
KINDS: tuple[BreakKind, ...] = ("on_route", "detour", "off_limits")


def told_by(path: Path, names: Sequence[str]) -> Told:
    """What a file of secrets says of these logs. Raises SecretsError, OSError."""
    told = Told({}, [])
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise SecretsError(f"{path}: no text; write one JSON object a line") from None
    for number, text in enumerate(lines, 1):
        if text.strip():
            try:
                _tell(told, json.loads(text), names)
            except json.JSONDecodeError:
                raise SecretsError(f"{path}:{number}: write one JSON object a line") from None
            except SecretsError as error:
                raise SecretsError(f"{path}:{number}: {error}") from None
    return told


def _tell(told: Told, line: Any, names: Sequence[str]) -> None:
    if not isinstance(line, dict):
        raise SecretsError("write one JSON object a line")
    place_deg = _number(line, "latitude_deg", -90, 90), _number(line, "longitude_deg", -180, 180)
    if line.get("kind") == "place":
        told.places.append(place_deg)
        return
    if line.get("kind") not in KINDS:
        raise SecretsError(f"kind must be place, {', '.join(KINDS)}")
    begins_s = _number(line, "begins_s", 0, DAY_S_MAX)
    ends_s = _number(line, "ends_s", 0, DAY_S_MAX)
    if ends_s <= begins_s:
        raise SecretsError("ends_s must be later than begins_s")
    told.breaks.setdefault(_named(line.get("log"), names), []).append(
        {"kind": line["kind"], "place_deg": place_deg, "begins_s": begins_s, "ends_s": ends_s}
    )


def _number(line: dict[str, Any], key: str, least: float, most: float) -> float:
    found = line.get(key)
    if isinstance(found, bool) or not isinstance(found, int | float) or not least <= found <= most:
        raise SecretsError(f"{key} must be a number from {least} to {most}")
    return float(found)


def _named(log: Any, names: Sequence[str]) -> str:
    """The log that is meant, by its path, else by its file name."""
    meant = [name for name in names if name == log] or [name for name in names if Path(name).name == log]
    if len(set(meant)) != 1:
        raise SecretsError(f"log must name one of the logs, as they were given: {', '.join(names)}")
    return meant[0]


def given(names: Sequence[str], agreement: Agreement, told: Told = NOTHING_TOLD) -> Given:
    """Every log as a vehicle-day of one route. Raises LogError, PulsesError, ConfigurationError."""
    plane = Plane(agreement.file.places.origin.point)
    cases = [_case(name, agreement, plane, told) for name in names]
    hidden = list(_hidden(agreement, plane, [case for case, _ in cases], told))
    return Given(
        Route("given", [case for case, _ in cases], hidden), Route("given", [bare for _, bare in cases], [])
    )


def _case(name: str, agreement: Agreement, plane: Plane, told: Told) -> tuple[Case, Case]:
    logs = Logs([name])
    configuration = configuration_for(logs, None)
    found = logs.beside("pulses.csv")
    edges = list(pulses(str(found))) if found else []
    fixes = list(_fixes(name))
    if not fixes:
        raise LogError(f"{name}: no fix in it could be published; leave it out")
    fixes_m = _by_second(fixes, plane)
    secrets = _secrets(logs, plane, fixes_m, told.breaks.get(name, []))
    utc_ms = next((fix.utc_ms - round(fix.at * 1000) for fix in fixes if fix.utc_ms is not None), 0)
    with open_log(name) as opened:
        log = Log(
            "given",
            configuration.vehicle,
            utc_ms,
            _duty_s(edges, fixes, configuration),
            merge(replay(opened), edges),
            None if edges else FixedDuty(True),
        )
        shown = seen([log], configuration, agreement)[0]
    return Case(shown, secrets), Case(raw(shown, fixes_m), secrets)


def _fixes(name: str) -> Iterator[Fix]:
    receiver, gate = Receiver(), Gate(replay=True)
    with open_log(name) as opened:
        for chunk in replay(opened):
            for fix in receiver.feed(chunk.at, chunk.data):
                if gate.judge(fix) is None:
                    yield fix


def _by_second(fixes: Sequence[Fix], plane: Plane) -> Floats:
    """A place for each second of the log, NaN where there is none."""
    lasts_s = min(DAY_S_MAX, math.ceil(fixes[-1].at) + 1)
    places_m = np.full((lasts_s, 2), np.nan)
    known = {
        int(fix.at): (fix.latitude_e7 / 1e7, fix.longitude_e7 / 1e7)
        for fix in fixes
        if fix.at < lasts_s and fix.latitude_e7 is not None and fix.longitude_e7 is not None
    }
    places_m[list(known)] = metres(plane, list(known.values()))
    return places_m


def _duty_s(
    edges: Sequence[Pulse], fixes: Sequence[Fix], configuration: Configuration
) -> tuple[float, float]:
    """From the ignition's first rise to its last fall; where it has no line, from the first fix to the last."""
    moments = [
        edge.at
        for edge in edges
        if edge.pin in configuration.pins and configuration.pins[edge.pin].kind == "ignition"
    ]
    return (moments[0], moments[-1]) if len(moments) > 1 else (fixes[0].at, fixes[-1].at)


# Secrets.


def _secrets(logs: Logs, plane: Plane, fixes_m: Floats, breaks: Sequence[dict[str, Any]]) -> Secrets:
    truth = logs.beside("truth.ndjson")
    if truth is None:
        return _from_fixes(plane, fixes_m, breaks)
    with truth.open(encoding="utf-8") as lines:
        seconds = [json.loads(line) for line in lines]
    way_m = metres(plane, [(second["latitude_deg"], second["longitude_deg"]) for second in seconds])
    serving = [index for index, second in enumerate(seconds) if second["stop"] is not None]
    firsts = [index for index in serving if seconds[index]["stop"] != seconds[index - 1]["stop"]]
    found = list(_breaks_of(seconds, way_m)) + list(_told_breaks(plane, breaks))
    speed_mps = np.array([second["speed_mps"] for second in seconds])
    return Secrets(found, way_m, speed_mps, way_m[firsts], [])


def _breaks_of(seconds: Sequence[dict[str, Any]], way_m: Floats) -> Iterator[Break]:
    """Runs of seconds with a break's number; one that follows a served stop was on the route."""
    for number, group in itertools.groupby(enumerate(seconds), key=lambda each: each[1]["break"]):
        if number is None:
            continue
        indexes = [index for index, _ in group]
        first, last = indexes[0], indexes[-1]
        kind: BreakKind = "on_route" if first and seconds[first - 1]["state"] == "serving" else "detour"
        if seconds[first]["place"] == "off_limits":
            kind = "off_limits"
        yield Break(kind, pair(way_m[first]), float(first), float(last + 1))


def _told_breaks(plane: Plane, breaks: Sequence[dict[str, Any]]) -> Iterator[Break]:
    for line in breaks:
        place_m = metres(plane, [line["place_deg"]])[0]
        yield Break(line["kind"], pair(place_m), line["begins_s"], line["ends_s"])


def _from_fixes(plane: Plane, fixes_m: Floats, breaks: Sequence[dict[str, Any]]) -> Secrets:
    """Without a truth the receiver's places stand for it."""
    known = np.flatnonzero(~np.isnan(fixes_m[:, 0]))
    seconds = np.arange(float(len(fixes_m)))
    way_m = interpolated(seconds, known.astype(float), fixes_m[known])
    speed_mps = np.append(np.hypot(*np.diff(way_m, axis=0).T), 0.0)
    return Secrets(list(_told_breaks(plane, breaks)), way_m, speed_mps, way_m[speed_mps < 0.3], [])


def _hidden(agreement: Agreement, plane: Plane, cases: Sequence[Case], told: Told) -> Iterator[Hidden]:
    """Places told, and where breaks off limits were taken, each with the ground that the agreement draws there."""
    places_m = [pair(metres(plane, [place])[0]) for place in told.places]
    places_m += [
        taken.place_m for case in cases for taken in case.secrets.breaks if taken.kind == "off_limits"
    ]
    for place_m in dict.fromkeys(places_m):
        ground = _ground_of(agreement, plane, place_m)
        yield Hidden("off_limits", place_m, ground or shapely.Point(place_m).buffer(HINT_M))


def _ground_of(agreement: Agreement, plane: Plane, place_m: tuple[float, float]) -> shapely.Polygon | None:
    here = shapely.Point(place_m)
    for place in agreement.file.places.off_limits:
        drawn = shapely.geometry.shape({"type": place.area.type, "coordinates": place.area.coordinates})
        for polygon in getattr(drawn, "geoms", [drawn]):
            ring_m = metres(plane, [(lat, lon) for lon, lat, *_ in polygon.exterior.coords])
            ground = shapely.Polygon(ring_m).buffer(place.margin)
            if ground.covers(here):
                return ground
    return None
