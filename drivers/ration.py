"""How many messages a connection may hand on: what comes from outside must not fill the inbox that all else needs."""

from __future__ import annotations

BURST = 10
EVERY_S = 1.0


class Ration:
    """BURST messages at once, and one more for each EVERY_S that has passed since."""

    def __init__(self) -> None:
        self._left = float(BURST)
        self._at: float | None = None

    def allows(self, at: float) -> bool:
        """Whether one more may pass at `at`, in monotonic seconds."""
        if self._at is not None:
            self._left = min(BURST, self._left + max(0.0, at - self._at) / EVERY_S)
        self._at = at
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
