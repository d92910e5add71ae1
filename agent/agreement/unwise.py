"""What `fairhaul check` warns of in an agreement that is understood, and in what a truck adds to it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from itertools import pairwise

from agent.agreement import Agreement, load_agreement
from agent.agreement.places import Area, OffLimits
from agent.geometry import HALF_TURN_E7, TURN_E7, Point, Polygon
from agent.standing import WARN_DAYS
from config.load import Loaded, Problem, load_yaml, problem_in
from config.located import KeyPath

Found = tuple[KeyPath, str]
Rings = Sequence[Sequence[Point]]

_MAXIMUM_AGE = ("outbox", "maximum_age")


def unwise_agreement(loaded: Loaded, today: datetime.date) -> list[Problem]:
    """Warnings about the agreement that a configuration names, which must be one that can be loaded."""
    path = loaded.configuration.agreement
    if path is None:
        return []
    agreement = load_agreement(path)
    found = [*_ending(agreement, today), *_off_limits(agreement)]
    located = load_yaml(path) if found else loaded.located
    return [*_too_long(loaded, agreement), *(problem_in(located, key, says) for key, says in found)]


def _too_long(loaded: Loaded, agreement: Agreement) -> Iterator[Problem]:
    """Only where it was written: the default is nobody's wish."""
    written, agreed = loaded.configuration.outbox.maximum_age, agreement.file.limits.device_retention
    if written > agreed and _MAXIMUM_AGE in loaded.located.values:
        says = (
            f"{written} days is longer than the agreement lets anything stay on the truck ({agreed} days),"
            f" which counts: write at most {agreed} days"
        )
        yield problem_in(loaded.located, _MAXIMUM_AGE, says)


def _ending(agreement: Agreement, today: datetime.date) -> Iterator[Found]:
    file = agreement.file
    if file.stop_all:
        yield ("stop_all",), "it stops everything: nothing but the box's own status leaves"
        return
    left = (file.valid_until - today).days
    then = (
        f"{agreement.behind.file.id} stands behind it"
        if agreement.behind
        else "then only the box's status leaves"
    )
    if left < 0:
        yield ("valid_until",), f"it ended {-left} days ago; {then}: ask those who agreed on it to renew it"
    elif left <= max(WARN_DAYS):
        yield ("valid_until",), f"it ends in {left} days; {then}: ask those who agreed on it to renew it"


# Places.


def _off_limits(agreement: Agreement) -> Iterator[Found]:
    places = agreement.file.places
    for number, closed in enumerate(places.off_limits):
        if not _meet(closed, places.service_area):
            yield (
                ("places", "off_limits", number),
                f"{closed.name} lies outside the service area, where nothing is published anyway: if it is meant"
                " to close a place that is served, one of the two is drawn wrong",
            )


def _meet(closed: OffLimits, served: Area) -> bool:
    """Whether a place with its margin has a point in common with the area served.

    Two areas whose edges do not cross are nearest to each other at a corner of one of them, if they do not overlap.
    """
    return (
        _any_covers(served.polygons(closed.margin), closed.area.rings)
        or _any_covers(closed.area.polygons(closed.margin), served.rings)
        or any(_cross(*edge, *other) for edge in _edges(closed.area.rings) for other in _edges(served.rings))
    )


def _any_covers(areas: Sequence[Polygon], drawn: Rings) -> bool:
    return any(area.covers(corner) for area in areas for ring in drawn for corner in ring)


def _edges(drawn: Rings) -> Iterator[tuple[Point, Point]]:
    for ring in drawn:
        yield from pairwise([*ring, ring[0]])


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether each of two segments parts the ends of the other."""
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: Point, b: Point, c: Point) -> int:
    """Positive where `c` lies left of the line from `a` to `b`, negative right of it; exact."""
    return _east(a, b) * (c.latitude_e7 - a.latitude_e7) - (b.latitude_e7 - a.latitude_e7) * _east(a, c)


def _east(a: Point, b: Point) -> int:
    """How far `b` lies east of `a`, the shorter way round the earth."""
    return (b.longitude_e7 - a.longitude_e7 + HALF_TURN_E7) % TURN_E7 - HALF_TURN_E7
