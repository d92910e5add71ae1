"""A day's receipts as a folder that can be read and checked without Fairhaul: payloads, index, sums, a page of words.

Index lines: `file stream topic n day dates bytes sha256 prev state` for a payload that is here; `stream first_n last_n
gone` for numbers beside them that are not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agent import wire
from agent.receipts import receipts
from agent.receipts.receipts import UNSENT, Finding, Known, Link
from agent.records import day_number, iso_date
from agent.topics import FLEET_STREAMS
from buffer.gaps import Gap
from buffer.rows import Receipt

INDEX, SUMS, PAGE = "index.ndjson", "SHA256SUMS", "README.txt"
INDEX_BYTES_MAX = 64 * 1024 * 1024
_NAME = re.compile(r"[a-z_]{1,64}-\d{6,16}\.bin")


class NotAFolder(ValueError):
    """No folder of receipts; the text says why."""


class Read(NamedTuple):
    """What a folder holds: links in the order of the index, what is known beside them, what shows without a chain."""

    links: list[Link]
    known: Known
    findings: list[Finding]


def chosen(links: Iterable[Link], day: int, stream: str | None = None) -> dict[str, range]:
    """Which numbers of each stream an export of that day holds.

    From the first published one that concerns the day to the last, and the one behind it, which vouches for that.
    """
    found: dict[str, range] = {}
    for each in links:
        if each.state != UNSENT and each.concerns(day) and stream in (None, each.stream):
            there = found.get(each.stream, range(each.n, each.n))
            found[each.stream] = range(min(there.start, each.n), max(there.stop, each.n + 2))
    return found


def absences(numbers: Mapping[str, range], gaps: Iterable[Gap]) -> list[Gap]:
    """The gaps in or right beside those numbers."""
    return [
        gap
        for gap in gaps
        if gap.stream in numbers
        and gap.last_n >= numbers[gap.stream].start - 1
        and gap.first_n <= numbers[gap.stream].stop
    ]


def write(
    folder: Path,
    rows: Iterable[Receipt],
    gaps: Iterable[Gap],
    topics: Mapping[str, str | None],
    page: Callable[[str], str],
) -> int:
    """Write the new folder, readable to its owner alone, and say how many payloads are in it.

    Of a row that is unsent only the number is told: it may not have left. `page` makes the page of words from the name
    of one of the payloads. Raises OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    sums: dict[str, str] = {}
    lines: list[dict[str, Any]] = []
    for row in rows:
        if row.state == UNSENT:
            lines.append(gap_line(Gap(row.stream, row.n, row.n, UNSENT)))
            continue
        name = f"{row.stream}-{row.n:06d}.bin"
        (folder / name).write_bytes(row.payload)
        sums[name] = row.sha256.hex()
        lines.append({"file": name, **link_line(receipts.link(row), topics.get(row.stream))})
    lines += map(gap_line, gaps)
    index = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / INDEX).write_text(index, encoding="ascii")
    (folder / PAGE).write_text(page(next(iter(sums), "")), encoding="utf-8")
    sums[INDEX] = wire.digest(index.encode("ascii"))
    (folder / SUMS).write_text(
        "".join(f"{sha256}  {name}\n" for name, sha256 in sums.items()), encoding="ascii"
    )
    return len(sums) - 1


def link_line(link: Link, topic: str | None) -> dict[str, Any]:
    """A receipt as a line of NDJSON; `topic` is None where the truck's name is not known."""
    return {
        "stream": link.stream,
        "topic": topic,
        "n": link.n,
        "day": iso_date(link.day),
        "dates": [iso_date(date) for date in sorted(link.dates)],
        "bytes": link.length,
        "sha256": link.sha256,
        "prev": link.heading.prev if link.heading else None,
        "state": link.state,
    }


def gap_line(gap: Gap) -> dict[str, Any]:
    """Numbers that are not here as a line of NDJSON; of the fleet's streams without hashes, which stay on the truck."""
    hashes = {"prev": gap.prev.hex(), "last": gap.last.hex()} if gap.stream not in FLEET_STREAMS else {}
    return {
        "stream": gap.stream,
        "first_n": gap.first_n,
        "last_n": gap.last_n,
        "gone": gap.why,
        **{name: text for name, text in hashes.items() if text},
    }


def read(folder: Path) -> Read:
    """A folder that `write` made, wherever it has been meanwhile. Raises NotAFolder, OSError."""
    try:
        with (folder / INDEX).open("rb") as file:
            text = file.read(INDEX_BYTES_MAX + 1)
        if len(text) > INDEX_BYTES_MAX:
            raise NotAFolder(f"{INDEX} is too long")
        lines = [json.loads(line) for line in text.splitlines()]
        gaps = [
            Gap(str(line["stream"]), *_numbers(line), str(line["gone"]), *_hashes(line))
            for line in lines
            if "gone" in line
        ]
        named = [_Named.of(line) for line in lines if "file" in line]
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise NotAFolder(f"{INDEX} is not one of an export of receipts") from error
    links = list(_links(folder, named))
    here = {link.stream: link for link in links}
    epochs = {link.heading.epoch for link in links if link.heading and not receipts.is_fleet(link)}
    epoch = min(epochs) if len(epochs) == 1 else None
    known = Known(epoch=epoch, gaps=[gap for gap in gaps if gap.stream in here], starts=False)
    return Read(links, known, list(_beside_the_index(folder, named, links)))


class _Named(NamedTuple):
    """A line of the index."""

    file: str
    stream: str
    n: int
    day: int
    state: str
    sha256: str

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> _Named:
        name, n = str(line["file"]), int(line["n"])
        if not _NAME.fullmatch(name) or n < 1:
            raise ValueError("no name of a payload")
        day = day_number(line["day"])
        return cls(name, str(line["stream"]), n, day, str(line["state"]), str(line["sha256"]))


def _hashes(line: Mapping[str, Any]) -> tuple[bytes, bytes]:
    prev, last = (bytes.fromhex(line.get(name, "")) for name in ("prev", "last"))
    return prev, last


def _numbers(line: Mapping[str, Any]) -> tuple[int, int]:
    first_n, last_n = int(line["first_n"]), int(line["last_n"])
    if not 1 <= first_n <= last_n <= wire.INTEGER_MAX:
        raise ValueError("no run of numbers")
    return first_n, last_n


def _links(folder: Path, named: Iterable[_Named]) -> Iterator[Link]:
    for each in named:
        if (folder / each.file).is_file():
            with (folder / each.file).open("rb") as file:
                payload = file.read(wire.PAYLOAD_BYTES_MAX + 1)
            yield receipts.link_of(each.stream, each.n, each.day, each.state, payload)


def _beside_the_index(folder: Path, named: Sequence[_Named], links: Iterable[Link]) -> Iterator[Finding]:
    """Payloads that differ from what the index says, and that it does not name.

    One that it names and that is not here is missing in the chain, or, at its end, here.
    """
    found = {(link.stream, link.n): link.sha256 for link in links}
    for each in named:
        there = found.get((each.stream, each.n))
        if there is None:
            words = f"the index names {each.file}, and it is not here"
            yield Finding(each.stream, each.n, each.day, "missing", words)
        elif there != each.sha256:
            words = f"{each.file} is not what the index says"
            yield Finding(each.stream, each.n, each.day, "changed", words)
    names = {each.file for each in named}
    for file in sorted(folder.glob("*.bin")):
        if file.name not in names:
            stream, _, n = file.stem.rpartition("-")
            n_there = int(n) if n.isdecimal() and len(n) < 17 else 0
            yield Finding(stream or file.stem, n_there, None, "added", f"the index does not name {file.name}")
