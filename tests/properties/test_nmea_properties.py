"""What must hold for any bytes, any cut, any damage; and what a second decoder says."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pynmeagps import NMEAReader

from agent.recording.fixes import Epochs, Fix, Receiver
from agent.recording.gate import REASONS, Gate
from drivers.nmea import QUALITIES, SENTENCE_BYTES_MAX, Sentence, Splitter, checksum_of, decode
from drivers.replay import replay

settings.register_profile("nmea", deadline=None, max_examples=150)
settings.load_profile("nmea")


def sealed(body: str) -> bytes:
    return b"$%s*%02X\r\n" % (body.encode(), checksum_of(b"$" + body.encode()))


SECOND = [
    "GPRMC,{t},A,4807.0380,N,01131.0004,E,022.4,084.4,230394,,,A",
    "GPGGA,{t},4807.0380,N,01131.0004,E,1,08,0.9,545.4,M,46.9,M,,",
    "GPGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1",
    "GPGSV,3,1,12,19,77,349,45,03,68,117,41,22,39,052,52,11,35,274,56",
    "GPVTG,084.4,T,,M,022.4,N,041.5,K,A",
    "GPGLL,4807.0380,N,01131.0004,E,{t},A,A",
    "GPZDA,{t},23,03,1994,00,00",
    "GNGNS,{t},4807.0380,N,01131.0004,E,AA,11,1.3,168.9,39.5,,,V",
]
BODIES = [body.format(t="120000.00") for body in SECOND]
LOG = b"".join(sealed(body.format(t=f"1200{second:02d}.00")) for second in range(4) for body in SECOND)

pieces = st.one_of(
    st.binary(max_size=80),
    st.sampled_from([sealed(body) for body in BODIES]),
    st.sampled_from([b"$", b"*", b"\r", b"\n", b"$GPRMC,", b"$GPGGA,", b"\xb5\x62", b",,,,,,*00\n"]),
    st.lists(st.text("0123456789.,-NSEWAV*$\n", max_size=60), max_size=3).map(
        lambda fields: sealed("GPRMC," + ",".join(fields).replace("*", "").replace("$", "").replace("\n", ""))
    ),
)
streams = st.lists(pieces, max_size=30).map(b"".join)


def fixes_of(*chunks: bytes) -> list[Fix]:
    receiver = Receiver()
    fixes = [fix for chunk in chunks for fix in receiver.feed(0.0, chunk)]
    last = receiver.flush(0.0)
    return fixes if last is None else [*fixes, last]


@given(streams)
def test_arbitrary_bytes_never_raise_out_of_splitter_decoder_epochs_and_gate(data: bytes) -> None:
    gate = Gate()
    for fix in fixes_of(data):
        assert fix.quality in QUALITIES
        reason = gate.judge(fix)
        assert reason is None or reason in REASONS
        assert (fix.latitude_e7 is None) == (fix.longitude_e7 is None)


@given(st.sampled_from(["RMC", "GGA", "GNS", "GLL", "ZDA", "VTG", "GSA"]), st.text(max_size=120))
def test_any_text_behind_a_good_checksum_never_raises(kind: str, text: str) -> None:
    body = f"$GP{kind},{text}".encode()
    decode(body + b"*%02X" % checksum_of(body), Counter())


whole = st.one_of(st.none(), st.integers(-(2**40), 2**40))
real = st.one_of(st.none(), st.floats())
sentences = st.builds(
    Sentence,
    st.sampled_from(["RMC", "GGA", "GNS", "GLL", "ZDA", "VTG", "GSA"]),
    st.sampled_from(["GP", "GN"]),
    st.one_of(st.none(), st.integers(0, 86_400_999)),
    st.one_of(st.none(), st.integers(-719_162, 2_932_896)),
    whole,
    whole,
    real,
    real,
    real,
    st.one_of(st.none(), st.integers(0, 999)),
    real,
    st.one_of(st.none(), st.sampled_from(QUALITIES)),
)


@given(st.lists(sentences, max_size=20))
def test_any_sentences_in_any_order_never_wedge_epochs_or_gate(given_sentences: list[Sentence]) -> None:
    epochs, gate = Epochs(), Gate()
    for sentence in given_sentences:
        fix = epochs.push(0.0, sentence)
        if fix is not None:
            gate.judge(fix)
    epochs.flush(0.0)
    epochs.push(1.0, Sentence("GGA", "GP", 43_200_000, None, 1, 1, quality="gnss"))
    epochs.flush(1.0)
    epochs.push(2.0, Sentence("GGA", "GP", 43_201_000, None, 1, 1, quality="gnss"))
    assert epochs.flush(2.0) is not None


@given(streams, st.lists(st.integers(0, 3_000), max_size=8))
def test_the_same_bytes_in_any_cut_give_the_same_lines(data: bytes, cuts: list[int]) -> None:
    together, apart = Splitter(), Splitter()
    edges = [0, *sorted(cuts), len(data)]
    lines = [line for start, end in pairwise(edges) for line in apart.feed(data[start:end])]
    assert lines == together.feed(data)[: len(lines)]
    assert lines == Splitter().feed(data[: max(edges)])
    assert all(line.startswith(b"$") and len(line) <= SENTENCE_BYTES_MAX for line in lines)


def test_a_split_at_any_byte_boundary_gives_the_same_fixes() -> None:
    expected = fixes_of(LOG)
    assert len(expected) == 4
    for cut in range(len(LOG) + 1):
        assert fixes_of(LOG[:cut], LOG[cut:]) == expected
    assert fixes_of(*(LOG[byte : byte + 1] for byte in range(len(LOG)))) == expected


@given(streams)
def test_replay_loses_no_byte_and_never_goes_back(data: bytes) -> None:
    class Stream:
        def __init__(self) -> None:
            self.left = data

        def read(self, size: int, /) -> bytes:
            block, self.left = self.left[:61], self.left[61:]
            return block

    chunks = list(replay(Stream()))
    assert b"".join(chunk.data for chunk in chunks) == data
    assert all(0 <= later.at - earlier.at <= 3600 for earlier, later in pairwise(chunks))


def places(data: bytes) -> set[tuple[int | None, int | None]]:
    """Every place that any sentence of the bytes names, void or not."""
    decoded = (decode(line, Counter()) for line in Splitter().feed(data))
    return {(sentence.latitude_e7, sentence.longitude_e7) for sentence in decoded if sentence}


ORIGINAL = places(LOG) | {(None, None)}


@pytest.mark.parametrize("body", BODIES)
def test_no_single_damaged_byte_yields_a_new_place(body: str) -> None:
    line = sealed(body)
    for at in range(len(line)):
        for byte in (*b"0123456789.,*$-NSEWAV\r\n\x00\xff", line[at] ^ 1, line[at] ^ 0x20, line[at] ^ 0x80):
            assert places(line[:at] + bytes((byte,)) + line[at + 1 :] + b"\r\n") <= ORIGINAL
            assert places(line[:at] + bytes((byte,)) + line[at:] + b"\r\n") <= ORIGINAL


@pytest.mark.parametrize("body", BODIES)
def test_no_lost_byte_and_no_truncation_yields_a_new_place(body: str) -> None:
    line = sealed(body)
    for at in range(len(line)):
        assert places(line[:at] + line[at + 1 :] + b"\r\n") <= ORIGINAL
        assert places(line[:at] + b"\r\n") <= ORIGINAL
        assert places(line[at:]) <= ORIGINAL


@pytest.mark.parametrize("first", BODIES)
@pytest.mark.parametrize("second", BODIES)
def test_no_splice_of_two_sentences_yields_a_new_place(first: str, second: str) -> None:
    one, other = sealed(first), sealed(second)
    for at in range(len(one)):
        assert places(one[:at] + other) <= ORIGINAL


@given(
    st.integers(0, 89), st.integers(0, 59_999_999), st.sampled_from("NS"),
    st.integers(0, 179), st.integers(0, 59_999_999), st.sampled_from("EW"),
    st.integers(0, 86_399), st.integers(0, 9_000), st.integers(0, 3_599),
)  # fmt: skip
@example(0, 0, "N", 0, 0, "E", 0, 0, 0)
def test_a_second_decoder_reads_the_same(
    lat_deg: int, lat_min: int, north_south: str, lon_deg: int, lon_min: int, east_west: str,
    second: int, speed: int, course: int,
) -> None:  # fmt: skip
    clock = f"{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}.00"
    latitude = f"{lat_deg:02d}{lat_min / 1e6:09.6f},{north_south}"
    longitude = f"{lon_deg:03d}{lon_min / 1e6:09.6f},{east_west}"
    line = sealed(f"GNRMC,{clock},A,{latitude},{longitude},{speed / 10},{course / 10},230326,,,A")
    ours = decode(line.rstrip(), Counter())
    theirs = NMEAReader.parse(line)
    assert ours is not None
    assert theirs is not None
    assert ours.latitude_e7 is not None
    assert ours.longitude_e7 is not None
    assert math.isclose(ours.latitude_e7 / 1e7, theirs.lat, abs_tol=1.01e-7)
    assert math.isclose(ours.longitude_e7 / 1e7, theirs.lon, abs_tol=1.01e-7)
    assert ours.time_of_day_ms == second * 1000
    assert theirs.time.hour * 3600 + theirs.time.minute * 60 + theirs.time.second == second
    assert theirs.date.isoformat() == "2026-03-23"
    assert ours.date == 20_535
    assert ours.speed_mps == pytest.approx(theirs.spd * 1852 / 3600)
    assert ours.course_deg == pytest.approx(theirs.cog)
