"""`MUTANTS`: leaks planted on purpose, each of which the levels of the property must catch.

A mutant patches attributes of classes and modules while it is tried, and never edits a file. `level` is where each is
expected to be caught.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest

from tests.mutants import dwelling, gates, timing, wiring

Plant = Callable[[pytest.MonkeyPatch], None]


class Mutant(NamedTuple):
    """How to plant it, and the level that is expected to catch it."""

    plant: Plant
    level: str


MUTANTS: Mapping[str, Mutant] = {
    # What happens where nothing is published.
    "numbering before filtering": Mutant(gates.numbers_hidden_fixes, "duration"),
    "raw odometer": Mutant(gates.raw_odometer, "content"),
    "row id gap": Mutant(gates.row_id_gap, "duration"),
    "dropped-count figure": Mutant(gates.dropped_count, "duration"),
    "satellite average": Mutant(gates.satellite_average, "content"),
    "smoother state across a cut": Mutant(gates.smoother_state, "content"),
    "simplifier state across a cut": Mutant(gates.simplifier_state, "content"),
    "deferred brake pulse": Mutant(gates.deferred_pulse, "content"),
    "heading from a hidden fix": Mutant(gates.heading_of_hidden_fix, "content"),
    "quality gate sees hidden fixes": Mutant(gates.gate_sees_all, "content"),
    "lines remember hidden edges": Mutant(gates.lines_remember, "content"),
    "hidden fixes teach the date": Mutant(gates.hidden_dates, "content"),
    "last fix before the switch is published": Mutant(gates.late_fixes_count, "content"),
    "log line for a hidden fix": Mutant(gates.log_line, "duration"),
    "status tells of hidden fixes": Mutant(gates.status_tells, "content"),
    "stitch judged by hidden fixes": Mutant(gates.stitch_by_hidden, "content"),
    "flush on zone entry": Mutant(gates.flush_on_entry, "content"),
    # When something leaves, and what time shows.
    "batch cut by raw count": Mutant(timing.raw_count, "duration"),
    "wall time": Mutant(timing.wall_time, "duration"),
    "part-of-day label": Mutant(timing.part_of_day, "duration"),
    "label per record": Mutant(timing.label_per_record, "duration"),
    "label from the time of resuming": Mutant(timing.label_of_resuming, "duration"),
    "slot phase from boot": Mutant(timing.slot_from_boot, "duration"),
    "birth on duty": Mutant(timing.birth_on_duty, "duration"),
    "will at the end of duty": Mutant(timing.will_off_duty, "duration"),
    "keepalive on duty": Mutant(timing.keepalive_on_duty, "duration"),
    "health on duty": Mutant(timing.health_on_duty, "duration"),
    "slots are used on duty": Mutant(timing.slots_on_duty, "duration"),
    "resend at engine-off": Mutant(timing.resend_at_engine_off, "content"),
    "epoch change at engine-off": Mutant(timing.epoch_at_engine_off, "content"),
    "agreement flip in mid-shift": Mutant(timing.agreement_flip, "content"),
    "a pulse wakes the runtime": Mutant(timing.pulses_wake, "content"),
    "the length of a pause counts": Mutant(timing.pause_counts, "duration"),
    "checkpoint with a time": Mutant(timing.checkpoint_time, "duration"),
    # Standing.
    "cut on a stationary pause": Mutant(dwelling.cut_on_pause, "existence"),
    "trim on a stationary pause": Mutant(dwelling.trim_on_pause, "existence"),
    "loss of power leaves a trace": Mutant(dwelling.checkpoint_lost, "existence"),
    "odometer running while standing": Mutant(dwelling.odometer_runs, "existence"),
    "cap re-armed by one noisy fix": Mutant(dwelling.one_fix_rearms, "existence"),
    "drift emitting points while standing": Mutant(dwelling.drift_emits, "existence"),
    "uncapped dwell decides stops": Mutant(dwelling.dwell_decides_stops, "existence"),
    "uncapped standstill": Mutant(dwelling.uncapped, "existence"),
    "uncapped second stop": Mutant(dwelling.uncapped_second_stop, "existence"),
    "first of two stops lost with the power": Mutant(dwelling.first_stop_lost, "existence"),
    "drift fade removed": Mutant(dwelling.no_fade, "drift"),
    "drift at a second stop stays": Mutant(dwelling.second_stop_drifts, "drift"),
    # Speed and the fleet's own stream.
    "speed floor removed": Mutant(wiring.no_floor, "speed"),
    "faster trucks settle sooner": Mutant(wiring.own_seconds, "speed"),
    "speeds above the ceiling judge brakings": Mutant(wiring.no_clamp, "speed"),
    "braking in the track's slot": Mutant(wiring.one_slot, "apart"),
    "braking under the truck's topic": Mutant(wiring.one_topic, "apart"),
    "braking in the track's receipt chain": Mutant(wiring.one_chain, "apart"),
    "braking numbered since the truck was fitted": Mutant(wiring.lasting_chain, "apart"),
    "braking leaves by the day": Mutant(wiring.by_the_day, "apart"),
    "braking in the order of happening": Mutant(wiring.unsorted, "apart"),
}
