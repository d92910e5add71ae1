"""What a check found, and what all of them together mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

Outcome = Literal["pass", "warn", "fail", "not here", "not tested"]
OUTCOMES: tuple[Outcome, ...] = ("pass", "warn", "fail", "not here", "not tested")
_HOLD_UP: tuple[Outcome, ...] = ("fail", "not here", "not tested")

# Remedies of several checks.
SUDO = "Put sudo before the command."
STOP_IT = "Stop the agent (Ctrl-C where it was started, or `sudo systemctl stop fairhaul`)"


class Finding(NamedTuple):
    """One check: what was found in words, and what to do about it.

    `needed`: without a pass or a warning here the truck is not ready. `remedy` is empty where nothing is to be done.
    """

    check: str
    outcome: Outcome
    says: str
    remedy: str = ""
    needed: bool = True


class Group(NamedTuple):
    """Checks that belong together, in the order in which one rests on the other."""

    title: str
    findings: tuple[Finding, ...]


class Verdict(NamedTuple):
    """Ready or not, and the one next thing to do; None where nothing is left to do."""

    ready: bool
    next: str | None


def passed(check: str, says: str) -> Finding:
    """All is well."""
    return Finding(check, "pass", says)


def warned(check: str, says: str, remedy: str) -> Finding:
    """It works, but something is to be done."""
    return Finding(check, "warn", says, remedy)


def failed(check: str, says: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(check, "fail", says, remedy)


def not_here(check: str, says: str, remedy: str = "") -> Finding:
    """This computer does not have it. It is needed where a remedy is given."""
    return Finding(check, "not here", says, remedy, needed=bool(remedy))


def not_tested(check: str, why: str, remedy: str = "") -> Finding:
    """It could not be looked at. It is needed where a remedy is given."""
    return Finding(check, "not tested", why, remedy, needed=bool(remedy))


def filled(checks: Sequence[str], found: Iterable[Finding], why: str) -> tuple[Finding, ...]:
    """What was found, in the order of `checks`; those that were not reached are not tested, because of `why`."""
    by_check = {finding.check: finding for finding in found}
    return tuple(by_check.get(check) or not_tested(check, why) for check in checks)


def verdict(findings: Iterable[Finding]) -> Verdict:
    """Ready when all that is needed has passed; a warning does not hold it up.

    The next action is the remedy of the first failure; without one, of the first thing that is not here, then of the
    first that is not tested, then of the first warning.
    """
    every = list(findings)
    for outcome in _HOLD_UP:
        held_up = [each for each in every if each.outcome == outcome and each.needed]
        if held_up:
            return Verdict(False, next(_remedies(held_up), None))
    return Verdict(True, next(_remedies(each for each in every if each.outcome == "warn"), None))


def _remedies(findings: Iterable[Finding]) -> Iterator[str]:
    return (each.remedy for each in findings if each.remedy)
