"""What was published, as files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from agent.paper import Published
from agent.publication import WireFolder, write_records
from agent.wire import NO_PREVIOUS, AgreementReference, Heading, Payload

AGREED = AgreementReference("a", 1, "0" * 64)


def test_a_wire_folder_holds_every_payload_and_an_index(tmp_path: Path) -> None:
    folder = WireFolder(tmp_path / "deep" / "wire")
    sent = [
        Published(60.0, "fairhaul/v1/f/t/track", b"one"),
        Published(60.0004, "fairhaul/v1/f/harsh_braking", b"two"),
    ]
    for one in sent:
        folder.add(one)
    folder.close()
    lines = [
        json.loads(line) for line in (tmp_path / "deep" / "wire" / "index.ndjson").read_text().splitlines()
    ]
    assert [line["file"] for line in lines] == ["000001-track.bin", "000002-harsh_braking.bin"]
    for one, line in zip(sent, lines, strict=True):
        assert (tmp_path / "deep" / "wire" / line["file"]).read_bytes() == one.payload
        assert line == {
            "file": line["file"],
            "slot_s": 60.0,
            "topic": one.topic,
            "qos": 1,
            "retain": False,
            "bytes": 3,
            "sha256": hashlib.sha256(one.payload).hexdigest(),
        }


def test_a_wire_folder_keeps_nothing_of_an_earlier_replay_and_everything_else(tmp_path: Path) -> None:
    (tmp_path / "000007-track.bin").write_bytes(b"old")
    (tmp_path / "index.ndjson").write_text("{}")
    (tmp_path / "notes.txt").write_text("mine")
    WireFolder(tmp_path).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.ndjson", "notes.txt"]


def test_a_folder_that_no_replay_wrote_keeps_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "000007-holiday.bin").write_bytes(b"mine")
    WireFolder(tmp_path).close()
    assert (tmp_path / "000007-holiday.bin").read_bytes() == b"mine"


def payloads() -> list[Payload]:
    heading = Heading("live", "0123456789abcdef", 7, NO_PREVIOUS, AGREED)
    return [
        Payload(heading, [{"utc": "2026-11-21T10:00:00Z", "latitude_deg": 1.5, "longitude_deg": 2.5}] * 2)
    ]


def test_records_are_one_json_object_a_line_with_stream_and_batch_first(tmp_path: Path) -> None:
    out = tmp_path / "out.ndjson"
    write_records(str(out), payloads())
    lines = out.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
    assert list(json.loads(lines[0])) == ["stream", "batch", "utc", "latitude_deg", "longitude_deg"]
    assert json.loads(lines[0])["batch"] == "0123456789abcdef-7"


def test_records_go_to_stdout_for_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    write_records("-", payloads())
    assert len(capsys.readouterr().out.splitlines()) == 2
