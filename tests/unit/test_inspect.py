"""The inspect command, as people and scripts call it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.cli.inspect import NAMES_MAX, Findings, inspect
from drivers.simulate.sentences import with_checksum as sealed


def second_of(n: int) -> bytes:
    """One second of a drive, RMC and GGA."""
    where = f"4807.{380 + n:04d},N,01131.0000,E"
    clock = f"12{n // 60:02d}{n % 60:02d}.00"
    return sealed(f"GPRMC,{clock},A,{where},001.0,084.4,230394,,,A") + sealed(
        f"GPGGA,{clock},{where},1,08,0.9,545.4,M,46.9,M,,"
    )


DRIVE = b"".join(second_of(n) for n in range(5))


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(inspect, [str(argument) for argument in arguments], input=stdin)


def fixes_in(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_summary_for_people_goes_to_stderr_and_shows_no_position(tmp_path: Path) -> None:
    log = tmp_path / "drive.nmea"
    log.write_bytes(DRIVE + b"$GPGGA,1*00\r\n$GPGGA,2\r\n" + sealed("GPGSV,1,1,00"))
    result = run(log)
    assert (result.exit_code, result.stdout) == (0, "")
    for words in ("GPGGA 5, GPRMC 5, GPGSV 1", "5, of them void 0", "untrusted_date 2", "1 Hz", "1994-03-23",
                  "bad_checksum 1, no_checksum 1"):  # fmt: skip
        assert words in result.stderr
    assert "4807" not in result.stderr
    assert "48.1" not in result.stderr


def test_fixes_are_written_with_the_named_fields(tmp_path: Path) -> None:
    log, out = tmp_path / "drive.nmea", tmp_path / "fixes.ndjson"
    log.write_bytes(DRIVE + sealed("GPRMC,120005.00,V,,,,,,,230394,,,N"))
    assert run(log, "--fixes", out).exit_code == 0
    fixes = fixes_in(out)
    assert fixes[2] == {
        "utc": "1994-03-23T12:00:02.000Z",
        "latitude_deg": 48.1173033,
        "longitude_deg": 11.5166667,
        "speed_mps": 0.514,
        "course_deg": 84.4,
        "altitude_m": 545.4,
        "quality": "gnss",
        "satellites": 8,
        "hdop": 0.9,
        "accepted": True,
        "refused": None,
    }
    assert [fix["refused"] for fix in fixes] == ["untrusted_date", "untrusted_date", None, None, None, "void"]
    assert (fixes[5]["utc"], fixes[5]["latitude_deg"], fixes[5]["quality"]) == (None, None, "none")


def test_packed_logs_standard_input_and_standard_output(tmp_path: Path) -> None:
    packed = tmp_path / "drive.nmea.gz"
    packed.write_bytes(gzip.compress(DRIVE))
    from_file, from_stdin = run(packed, "--fixes", "-"), run("-", "--fixes", "-", stdin=DRIVE)
    assert len(from_file.stdout.splitlines()) == 5
    assert from_file.stdout == from_stdin.stdout


def test_several_logs_are_reported_one_by_one(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(DRIVE)
    result = run(tmp_path / "one", tmp_path / "two", "--fixes", "-")
    assert len(result.stdout.splitlines()) == 10
    assert result.stderr.count("accepted") == 2


@pytest.mark.parametrize("data", [b"", b"hello\n", bytes(range(256)) * 50])
def test_a_log_without_nmea_is_a_finding(tmp_path: Path, data: bytes) -> None:
    log = tmp_path / "other.bin"
    log.write_bytes(data)
    result = run(log)
    assert result.exit_code == 0
    assert "no NMEA sentences" in result.stderr


def test_an_unreadable_log_is_exit_3_and_one_clear_line(tmp_path: Path) -> None:
    result = run(tmp_path / "missing.nmea")
    assert result.exit_code == 3
    assert result.stderr.splitlines() == [f"cannot read {tmp_path}/missing.nmea: no such file or directory"]


def test_a_fixes_file_that_cannot_be_written_is_exit_1(tmp_path: Path) -> None:
    log = tmp_path / "drive.nmea"
    log.write_bytes(DRIVE)
    result = run(log, "--fixes", tmp_path / "none" / "fixes.ndjson")
    assert result.exit_code == 1
    assert "cannot write" in result.stderr


def test_bad_usage_is_exit_2() -> None:
    assert run().exit_code == 2


def test_sentence_names_are_bounded() -> None:
    findings = Findings()
    for number in range(NAMES_MAX + 50):
        list(findings.feed(0.0, sealed(f"X{number:04d},1")))
    assert len(findings.sentences) == NAMES_MAX + 1
    assert findings.sentences["other"] == 50
