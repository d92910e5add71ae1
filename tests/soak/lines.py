"""The agent's log lines in a simulated life: nothing of a place, and each trouble once lost and once back."""

from __future__ import annotations

import logging
import re

from tests.soak.ledger import Broken

PAIRS = (
    ("the broker is out of reach", "the broker is back"),
    ("the outbox can't be", "the outbox can be written again"),
    ("the GNSS receiver is lost", "the GNSS receiver is back"),
    ("recording is off until it is well", "is well again"),
)
PLACE = re.compile(r"\d\.\d{3}|\d{4}\.\d|[$]G[NP]|\b[NSEW],")


class Lines(logging.Handler):
    """Every line of a world; `died` when a process ends, which knows nothing of the one before."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.count = 0
        self.wrong: str | None = None
        self._lost: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Looked at now; told by `check`, because a handler may not raise into the agent."""
        text = record.getMessage()
        self.count += 1
        if PLACE.search(text):
            self.wrong = f"a line tells of a place: {text!r}"
        for lost, back in PAIRS:
            if lost in text:
                self._begins(_name(lost, text), text)
            elif back in text:
                self._ends(_name(lost, text), text)

    def _begins(self, name: str, text: str) -> None:
        if name in self._lost:
            self.wrong = f"said again while it lasts: {text!r}"
        self._lost.add(name)

    def _ends(self, name: str, text: str) -> None:
        if name not in self._lost:
            self.wrong = f"back without being lost: {text!r}"
        self._lost.discard(name)

    def died(self) -> None:
        """The next process says it anew."""
        self._lost.clear()

    def check(self) -> None:
        """Raises Broken for what was wrong."""
        if self.wrong is not None:
            raise Broken(self.wrong)


def _name(lost: str, text: str) -> str:
    """Which trouble it is: a line's is its own."""
    return text.split()[1] if text.startswith("line ") else lost
