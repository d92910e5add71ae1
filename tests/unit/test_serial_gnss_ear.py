"""Telling NMEA from noise, and how long a burst gathers."""

from __future__ import annotations

import random

import pytest

from drivers.serial_gnss import EAR_BYTES_MAX, HUNT_BAUDS, Ear, _coalesce_s

SENTENCE = b"$GPZDA,201530.00,04,07,2002,00,00*60\r\n"
GARBAGE = bytes(random.Random(7).choices(range(128, 256), k=64))


@pytest.mark.parametrize(
    "line",
    [
        SENTENCE,
        SENTENCE.lower().replace(b"$gpzda", b"$GPZDA"),
        b"\xb5\x62\x01\x07" + SENTENCE,
        b"$GPRMC,2015" + SENTENCE,
        b"$PUBX,00*33\r\n",
    ],
)
def test_a_sentence_with_a_right_checksum_is_nmea(line: bytes) -> None:
    assert Ear().hears(line)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"$",
        SENTENCE.replace(b"*60", b"*61"),
        SENTENCE.replace(b"*60", b""),
        SENTENCE[1:],
        b"$\xffPZDA,1*00",
    ],
)
def test_anything_else_is_not(line: bytes) -> None:
    assert not Ear().hears(line)


def test_a_sentence_may_be_cut_anywhere() -> None:
    for cut in range(1, SENTENCE.index(b"*") + 2):
        ear = Ear()
        assert not ear.hears(SENTENCE[:cut])
        assert ear.hears(SENTENCE[cut:])


def test_a_sentence_that_was_heard_does_not_count_again() -> None:
    ear = Ear()
    assert ear.hears(SENTENCE * 20)
    assert not ear.hears(GARBAGE)


def test_noise_is_forgotten_beyond_the_limit_of_the_ear() -> None:
    ear = Ear()
    for _ in range(100):
        ear.hears(GARBAGE)
        assert len(ear._tail) <= EAR_BYTES_MAX
    assert ear.hears(SENTENCE)


@pytest.mark.parametrize(
    ("baud", "coalesce_s"),
    [(None, 0.2), (230400, 0.2), (115200, 0.2), (30000, 0.2), (19200, 0.3125), (10000, 0.6), (4800, 0.6)],
)
def test_a_burst_gathers_for_as_long_as_an_epoch_takes_at_its_speed(
    baud: int | None, coalesce_s: float
) -> None:
    assert _coalesce_s(baud) == coalesce_s


def test_the_usual_speeds_are_all_tried() -> None:
    assert set(HUNT_BAUDS) == {4800, 9600, 19200, 38400, 57600, 115200, 230400}
