"""Levels that look at one shift alone: drift must leave no kink, and brakings nothing to join them by."""

from __future__ import annotations

import itertools
import math
from typing import Any

from hypothesis import strategies as st

from agent.geometry import point_of
from agent.records import iso_month
from agent.wire import Payload, decode
from tests.properties.levels.parts import Part, Shift, each_second
from tests.properties.levels.public import before, behind, drawn_public, shift_of
from tests.properties.levels.secrets import dense, drawn_secret
from tests.properties.levels.seen import Bytes, bytes_of
from tests.properties.levels.ways import Go, Place, Receiver, Stand, way_from, way_to
from tests.properties.levels.worlds import STREETS
from tests.sim.drives import DAY_MS, MORNING_MS, TRUCK

DRIFT_M = 8.0  # of the receiver while the truck stands; more than this counts as motion
AHEAD_M = 45.0  # of the stand is where a kink would show
KINK_M = 6.5

Draw = st.DrawFn


@st.composite
def drift(draw: Draw) -> tuple[Shift, Place]:
    """The receiver is off to the side behind a pause, all of the way that follows; and where the truck stood.

    It may have stood close by just before.
    """
    place = draw(st.sampled_from(STREETS))
    receiver = draw(st.builds(Receiver, st.sampled_from([0.0, 0.4]), st.integers(0, 15)))
    legs = draw(st.sampled_from([(Go(900), Stand(45)), (Go(900), Stand(12), Go(12), Stand(45))]))  # 24 m
    first = each_second(way_to(place, legs, receiver), edges=before(draw, place).edges[:2])
    aside = place.at + complex(0, draw(st.sampled_from([-1, 1]))) * DRIFT_M * place.heading
    moved = Place(aside.real, aside.imag, place.heading_deg)
    last = each_second(way_from(moved, (Stand(draw(st.sampled_from([14, 30]))), Go(900)), receiver))
    secret = drawn_secret(draw, "off duty", 40.0, dense) if draw(st.booleans()) else Part(0.0)
    return shift_of(drawn_public(draw, first, last), secret), place


def kink(drawn: tuple[Shift, Place]) -> str | None:
    """How far the published way lies from the street just behind the stand, when that is far."""
    shift, place = drawn
    ahead = place.at + AHEAD_M * place.heading
    ways = [record["path"] for payload in _payloads(bytes_of(shift), "track") for record in payload.records]
    sides = [side for way in ways for side in itertools.pairwise(_on_plane(shift, point) for point in way)]
    off_m = min((_off_m(ahead, *side) for side in sides), default=math.inf)
    return f"the way lies {off_m:.1f} m off" if off_m > KINK_M else None


@st.composite
def apart(draw: Draw) -> Shift:
    """A shift with brakings."""
    place = draw(st.sampled_from(STREETS))
    begins_ms = draw(
        st.sampled_from([MORNING_MS, MORNING_MS - 10 * DAY_MS])
    )  # a month's last day, or amid it
    public = drawn_public(draw, before(draw, place), behind(draw, place), begins_ms=begins_ms)
    return shift_of(public, drawn_secret(draw, "off duty", 3.0, dense))


def joined_by(shift: Shift) -> str | None:
    """What a braking has in common with the truck that it came from."""
    seen = bytes_of(shift)
    braked, others = _payloads(seen, "harsh_braking"), _payloads(seen, "track")
    epochs = {payload.heading.epoch for payload in others}
    shows = {
        "the order of a batch": any(_unsorted(payload) for payload in braked),
        "the receipt chain": any(payload.heading.epoch in epochs for payload in braked),
        "a number that counts releases": any(
            payload.heading.n > 1 for payload in braked
        ),  # of one envelope each
        "the day of arrival": any(
            _left_month(shift, event) <= record["month"] for event, record in _brakings(seen)
        ),
        "the topic": any(
            "harsh_braking" in topic and TRUCK["vehicle"] in topic for topic in _topics(seen.link)
        ),
        "the connection": any(
            len({"harsh_braking" in topic for topic in _topics(connection)}) > 1
            for connection in _connections(seen)
        ),
    }
    return next((what for what, does in shows.items() if does), None)


def _unsorted(payload: Payload) -> bool:
    places = [
        [record[name] for name in ("latitude_deg", "longitude_deg", "severity")] for record in payload.records
    ]
    return places != sorted(places)


def _brakings(seen: Bytes) -> list[tuple[tuple[object, ...], dict[str, Any]]]:
    published = [event for event in seen.link if event[1] == "publish" and "harsh_braking" in str(event[2])]
    return [(event, record) for event in published for record in decode(event[3]).records]  # type: ignore[arg-type]


def _left_month(shift: Shift, event: tuple[object, ...]) -> str:
    at_ms = shift.begins_ms + round(float(event[0]) * 1000)  # type: ignore[arg-type]
    return iso_month(at_ms // DAY_MS)


def _payloads(seen: Bytes, stream: str) -> list[Payload]:
    found = [decode(event[3]) for event in seen.link if event[1] == "publish"]
    return [payload for payload in found if payload.heading.stream == stream]


def _topics(link: list[tuple[object, ...]]) -> list[str]:
    return [str(event[2]) for event in link if event[1] == "publish"]


def _connections(seen: Bytes) -> list[list[tuple[object, ...]]]:
    parts: list[list[tuple[object, ...]]] = [[]]
    for event in seen.link:
        if event[1] == "connect":
            parts.append([])
        parts[-1].append(event)
    return parts


def _on_plane(shift: Shift, point: list[float]) -> complex:
    return complex(*shift.plane.xy_m(point_of(point)))


def _off_m(at: complex, one: complex, other: complex) -> float:
    along = 0.0 if one == other else ((at - one) / (other - one)).real
    return abs(at - one - min(1.0, max(0.0, along)) * (other - one))
