"""A world for the loop in which time goes on only while the loop waits."""

from __future__ import annotations

from drivers.inputs import Input, Stop


class Paced:
    """Clock and inbox in one: time goes on only while the loop waits, as far as the next entry or the wait."""

    def __init__(self, entries: list[Input], until_s: float) -> None:
        self._entries = [*entries, Stop(until_s)]
        self._at = 0.0
        self.dropped = self.waiting = 0

    def at(self) -> float:
        return self._at

    def real_s(self, seconds: float) -> float:
        return max(0.0, seconds)

    def take(self, wait_s: float) -> Input | None:
        due = self._at + wait_s
        if self._entries[0].at <= due:
            entry = self._entries.pop(0)
            self._at = max(self._at, entry.at)
            return entry
        self._at = max(due, self._at + 1e-3)  # a real wait is never shorter
        return None
