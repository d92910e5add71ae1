"""Whether a truck is connected, as its broker keeps it for whoever asks: one small retained message.

The truck says `online` itself, once its connection is up, and `offline` before it ends one. `lost` is the last will:
the broker says it for a truck that went without a word. There is no time, no counter and no place in it.

The broker ends a truck's earlier connection before it accepts the next one of the same client id, and takes nothing
from it any more, so that an old `offline` or `lost` never comes behind a new `online`.
"""

from __future__ import annotations

import json

ONLINE, LOST, OFFLINE = STATES = ("online", "lost", "offline")
VERSION = 1
STATE_BYTES_MAX = 256  # what is read of one; ours are at most 27 long


def state_payload(state: str) -> bytes:
    """The message for one of STATES."""
    return json.dumps({"v": VERSION, "state": state}, separators=(",", ":")).encode("ascii")


def state_in(payload: bytes) -> str | None:
    """Which of STATES a message says; None when it says something else, or in another version."""
    try:
        said = json.loads(payload[:STATE_BYTES_MAX])
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or said.get("v") != VERSION:
        return None
    return next((state for state in STATES if said.get("state") == state), None)
