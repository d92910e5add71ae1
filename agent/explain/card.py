"""The notice card: what a crew must know of the agreement, on one page."""

from __future__ import annotations

from collections.abc import Iterator

from agent.agreement import Agreement
from agent.agreement.part import written_minute
from agent.agreement.schema import AgreementFile, DailyRelease, Question
from agent.explain.fact import (
    Entry,
    Fact,
    Page,
    Section,
    Told,
    days,
    entry,
    fact,
    metres,
    seconds,
    size,
    told,
)
from agent.explain.remains import inferred, never
from agent.explain.streams import ends, stream_entries
from agent.filters.continuity import STITCH_M
from agent.topics import FLEET_STREAMS
from agent.wire import AgreementReference

SHORT_ID_DIGITS = 12


def card(agreement: Agreement) -> Page:
    """The notice card of an agreement."""
    file = agreement.file
    sections = (
        Section("agreement", (entry(*identity(agreement), *standing(agreement)),)),
        Section("leaves", stream_entries(file)),
        Section("questions", tuple(_questions(file))),
        Section("when", (entry(*when(file)),)),
        Section("never", (entry(*never(file)),)),
        Section("found", (entry(*inferred(file)),)),
        Section("pause", (entry(*pausing(file)),)),
    )
    return Page("card", agreement, sections)


def short_id(reference: AgreementReference) -> str:
    """The first digits of the agreement's SHA-256."""
    return reference.sha256[:SHORT_ID_DIGITS]


def identity(agreement: Agreement) -> Iterator[Fact]:
    """Which agreement this is, and whether all recording is stopped."""
    file = agreement.file
    yield fact("city", city=Told(file.city))
    yield fact("identity", id=Told(file.id), version=file.version, short=short_id(agreement.reference))
    if file.stop_all:
        yield fact("stopped")


def standing(agreement: Agreement) -> Iterator[Fact]:
    """Who agreed, until when, and what comes after it."""
    yield fact("groups", groups=told(agreement.file.groups))
    yield fact("until", date=agreement.file.valid_until)
    behind = agreement.behind
    while behind:
        yield _follows(behind)
        behind = behind.behind
    yield fact("ended")
    yield fact("changes")


def _follows(behind: Agreement) -> Fact:
    return fact(
        "behind",
        id=Told(behind.file.id),
        version=behind.file.version,
        short=short_id(behind.reference),
        date=behind.file.valid_until,
    )


def _questions(file: AgreementFile) -> Iterator[Entry]:
    for number, question in enumerate(file.questions, 1):
        asked = fact(
            "question",
            asks=Told(question.asks),
            owner=Told(question.owner),
            purpose=Told(question.purpose),
        )
        allowed = fact("question.allowed", uses=told(question.uses.allowed))
        forbidden = fact("question.forbidden", uses=told(question.uses.forbidden))
        until = _early_end(file, question)
        yield Entry(
            ((asked, *until, allowed, forbidden),), question.id, fact("question.number", number=number)
        )


def _early_end(file: AgreementFile, question: Question) -> Iterator[Fact]:
    until = ends(file, question)
    if until < file.valid_until:
        yield fact("question.until", date=until)


def when(file: AgreementFile) -> Iterator[Fact]:
    """When what was recorded leaves, and how much at a time."""
    release = file.release
    if isinstance(release, DailyRelease):
        yield from _daily(file, release)
    else:
        yield fact("timed.every", every=seconds(release.every), size=size(release.size))
    if release.fleet_slots:
        yield fact("fleet.slots", slots=_times(release.fleet_slots))
    if file.streams.help:
        yield fact("help.at_once")
    yield fact("unsent", device=days(file.limits.device_retention))


def _daily(file: AgreementFile, release: DailyRelease) -> Iterator[Fact]:
    own = sum(count for stream, count in release.envelopes.items() if stream not in FLEET_STREAMS)
    yield fact("daily.slots", slots=_times(release.slots), zone=Told(file.duty.time_zone))
    yield fact("daily.envelopes", count=own, size=size(release.size))
    if file.duty.schedule:
        yield fact("daily.silent.hours")
    else:
        yield fact("daily.silent.day", starts=written_minute(file.duty.day_starts))


def _times(minutes: list[int]) -> tuple[str, ...]:
    return tuple(written_minute(minute) for minute in minutes)


def recording(file: AgreementFile) -> Iterator[Fact]:
    """When anything is recorded at all."""
    on = fact("on.both" if "ignition" in file.duty.requires else "on.switch")
    hours = tuple(
        fact("hours.span", begins=written_minute(each.from_), ends=written_minute(each.to))
        for each in file.duty.schedule
    )
    yield fact("records.hours", on=on, hours=hours) if hours else fact("records", on=on)


def pausing(file: AgreementFile) -> Iterator[Fact]:
    """How a crew pauses, and what a pause leaves behind."""
    yield from recording(file)
    yield from (fact(key) for key in ("pause.switch", "pause.button", "pause.at_once"))
    if file.release.kind == "daily":
        yield fact("daily.pause.trace", stitch=metres(STITCH_M))
    else:
        yield fact("timed.pause.shows")
        if file.streams.track:
            yield fact("timed.pause.gap", stitch=metres(STITCH_M))
    yield fact("pause.light")
