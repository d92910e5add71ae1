"""`site_visits`: how often the truck was at each declared site on a date, and in which class its stay was.

Only time that may be published counts: a pause adds nothing, and break rooms inside a site are off limits like
anywhere. To be at a site, or away from it, counts once it has lasted a minute, so that who drives past pays no
visit and noise at the fence makes none of one.

A visit is two when a place off limits inside the site, or the end of a service day, comes between.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from agent.agreement import Agreement
from agent.filters.placed import Placed
from agent.geometry import Point
from agent.records import Record, iso_date
from agent.streams.stream import Stream
from config.quantities import DURATION, written

VISIT_S_MIN = 60


class _Visit(NamedTuple):
    """A stay so far: milliseconds at the site, and since it was last there."""

    site: str
    day: int
    dwell_ms: int = 0
    away_ms: int = 0


class SiteVisits(Stream):
    """Places in, visits of one out; the visits of a site, date and class add up.

    `bounds_s` are the least seconds of each class but the first, ascending.
    """

    name = "site_visits"

    def __init__(self, site_of: Callable[[Point], str | None], bounds_s: Sequence[float]) -> None:
        self._site_of = site_of
        self._bounds_ms = [round(bound_s * 1000) for bound_s in bounds_s]
        self._classes = dwell_classes(bounds_s)
        self._enough_ms = max(
            [1000 * VISIT_S_MIN, *self._bounds_ms]
        )  # more tells nothing, so it is not counted
        self._visit: _Visit | None = None

    @classmethod
    def agreed(cls, agreement: Agreement) -> SiteVisits | None:
        """As agreed; None when it is not."""
        terms = agreement.file.streams.site_visits
        return cls(agreement.site_of, terms.dwell_classes) if terms else None

    def placed(self, placed: Placed) -> list[Record]:
        """The visit that this place ends, if it does."""
        site, visit = self._site_of(placed.point), self._visit
        if visit is not None and visit.day == placed.day:
            self._visit = self._later(visit, site, round(placed.elapsed_s * 1000))
            if self._visit is not None:
                return []
        records = self._ended(visit)
        self._visit = None if site is None else _Visit(site, placed.day)
        return records

    def cut(self) -> list[Record]:
        """End the visit."""
        visit, self._visit = self._visit, None
        return self._ended(visit)

    def state(self) -> Any:
        """The visit so far."""
        return None if self._visit is None else list(self._visit)

    def resume(self, state: Any) -> None:
        """Go on with the visit."""
        site, day, dwell_ms, away_ms = state
        self._visit = _Visit(str(site), int(day), int(dwell_ms), int(away_ms))

    def _later(self, visit: _Visit, site: str | None, elapsed_ms: int) -> _Visit | None:
        """The visit after `elapsed_ms` more, now that the truck is at `site`; None when it has ended."""
        if site == visit.site:
            return visit._replace(dwell_ms=min(visit.dwell_ms + elapsed_ms, self._enough_ms), away_ms=0)
        away_ms = visit.away_ms + elapsed_ms
        ended = site is not None or away_ms >= 1000 * VISIT_S_MIN
        return None if ended else visit._replace(away_ms=away_ms)

    def _ended(self, visit: _Visit | None) -> list[Record]:
        if visit is None or visit.dwell_ms < 1000 * VISIT_S_MIN:
            return []
        reached = sum(visit.dwell_ms >= bound_ms for bound_ms in self._bounds_ms)
        fields = {
            "date": iso_date(visit.day),
            "site": visit.site,
            "visits": 1,
            "dwell_class": self._classes[reached],
        }
        return [Record(self.name, visit.day, fields)]


def dwell_classes(bounds_s: Sequence[float]) -> list[str]:
    """The words for each class: `under 10 min`, `10 to 30 min`, `over 30 min`."""
    bounds = [written(bound_s, DURATION) for bound_s in bounds_s]
    between = [_between(low, high) for low, high in itertools.pairwise(bounds)]
    return [f"under {bounds[0]}", *between, f"over {bounds[-1]}"]


def _between(low: str, high: str) -> str:
    unit = high[high.index(" ") :]
    return f"{low.removesuffix(unit)} to {high}"
