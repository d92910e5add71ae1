"""A page as text: the card for a printer or a terminal, the assessment as Markdown."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from agent.explain.fact import Fact, Page, Section
from agent.explain.language import Language

CARD_WIDTH = 100
_MARKED = re.compile(r"([\\`*_|<>\[\]])")


def card_text(page: Page, language: Language) -> str:
    """The card in lines of at most 100 characters, as far as the agreement's own words allow.

    Headings stick out, and no line is left empty: it is to fit on one page.
    """
    return "".join(f"{line}\n" for section in page.sections for line in _lines(section, language))


def _lines(section: Section, language: Language) -> Iterator[str]:
    heading = language.titles[f"card.{section.key}"].upper()
    if not any(each.label for each in section.entries):
        text = " ".join(_said(each.facts, language) for each in section.entries)
        yield from _wrapped(f"{heading}: {text}", 0)
        return
    yield heading
    for each in section.entries:
        label = f"{language.say(each.label)}: " if each.label else ""
        yield from _wrapped(label + _said(each.facts, language), 2)


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(
        text,
        CARD_WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2),
        break_on_hyphens=False,
    )


def _said(facts: Sequence[Fact], language: Language) -> str:
    return " ".join(language.say(each) for each in facts)


def markdown(page: Page, language: Language) -> str:
    """The page as Markdown, with a table for each section of several columns."""
    parts = [f"# {language.titles[f'page.{page.kind}']}"]
    for section in page.sections:
        parts.append(f"## {language.titles[f'{page.kind}.{section.key}']}")
        parts.append("\n".join(_rows(section, language) if section.columns else _items(section, language)))
    return "\n\n".join(parts) + "\n"


def _items(section: Section, language: Language) -> Iterator[str]:
    for each in section.entries:
        label = f"**{_plain(language.say(each.label))}**: " if each.label else ""
        yield f"- {label}{_plain(_said(each.facts, language))}"


def _rows(section: Section, language: Language) -> Iterator[str]:
    heads = [language.titles[f"column.{column}"] for column in section.columns]
    yield _row(heads)
    yield _row(["---"] * len(heads))
    for each in section.entries:
        label = [_plain(language.say(each.label))] if each.label else []
        yield _row(label + [_plain(_said(cell, language)) for cell in each.cells])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """Text in which nothing is read as markup."""
    return _MARKED.sub(r"\\\1", text)
