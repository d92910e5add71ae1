"""How records of one stream are put together, on the truck's disk and in its batches.

Counts of the same thing add up, and what is left is sorted, so that neither the number of rows nor their order
tells when something was. To merge what was merged changes nothing, whatever order it came in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from agent.records import Record

Fields = dict[str, Any]
Merge = Callable[[Iterable[Fields]], list[Fields]]

_CELL = ("latitude_deg", "longitude_deg")


def _sorted_by(*names: str) -> Merge:
    def merge(records: Iterable[Fields]) -> list[Fields]:
        return sorted(records, key=lambda fields: [fields[name] for name in names])

    return merge


def _distinct(*names: str) -> Merge:
    def merge(records: Iterable[Fields]) -> list[Fields]:
        found = {tuple(fields[name] for name in names): fields for fields in records}
        return [found[key] for key in sorted(found)]

    return merge


def _summed(*names: str, counts: tuple[str, ...]) -> Merge:
    def merge(records: Iterable[Fields]) -> list[Fields]:
        sums: dict[tuple[Any, ...], Fields] = {}
        for fields in records:
            so_far = sums.get(key := tuple(fields[name] for name in names))
            added = {name: so_far[name] + fields[name] for name in counts} if so_far else {}
            sums[key] = {**fields, **added}
        return [sums[key] for key in sorted(sums)]

    return merge


MERGED: Mapping[str, Merge] = {
    "crew_report": _sorted_by("date", *_CELL, "kind"),
    "day": _summed("date", counts=("distance_m", "running_s", "stretches")),
    "harsh_braking": _sorted_by(*_CELL, "severity", "corroborated", "month"),
    "lifts": _summed("date", *_CELL, counts=("count",)),
    "passed": _distinct("date", *_CELL, "window"),
    "site_visits": _summed("date", "site", "dwell_class", counts=("visits",)),
}


def put_together(records: Iterable[Record]) -> list[Record]:
    """The records of each stream and day put together; those of streams that are not merged do not come here."""
    days: dict[tuple[str, int], list[Fields]] = {}
    for record in records:
        days.setdefault((record.stream, record.day), []).append(record.fields)
    return [
        Record(stream, day, fields)
        for (stream, day), told in sorted(days.items())
        for fields in MERGED[stream](told)
    ]
