"""The figures of an audit as people read them: plain lines, Markdown, and one JSON object a row."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator

from agent.audit.guessing import Share
from agent.audit.verdict import Judged, Row

HEADS = ("attack", "found", "95 %", "of", "chance", "at most", "")


def lines(judged: Judged) -> Iterator[str]:
    """For a terminal."""
    for section, rows in _sections(judged):
        yield ""
        yield section
        for row in rows:
            attack, found, interval, of, chance, bound, says = cells(row)
            yield f"  {attack:44} {found:>7} {interval:>11} {of:>5} {chance:>7} {bound:>8}  {says}".rstrip()


def markdown(judged: Judged) -> Iterator[str]:
    """For the docs, a table a section."""
    for section, rows in _sections(judged):
        yield f"### {section[0].upper()}{section[1:]}\n"
        yield "| " + " | ".join(HEADS) + " |"
        yield "|---|---:|---:|---:|---:|---:|---|"
        yield from ("| " + " | ".join(cells(row)) + " |" for row in rows)
        yield ""


def records(judged: Judged) -> Iterator[str]:
    """NDJSON; shares from 0 to 1, null where there is none."""
    for row in judged.rows:
        fields = row._asdict()
        share = row.found if isinstance(row.found, Share) else None
        fields["found"] = _number(row.value)
        fields["trials"] = share.trials if share else None
        fields["interval"] = [round(end, 4) for end in share.interval] if share and share.trials else None
        fields["chance"], fields["bound"] = _number(row.chance), _number(row.bound)
        yield json.dumps(fields)


def cells(row: Row) -> tuple[str, str, str, str, str, str, str]:
    """Attack, found, its interval, trials, chance, bound, and what it means."""
    share = row.found if isinstance(row.found, Share) else None
    percent = share is not None or math.isnan(row.value)
    interval = "–".join(f"{100 * end:.0f}" for end in share.interval) if share and share.trials else ""
    of = f"{share.trials}" if share else ""
    says = f"{row.promise} {row.judgement}".strip() if row.judgement != "printed" else ""
    least = "≥ " if row.judgement in ("works", "TOO WEAK") else ""
    bound = "" if row.bound is None else least + _figure(row.bound, percent)
    return row.attack, _figure(row.value, percent), interval, of, _figure(row.chance, percent), bound, says


def _figure(value: float | None, percent: bool) -> str:
    if value is None or math.isnan(value):
        return "–" if value is not None else ""
    return f"{100 * value:.0f} %" if percent else f"{value:.3f}"


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else round(value, 4)


def _sections(judged: Judged) -> Iterable[tuple[str, Iterable[Row]]]:
    return itertools.groupby(judged.rows, key=lambda row: row.section)
