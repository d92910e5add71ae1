"""Recorded logs and pulses as inputs."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import pytest

from drivers import replay as source
from drivers.inputs import Chunk, Pulse
from drivers.nmea import checksum_of
from drivers.replay import LogError, PulsesError, merge, open_log, pulses, replay


def sealed(body: str) -> bytes:
    return b"$%s*%02X\r\n" % (body.encode(), checksum_of(b"$" + body.encode()))


def rmc(clock: str) -> bytes:
    return sealed(f"GPRMC,{clock},A,4807.0380,N,01131.0000,E,022.4,084.4,230394,,,A")


def gga(clock: str) -> bytes:
    return sealed(f"GPGGA,{clock},4807.0380,N,01131.0000,E,1,08,0.9,545.4,M,46.9,M,,")


def gll(clock: str) -> bytes:
    return sealed(f"GPGLL,4807.0381,N,01131.0000,E,{clock},A,A")


VTG = sealed("GPVTG,084.4,T,,M,10.0,N,18.5,K,A")


def times_of(*lines: bytes) -> list[float]:
    return [chunk.at for chunk in replay(io.BytesIO(b"".join(lines)))]


def test_the_bytes_of_an_epoch_come_together_and_none_is_lost() -> None:
    log = b"# head\n" + rmc("120000") + gga("120000") + VTG + gll("120001") + rmc("120001") + VTG
    chunks = list(replay(io.BytesIO(log)))
    assert b"".join(chunk.data for chunk in chunks) == log
    assert [chunk.at for chunk in chunks] == [0.0, 1.0]
    assert chunks[1].data == gll("120001") + rmc("120001") + VTG


@pytest.mark.parametrize("block", [1, 7, 100, 1_000])
def test_block_size_changes_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line(f"12{n // 60:02d}{n % 60:02d}") for n in range(0, 90, 3) for line in (rmc, gga, gll)]
    whole = list(replay(io.BytesIO(b"".join(lines))))

    class Dripping(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(block)

    assert list(replay(Dripping(b"".join(lines)))) == whole


@pytest.mark.parametrize(
    ("clocks", "times"),
    [
        (["120000", "120000.100", "120000.200"], [0.0, 0.1, 0.2]),
        (["235959", "000001"], [0.0, 2.0]),
        (["120000", "115000", "115001"], [0.0, 0.0, 1.0]),
        (["120000", "130000"], [0.0, 3600.0]),
        (["120000", "130001"], [0.0, 3600.0]),
        (["110000", "235959"], [0.0, 0.0]),
        (["120000", "", "120002"], [0.0, 2.0]),
        (["120000", "999999", "120002"], [0.0, 2.0]),
    ],
)
def test_time_is_the_difference_of_epochs_from_zero_to_an_hour(clocks: list[str], times: list[float]) -> None:
    assert times_of(*(rmc(clock) for clock in clocks)) == pytest.approx(times)


def test_a_late_sentence_does_not_run_the_time_ahead() -> None:
    assert times_of(rmc("120000"), rmc("120001"), gll("120000"), gga("120001"), rmc("120002")) == [
        0.0,
        1.0,
        2.0,
    ]


def test_a_long_step_counts_only_with_a_good_checksum() -> None:
    broken = rmc("120000").replace(b",120000", b",150000")
    assert times_of(rmc("120000"), broken, rmc("120001")) == [0.0, 1.0]


def test_logs_follow_each_other() -> None:
    chunks = list(replay(io.BytesIO(rmc("120000")), io.BytesIO(rmc("120005"))))
    assert [chunk.at for chunk in chunks] == [0.0, 5.0]


def test_bytes_without_any_time_are_bounded_chunks_at_zero() -> None:
    chunks = list(replay(io.BytesIO(bytes(3 * source.BLOCK_BYTES + 1))))
    assert {chunk.at for chunk in chunks} == {0.0}
    assert max(len(chunk.data) for chunk in chunks) <= source.BLOCK_BYTES
    assert sum(len(chunk.data) for chunk in chunks) == 3 * source.BLOCK_BYTES + 1


def test_plain_packed_and_standard_input_read_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = rmc("120000") + rmc("120001")
    plain, packed = tmp_path / "log.nmea", tmp_path / "log.nmea.gz"
    plain.write_bytes(log)
    packed.write_bytes(gzip.compress(log))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(log)))
    found = []
    for path in (plain, packed, "-"):
        with open_log(path) as opened:
            found.append(list(replay(opened)))
    assert found[0] == found[1] == found[2]


def test_an_open_log_knows_its_size_and_how_far_it_was_read(tmp_path: Path) -> None:
    path = tmp_path / "log.nmea"
    path.write_bytes(b"12345678")
    with open_log(path) as log:
        assert (log.size, log.position) == (8, 0)
        log.read(3)
        assert log.size == 8


@pytest.mark.parametrize("name", ["missing.nmea", ".", "bad\0name", "torn.gz", "plain.gz", "flipped.gz"])
def test_an_unreadable_log_is_one_clear_error(name: str, tmp_path: Path) -> None:
    packed = gzip.compress(bytes(range(256)) * 300)
    (tmp_path / "torn.gz").write_bytes(packed[:-20])
    (tmp_path / "plain.gz").write_bytes(b"$GPRMC")
    (tmp_path / "flipped.gz").write_bytes(packed[:60] + b"\xff\xff\xff" + packed[63:])
    with pytest.raises(LogError) as caught, open_log(f"{tmp_path}/{name}") as log:
        list(replay(log))
    assert isinstance(caught.value, OSError)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_a_log_at_the_limit_is_read_and_one_byte_more_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LOG_BYTES_MAX", 100)
    path = tmp_path / "log.nmea"
    path.write_bytes(bytes(100))
    with open_log(path) as log:
        assert len(list(replay(log))) == 1
    path.write_bytes(bytes(101))
    with open_log(path) as log, pytest.raises(LogError, match="longer than 100 bytes"):
        list(replay(log))


def pulses_of(tmp_path: Path, text: str) -> list[Pulse]:
    path = tmp_path / "pulses.csv"
    path.write_bytes(text.encode())
    return list(pulses(path))


def test_pulses_are_read_in_order(tmp_path: Path) -> None:
    text = "at_s,pin,level\r\n0,ignition,1\n\n 1.5 , brake , 1\n1.5,brake,0"
    assert pulses_of(tmp_path, text) == [
        Pulse(0.0, "ignition", 1),
        Pulse(1.5, "brake", 1),
        Pulse(1.5, "brake", 0),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: the header"),
        ("at,pin,level\n", ":1: the header"),
        ("at_s,pin,level\n1,brake\n", ":2: expected at_s,pin,level, found 2 columns"),
        ("at_s,pin,level\n1,brake,1\nx,brake,0\n", ":3: at_s must be seconds from 0 up, found 'x'"),
        ("at_s,pin,level\n-1,brake,1\n", ":2: at_s"),
        ("at_s,pin,level\nnan,brake,1\n", ":2: at_s"),
        ("at_s,pin,level\n1,,1\n", ":2: pin must"),
        ("at_s,pin,level\n1," + "p" * 65 + ",1\n", ":2: pin must"),
        ("at_s,pin,level\n1,brake,2\n", ":2: level must be 0 or 1, found '2'"),
        ("at_s,pin,level\n2,brake,1\n1,brake,0\n", ":3: at_s goes back from 2 to 1"),
        ("at_s,pin,level\n" + "1" * 1_025, ":2: longer than 1024 bytes"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PulsesError) as caught:
        pulses_of(tmp_path, text)
    assert isinstance(caught.value, ValueError)
    assert "pulses.csv" + message in str(caught.value)


def test_pulse_lines_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "PULSE_LINES_MAX", 2)
    assert len(pulses_of(tmp_path, "at_s,pin,level\n1,brake,1\n")) == 1
    with pytest.raises(PulsesError, match=r"csv:3: more than 2 lines"):
        pulses_of(tmp_path, "at_s,pin,level\n1,brake,1\n2,brake,0\n")


def test_a_missing_pulses_file_is_an_unreadable_one(tmp_path: Path) -> None:
    with pytest.raises(LogError):
        list(pulses(tmp_path / "none.csv"))


def test_merging_keeps_the_order_and_puts_a_pulse_before_the_chunk_of_its_moment() -> None:
    chunks = [Chunk(0.0, b"a"), Chunk(1.0, b"b")]
    edges = [Pulse(0.0, "ignition", 1), Pulse(0.5, "brake", 1), Pulse(2.0, "brake", 0)]
    assert [entry.at for entry in merge(chunks, edges)] == [0.0, 0.0, 0.5, 1.0, 2.0]
    assert next(iter(merge(chunks, edges))) == edges[0]
