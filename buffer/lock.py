"""One agent for one outbox: a lock that the kernel gives back however the process ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

LOCK_FILE = "lock"


class OutboxInUse(OSError):
    """Another process works with this outbox."""


@contextlib.contextmanager
def held(state: Path) -> Iterator[None]:
    """Hold the directory's lock. Raises OutboxInUse at once when another process does, OSError for a link."""
    descriptor = os.open(state / LOCK_FILE, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutboxInUse(
                f"another agent is running on {state}: stop it, or give this one its own `state:`"
            ) from None
        yield
