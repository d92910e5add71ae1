"""What the running agent says of itself, and how to stop it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

STOP_IT = "Stop the agent (Ctrl-C where it was started, or `sudo systemctl stop fairhaul`)"


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
