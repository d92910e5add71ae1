"""Epochs: grouping, dates, trust."""

from __future__ import annotations

from collections import Counter

import pytest

from agent.calendar import GPS_COUNTED_FROM_DAY, LAST_DAY, ROLLOVER_DAYS, Calendar
from agent.recording.fixes import Epochs, Fix, Receiver
from drivers.nmea import Sentence, checksum_of

DAY = 8_847  # 1994-03-23
NOON_MS = 43_200_000


def sealed(body: str) -> bytes:
    """A line as a receiver sends it."""
    return b"$%s*%02X\r\n" % (body.encode(), checksum_of(b"$" + body.encode()))


def rmc(
    clock: str = "120000", date: str = "230394", status: str = "A", mode: str = "A", talker: str = "GP"
) -> bytes:
    return sealed(f"{talker}RMC,{clock},{status},4807.0380,N,01131.0000,E,022.4,084.4,{date},,,{mode}")


def gga(clock: str = "120000", quality: str = "1", talker: str = "GP", satellites: str = "08") -> bytes:
    return sealed(f"{talker}GGA,{clock},4807.0380,N,01131.0000,E,{quality},{satellites},0.9,545.4,M,46.9,M,,")


def gll(clock: str = "120000", status: str = "A") -> bytes:
    return sealed(f"GPGLL,4807.0381,N,01131.0000,E,{clock},{status},A")


def zda(clock: str = "120000", date: str = "23,03,1994") -> bytes:
    return sealed(f"GPZDA,{clock},{date},00,00")


def fixes_of(*lines: bytes, floor_day: int | None = None) -> list[Fix]:
    """Everything that the lines give, the last epoch included."""
    receiver = Receiver(floor_day)
    fixes = [fix for at, line in enumerate(lines) for fix in receiver.feed(float(at), line)]
    last = receiver.flush(float(len(lines)))
    return fixes if last is None else [*fixes, last]


def test_an_epoch_joins_what_its_sentences_know() -> None:
    (fix,) = fixes_of(rmc(), gga())
    assert (fix.at, fix.utc_ms, fix.quality) == (0.0, DAY * 86_400_000 + NOON_MS, "gnss")
    assert (fix.latitude_e7, fix.longitude_e7) == (481_173_000, 115_166_667)
    assert fix.speed_mps == pytest.approx(11.5236, abs=1e-4)
    assert (fix.course_deg, fix.altitude_m, fix.satellites, fix.hdop) == (84.4, 545.4, 8, 0.9)


def test_nothing_gives_no_fix() -> None:
    assert fixes_of() == []
    assert fixes_of(zda(), sealed("GPVTG,084.4,T,,M,10.0,N,18.5,K,A"), sealed("GPGSV,1,1,00")) == []


def test_a_fix_comes_when_another_time_of_day_begins() -> None:
    receiver = Receiver()
    assert receiver.feed(1.0, rmc() + gga()) == []
    (fix,) = receiver.feed(2.0, rmc("120001"))
    assert fix.at == 1.0
    assert receiver.flush(3.0) is not None
    assert receiver.flush(3.0) is None


def test_a_sentence_that_comes_after_its_epoch_was_flushed_is_late() -> None:
    receiver = Receiver()
    receiver.feed(1.0, rmc())
    assert receiver.flush(1.5) is not None
    assert receiver.feed(1.6, gga()) == []
    assert receiver.epochs.late == 1
    assert receiver.flush(2.0) is None


def test_a_late_sentence_does_not_break_the_epoch_after() -> None:
    assert len(fixes_of(rmc(), gga("120001"), gll(), rmc("120001"))) == 2


def test_a_clock_that_stands_still_gives_an_epoch_for_each_repeat() -> None:
    assert len(fixes_of(rmc(), gga(), rmc(), gga(), rmc(), gga())) == 3


def test_sentences_without_time_make_void_epochs_one_for_each_repeat() -> None:
    empty = [sealed("GPRMC,,V,,,,,,,,,,N"), sealed("GPGGA,,,,,,0,,,,,,,,")]
    fixes = fixes_of(rmc(), gga(), *empty, *empty, rmc("120002"))
    assert [fix.quality for fix in fixes] == ["gnss", "none", "none", "gnss"]


def test_an_old_gll_without_time_joins_the_open_epoch() -> None:
    (fix,) = fixes_of(gga(), sealed("GPGLL,4807.0381,N,01131.0000,E"))
    assert fix.latitude_e7 == 481_173_000


def test_a_void_statement_of_any_kind_makes_the_epoch_void_and_placeless() -> None:
    for lines in ((rmc(status="V"), gga()), (rmc(), gga(quality="0")), (gga(), gll(status="V"))):
        (fix,) = fixes_of(*lines)
        assert (fix.quality, fix.latitude_e7, fix.longitude_e7, fix.utc_ms) == ("none", None, None, None)
        assert (fix.speed_mps, fix.course_deg, fix.altitude_m) == (None, None, None)


def test_simulated_and_estimated_spoil_an_epoch_and_else_the_best_word_counts() -> None:
    assert fixes_of(rmc(mode="A"), gga(quality="4"))[0].quality == "rtk"
    assert fixes_of(rmc(mode="E"), gga(quality="1"))[0].quality == "estimated"
    assert fixes_of(rmc(mode="A"), gga(quality="8"))[0].quality == "simulated"


def test_speed_comes_from_vtg_and_hdop_from_gsa_where_rmc_and_gga_have_none() -> None:
    bare = sealed("GPGGA,120000,4807.0380,N,01131.0000,E,1,08,,545.4,M,46.9,M,,")
    vtg = sealed("GPVTG,084.4,T,,M,10.0,N,18.5,K,A")
    (fix,) = fixes_of(bare, vtg, sealed("GPGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1"))
    assert fix.hdop == 1.3
    assert fix.speed_mps == pytest.approx(5.1444, abs=1e-4)


def test_what_rmc_and_gga_said_is_not_decoded_again() -> None:
    receiver = Receiver()
    receiver.feed(0.0, rmc() + gga())
    wanted = receiver.epochs.wants
    assert not any(wanted(line) for line in (b"$GPVTG,", b"$GPZDA,", b"$GPGSA,", gll(), b"$GNGNS,120000,"))
    assert all(wanted(line) for line in (rmc(), gga(), gll("120001"), b"$GNGNS,120001,"))


def test_a_receiver_that_falls_back_to_gll_is_heard() -> None:
    fixes = fixes_of(rmc(), gga(), *(gll(f"1200{second:02d}") for second in range(1, 6)))
    assert len(fixes) == 6


def test_zda_dates_the_fix_beside_it_even_when_it_names_the_next_second() -> None:
    fixes = fixes_of(gga("235959"), zda("000000", "24,03,1994"), gga("000000"))
    assert [fix.utc_ms for fix in fixes] == [(DAY + 1) * 86_400_000 - 1_000, (DAY + 1) * 86_400_000]


def test_a_position_without_any_date_has_no_utc_and_no_trust() -> None:
    fixes = fixes_of(*(gga(f"12000{second}") for second in range(5)))
    assert all(fix.utc_ms is None and not fix.trusted for fix in fixes)


@pytest.mark.parametrize(("hz", "seconds"), [(0.5, 2.0), (1, 1.0), (5, 0.2), (10, 0.1)])
def test_the_interval_is_learned(hz: float, seconds: float) -> None:
    epochs = Epochs()
    assert epochs.interval_s is None
    for number in range(12):
        time_ms = NOON_MS + round(number * 1000 / hz)
        epochs.push(0.0, Sentence("GGA", "GP", time_ms, None, 1, 1, quality="gnss"))
    assert epochs.interval_s == pytest.approx(seconds)


def test_the_calendar_takes_dates_from_the_week_gps_counts_on_to_the_end_of_the_century() -> None:
    calendar = Calendar()
    assert calendar.believable(GPS_COUNTED_FROM_DAY) == GPS_COUNTED_FROM_DAY
    assert calendar.believable(GPS_COUNTED_FROM_DAY - 1) is None
    assert calendar.believable(LAST_DAY) == LAST_DAY
    assert calendar.believable(LAST_DAY + 1) is None


def test_the_floor_moves_dates_by_whole_rollovers_and_never_further_than_needed() -> None:
    calendar = Calendar(floor_day=20_000)
    assert calendar.believable(20_000) == 20_000
    assert calendar.believable(19_999) == 19_999 + ROLLOVER_DAYS
    assert calendar.believable(20_000 - ROLLOVER_DAYS) == 20_000
    assert calendar.believable(20_000 - ROLLOVER_DAYS - 1) == 20_000 - 1 + ROLLOVER_DAYS


def test_a_fix_from_over_midnight_that_comes_late_keeps_its_own_day() -> None:
    calendar = Calendar()
    assert calendar.utc_ms(86_399_000, DAY) == DAY * 86_400_000 + 86_399_000
    assert calendar.utc_ms(500, None) == (DAY + 1) * 86_400_000 + 500
    assert calendar.utc_ms(86_399_500, None) == DAY * 86_400_000 + 86_399_500


def test_trust_once_earned_survives_a_tunnel_but_not_a_step_back_or_over_an_hour() -> None:
    def trusted_after(*utc_s: int | None) -> bool:
        calendar = Calendar()
        trusted = False
        for second in utc_s:
            if second is None:
                calendar.lapse()
            else:
                trusted = calendar.trusts(second * 1000)
        return trusted

    assert trusted_after(1, 2, 3)
    assert trusted_after(1, 2, 3, None, 300)
    assert not trusted_after(1, 2, None, 3)
    assert not trusted_after(1, 2, 3, 2)
    assert trusted_after(1, 2, 3, 3, 4)
    assert trusted_after(1, 2, 3, 3_603)
    assert not trusted_after(1, 2, 3, 3_604)


def test_no_text_form_of_a_fix_shows_where_or_when() -> None:
    (fix,) = fixes_of(rmc(), gga())
    for text in (repr(fix), str(fix), f"{fix}", f"{fix:>60}", "%s" % (fix,)):  # noqa: UP031
        assert text.strip() == "Fix(gnss, untrusted date)"


def test_defects_are_counted_by_kind() -> None:
    receiver = Receiver()
    receiver.feed(0.0, rmc()[:-6] + b"\r\n" + gga().replace(b"08", b"07"))
    assert receiver.defects == Counter(no_checksum=1, bad_checksum=1)
