"""The columns of every stream on the wire (version 1).

A payload holds its records column by column, as integers: an integer times the column's scale is the value in
the unit that the field's name ends in. A delta column holds its first value and then differences. The table
`STREAMS` is the whole specification; docs/wire.md is checked against it.
"""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from agent.records import day_number, iso_date, iso_utc

DEGREE_SCALE = 1e-5  # about 1.1 m of latitude
RUNNING_STEP_S = 10
LATITUDE_DEG_MAX = 90
LONGITUDE_DEG_MAX = 180


class Columns(NamedTuple):
    """The parts of a payload that hold records: integers by column, scale by column, words by column."""

    cols: dict[str, list[Any]]
    scale: dict[str, float]
    words: dict[str, list[str]]


def _deltas(values: Sequence[int]) -> list[int]:
    return [value - before for before, value in itertools.pairwise(itertools.chain((0,), values))]


def _within(values: list[float], limit: float) -> list[float]:
    if not all(-limit <= value <= limit for value in values):
        raise ValueError("out of range")
    return values


def _sums(deltas: Sequence[int]) -> list[int]:
    return list(itertools.accumulate(deltas))


class Numbers(NamedTuple):
    """A field of numbers: `column` on the wire, value = integer × `scale`, at most `limit` on either side of 0.

    The integers written are multiples of `step`.
    """

    field: str
    column: str
    scale: float = 1
    delta: bool = True
    limit: float | None = None
    step: int = 1

    def write(self, values: Sequence[Any], into: Columns) -> None:
        """Append this field's column."""
        whole = [round(value / self.scale / self.step) * self.step for value in values]
        into.cols[self.column] = _deltas(whole) if self.delta else whole
        if self.scale != 1:
            into.scale[self.column] = self.scale

    def read(self, source: Columns) -> list[Any]:
        """The field's values, in its unit."""
        whole = source.cols[self.column]
        scale = source.scale.get(self.column, 1)
        values = [scaled(value, scale) for value in (_sums(whole) if self.delta else whole)]
        return values if self.limit is None else _within(values, self.limit)


class Counts(NamedTuple):
    """A field that is a small table of counts, one column each."""

    field: str
    columns: tuple[str, ...]

    def write(self, values: Sequence[Any], into: Columns) -> None:
        """Append one column for each count."""
        for column in self.columns:
            into.cols[column] = _deltas([value[column] for value in values])

    def read(self, source: Columns) -> list[Any]:
        """Each record's table of counts."""
        counted = [_sums(source.cols[column]) for column in self.columns]
        return [dict(zip(self.columns, row, strict=True)) for row in zip(*counted, strict=True)]


class Texts(NamedTuple):
    """A field of text that stands for an integer, such as a date: `parse` and `show` are each other's inverse."""

    field: str
    column: str
    parse: Callable[[str], int]
    show: Callable[[int], str]

    def write(self, values: Sequence[Any], into: Columns) -> None:
        """Append this field's column."""
        into.cols[self.column] = _deltas([self.parse(value) for value in values])

    def read(self, source: Columns) -> list[Any]:
        """The field's values as text."""
        return [self.show(value) for value in _sums(source.cols[self.column])]


class Sometimes(NamedTuple):
    """A field that a record may lack: column `given` holds 1 for each record that has it and 0 for the others.

    The field's own column holds the values of those that have it, and nothing for the others. Fields that are
    there or not together share one `given`.
    """

    of: Numbers | Texts
    given: str

    @property
    def field(self) -> str:
        """The field's name."""
        return self.of.field

    def write(self, values: Sequence[Any], into: Columns) -> None:
        """Append which records have the field, and the field's column."""
        into.cols[self.given] = [int(value is not None) for value in values]
        self.of.write([value for value in values if value is not None], into)

    def read(self, source: Columns) -> list[Any]:
        """The field's values, None where a record lacks it."""
        given, values = source.cols[self.given], iter(self.of.read(source))
        if any(flag not in (0, 1) for flag in given):
            raise ValueError("a record has a field or lacks it")
        found = [next(values, None) if flag else None for flag in given]
        if found.count(None) != given.count(0) or next(values, None) is not None:
            raise ValueError("the number of values does not fit the records that have one")
        return found


class Words(NamedTuple):
    """A field of words out of a small set: the set, sorted, stands once in the payload."""

    field: str
    column: str

    def write(self, values: Sequence[Any], into: Columns) -> None:
        """Append this field's column and its set of words."""
        known = sorted(set(values))
        into.words[self.column] = known
        into.cols[self.column] = [known.index(value) for value in values]

    def read(self, source: Columns) -> list[Any]:
        """The field's words."""
        known, indexes = source.words[self.column], source.cols[self.column]
        if any(index < 0 for index in indexes):
            raise ValueError("a word that is not there")
        return [known[index] for index in indexes]


class Paths(NamedTuple):
    """A path a record: its points' number in `points`, then all points of all records as one delta chain.

    Points are `[latitude_deg, longitude_deg]`. Where the agreement publishes a time for each point, the record
    has a field `s` (whole seconds of the service day, one a point) and the payload a column `s`.
    """

    field: str = "path"

    def write(self, values: Sequence[Any], into: Columns) -> None:
        """Append the columns `points`, `lat` and `lon`."""
        into.cols["points"] = [len(path) for path in values]
        for axis, column in enumerate(("lat", "lon")):
            whole = [round(point[axis] / DEGREE_SCALE) for path in values for point in path]
            into.cols[column] = _deltas(whole)
            into.scale[column] = DEGREE_SCALE

    def read(self, source: Columns) -> list[Any]:
        """Each record's list of points."""
        axes = [
            _within([scaled(value, source.scale[column]) for value in _sums(source.cols[column])], limit)
            for column, limit in (("lat", LATITUDE_DEG_MAX), ("lon", LONGITUDE_DEG_MAX))
        ]
        return _cut(source, [list(point) for point in zip(*axes, strict=True)])


class PointTimes(NamedTuple):
    """The optional seconds of each point of a path, cut as the points are."""

    field: str = "s"

    def write(self, values: Sequence[Any], into: Columns) -> None:
        """Append the column `s` when every record has times.

        Records without any may share a batch with timed ones after a change of agreement: then none shows them.
        """
        if values and all(times is not None for times in values):
            into.cols["s"] = _deltas([second for times in values for second in times])

    def read(self, source: Columns) -> list[Any]:
        """Each record's list of seconds, or None throughout."""
        if "s" not in source.cols:
            return [None] * len(source.cols["points"])
        return _cut(source, _sums(source.cols["s"]))


def _cut(source: Columns, flat: list[Any]) -> list[list[Any]]:
    counts = source.cols["points"]
    if any(count < 0 for count in counts) or sum(counts) != len(flat):
        raise ValueError("the number of points does not fit the columns")
    ends = list(itertools.accumulate(counts))
    return [flat[end - count : end] for end, count in zip(ends, counts, strict=True)]


def scaled(whole: int, scale: float) -> float:
    """`whole` × `scale` without the noise of binary fractions: 4041234 × 1e-5 is 40.41234."""
    if scale >= 1:
        return whole * round(scale)
    return whole / round(1 / scale)


def _month_number(month: str) -> int:
    year, number = month.split("-")
    return (int(year) - 1970) * 12 + int(number) - 1


def _month(number: int) -> str:
    return datetime.date(1970 + number // 12, number % 12 + 1, 1).isoformat()[:7]


def _utc_seconds(iso: str) -> int:
    return round(datetime.datetime.fromisoformat(iso).timestamp())


Field = Numbers | Counts | Texts | Sometimes | Words | Paths | PointTimes

_DATE = Texts("date", "date", day_number, iso_date)
_MONTH = Texts("month", "month", _month_number, _month)
_STRETCH = Numbers("stretch", "stretch")
_RUNNING = Numbers("running_s", "running_s", step=RUNNING_STEP_S)
_PLACE = (
    Numbers("latitude_deg", "lat", DEGREE_SCALE, limit=LATITUDE_DEG_MAX),
    Numbers("longitude_deg", "lon", DEGREE_SCALE, limit=LONGITUDE_DEG_MAX),
)
_UTC = Texts("utc", "utc", _utc_seconds, iso_utc)

STREAMS: Mapping[str, tuple[Field, ...]] = {
    "track": (_DATE, _STRETCH, _RUNNING, Paths(), PointTimes()),
    "stops": (_DATE, _STRETCH, *_PLACE),
    "lifts": (_DATE, *_PLACE, Numbers("count", "count", delta=False)),
    "passed": (_DATE, *_PLACE, Numbers("window", "window", delta=False)),
    "harsh_braking": (_MONTH, *_PLACE, Words("severity", "severity"), Words("corroborated", "corroborated")),
    "day": (_DATE, Numbers("distance_m", "distance_m"), _RUNNING, Numbers("stretches", "stretches")),
    "site_visits": (
        _DATE,
        Words("site", "site"),
        Numbers("visits", "visits", delta=False),
        Words("dwell_class", "dwell_class"),
    ),
    "crew_report": (_DATE, *_PLACE, Words("kind", "kind")),
    # Who calls for help before the first fix is heard all the same.
    "help": (
        Sometimes(_UTC, "timed"),
        *(Sometimes(axis, "placed") for axis in _PLACE),
        Words("state", "state"),
    ),
    "live": (_UTC, *_PLACE),
    "box": (
        _DATE,
        Words("version", "version"),
        Words("agreement", "agreement"),
        Words("self_test", "self_test"),
        Words("storage", "storage"),
        Numbers("certificate_days", "certificate_days", delta=False),
        Counts("lost", ("evicted", "expired", "refused")),
    ),
}


def write_columns(stream: str, records: Sequence[Mapping[str, Any]]) -> Columns:
    """The columns of `records`, whose fields are those of `stream`."""
    columns = Columns({}, {}, {})
    for field in STREAMS[stream]:
        field.write([record.get(field.field) for record in records], columns)
    return columns


def read_columns(stream: str, columns: Columns) -> list[dict[str, Any]]:
    """The records that `write_columns` was given. Raises ValueError, KeyError, IndexError or TypeError."""
    fields = STREAMS[stream]
    values = [field.read(columns) for field in fields]
    return [
        {field.field: value for field, value in zip(fields, row, strict=True) if value is not None}
        for row in zip(*values, strict=True)
    ]
