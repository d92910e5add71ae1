"""A recorded log through the agent: in simulated time on paper, or paced through the real runtime."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from agent.paper import PaperLink
from agent.runtime import Runtime
from drivers.clock import Clock
from drivers.inbox import Inbox
from drivers.inputs import Input, Pulse, Tick

TICK_S = 300.0
DAYS_AT_LEAST = 2
DAYS_MAX = 400
DAY_S = 86_400


def replay(runtime: Runtime, link: PaperLink, entries: Iterable[Input]) -> float:
    """Feed the entries and then the days after them; returns the simulated seconds of the log itself."""
    at = follow(runtime, link, entries)
    runtime.flush(at)
    _drain(runtime, link)
    _days_after(runtime, link, at)
    return at


def follow(runtime: Runtime, link: PaperLink, entries: Iterable[Input]) -> float:
    """Feed the entries and nothing behind them; returns when the last of them was."""
    at = link.at
    for entry in entries:
        at = max(at, entry.at)
        _step(runtime, link, entry, at)
    link.at = at
    return at


def _days_after(runtime: Runtime, link: PaperLink, end: float) -> None:
    """The truck keeps its power and coverage until nothing waits any more."""
    while link.at < end + DAYS_MAX * DAY_S:
        wait(runtime, link, TICK_S)
        if link.at >= end + DAYS_AT_LEAST * DAY_S and runtime.idle:
            return


def wait(runtime: Runtime, link: PaperLink, seconds: float) -> None:
    """Nothing comes in for so long; slots begin and end at their very second."""
    end = link.at + seconds
    while link.at < end:
        slot_due = runtime.slot_due
        now = end if slot_due is None else min(end, max(slot_due, link.at + 1.0))
        _step(runtime, link, Tick(now), now)


def _step(runtime: Runtime, link: PaperLink, entry: Input, now: float) -> None:
    link.at = now
    runtime.step(entry, now)
    _drain(runtime, link)


def _drain(runtime: Runtime, link: PaperLink) -> None:
    while link.answers:
        runtime.step(link.answers.popleft(), link.at)


class Pacer:
    """Posts recorded entries when their time comes, on a thread of its own.

    Entries before `from_s` are passed over, but for the pulses that tell in what state the lines are.
    """

    def __init__(self, entries: Iterable[Input], inbox: Inbox, clock: Clock, from_s: float = 0.0) -> None:
        self._entries = entries
        self._inbox = inbox
        self._clock = clock
        self._from_s = from_s
        self._stopped = threading.Event()
        self.failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="pacer", daemon=True)

    def start(self) -> None:
        """Begin posting."""
        self._thread.start()

    def stop(self) -> None:
        """Post no more; waits for the thread."""
        self._stopped.set()
        self._thread.join()

    @property
    def done(self) -> bool:
        """Whether the last entry has been posted."""
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._post_all()
        except (OSError, ValueError) as error:  # the log can't be read on: told by the thread that waits
            self.failure = error

    def _post_all(self) -> None:
        levels: dict[str, Pulse] = {}
        for entry in self._entries:
            at = entry.at - self._from_s
            if at < 0:
                if isinstance(entry, Pulse):
                    levels[entry.pin] = entry
                continue
            for pulse in levels.values():
                self._inbox.post(pulse._replace(at=0.0))
            levels.clear()
            ahead_s = at - self._clock.at()
            if ahead_s > 0 and self._stopped.wait(self._clock.real_s(ahead_s)):
                return
            self._inbox.post(entry._replace(at=at))
