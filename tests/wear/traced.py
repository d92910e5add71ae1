"""What one process wrote, from a trace of its system calls by strace."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

BLOCK_BYTES = 4096
STRACE = (
    *("strace", "-f", "-y", "-qq", "--seccomp-bpf", "-s", "0"),
    *("-e", "trace=write,pwrite64,fsync,fdatasync", "-e", "signal=none"),
)

_CALL = re.compile(r"^(?:\d+ +)?(\w+)\(\d+<([^>]*)>(.*)\) += (\d+)$")


class Traced(NamedTuple):
    """Writes below one directory. `blocks` counts each block once between two syncs of its file."""

    write_bytes: int
    blocks: int
    syncs: int


def read(lines: Iterable[str], directory: str) -> Traced:
    """From strace's own words; calls that failed do not count."""
    written: Counter[str] = Counter()
    dirty: defaultdict[str, set[int]] = defaultdict(set)
    blocks = syncs = 0
    for call, path, words, result in (found.groups() for found in map(_CALL.match, lines) if found):
        if not path.startswith(directory):
            continue
        if call in ("fsync", "fdatasync"):
            syncs += 1
            blocks += len(dirty.pop(path, ()))
            continue
        start = int(words.rsplit(", ", 1)[1]) if call == "pwrite64" else written[path]
        written[path] += int(result)
        dirty[path].update(range(start // BLOCK_BYTES, (start + int(result) - 1) // BLOCK_BYTES + 1))
    blocks += sum(map(len, dirty.values()))
    return Traced(sum(written.values()), blocks, syncs)
