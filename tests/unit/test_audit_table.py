"""The figures as people read them: the same rows on a terminal, in Markdown, and as one JSON object a row."""

from __future__ import annotations

import json
import math

from agent.audit import table, verdict
from agent.audit.guessing import Share
from agent.audit.verdict import Judged

JUDGED = Judged(
    [
        verdict.promised("places off limits, within 50 m", "circle fit", Share(5, 10), 0.15, 0.25, "R9"),
        verdict.promised("places off limits, within 50 m", "heading rays", Share(1, 10), 0.15, 0.25, "R9"),
        verdict.printed("places off limits, within 50 m", "stay points", Share(0, 0), 0.15),
        verdict.control("breaks on raw data", "best of all", Share(99, 100), 0.95),
        verdict.control("breaks on raw data", "gap in space", Share(1, 100), 0.95),
        verdict.promised("speed", "lines faster than the ceiling", Share(0, 1200), None, 0.0, "R4"),
        verdict.promised("speed", "at a place, R²", 0.0104, None, 0.02, "R4"),
        verdict.given_away("speed", "mean of a line, R²", -0.0531, None),
        verdict.given_away("speed", "elastic pathing", math.nan, math.nan),
    ]
)

LINES = """
places off limits, within 50 m
  circle fit                                      50 %       24–76    10    15 %     25 %  R9 BROKEN
  heading rays                                    10 %        2–40    10    15 %     25 %  R9 holds
  stay points                                        –                 0    15 %

breaks on raw data
  best of all                                     99 %      95–100   100           ≥ 95 %  works
  gap in space                                     1 %         0–5   100           ≥ 95 %  TOO WEAK

speed
  lines faster than the ceiling                    0 %         0–0  1200              0 %  R4 holds
  at a place, R²                                 0.010                              0.020  R4 holds
  mean of a line, R²                            -0.053                                     given away
  elastic pathing                                    –                         –           given away
"""

MARKDOWN = """
### Places off limits, within 50 m

| attack | found | 95 % | of | chance | at most |  |
|---|---:|---:|---:|---:|---:|---|
| circle fit | 50 % | 24–76 | 10 | 15 % | 25 % | R9 BROKEN |
| heading rays | 10 % | 2–40 | 10 | 15 % | 25 % | R9 holds |
| stay points | – |  | 0 | 15 % |  |  |

### Breaks on raw data

| attack | found | 95 % | of | chance | at most |  |
|---|---:|---:|---:|---:|---:|---|
| best of all | 99 % | 95–100 | 100 |  | ≥ 95 % | works |
| gap in space | 1 % | 0–5 | 100 |  | ≥ 95 % | TOO WEAK |

### Speed

| attack | found | 95 % | of | chance | at most |  |
|---|---:|---:|---:|---:|---:|---|
| lines faster than the ceiling | 0 % | 0–0 | 1200 |  | 0 % | R4 holds |
| at a place, R² | 0.010 |  |  |  | 0.020 | R4 holds |
| mean of a line, R² | -0.053 |  |  |  |  | given away |
| elastic pathing | – |  |  | – |  | given away |
"""


def test_lines_for_a_terminal_look_like_this() -> None:
    assert "\n".join(table.lines(JUDGED)).splitlines() == LINES.rstrip("\n").splitlines()


def test_markdown_has_a_table_a_section() -> None:
    assert "\n".join(table.markdown(JUDGED)).split("\n") == [*MARKDOWN.strip("\n").split("\n"), ""]


def test_each_row_is_one_json_object_with_shares_from_0_to_1() -> None:
    rows = [json.loads(line) for line in table.records(JUDGED)]
    assert len(rows) == len(JUDGED.rows)
    assert rows[0] == {
        "section": "places off limits, within 50 m",
        "attack": "circle fit",
        "found": 0.5,
        "chance": 0.15,
        "bound": 0.25,
        "promise": "R9",
        "judgement": "BROKEN",
        "trials": 10,
        "interval": [0.2366, 0.7634],
    }
    assert rows[7]["found"] == -0.0531
    assert rows[7]["trials"] is rows[7]["interval"] is None


def test_where_there_is_nothing_to_say_json_has_null() -> None:
    without_trial, without_speed = (json.loads(list(table.records(JUDGED))[i]) for i in (2, 8))
    assert without_trial["found"] is without_trial["interval"] is without_speed["chance"] is None
    assert without_trial["trials"] == 0
    assert "NaN" not in "".join(table.records(JUDGED))


def test_of_no_rows_there_is_nothing() -> None:
    for written in (table.lines, table.markdown, table.records):
        assert list(written(Judged([]))) == []
