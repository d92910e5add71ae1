"""What each agreed stream says of the truck, how exactly, for which question and for how long."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from functools import singledispatch
from itertools import pairwise

from agent.agreement import terms as agreed
from agent.agreement.schema import AgreementFile, Question, TimedRelease
from agent.explain.fact import Entry, Fact, Told, days, fact, metres, seconds, speed
from agent.filters.standstill import REARM_ALLOWANCE_S


def stream_entries(file: AgreementFile) -> tuple[Entry, ...]:
    """An entry for each agreed stream, in the order of the schema."""
    return tuple(_entry(file, stream, terms) for stream, terms in file.agreed_streams().items())


def _entry(file: AgreementFile, stream: str, terms: agreed.Terms) -> Entry:
    facts = (*says(terms, file), *_early_end(file, stream), kept(file, stream))
    return Entry((facts,), stream, fact("stream", stream=stream))


def asking(file: AgreementFile, stream: str) -> list[tuple[int, Question]]:
    """The questions that need a stream, with their numbers from 1."""
    numbered = enumerate(file.questions, 1)
    return [(number, question) for number, question in numbered if stream in question.needs]


def ends(file: AgreementFile, question: Question) -> datetime.date:
    """The last date on which anything is recorded for a question."""
    return min(question.valid_until, file.valid_until)


def kept(file: AgreementFile, stream: str) -> Fact:
    """For which questions a stream is, how long the city may keep it, and how long its receipts stay on the truck."""
    city_days = file.agreed_streams()[stream].retention
    truck = days(min(city_days, file.limits.device_retention))
    return fact("stream.kept", asked=asked(file, stream), city_days=city_days, truck=truck)


def asked(file: AgreementFile, stream: str) -> Fact:
    """The numbers of the questions that a stream answers."""
    numbers = tuple(number for number, _ in asking(file, stream))
    if not numbers:
        return fact("asked.none")
    return fact("asked.one" if len(numbers) == 1 else "asked.several", numbers=numbers)


def _early_end(file: AgreementFile, stream: str) -> Iterator[Fact]:
    until = max((ends(file, question) for _, question in asking(file, stream)), default=file.valid_until)
    if until < file.valid_until:
        yield fact("stream.until", date=until)


def stand_s(file: AgreementFile) -> float:
    """Most that one standstill adds to a running time, until the truck is under way again."""
    return file.limits.standstill_cap + REARM_ALLOWANCE_S


def running(file: AgreementFile) -> Fact:
    """What a running time counts, and above which speed it tells no more."""
    return fact("running", stand=seconds(stand_s(file)), ceiling=speed(file.limits.speed_ceiling))


def classes(bounds_s: list[float]) -> tuple[Fact, ...]:
    """The classes of a stay, as `agent.streams.site_visits` makes them."""
    under = fact("class.under", most=seconds(bounds_s[0]))
    between = [
        fact("class.between", least=seconds(least), most=seconds(most)) for least, most in pairwise(bounds_s)
    ]
    return (under, *between, fact("class.over", least=seconds(bounds_s[-1])))


@singledispatch
def says(terms: agreed.Terms, file: AgreementFile) -> Iterator[Fact]:
    """What the records of a stream say, and how exactly."""
    raise NotImplementedError(f"nothing is known of {type(terms).__name__}")


@says.register
def _(terms: agreed.TrackTerms, file: AgreementFile) -> Iterator[Fact]:
    yield fact("track", precision=metres(terms.precision))
    if isinstance(file.release, TimedRelease):
        yield fact(f"timed.track.{terms.clock}", every=seconds(file.release.every))
    else:
        yield fact("daily.track", length=metres(file.limits.stretch_length))
    yield running(file)


@says.register
def _(terms: agreed.StopsTerms, file: AgreementFile) -> Iterator[Fact]:
    if terms.snapped_to:
        yield fact("stops.declared", points=len(terms.snapped_to.points()))
    else:
        yield fact("timed.stops.any", precision=metres(terms.precision))


@says.register
def _(terms: agreed.LiftsTerms, file: AgreementFile) -> Iterator[Fact]:
    yield fact("lifts", cell=metres(terms.cell))


@says.register
def _(terms: agreed.PassedTerms, file: AgreementFile) -> Iterator[Fact]:
    yield fact("timed.passed", cell=metres(terms.cell))


@says.register
def _(terms: agreed.BrakingTerms, file: AgreementFile) -> Iterator[Fact]:
    yield fact("harsh_braking", cell=metres(terms.cell), held=days(terms.held))


@says.register
def _(terms: agreed.DayTerms, file: AgreementFile) -> Iterator[Fact]:
    yield fact("day", precision=metres(terms.precision))
    if not file.streams.track:
        yield running(file)


@says.register
def _(terms: agreed.SiteVisitsTerms, file: AgreementFile) -> Iterator[Fact]:
    sites = tuple(Told(site.id) for site in file.places.sites)
    yield fact("site_visits", sites=sites, classes=classes(terms.dwell_classes))


@says.register
def _(terms: agreed.CrewReportTerms, file: AgreementFile) -> Iterator[Fact]:
    yield fact("crew_report", cell=metres(terms.cell))


@says.register
def _(terms: agreed.HelpTerms, file: AgreementFile) -> Iterator[Fact]:
    yield fact("help")


@says.register
def _(terms: agreed.LiveTerms, file: AgreementFile) -> Iterator[Fact]:
    yield fact("timed.live", cell=metres(terms.cell))


@says.register
def _(terms: agreed.BoxTerms, file: AgreementFile) -> Iterator[Fact]:
    yield fact("box")
