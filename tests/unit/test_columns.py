"""Columns of every stream: integers, deltas, scales, words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.columns import STREAMS, read_columns, scaled, write_columns

VECTORS = json.loads((Path(__file__).parent / "wire-vectors.json").read_text("ascii"))
FILLED = {v["heading"]["stream"]: v["records"] for v in VECTORS if v["name"].endswith(", filled")}
LIVE = {"utc": "2026-11-21T09:15:00Z", "latitude_deg": 40.00123, "longitude_deg": -4.00456}


@pytest.mark.parametrize("stream", STREAMS)
def test_written_columns_read_back_as_the_same_records(stream):
    assert read_columns(stream, write_columns(stream, FILLED[stream])) == FILLED[stream]


@pytest.mark.parametrize("stream", STREAMS)
def test_written_columns_hold_whole_numbers_only(stream):
    for column in write_columns(stream, FILLED[stream]).cols.values():
        assert all(type(number) is int for number in column)


@pytest.mark.parametrize("stream", STREAMS)
def test_no_records_give_empty_columns_and_read_back_as_none(stream):
    written = write_columns(stream, [])
    assert all(column == [] for column in written.cols.values())
    assert "s" not in written.cols
    assert read_columns(stream, written) == []


def test_delta_column_holds_its_first_value_and_then_differences():
    written = write_columns("live", [LIVE, dict(LIVE, latitude_deg=40.00213, utc="2026-11-21T09:16:00Z")])
    assert written.cols["lat"] == [4_000_123, 90]
    assert written.cols["utc"][1] == 60
    assert written.scale == {"lat": 1e-5, "lon": 1e-5}


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, 0), (4, 0), (6, 10), (180, 180), (184, 180), (1_227.5, 1_230)]
)
def test_running_time_is_plain_seconds_in_steps_of_ten(seconds, told):
    written = write_columns("track", [dict(FILLED["track"][0], running_s=seconds)])
    assert written.cols["running_s"] == [told]
    assert "running_s" not in written.scale
    assert read_columns("track", written)[0]["running_s"] == told


def test_direct_column_holds_its_values():
    assert write_columns("lifts", FILLED["lifts"]).cols["count"] == [7, 2]


def test_words_stand_once_and_sorted():
    written = write_columns("harsh_braking", FILLED["harsh_braking"])
    assert written.words == {"severity": ["hard", "severe"], "corroborated": ["no", "unknown", "yes"]}
    assert written.cols["severity"] == [0, 1, 0]


def test_paths_of_all_records_are_one_chain():
    written = write_columns("track", FILLED["track"])
    assert written.cols["points"] == [3, 2, 4]
    assert written.cols["lat"][3] == 0


def test_record_without_points_is_kept():
    record = {"date": "2026-11-21", "stretch": 1, "running_s": 0, "path": []}
    assert read_columns("track", write_columns("track", [record])) == [record]


def test_times_of_points_are_read_back_where_all_records_have_them():
    timed = [dict(record, s=[7] * len(record["path"])) for record in FILLED["track"]]
    assert read_columns("track", write_columns("track", timed)) == timed


def test_batch_of_timed_and_untimed_records_shows_no_times():
    timed, *untimed = FILLED["track"]
    mixed = [dict(timed, s=[1, 2, 3]), *untimed]
    assert read_columns("track", write_columns("track", mixed)) == FILLED["track"]


HELP = {"utc": "2026-11-21T09:15:02Z", "latitude_deg": 40.00123, "longitude_deg": -4.00456, "state": "raised"}


def test_call_for_help_may_come_without_a_place_and_without_a_time():
    calls = [{"state": "raised"}, {"utc": HELP["utc"], "state": "ongoing"}, HELP, {"state": "cleared"}]
    written = write_columns("help", calls)
    assert written.cols["timed"] == [0, 1, 1, 0]
    assert written.cols["placed"] == [0, 0, 1, 0]
    assert written.cols["lat"] == [4_000_123]
    assert written.cols["utc"] == [1_795_252_502, 0]
    assert read_columns("help", written) == calls


@pytest.mark.parametrize(
    ("placed", "lat"),
    [
        ([1], []),
        ([0], [4_000_123]),
        ([1], [4_000_123, 0]),
        ([2], [4_000_123]),
        ([-1], []),
        ([1, 0], [4_000_123]),
    ],
    ids=str,
)
def test_places_that_do_not_fit_the_records_that_have_one_are_refused(placed, lat):
    written = write_columns("help", [HELP])
    written.cols["placed"], written.cols["lat"] = placed, lat
    with pytest.raises(ValueError, match=r"fit|lacks|zip"):
        read_columns("help", written)


@pytest.mark.parametrize(
    ("whole", "scale", "value"),
    [
        (4_041_234, 1e-5, 40.41234),
        (-1, 1e-5, -0.00001),
        (18_000_000, 1e-5, 180.0),
        (18, 10, 180),
        (7, 1, 7),
    ],
)
def test_scaled_values_have_no_noise_of_binary_fractions(whole, scale, value):
    assert scaled(whole, scale) == value


@pytest.mark.parametrize("month", ["0001-01", "1969-12", "1970-01", "2026-11", "9999-12"])
def test_months_read_back(month):
    record = dict(FILLED["harsh_braking"][0], month=month)
    assert read_columns("harsh_braking", write_columns("harsh_braking", [record])) == [record]


@pytest.mark.parametrize("number", [-1970 * 12 - 1, (9999 - 1970) * 12 + 12])
def test_months_outside_the_calendar_are_refused(number):
    written = write_columns("harsh_braking", FILLED["harsh_braking"][:1])
    written.cols["month"] = [number]
    with pytest.raises(ValueError, match="year"):
        read_columns("harsh_braking", written)


@pytest.mark.parametrize(
    ("field", "at_the_limit", "past_it"),
    [("lat", 9_000_000, 9_000_001), ("lon", -18_000_000, -18_000_001)],
)
def test_places_end_where_the_earth_ends(field, at_the_limit, past_it):
    written = write_columns("live", [LIVE])
    written.cols[field] = [at_the_limit]
    assert len(read_columns("live", written)) == 1
    written.cols[field] = [past_it]
    with pytest.raises(ValueError, match="out of range"):
        read_columns("live", written)
