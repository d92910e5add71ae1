"""The data agreement: understood, in force, and for how many days."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agent.agreement import Agreement, load_agreement
from agent.doctor.finding import Finding, failed, passed, warned
from agent.records import EPOCH_DATE
from agent.standing import WARN_DAYS, Standing
from buffer import read_only
from config.load import ConfigurationError

_NEXT_DUTY = "Nothing to do, if the file is new: it takes effect as the next day's duty begins."
_SIGNATORIES = "Ask those who agreed on it for a new agreement."


def agreed(file: Path | None, outbox: Path, day: int) -> Iterator[Finding]:
    """`day` is days since 1970-01-01 UTC."""
    if file is None:
        remedy = "Put the data agreement in place, and name it under `agreement:` in agent.yaml."
        yield warned("agreement", "none is named: nothing but the box's own status leaves", remedy)
        return
    try:
        agreement = load_agreement(file)
    except (ConfigurationError, OSError):
        yield failed("agreement", f"{file} is not understood", "`fairhaul check` says what is wrong with it.")
        return
    name = f"{agreement.file.id} version {agreement.file.version}"
    if agreement.file.stop_all:
        yield warned("agreement", f"{name} stops everything: only the box's status leaves", _SIGNATORIES)
    else:
        yield passed("agreement", f"{name} is understood")
    yield _days(agreement, day)
    yield from _in_force(agreement, outbox)


def _days(agreement: Agreement, day: int) -> Finding:
    left = (agreement.file.valid_until - EPOCH_DATE).days - day
    if left < 0:
        return failed("agreement's days", "it has expired", _SIGNATORIES)
    says = f"it holds for {left:,} more days"
    if left <= max(WARN_DAYS):
        return warned("agreement's days", says, _SIGNATORIES)
    return passed("agreement's days", says)


def _in_force(agreement: Agreement, outbox: Path) -> Iterator[Finding]:
    """Whether the truck goes by this file already; a truck that never ran takes it at once."""
    try:
        with read_only.outbox(outbox) as reading:
            resumed = Standing.resumed(reading.note)
    except OSError:
        return
    standing = resumed.in_force
    if standing is None and resumed.duty_day is not None:
        yield warned("in force", "none: it was lost, and only the box's own status leaves", _NEXT_DUTY)
    elif standing is not None and standing.reference != agreement.reference:
        yield warned(
            "in force",
            f"{standing.file.id} version {standing.file.version} is still in force",
            _NEXT_DUTY,
        )
    elif standing is not None:
        yield passed("in force", "the truck goes by it")
