"""The bounded inbox through which the world enters.

Posting never blocks and never raises, so that a foreign thread can do nothing else wrong. A full inbox drops the
new input and counts it; the loop sees the count and fails closed, because what was dropped may have been the
crew's switch.
"""

from __future__ import annotations

import queue

from drivers.inputs import Input, Stop

INBOX_INPUTS_MAX = 10_000


class Inbox:
    """Inputs in the order they were posted, at most `limit` of them."""

    def __init__(self, limit: int = INBOX_INPUTS_MAX) -> None:
        self._inputs: queue.SimpleQueue[Input] = queue.SimpleQueue()
        self._limit = limit
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """How many inputs wait, about."""
        return self._inputs.qsize()

    def post(self, entry: Input) -> None:
        """Take one input from any thread; drop and count it when the inbox is full, unless it is a Stop."""
        if self._inputs.qsize() >= self._limit and not isinstance(entry, Stop):
            self.dropped += 1
            return
        self._inputs.put(entry)

    def take(self, wait_s: float) -> Input | None:
        """The next input, waiting at most `wait_s` real seconds; None when there was none."""
        try:
            return self._inputs.get(timeout=wait_s) if wait_s > 0 else self._inputs.get_nowait()
        except queue.Empty:
            return None
