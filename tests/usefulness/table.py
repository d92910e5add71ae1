"""The figures as people read them: what, figure, target, and whether it is met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tests.usefulness.measures import Found

RELEASE_EVERY_S = 60  # of the *operations* example
SENT_WITHIN = 2  # releases
DAY_BYTES_MAX = 100_000


class Row(NamedTuple):
    """One figure; `limit` is None where it is only told. `at_least` says on which side of it the good ones lie.

    `figure` is None where nothing of the kind left.
    """

    what: str
    figure: float | None
    unit: str
    limit: float | None = None
    at_least: bool = True
    of: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one. What can't be measured misses it."""
        if self.limit is None:
            return None
        if self.figure is None:
            return False
        return self.figure >= self.limit if self.at_least else self.figure <= self.limit


def daily_rows(found: Found) -> Iterator[Row]:
    """*routes-and-safety*."""
    yield _share(found, "street", "street length driven within 15 m of the track, every driving", 95.0, "m")
    yield _share(found, "street-once", "the same, every piece of street once", None, "pieces")
    yield _share(
        found, "braking", "corroborated brakings in the cell where the receiver had them", 98.0, "records"
    )
    yield _share(found, "braking-true", "the same, in the true cell", None, "records")
    yield _share(found, "braking-possible", "places received that lie in the true cell", None, "brakings")
    yield _share(found, "braking-left", "real brakings of which a corroborated record left", None, "brakings")
    yield _share(
        found,
        "lift cells",
        "squares that may be named whose lift count is exactly what the fixes received say",
        100.0,
        "cells",
    )
    yield _share(found, "lift total", "lifts counted, of those that were true", None, "lifts")
    yield _share(found, "lift true", "the same, in the true cell", None, "lifts")
    yield _share(found, "site visits", "site visits, of those that were true", None, "visits")
    yield _off(found, "running", "running time of collection stretches off the true one, median", 50, 8.0)
    yield _off(found, "running", "the same, 95th percentile", 95, 35.0)
    for loader in ("side loader", "rear loader"):
        yield _off(found, f"running, {loader}", f"the same, median, {loader}s", 50, None)
    bytes_a_day = max(found.samples.get("day bytes", []), default=None)
    yield Row("bytes of the dearest day, framing included", bytes_a_day, "B", DAY_BYTES_MAX, at_least=False)
    days = max(found.samples.get("days of track", []), default=None)
    yield Row("days on which the track of one shift left, at most", days, "d")


def timed_rows(found: Found) -> Iterator[Row]:
    """*operations*."""
    yield _share(
        found, "precision-received", "published points within 5 m of the way received", 100.0, "points"
    )
    yield _share(found, "precision-true", "published points within 5 m of the way driven", None, "points")
    yield _share(found, "stops", "served stops within 20 m of a published stop", 95.0, "stops")
    within_s = SENT_WITHIN * RELEASE_EVERY_S
    ready = found.samples.get("ready", [])
    share = 100 * float(np.mean(np.array(ready) <= within_s)) if ready else None
    yield Row(
        f"records sent within {within_s} s of being ready", share, "%", 100.0, of=f"{len(ready)} records"
    )
    for name, what in (("ready", "being ready"), ("newest", "its newest fix"), ("oldest", "its oldest fix")):
        samples = found.samples.get(name, [])
        figure = float(np.percentile(samples, 95)) if samples else None
        yield Row(f"from {what} to a record's leaving, 95th percentile", figure, "s")


def _share(found: Found, name: str, what: str, limit: float | None, of: str) -> Row:
    reached, whole = found.shares.get(name, (0.0, 0.0))
    figure = 100 * reached / whole if whole else None
    return Row(what, figure, "%", limit, of=f"{whole:,.0f} {of}" if whole else "")


def _off(found: Found, name: str, what: str, percentile: float, limit: float | None) -> Row:
    samples = found.samples.get(name, [])
    figure = 100 * float(np.percentile(np.abs(samples), percentile)) if samples else None
    return Row(what, figure, "%", limit, at_least=False, of=f"{len(samples)} stretches" if samples else "")


def missed(rows: Sequence[Row]) -> list[Row]:
    """Those whose target is not met."""
    return [row for row in rows if row.met is False]


def markdown(rows: Sequence[Row]) -> str:
    """The table as it stands in docs/usefulness.md."""
    lines = [["", "measured", "of", "target", ""], ["---", "---:", "---:", "---:", "---"], *map(_cells, rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cells(row: Row) -> list[str]:
    verdict = {True: "ok", False: "**MISSED**", None: ""}[row.met]
    return [row.what, _written(row.figure, row.unit), row.of, _target(row), verdict]


def _written(figure: float | None, unit: str) -> str:
    """A share is cut, not rounded, so that only a whole reads 100."""
    if figure is None:
        return "–"
    if unit != "%":
        return f"{figure:,.0f} {unit}"
    return f"{int(figure * 100) / 100:.2f} %"


def _target(row: Row) -> str:
    if row.limit is None:
        return ""
    return f"{'≥' if row.at_least else '≤'} {row.limit:,g} {row.unit}"
