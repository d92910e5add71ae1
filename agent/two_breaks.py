"""The same shift with a short break and with a long one: whether what leaves tells them apart.

Both are replayed under *routes-and-safety*, and every byte that would leave is hashed, with the moment at which it
would. What it shows is one shift; that it holds for all of them is what `tests/properties` is for.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from agent.surroundings import EXAMPLES
from config.load import load_yaml
from drivers.simulate import shift, write

ROUTES = EXAMPLES / "agreements" / "routes-and-safety.yaml"
BREAKS_MIN = (10, 40)
REPLAY_S_MAX = 300.0
HASH_DIGITS_SHOWN = 12
WHEN, ALL = "when each left", "all of it"


class Leaving(NamedTuple):
    """All that left in one stream: how many payloads, their bytes, and the SHA-256 of one behind the other."""

    payloads: int
    size_bytes: int
    sha256: str


class Compared(NamedTuple):
    """What left of the shift with the short breaks and of the one with the long ones, by stream.

    `when` are the moments, topics and sizes of all payloads, `all_` their bytes in the order of their leaving.
    """

    streams: dict[str, tuple[Leaving | None, Leaving | None]]
    when: tuple[str, str]
    all_: tuple[str, str]

    @property
    def same(self) -> bool:
        """Whether nothing tells the two apart, and something left at all."""
        return bool(self.streams) and self.when[0] == self.when[1] and self.all_[0] == self.all_[1]


def compare(directory: Path, seed: int, hours: float, say: Callable[[str], None]) -> Compared:
    """Drive the shift twice, replay both. Raises CalledProcessError when a replay fails."""
    folders = [directory / f"break-of-{minutes}-min" for minutes in BREAKS_MIN]
    replays = []
    for folder, minutes in zip(folders, BREAKS_MIN, strict=True):
        say(f"the same shift under `routes-and-safety`, every break {minutes} minutes long")
        _write(folder, seed, hours, minutes)
        replays.append(_replay(folder))  # while the next is written
    for replay in replays:
        if replay.wait(REPLAY_S_MAX):
            raise subprocess.CalledProcessError(replay.returncode, replay.args)
    return compared(folders[0] / "wire", folders[1] / "wire")


def _write(folder: Path, seed: int, hours: float, minutes: float) -> None:
    """The shift, and the example agreement with the places and the duty of its city."""
    write(shift(seed, hours, break_minutes=minutes), folder)
    city = load_yaml(folder / "agreement.yaml").tree
    agreed = load_yaml(ROUTES).tree | {"places": city["places"], "duty": city["duty"]}
    (folder / "routes-and-safety.yaml").write_text(json.dumps(agreed, indent=1) + "\n", encoding="utf-8")


def _replay(folder: Path) -> subprocess.Popen[bytes]:
    words: list[object] = ["replay", folder / "shift.nmea", "--pulses", folder / "pulses.csv"]
    words += ["--agreement", folder / "routes-and-safety.yaml", "--wire", folder / "wire"]
    return subprocess.Popen(
        [sys.executable, "-m", "agent", *map(str, words)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def compared(short: Path, long: Path) -> Compared:
    """Two folders as `replay --wire` writes them."""
    indexes = [_index(wire) for wire in (short, long)]
    streams = sorted({_stream(line) for index in indexes for line in index})
    return Compared(
        {
            stream: (_leaving(short, indexes[0], stream), _leaving(long, indexes[1], stream))
            for stream in streams
        },
        (_moments(indexes[0]), _moments(indexes[1])),
        (_sha256(short, indexes[0]), _sha256(long, indexes[1])),
    )


def _index(wire: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (wire / "index.ndjson").read_text(encoding="utf-8").splitlines()]


def _stream(line: dict[str, Any]) -> str:
    return str(line["topic"]).rsplit("/", 1)[-1]


def _leaving(wire: Path, index: Iterable[dict[str, Any]], stream: str) -> Leaving | None:
    lines = [line for line in index if _stream(line) == stream]
    return Leaving(len(lines), sum(line["bytes"] for line in lines), _sha256(wire, lines)) if lines else None


def _moments(index: Iterable[dict[str, Any]]) -> str:
    told = [[line["slot_s"], line["topic"], line["qos"], line["retain"], line["bytes"]] for line in index]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _sha256(wire: Path, lines: Iterable[dict[str, Any]]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update((wire / line["file"]).read_bytes())
    return digest.hexdigest()


def told(found: Compared) -> list[str]:
    """The table as people read it, and what it shows."""
    short_min, long_min = BREAKS_MIN
    lines = [_row("", f"breaks of {short_min} min", f"breaks of {long_min} min", "")]
    for stream, (short, long) in found.streams.items():
        lines.append(_row(stream, _shown(short), _shown(long), "the same" if short == long else "DIFFERENT"))
    for what, (first, second) in ((WHEN, found.when), (ALL, found.all_)):
        verdict = "the same" if first == second else "DIFFERENT"
        lines.append(_row(what, first[:HASH_DIGITS_SHOWN], second[:HASH_DIGITS_SHOWN], verdict))
    if found.same:
        return [*lines, "Nothing that leaves, and nothing of when it leaves, tells how long the breaks were."]
    return [*lines, "They differ: what leaves tells the two shifts apart. That must not be."]


def _shown(leaving: Leaving | None) -> str:
    if leaving is None:
        return "nothing"
    return f"{leaving.payloads} payloads {leaving.size_bytes:7} B {leaving.sha256[:HASH_DIGITS_SHOWN]}"


def _row(what: str, short: str, long: str, verdict: str) -> str:
    return f"{what:14} {short:>36} {long:>36}  {verdict}".rstrip()
