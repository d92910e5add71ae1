"""The layers of the report's map that show what would be published, one function a stream."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from html import escape

from agent.geometry import Plane
from agent.report.frame import XY, Frame, Mapped, drawn, plane_xy, record_xy
from agent.report.words import counted, kind_in_words

CELL_MIN = 9.0  # drawn units; a cell stays visible on a map of a whole city
SEVERITY_CLASSES = 4  # colours in the style sheet; further classes share the last
LIFT_SHADES = 4  # of the style sheet, from few to many
PLACED = ("lifts", "harsh_braking", "stops", "crew_report", "help")  # streams with a mark of their own


def severity_class(severity: str, severities: Sequence[str]) -> str:
    """The style sheet's class for a class of braking: s1 the gentlest, s0 one that is not rated."""
    if severity not in severities:
        return "s0"
    return f"s{min(SEVERITY_CLASSES, severities.index(severity) + 1)}"


def lifts(mapped: Mapped, plane: Plane, frame: Frame) -> Iterable[str]:
    """A square for each cell with bin lifts, the darker the more."""
    terms = mapped.agreement.streams.lifts
    counts: Counter[XY] = Counter()
    for record in mapped.of("lifts"):
        counts[frame.xy(record_xy(plane, record))] += record["count"]
    most = max(counts.values(), default=0)
    for where, count in sorted(counts.items()):
        shade = -(-LIFT_SHADES * count // most)
        yield _square(
            where, f"lifts l{shade}", _side(terms.cell if terms else 0, frame), counted(count, "bin lift")
        )


def brakings(mapped: Mapped, plane: Plane, frame: Frame) -> Iterable[str]:
    """A square for each cell with brakings, in the colour of its most severe one."""
    terms = mapped.agreement.streams.harsh_braking
    side = _side(terms.cell if terms else 0, frame)
    cells: dict[XY, list[str]] = defaultdict(list)
    for record in mapped.of("harsh_braking"):
        cells[frame.xy(record_xy(plane, record))].append(record["severity"])
    for where, severities in sorted(cells.items()):
        worst = max(severities, key=lambda one: severity_class(one, mapped.severities))
        times = "once" if len(severities) == 1 else f"{len(severities)} times"
        title = f"harsh braking, {times}, at worst {worst}"
        yield _square(where, f"cell {severity_class(worst, mapped.severities)}", side, title)


def _side(cell_m: float, frame: Frame) -> float:
    return max(CELL_MIN, cell_m * frame.per_m)


def _square(where: XY, classes: str, side: float, title: str) -> str:
    return (
        f'<rect class="{classes}" x="{where[0] - side / 2:.1f}" y="{where[1] - side / 2:.1f}" '
        f'width="{side:.1f}" height="{side:.1f}"><title>{escape(title)}</title></rect>'
    )


def tracks(mapped: Mapped, plane: Plane, frame: Frame) -> Iterable[str]:
    """Each stretch as a line; a dot at either end shows where it was cut."""
    for record in mapped.of("track"):
        points = [drawn(frame.xy(plane_xy(plane, point))) for point in record["path"]]
        if points:
            title = f"{record['date']}, stretch {record['stretch']}"
            yield (
                f'<polyline class="track" points="{" ".join(points)}"><title>{escape(title)}</title></polyline>'
            )
    for record in mapped.of("track"):
        for point in record["path"][:1] + record["path"][1:][-1:]:
            x, y = frame.xy(plane_xy(plane, point))
            yield f'<circle class="end" cx="{x:.1f}" cy="{y:.1f}" r="2.2"/>'


def stops(mapped: Mapped, plane: Plane, frame: Frame) -> Iterable[str]:
    """A dot for each place where the truck stood, once however often it stood there."""
    for x, y in sorted({frame.xy(record_xy(plane, record)) for record in mapped.of("stops")}):
        yield f'<circle class="stop" cx="{x:.1f}" cy="{y:.1f}" r="2.6"><title>stop</title></circle>'


def crew_reports(mapped: Mapped, plane: Plane, frame: Frame) -> Iterable[str]:
    """A diamond for each thing that the crew reported."""
    for record in mapped.of("crew_report"):
        x, y = frame.xy(record_xy(plane, record))
        title = f"{kind_in_words(record['kind'])}, {record['date']}"
        yield f'<path class="report" d="M{x:.1f},{y - 6:.1f} l6,6 l-6,6 l-6,-6 Z"><title>{escape(title)}</title></path>'


def calls(mapped: Mapped, plane: Plane, frame: Frame) -> Iterable[str]:
    """A ring for each place from which the crew called for help."""
    for x, y in sorted({frame.xy(record_xy(plane, record)) for record in mapped.placed("help")}):
        yield f'<circle class="call" cx="{x:.1f}" cy="{y:.1f}" r="8"><title>call for help</title></circle>'
