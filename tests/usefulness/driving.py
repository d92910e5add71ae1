"""A simulated shift driven under an example agreement: what was true, what was received, and what left.

The agent is the one of the command line: `fairhaul replay` reads the shift's log and pulses from files and writes
every payload to a folder. So nothing here knows how the agent works inside.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import zlib
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely
import shapely.geometry
from numpy.typing import NDArray

from agent.geometry import Plane, Point
from agent.surroundings import EXAMPLES
from agent.wire import decode
from config.load import load_yaml
from drivers.simulate import Second, Shift, write

ROOT = Path(__file__).resolve().parents[2]
REPLAY_S_MAX = 300.0
STREETS = ("district", "break")  # what truth calls the streets of the service area, off no limits
OPEN = (*STREETS, "landfill")  # and all ground of which the simulated city's agreement lets something leave
TRUSTED_AFTER_S = 6  # fixes are trusted so long behind a hidden one
TOLD_AFTER_S = 4  # pulses tell so much later

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Left(NamedTuple):
    """One payload: simulated seconds since the log began, its topic, its size and its records."""

    at_s: float
    topic: str
    size_bytes: int
    records: list[dict[str, Any]]

    @property
    def stream(self) -> str:
        """The last part of the topic."""
        return self.topic.rsplit("/", 1)[1]


class Driven(NamedTuple):
    """A shift and what left of it; row `i` of every array is second `i` of the log.

    `way_m` are true places and `fixes_m` received ones (NaN where none was received), metres east and north of
    the agreement's origin. `open_`: on duty, truly on ground that may be published; `seems_open`: the same by the
    places received.
    """

    shift: Shift
    agreement: dict[str, Any]
    seconds: list[Second]
    way_m: Floats
    fixes_m: Floats
    open_: Flags
    seems_open: Flags
    left: list[Left]

    def records(self, stream: str) -> list[dict[str, Any]]:
        """What left of a stream, in the order in which it left."""
        return [record for left in self.left if left.stream == stream for record in left.records]

    def place_m(self, at_s: float) -> Floats:
        """Where the truck truly was, between two seconds on the straight line."""
        return _between(self.way_m, at_s)

    def received_m(self, at_s: float) -> Floats:
        """Where the receiver would have put it: on the straight line between the fixes before and after."""
        known = np.flatnonzero(~np.isnan(self.fixes_m[:, 0]))
        east_m, north_m = (np.interp(at_s, known, self.fixes_m[known, axis]) for axis in (0, 1))
        return np.array([east_m, north_m])

    def is_open(self, at_s: float) -> bool:
        """Whether that second and the next are on duty and on ground that may be published."""
        second = min(int(at_s), len(self.open_) - 2)
        return bool(self.open_[second] and self.open_[second + 1])

    def is_far_from_hidden(self, at_s: float) -> bool:
        """Whether no fix near that moment was off duty, off limits or missing: pulses near one may be dropped."""
        second = int(at_s)
        return bool(self.seems_open[max(0, second - TRUSTED_AFTER_S) : second + TOLD_AFTER_S + 1].all())

    def date(self, at_s: float) -> datetime.date:
        """The city's date so many seconds after the log began."""
        utc = datetime.datetime.fromtimestamp(self.shift.utc_ms / 1000 + at_s, datetime.UTC)
        return utc.astimezone(zoneinfo.ZoneInfo(self.agreement["duty"]["time_zone"])).date()

    def is_named(self, cell: tuple[int, int], cell_m: float) -> bool:
        """Whether a record may name that square: its middle lies on open ground."""
        east_m, north_m = ((number + 0.5) * cell_m for number in cell)
        return bool(shapely.contains_xy(_ground(self.agreement), east_m, north_m))

    def path_m(self, path: list[list[float]]) -> Floats:
        """A published path on the plane."""
        return on_plane(self.agreement, [(place[0], place[1]) for place in path])


def _between(places_m: Floats, at_s: float) -> Floats:
    """A place between two seconds, on the straight line."""
    second = min(int(at_s), len(places_m) - 2)
    share = at_s - second
    found: Floats = places_m[second] * (1 - share) + places_m[second + 1] * share
    return found


def drive(shift: Shift, example: str, folder: Path, planted: str = "") -> Driven:
    """The shift under the example agreement of that name, put into the shift's city.

    `planted`: Python that changes the agent before it starts, to see what a mechanism costs. Raises
    CalledProcessError when the replay fails.
    """
    if not (folder / "shift.nmea").exists():
        write(shift, folder)
    agreement = fitted(example, folder)
    wire = _replayed(folder, example, planted)
    return beside_truth(shift, agreement, folder / "shift.nmea", list(_left(wire)))


def beside_truth(shift: Shift, agreement: dict[str, Any], log: Path, left: list[Left]) -> Driven:
    """What left beside what was true and what was received."""
    seconds = list(shift.truth())
    fixes_m = on_plane(agreement, _received(log))[: len(seconds)]
    on_duty = np.array([second.on_duty for second in seconds])
    on_open_ground = np.array([second.place in OPEN for second in seconds])
    return Driven(
        shift,
        agreement,
        seconds,
        on_plane(agreement, [(second.latitude_deg, second.longitude_deg) for second in seconds]),
        fixes_m,
        on_duty & on_open_ground,
        on_duty & shapely.contains_xy(_ground(agreement), fixes_m[:, 0], fixes_m[:, 1]),
        left,
    )


def _ground(agreement: dict[str, Any]) -> shapely.Geometry:
    """The service area without what is off limits, on the plane."""
    places = agreement["places"]
    closed = [
        shapely.buffer(_area(agreement, place["area"]), float(place["margin"].split()[0]), quad_segs=32)
        for place in places["off_limits"]
    ]
    ground = shapely.difference(_area(agreement, places["service_area"]), shapely.union_all(closed))
    shapely.prepare(ground)
    return ground


def _area(agreement: dict[str, Any], geojson: dict[str, Any]) -> shapely.Geometry:
    degrees = shapely.geometry.shape(geojson)
    return shapely.transform(
        degrees, lambda lon_lat: on_plane(agreement, [(lat, lon) for lon, lat in lon_lat.tolist()])
    )


def fitted(example: str, folder: Path) -> dict[str, Any]:
    """The example with the places and the duty of the shift's own agreement; also written beside the log."""
    city = load_yaml(folder / "agreement.yaml").tree
    tree = load_yaml(EXAMPLES / "agreements" / f"{example}.yaml").tree
    tree |= {"places": city["places"], "duty": city["duty"]}
    (folder / f"{example}.yaml").write_text(json.dumps(tree, default=str), encoding="utf-8")
    return dict(tree)


def _replayed(folder: Path, example: str, planted: str) -> Path:
    wire = folder / f"wire-{example}-{zlib.crc32(planted.encode()):08x}"
    program = f"{planted}\nfrom agent.__main__ import main\nmain(prog_name='fairhaul')"
    words: list[object] = ["replay", folder / "shift.nmea", "--pulses", folder / "pulses.csv"]
    words += ["--config", folder / "agent.yaml", "--agreement", folder / f"{example}.yaml", "--wire", wire]
    subprocess.run(
        [sys.executable, "-c", program, *map(str, words)],
        check=True,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        timeout=REPLAY_S_MAX,
    )
    return wire


def _left(wire: Path) -> Iterator[Left]:
    for line in (wire / "index.ndjson").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        records = decode((wire / entry["file"]).read_bytes()).records
        yield Left(entry["slot_s"], entry["topic"], entry["bytes"], records)


def _received(log: Path) -> list[tuple[float, float]]:
    """Latitude and longitude of each RMC of a log, NaN where the receiver has no fix of its own."""
    with log.open("rb") as lines:
        return [_rmc_place(line.decode("ascii").split(",")) for line in lines if line[3:6] == b"RMC"]


def _rmc_place(fields: list[str]) -> tuple[float, float]:
    if fields[2] != "A" or fields[12][:1] != "A":  # an estimate is no fix
        return np.nan, np.nan
    latitude_deg, longitude_deg = float(fields[3][:2]), float(fields[5][:3])
    latitude_deg += float(fields[3][2:]) / 60
    longitude_deg += float(fields[5][3:]) / 60
    return latitude_deg * (-1 if fields[4] == "S" else 1), longitude_deg * (-1 if fields[6] == "W" else 1)


def on_plane(agreement: dict[str, Any], places_deg: list[tuple[float, float]]) -> Floats:
    """Metres east and north of the agreement's origin, the same arithmetic as the grid of cells is defined by."""
    origin = agreement["places"]["origin"]
    plane = Plane(Point(round(origin["latitude_deg"] * 1e7), round(origin["longitude_deg"] * 1e7)))
    east_m, north_m = plane.xy_m(Point(plane.origin.latitude_e7 + 10**6, plane.origin.longitude_e7 + 10**6))
    offsets_e7 = np.array(places_deg).reshape(-1, 2) * 1e7 - np.array(plane.origin)
    scaled: Floats = offsets_e7[:, ::-1] * np.array([east_m, north_m]) / 1e6
    return scaled
