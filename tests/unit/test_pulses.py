"""Pulses, levels and faults out of raw edges, at every limit and one tick past it."""

from __future__ import annotations

import pytest

from agent.recording.pulses import (
    EDGES_MAX_HZ_MAX,
    LevelChanged,
    Line,
    LineFault,
    LineOptions,
    Lines,
    PulseSeen,
    Seen,
)

# Durations are binary fractions, so that "exactly" means exactly.
TICK_S = 1 / 1024
BRAKE = LineOptions(minimum_pulse_s=0.25, debounce_s=0.125, rearm_s=2.0, stuck_after_s=8.0, edges_max_hz=8)
SWITCH = LineOptions(debounce_s=0.125, stuck_after_s=8.0, edges_max_hz=8, level=True)


def run(line: Line, *edges: tuple[float, int], until: float = 100.0) -> list[Seen]:
    """Everything a line reports for these edges and the quiet after them."""
    seen = [seen for at, level in edges for seen in line.step(at, level)]
    return seen + line.tick(until)


def brake() -> Line:
    """A braking line that has been read as inactive."""
    line = Line("brake", BRAKE)
    assert run(line, (0.0, 0), until=1.0) == []
    return line


def chatter(line: Line, edges: int, at: float, apart_s: float = TICK_S) -> list[Seen]:
    """`edges` edges from `at` on, the first one rising."""
    return [seen for edge in range(edges) for seen in line.step(at + edge * apart_s, 1 - edge % 2)]


def test_a_pulse_of_exactly_its_minimum_counts_with_the_time_of_its_rising_edge() -> None:
    assert run(brake(), (2.0, 1), (2.25, 0)) == [PulseSeen(2.0, "brake")]


def test_a_pulse_one_tick_short_of_its_minimum_is_ignored() -> None:
    assert run(brake(), (2.0, 1), (2.25 - TICK_S, 0)) == []


def test_a_pulse_is_told_as_soon_as_its_minimum_is_reached_not_when_it_ends() -> None:
    line = brake()
    line.step(2.0, 1)
    assert line.tick(2.25 - TICK_S) == []
    assert line.due == 2.25
    assert line.tick(2.25) == [PulseSeen(2.0, "brake")]


def test_a_level_that_held_one_tick_less_than_its_debounce_never_was() -> None:
    line = Line("crew", SWITCH)
    assert run(line, (0.0, 0), until=1.0) == [LevelChanged(0.0, "crew", 0)]
    assert run(line, (2.0, 1), (2.125 - TICK_S, 0), until=3.0) == []
    assert run(line, (4.0, 1), (4.125, 0), until=4.2) == [LevelChanged(4.0, "crew", 1)]


def test_a_bounce_inside_a_pulse_neither_ends_nor_doubles_it() -> None:
    edges = [(2.0, 1), (2.2, 0), (2.21, 1), (2.24, 0), (2.26, 1), (3.0, 0)]
    assert run(brake(), *edges) == [PulseSeen(2.0, "brake")]


def test_a_pulse_that_ends_before_its_minimum_is_not_saved_by_the_debounce_of_its_end() -> None:
    line = brake()
    line.step(2.0, 1)
    line.step(2.2, 0)
    assert line.tick(2.3) == []
    assert line.tick(9.0) == []


def test_a_second_pulse_exactly_at_rearm_counts_and_one_tick_sooner_does_not() -> None:
    assert run(brake(), (2.0, 1), (2.5, 0), (4.0, 1), (4.5, 0)) == [
        PulseSeen(2.0, "brake"),
        PulseSeen(4.0, "brake"),
    ]
    assert run(brake(), (2.0, 1), (2.5, 0), (4.0 - TICK_S, 1), (4.5, 0)) == [PulseSeen(2.0, "brake")]


def test_a_suppressed_pulse_does_not_put_off_the_rearming() -> None:
    seen = run(brake(), (2.0, 1), (2.5, 0), (3.5, 1), (3.9, 0), (4.1, 1), (4.5, 0))
    assert seen == [PulseSeen(2.0, "brake"), PulseSeen(4.1, "brake")]


def test_a_line_that_is_active_when_first_read_is_no_pulse() -> None:
    assert run(Line("brake", BRAKE), (0.0, 1), (3.0, 0)) == []


def test_the_first_edge_of_a_recorded_log_is_a_pulse() -> None:
    assert run(Line("brake", BRAKE, before=0), (3.0, 1), (4.0, 0)) == [PulseSeen(3.0, "brake")]


def test_a_line_is_stuck_from_exactly_its_limit_and_says_so_once() -> None:
    line = brake()
    assert run(line, (2.0, 1), until=10.0 - TICK_S) == [PulseSeen(2.0, "brake")]
    assert line.due == 10.0
    assert line.tick(10.0) == [LineFault(10.0, "brake", "stuck", True)]
    assert line.due is None
    assert line.tick(1_000_000.0) == []


def test_a_stuck_line_recovers_once_and_then_counts_pulses_again() -> None:
    seen = run(brake(), (2.0, 1), (20.0, 0), (30.0, 1), (31.0, 0))
    assert seen[1:] == [
        LineFault(10.0, "brake", "stuck", True),
        LineFault(20.0, "brake", "stuck", False),
        PulseSeen(30.0, "brake"),
    ]


def test_a_line_may_never_count_as_stuck() -> None:
    line = Line("ignition", LineOptions(stuck_after_s=None, level=True))
    run(line, (0.0, 1), until=1.0)
    assert line.due is None
    assert line.tick(1e9) == []


def test_edges_at_the_allowed_rate_are_no_chatter_and_one_more_is() -> None:
    assert chatter(brake(), 8, at=2.0) == []
    assert chatter(brake(), 9, at=2.0) == [LineFault(2.0 + 8 * TICK_S, "brake", "chatter", True)]


def test_the_window_of_the_edge_rate_is_one_second_open_at_its_old_end() -> None:
    assert chatter(Line("a", SWITCH, before=0), 1, at=0.0) == []
    spread = brake()
    # Nine edges over exactly one second: the first has just left the window.
    assert [s for s in chatter(spread, 9, at=2.0, apart_s=0.125) if isinstance(s, LineFault)] == []
    tight = brake()
    assert [s for s in chatter(tight, 9, at=2.0, apart_s=0.125 - TICK_S) if isinstance(s, LineFault)] != []


def test_chatter_is_one_fault_however_long_it_lasts_and_ends_after_a_second_of_quiet() -> None:
    line = brake()
    seen = chatter(line, 10_000, at=2.0)
    last_edge_at = 2.0 + 9_999 * TICK_S
    assert seen == [LineFault(2.0 + 8 * TICK_S, "brake", "chatter", True)]
    assert line.tick(last_edge_at + 1.0 - TICK_S) == []
    assert line.tick(last_edge_at + 1.0) == [LineFault(last_edge_at + 1.0, "brake", "chatter", False)]


def test_a_line_that_comes_to_rest_active_after_chatter_is_no_pulse_but_may_be_stuck() -> None:
    line = brake()
    seen = [*chatter(line, 9, at=2.0), *line.tick(100.0)]
    assert [type(each) for each in seen] == [LineFault] * 3
    assert seen[2] == LineFault(2.0 + 8 * TICK_S + 8.0, "brake", "stuck", True)


def test_a_chattering_crew_switch_is_unknown_until_it_rests() -> None:
    line = Line("crew", SWITCH)
    run(line, (0.0, 1), until=1.0)
    assert line.level == 1
    seen = [*line.step(2.0, 0), *chatter(line, 8, at=2.0 + TICK_S)]
    at = 2.0 + 8 * TICK_S
    assert seen == [LineFault(at, "crew", "chatter", True), LevelChanged(at, "crew", None)]
    assert line.level is None
    assert line.tick(50.0)[:2] == [
        LineFault(at + 1.0, "crew", "chatter", False),
        LevelChanged(at + 1.0, "crew", 0),
    ]


def wavering(settles_within_s: float | None) -> list[Seen]:
    """A switch that was on and then touches for 1/16 s in every 1/8 s, one tick short of its debounce at most."""
    options = LineOptions(debounce_s=0.125, edges_max_hz=100, level=True, settles_within_s=settles_within_s)
    line = Line("crew", options)
    run(line, (0.0, 1), until=1.0)
    return [seen for edge in range(64) for seen in line.step(2.0 + edge / 16, edge % 2)]


def test_a_line_that_settles_on_nothing_is_chatter_from_exactly_its_limit_however_slowly_it_moves() -> None:
    assert wavering(0.5) == [LineFault(2.5, "crew", "chatter", True), LevelChanged(2.5, "crew", None)]
    assert wavering(0.5 + TICK_S)[0].at == 2.5 + 1 / 16
    assert wavering(None) == []


def test_a_line_that_held_a_level_in_between_does_not_waver() -> None:
    options = LineOptions(debounce_s=0.125, edges_max_hz=100, level=True, settles_within_s=0.25)
    line = Line("crew", options)
    run(line, (0.0, 1), until=1.0)
    seen = [seen for edge in range(64) for seen in line.step(2.0 + edge / 8, edge % 2)]
    assert {type(each) for each in seen} == {LevelChanged}


def test_a_line_that_bounces_when_it_is_first_read_is_given_time() -> None:
    options = LineOptions(debounce_s=0.125, edges_max_hz=100, level=True, settles_within_s=0.25)
    assert run(Line("crew", options), (5.0, 1), (5.01, 0), (5.02, 1), until=6.0) == [
        LevelChanged(5.02, "crew", 1)
    ]


def test_a_stuck_crew_switch_is_unknown_until_it_moves() -> None:
    line = Line("crew", SWITCH)
    assert run(line, (0.0, 1), until=8.0) == [
        LevelChanged(0.0, "crew", 1),
        LineFault(8.0, "crew", "stuck", True),
        LevelChanged(8.0, "crew", None),
    ]
    assert line.level is None
    assert run(line, (9.0, 0)) == [LineFault(9.0, "crew", "stuck", False), LevelChanged(9.0, "crew", 0)]
    assert line.level == 0


def test_a_stuck_line_that_begins_to_chatter_is_no_longer_stuck() -> None:
    line = brake()
    run(line, (2.0, 1), until=20.0)
    seen = [seen for edge in range(9) for seen in line.step(20.0 + edge * TICK_S, edge % 2)]
    assert [(each.fault, each.active) for each in seen if isinstance(each, LineFault)] == [
        ("stuck", False),
        ("chatter", True),
    ]


def test_a_level_line_reports_its_first_level_even_when_it_is_off() -> None:
    line = Line("crew", SWITCH)
    assert line.level is None
    assert run(line, (0.0, 0), until=0.125) == [LevelChanged(0.0, "crew", 0)]


def test_the_same_level_again_is_no_edge() -> None:
    line = brake()
    assert [seen for tick in range(1000) for seen in line.step(2.0 + tick * TICK_S, 0)] == []
    assert line.due is None


def test_time_that_runs_backwards_counts_as_standing_still() -> None:
    line = brake()
    line.step(2.0, 1)
    assert line.step(1.5, 0) == []
    assert line.step(1.6, 1) == []
    assert line.tick(2.25) == [PulseSeen(2.0, "brake")]


def test_without_debounce_and_minimum_a_pulse_counts_at_once() -> None:
    line = Line("button", LineOptions(minimum_pulse_s=0, debounce_s=0, rearm_s=0), before=0)
    assert line.step(1.0, 1) == [PulseSeen(1.0, "button")]
    assert line.step(1.0, 0) == []
    assert line.step(1.0, 1) == [PulseSeen(1.0, "button")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"debounce_s": -TICK_S},
        {"minimum_pulse_s": float("nan")},
        {"rearm_s": float("inf")},
        {"stuck_after_s": -1.0},
        {"settles_within_s": -TICK_S},
        {"edges_max_hz": 0},
        {"edges_max_hz": EDGES_MAX_HZ_MAX + 1},
    ],
)
def test_options_that_cannot_be_meant_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"negative or endless|between 1 and 1000"):
        LineOptions(**wrong)  # type: ignore[arg-type]


def test_the_largest_edge_rate_is_accepted() -> None:
    assert LineOptions(edges_max_hz=EDGES_MAX_HZ_MAX).edges_max_hz == EDGES_MAX_HZ_MAX


def test_lines_keep_their_own_state_and_settle_before_a_later_edge_elsewhere() -> None:
    lines = Lines({"brake": BRAKE, "crew": SWITCH})
    assert lines.due is None
    lines.step(0.0, "brake", 0)
    lines.step(0.0, "crew", 1)
    assert lines.due == 0.125
    assert lines.step(1.0, "brake", 1) == [LevelChanged(0.0, "crew", 1)]
    assert (lines.level("brake"), lines.level("crew")) == (0, 1)
    assert lines.tick(1.25) == [PulseSeen(1.0, "brake")]


def test_an_edge_of_an_unknown_pin_is_counted_and_ignored() -> None:
    lines = Lines({"brake": BRAKE}, before=0)
    assert lines.step(0.0, "boot_lid", 1) == []
    assert lines.unknown == 1
    with pytest.raises(KeyError):
        lines.level("boot_lid")
