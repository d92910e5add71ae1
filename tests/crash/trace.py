"""What a program did to the files of one folder, read from its system calls, between the promises that it made.

strace shows every call with all its bytes. What is written through memory that is mapped is not seen: of SQLite's
files that is the `-shm` alone, which it makes anew after a start. A call that this reader does not know, on a file of
the folder, is an error and no state is made of it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

CALLS = (
    "openat,write,pwrite64,ftruncate,fsync,fdatasync,rename,unlink,"
    "writev,pwritev,?pwritev2,?renameat,?renameat2,?unlinkat,?link,?linkat,truncate,fallocate,?copy_file_range,sendfile,"
    "sync_file_range,?creat,?open"
)
UNSEEN = "-shm"  # written through mapped memory, and never synced
STRING_BYTES_MAX = 16 * 1024 * 1024
WORKLOAD_S_MAX = 300.0

_CALL = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+)(<[^>]*>)?(?: E\w+ .*)?$")
_FD = re.compile(r"(\d+)<([^>]*)>")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


class Write(NamedTuple):
    """Bytes into a file, at a place."""

    file: int
    offset: int
    data: bytes


class Truncate(NamedTuple):
    """A file's new length."""

    file: int
    length: int


class Grow(NamedTuple):
    """A file that is to be at least so long, with zeros."""

    file: int
    length: int


class Sync(NamedTuple):
    """A file's content is to survive from here on."""

    file: int


class Create(NamedTuple):
    """A new file under a name."""

    name: str
    file: int


class Rename(NamedTuple):
    """A file under another name."""

    old: str
    new: str
    file: int


class Unlink(NamedTuple):
    """A name is gone."""

    name: str
    file: int


class SyncFolder(NamedTuple):
    """The names are to survive from here on."""


class Promise(NamedTuple):
    """What the program said it was told."""

    said: Mapping[str, Any]


Step = Write | Truncate | Grow | Sync | Create | Rename | Unlink | SyncFolder | Promise


def traced(agreement: str, plant: str, boots: int, home: Path) -> list[Step]:
    """Run the workload under strace, its files in `home`, and read what it did."""
    strace = shutil.which("strace")
    if strace is None:
        raise SystemExit("this needs strace: apt install strace")
    folder, trace, promises = home / "state", home / "trace", home / "promises"
    folder.mkdir()
    with promises.open("wb") as said:
        spy = [
            strace,
            "-f",
            "-y",
            "-xx",
            "-s",
            str(STRING_BYTES_MAX),
            "--seccomp-bpf",
            "-e",
            f"trace={CALLS}",
        ]
        words = [*spy, "-o", str(trace), sys.executable, "-m", "tests.crash.workload"]
        root = str(Path(__file__).parents[2])
        subprocess.run(
            [*words, str(folder), agreement, plant, str(boots), str(said.fileno())],
            check=True,
            pass_fds=[said.fileno()],
            cwd=root,
            timeout=WORKLOAD_S_MAX,
            env={**os.environ, "PYTHONPATH": root, "PYTHONHASHSEED": "0"},
        )
    steps = list(Reader(folder, promises).read(trace))
    trace.unlink()
    return steps


class Reader:
    """Turns strace's lines into steps."""

    def __init__(self, folder: Path, promises: Path) -> None:
        self._folder = str(folder)
        self._promises = str(promises)
        self._names: dict[str, int] = {}
        self._open: dict[tuple[str, str], int] = {}  # by process and descriptor
        self._at: dict[tuple[str, str], int] = {}
        self._files = 0

    def read(self, trace: Path) -> Iterator[Step]:
        """Step by step, in the order of the calls."""
        with trace.open(encoding="ascii") as lines:
            for line in lines:
                if (match := _CALL.match(line)) and int(match[4]) >= 0:
                    yield from self._step(*match.group(1, 2, 3, 4))
                elif "unfinished" in line or "resumed" in line:
                    raise ValueError("two processes at once can't be put in order")

    def _step(self, process: str, call: str, arguments: str, result: str) -> Iterator[Step]:
        if call == "openat":
            yield from self._opened(process, arguments, result)
            return
        descriptor = _FD.match(arguments)
        path = _text(descriptor[2]) if descriptor else ""
        if path == self._promises:
            yield Promise(json.loads(_bytes(arguments)))
        elif descriptor and path == self._folder:
            yield from [SyncFolder()] if call in ("fsync", "fdatasync") else self._unknown(call)
        elif descriptor and path.startswith(self._folder + "/"):
            change = self._changed(call, (process, descriptor[1]), arguments)
            yield from [] if path.endswith(UNSEEN) else [change]
        elif not descriptor:
            yield from self._named(call, arguments)

    def _opened(self, process: str, arguments: str, result: str) -> Iterator[Step]:
        name = self._name(_bytes(arguments).decode())
        if name is None:
            return
        flags = arguments.rsplit('", ', 1)[1]
        if name not in self._names:
            self._files += 1
            self._names[name] = self._files
            yield Create(name, self._files)
        elif "O_TRUNC" in flags:
            yield Truncate(self._names[name], 0)
        self._open[process, result] = self._names[name]
        self._at[process, result] = 0

    def _changed(self, call: str, descriptor: tuple[str, str], arguments: str) -> Step:
        file = self._open[descriptor]
        if call in ("fsync", "fdatasync"):
            return Sync(file)
        if call == "ftruncate":
            return Truncate(file, int(arguments.rsplit(", ", 1)[1]))
        if call == "fallocate":
            flags, since, length = arguments.rsplit(", ", 3)[1:]
            return Grow(file, int(since) + int(length)) if flags == "0" else self._unknown(call)
        data = _bytes(arguments)
        if call == "pwrite64":
            return Write(file, int(arguments.rsplit(", ", 1)[1]), data)
        if call != "write":
            self._unknown(call)
        offset = self._at[descriptor]
        self._at[descriptor] += len(data)
        return Write(file, offset, data)

    def _named(self, call: str, arguments: str) -> Iterator[Step]:
        names = [self._name(_decoded(each).decode()) for each in _STRING.findall(arguments)]
        if not any(names):
            return
        if call == "unlink":
            yield Unlink(str(names[0]), self._names.pop(str(names[0])))
        elif call == "rename" and all(names):
            old, new = map(str, names)
            self._names[new] = self._names.pop(old)
            yield Rename(old, new, self._names[new])
        else:
            self._unknown(call)

    def _unknown(self, call: str) -> NoReturn:
        raise ValueError(f"{call} on a file of the folder is not understood")

    def _name(self, path: str) -> str | None:
        """The file's name in the folder; None for what lies elsewhere, and for the folder itself."""
        return path[len(self._folder) + 1 :] if path.startswith(self._folder + "/") else None


def _bytes(arguments: str) -> bytes:
    found = _STRING.search(arguments)
    return _decoded(found[1]) if found else b""


def _decoded(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


def _text(escaped: str) -> str:
    return _decoded(escaped).decode() if escaped.startswith("\\x") else escaped
