"""The four levels of the property: how two shifts that must show the same are drawn, and how they are compared.

A shift is P + S + Q: P and Q are public and the same in both, S is the secret. Two more levels look at one shift
alone: `tests.properties.levels.alone`. All are named in `tests.properties.levels`.
"""

from __future__ import annotations

import contextlib
import zlib
from typing import Any, NamedTuple

from hypothesis import strategies as st

from agent.wire import PayloadError, decode
from tests.properties.levels.parts import Part, Shift, each_second
from tests.properties.levels.public import (
    DAY_S,
    GOOD_RECEIVERS,
    before,
    behind,
    drawn_public,
    resumed_at,
    shift_of,
)
from tests.properties.levels.secrets import HIDDEN_LAG_S, darkened, dense, drawn_secret, sparse
from tests.properties.levels.seen import Bytes, bytes_of
from tests.properties.levels.ways import Go, Place, Receiver, Stand, way_from
from tests.properties.levels.worlds import DOORS, STREETS, agreed
from tests.sim.drives import MORNING_MS, Spot

Draw = st.DrawFn

SHOWN_MAX = 3000
AT_ONCE_S = 10  # where shifts differ in length or in restarts, events nearer than this count as simultaneous
BEGINS_MS = [
    MORNING_MS,
    MORNING_MS + 500,
    MORNING_MS + 3 * 3_600_000 - 60_000,  # a slot is near
    MORNING_MS + 15 * 3_600_000 - 70_000,  # midnight is near
]
SECONDS = [1.0, 1.0, 2.0, 3.0, 5.0, 11.0, 40.0, 41.0]
LENGTHS_S = [
    1.0,
    2.0,
    3.0,
    5.0,
    9.0,
    10.0,
    10.5,
    11.0,
    12.5,
    29.0,
    31.0,
    60.0,
    61.5,
    601.0,
    2400.0,
    3700.5,
    11_400.0,
    14_400.5,
]
STANDS_BEFORE_S, STANDS_BEHIND_S = 45, [14, 20, 40]


class Pair(NamedTuple):
    """Two shifts that must show the same; with `exact` at the same seconds, and the same at every one of them."""

    one: Shift
    other: Shift
    exact: bool = False


@st.composite
def content(draw: Draw) -> Pair:
    """S1 and S2 last equally long; both release modes."""
    name = draw(st.sampled_from(["routes-and-safety", "operations"]))
    door = draw(st.sampled_from(DOORS))
    first, last = before(draw, door.place), behind(draw, resumed_at(draw, door.place))
    begins_ms = draw(st.sampled_from(BEGINS_MS))
    public = drawn_public(draw, first, last, name, begins_ms)
    why = draw(st.sampled_from([door.hides, "off duty"]))
    seconds = draw(st.sampled_from(SECONDS))
    one, other = (drawn_secret(draw, why, seconds, dense) for _ in range(2))
    if begins_ms == BEGINS_MS[-1]:  # the day's first duty does show: it may be a pause that hides midnight
        return Pair(shift_of(public, _unswitched(one)), shift_of(public, _unswitched(other)), exact=True)
    if not last.dark and draw(st.integers(0, 5)) == 5:  # a new agreement comes, sooner or later
        at_s = draw(st.sampled_from([0.0, seconds - 1]))
        one = one._replace(papers=[(at_s, agreed(name, public.origin, "later"))])
        return Pair(shift_of(public, one), shift_of(public, other, paper_in_the_evening=True))
    if name == "routes-and-safety":  # a connection that is lost shows, where there is one
        one, other = darkened(draw, one), darkened(draw, other)
    return Pair(shift_of(public, one), shift_of(public, other), not (one.dark or other.dark))


def _unswitched(part: Part) -> Part:
    """Without the crew's switch in its midst."""
    inside = [
        edge for edge in part.edges if edge.pin == "switch" and 0 < edge.at_s < part.lasts_s - HIDDEN_LAG_S
    ]
    return part._replace(edges=[edge for edge in part.edges if edge not in inside])


@st.composite
def duration(draw: Draw) -> Pair:
    """Any lengths; daily."""
    door = draw(st.sampled_from(DOORS))
    first, last = before(draw, door.place), behind(draw, resumed_at(draw, door.place), troubled=False)
    public = drawn_public(draw, first, last)
    why = draw(st.sampled_from([door.hides, "off duty"]))
    one, other = (_long(draw, why) for _ in range(2))
    return Pair(shift_of(public, one), shift_of(public, other))


def _long(draw: Draw, why: str) -> Part:
    return darkened(draw, drawn_secret(draw, why, draw(st.sampled_from(LENGTHS_S)), sparse))


@st.composite
def existence(draw: Draw) -> Pair:
    """A standing truck stays for long, pauses, loses power, or does none of it; daily."""
    place = draw(st.sampled_from(STREETS))  # at a site dwell is published, in classes
    first = before(draw, place, STANDS_BEFORE_S, apart=True)
    last = behind(draw, place, draw(st.sampled_from(STANDS_BEHIND_S)), troubled=False, apart=True)
    variant = draw(st.sampled_from(["as it is", "with stops"]))
    public = drawn_public(draw, first, last, variant=variant)
    one, other = (_stay(draw, place) for _ in range(2))
    return Pair(shift_of(public, one), shift_of(public, other))


def _stay(draw: Draw, place: Place) -> Part:
    """None at all, a pause, or standing there on duty while the receiver wanders."""
    kind = draw(st.sampled_from(["none", "standing", "pause", "pause"]))
    if kind == "none":
        return Part(0.0)
    return _long(draw, "off duty") if kind == "pause" else _standing(draw, place)


def _standing(draw: Draw, place: Place) -> Part:
    """On duty: noise, and at times a fix that lies far off, but not far enough to be motion."""
    seconds = draw(st.sampled_from([1, 5, 21, 60, 180]))
    way = way_from(place, (Stand(seconds - 1),), draw(GOOD_RECEIVERS))
    far_m = draw(st.sampled_from([0.0, 9.0, 11.0, 25.0, 35.0, 60.0]))
    stray = Spot(place.east_m + far_m, place.north_m, 0.0)
    return each_second([*way[: seconds // 2], stray, *way[seconds // 2 + 1 :]])


@st.composite
def speed(draw: Draw) -> Pair:
    """The same places passed more and less fast above the ceiling; daily."""
    place = draw(st.sampled_from([Place(0.0, 0.0), Place(-500.0, -1000.0, 60.0)]))
    spacing_m, sigma_m = draw(st.sampled_from([(25.25, 0.0), (30.0, 0.4), (28.0, 0.0), (33.0, 1.0)]))
    count = draw(st.sampled_from([1, 2, 3, 10, 30]))
    receiver = Receiver(sigma_m, draw(st.integers(0, 15)))
    way = way_from(_ahead(place, spacing_m), (Go(spacing_m * (count - 1), spacing_m),), receiver, spacing_m)
    behind_it = _ahead(place, spacing_m * count + 24.0)
    public = drawn_public(
        draw, before(draw, place, 0, apart=True), behind(draw, behind_it, 0, troubled=False)
    )
    steps_s = draw(st.permutations([1.0, 0.75, 0.5]))[:2]
    one, other = (_hurried(way, step_s) for step_s in steps_s)
    return Pair(shift_of(public, one), shift_of(public, other))


def _ahead(place: Place, metres: float) -> Place:
    at = place.at + metres * place.heading
    return Place(at.real, at.imag, place.heading_deg)


def _hurried(way: list[Spot], step_s: float) -> Part:
    """`step_s` from fix to fix, and a second to the first of Q."""
    part = each_second([spot._replace(speed_mps=spot.speed_mps / step_s) for spot in way], step_s)
    return part._replace(lasts_s=part.lasts_s + 1 - step_s)


# Comparison.


def difference(pair: Pair) -> str | None:
    """In which kind of bytes the two differ, and where first; None when they are the same."""
    shown = [_shown(pair, shift, bytes_of(shift)) for shift in (pair.one, pair.other)]
    for kind in shown[0]:
        one, other = shown[0][kind], shown[1][kind]
        if one != other:
            return f"{kind}: {_first(one, other)}"
    return None


def _shown(pair: Pair, shift: Shift, seen: Bytes) -> dict[str, list[Any]]:
    if pair.exact:
        return dict(seen._replace(status=[_told(shift, *each) for each in seen.status])._asdict())
    link = [(_moment(shift, at_s), what, *rest[what == "connect" :]) for at_s, what, *rest in seen.link]
    disk = [
        (
            _moment(shift, at_s)[0],
            what,
            _noted(rows),
            [one for one in status if one[0] != "since_start"],
        )
        for at_s, what, rows, status in seen.disk
        if not shift.secret[0] <= at_s <= shift.secret[1]
    ]
    return {"link": link, "disk": disk, "lines": seen.lines}


def _noted(rows: list[Any]) -> list[Any]:
    """Notes by their names: in which row one stands, and how long that is, depends on how long it once was."""
    notes = [(table, *row[1:4], _note(row[4])) for table, *row in rows if table == "note" and row[3] != "x"]
    return [row for row in rows if row[0] != "note"] + sorted(notes, key=lambda row: row[1])


def _note(body: bytes) -> bytes:
    """What a note says, without its row's padding."""
    return body[4 : 4 + int.from_bytes(body[:4])]


def _told(shift: Shift, at_s: float, status: list[tuple[str, Any]]) -> tuple[float, list[tuple[str, Any]]]:
    """A status without whether recording is on, while that is the crew's secret and nobody's but the cab's."""
    secret = shift.secret[0] <= at_s + 1 and at_s <= shift.secret[1]
    return at_s, [each for each in status if each[0] != "recording"] if secret else status


def _moment(shift: Shift, at_s: float) -> tuple[int, int]:
    """Day and second, the latter as coarse as two shifts can be compared."""
    day, second = divmod(shift.begins_ms // 1000 + at_s, DAY_S)
    return int(day), int(second // AT_ONCE_S)


def _first(one: list[Any], other: list[Any]) -> str:
    """The first that differs, and in lists within it the first that differs there."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            if isinstance(left, tuple) and left[:2] == right[:2] and isinstance(left[2], list):
                part = next(number for number in (2, 3) if left[number] != right[number])
                return f"{left[:2]}: {_first(left[part], right[part])}"
            return f"number {index}:\n  {_short(left)}\n  {_short(right)}"
    longer = max(one, other, key=len)
    return f"{len(one)} and {len(other)} of them:\n  {_short(longer[min(len(one), len(other))])}"


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        value = tuple(_opened(part) if isinstance(part, bytes) else part for part in value)
    shown = repr(value)
    return shown if len(shown) < SHOWN_MAX else shown[:SHOWN_MAX] + "…"


def _opened(body: bytes) -> Any:
    """Payloads and rows as text."""
    with contextlib.suppress(PayloadError):
        return decode(body)
    with contextlib.suppress(zlib.error):
        return zlib.decompress(body[body.find(b"x") :])
    return body
