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
    with os.fdopen(_opened(state), "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutboxInUse(
                f"another agent is running on {state}: stop it, or give this one its own `state:`"
            ) from None
        yield


def agent_runs(state: Path) -> bool | None:
    """Whether an agent works with this directory; None where that may not be looked at.

    A shared lock is asked for and given back at once: the agent that runs is not disturbed.
    """
    with kept_off(state) as running:
        return running


@contextlib.contextmanager
def kept_off(state: Path) -> Iterator[bool | None]:
    """The same, and none can start meanwhile: an agent that found its port or a line taken would record nothing.

    Several may look at once.
    """
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context((state / LOCK_FILE).open("rb"))
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            running: bool | None = False
        except BlockingIOError:
            running = True
        except PermissionError:
            running = None
        except OSError:  # no agent has ever been here
            running = False
        yield running


def _opened(state: Path) -> int:
    path = state / LOCK_FILE
    try:
        return os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):  # somebody else was quicker
            _make(path)
        return os.open(path, os.O_WRONLY | os.O_NOFOLLOW)


def _make(path: Path) -> None:
    """A new file, for the folder's owner: root may be here before the agent, who has to be able to open it.

    Only what is made here is given away; a file that was there may be a link to somebody else's.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        if os.geteuid() == 0:
            folder = path.parent.stat()
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
    finally:
        os.close(descriptor)
