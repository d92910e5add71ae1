"""The configuration as it takes effect, as YAML again, with the origin of each value beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from config.load import Loaded
from config.located import KeyPath, Located

DEFAULT = "default"

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9/._-]*|[0-9.]+ [A-Za-z][A-Za-z0-9/]*")
_MEANS_SOMETHING = frozenset({"true", "false", "null"})

Line = tuple[str, str]


def effective_yaml(loaded: Loaded) -> str:
    """A complete configuration file; each value followed by `# file:line`, or `# default`.

    What is not set and has no default is left out, and so is `extends:`, which has done its work.
    """
    tree = loaded.configuration.model_dump(mode="json", by_alias=True, exclude={"extends"})
    lines = list(_mapping(tree, (), loaded.located))
    width = max(len(text) for text, _ in lines)
    return "".join(f"{text:<{width}}  # {origin}".rstrip(" #") + "\n" for text, origin in lines)


def _mapping(tree: dict[str, Any], path: KeyPath, located: Located) -> Iterator[Line]:
    indent = "  " * len(path)
    for key, value in tree.items():
        here = (*path, key)
        if value is None:
            continue
        if isinstance(value, dict) and value:
            yield f"{indent}{_scalar(key)}:", ""
            yield from _mapping(value, here, located)
        elif isinstance(value, list) and value:
            yield f"{indent}{_scalar(key)}:", ""
            yield from (
                (f"{indent}  - {_flow(each)}", _origin(here, n, located)) for n, each in enumerate(value)
            )
        else:
            yield f"{indent}{_scalar(key)}: {_flow(value)}", _origin(path, key, located)


def _origin(path: KeyPath, step: str | int, located: Located) -> str:
    found = located.values.get((*path, step))
    return f"{found.file}:{found.line}" if found else DEFAULT


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(each)}" for key, each in value.items()) + "}"
    return _scalar(value)


def _scalar(value: Any) -> str:
    """A text as it is where that is safe, everything else as JSON, which YAML 1.2 contains."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _MEANS_SOMETHING:
        return value
    return json.dumps(value, ensure_ascii=False)
