"""The page that `fairhaul replay --report` writes: what would leave this truck, for people to look at.

One HTML file with its style and drawings inside: it fetches nothing and runs nothing, and opens from a USB stick
as well as printed. Its coordinates are the published ones and the agreement's own places. It has no street map, no
search and nothing of what stayed on the truck but totals.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from agent.agreement import Agreement
from agent.agreement.schema import Question
from agent.geometry import Point, distance_m
from agent.report.frame import Mapped
from agent.report.legend import legend
from agent.report.map import elsewhere, map_svg, overview_svg
from agent.report.style import STYLE
from agent.report.tables import call_table, day_table, site_table, table
from agent.report.words import (
    REFUSALS,
    STREAMS,
    counted,
    duration_in_words,
    duty_in_words,
    length_in_words,
    listed,
    release_in_words,
    terms_in_words,
)

LOG_NAMES_MAX = 10
REFUSED_PREFIX = "refused."
COUNTS = {
    "fixes": "fixes read from the logs",
    "off_duty": "fixes while off duty",
    "not_publishable": "fixes outside the service area or off limits",
}


class ReportBatch(NamedTuple):
    """One payload as it would leave: `at_s` in simulated seconds since the log began; `records` are in it."""

    at_s: float
    topic: str
    bytes: int
    records: int

    @property
    def stream(self) -> str:
        """The last part of its topic."""
        return self.topic.rpartition("/")[2]


@dataclass(frozen=True)
class ReportInput:
    """All that the page is made of.

    `records` are the published ones as `replay --out` writes them (`stream`, `batch`, then their own fields).
    `counts` holds totals of what stayed on the truck: the keys of COUNTS, and `refused.<reason>` for each reason
    of the quality gate; what is absent is not shown. `severities` are the classes of braking, gentlest first.
    """

    agreement: Agreement
    logs: Sequence[str]
    records: Sequence[Mapping[str, Any]]
    batches: Sequence[ReportBatch]
    counts: Mapping[str, int] = field(default_factory=dict)
    severities: Sequence[str] = ("moderate", "hard")

    @cached_property
    def by_stream(self) -> Mapping[str, list[Mapping[str, Any]]]:
        """The records of each stream that has any."""
        found: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for record in self.records:
            found[record["stream"]].append(record)
        return dict(found)

    def of(self, stream: str) -> list[Mapping[str, Any]]:
        """The records of one stream."""
        return self.by_stream.get(stream, [])


def write_report(path: Path, given: ReportInput) -> None:
    """Write the page. Raises OSError."""
    path.write_text(report_page(given), encoding="utf-8")


def report_page(given: ReportInput) -> str:
    """The whole page. The same input gives the same text."""
    title = f"What would leave this truck: {given.agreement.file.id}"
    sections = (_opening, _calls, _map, _totals, _streams, _questions, _stayed, _stretches, _closing)
    return "\n".join(
        (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            # Fetching is impossible, not only absent: a page that shows a truck's way must not call anyone.
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>",
            *(section(given) for section in sections),
            "</main></body></html>\n",
        )
    )


def path_length_m(path: Sequence[Sequence[float]]) -> float:
    """Metres along published points `[latitude_deg, longitude_deg]`."""
    points = [Point(round(latitude * 1e7), round(longitude * 1e7)) for latitude, longitude in path]
    return sum(distance_m(a, b) for a, b in pairwise(points))


def _figures(given: ReportInput) -> dict[str, str]:
    """The few figures to see first, of what is agreed."""
    tracks, agreed = given.of("track"), given.agreement.file.agreed_streams()
    length_m = sum(path_length_m(record["path"]) for record in tracks)
    lifts = sum(record["count"] for record in given.of("lifts"))
    figures = [
        ("track", "stretches", f"{len(tracks):,}"),
        ("track", "length", length_in_words(length_m)),
        ("lifts", "bin lifts", f"{lifts:,}"),
        ("harsh_braking", "harsh brakings", f"{len(given.of('harsh_braking')):,}"),
    ]
    shown = {name: figure for stream, name, figure in figures if stream in agreed}
    whole = sum(batch.bytes for batch in given.batches)
    return shown | {
        "batches": f"{len(given.batches):,}",
        "with padding": f"{whole / 1e6:,.1f} MB" if whole >= 1e6 else f"{whole / 1e3:.0f} kB",
    }


def _opening(given: ReportInput) -> str:
    file, figures = given.agreement.file, _figures(given)
    shown = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in figures.items())
    return f"""<p class="paper">On paper: nothing was sent</p>
<h1>What would leave this truck</h1>
<p>{_logs(given.logs)} replayed under the data agreement <strong>{escape(file.id)}</strong>, version {file.version},
of {escape(file.city)}, made by {escape(listed(file.groups))}, valid until {file.valid_until}.</p>
<p>{escape(duty_in_words(file))} {escape(release_in_words(file))}</p>
<dl class="figures">{shown}</dl>"""


def _logs(names: Sequence[str]) -> str:
    # Folders may name people.
    shown = [f"<strong>{escape(Path(name).name)}</strong>" for name in names[:LOG_NAMES_MAX]]
    if len(names) > LOG_NAMES_MAX:
        shown.append(f"{len(names) - LOG_NAMES_MAX} more logs")
    return listed(shown)


def _calls(given: ReportInput) -> str:
    return call_table(given.of("help"))


def _map(given: ReportInput) -> str:
    mapped = Mapped(given.agreement.file, given.by_stream, given.severities)
    return f"""<h2>Where</h2>
<figure>{map_svg(mapped)}
<figcaption><ul class="legend">{legend(mapped)}</ul>{elsewhere(mapped)}{overview_svg(mapped)}</figcaption></figure>"""


def _totals(given: ReportInput) -> str:
    return day_table(given.agreement.file, given.by_stream) + site_table(given.of("site_visits"))


def _streams(given: ReportInput) -> str:
    names = [name for name in STREAMS if name in given.agreement.file.agreed_streams()]
    names += sorted({batch.stream for batch in given.batches} - set(names))
    rows = "".join(_stream_row(given, name) for name in names)
    return f"""<h2>What, and when</h2>
<div class="wide"><table class="stack"><thead><tr><th>Kind of record</th><th class="number">Records</th>
<th class="number">Batches</th><th class="number">Bytes</th><th>Records leave</th></tr></thead>
<tbody>{rows}</tbody></table></div>
<p class="soft">Bytes are those of the payloads, padding included. {_empty_envelopes(given)}Kinds of record that no
question needs are not collected at all.</p>"""


def _empty_envelopes(given: ReportInput) -> str:
    empty = sum(not batch.records for batch in given.batches)
    if not empty:
        return ""
    last_s = max(batch.at_s for batch in given.batches)
    return (
        f"{counted(empty, 'batch carries', 'batches carry')} no record: the same number leaves each day, so that "
        f"it tells nothing, and the replay goes on for {duration_in_words(last_s)} until all that is due has left. "
    )


def _stream_row(given: ReportInput, name: str) -> str:
    batches = [batch for batch in given.batches if batch.stream == name]
    terms = terms_in_words(given.agreement.file, name)
    return (
        f'<tr><th scope="row">{escape(name)}<small>{escape(STREAMS.get(name, ""))}'
        f"{f' — {escape(terms)}' if terms else ''}</small></th>"
        f"{_number('Records', len(given.of(name)))}{_number('Batches', len(batches))}"
        f"{_number('Bytes', sum(batch.bytes for batch in batches))}"
        f'<td data-label="Leave">{escape(_leaves([batch.at_s for batch in batches if batch.records]))}</td></tr>'
    )


def _number(label: str, number: int) -> str:
    return f'<td class="number" data-label="{label}">{number:,}</td>'


def _leaves(at_s: Sequence[float]) -> str:
    """When the records of a stream leave: one moment, or the first and the last."""
    if not at_s:
        return "none"
    first, last = (f"{duration_in_words(moment)} after the log’s start" for moment in (min(at_s), max(at_s)))
    return first if first == last else f"{first} to {last}"


def _questions(given: ReportInput) -> str:
    asked = "".join(_question(question) for question in given.agreement.file.questions)
    return f"<h2>Why: the questions agreed on</h2>{asked}"


def _question(question: Question) -> str:
    return f"""<section class="question"><h3>{escape(question.asks)}</h3><dl>
<dt>Asked by</dt><dd>{escape(question.owner)}, valid until {question.valid_until}</dd>
<dt>Purpose</dt><dd>{escape(question.purpose)}</dd>
<dt>Needs</dt><dd>{escape(listed(list(question.needs)))}</dd>
<dt class="yes">✓ Allowed</dt><dd>{escape(listed(question.uses.allowed))}</dd>
<dt class="no">✗ Forbidden</dt><dd>{escape(listed(question.uses.forbidden))}</dd></dl></section>"""


def _stayed(given: ReportInput) -> str:
    """Totals of what was read and did not leave; nothing of where or when."""
    refused = {
        key.removeprefix(REFUSED_PREFIX): times
        for key, times in given.counts.items()
        if key.startswith(REFUSED_PREFIX) and times
    }
    rows = [(words, given.counts[key]) for key, words in COUNTS.items() if key in given.counts]
    rows += [
        (f"fixes refused: {REFUSALS.get(reason, reason)}", times)
        for reason, times in sorted(refused.items(), key=lambda item: (-item[1], item[0]))
    ]
    shown = "".join(
        f'<tr><th scope="row">{escape(words)}</th><td class="number">{times:,}</td></tr>'
        for words, times in rows
    )
    table = f'<div class="wide"><table><tbody>{shown}</tbody></table></div>' if rows else ""
    return f"""<h2>What stayed on the truck</h2>
<p>No speed, heading, altitude or satellite reading leaves. Of the rest, these totals are shown here and nowhere else;
the truck tells them to nobody.</p>{table}"""


def _stretches(given: ReportInput) -> str:
    if "track" not in given.agreement.file.agreed_streams():
        return ""
    rows = [_stretch_row(record) for record in given.of("track")]
    if not rows:
        return "<h2>Stretches</h2><p>No stretch would be published.</p>"
    return f"<h2>Stretches</h2>{table(['Date', 'Stretch', 'Length', 'Running time', 'Points'], rows)}"


def _stretch_row(record: Mapping[str, Any]) -> list[str]:
    return [
        record["date"],
        str(record["stretch"]),
        length_in_words(path_length_m(record["path"])),
        duration_in_words(record["running_s"]),
        str(len(record["path"])),
    ]


def _closing(given: ReportInput) -> str:
    reference = given.agreement.reference
    return f"""<footer><p>Whoever holds truck and roster together can tell whose day this was; the questions above say
which uses are forbidden. A detour is visible. None of this holds against someone who replaces the software on the
truck.</p>
<p>Agreement {escape(reference.id)} version {reference.version}, SHA-256 {reference.sha256}.
Written by Fairhaul.</p></footer>"""
