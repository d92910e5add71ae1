"""A truck's runtime and outbox for tests of storage, in simulated time, started anew as systemd would.

As a program, `python -m tests.system.storage_truck STATE`, it drives, has its faults injected from outside (by
strace), and tells what came of it as one line of JSON.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from agent.records import Record
from agent.wire import digest
from buffer.outbox import Outbox, OutboxDamaged
from drivers.inputs import Input
from tests.sim.drives import ON, Lines, Spot, Witness, agreement, epochs, fed, outbox, ticks, truck

STARTS_MAX = 20
AGREED = agreement("operations")
DRIVE_S = 600
DAY_S = 86_400


class Radio(Witness):
    """A broker of paper that may be out of reach; then a connection is never answered."""

    reachable = True

    def connect(self, link: int, broker: str) -> None:
        if self.reachable:
            super().connect(link, broker)


class Counted:
    """The real outbox: how often it was asked to commit, and what it has promised."""

    def __init__(self, outbox: Outbox, promised: set[str]) -> None:
        self._outbox = outbox
        self._promised = promised
        self.attempts = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox, name)

    def commit(self, **change: Any) -> None:
        self.attempts += 1
        self._outbox.commit(**change)
        self._promised |= {digest(batch.payload) for batch in change.get("seal", ())}


class Truck:
    """Drives back and forth under an agreement that releases every 60 s."""

    def __init__(self, state: Path) -> None:
        self.radio = Radio()
        self.promised: set[str] = set()  # digests of batches of which a commit has said that they are on disk
        self.starts = self.attempts = 0
        self.now = 0.0
        self._path = state / "outbox.db"
        self.start()

    def start(self) -> None:
        """As after a power-up. Raises OutboxLost."""
        self.starts += 1
        assert self.starts <= STARTS_MAX, "damaged again and again"
        self.outbox = outbox(self.starts, self._path)
        self.box = Counted(self.outbox, self.promised)
        self.runtime = truck(AGREED, self.box, self.radio, ON)

    def drive(self, seconds: int = DRIVE_S) -> None:
        """There and back again at 20 m/s, a fix a second."""
        way = [Spot(20.0 * min(i % 300, 300 - i % 300), 0) for i in range(seconds)]
        self._feed(epochs(way, start_s=self.now + 1))
        self.now += seconds

    def stand(self, seconds: int = DRIVE_S, step_s: float = 1.0) -> None:
        """Nothing comes in but the time."""
        self._feed(list(ticks(self.now, self.now + seconds, step_s)))
        self.now += seconds

    def _feed(self, entries: list[Input]) -> None:
        for entry in entries:
            try:
                fed(self.runtime, self.radio, [entry])
            except OutboxDamaged:
                self.stop()
                self.start()

    def keep(self, *records: Record) -> None:
        """Records that have left their filters."""
        self.runtime._keeping.add(records, self.now)

    def stop(self) -> None:
        """As a power cut between two commits would, file closed."""
        self.attempts += self.box.attempts
        self.outbox.close()

    @property
    def arrived(self) -> set[str]:
        """Digests of what the broker has."""
        return {digest(one.payload) for one in self.radio.published}

    @property
    def boxes(self) -> list[dict[str, Any]]:
        """What the box has said."""
        return self.radio.records("box")


def told(lines: Lines) -> Counter[str]:
    """How often each message of the outbox's was logged, details cut off."""
    return Counter(line.split(" (")[0] for line in lines.text if line.startswith("the outbox"))


def main() -> None:
    """Drive until the faults are over, wait, and tell."""
    lines = Lines()
    logging.getLogger().addHandler(lines)
    logging.getLogger().setLevel("INFO")
    driven = Truck(Path(sys.argv[1]))
    driven.drive(1_800)
    driven.stand()
    driven.stand(DAY_S, 60.0)
    driven.stop()
    used = resource.getrusage(resource.RUSAGE_SELF)
    sys.stdout.write(
        json.dumps(
            {
                "starts": driven.starts,
                "attempts": driven.attempts,
                "log": told(lines),
                "unfulfilled": len(driven.promised - driven.arrived),
                "arrived": sorted(
                    f"{payload.heading.stream} {payload.heading.n}" for payload in driven.radio.payloads
                ),
                "stretches": [record["stretch"] for record in driven.radio.records("track")],
                "storage": [record["storage"] for record in driven.boxes],
                "cpu_s": used.ru_utime + used.ru_stime,
            }
        )
    )


if __name__ == "__main__":
    main()
