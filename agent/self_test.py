"""What the box finds out about itself for its daily record, so that the city can tell a broken box from a quiet one.

Only what no drive, no switch and no restart can move is looked at: the disk, the truck's own certificate and key,
and whether the lines could be had when the agent started. Left out on purpose, because each would tell when the engine
ran or when the box lost its power: the voltage, the receiver's port and what it says, the computer's clock, and the
levels of the lines. That a record comes at all says that power, receiver, date, network and login are well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from agent.doctor.certificate import certificate_days, own_certificate, secrets
from agent.doctor.disk import disk
from agent.doctor.finding import Finding, Outcome, failed
from agent.doctor.machine import Machine
from config.schema import Configuration

_REPORTED: tuple[Outcome, ...] = ("fail", "warn")


class SelfTested(NamedTuple):
    """`word`: pass; or fail: or warn: with the checks that did; none where nothing was tested.

    `certificate_days`: left of the truck's own certificate, 0 on its last day and later, -1 where there is none.
    """

    word: str = "none"
    certificate_days: int = -1


SelfTesting = Callable[[int], SelfTested]
"""The self-test on a day, in days since 1970-01-01 by GNSS."""


def untested(day: int) -> SelfTested:
    """Where there is no box: in a replay, on a laptop."""
    return SelfTested()


class SelfTest:
    """The self-test of one truck. `lines_here`: whether the agent has the lines that are configured."""

    def __init__(self, configuration: Configuration, machine: Machine | None = None) -> None:
        self.lines_here = True
        self._configuration = configuration
        self._machine = machine or Machine()

    def __call__(self, day: int) -> SelfTested:
        """On a day, in days since 1970-01-01."""
        days = certificate_days(self._configuration.link.certificate_file, day)
        try:
            return SelfTested(word_of(self._findings(day)), days)
        except OSError:  # of a disk that does not even answer
            return SelfTested("fail:disk", days)

    def _findings(self, day: int) -> Iterator[Finding]:
        configuration, link = self._configuration, self._configuration.link
        yield from disk(self._machine, configuration.state, configuration.outbox.size)
        yield own_certificate(link.certificate_file, day)
        yield secrets([path for path in (link.key_file, link.password_file) if path])
        if not self.lines_here:
            yield failed("lines", "the agent could not have them", "")


def word_of(findings: Iterator[Finding]) -> str:
    """The worst that was found, with the checks that found it."""
    found = list(findings)
    for outcome in _REPORTED:
        checks = [finding.check for finding in found if finding.outcome == outcome]
        if checks:
            return f"{outcome}:{','.join(checks)}"
    return "pass"
