"""The report's tables of what a day adds up to: day totals, visits of sites, calls for help, stretches."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from agent.agreement.schema import AgreementFile
from agent.city.calls import place_in_words
from agent.report.words import CALLS, counted, duration_in_words, kind_in_words, length_in_words, listed

ROWS_MAX = 500

Records = Sequence[Mapping[str, Any]]
ByStream = Mapping[str, Records]


def day_table(agreement: AgreementFile, records: ByStream) -> str:
    """One row a date, with what the agreed streams add up to; "" when none of them is agreed or has anything."""
    agreed = [column for column in _COLUMNS if column[0] in agreement.agreed_streams()]
    days: dict[str, dict[str, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for stream in {column[0] for column in agreed}:
        for record in records.get(stream, ()):
            days[record["date"]][stream].append(record)
    rows = [[date, *(show(day[stream]) for stream, _, show in agreed)] for date, day in sorted(days.items())]
    if not rows:
        return ""
    return f"<h2>Day totals</h2>{table(['Date', *(title for _, title, _ in agreed)], rows, words=('Crew reports',))}"


def _sum(name: str, show: Callable[[int], str]) -> Callable[[Records], str]:
    return lambda records: show(sum(record[name] for record in records))


def _figure(number: int) -> str:
    return f"{number:,}"


def _reports(records: Records) -> str:
    kinds = Counter(record["kind"] for record in records)
    return listed([f"{times:,} × {kind_in_words(kind)}" for kind, times in sorted(kinds.items())]) or "none"


_COLUMNS: Sequence[tuple[str, str, Callable[[Records], str]]] = (
    ("day", "Distance", _sum("distance_m", length_in_words)),
    ("day", "Running time", _sum("running_s", duration_in_words)),
    ("day", "Stretches", _sum("stretches", _figure)),
    ("lifts", "Bin lifts", _sum("count", _figure)),
    ("stops", "Stops", lambda records: _figure(len(records))),
    ("passed", "Squares passed", lambda records: _figure(len({_cell(record) for record in records}))),
    ("site_visits", "Site visits", _sum("visits", _figure)),
    ("crew_report", "Crew reports", _reports),
)


def _cell(record: Mapping[str, Any]) -> tuple[float, float]:
    return record["latitude_deg"], record["longitude_deg"]


def site_table(visits: Records) -> str:
    """One row a date, site and class of stay; "" when no site was visited."""
    if not visits:
        return ""
    times: Counter[tuple[str, str, str]] = Counter()
    for visit in visits:
        times[visit["date"], visit["site"], visit["dwell_class"]] += visit["visits"]
    rows = [[date, site, dwell, f"{count:,}"] for (date, site, dwell), count in sorted(times.items())]
    return f"<h2>Sites</h2>{table(['Date', 'Site', 'Stayed', 'Visits'], rows, words=('Site', 'Stayed'))}"


def call_table(calls: Records) -> str:
    """The crew's calls for help as they came; "" when there was none."""
    if not calls:
        return ""
    rows = [
        [call.get("utc", "time not known"), CALLS.get(call["state"], "called"), place_in_words(call)]
        for call in calls
    ]
    heads = ["When (UTC)", "The crew", "Where"]
    return f"<h2>Calls for help</h2>{table(heads, rows, words=heads)}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], words: Iterable[str] = ()) -> str:
    """A table of at most ROWS_MAX rows; columns are figures but for the first and those in `words`."""
    figures = [number > 0 and head not in words for number, head in enumerate(heads)]
    head = "".join(_cell_of("th", title, figure) for title, figure in zip(heads, figures, strict=True))
    body = "".join(
        f"<tr>{''.join(_cell_of('td', text, figure) for text, figure in zip(row, figures, strict=True))}</tr>"
        for row in rows[:ROWS_MAX]
    )
    more = len(rows) - ROWS_MAX
    rest = f'<p class="soft">… and {counted(more, "more row")}.</p>' if more > 0 else ""
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{rest}'


def _cell_of(tag: str, text: str, figure: bool) -> str:
    number = ' class="number"' if figure else ""
    return f"<{tag}{number}>{escape(text)}</{tag}>"
