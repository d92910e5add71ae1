"""Two simulated shifts give, record for record and slot for slot, what they gave before.

Compared are decoded records and the index's topics, slots and sizes: zlib's builds may pack the same text into
other bytes. `make golden` rewrites the files after a change that was meant; the diff shows what it means.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent.__main__ import main
from agent.surroundings import EXAMPLES
from config.load import load_yaml
from drivers.simulate import shift, write

GOLDEN = Path(__file__).parent / "golden"
GOLDEN_BYTES_MAX = 70_000
SHIFTS = {"daily": (4, 1.0), "timed": (11, 0.5)}
STREAMS = {
    "daily": {"track", "day", "lifts", "harsh_braking", "box"},
    "timed": {"track", "stops", "passed", "live", "harsh_braking", "box"},
}


def replayed(name: str, folder: Path) -> list[str]:
    """The lines of a golden file: records without their batch, then the index without what zlib decides."""
    seed, hours = SHIFTS[name]
    write(shift(seed, hours), folder)
    words = ["replay", folder / "shift.nmea", "--pulses", folder / "pulses.csv"]
    if name == "timed":
        words += ["--agreement", _operations(folder)]
    out, wire = folder / "out.ndjson", folder / "wire"
    result = CliRunner().invoke(main, [*map(str, words), "--out", str(out), "--wire", str(wire)])
    assert result.exit_code == 0, result.stderr
    records = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    index = [json.loads(line) for line in (wire / "index.ndjson").read_text(encoding="utf-8").splitlines()]
    slots = _slots(index)
    return [json.dumps(_named(record)) for record in records if _counts(record)] + [
        json.dumps(slot) for slot in slots
    ]


def _operations(folder: Path) -> Path:
    """The timed example in the simulated city."""
    tree = load_yaml(EXAMPLES / "agreements" / "operations.yaml").tree
    city = load_yaml(folder / "agreement.yaml").tree
    path = folder / "operations.yaml"
    path.write_text(json.dumps(tree | {"places": city["places"], "duty": city["duty"]}), encoding="utf-8")
    return path


def _named(record: dict[str, Any]) -> dict[str, Any]:
    """Epochs come from the agreement's bytes; what counts of a batch is its number."""
    return record | {"batch": int(record["batch"].rsplit("-", 1)[1])}


def _counts(record: dict[str, Any]) -> bool:
    return record["stream"] != "box" or record["batch"].endswith("-1")  # one box says what all say


def _slots(index: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What left together: how many of each topic and size, in the order of their leaving."""
    slots: list[dict[str, Any]] = []
    for line in index:
        key = {"slot_s": line["slot_s"], "topic": line["topic"], "bytes": line["bytes"]}
        if slots and all(slots[-1][name] == value for name, value in key.items()):
            slots[-1]["batches"] += 1
        else:
            slots.append(key | {"batches": 1})
    return slots


@pytest.mark.parametrize("name", sorted(SHIFTS))
def test_a_shift_leaves_what_it_left_before(name: str, tmp_path: Path, rewriting: bool) -> None:
    lines = replayed(name, tmp_path)
    golden = GOLDEN / f"{name}.ndjson"
    if rewriting:
        GOLDEN.mkdir(exist_ok=True)
        golden.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    assert lines == golden.read_text(encoding="utf-8").splitlines(), "if this is meant: make golden"


@pytest.mark.parametrize("name", sorted(SHIFTS))
def test_a_golden_replay_holds_the_streams_of_its_agreement(name: str) -> None:
    lines = [
        json.loads(line) for line in (GOLDEN / f"{name}.ndjson").read_text(encoding="utf-8").splitlines()
    ]
    assert {line["stream"] for line in lines if "stream" in line} == STREAMS[name]
    assert any("slot_s" in line for line in lines)


def test_golden_files_stay_small() -> None:
    files = sorted(GOLDEN.iterdir())
    assert [path.stem for path in files] == sorted(SHIFTS)
    assert sum(path.stat().st_size for path in files) < GOLDEN_BYTES_MAX
