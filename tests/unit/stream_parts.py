"""What the tests of streams feed them: places, stretches, and an agreement that has every stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agent.agreement import Agreement, canonical_json
from agent.agreement.schema import AgreementFile
from agent.filters.placed import Placed
from agent.filters.simplify import Spot
from agent.geometry import Point
from agent.recording.way import PublishedStretch
from agent.records import Record
from agent.streams.stream import Stream
from agent.surroundings import EXAMPLES
from config.load import load_yaml, validate
from tests.sim.drives import PLANE, square

ORIGIN = PLANE.origin
DAY = 21_065  # 2027-09-04
XY = tuple[float, float]


def published(point: Point) -> list[float]:
    """A place as a path has it."""
    return [round(point.latitude_e7 / 100) / 1e5, round(point.longitude_e7 / 100) / 1e5]


def closed(
    xys_m: Sequence[XY],
    *,
    day: int = DAY,
    number: int = 1,
    running_s: int = 120,
    seconds: Sequence[int] | None = None,
    stands_m: Sequence[XY] = (),
    run_m: float = 0.0,
) -> PublishedStretch:
    """A closed stretch along these metres east and north of the origin; `run_m` is what its odometer claims."""
    at = seconds or [36_000 + 10 * index for index in range(len(xys_m))]
    spots = [Spot(x, y, run_m, 0.0, second) for (x, y), second in zip(xys_m, at, strict=True)]
    points = [published(PLANE.point(*xy)) for xy in xys_m]
    return PublishedStretch(day, number, running_s, spots, points, [PLANE.point(*xy) for xy in stands_m])


def placed(
    x_m: float, y_m: float = 0.0, *, elapsed_s: float = 1.0, day: int = DAY, second: int = 36_000
) -> Placed:
    """The truck at metres east and north of the origin."""
    return Placed(day, second, elapsed_s, PLANE.point(x_m, y_m), (day * 86_400 + second) * 1000)


def stayed(stream: Stream, seconds: int, x_m: float, *, day: int = DAY) -> list[Record]:
    """What a stream tells of a truck that is at one place for so long."""
    return [record for _ in range(seconds) for record in stream.placed(placed(x_m, day=day))]


LANDFILL_M, DEPOT_M, SITE_HALF_M = (1000.0, 0.0), (-1000.0, 500.0), 100.0
KEPT = {"retention": "60 days"}
TERMS: dict[str, Any] = {
    "track": {"precision": "5 m", "clock": "exact", **KEPT},
    "stops": {"precision": "10 m", **KEPT},
    "lifts": {"cell": "100 m", **KEPT},
    "passed": {"cell": "100 m", **KEPT},
    "harsh_braking": {"cell": "100 m", "held": "28 days", **KEPT},
    "day": {"precision": "100 m", **KEPT},
    "site_visits": {"dwell_classes": ["10 min", "30 min"], **KEPT},
    "crew_report": {"cell": "100 m", **KEPT},
    "help": {"precision": "exact", **KEPT},
    "live": {"cell": "200 m", **KEPT},
    "box": KEPT,
}


def agreement(change: Callable[[dict[str, Any]], None] | None = None) -> Agreement:
    """A timed agreement with every stream and two sites, then changed."""
    located = load_yaml(EXAMPLES / "agreements" / "operations.yaml")
    tree = located.tree
    tree["streams"] = dict(TERMS)
    tree["questions"] = [{**tree["questions"][0], "needs": [name for name in TERMS if name != "box"]}]
    tree["release"] = {"kind": "timed", "every": "60 s", "size": "512 B", "fleet_slots": ["02:00"]}
    tree["places"]["sites"] = [
        {"id": "landfill-east", "kind": "landfill", "area": square(*LANDFILL_M, SITE_HALF_M)},
        {"id": "depot-1", "kind": "depot", "area": square(*DEPOT_M, SITE_HALF_M)},
    ]
    if change:
        change(tree)
    return Agreement(validate(AgreementFile, located), canonical_json(tree))


def only(*names: str) -> Callable[[dict[str, Any]], None]:
    """A change of the agreement: of the streams, these and `box` alone."""

    def change(tree: dict[str, Any]) -> None:
        tree["streams"] = {name: TERMS[name] for name in (*names, "box")}
        tree["questions"][0]["needs"] = list(names)
        if "harsh_braking" not in names:
            del tree["release"]["fleet_slots"]

    return change
