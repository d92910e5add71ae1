"""Properties of the simulator: physics of a leg, and any shift whatever its seed and length."""

from __future__ import annotations

import functools
import itertools
import operator

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.simulate import shift
from drivers.simulate.city import build
from drivers.simulate.drive import FADES_OUT_MPS, speed_profile
from drivers.simulate.plane import Spot, hull, outside_m
from drivers.simulate.round import way
from drivers.simulate.sentences import angle, with_checksum

seeds = st.integers(-(2**40), 2**40)
metres = st.floats(-5000, 5000).map(lambda value: round(value, 2))


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(st.floats(2, 25), st.floats(0.5, 8)), min_size=2, max_size=80),
    st.floats(0.5, 1.5),
    st.floats(0.8, 6),
)
def test_a_speed_profile_breaks_no_limit_and_starts_and_ends_standing(
    pieces: list[tuple[float, float]], acceleration_mps2: float, braking_mps2: float
) -> None:
    caps, gaps_m = [cap for cap, _ in pieces], [gap_m for _, gap_m in pieces][1:]
    speeds = speed_profile(caps, gaps_m, acceleration_mps2, [braking_mps2] * len(gaps_m))
    assert (speeds[0], speeds[-1]) == (0.0, 0.0)
    assert all(speed <= cap for speed, cap in zip(speeds, caps, strict=True))
    for (before, after), gap_m in zip(itertools.pairwise(speeds), gaps_m, strict=True):
        change_mps2 = (after * after - before * before) / (2 * gap_m)
        assert -braking_mps2 - 1e-6 <= change_mps2 <= acceleration_mps2 * (1 - before / FADES_OUT_MPS) + 1e-6


@settings(deadline=None, max_examples=25)
@given(seeds, st.floats(0.05, 1.3), st.one_of(st.none(), st.floats(1, 30)), st.sampled_from([0.5, 1.0, 2.0]))
def test_any_shift_renders_whole(
    seed: int, hours: float, break_minutes: float | None, rate_hz: float
) -> None:
    drive = shift(seed, hours, break_minutes=break_minutes, rate_hz=rate_hz)
    lines = list(drive.nmea())
    seconds = list(drive.truth())
    assert len(lines) == 9 * drive.readings
    assert len(seconds) == int(drive.seconds)
    for line in lines:
        body, _, checksum = line.rstrip()[1:].partition(b"*")
        assert int(checksum, 16) == functools.reduce(operator.xor, body)
    assert drive.day.stops
    assert seconds[-1].state == "off"
    edges = drive.edges()
    assert all(0 <= edge.at_ms <= drive.seconds * 1000 for edge in edges)
    for pin in ("ignition", "crew_switch", "brake", "lift"):
        assert all(a.level != b.level for a, b in itertools.pairwise(e for e in edges if e.pin == pin))


@settings(deadline=None, max_examples=15)
@given(seeds, st.floats(1, 60), st.floats(1, 60))
def test_two_lengths_of_break_give_equal_sentences_outside_it(seed: int, one: float, other: float) -> None:
    drives = [shift(seed, 0.5, break_minutes=minutes) for minutes in (one, other)]
    outside = []
    for drive in drives:
        begins, ends = (int(at_s) + 1 for at_s in (drive.breaks[0].starts_s, drive.breaks[0].ends_s))
        places = [group[7].split(b",")[1:5] for group in drive.nmea_readings()]
        outside.append(places[:begins] + places[ends:])
    assert outside[0] == outside[1]


@settings(deadline=None, max_examples=25)
@given(seeds, st.data())
def test_in_any_city_a_way_leads_along_streets(seed: int, data: st.DataObject) -> None:
    city = build(seed)
    crossings = sorted({node for arc in city.arcs for node in arc})
    start, target = data.draw(st.sampled_from(crossings)), data.draw(st.sampled_from(crossings))
    nodes = way(city, start, target)
    assert (nodes[0], nodes[-1]) == (start, target)
    assert all(arc in city.arcs for arc in itertools.pairwise(nodes))
    assert all(not city.served_at(city.crossings[node]) for node in (city.depot, city.landfill))


@settings(deadline=None, max_examples=100)
@given(st.lists(st.builds(Spot, metres, metres), min_size=3, max_size=30))
def test_a_hull_holds_all_its_points(spots: list[Spot]) -> None:
    ring = hull(spots)
    if len(ring) > 2:
        assert all(outside_m(ring, spot) < 1e-6 for spot in spots)


@settings(deadline=None, max_examples=200)
@given(st.floats(-90, 90))
def test_degrees_survive_being_written_as_minutes(degrees: float) -> None:
    number, hemisphere = angle(degrees, 2, "NS").split(",")
    read = int(number[:2]) + float(number[2:]) / 60
    assert abs((-read if hemisphere == "S" else read) - degrees) < 1e-7
    assert float(number[2:]) < 60


@settings(deadline=None, max_examples=100)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=79))
def test_every_body_gets_its_checksum(body: str) -> None:
    line = with_checksum(body)
    assert line[:1] + line[-2:] == b"$\r\n"
    assert int(line[-4:-2], 16) == functools.reduce(operator.xor, body.encode())
