"""The end of a truck's box: keys and buffer are overwritten and removed (R21).

What is overwritten is overwritten once, with zeros. On flash that is no promise: a card writes a changed block
elsewhere and may keep the old one until it needs the room. Only destroying the card, or overwriting all of it, is.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from buffer import durable

KEYS_FOLDER = "keys"  # beside the configuration: what systemd/fairhaul.service loads as credentials
SECRET_FILES = ("key_file", "certificate_file", "password_file")
CREDENTIALS = Path("/run/credentials")  # copies in memory, gone when the service ends
BUFFER = ("outbox.*", "status.json*")
CHUNK_BYTES = 1024 * 1024


class Doomed(NamedTuple):
    """Files to destroy, in this order: the secrets, then the buffer, then what is destroyed only when asked for."""

    secrets: tuple[Path, ...]
    buffer: tuple[Path, ...]
    configuration: tuple[Path, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys([*self.secrets, *self.buffer, *self.configuration]))


class Left(NamedTuple):
    """A file that is not destroyed, and why."""

    file: Path
    reason: str


def doomed(config: Path, state: Path, link: Mapping[str, Any], configuration: Iterable[Path]) -> Doomed:
    """What is there to destroy of a truck whose configuration is at `config`; `link` is its `link:` section.

    Of `configuration` what lies in the same folder: another may belong to the whole fleet. Raises OSError for a
    folder that can't be looked into.
    """
    folder = config.absolute().parent
    named = [Path(value) for key in SECRET_FILES if isinstance(value := link.get(key), str)]
    own = [path for path in named if CREDENTIALS not in path.parents]
    return Doomed(
        tuple(_there([*sorted(_below(folder / KEYS_FOLDER)), *own])),
        tuple(_there(path for pattern in BUFFER for path in sorted(_matching(state, pattern)))),
        tuple(_there(path for path in configuration if path.parent == folder)),
    )


def destroy(files: Iterable[Path]) -> Iterator[Path | Left]:
    """Overwrite and remove one file after another; each is told when it is gone for good, or why it is not."""
    for path in files:
        try:
            _overwrite(path)
            path.unlink()
            durable.sync_directory(path.parent)
        except OSError as error:
            yield Left(path, _why(path, error))
        else:
            yield path


def _below(folder: Path) -> Iterator[Path]:
    """Every file in a folder and the folders in it, and links to folders, which nobody looks behind."""
    for here, folders, names in os.walk(folder, onerror=_raise):
        folders.sort()
        links = [name for name in folders if (Path(here) / name).is_symlink()]
        yield from (Path(here) / name for name in [*names, *links])


def _raise(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _matching(folder: Path, pattern: str) -> list[Path]:
    if not folder.exists():
        return []
    os.scandir(folder).close()  # a glob takes a folder that it may not read for an empty one
    return list(folder.glob(pattern))


def _there(paths: Iterable[Path]) -> Iterator[Path]:
    return (path for path in paths if path.exists() or path.is_symlink())


def _overwrite(path: Path) -> None:
    """Zeros in place of all that a plain file holds, on the disk when this returns. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError("no plain file")
        for start in range(0, found.st_size, CHUNK_BYTES):
            _write(descriptor, bytes(min(CHUNK_BYTES, found.st_size - start)))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(descriptor: int, zeros: bytes) -> None:
    while zeros:
        zeros = zeros[os.write(descriptor, zeros) :]


def _why(path: Path, error: OSError) -> str:
    if path.is_symlink():
        return f"a link to {path.readlink()}, which may be somebody else's: destroy both by hand"
    return error.strerror or str(error)
