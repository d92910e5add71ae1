"""What is found of a fleet: brakings joined to days and trucks, and how few places single out a day.

Each attack beside chance, and on what a tracker without Fairhaul sends, where it must succeed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from agent.audit import planted
from agent.audit.case import Route
from agent.audit.fingerprint import fingerprinted
from agent.audit.joining import joined
from agent.audit.unicity import unicity
from agent.audit.verdict import POINTS, Row, control, given_away, promised, proving
from agent.geometry import Plane

STYLE_MIN, CROWD_MIN = 0.60, 0.80  # what attacks must reach where nothing is protected, or they are broken
CROWD_POINTS = (1, 2, 3, 4)


def brakings(
    fairhaul: Sequence[Route], raw: Sequence[Route], planes: Mapping[str, Plane], cell_m: float, seed: int
) -> Iterator[Row]:
    """R18: joining brakings to vehicle-days by key, time and order; by space it is printed.

    The same on brakings as a tracker without Fairhaul sends them, where each of these attacks must succeed.
    """
    without = list(_named_brakings(raw, planes, seed))
    unproven = {row.attack for row in without if row.judgement == "TOO WEAK" and row.has_trials}
    section = "brakings joined to their day"
    found = joined(fairhaul, planes, seed, cell_m)
    for attack, by in JOINED.items():
        chance = found[by.chance].value
        if by.promised:
            row = promised(section, attack, found[by.name], chance, chance + POINTS, "R18")
        else:
            row = given_away(section, attack, found[by.name], chance)
        yield proving(row, unproven)
    style = fingerprinted(fairhaul, planes, seed, cell_m)
    yield given_away(section, "truck by severity", style.by_style, style.chance.value)
    yield given_away(section, "truck by severity and square", style.by_place, style.chance.value)
    yield from without


class Joining(NamedTuple):
    """How `joined` names an attack and its chance, and what it must find where brakings come with their day's track."""

    name: str
    chance: str
    promised: bool
    least: float


JOINED: Mapping[str, Joining] = {
    "key": Joining("key", "chance", True, 0.9),
    "time": Joining("time", "chance", True, 0.9),
    "time_coincidence": Joining("time_coincidence", "chance", True, 0.9),
    "order": Joining("order", "chance", True, 0.5),
    "truck_by_name": Joining("truck_by_name", "truck_chance", True, 0.9),
    "truck_by_age": Joining("truck_by_age", "truck_chance", True, 0.9),
    "order along the way": Joining("order_along", "order_along_shuffled", True, 0.3),
    "space": Joining("space", "chance", False, 0.35),
    "space_together": Joining("space_together", "chance", False, 0.35),
}


def _named_brakings(raw: Sequence[Route], planes: Mapping[str, Plane], seed: int) -> Iterator[Row]:
    section = "brakings sent with their day's track, and the peak of each"
    routes = planted.named(raw, planes, seed)
    found = joined(routes, planes, seed, planted.CELL_M)
    elsewhere = joined(planted.named(planted.apart(raw), planes, seed), planes, seed, planted.CELL_M)
    for attack, by in JOINED.items():
        shares = elsewhere if by.name.startswith("space") else found
        chance = shares[by.chance].value
        yield control(section, attack, shares[by.name], by.least)._replace(chance=chance)
    style = fingerprinted(routes, planes, seed, planted.CELL_M)
    for attack, share in (
        ("truck by severity", style.by_style),
        ("truck by severity and square", style.by_place),
    ):
        yield control(section, attack, share, STYLE_MIN)._replace(chance=style.chance.value)


def crowd(fairhaul: Sequence[Route], raw: Sequence[Route], seed: int) -> Iterator[Row]:
    """How few places single out a truck; on raw data, with their minutes, four must."""
    section, most = "singled out by squares of 100 m", CROWD_POINTS[-1]
    for points in CROWD_POINTS:
        found = unicity(fairhaul, points, seed)
        yield given_away(section, f"{points} and the month", found, None)
    timed = unicity(raw, most, seed, timed=True)
    yield control(section, f"{most} and their minutes on raw data", timed, CROWD_MIN)
