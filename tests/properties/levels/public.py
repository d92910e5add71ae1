"""The public halves of a shift: P, Q, and the night after them, with their own brakings, restarts and odd clocks."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st

from tests.properties.levels.parts import Edge, Heard, Part, Shift, each_second, joined, pulses
from tests.properties.levels.ways import Go, Leg, Place, Receiver, Stand, Turn, way_from, way_to
from tests.properties.levels.worlds import ORIGINS, agreed
from tests.sim.drives import DAY_MS, MORNING_MS, Spot

DAY_S = 86_400
EVENING_S = 130.0  # what left its filters is on disk by then, and the agreement's file was looked at
MORNING_S = 4 * 3600 + 20 * 60.0  # power is back before the first slot
AWAY = Spot(8_000.0, 0.0)

Draw = st.DrawFn

BEFORE: list[tuple[Leg, ...]] = [
    (Go(1250),),
    (Go(1150), Turn(90), Go(160)),
    (Go(500), Turn(-60), Go(700)),
    (Go(700), Stand(12), Go(600)),
    (Go(300), Stand(3), Go(900), Turn(35), Go(200)),
    (Go(1180), Stand(45), Go(30)),
    (Go(1180), Stand(12), Go(12)),  # 24 m: what stands behind it is a second stop
    (Go(400),),
]
BEHIND: list[tuple[Leg, ...]] = [
    (Go(1250),),
    (Go(40), Turn(90), Go(1250)),
    (Go(130), Stand(9), Go(1100)),
    (Go(12), Stand(12), Go(1250)),  # 24 m
    (Go(1050), Stand(60), Go(200)),
    (Go(900), Turn(120), Go(600)),
    (Go(300),),
]
BRAKED_BEFORE_S = [0.3125, 1.90625, 3.1875, 20.0]
BRAKED_BEHIND_S = [0.0, 0.0625, 1.0625, 2.125, 3.5, 4.0625, 4.59375, 6.0, 30.1875]
RECEIVERS = st.builds(Receiver, st.sampled_from([1.5, 0.0, 0.4, 4.0, 1.5]), st.integers(0, 15))
GOOD_RECEIVERS = st.builds(Receiver, st.sampled_from([0.4, 0.0, 0.8]), st.integers(0, 15))
APART_S = 6.0  # pulses nearer to a pause are dropped with it
NAMES_OF_LINES = st.sampled_from(["brake", "lift", "brake", "lift", "hazard"])


class Public(NamedTuple):
    """What two shifts have in common: agreement, world, P, Q, and whether power stays on overnight."""

    name: str
    variant: str
    origin: str
    begins_ms: int
    first: Part
    last: Part
    powered: bool


def drawn_public(
    draw: Draw,
    first: Part,
    last: Part,
    name: str = "routes-and-safety",
    begins_ms: int = MORNING_MS,
    variant: str = "as it is",
) -> Public:
    """The two parts in a world."""
    origin = draw(st.sampled_from(["north-west", "north-west", *sorted(ORIGINS)]))
    return Public(name, variant, origin, begins_ms, first, last, draw(st.integers(0, 3)) > 0)


def shift_of(public: Public, secret: Part, paper_in_the_evening: bool = False) -> Shift:
    """P + S + Q, and the night."""
    shift = joined(public.first, secret, public.last)
    begins_s = public.first.lasts_s
    night = _night(public, shift.lasts_s)
    if paper_in_the_evening:
        night = night._replace(papers=[(1.0, agreed(public.name, public.origin, "later"))])
    return Shift(
        agreed(public.name, public.origin, public.variant),
        joined(shift, night),
        (begins_s, begins_s + secret.lasts_s),
        public.begins_ms,
        ORIGINS[public.origin],
    )


def _night(public: Public, so_far_s: float) -> Part:
    """Off duty for good; power stays on, or is gone until the next morning."""
    off = [Edge(-0.5, "switch", 0), Edge(3.0, "ignition", 0)]
    heard = [Heard(float(second), AWAY) for second in range(3)]
    if public.powered:
        return Part(EVENING_S, heard, off)
    midnight_s = DAY_S - (public.begins_ms // 1000 + so_far_s) % DAY_S
    back_s = midnight_s + MORNING_S
    heard += [Heard(back_s + second, AWAY) for second in range(1, 6)]
    return Part(back_s + EVENING_S, heard, off, [(EVENING_S, back_s)])


def before(draw: Draw, place: Place, stands_s: int | None = None, *, apart: bool = False) -> Part:
    """P: from the first switch on, to a place. `apart`: no pulse comes close to its end, and the receiver is good."""
    legs = draw(st.sampled_from(BEFORE))
    if stands_s is None:
        stands_s = draw(st.sampled_from([0, 0, 0, 3, 8, 9, 12, 40]))
    way = way_to(
        place, (*legs, Stand(stands_s)) if stands_s else legs, draw(GOOD_RECEIVERS if apart else RECEIVERS)
    )
    on = [Edge(0.0, "ignition", 1), Edge(0.0, "switch", 1)]
    chosen = _times(draw, [at_s for at_s in BRAKED_BEFORE_S if not apart or at_s > APART_S])
    felt = _felt(draw, [len(way) - at_s for at_s in reversed(chosen)], float(len(way)) - APART_S)
    return each_second(way, edges=[*on, *felt])


def behind(
    draw: Draw, place: Place, stands_s: int | None = None, *, troubled: bool = True, apart: bool = False
) -> Part:
    """Q: from a place on. `troubled`: power may go in it, and clocks be off. `apart`: as for P, at its beginning."""
    legs, speed_mps = draw(st.sampled_from(BEHIND)), 0.0
    if stands_s is None:
        stands_s = draw(st.sampled_from([0, 0, 2, 3, 4, 8, 12, 40]))
    if stands_s:
        legs = (Stand(stands_s), *legs)
    else:
        speed_mps = draw(st.sampled_from([0.0, 24.0]))
    way = way_from(place, legs, draw(GOOD_RECEIVERS if apart else RECEIVERS), speed_mps)
    chosen = _times(draw, [at_s for at_s in BRAKED_BEHIND_S if not apart or at_s > APART_S])
    part = each_second(way, edges=_felt(draw, chosen, float(len(way))))
    return _troubled(draw, part) if troubled else part


def _times(draw: Draw, times_s: list[float]) -> list[float]:
    return sorted(draw(st.lists(st.sampled_from(times_s), max_size=2, unique=True)))


def _felt(draw: Draw, times_s: list[float], until_s: float) -> list[Edge]:
    """Brakings, lifts and buttons, some at the moments at which they are decided."""
    pin = draw(NAMES_OF_LINES)
    always = pulses("brake", 25.25) if until_s > 26 else []
    return sorted([*pulses(pin, *times_s), *always], key=lambda edge: edge.at_s)


def _troubled(draw: Draw, part: Part) -> Part:
    """Power goes for a while, or the receiver names another date; the same in both shifts."""
    trouble = draw(st.integers(0, 11))
    if trouble == 0 and part.lasts_s > 40:
        return part._replace(dark=[(20.25, 20.25 + draw(st.sampled_from([1.0, 4.0, 9.0])))])
    if trouble == 1:
        odd_ms = draw(st.sampled_from([DAY_MS, -DAY_MS, 7168 * DAY_MS, -3_600_000]))
        heard = [one._replace(odd_ms=odd_ms) if 10 <= one.at_s < 22 else one for one in part.heard]
        return part._replace(heard=heard)
    return part


def resumed_at(draw: Draw, place: Place) -> Place:
    """Where Q begins: where P ended, round the limit of a stitch, or somewhere else."""
    back_m = draw(st.sampled_from([0.0, 0.0, 0.0, 12.0, 29.0, 31.0, 400.0]))
    at = place.at - back_m * place.heading
    return Place(at.real, at.imag, place.heading_deg + draw(st.sampled_from([180.0, 90.0, 135.0])))
