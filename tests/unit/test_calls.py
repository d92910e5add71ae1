"""Calls for help in words: never silent, never more than fits, never words off the wire."""

from __future__ import annotations

from agent.city.calls import CALLS_SAID_MAX, calls_in_words

CALL = {"utc": "2026-11-21T09:15:02Z", "latitude_deg": 40.0, "longitude_deg": -4.00456, "state": "raised"}


def test_place_is_written_as_a_map_takes_it():
    assert calls_in_words("truck-007", [CALL]) == [
        "HELP: truck-007 calls for help, at 2026-11-21T09:15:02Z, at 40.00000, -4.00456"
    ]


def test_calls_at_the_limit_are_all_said_and_past_it_counted():
    assert len(calls_in_words("truck-007", [CALL] * CALLS_SAID_MAX)) == CALLS_SAID_MAX
    said = calls_in_words("truck-007", [CALL] * (CALLS_SAID_MAX + 1))
    assert said[0] == "HELP: earlier calls of truck-007 in the same batch: 1"
    assert len(said) == CALLS_SAID_MAX + 1


def test_state_that_is_not_known_is_a_call_all_the_same_and_not_repeated():
    (said,) = calls_in_words("truck-007", [dict(CALL, state="\x1b[2Jall is well")])
    assert said.startswith("HELP: truck-007 calls for help in words of a later release")
    assert "all is well" not in said


def test_batch_without_records_says_nothing():
    assert calls_in_words("truck-007", []) == []
