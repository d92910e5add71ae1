"""Values with the place they stand at: what every message about a file is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

PROBLEMS_MAX = 100
"""Most problems that are reported at once; a count stands for the rest."""

SHOWN_CHARACTERS_MAX = 60
"""Longest text from a file that a message repeats."""

KeyPath = tuple[str | int, ...]
"""The way to a value: keys, and positions in lists counted from 0."""


class Place(NamedTuple):
    """Where something stands; `line` and `column` count from 1, as editors do."""

    file: str
    line: int
    column: int


class Problem(NamedTuple):
    """One mistake in a file, in words. `key` is the dotted path, empty where none applies."""

    file: str
    line: int
    column: int
    key: str
    says: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}:"
        return f"{where} {self.key}: {self.says}" if self.key else f"{where} {self.says}"


class ConfigurationError(ValueError):
    """A file can't be used; `problems` holds every mistake found in it, in the order they stand in."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        everything = tuple(dict.fromkeys(problems))
        self.problems = everything[:PROBLEMS_MAX]
        self.left_out = len(everything) - len(self.problems)
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems]
        return "\n".join([*lines, f"and {self.left_out} more"] if self.left_out else lines)


class Mistake(ValueError):
    """Raised by a model's validator: `says` is the sentence, `path` leads on from the value judged."""

    def __init__(self, says: str, *path: str | int) -> None:
        super().__init__(says)
        self.says = says
        self.path: KeyPath = path


@dataclass(frozen=True, slots=True)
class Located:
    """A tree of plain values, and the place of every key and value in it.

    `tree` is dict, list, str, int, float, bool and None only. `keys` lead from a path to the place of what
    stands before the colon, `values` to what stands after it or after a list's dash. `flaws` are mistakes
    that did not keep the rest from being read; `unread` are paths whose value is unknown because of one, so
    that nothing more need be said about them. `files` are all that it was read from, nearest first.
    """

    file: str
    tree: Any
    keys: dict[KeyPath, Place] = field(default_factory=dict)
    values: dict[KeyPath, Place] = field(default_factory=dict)
    flaws: tuple[Problem, ...] = ()
    unread: frozenset[KeyPath] = frozenset()
    files: tuple[str, ...] = ()


def place(located: Located, path: KeyPath) -> Place:
    """Where the value at `path` stands; for one that is absent, the key of its nearest ancestor."""
    if path in located.values:
        return located.values[path]
    return key_place(located, path[:-1])


def key_place(located: Located, path: KeyPath) -> Place:
    """Where the key at `path` stands, or that of its nearest ancestor; the file's start for the root."""
    for length in range(len(path), 0, -1):
        ancestor = path[:length]
        found = located.keys.get(ancestor) or located.values.get(ancestor)
        if found:
            return found
    return Place(located.file, 1, 1)


def value_at(tree: Any, path: KeyPath) -> Any:
    """What stands at `path` of a tree, which need not be right; None where nothing does."""
    for step in path:
        if not holds(tree, step):
            return None
        tree = tree[step]
    return tree


def with_value(tree: Any, path: KeyPath, value: Any) -> Any:
    """A copy of `tree` with `value` at `path`, on which something stands; what lies beside the path is shared."""
    if not path:
        return value
    copied: Any = dict(tree) if isinstance(tree, dict) else list(tree)
    copied[path[0]] = with_value(tree[path[0]], path[1:], value)
    return copied


def holds(node: Any, step: str | int) -> bool:
    """Whether one value holds another under that key, or at that position of a list."""
    if isinstance(step, int):
        return isinstance(node, list) and step < len(node)
    return isinstance(node, dict) and step in node


def dotted(path: KeyPath) -> str:
    """A path in a technician's spelling, list entries counted from 1: `link.brokers[2]`."""
    words = ""
    for step in path:
        words += f"[{step + 1}]" if isinstance(step, int) else f".{printable(step)}"
    return words.removeprefix(".")


def printable(text: str) -> str:
    """`text` fit for one line of a message: short, without a login, without what a terminal acts on."""
    login, at, rest = text.rpartition("@")
    text = f"…@{rest}" if at and ":" in login else text
    clean = _on_one_line(text)
    return clean if len(clean) <= SHOWN_CHARACTERS_MAX else f"{clean[:SHOWN_CHARACTERS_MAX]}…"


def problem_at(place: Place, path: KeyPath, says: str) -> Problem:
    """A problem about `path`, standing at `place`."""
    return Problem(*place, dotted(path), _on_one_line(says))


def problem_in(located: Located, path: KeyPath, says: str) -> Problem:
    """A problem about the value at `path`, standing where that does."""
    return problem_at(place(located, path), path, says)


def _on_one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
