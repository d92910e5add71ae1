"""What goes wrong in trucks, GNSS receivers and NMEA: one test for each case of the field notes.

The cases of the serial port itself (coalesced reads, baud hunt, unplugging, `readline`) are tested with its driver.
"""

from __future__ import annotations

import datetime
import time
from itertools import pairwise

import pytest

from agent.recording.fixes import Fix, Receiver
from agent.recording.gate import Gate
from drivers.nmea import checksum_of

NOON_MS = 43_200_000
DAY_MS = 86_400_000
PLACE = "4807.0380,N,01131.0000,E"


def sealed(body: str) -> bytes:
    """A line as a receiver sends it."""
    return b"$%s*%02X\r\n" % (body.encode(), checksum_of(b"$" + body.encode()))


def clock(second: float) -> str:
    """`hhmmss.ss` that many seconds after noon."""
    whole = int(second)
    return f"{12 + whole // 3600:02d}{whole // 60 % 60:02d}{whole % 60:02d}.{round(second * 100) % 100:02d}"


def place(north_m: float) -> str:
    """A place that many metres north of the parallel 48° 7'."""
    return f"48{7 + north_m / 1853.25:08.5f},N,01131.0000,E"


def rmc(at: str, where: str = PLACE, knots: str = "19.4", date: str = "230326", rest: str = ",,,A") -> bytes:
    return sealed(f"GPRMC,{at},A,{where},{knots},084.4,{date}{rest}")


def void_rmc(at: str, date: str = "230326", mode: str = "N") -> bytes:
    return sealed(f"GPRMC,{at},V,{PLACE},19.4,084.4,{date},,,{mode}")


def gga(at: str, where: str = PLACE, quality: str = "1", satellites: str = "08", hdop: str = "0.9") -> bytes:
    return sealed(f"GPGGA,{at},{where},{quality},{satellites},{hdop},545.4,M,46.9,M,,")


def fixes_of(data: bytes, floor_day: int | None = None) -> list[Fix]:
    receiver = Receiver(floor_day)
    fixes = receiver.feed(0.0, data)
    last = receiver.flush(0.0)
    return fixes if last is None else [*fixes, last]


def judged(data: bytes, replay: bool = False) -> list[str | None]:
    gate = Gate(replay=replay)
    return [gate.judge(fix) for fix in fixes_of(data)]


def drive(seconds: int) -> bytes:
    """Ten metres a second northwards from noon on: enough of it earns trust."""
    return b"".join(rmc(clock(second), place(10.0 * second)) for second in range(seconds))


def day_of(fix: Fix) -> datetime.date | None:
    if fix.utc_ms is None:
        return None
    return datetime.date(1970, 1, 1) + datetime.timedelta(days=fix.utc_ms // DAY_MS)


def test_week_rollover_dates_1024_weeks_back() -> None:
    floor = datetime.date(2026, 3, 1)
    floor_day = (floor - datetime.date(1970, 1, 1)).days
    rolled_over = rmc(clock(0), date="070806")  # 619,315,200 seconds before 2026-03-23
    twice = rmc(clock(0), date="221286")
    assert day_of(fixes_of(rolled_over, floor_day)[0]) == datetime.date(2026, 3, 23)
    assert day_of(fixes_of(twice, floor_day)[0]) == datetime.date(2026, 3, 23)
    assert day_of(fixes_of(rmc(clock(0)), floor_day)[0]) == datetime.date(2026, 3, 23)


def test_week_rollover_replay_of_old_logs_keeps_dates_as_recorded() -> None:
    assert day_of(fixes_of(rmc(clock(0), date="070806"))[0]) == datetime.date(2006, 8, 7)


@pytest.mark.parametrize("date", ["050180", "060180", "", "2208-1", "000000", "310226", "230326x"])
def test_garbage_date_before_lock_empty_date_or_nonsense(date: str) -> None:
    fixes = fixes_of(b"".join(rmc(clock(second), date=date) for second in range(5)))
    assert [(fix.utc_ms, fix.trusted) for fix in fixes] == [(None, False)] * 5


def test_time_and_date_of_a_void_rmc_are_never_used_and_a_position_waits_for_a_trusted_date() -> None:
    before_lock = void_rmc("000013", date="050180") + void_rmc("000014", date="230326")
    fixes = fixes_of(before_lock + gga(clock(0)) + drive(5)[len(rmc(clock(0))) :])
    assert [fix.utc_ms is None for fix in fixes] == [True, True, True, False, False, False, False]
    assert judged(before_lock + gga(clock(0))) == ["void", "void", "no_date"]


def test_zda_of_a_void_epoch_is_not_used_later() -> None:
    zda = sealed("GPZDA,000013,05,01,2007,00,00")
    assert [fix.utc_ms for fix in fixes_of(gga("000013", quality="0") + zda + gga(clock(0)))] == [None, None]


def test_time_trusted_too_early() -> None:
    leap_seconds_late = rmc(clock(18)) + rmc(clock(19))
    fixes = fixes_of(leap_seconds_late + b"".join(rmc(clock(second)) for second in range(2, 6)))
    assert [fix.trusted for fix in fixes] == [False, False, False, False, True, True]


def test_time_is_trusted_after_three_valid_fixes_in_a_row_and_no_fewer() -> None:
    data = rmc(clock(0)) + rmc(clock(1)) + void_rmc(clock(2)) + b"".join(rmc(clock(n)) for n in (3, 4, 5))
    assert [fix.trusted for fix in fixes_of(data)] == [False, False, False, False, False, True]


@pytest.mark.parametrize("rmc_first", [True, False])
def test_midnight_gga_has_time_only_and_rmc_has_the_date(rmc_first: bool) -> None:
    old = [rmc("235959.00", date="230326"), gga("235959.00")]
    new = [gga("000000.00"), rmc("000000.00", date="240326")]
    if not rmc_first:
        old, new = old[::-1], new[::-1]
    first, second = fixes_of(b"".join(old + new))
    assert (second.utc_ms or 0) - (first.utc_ms or 0) == 1_000


def test_midnight_time_of_day_that_falls_next_to_a_gga_is_the_next_day() -> None:
    fixes = fixes_of(rmc("235958.00") + gga("235959.00") + gga("000000.00") + gga("000001.00"))
    steps = [(later.utc_ms or 0) - (earlier.utc_ms or 0) for earlier, later in pairwise(fixes)]
    assert steps == [1_000] * 3


def test_system_clock_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = fixes_of(drive(5))

    def forbidden() -> float:
        raise AssertionError("the data path looked at a clock")

    for name in ("time", "monotonic", "time_ns"):
        monkeypatch.setattr(time, name, forbidden)
    assert fixes_of(drive(5)) == expected


def test_status_v_with_a_stale_position() -> None:
    data = drive(4) + void_rmc(clock(4)) + gga(clock(4), quality="0")
    last = fixes_of(data)[-1]
    assert (last.quality, last.latitude_e7, last.longitude_e7) == ("none", None, None)
    assert judged(data)[-1] == "void"
    # The stale position may also come with a GGA that still claims a fix.
    assert judged(drive(4) + void_rmc(clock(4)) + gga(clock(4)))[-1] == "void"


def test_navigation_status_v_beside_status_a_is_normal() -> None:
    data = b"".join(rmc(clock(second), place(10.0 * second), rest=",,,A,V") for second in range(4))
    assert judged(data)[-1] is None


def test_mode_e_dead_reckoning_in_a_tunnel() -> None:
    for tunnel in (rmc(clock(4), rest=",,,E"), void_rmc(clock(4), mode="E"), gga(clock(4), quality="6")):
        data = drive(4) + tunnel
        assert fixes_of(data)[-1].quality == "estimated"
        assert judged(data)[-1] == judged(data, replay=True)[-1] == "estimated"


def test_mode_s_and_qualities_7_and_8_are_refused_live_and_marked_in_replay() -> None:
    for simulated in (rmc(clock(4), place(40), rest=",,,S"), gga(clock(4), place(40), quality="8"),
                      gga(clock(4), place(40), quality="7")):  # fmt: skip
        data = drive(4) + simulated
        assert judged(data)[-1] == "simulated"
        assert judged(data, replay=True)[-1] is None
        assert fixes_of(data)[-1].quality == "simulated"


def test_position_zero_zero_with_status_a() -> None:
    assert judged(drive(4) + rmc(clock(4), "0000.0000,N,00000.0000,E"))[-1] == "null_island"


@pytest.mark.parametrize("where", ["9000.0001,N,01131.0,E", "4807.0,N,18000.1,E", "-3003.1914,N,05112.0,W"])
def test_latitude_over_90_or_signed_is_refused(where: str) -> None:
    fix = fixes_of(drive(4) + rmc(clock(4), where))[-1]
    assert (fix.latitude_e7, fix.longitude_e7) == (None, None)
    assert judged(drive(4) + rmc(clock(4), where))[-1] == "no_position"


def test_empty_latitude_is_no_zero() -> None:
    assert fixes_of(rmc(clock(0), ",,,"))[0].latitude_e7 is None
    assert fixes_of(rmc(clock(0), ",N,01131.0,E"))[0].latitude_e7 is None


def test_failed_conversions_never_come_back_as_text() -> None:
    data = sealed(f"GPRMC,x,A,{PLACE},y,z,230326,,,A") + sealed(f"GPGGA,x,{PLACE},1,y,z,q,M,46.9,M,,")
    (fix,) = fixes_of(data)
    readings = (fix.utc_ms, fix.speed_mps, fix.course_deg, fix.altitude_m, fix.hdop, fix.satellites)
    assert readings == (None,) * 6


def test_second_60_is_the_leap_second() -> None:
    before, leap = fixes_of(rmc("235959.00") + rmc("235960.00"))
    assert (leap.utc_ms or 0) - (before.utc_ms or 0) == 1_000


def test_truncated_sentence_without_checksum() -> None:
    receiver = Receiver()
    whole = gga(clock(0))
    for length in range(1, len(whole) - 4):
        receiver.feed(0.0, whole[:length] + b"\r\n")
    assert receiver.flush(0.0) is None
    assert receiver.defects["no_checksum"] > 40


@pytest.mark.parametrize("hdop", ["0NaN", "99.99", "0.00", ""])
def test_hdop_nonsense_with_a_good_checksum_is_unknown_and_the_fix_judged_by_the_rest(hdop: str) -> None:
    data = drive(4) + gga(clock(4), place(40), hdop=hdop)
    assert fixes_of(data)[-1].hdop is None
    assert judged(data)[-1] is None
    assert judged(drive(4) + gga(clock(4), place(40), hdop=hdop, satellites="03"))[-1] == "few_satellites"


def test_frozen_position_with_time_advancing() -> None:
    frozen = b"".join(rmc(clock(second), place(30)) for second in range(4, 12))
    assert judged(drive(4) + frozen)[-1] == "frozen"


def test_time_going_back() -> None:
    assert judged(drive(6) + rmc(clock(3), place(60)))[-1] == "time_back"


def test_duplicated_epoch() -> None:
    assert judged(drive(6) + rmc(clock(5), place(50)))[-1] == "duplicate_epoch"


def test_teleports_are_gated_and_a_jump_that_persists_is_accepted() -> None:
    far = [rmc(clock(second), place(50_000 + 10 * second)) for second in range(6, 13)]
    assert judged(drive(6) + far[0] + rmc(clock(7), place(70)))[-2:] == ["teleport", None]
    assert judged(drive(6) + b"".join(far))[6:] == ["teleport"] * 4 + [None] * 3


def test_speed_while_standing() -> None:
    standing = b"".join(rmc(clock(4 + n), place(30 + n % 2), knots="0.0") for n in range(4))
    assert judged(drive(4) + standing + rmc(clock(8), place(30.5), knots="31.8"))[-1] == "speed_disagrees"


def test_sentences_over_82_characters() -> None:
    long = sealed(f"GPGGA,{clock(0)},{PLACE},1,08,0.9,545.4,M,46.9,M,,{'0' * 330}")
    assert len(long) > 400
    assert fixes_of(long)[0].quality == "gnss"


def test_second_dollar_inside_a_line() -> None:
    assert [fix.quality for fix in fixes_of(gga(clock(0))[:20] + gga(clock(1)))] == ["gnss"]


def test_nuls_spliced_lines_and_ubx_frames_between() -> None:
    ubx = b"\xb5\x62\x01\x07\x5c\x00$\x00\n\xff\r*12"
    spliced = gga(clock(1))[:-2] + rmc(clock(1))
    data = b"\0\0" + gga(clock(0)) + ubx + spliced + b"\0" + ubx + gga(clock(2))
    fixes = fixes_of(data)
    assert [fix.quality for fix in fixes] == ["gnss"] * 3
    assert fixes[1].speed_mps is not None


def test_lower_case_checksum_double_carriage_return_and_trailing_junk() -> None:
    plain = next(line for second in range(60) if (line := gga(clock(second)))[-4:-2].lower() != line[-4:-2])
    body, checksum = plain[:-4], plain[-4:-2]
    for line in (
        body + checksum.lower() + b"\r\n",
        body + checksum + b"\r\r\n",
        body + checksum + b" \x00junk\r\n",
    ):
        assert fixes_of(line) == fixes_of(plain)


def test_two_gga_an_epoch_from_gp_and_gl() -> None:
    glonass = sealed(f"GLGGA,{clock(0)},4807.0999,N,01131.0000,E,0,00,99.9,,M,,M,,")
    for data in (gga(clock(0)) + glonass, glonass + gga(clock(0))):
        (fix,) = fixes_of(data)
        assert (fix.quality, fix.satellites, fix.latitude_e7) == ("gnss", 8, 481_173_000)


@pytest.mark.parametrize("hz", [0.5, 1, 5, 10])
@pytest.mark.parametrize("rmc_first", [True, False])
def test_every_rate_and_rmc_before_or_after_gga(hz: float, rmc_first: bool) -> None:
    data, receiver = b"", Receiver()
    for number in range(30):
        second, where = number / hz, place(10.0 * number / hz)
        pair = [rmc(clock(second), where), gga(clock(second), where)]
        data += b"".join(pair if rmc_first else pair[::-1])
    fixes = receiver.feed(0.0, data)
    assert len(fixes) == 29
    assert receiver.epochs.interval_s == pytest.approx(1 / hz)
    assert all(fix.speed_mps is not None and fix.hdop is not None for fix in fixes)
    assert judged(data)[2:] == [None] * 28
