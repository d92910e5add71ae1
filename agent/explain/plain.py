"""A page as plain values, for whatever reads JSON."""

from __future__ import annotations

import datetime
from typing import Any

from agent.agreement import Agreement
from agent.explain.fact import Amount, Entry, Fact, Page, Section, Value
from agent.explain.language import Language
from config.quantities import written


def plain(page: Page, language: Language) -> dict[str, Any]:
    """The page's agreement, its sections, and every fact with its id, its text and its values.

    Quantities stand as in an agreement (`5 m`), dates as in ISO 8601, in any language.
    """
    return {
        "page": page.kind,
        "language": language.code,
        "title": language.titles[f"page.{page.kind}"],
        "agreement": _agreement(page.agreement),
        "sections": [_section(section, page.kind, language) for section in page.sections],
    }


def _agreement(agreement: Agreement) -> dict[str, Any]:
    file = agreement.file
    return {
        "id": file.id,
        "version": file.version,
        "sha256": agreement.reference.sha256,
        "city": file.city,
        "groups": list(file.groups),
        "valid_until": file.valid_until.isoformat(),
        "release": file.release.kind,
        "stop_all": file.stop_all,
        "streams": list(file.agreed_streams()),
        "behind": _agreement(agreement.behind) if agreement.behind else None,
    }


def _section(section: Section, kind: str, language: Language) -> dict[str, Any]:
    return {
        "id": section.key,
        "title": language.titles[f"{kind}.{section.key}"],
        "entries": [_entry(each, section.columns, language) for each in section.entries],
    }


def _entry(entry: Entry, columns: tuple[str, ...], language: Language) -> dict[str, Any]:
    about = {"about": entry.about} if entry.about else {}
    if not columns:
        return {**about, "facts": _facts(entry.facts, language)}
    named = columns[len(columns) - len(entry.cells) :]  # the first one is the label's
    cells = zip(named, entry.cells, strict=True)
    return {**about, **{column: _facts(cell, language) for column, cell in cells}}


def _facts(facts: list[Fact] | tuple[Fact, ...], language: Language) -> list[dict[str, Any]]:
    return [{"id": each.key, "text": language.say(each), "values": _values(each)} for each in facts]


def _values(fact: Fact) -> dict[str, Any]:
    return {name: _value(value) for name, value in fact.values.items()}


def _value(value: Value) -> Any:
    if isinstance(value, Fact):
        return {"id": value.key, "values": _values(value)}
    if isinstance(value, Amount):
        return written(value.value, value.dimension)
    if isinstance(value, datetime.date):
        return value.isoformat()
    return [_value(each) for each in value] if isinstance(value, tuple) else value
