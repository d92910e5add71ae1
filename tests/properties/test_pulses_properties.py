"""What holds for a line whatever its edges do; times are whole ticks, so that limits are met exactly."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.recording.pulses import LevelChanged, Line, LineFault, LineOptions, PulseSeen, Seen

TICK_S = 1 / 1024
MINIMUM, DEBOUNCE, REARM, STUCK, SECOND = 52, 20, 2_048, 8_192, 1_024
EDGES_MAX = 12
QUIET = 10 * STUCK

OPTIONS = LineOptions(
    minimum_pulse_s=MINIMUM * TICK_S,
    debounce_s=DEBOUNCE * TICK_S,
    rearm_s=REARM * TICK_S,
    stuck_after_s=STUCK * TICK_S,
    edges_max_hz=EDGES_MAX,
)
LEVEL_OPTIONS = LineOptions(
    debounce_s=DEBOUNCE * TICK_S, stuck_after_s=STUCK * TICK_S, edges_max_hz=EDGES_MAX, level=True
)


def near(*limits: int) -> st.SearchStrategy[int]:
    """Numbers of ticks, mostly a limit or one tick beside it."""
    beside = [limit + aside for limit in limits for aside in (-1, 0, 1) if limit + aside >= 0]
    return st.one_of(st.sampled_from(beside), st.integers(0, 3 * max(limits)))


gaps = st.lists(near(1, DEBOUNCE, MINIMUM, SECOND // EDGES_MAX, SECOND, REARM, STUCK), max_size=60)


def edges_of(between: list[int]) -> list[tuple[int, int]]:
    """Alternating edges, the first one rising after the first gap."""
    at, edges = 0, []
    for index, gap in enumerate(between):
        at += gap
        edges.append((at, 1 - index % 2))
    return edges


def run(options: LineOptions, between: list[int], ticks: list[int] | None = None) -> list[Seen]:
    """All that a line reports, ticked at `ticks` between its edges and once long after them."""
    line = Line("pin", options, before=0)
    steps = [(at, 1, level) for at, level in edges_of(between)] + [(at, 0, 0) for at in ticks or []]
    seen = []
    for at, edge, level in sorted(steps, key=lambda step: step[:2]):
        seen += line.step(at * TICK_S, level) if edge else line.tick(at * TICK_S)
    return seen + line.tick(max((at for at, _, _ in steps), default=0) * TICK_S + QUIET * TICK_S)


@given(length=near(MINIMUM, DEBOUNCE))
@settings(deadline=None, max_examples=200)
def test_a_lone_pulse_counts_exactly_when_it_reaches_its_minimum(length: int) -> None:
    seen = [each for each in run(OPTIONS, [5, length]) if isinstance(each, PulseSeen)]
    assert seen == ([PulseSeen(5 * TICK_S, "pin")] if length >= MINIMUM else [])


@given(apart=near(REARM), length=st.integers(MINIMUM, REARM - DEBOUNCE - 2))
@settings(deadline=None, max_examples=200)
def test_a_second_pulse_counts_exactly_when_the_line_is_armed_again(apart: int, length: int) -> None:
    if apart <= length + DEBOUNCE:
        return
    seen = [each for each in run(OPTIONS, [5, length, apart - length, length]) if isinstance(each, PulseSeen)]
    assert len(seen) == (2 if apart >= REARM else 1)


@given(length=near(STUCK))
@settings(deadline=None, max_examples=100)
def test_a_line_is_stuck_exactly_when_it_stays_active_for_its_limit(length: int) -> None:
    faults = [each.active for each in run(OPTIONS, [5, length]) if isinstance(each, LineFault)]
    assert faults == ([True, False] if length >= STUCK else [])


@given(edges=near(EDGES_MAX), apart=near(1, SECOND // EDGES_MAX))
@settings(deadline=None, max_examples=300)
def test_a_line_chatters_exactly_when_one_edge_too_many_falls_into_a_second(edges: int, apart: int) -> None:
    faults = [each for each in run(OPTIONS, [apart] * edges) if isinstance(each, LineFault)]
    too_many = edges > EDGES_MAX and EDGES_MAX * apart < SECOND
    assert any(each.fault == "chatter" for each in faults) == too_many


@given(gaps)
@settings(deadline=None, max_examples=300)
def test_pulses_are_real_rising_edges_and_never_nearer_than_the_rearm_time(between: list[int]) -> None:
    pulses = [each.at for each in run(OPTIONS, between) if isinstance(each, PulseSeen)]
    rising = {at * TICK_S for at, level in edges_of(between) if level}
    assert set(pulses) <= rising
    assert all(later - earlier >= REARM * TICK_S for earlier, later in pairwise(pulses))


@given(gaps, st.lists(st.integers(0, 20_000), max_size=40), st.sampled_from([OPTIONS, LEVEL_OPTIONS]))
@settings(deadline=None, max_examples=300)
def test_how_often_a_line_is_ticked_changes_nothing(
    between: list[int], ticks: list[int], options: LineOptions
) -> None:
    assert run(options, between, ticks) == run(options, between)


@given(gaps, st.sampled_from([OPTIONS, LEVEL_OPTIONS]))
@settings(deadline=None, max_examples=300)
def test_faults_begin_and_end_in_turn_and_are_never_a_flood(between: list[int], options: LineOptions) -> None:
    seen = run(options, between)
    for fault in ("stuck", "chatter"):
        states = [each.active for each in seen if isinstance(each, LineFault) and each.fault == fault]
        assert states == [index % 2 == 0 for index in range(len(states))]
    duration_s = sum(between) * TICK_S + QUIET * TICK_S
    assert sum(isinstance(each, LineFault) for each in seen) <= 4 * duration_s


@given(gaps)
@settings(deadline=None, max_examples=300)
def test_a_level_is_never_told_twice_and_is_unknown_during_every_fault(between: list[int]) -> None:
    seen = run(LEVEL_OPTIONS, between)
    levels = [each.level for each in seen if isinstance(each, LevelChanged)]
    assert all(a != b for a, b in pairwise(levels) if a is not None)
    faulted = 0
    for each in seen:
        if isinstance(each, LineFault):
            faulted += 1 if each.active else -1
        elif isinstance(each, LevelChanged):
            assert (each.level is None) == (faulted > 0)


@given(gaps)
@settings(deadline=None, max_examples=200)
def test_after_a_long_rest_a_line_knows_the_level_on_which_it_rests(between: list[int]) -> None:
    line = Line("pin", LEVEL_OPTIONS)
    line.step(0.0, 0)
    for at, level in edges_of(between):
        line.step(at * TICK_S, level)
    # Long enough for debounce and for chatter to end, too short to be stuck.
    line.tick((sum(between) + 2 * SECOND) * TICK_S)
    assert line.level in (len(between) % 2, None)
    if len(between) % 2 == 0:
        assert line.level == 0
