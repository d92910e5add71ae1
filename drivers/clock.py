"""The only place that looks at a clock.

`at` is monotonic seconds since the clock was made. `speed` makes a recorded shift pass quickly: seconds of `at`
for each real second. Nothing here knows what day it is; dates come from GNSS.
"""

from __future__ import annotations

import time


class Clock:
    """Monotonic seconds, `speed` times as fast as the real ones (1 on a truck)."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._start_s = time.monotonic()  # noqa: TID251

    def at(self) -> float:
        """Seconds since the clock was made, in the clock's own time."""
        return (time.monotonic() - self._start_s) * self.speed  # noqa: TID251

    def real_s(self, seconds: float) -> float:
        """How long `seconds` of this clock take in real seconds, for a wait."""
        return max(0.0, seconds / self.speed)
