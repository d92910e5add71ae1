"""Whether the agent runs on this truck, and what it says of itself."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from buffer.lock import LOCK_FILE


def agent_runs(state: Path) -> bool | None:
    """Whether an agent works with this directory; None where that may not be looked at.

    A shared lock is asked for and given back at once: the agent that runs is not disturbed.
    """
    try:
        with (state / LOCK_FILE).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except PermissionError:
        return None
    except OSError:
        return False
    return False


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
