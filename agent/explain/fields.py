"""Every field that leaves: what it says and how exactly, for what purpose, for how long."""

from __future__ import annotations

from collections.abc import Mapping

from agent.agreement.part import written_minute
from agent.agreement.schema import AgreementFile
from agent.agreement.terms import HelpTerms, SiteVisitsTerms, StopsTerms, Terms, TrackTerms
from agent.columns import RUNNING_STEP_S, STREAMS
from agent.explain.fact import Entry, Fact, Told, Value, days, fact, metres, seconds, speed, told
from agent.explain.streams import asking, classes, stand_s

_DEGREES = ("latitude_deg", "longitude_deg")
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "date": ("starts", "zone"),
    "running_s": ("step", "stand", "ceiling"),
    "path": ("precision",),
    "distance_m": ("precision",),
    "cell": ("cell",),
    "square": ("precision",),
    "declared": ("points",),
    "dwell_class": ("classes",),
}
"""The values that the sentence of a field names; other fields' sentences name none."""


def field_entries(file: AgreementFile) -> tuple[Entry, ...]:
    """A row for each field of each agreed stream: what it says, its purpose, its retention."""
    return tuple(
        _entry(file, stream, terms, name)
        for stream, terms in file.agreed_streams().items()
        for name in fields_of(stream, terms)
    )


def fields_of(stream: str, terms: Terms) -> list[str]:
    """The fields that records of a stream have under these terms."""
    names = [each.field for each in STREAMS[stream]]
    if isinstance(terms, TrackTerms) and terms.clock == "stretch":
        names.remove("s")
    return names


def _entry(file: AgreementFile, stream: str, terms: Terms, name: str) -> Entry:
    about = f"{stream}.{name}"
    cells = ((_says(file, terms, name),), (_purpose(file, stream),), (_kept(file, terms),))
    return Entry(cells, about, fact("field", name=about))


def _purpose(file: AgreementFile, stream: str) -> Fact:
    purposes = [question.purpose for _, question in asking(file, stream)]
    return fact("field.purpose", purposes=told(purposes)) if purposes else fact("field.purpose.box")


def _kept(file: AgreementFile, terms: Terms) -> Fact:
    truck = days(min(terms.retention, file.limits.device_retention))
    return fact("field.kept", city=days(terms.retention), truck=truck)


def _says(file: AgreementFile, terms: Terms, name: str) -> Fact:
    kind = _kind(terms, name)
    known = _values(file, terms)
    return Fact(f"field.{kind}", {value: known[value] for value in _NEEDS.get(kind, ())})


def _kind(terms: Terms, name: str) -> str:
    """Which sentence tells of a field: that of its name, but for places and times, which differ by their terms."""
    if name == "s" and isinstance(terms, TrackTerms):
        return f"s.{terms.clock}"
    if name not in _DEGREES:
        return name
    if isinstance(terms, StopsTerms):
        return "declared" if terms.snapped_to else "square"
    return "exact" if isinstance(terms, HelpTerms) else "cell"


def _values(file: AgreementFile, terms: Terms) -> dict[str, Value]:
    """Everything that a field's sentence may name."""
    values: dict[str, Value] = {
        "starts": written_minute(file.duty.day_starts),
        "zone": Told(file.duty.time_zone),
        "step": seconds(RUNNING_STEP_S),
        "stand": seconds(stand_s(file)),
        "ceiling": speed(file.limits.speed_ceiling),
    }
    for name in ("precision", "cell"):
        if isinstance(value := getattr(terms, name, None), int | float):
            values[name] = metres(value)
    if isinstance(terms, SiteVisitsTerms):
        values["classes"] = classes(terms.dwell_classes)
    if isinstance(terms, StopsTerms) and terms.snapped_to:
        values["points"] = len(terms.snapped_to.points())
    return values
