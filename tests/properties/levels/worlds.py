"""Where the shifts of these tests happen: agreements with few slots, zones that overlap, doors to what is hidden."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from agent.agreement import Agreement
from agent.geometry import Plane, Point
from tests.properties.levels.ways import Place
from tests.sim.drives import AREA_M, PLANE, agreement, square

HALL, HALL_HALF_M, HALL_MARGIN_M = (0.0, 3000.0), 100.0, 50.0
CLINIC, CLINIC_HALF_M = (150.0, 3080.0), 80.0
GATE, GATE_HALF_M = (AREA_M, 0.0), 150.0
SITE = (2000.0, -1500.0)
SLOTS = ["04:30", "12:00", "21:00"]
FLEET_SLOTS = ["05:30"]

ORIGINS = {
    "north-west": PLANE,
    "antimeridian": Plane(Point(-170_000_000, 1_799_999_000)),
    "south-east": Plane(Point(-400_000_000, 1_740_000_000)),
}


class Door(NamedTuple):
    """A place to stop publishing at: `hides` says which secrets are next door."""

    place: Place
    hides: str


# The last publishable metre before a zone, the first metre behind it, and a street where nothing is hidden.
def _doors() -> list[Door]:
    rim_m = HALL[1] - HALL_HALF_M - HALL_MARGIN_M
    found = [Door(Place(0.0, rim_m - short_m, 90.0), "off limits") for short_m in (0.02, 3.0, 19.0)]
    found += [
        Door(Place(-HALL_HALF_M - HALL_MARGIN_M - 0.02, 3000.0, 0.0), "off limits"),
        Door(Place(GATE[0] - GATE_HALF_M - 0.02, 0.0, 0.0), "off limits"),
        Door(Place(AREA_M - 0.02, -2000.0, 0.0), "outside"),
        Door(Place(AREA_M - 12.0, 2000.0, 0.0), "outside"),
        Door(Place(0.0, 0.0, 0.0), "off duty"),
        Door(Place(900.0, -1500.0, 135.0), "off duty"),
        Door(Place(*SITE, 0.0), "off duty"),
    ]
    return found


DOORS = _doors()
STREETS = [door.place for door in DOORS if door.hides == "off duty" and door.place[:2] != SITE]


def _fewer_slots(tree: dict[str, Any]) -> None:
    """Few slots, one of them in the middle of the shift, which silence on duty must keep closed: no schedule does."""
    release = tree["release"]
    if release["kind"] == "daily":
        release["slots"] = SLOTS
    release["fleet_slots"] = FLEET_SLOTS
    tree["streams"]["harsh_braking"]["held"] = "1 day"
    tree["duty"].pop("schedule", None)


def _with_stops(tree: dict[str, Any], plane: Plane) -> None:
    """Stops at declared points, whoever that gives away."""
    points = [plane.point(*street[:2]) for street in STREETS]
    declared = [[point.longitude_e7 / 1e7, point.latitude_e7 / 1e7] for point in points]
    tree["streams"]["stops"] = {
        "precision": "10 m",
        "retention": "60 days",
        "snapped_to": {"type": "MultiPoint", "coordinates": declared},
        "gives_away_breaks": "accepted",
    }
    tree["release"]["envelopes"]["stops"] = 1
    tree["questions"][0]["needs"].append("stops")


def _later(tree: dict[str, Any], plane: Plane) -> None:
    tree["version"] = 2
    tree["streams"]["track"]["precision"] = "40 m"


VARIANTS: dict[str, Callable[[dict[str, Any], Plane], None]] = {
    "as it is": lambda tree, plane: None,
    "with stops": _with_stops,
    "later": _later,
}


@functools.cache
def agreed(
    name: str = "routes-and-safety", origin: str = "north-west", variant: str = "as it is"
) -> Agreement:
    """An example agreement in the world of these tests, in one of VARIANTS."""
    plane = ORIGINS[origin]

    def changed(tree: dict[str, Any]) -> None:
        _fewer_slots(tree)
        places = tree["places"]
        places["origin"] = {
            "latitude_deg": plane.origin.latitude_e7 / 1e7,
            "longitude_deg": plane.origin.longitude_e7 / 1e7,
        }
        places["off_limits"] += [
            {"name": "clinic", "margin": "20 m", "area": square(*CLINIC, CLINIC_HALF_M, plane)},
            {"name": "gate", "margin": "0 m", "area": square(*GATE, GATE_HALF_M, plane)},
        ]
        if "site_visits" in tree["streams"]:
            places["sites"] = [{"id": "yard", "kind": "depot", "area": square(*SITE, 200.0, plane)}]
        VARIANTS[variant](tree, plane)

    return agreement(name, changed, plane)
