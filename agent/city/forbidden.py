"""What may not be done with records that leave the city's store: the notice that goes with every export.

A batch says under which agreement it left, by id, version and hash; the words stand in the agreement's text. Where
the text is not at hand, the notice says so. It stops nobody; it takes away the excuse of not having known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from agent.agreement import Agreement
from agent.wire import AgreementReference, PayloadError, decode

HASH_DIGITS_SHOWN = 12


class Notice(NamedTuple):
    """The forbidden uses that go with an export.

    `streams` has what left under each agreement, `texts` those of them that are at hand, by hash; `unreadable` is
    how many payloads do not say under which one they left.
    """

    streams: dict[AgreementReference, set[str]]
    texts: dict[str, Agreement]
    unreadable: int

    @property
    def agreements(self) -> str:
        """The agreements in one line, such as "operations version 3 (0123456789ab)"."""
        return ", ".join(map(named, self.streams))

    @property
    def forbidden_uses(self) -> list[str]:
        """Every forbidden use once, in the agreements' own words."""
        return list(dict.fromkeys(use for uses in self._uses() for use in uses.forbidden))

    def lines(self) -> list[str]:
        """All of it for people; never empty."""
        return list(self._lines()) or ["There are no records here, so nothing is forbidden."]

    def plain(self) -> dict[str, Any]:
        """All of it for programs, fit for JSON."""
        return {
            "forbidden_uses": self.forbidden_uses,
            "agreements": [{**each._asdict(), "text": each.sha256 in self.texts} for each in self.streams],
            "notice": self.lines(),
        }

    def _uses(self) -> Iterator[_Uses]:
        for reference, streams in self.streams.items():
            if agreement := self.texts.get(reference.sha256):
                yield from _uses(agreement, streams)

    def _lines(self) -> Iterator[str]:
        for reference, streams in self.streams.items():
            agreement = self.texts.get(reference.sha256)
            if agreement is None:
                yield _not_given(reference)
                continue
            yield f"The agreement {named(reference)} forbids these uses:"
            for uses in _uses(agreement, streams):
                yield f"  {', '.join(uses.streams)} (question {uses.question}): {'; '.join(uses.forbidden)}"
        if self.unreadable:
            yield f"Under which agreement {self.unreadable:,} batches left is not known: they can't be read any more."


class _Uses(NamedTuple):
    """What a question forbids to do with some streams."""

    question: str
    streams: list[str]
    forbidden: list[str]


def notice(payloads: Iterable[bytes], agreements: Sequence[Agreement]) -> Notice:
    """What goes with an export of these payloads, by the texts that are at hand and those that stand behind them."""
    streams: defaultdict[AgreementReference, set[str]] = defaultdict(set)
    unreadable = 0
    for payload in payloads:
        try:
            heading = decode(payload).heading
            streams[heading.agreement].add(heading.stream)
        except PayloadError:
            unreadable += 1
    at_hand = {each.reference.sha256: each for given in agreements for each in _with_behind(given)}
    return Notice(dict(streams), at_hand, unreadable)


def named(reference: AgreementReference) -> str:
    """An agreement's id, version and the beginning of its hash, as people compare them."""
    return f"{reference.id} version {reference.version} ({reference.sha256[:HASH_DIGITS_SHOWN]})"


def _uses(agreement: Agreement, streams: set[str]) -> Iterator[_Uses]:
    for question in agreement.file.questions:
        if needed := sorted(streams.intersection(question.needs)):
            # A line is a line, however the agreement's sentences are broken.
            yield _Uses(question.id, needed, [" ".join(use.split()) for use in question.uses.forbidden])


def _with_behind(agreement: Agreement | None) -> Iterator[Agreement]:
    while agreement:
        yield agreement
        agreement = agreement.behind


def _not_given(reference: AgreementReference) -> str:
    return (
        f"Some records left under the agreement {named(reference)}, whose text is not at hand, so that its forbidden "
        "uses can't be shown here: add --agreement FILE with that text, and export again."
    )
