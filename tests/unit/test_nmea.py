"""Splitter and decoder, at their limits and one past them."""

from __future__ import annotations

from collections import Counter

import pytest

from drivers.nmea import (
    SENTENCE_BYTES_MAX,
    Sentence,
    Splitter,
    checksum_of,
    decode,
)
from drivers.nmea_fields import FRACTION_DIGITS_MAX, clock_ms

RMC = b"$GPRMC,120000.00,A,4807.0380,N,01131.0000,E,022.4,084.4,230394,,,A"


def sealed(body: bytes) -> bytes:
    """The sentence with the checksum it needs."""
    return body + b"*%02X" % checksum_of(body)


def read(body: bytes) -> Sentence:
    """Decode a body that must be readable."""
    sentence = decode(sealed(body), Counter())
    assert sentence is not None
    return sentence


def test_checksum_is_the_exclusive_or_of_the_bytes_between_dollar_and_star() -> None:
    assert checksum_of(b"$GPGLL,,,,,,V,N*64") == 0x64
    assert checksum_of(b"$") == 0
    assert checksum_of(b"$A") == ord("A")


@pytest.mark.parametrize("end", [b"\r\n", b"\r\r\n", b"\n", b"\r"])
def test_every_line_end_ends_a_sentence(end: bytes) -> None:
    assert Splitter().feed(b"$A*00" + end + b"$B*00" + end) == [b"$A*00", b"$B*00"]


def test_a_sentence_waits_for_its_end() -> None:
    splitter = Splitter()
    assert splitter.feed(b"noise$GP") == []
    assert splitter.feed(b"GGA*00") == []
    assert splitter.feed(b"\r") == [b"$GPGGA*00"]
    assert splitter.feed(b"\n") == []


def test_a_dollar_begins_a_new_sentence_and_ends_the_one_before() -> None:
    assert Splitter().feed(b"$GPGGA,12$GPRMC,1*00\r\n") == [b"$GPGGA,12", b"$GPRMC,1*00"]


def test_a_sentence_at_the_limit_is_taken_and_one_past_it_is_counted() -> None:
    for length, taken in ((SENTENCE_BYTES_MAX, 1), (SENTENCE_BYTES_MAX + 1, 0)):
        splitter = Splitter()
        line = b"$" + b"x" * (length - 1)
        assert len(splitter.feed(line + b"\n$A\n")) == taken + 1
        assert splitter.overlong == 1 - taken


def test_an_endless_line_keeps_nothing_and_is_counted_once_in_any_cut() -> None:
    endless = b"$" + b"x" * 5_000 + b"\n$A\n"
    for size in (1, 100, 512, 513, 5_000, 6_000):
        splitter = Splitter()
        lines = [
            line
            for start in range(0, len(endless), size)
            for line in splitter.feed(endless[start : start + size])
        ]
        assert lines == [b"$A"]
        assert splitter.overlong == 1


def test_rmc_gives_time_date_place_speed_course_and_quality() -> None:
    sentence = read(RMC)
    assert (sentence.kind, sentence.talker, sentence.quality) == ("RMC", "GP", "gnss")
    assert (sentence.time_of_day_ms, sentence.date) == (43_200_000, 8_847)
    assert (sentence.latitude_e7, sentence.longitude_e7) == (481_173_000, 115_166_667)
    assert sentence.speed_mps == pytest.approx(11.5236, abs=1e-4)
    assert sentence.course_deg == 84.4


def test_gga_gives_place_altitude_satellites_and_hdop() -> None:
    sentence = read(b"$GNGGA,000000.250,3342.6618,S,07114.0610,W,4,12,0.94,545.4,M,46.9,M,,")
    assert sentence.time_of_day_ms == 250
    assert (sentence.latitude_e7, sentence.longitude_e7) == (-337_110_300, -712_343_500)
    assert (sentence.altitude_m, sentence.satellites, sentence.hdop) == (545.4, 12, 0.94)
    assert (sentence.quality, sentence.date, sentence.speed_mps) == ("rtk", None, None)


def test_vtg_takes_knots_and_else_kilometres_an_hour() -> None:
    assert read(b"$GPVTG,084.4,T,,M,10.0,N,18.5,K,A").speed_mps == pytest.approx(5.1444, abs=1e-4)
    assert read(b"$GPVTG,084.4,T,,M,,N,36.0,K").speed_mps == pytest.approx(10.0)
    assert read(b"$GPVTG,084.4,T,,M,10.0,N,18.5,K,N").speed_mps is None


def test_gsa_gives_hdop_only() -> None:
    assert read(b"$GPGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1").hdop == 1.3


def test_zda_gives_a_four_digit_date() -> None:
    assert read(b"$GPZDA,000000.00,23,03,1994,00,00").date == 8_847
    assert read(b"$GPZDA,000000.00,23,03,94,00,00").date is None


def test_gll_reads_place_time_and_status() -> None:
    sentence = read(b"$GPGLL,4807.0380,N,01131.0000,E,120000.00,A,D")
    assert (sentence.latitude_e7, sentence.time_of_day_ms, sentence.quality) == (
        481_173_000,
        43_200_000,
        "dgnss",
    )
    assert read(b"$GPGLL,4807.0380,N,01131.0000,E").quality is None


@pytest.mark.parametrize(
    ("modes", "quality"),
    [("A", "gnss"), ("NDD", "dgnss"), ("AN", "gnss"), ("RF", "rtk"), ("NN", "none"), ("AE", "estimated"),
     ("SA", "simulated"), ("", "none"), ("?", "none")],
)  # fmt: skip
def test_gns_quality_comes_from_all_its_mode_letters(modes: str, quality: str) -> None:
    body = f"$GNGNS,120213.000,5957.0062,N,01100.6429,E,{modes},11,1.3,168.9,39.5,,,V"
    assert read(body.encode()).quality == quality


@pytest.mark.parametrize(
    ("digit", "quality"),
    [("0", "none"), ("1", "gnss"), ("2", "dgnss"), ("3", "gnss"), ("4", "rtk"), ("5", "float"),
     ("6", "estimated"), ("7", "simulated"), ("8", "simulated"), ("9", "dgnss"), ("", None), ("x", "none")],
)  # fmt: skip
def test_gga_quality_digits(digit: str, quality: str | None) -> None:
    assert read(f"$GPGGA,120000,4807.0,N,01131.0,E,{digit},08,0.9,1,M,1,M,,".encode()).quality == quality


@pytest.mark.parametrize(
    ("latitude", "e7"),
    [("4807.0380", 481_173_000), ("0000.0001", 17), ("0000.00001", 2), ("8959.999999999", 900_000_000),
     ("9000.0000", 900_000_000), ("807.0380", 81_173_000)],
)  # fmt: skip
def test_degrees_are_exact_integers_rounded_half_up(latitude: str, e7: int) -> None:
    assert read(f"$GPGLL,{latitude},N,00000.0,E,120000,A".encode()).latitude_e7 == e7


@pytest.mark.parametrize(
    "latitude",
    ["9000.0001", "4860.0", "48.0", "4807", "4807.", ".5", "048070.5", "48x7.0", "4807.0." + "0", "4_07.0",
     "4807." + "1" * (FRACTION_DIGITS_MAX + 1)],
)  # fmt: skip
def test_nonsense_degrees_are_no_place_and_counted(latitude: str) -> None:
    defects: Counter[str] = Counter()
    sentence = decode(sealed(f"$GPGLL,{latitude},N,01131.0,E,120000,A".encode()), defects)
    assert sentence is not None
    assert (sentence.latitude_e7, sentence.longitude_e7) == (None, None)
    assert defects == {"bad_position": 1}


def test_the_longest_fraction_is_read() -> None:
    assert (
        read(b"$GPGLL,4830." + b"0" * FRACTION_DIGITS_MAX + b",N,01131.0,E,120000,A").latitude_e7
        == 485_000_000
    )


@pytest.mark.parametrize("hemispheres", [("", "E"), ("N", ""), ("E", "N"), ("n", "E")])
def test_a_place_without_its_hemispheres_is_no_place(hemispheres: tuple[str, str]) -> None:
    body = f"$GPGLL,4807.0,{hemispheres[0]},01131.0,{hemispheres[1]},120000,A"
    assert read(body.encode()).latitude_e7 is None


@pytest.mark.parametrize(
    ("text", "ms"),
    [("235959.999", 86_399_999), ("235960.5", 86_400_500), ("000000", 0), ("120000.1234", 43_200_123),
     ("240000", None), ("126000", None), ("120061", None), ("12000", None), ("-12000", None), ("120000.x", None)],
)  # fmt: skip
def test_times_of_day(text: str, ms: int | None) -> None:
    assert clock_ms(text) == ms


@pytest.mark.parametrize(
    ("date", "day"),
    [("010180", 3_652), ("311279", 40_176), ("290200", 11_016), ("290201", None), ("000101", None)],
)
def test_two_digit_years_turn_at_eighty(date: str, day: int | None) -> None:
    assert read(RMC.replace(b"230394", date.encode())).date == day


@pytest.mark.parametrize(
    ("line", "defect"),
    [
        (RMC, "no_checksum"),
        (RMC + b"*4", "no_checksum"),
        (RMC + b"*00", "bad_checksum"),
        (b"$GPRMC,\xff*00", "not_ascii"),
        (RMC + b"*GG", "unreadable"),
    ],
)
def test_what_cannot_be_believed_is_refused_and_counted(line: bytes, defect: str) -> None:
    defects: Counter[str] = Counter()
    assert decode(line, defects) is None
    assert defects == {defect: 1}


@pytest.mark.parametrize(
    "line", [b"", b"$", b"$GPGSV,1,1,00*79", b"$PUBX,00*33", b"$PQRMC,1*00", b"$GPRMCX,1*00"]
)
def test_what_is_not_for_us_is_passed_over_uncounted(line: bytes) -> None:
    defects: Counter[str] = Counter()
    assert decode(line, defects) is None
    assert not defects


@pytest.mark.parametrize("kind", ["RMC", "GGA", "GNS", "GLL", "ZDA", "VTG", "GSA"])
def test_a_sentence_cut_short_behind_its_checksum_reads_as_empty(kind: str) -> None:
    sentence = read(f"$GP{kind},".encode())
    assert sentence.kind == kind
    assert sentence.latitude_e7 is None
    assert sentence.quality in (None, "none")


@pytest.mark.parametrize("speed", ["-1", "1001.2", "1_0", "inf", "nan", "x"])
def test_nonsense_speeds_are_unknown(speed: str) -> None:
    assert read(RMC.replace(b"022.4", speed.encode())).speed_mps is None


@pytest.mark.parametrize(
    ("course", "degrees"), [("360.0", 0.0), ("359.9", 359.9), ("360.1", None), ("-1", None)]
)
def test_courses_are_below_360(course: str, degrees: float | None) -> None:
    assert read(RMC.replace(b"084.4", course.encode())).course_deg == degrees


@pytest.mark.parametrize("count", ["-1", "1000", "x", "1.0"])
def test_nonsense_satellite_counts_are_unknown(count: str) -> None:
    assert read(f"$GPGGA,120000,4807.0,N,01131.0,E,1,{count},0.9,1,M,1,M,,".encode()).satellites is None


def test_no_text_form_of_a_sentence_shows_where() -> None:
    sentence = read(RMC)
    for text in (repr(sentence), str(sentence), f"{sentence}", f"{sentence:>40}", "%s" % (sentence,)):  # noqa: UP031
        assert text.strip() == "Sentence(GPRMC gnss)"
