"""What a loss of power must not cut in two: the way that is held back, on disk as one note.

Only places that may be published are in it. It has no time of day where the agreement publishes none, it is
replaced at each commit, and it is gone when what it holds has left or was cut.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

VERSION = 2
BYTES_MAX = 4 * 1024 * 1024  # of JSON: several times what a way may hold


def written(agreement_sha256: str, held: dict[str, Any]) -> bytes:
    """What is held, as the bytes of a note."""
    tree = {"v": VERSION, "agreement": agreement_sha256, "held": held}
    return zlib.compress(json.dumps(tree, separators=(",", ":")).encode("ascii"), 6)


def read(body: bytes, agreement_sha256: str) -> dict[str, Any] | None:
    """What was held under this agreement; None when it is not understood, or was held under another one."""
    try:
        tree = json.loads(zlib.decompressobj().decompress(body, BYTES_MAX))
    except (zlib.error, ValueError):
        return None
    if not isinstance(tree, dict) or (tree.get("v"), tree.get("agreement")) != (VERSION, agreement_sha256):
        return None
    held = tree.get("held")
    return held if isinstance(held, dict) else None
