"""What an agreement makes of one truck: put together by `agent.assembly`, used by `agent.runtime`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from agent.agreement import Agreement
from agent.keeping import Retention
from agent.recording.duty import Duty
from agent.recording.recorder import Recorder
from agent.records import Record
from agent.sealing import Terms


class InForce(NamedTuple):
    """What an agreement makes of one truck; without one only the box's status leaves."""

    agreement: Agreement | None
    duty: Duty
    recorder: Recorder
    terms: Terms
    retention: Retention
    box: Callable[[int], dict[str, Any]]


class Build(Protocol):
    """Makes a truck's parts anew, behind records that are not yet on disk; `resumed` is the checkpoint there."""

    def __call__(
        self, agreement: Agreement | None, *, pending: Sequence[Record] = (), resumed: bytes | None = None
    ) -> InForce:
        """The parts under this agreement."""
        ...
