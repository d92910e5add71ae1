"""Whether the agent runs on this truck, and what it says of itself."""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from buffer.lock import LOCK_FILE

STOP_IT = "Stop the agent (Ctrl-C where it was started, or `sudo systemctl stop fairhaul`)"


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


def status_told(places: Iterable[Path]) -> dict[str, Any] | None:
    """The first status file that is there and understood."""
    for path in places:
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(told, dict):
            return told
    return None
