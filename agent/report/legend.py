"""What the marks on the report's map mean; only marks that are on it are named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from html import escape

from agent.report.frame import Mapped
from agent.report.layers import LIFT_SHADES, severity_class
from agent.report.words import counted


def legend(mapped: Mapped) -> str:
    """The list items of the legend."""
    return "".join(entry for entries in _ENTRIES for entry in entries(mapped))


def _swatch(drawing: str, words: str) -> str:
    return f'<li><svg viewBox="0 0 24 16" aria-hidden="true">{drawing}</svg>{escape(words)}</li>'


def _tracks(mapped: Mapped) -> Iterable[str]:
    if mapped.agreement.streams.track:
        yield _swatch('<path class="track" d="M2,8 H22"/>', f"published track ({len(mapped.of('track')):,})")


def _lifts(mapped: Mapped) -> Iterable[str]:
    terms, records = mapped.agreement.streams.lifts, mapped.of("lifts")
    if terms and records:
        shades = "".join(
            f'<rect class="lifts l{shade}" x="{5.5 * shade - 4:.1f}" y="2" width="5.5" height="12"/>'
            for shade in range(1, LIFT_SHADES + 1)
        )
        lifts = counted(sum(record["count"] for record in records), "bin lift")
        yield _swatch(shades, f"{lifts} in squares of {terms.cell:g} m, the darker the more")


def _brakings(mapped: Mapped) -> Iterable[str]:
    terms = mapped.agreement.streams.harsh_braking
    severities = Counter(record["severity"] for record in mapped.of("harsh_braking"))
    for name, times in sorted(
        severities.items(), key=lambda item: (severity_class(item[0], mapped.severities), item[0])
    ):
        square = f'<rect class="cell {severity_class(name, mapped.severities)}" x="5" y="1" width="14" height="14"/>'
        yield _swatch(
            square, f"harsh braking, {name} ({times:,}), squares of {terms.cell if terms else 0:g} m"
        )


def _stops(mapped: Mapped) -> Iterable[str]:
    if stops := mapped.of("stops"):
        yield _swatch('<circle class="stop" cx="12" cy="8" r="3"/>', f"stop ({len(stops):,})")


def _crew_reports(mapped: Mapped) -> Iterable[str]:
    if reports := mapped.of("crew_report"):
        diamond = '<path class="report" d="M12,2 l6,6 l-6,6 l-6,-6 Z"/>'
        yield _swatch(diamond, f"reported by the crew ({len(reports):,})")


def _calls(mapped: Mapped) -> Iterable[str]:
    if mapped.placed("help"):
        yield _swatch('<circle class="call" cx="12" cy="8" r="6"/>', "call for help")


def _places(mapped: Mapped) -> Iterable[str]:
    inside = '<rect class="inside" x="2" y="2" width="20" height="12"/>'
    yield _swatch(inside, "service area; nothing is published outside it")
    if mapped.agreement.streams.site_visits and mapped.agreement.places.sites:
        yield _swatch(
            '<rect class="site" x="2" y="2" width="20" height="12"/>', "site whose visits are published"
        )
    if mapped.agreement.places.off_limits:
        off_limits = '<rect class="off-limits" x="2" y="1" width="20" height="14"/>'
        yield _swatch(off_limits, "off limits; the pale band is its margin")


_ENTRIES: Sequence[Callable[[Mapped], Iterable[str]]] = (
    _tracks,
    _lifts,
    _brakings,
    _stops,
    _crew_reports,
    _calls,
    _places,
)
