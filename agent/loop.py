"""The one thread: takes inputs from the inbox at its own pace and steps the runtime."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.cab import Lamp
from agent.runtime import Runtime
from drivers.clock import Clock
from drivers.gpio import Pattern
from drivers.inbox import Inbox
from drivers.inputs import Chunk, Input, PortLost, PortOpened, Stop, Tick
from drivers.system_clock import SystemClock
from drivers.watchdog import Watchdog

logger = logging.getLogger(__name__)

STATUS_EVERY_S = 10.0


class StatusFile:
    """What the agent is doing, as a small JSON file that is replaced as a whole; it belongs on a tmpfs.

    A status that can't be written is said once and does not matter further.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._failed = False

    def write(self, status: dict[str, Any]) -> None:
        """Replace the file."""
        fresh = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(json.dumps(status) + "\n", encoding="utf-8")
            fresh.replace(self._path)
        except OSError as error:
            if not self._failed:
                logger.warning("the status file can't be written (%s)", error.strerror)
            self._failed = True


class Loop:
    """Steps a runtime until it is stopped. `finished` may end it earlier; it is asked when nothing comes in."""

    def __init__(
        self,
        runtime: Runtime,
        inbox: Inbox,
        clock: Clock,
        status: Callable[[], None],
        read_lines: Callable[[], None] = lambda: None,
        lamp: Callable[[Pattern], None] = lambda _: None,
        watchdog: Watchdog | None = None,
        system_clock: SystemClock | None = None,
    ) -> None:
        """`read_lines` posts every line's present level again; `lamp` is what the crew sees.

        `watchdog` hears that the loop runs, of steps that have ended, and of the end; `system_clock` the time.
        """
        self._watchdog = watchdog or Watchdog()
        self._system_clock = system_clock or SystemClock()
        self._read_lines = read_lines
        self._show = lamp
        self._lamp = Lamp()
        self._renewals = runtime.renewals
        self._deaf = False
        self._runtime = runtime
        self._inbox = inbox
        self._clock = clock
        self._status = status
        self._status_due = 0.0
        self._dropped = 0
        self._flooded = False
        self._doubting = False
        self._faults = 0

    def run(self, finished: Callable[[float], bool] = lambda _: False) -> None:
        """Until a Stop comes in or `finished(at)` says so; ends cleanly, with everything committed."""
        self._watchdog.ready()
        while True:
            now = self._clock.at()
            wait_s = min(self._runtime.wait_s(now), self._watchdog.due - now)
            entry = self._inbox.take(self._clock.real_s(wait_s))
            now = self._clock.at()
            if isinstance(entry, Stop) or (entry is None and finished(now)):
                break
            self._runtime.step(entry if entry is not None else Tick(now), now)
            self._hear(entry)
            self._watch(now)
            self._watchdog.feed(now)
            if isinstance(entry, Chunk):  # not whenever a step ends: that may be a pulse's
                self._system_clock.feed(now, self._runtime.recorder.utc_s)
        self._watchdog.stop()
        self._runtime.finish(self._clock.at())
        self._status()
        self._show(False)

    def _hear(self, entry: Input | None) -> None:
        """Say once that the GNSS receiver is lost, and once that it is back."""
        if isinstance(entry, PortLost) and not self._deaf:
            self._deaf = True
            logger.warning("the GNSS receiver is lost (%s); trying again until it is back", entry.reason)
        elif isinstance(entry, PortOpened):
            if self._deaf:
                logger.info("the GNSS receiver is back on %s", entry.device)
            self._deaf = False

    def _watch_losses(self) -> None:
        """Inputs were lost, in a flood or a fault: off duty until all older ones are through and every line is read."""
        faults = self._runtime.counts.faults
        if self._inbox.dropped != self._dropped or faults != self._faults:
            if self._inbox.dropped != self._dropped and not self._flooded:
                self._flooded = True
                logger.error("the inbox was full: recording pauses until the lines can be read again")
            self._dropped, self._faults, self._doubting = self._inbox.dropped, faults, True
            self._runtime.recorder.doubt()
        elif self._doubting and not self._inbox.waiting:
            if self._flooded:
                logger.info("the inbox has room again")
            self._doubting = self._flooded = False
            self._runtime.recorder.trust()
            self._read_lines()

    def _watch_agreement(self) -> None:
        """Another agreement is in force, and what reads the lines is new: it has to hear where they are."""
        if self._runtime.renewals != self._renewals:
            self._renewals = self._runtime.renewals
            self._read_lines()

    def _watch(self, now: float) -> None:
        self._watch_losses()
        self._watch_agreement()
        pattern = self._lamp.step(
            now,
            recording=self._runtime.recording,
            help=self._runtime.recorder.helping,
            fault=self._deaf or self._runtime.ailing,
            down=self._runtime.sender.state in ("connecting", "waiting"),
        )
        if pattern is not None:
            self._show(pattern)
        if now >= self._status_due:
            self._status_due = now + STATUS_EVERY_S
            self._status()
