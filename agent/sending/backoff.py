"""How long to wait before the next connection, judged by how those before it ended. Pure.

The wait is drawn evenly from nothing to its most, so that many trucks which lost one broker at one moment come back
spread out; the most doubles with every failure in a row.
"""

from __future__ import annotations

import logging
from random import Random

from agent.sending.refusals import Rule

logger = logging.getLogger(__name__)

DOUBLINGS_MAX = 30  # 2**30 first waits exceed every maximum
SLOW_DOUBLINGS = 4  # a broker that is short of something is given 16 times the usual wait
KICKS_MAX = 3


class Backoff:
    """Waits of up to `first_s`, then twice as long each time, up to `longest_s`; `chance` draws them."""

    def __init__(self, first_s: float, longest_s: float, brokers: int, chance: Random) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._brokers = brokers
        self._chance = chance
        self._failures = 0
        self._kicks = 0
        self._turned_away = 0  # brokers in a row at which only people can mend something
        self._kick_reported = False

    def begin_anew(self) -> None:
        """The last connection was stable: its end counts as a first failure."""
        self._failures = self._kicks = self._turned_away = 0
        self._kick_reported = False

    def kicked(self, times: int) -> None:
        """The broker accepted this truck and then ended the connection; three in a row mean a long wait."""
        self._kicks += times

    def explained(self) -> None:
        """What looked like kicks had another cause."""
        self._kicks = 0

    def wait_s(self, rule: Rule) -> float:
        """Seconds to wait after one more connection that ended under `rule`."""
        self._failures += 1
        self._turned_away = self._turned_away + 1 if rule is Rule.LONG_WAIT else 0
        if self._kicks >= KICKS_MAX:
            self._report_kick()
        if self._kicks >= KICKS_MAX or self._turned_away >= self._brokers:
            return self._chance.uniform(self._longest_s / 2, self._longest_s)
        extra = SLOW_DOUBLINGS if rule is Rule.SLOW_DOWN else 0
        return self._chance.uniform(0.0, self.ceiling_s(self._failures - 1 + extra))

    def pause_s(self, times: int) -> float:
        """Seconds to publish nothing after the so-many-th refusal in a row for want of something."""
        ceiling_s = self.ceiling_s(times)
        return self._chance.uniform(ceiling_s / 2, ceiling_s)

    def ceiling_s(self, doublings: int) -> float:
        """The first wait doubled so many times, and never more than the longest."""
        return min(self._longest_s, self._first_s * 2.0 ** min(doublings, DOUBLINGS_MAX))

    def _report_kick(self) -> None:
        if not self._kick_reported:
            self._kick_reported = True
            logger.warning(
                "the broker accepts this truck and then ends the connection: client id in use twice?"
            )
