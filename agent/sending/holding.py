"""Batches that stay back for a while, so that one which the broker will not have never stops the others. Pure.

A broker of MQTT 3.1.1 cannot refuse a batch: it ends the connection, every time the batch comes. Such a batch is found
by sending it alone: when the connection ends twice right behind it, it is held back, longer each time. When the next
batch fares no better, before any is acknowledged, it was not the batch's fault: then none is held back for that.
"""

from __future__ import annotations

import logging
from collections.abc import Set

from agent.sending.refusals import Rule

logger = logging.getLogger(__name__)

HELD_BATCHES_MAX = 64
HELD_S = 300.0
SUSPECT_HELD_S_MAX = 3600.0
SUSPECT_ENDS = 2  # connections that end right behind a batch that was alone on its way

Key = tuple[str, int]


class Holding:
    """Up to HELD_BATCHES_MAX batches by key, each until its time; seconds are of the injected clock."""

    def __init__(self) -> None:
        self._until: dict[Key, float] = {}
        self._ends: dict[Key, int] = {}
        self._blamed: Key | None = None  # the one held back since the last acknowledgement
        self._acquitted = False  # since then: connections end behind any batch

    @property
    def keys(self) -> Set[Key]:
        """What is held back."""
        return self._until.keys()

    @property
    def due(self) -> float | None:
        """When the next one is let go; None when there is none."""
        return min(self._until.values(), default=None)

    def hold(self, key: Key, until: float) -> bool:
        """Hold a batch back; False when too many are already."""
        if len(self._until) >= HELD_BATCHES_MAX:
            return False
        self._until[key] = until
        return True

    def release(self, now: float) -> None:
        """Let go what was held for long enough."""
        self._until = {key: until for key, until in self._until.items() if until > now}

    def answered(self, key: Key) -> None:
        """The broker has answered for this batch: it ends no connection."""
        self._ends.pop(key, None)
        self._blamed, self._acquitted = None, False

    def ended_behind(self, key: Key, rule: Rule, reason: str, now: float) -> bool:
        """A connection ended right behind this batch, alone on its way; whether it is held back from now on.

        Under Rule.SUSPECT, where the broker's words point at the batch, once is enough.
        """
        if self._blamed not in (None, key):
            self._acquit()
        if self._acquitted:
            return False
        ends = self._ends[key] = self._ends.get(key, 0) + 1
        while len(self._ends) > HELD_BATCHES_MAX:
            del self._ends[next(iter(self._ends))]
        needed = 1 if rule is Rule.SUSPECT else SUSPECT_ENDS
        if ends < needed or not self.hold(
            key, now + min(SUSPECT_HELD_S_MAX, HELD_S * 2.0 ** (ends - needed))
        ):
            return False
        self._blamed = key
        if ends == needed:
            logger.warning(
                "the broker ends the connection (%s) over batch %d of %s: it is held back, others go on",
                reason,
                key[1],
                key[0],
            )
        return True

    def _acquit(self) -> None:
        if self._blamed is not None:
            self._until.pop(self._blamed, None)
        self._ends.clear()
        self._blamed, self._acquitted = None, True
