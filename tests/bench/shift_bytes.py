"""The bytes of a whole shift, from `fairhaul replay --wire`: payloads as published, MQTT's framing by arithmetic.

Daily: what leaves at one release, because each day has one. Timed: what leaves until the log ends, and the shift's
brakings, which are held back and leave later.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from agent.wire import decode, text
from drivers.simulate import Shift, write
from tests.bench.driving import RELEASE_EVERY_S, has_fix, operations, write_yaml
from tests.bench.programs import ROOT

REPLAY_S_MAX = 120.0
SLOT_S = 600.0  # for which a daily release is connected
PUBACK_BYTES = 4
PING_BYTES = 4  # a PINGREQ and its answer
KEEPALIVE_S = 30.0
SESSION_BYTES = 150  # CONNECT with a client id, CONNACK with a broker's properties, DISCONNECT: rounded up

Batch = Mapping[str, Any]  # a line of index.ndjson


class Bytes(NamedTuple):
    """A shift in one release mode."""

    fixes: int  # on duty, with a position, where recording is allowed
    batches: int
    payload_bytes: int  # padding included
    wire_bytes: int  # payloads, framing, acknowledgements, pings and connections, without TCP, IP and TLS
    track_bytes: int  # payloads of `track` before padding


def publish_bytes(topic: str, payload_bytes: int) -> int:
    """One whole MQTT 5 PUBLISH of QoS 1 without properties."""
    rest = 2 + len(topic.encode()) + 2 + 1 + payload_bytes
    digits = 1 + sum(rest >= limit for limit in (128, 128**2, 128**3))
    return 1 + digits + rest


def wire_bytes(batches: Iterable[Batch], connected_s: float) -> int:
    """Everything both ways on one connection; a ping for every keepalive, as if nothing else had been sent."""
    framed = sum(publish_bytes(batch["topic"], batch["bytes"]) + PUBACK_BYTES for batch in batches)
    return framed + round(connected_s / KEEPALIVE_S) * PING_BYTES + SESSION_BYTES


def of_shift(index: Sequence[Batch], log_s: float, daily: bool) -> list[Batch]:
    """The batches that one shift costs; the module says which those are."""
    if daily:
        return [batch for batch in index if batch["slot_s"] == index[0]["slot_s"]]
    ends_s = log_s + RELEASE_EVERY_S
    return [batch for batch in index if batch["slot_s"] <= ends_s or stream_of(batch) == "harsh_braking"]


def stream_of(batch: Batch) -> str:
    """The last part of its topic."""
    return str(batch["topic"]).rsplit("/", 1)[1]


def recordable(driven: Shift) -> int:
    """Fixes with a position while on duty, inside the service area and off no limits: the city's `district`."""
    pairs = zip(driven.nmea_readings(), driven.truth(), strict=False)
    return sum(
        second.on_duty and second.place == "district" and has_fix(reading[0]) for reading, second in pairs
    )


def unpadded_bytes(payload: bytes) -> int:
    """How long a payload would be without any padding, its text alone compressed; 0 when it holds no record."""
    heading, records = decode(payload)
    return len(zlib.compress(text(heading, records).encode("ascii"), 9)) if records else 0


def measure(driven: Shift, work: Path) -> dict[str, Bytes]:
    """The shift in both modes, under the agreement of its city. Raises CalledProcessError."""
    write(driven, work)
    written = (work / "agreement.yaml").read_text(encoding="utf-8")
    agreements = {"daily": YAML(typ="safe").load(written), "timed": operations(written)}
    fixes = recordable(driven)
    found = {}
    for mode, agreement in agreements.items():
        wire = _replayed(work, mode, write_yaml(work / f"{mode}.yaml", agreement))
        found[mode] = counted(wire, fixes, driven.seconds, mode == "daily")
    return found


def _replayed(work: Path, mode: str, agreement: Path) -> Path:
    wire = work / f"wire-{mode}"
    options = {
        "--pulses": "pulses.csv",
        "--config": "agent.yaml",
        "--out": f"{mode}.ndjson",
        "--wire": wire.name,
    }
    given = [part for option, name in options.items() for part in (option, str(work / name))]
    subprocess.run(
        [
            sys.executable,
            "-m",
            "agent",
            "replay",
            str(work / "shift.nmea"),
            "--agreement",
            str(agreement),
            *given,
        ],
        check=True,
        capture_output=True,
        cwd=ROOT,
        timeout=REPLAY_S_MAX,
    )
    return wire


def counted(wire: Path, fixes: int, log_s: float, daily: bool) -> Bytes:
    """The figures of one folder that `--wire` wrote."""
    index = [json.loads(line) for line in (wire / "index.ndjson").read_text(encoding="utf-8").splitlines()]
    shift = of_shift(index, log_s, daily)
    track = [batch for batch in index if stream_of(batch) == "track"]
    return Bytes(
        fixes=fixes,
        batches=len(shift),
        payload_bytes=sum(batch["bytes"] for batch in shift),
        wire_bytes=wire_bytes(shift, SLOT_S if daily else log_s),
        track_bytes=sum(unpadded_bytes((wire / batch["file"]).read_bytes()) for batch in track),
    )
