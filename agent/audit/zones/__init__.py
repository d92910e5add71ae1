"""Attacks on hidden places, each from its paper: from all days of a route to one guess of where the place is.

A new attack is one line in ATTACKS. Each returns None where it has nothing to work on, and its guess lies on the
target's ground: what lies outside is moved to the ground's nearest place.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.audit.case import Floats, Route, Seen
from agent.audit.zones.circle_fit import known_radius, unknown_radius
from agent.audit.zones.judging import (
    CHANCE,
    DISCOVERED,
    Guessed,
    ZoneAttack,
    as_rows,
    guessed,
    of_kind,
    shares,
)
from agent.audit.zones.middles import centroid, discovered, zone_discovery
from agent.audit.zones.rays import heading_rays, ray_crossings
from agent.audit.zones.stays import last_destination, stay_points
from agent.audit.zones.street_graph import distance_on_streets
from agent.audit.zones.target import Target, blind, by_map, chance, without_place
from agent.audit.zones.versions import differenced

__all__ = [
    "ATTACKS",
    "CHANCE",
    "DISCOVERED",
    "Guessed",
    "Target",
    "ZoneAttack",
    "as_rows",
    "blind",
    "by_map",
    "chance",
    "differenced",
    "discovered",
    "guessed",
    "guesses",
    "of_kind",
    "shares",
    "without_place",
]


def _on_ground(attack: ZoneAttack) -> ZoneAttack:
    """The same attack, its guesses moved to the ground."""

    def clipped(days: Sequence[Seen], target: Target) -> Floats | None:
        guess_m = attack(days, target)
        return None if guess_m is None else target.clipped(guess_m)

    return clipped


ATTACKS: dict[str, ZoneAttack] = {
    "circle fit": _on_ground(known_radius),
    "circle fit, radius unknown": _on_ground(unknown_radius),
    "zone discovery": _on_ground(zone_discovery),
    "heading rays": _on_ground(heading_rays),
    "ray crossings": _on_ground(ray_crossings),
    "centroid": _on_ground(centroid),
    "distance and streets": _on_ground(distance_on_streets),
    "last destination": _on_ground(last_destination),
    "stay points": _on_ground(stay_points),
}


def guesses(route: Route) -> list[Guessed]:
    """What every attack guesses on every hidden place of a route."""
    return guessed(route, ATTACKS)
