"""Whether one agreement lets out no more than another, compared part by part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from agent.agreement.part import DAY_MINUTES

if TYPE_CHECKING:
    from agent.agreement.places import OffLimits
    from agent.agreement.schema import AgreementFile, Question
    from agent.agreement.terms import Terms

CLOCKS = ("stretch", "minute", "exact")
COARSER_IS_MORE = {
    "precision": "its precision is finer",
    "cell": "its cell is smaller",
    "held": "it is held for a shorter time",
}


def wider(narrow: AgreementFile, wide: AgreementFile) -> Iterator[str]:
    """A sentence for everything in which `narrow` lets out more than `wide`, or something else."""
    yield from _streams(narrow, wide)
    yield from _questions(narrow, wide)
    yield from _release(narrow, wide)
    yield from _places(narrow, wide)
    yield from _duty(narrow, wide)
    yield from _limits(narrow, wide)


def _streams(narrow: AgreementFile, wide: AgreementFile) -> Iterator[str]:
    agreed = wide.agreed_streams()
    for name, terms in narrow.agreed_streams().items():
        if name in agreed:
            yield from (f"{name}: {says}" for says in _terms(terms, agreed[name]))
        else:
            yield f"{name} is a stream that the other does not have"


def _terms(narrow: Terms, wide: Terms) -> Iterator[str]:
    """What is wider in the terms of one stream; an attribute that the stream does not have counts as equal."""
    for key, says in COARSER_IS_MORE.items():
        mine, other = getattr(narrow, key, None), getattr(wide, key, None)
        if isinstance(mine, int | float) and isinstance(other, int | float) and mine < other:
            yield says
    if narrow.retention > wide.retention:
        yield "its retention is longer"
    clock, other_clock = getattr(narrow, "clock", CLOCKS[0]), getattr(wide, "clock", CLOCKS[0])
    if CLOCKS.index(clock) > CLOCKS.index(other_clock):
        yield "its clock is finer"
    if not set(getattr(narrow, "dwell_classes", ())) <= set(getattr(wide, "dwell_classes", ())):
        yield "its dwell classes are others"
    points, others = getattr(narrow, "snapped_to", None), getattr(wide, "snapped_to", None)
    if others is not None and (points is None or not set(points.points()) <= set(others.points())):
        yield "its stops are snapped to other points"


def _questions(narrow: AgreementFile, wide: AgreementFile) -> Iterator[str]:
    asked = {question.id: question for question in wide.questions}
    for question in narrow.questions:
        if question.id not in asked or not _is_same_question(question, asked[question.id]):
            yield f"question {question.id} is another, or has other uses"


def _is_same_question(narrow: Question, wide: Question) -> bool:
    """Whether it is asked by the same for the same; its last date may differ."""
    same = (narrow.asks, narrow.owner, narrow.purpose) == (wide.asks, wide.owner, wide.purpose)
    fewer = set(narrow.uses.allowed) <= set(wide.uses.allowed)
    return same and fewer and set(narrow.uses.forbidden) >= set(wide.uses.forbidden)


def _release(narrow: AgreementFile, wide: AgreementFile) -> Iterator[str]:
    mine, other = narrow.release, wide.release
    if mine.kind == "timed" and other.kind == "daily":
        yield "its release is timed, which shows breaks"
    if mine.kind == "timed" and other.kind == "timed" and mine.every < other.every:
        yield "its release comes more often"


def _places(narrow: AgreementFile, wide: AgreementFile) -> Iterator[str]:
    mine, other = narrow.places, wide.places
    if mine.service_area != other.service_area:
        yield "its service area is another"
    if mine.origin != other.origin:
        yield "the origin of its cells is another, and two grids together are finer than one"
    for place in other.off_limits:
        if not any(_hides_as_much(own, place) for own in mine.off_limits):
            yield f"{place.name} is not off limits any more, or less of it"
    if any(site not in other.sites for site in mine.sites):
        yield "it has sites that the other does not have"


def _hides_as_much(narrow: OffLimits, wide: OffLimits) -> bool:
    return narrow.area == wide.area and narrow.margin >= wide.margin


def _duty(narrow: AgreementFile, wide: AgreementFile) -> Iterator[str]:
    mine, other = narrow.duty, wide.duty
    if not set(other.requires) <= set(mine.requires):
        yield "it requires less of duty"
    if (mine.time_zone, mine.day_starts) != (other.time_zone, other.day_starts):
        yield "its service days begin at other times"
    if any(mine.scheduled(minute) and not other.scheduled(minute) for minute in range(DAY_MINUTES)):
        yield "its schedule is longer"


def _limits(narrow: AgreementFile, wide: AgreementFile) -> Iterator[str]:
    mine, other = narrow.limits, wide.limits
    if mine.standstill_cap > other.standstill_cap:
        yield "its standstill cap is longer"
    if mine.stretch_length < other.stretch_length:
        yield "its stretches are shorter"
    if mine.trim < other.trim:
        yield "it trims less"
    if mine.speed_ceiling > other.speed_ceiling:
        yield "its speed ceiling is higher"
    if mine.device_retention > other.device_retention:
        yield "it keeps longer on the truck"
