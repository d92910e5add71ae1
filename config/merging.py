"""`extends:` — a truck's own file over one for the whole fleet.

Mappings are merged key by key; anything else in the nearer file replaces what the farther one says, and an
explicit `null` takes it out again. The name is relative to the file it stands in.
"""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

from config.located import ConfigurationError, KeyPath, Located, Place, Problem, printable, problem_in
from config.reading import read_yaml
from config.wording import shown

EXTENDS_MAX = 4
"""Most files that one file may lead to."""

KEY = "extends"


def read_with_extends(path: Path) -> tuple[Located, list[Problem]]:
    """`path` merged over all that it extends, and the problems of files that could not be had.

    Raises ConfigurationError where nothing can be made of `path` itself.
    """
    chain, lost = [read_yaml(path)], list[Problem]()
    while (following := _following(chain, lost)) is not None:
        try:
            chain.append(read_yaml(following))
        except ConfigurationError as error:
            lost += error.problems
            break
    return reduce(lambda farther, nearer: merged(nearer, farther), reversed(chain[:-1]), chain[-1]), lost


def _following(chain: list[Located], lost: list[Problem]) -> Path | None:
    """The file that the last of `chain` extends; None at the end, or, with a problem noted, where it can't be."""
    last = chain[-1]
    name = last.tree.pop(KEY, None)
    if name is None:
        return None
    refusal = _refusal(name, chain)
    if refusal:
        lost.append(problem_in(last, (KEY,), refusal))
        return None
    return Path(last.file).parent / str(name)


def _refusal(name: Any, chain: list[Located]) -> str | None:
    """Why the last of `chain` can't extend the file `name`; None when it can."""
    if not isinstance(name, str) or not name or "\0" in name:
        return f"found {shown(name)}: write the name of one file"
    following = Path(chain[-1].file).parent / name
    try:
        target = following.resolve(strict=True)
    except (OSError, RuntimeError):
        return f"there is no file {printable(str(following))}"
    files = [Path(each.file).resolve() for each in chain]
    if target in files:
        circle = [each.file for each in chain[files.index(target) :]] + [str(following)]
        return f"files extend each other in a circle: {' → '.join(printable(each) for each in circle)}"
    return f"more than {EXTENDS_MAX} files extend each other" if len(chain) > EXTENDS_MAX else None


def merged(nearer: Located, farther: Located) -> Located:
    """`nearer` over `farther`, each value with the place it came from."""
    replaced: set[KeyPath] = set()
    tree = _merged(nearer.tree, farther.tree, (), replaced)
    return Located(
        nearer.file,
        tree,
        {**_kept(farther.keys, replaced), **nearer.keys},
        {**_kept(farther.values, replaced), **nearer.values},
        (*nearer.flaws, *farther.flaws),
        nearer.unread | {path for path in farther.unread if not _is_under(path, replaced)},
        (*nearer.files, *farther.files),
    )


def _merged(nearer: Any, farther: Any, path: KeyPath, replaced: set[KeyPath]) -> Any:
    if not (isinstance(nearer, dict) and isinstance(farther, dict)):
        replaced.add(path)
        return nearer
    tree = dict(farther)
    for key, value in nearer.items():
        if key not in farther:
            tree[key] = value
            continue
        tree[key] = _merged(value, farther[key], (*path, key), replaced)
        if tree[key] is None:
            del tree[key]
    return tree


def _kept(places: dict[KeyPath, Place], replaced: set[KeyPath]) -> dict[KeyPath, Place]:
    return {path: where for path, where in places.items() if not _is_under(path, replaced)}


def _is_under(path: KeyPath, replaced: set[KeyPath]) -> bool:
    return any(path[:length] in replaced for length in range(1, len(path) + 1))
