"""Risks to the people concerned, what the agreement has against each, and what remains of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from agent.agreement.schema import AgreementFile
from agent.explain.card import recording
from agent.explain.fact import Entry, Fact, days, fact, metres, told
from agent.explain.remains import inferred, never
from agent.explain.streams import running
from agent.filters.continuity import STITCH_M

RISK_COLUMNS = ("risk", "measures", "remains")

RISK_OF: Mapping[str, str] = {
    "daily.found.gap": "hidden",
    "timed.found.gap": "hidden",
    "daily.found.detour": "breaks",
    "daily.found.breaks": "breaks",
    "daily.found.total": "breaks",
    "daily.found.power": "breaks",
    "daily.found.duty": "breaks",
    "timed.found.breaks": "breaks",
    "timed.found.breaks.where": "breaks",
    "timed.found.stops": "breaks",
    "timed.found.link": "breaks",
    "found.sites": "breaks",
    "found.stops.declared": "breaks",
    "daily.found.speed": "speed",
    "timed.found.speed": "speed",
    "found.lifts": "work",
    "timed.found.live": "identity",
    "found.roster": "identity",
    "found.square": "braking",
    "found.square.joined": "braking",
    "found.outside": "misuse",
}
"""To which risk each thing belongs that can still be found out."""


def risk_entries(file: AgreementFile) -> tuple[Entry, ...]:
    """A row for each risk of which something remains: measures, what remains."""
    remains: dict[str, list[Fact]] = {risk: [] for risk in MEASURES}
    for each in inferred(file):
        remains[RISK_OF[each.key]].append(each)
    remains["hidden"] += [] if remains["hidden"] else [fact("remains.hidden")]
    remains["kept"].append(fact("remains.kept"))
    return tuple(
        Entry((tuple(MEASURES[risk](file)), tuple(facts)), risk, fact(f"risk.{risk}"))
        for risk, facts in remains.items()
        if facts
    )


def _hidden(file: AgreementFile) -> Iterator[Fact]:
    yield from recording(file)
    yield from (each for each in never(file) if "never.hidden" in each.key or each.key == "never.trim")


def _breaks(file: AgreementFile) -> Iterator[Fact]:
    if file.release.kind == "timed":
        yield fact("timed.measure.breaks")
        return
    yield fact("daily.measure.breaks")
    if file.streams.track or file.streams.day:
        yield running(file)
    yield fact("daily.pause.trace", stitch=metres(STITCH_M))


def _speed(file: AgreementFile) -> Iterator[Fact]:
    yield running(file)
    if file.release.kind == "daily":
        yield fact("daily.measure.speed", length=metres(file.limits.stretch_length))


def _identity(file: AgreementFile) -> Iterator[Fact]:
    yield fact("never.names")
    yield _forbidden(file)


def _work(file: AgreementFile) -> Iterator[Fact]:
    if file.streams.lifts:
        yield fact("measure.work", cell=metres(file.streams.lifts.cell))
    yield _forbidden(file)


def _braking(file: AgreementFile) -> Iterator[Fact]:
    if file.streams.harsh_braking:
        terms = file.streams.harsh_braking
        yield fact("measure.braking", cell=metres(terms.cell), held=days(terms.held))


def _misuse(file: AgreementFile) -> Iterator[Fact]:
    yield _forbidden(file)
    yield fact("measure.misuse", groups=told(file.groups))


def _kept(file: AgreementFile) -> Iterator[Fact]:
    yield fact("unsent", device=days(file.limits.device_retention))
    yield fact("measure.kept")


def _forbidden(file: AgreementFile) -> Fact:
    uses = dict.fromkeys(use for question in file.questions for use in question.uses.forbidden)
    return fact("question.forbidden", uses=told(uses))


MEASURES: Mapping[str, Callable[[AgreementFile], Iterator[Fact]]] = {
    "hidden": _hidden,
    "breaks": _breaks,
    "speed": _speed,
    "work": _work,
    "identity": _identity,
    "braking": _braking,
    "misuse": _misuse,
    "kept": _kept,
}
