"""What `fairhaul check` says of the agreement that a configuration names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agent.agreement import load_agreement
from config.load import ConfigurationError, Located, Problem, place, problem_at

_PATH = ("agreement",)


def agreement_problems(located: Located) -> Iterator[Problem]:
    """Every mistake in the agreement, and every line that it needs and the truck does not have."""
    tree = located.tree
    named = tree.get("agreement") if isinstance(tree, dict) else None
    if not isinstance(named, str):
        return
    if not Path(named).is_file():
        says = f"no such file: {named}; write the path of the data agreement, relative to this file"
        yield problem_at(place(located, _PATH), _PATH, says)
        return
    try:
        agreement = load_agreement(Path(named))
    except ConfigurationError as error:
        yield from error.problems
        return
    pins = tree.get("pins")
    kinds = {
        pin.get("kind") for pin in (pins if isinstance(pins, dict) else {}).values() if isinstance(pin, dict)
    }
    for kind in sorted(set(agreement.file.duty.requires) - kinds):
        path = ("pins",) if pins else _PATH
        says = f"no pin of kind {kind}, without which the agreement records nothing: wire it and name it here"
        yield problem_at(place(located, path), path, says)
