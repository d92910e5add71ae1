"""A little of the disk that is kept for the day on which somebody else has filled it.

Even to let old rows go takes room: in the log, and where the log is brought into the file. So a file without content
lies beside the outbox; when the disk is full it is given up, and from then on the outbox takes no more than it has.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from buffer.durable import OWNER_ONLY

RESERVE_BYTES = 1024 * 1024  # the longest log, and what it may add to the file
SUFFIX = ".reserve"


class Reserve:
    """The reserve of the file at `path`; None: a file in memory, which needs none and always counts as held."""

    def __init__(self, path: Path | None) -> None:
        self._path = None if path is None else path.with_suffix(SUFFIX)
        self.held = self._path is None
        self.take()

    def take(self) -> None:
        """Take it where there is room for twice as much; a disk that would not have it is none to speak of."""
        if self._path is None or self.held:
            return
        with contextlib.suppress(OSError):
            self.held = self._is_whole() or (self._has_room() and self._taken())

    def give(self) -> bool:
        """Give it up; whether there was one."""
        if self._path is None or not self.held:
            return False
        self.held = False
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        return True

    def _is_whole(self) -> bool:
        assert self._path is not None
        return self._path.exists() and self._path.stat().st_blocks * 512 >= RESERVE_BYTES

    def _has_room(self) -> bool:
        assert self._path is not None
        found = os.statvfs(self._path.parent)
        return found.f_bavail * found.f_frsize >= 2 * RESERVE_BYTES

    def _taken(self) -> bool:
        assert self._path is not None
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, OWNER_ONLY)
        try:
            os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
        except OSError:
            self._path.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        return True
