"""Configuration and agreement files: read, merged, validated; every mistake at once, each at its place.

`load_configuration` is what the agent calls. `read_yaml` and `validate` do the same work for any other model;
a validator of such a model raises ValueError("sentence") or `Mistake("sentence", "key", …)` to name a key
further in, and it ends up as a Problem at the right line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from config.located import ConfigurationError, Located, Problem, place, problem_in, value_at, with_value
from config.merging import merged, read_with_extends
from config.reading import read_yaml
from config.schema import Configuration
from config.shape import paths_of
from config.values import FromItsFile
from config.wording import problems_in

__all__ = [
    "Configuration",
    "ConfigurationError",
    "Gathered",
    "Loaded",
    "Located",
    "Problem",
    "configured",
    "gather_configuration",
    "gather_over",
    "load_configuration",
    "load_yaml",
    "place",
    "problem_in",
    "read_configuration",
    "validate",
]

M = TypeVar("M", bound=BaseModel)


class Loaded(NamedTuple):
    """A configuration and where each of its values came from; what is absent from `located` is a default."""

    configuration: Configuration
    located: Located


class Gathered(NamedTuple):
    """A configuration's plain values, not yet validated, and the problems of files that could not be had."""

    located: Located
    lost: tuple[Problem, ...]


def load_yaml(path: Path) -> Located:
    """The values of a YAML file with their places. Raises ConfigurationError for any mistake in the YAML."""
    located = read_yaml(path)
    if located.flaws:
        raise ConfigurationError(located.flaws)
    return located


def validate(model: type[M], located: Located) -> M:
    """`located` as a model.

    Values are taken strictly where the model is strict, with lists for tuples and text for dates. Raises
    ConfigurationError with the mistakes of YAML and of values together, in the order they stand in.
    """
    problems = [*located.flaws]
    try:
        value = model.model_validate_json(json.dumps(located.tree))
    except ValidationError as error:
        problems += problems_in(model, located, error)
    if problems:
        raise ConfigurationError(_in_order(problems, located))
    return value


def load_configuration(path: Path) -> Configuration:
    """The agent's configuration in `path` and the files it extends. Raises ConfigurationError."""
    return read_configuration(path).configuration


def read_configuration(path: Path) -> Loaded:
    """The configuration and the place each value came from. Raises ConfigurationError."""
    return configured(gather_configuration(path))


def gather_configuration(path: Path) -> Gathered:
    """The plain values of `path` and the files it extends. Raises ConfigurationError if `path` can't be read."""
    located, lost = read_with_extends(path)
    return Gathered(_rooted(located), tuple(lost))


def gather_over(nearer: Located, directory: Path, extended: Path | None) -> Gathered:
    """Values that are to stand in a file in `directory` which extends another, or none.

    Raises ConfigurationError if the other can't be read.
    """
    rooted = _rooted(nearer, directory)
    if extended is None:
        return Gathered(rooted, ())
    farther, lost = read_with_extends(extended)
    return Gathered(merged(rooted, _rooted(farther)), tuple(lost))


def configured(gathered: Gathered) -> Loaded:
    """The configuration that was gathered. Raises ConfigurationError with every mistake in it."""
    located, lost = gathered
    try:
        configuration = validate(Configuration, located)
    except ConfigurationError as error:
        # While a file that was to be extended is out of reach, what is missing here may well stand there.
        found = [each for each in error.problems if not (lost and each.says.startswith("missing:"))]
        raise ConfigurationError(_in_order([*lost, *found], located)) from None
    if lost:
        raise ConfigurationError(lost)
    return Loaded(configuration, located)


def _in_order(problems: Iterable[Problem], located: Located) -> list[Problem]:
    """By file, nearest first, then by line."""
    order = {name: number for number, name in enumerate(located.files)}
    return sorted(problems, key=lambda each: (order.get(each.file, len(order)), each))


def _rooted(located: Located, directory: Path | None = None) -> Located:
    """Paths made absolute, starting from `directory`, or from that of the file each stands in."""
    tree = located.tree
    for path in paths_of(Configuration, FromItsFile):
        named = value_at(tree, path)
        if named and isinstance(named, str):
            start = directory or Path(place(located, path).file).parent
            tree = with_value(tree, path, str((start / named).absolute()))
    return replace(located, tree=tree)
