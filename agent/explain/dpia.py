"""The inputs of a data-protection impact assessment, in the order of GDPR Article 35(7).

They are what the agreement itself can tell. What only the city can know is asked for at the end.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.agreement import Agreement
from agent.agreement.part import written_minute
from agent.agreement.schema import AgreementFile, DailyRelease, Question
from agent.explain.card import identity, recording, standing, when
from agent.explain.fact import Entry, Fact, Page, Section, Told, entry, fact, told
from agent.explain.fields import field_entries
from agent.explain.remains import never
from agent.explain.risks import RISK_COLUMNS, risk_entries
from agent.explain.streams import ends

QUESTION_COLUMNS = ("question", "asks", "owner", "purpose", "allowed", "forbidden", "until", "needs")
FIELD_COLUMNS = ("field", "says", "purpose", "kept")
HOUSEHOLD = frozenset({"lifts", "crew_report"})
"""Streams of which one record may be about one household."""


def dpia(agreement: Agreement) -> Page:
    """The inputs of an impact assessment of an agreement."""
    file = agreement.file
    sections = (
        Section("about", (entry(*identity(agreement)), entry(fact("about.inputs")))),
        Section("description", tuple(entry(each) for each in _description(file))),
        Section("purposes", tuple(_purposes(file)), QUESTION_COLUMNS),
        Section("fields", field_entries(file), FIELD_COLUMNS),
        Section("never", tuple(entry(each) for each in never(file))),
        Section("people", tuple(entry(each) for each in _people(file))),
        Section("risks", risk_entries(file), RISK_COLUMNS),
        Section("decided", tuple(entry(each) for each in standing(agreement))),
        Section("open", tuple(entry(fact(f"open.{what}")) for what in OPEN)),
    )
    return Page("dpia", agreement, sections)


OPEN = ("basis", "views", "officer", "processors", "deletion")
"""What only the city can say."""


def _description(file: AgreementFile) -> Iterator[Fact]:
    streams = tuple(file.agreed_streams())
    yield fact("about.system")
    yield fact("about.memory")
    yield fact("about.streams", streams=streams)
    yield from recording(file)
    yield fact("about.day", starts=written_minute(file.duty.day_starts), zone=Told(file.duty.time_zone))
    if file.places.sites:
        yield fact("about.sites", sites=told([site.id for site in file.places.sites]))
    yield from when(file)
    if isinstance(file.release, DailyRelease):
        counts = file.release.envelopes.items()
        yield fact(
            "daily.about.envelopes",
            counts=tuple(fact("count", stream=stream, count=count) for stream, count in counts),
        )
    yield fact("about.heading")


def _purposes(file: AgreementFile) -> Iterator[Entry]:
    for question in file.questions:
        said = tuple((each,) for each in _of_question(file, question))
        yield Entry(said, question.id, fact("question.id", id=Told(question.id)))


def _of_question(file: AgreementFile, question: Question) -> Iterator[Fact]:
    yield fact("words", words=Told(question.asks))
    yield fact("words", words=Told(question.owner))
    yield fact("words", words=Told(question.purpose))
    yield fact("words", words=told(question.uses.allowed))
    yield fact("words", words=told(question.uses.forbidden))
    yield fact("words", words=ends(file, question))
    yield fact("words", words=tuple(question.needs))


def _people(file: AgreementFile) -> Iterator[Fact]:
    agreed = set(file.agreed_streams())
    yield fact("people.crews")
    if agreed & HOUSEHOLD:
        yield fact("people.residents")
    owners = dict.fromkeys(question.owner for question in file.questions)
    yield fact("people.owners", owners=told(owners))
    yield fact(f"{file.release.kind}.people.broker")
    yield fact("people.carrier")
