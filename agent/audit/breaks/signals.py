"""Every attack that needs no training, by name."""

from __future__ import annotations

import numpy as np

from agent.audit.breaks import pace, shape, timing
from agent.audit.breaks.day import Day, Signal
from agent.audit.case import Floats

SIGNALS: dict[str, Signal] = {
    "gap in space": timing.gap_in_space,
    "gap in time": timing.gap_in_time,
    "arrival deficit": timing.arrival_deficit,
    "bucket deficit": timing.bucket_deficit,
    "step change": timing.step_change,
    "connection times": timing.silent_connection,
    "label-flip budget": timing.label_flips,
    "clock saturation": pace.saturation,
    "excess over other days": pace.excess,
    "excess beyond lifts": pace.excess_beyond_lifts,
    "vertices": shape.vertices,
    "several days' standstills": shape.lone_vertices,
    "sideways after a standstill": shape.sideways,
    "stretch boundaries": shape.boundaries,
    "where no other day went": shape.elsewhere,
    "out of order": shape.out_of_order,
}


def scored(day: Day) -> Floats:
    """Every signal's scores as columns, in the order of SIGNALS: finite, a row for each candidate."""
    columns = [np.nan_to_num(signal(day), nan=0.0, posinf=0.0, neginf=0.0) for signal in SIGNALS.values()]
    return np.column_stack(columns) if len(day.candidates.line) else np.empty((0, len(columns)))
