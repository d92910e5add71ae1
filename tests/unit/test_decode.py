"""`fairhaul decode`: one payload on stdin or in a file, its records as NDJSON on stdout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent import wire
from agent.__main__ import main
from agent.columns import STREAMS

VECTORS = json.loads((Path(__file__).parent / "wire-vectors.json").read_text("ascii"))
TRACK = next(vector for vector in VECTORS if vector["name"] == "track, filled")
PAYLOAD = bytes.fromhex(TRACK["payload_hex"])


def decode(*arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(main, ["decode", *arguments], input=stdin)


def records(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_every_vector_comes_out_record_by_record(vector):
    result = decode(stdin=bytes.fromhex(vector["payload_hex"]))
    named = {
        "stream": vector["heading"]["stream"],
        "batch": f"{vector['heading']['epoch']}-{vector['heading']['n']}",
    }
    assert (result.exit_code, result.stderr) == (0, "")
    assert records(result) == [named | record for record in vector["records"]]


def test_line_begins_with_stream_and_batch():
    first = records(decode(stdin=PAYLOAD))[0]
    assert list(first) == ["stream", "batch", "date", "stretch", "running_s", "path"]


def test_dash_is_stdin_and_a_name_is_a_file(tmp_path):
    file = tmp_path / "000001-track.bin"
    file.write_bytes(PAYLOAD)
    assert decode("-", stdin=PAYLOAD).stdout == decode(str(file)).stdout != ""


def test_batch_without_records_gives_no_line():
    empty = next(vector for vector in VECTORS if vector["name"] == "track, empty")
    result = decode(stdin=bytes.fromhex(empty["payload_hex"]))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "cut short, or with bytes behind its end"),
        (b"$GPRMC,no,payload", "not a zlib stream"),
        (PAYLOAD[:-1], "cut short, or with bytes behind its end"),
        (b"\0" * (wire.PAYLOAD_BYTES_MAX + 1), "longer than 262144 bytes"),
    ],
    ids=["nothing", "a log", "cut short", "too long"],
)
def test_bad_payload_is_one_clear_line_and_exit_status_3(payload, why):
    result = decode(stdin=payload)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == f"stdin is no payload: {why}\n"


def test_missing_file_is_one_clear_line_and_exit_status_3(tmp_path):
    result = decode(str(tmp_path / "none.bin"))
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == f"cannot read {tmp_path / 'none.bin'}: no such file or directory\n"


def test_no_stream_has_fields_of_its_own_called_stream_or_batch():
    assert not {"stream", "batch"} & {field.field for fields in STREAMS.values() for field in fields}
