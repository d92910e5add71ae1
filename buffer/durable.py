"""Small files that are whole or absent after a power cut.

Written beside their place, synced, renamed, and the directory synced too: without both syncs half of the states
that a power cut can leave hold a torn or an empty file.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

OWNER_ONLY = 0o600
TEMPORARY_SUFFIX = ".new"


def replace(path: Path, chunks: bytes | Iterable[bytes], mode: int = OWNER_ONLY) -> None:
    """Put `chunks` in place of the file at `path`, so that readers see the old file or the whole new one.

    Raises OSError when the disk will not have it; the old file then stays and no temporary is left behind.
    """
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    try:
        _write(temporary, [chunks] if isinstance(chunks, bytes) else chunks, mode)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def _write(path: Path, chunks: Iterable[bytes], mode: int) -> None:
    """Write a new file with `mode` and sync it; one left by an earlier cut is thrown away first."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def read(path: Path, bytes_max: int) -> bytes | None:
    """The file's bytes; None when there is no such file or it is longer than `bytes_max`, so not ours."""
    try:
        with path.open("rb") as file:
            found = file.read(bytes_max + 1)
    except FileNotFoundError:
        return None
    return found if len(found) <= bytes_max else None


def sync_directory(directory: Path) -> None:
    """Make creations, renames and removals in `directory` survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
