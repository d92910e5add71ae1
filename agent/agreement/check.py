"""What `fairhaul check` says of the agreement that a configuration names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from agent.agreement import Agreement, load_agreement
from config.load import ConfigurationError, Located, Problem, problem_in
from config.located import KeyPath, value_at

_PATH = ("agreement",)

PINS_OF_STREAMS: Mapping[str, tuple[str, ...]] = {
    "lifts": ("lift",),
    "harsh_braking": ("harsh_braking",),
    "crew_report": ("hazard_button", "blocked_button", "nothing_out_button"),
    "help": ("help_button",),
}
"""The kinds of pin of which a stream needs one, for streams that are made of pulses."""


def agreement_problems(located: Located) -> Iterator[Problem]:
    """Every mistake in the agreement, and every line that it needs and the truck does not have."""
    named = value_at(located.tree, _PATH)
    if not isinstance(named, str):
        return
    if not Path(named).is_file():
        says = f"no such file: {named}; write the path of the data agreement, relative to this file"
        yield problem_in(located, _PATH, says)
        return
    try:
        agreement = load_agreement(Path(named))
    except ConfigurationError as error:
        yield from error.problems
        return
    pins = located.tree.get("pins")
    path: KeyPath = ("pins",) if pins else _PATH
    for says in _missing(agreement, kinds_of(pins)):
        yield problem_in(located, path, says)


def kinds_of(pins: object) -> set[str]:
    """The kinds of the pins in a configuration that need not be right."""
    named = pins.values() if isinstance(pins, dict) else ()
    kinds = (pin.get("kind") for pin in named if isinstance(pin, dict))
    return {kind for kind in kinds if isinstance(kind, str)}


def _missing(agreement: Agreement, kinds: Collection[object]) -> Iterator[str]:
    """A sentence for each kind of pin that the agreement needs and that is not among `kinds`."""
    for kind in sorted(set(agreement.file.duty.requires)):
        if kind not in kinds:
            yield f"no pin of kind {kind}, without which the agreement records nothing: {_REMEDY}"
    for stream, wanted in PINS_OF_STREAMS.items():
        if stream in agreement.file.agreed_streams() and not any(kind in kinds for kind in wanted):
            either = " or ".join(wanted)
            yield f"no pin of kind {either}, without which the agreement's {stream} stays empty: {_REMEDY}"


_REMEDY = "wire it and name it here"
