"""What was published, written down: records as NDJSON, payloads as files with an index."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from agent.paper import Published
from agent.wire import Payload

QOS = 1
INDEX = "index.ndjson"


class WireFolder:
    """Every payload as published, `NNNNNN-<stream>.bin`, and `index.ndjson` beside them."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        if (directory / INDEX).exists():  # an earlier replay's: its payloads would mix with these
            for old in directory.glob("[0-9][0-9][0-9][0-9][0-9][0-9]-*.bin"):
                old.unlink()
        self._directory = directory
        self._index: TextIO = (directory / INDEX).open("w", encoding="utf-8")
        self._number = 0

    def add(self, one: Published) -> None:
        """Write one payload and its line."""
        self._number += 1
        name = f"{self._number:06d}-{one.topic.rsplit('/', 1)[-1]}.bin"
        (self._directory / name).write_bytes(one.payload)
        line = {
            "file": name,
            "slot_s": round(one.at, 3),
            "topic": one.topic,
            "qos": QOS,
            "retain": False,
            "bytes": len(one.payload),
            "sha256": hashlib.sha256(one.payload).hexdigest(),
        }
        self._index.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """Finish the index."""
        self._index.close()


def record_lines(payload: Payload) -> list[dict[str, Any]]:
    """The records of a payload as people's tools read them: `stream`, `batch`, then the stream's own fields."""
    named = {"stream": payload.heading.stream, "batch": payload.heading.batch}
    return [named | record for record in payload.records]


def write_records(name: str, payloads: Iterable[Payload]) -> None:
    """The records of the payloads, one JSON object a line."""
    with _text_file(name) as file:
        for payload in payloads:
            file.writelines(json.dumps(line) + "\n" for line in record_lines(payload))


@contextlib.contextmanager
def _text_file(name: str) -> Iterator[TextIO]:
    if name == "-":
        yield sys.stdout
        return
    with Path(name).open("w", encoding="utf-8") as file:
        yield file
