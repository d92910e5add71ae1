"""Bugs that lose records in a power cut, planted in the traced program on purpose: each must be caught.

A bug patches attributes while the program runs, and never edits a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

from agent.sending.carrying import Carrying
from agent.sending.sender import Publish
from buffer import durable, sqlite_file

Patch = pytest.MonkeyPatch


class Bug(NamedTuple):
    """How to plant it, and the column in which it must show."""

    plant: Callable[[Patch], None]
    shows_in: str


def nothing(patch: Patch) -> None:
    """The program as it is."""


def normal(patch: Patch) -> None:
    """Commits are not synced."""
    prepare = sqlite_file._prepare

    def careless(connection: Any, schema: Any) -> None:
        prepare(connection, schema)
        connection.execute("PRAGMA synchronous = NORMAL")

    patch.setattr(sqlite_file, "_prepare", careless)


def marked_early(patch: Patch) -> None:
    """A batch counts as acknowledged as soon as it is published."""
    publish = Carrying._publish

    def hasty(self: Carrying, effect: Publish, now: float) -> None:
        publish(self, effect, now)
        self._settle((effect.batch.stream, effect.batch.n), False, now)

    patch.setattr(Carrying, "_publish", hasty)


def unsynced_directory(patch: Patch) -> None:
    """Creations and renames are left to chance."""
    patch.setattr(durable, "sync_directory", lambda directory: None)


NOTHING = "nothing"
PLANTED: Mapping[str, Bug] = {
    NOTHING: Bug(nothing, ""),
    "NORMAL for FULL": Bug(normal, "lost"),
    "marked before acknowledged": Bug(marked_early, "lost"),
    "directories not synced": Bug(unsynced_directory, "files"),
}
