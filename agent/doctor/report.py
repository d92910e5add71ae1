"""A checkup for people, and for programs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from agent import VERSION
from agent.doctor.finding import Finding, Group, Outcome, Verdict, verdict

if TYPE_CHECKING:
    from rich.text import Text

STYLES: dict[Outcome, str] = {
    "pass": "green",
    "warn": "yellow",
    "fail": "bold red",
    "not here": "dim",
    "not tested": "cyan",
}
READY, NOT_READY = "READY", "NOT READY"
CHECK_COLUMNS = 21
OUTCOME_COLUMNS = 12


def verdict_of(groups: Iterable[Group]) -> Verdict:
    """What all groups together mean."""
    return verdict(itertools.chain.from_iterable(group.findings for group in groups))


def naming(configuration: str, groups: Iterable[Group]) -> tuple[Group, ...]:
    """The same with the configuration's own name in every remedy, where checks write agent.yaml."""
    return tuple(
        Group(group.title, tuple(_naming(configuration, finding) for finding in group.findings))
        for group in groups
    )


def _naming(configuration: str, finding: Finding) -> Finding:
    return finding._replace(remedy=finding.remedy.replace("agent.yaml", configuration))


def as_json(vehicle: str, groups: Sequence[Group]) -> dict[str, Any]:
    """Everything, for a program; docs/doctor.md describes it."""
    ready, action = verdict_of(groups)
    checks = [{"group": group.title, **finding._asdict()} for group in groups for finding in group.findings]
    return {"version": VERSION, "vehicle": vehicle, "ready": ready, "next": action, "checks": checks}


def as_lines(vehicle: str, groups: Sequence[Group]) -> Iterator[Text]:
    """Everything, for people: the verdict and the next action first."""
    from rich.text import Text

    ready, action = verdict_of(groups)
    yield Text(f"{READY if ready else NOT_READY}: {vehicle}", "bold green" if ready else "bold red")
    if action:
        yield Text(f"Next: {action}", "bold")
    for group in groups:
        yield Text("")
        yield Text(group.title, "bold")
        for finding in group.findings:
            yield from _lines(finding)


def _lines(finding: Finding) -> Iterator[Text]:
    from rich.text import Text

    outcome = Text(f"  {finding.outcome:{OUTCOME_COLUMNS}}", STYLES[finding.outcome])
    yield outcome + Text(f"{finding.check:{CHECK_COLUMNS}}{finding.says}", "default")
    if finding.remedy and finding.outcome != "pass":
        yield Text(f"{'':{OUTCOME_COLUMNS + CHECK_COLUMNS + 2}}→ {finding.remedy}", "default")
