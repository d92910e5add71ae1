"""A tree of plain values as YAML that technicians read: one value a line, with a remark behind each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from config.located import KeyPath

_PLAIN = re.compile(
    r"[A-Za-z/][A-Za-z0-9/._-]*|[a-z]+://[A-Za-z0-9._-]+(:[0-9]+)?|[0-9.]+ [A-Za-z][A-Za-z0-9/]*"
)
_MEANS_SOMETHING = frozenset({"true", "false", "null"})

Remark = Callable[[KeyPath], str]
Line = tuple[str, str]


def yaml_text(tree: dict[str, Any], remark: Remark) -> str:
    """The YAML of `tree`, `# remark` behind each value in a column of its own; an empty remark is left out."""
    lines = list(_mapping(tree, (), remark))
    width = max((len(text) for text, said in lines if said), default=0)
    return "".join(f"{text:<{width}}  # {said}\n" if said else f"{text}\n" for text, said in lines)


def _mapping(tree: dict[str, Any], path: KeyPath, remark: Remark) -> Iterator[Line]:
    for key, value in tree.items():
        yield from _entry(f"{'  ' * len(path)}{scalar(key)}:", value, (*path, key), remark)


def _entry(name: str, value: Any, path: KeyPath, remark: Remark) -> Iterator[Line]:
    if isinstance(value, dict) and value:
        yield name, ""
        yield from _mapping(value, path, remark)
    elif isinstance(value, list) and value:
        yield name, ""
        for number, each in enumerate(value):
            yield from _of_list(each, (*path, number), remark)
    else:
        yield f"{name} {scalar(value)}", remark(path)


def _of_list(value: Any, path: KeyPath, remark: Remark) -> Iterator[Line]:
    """An entry of a list; the keys of a mapping stand below each other, the first of them behind the dash."""
    indent = "  " * (len(path) - 1)
    if not (isinstance(value, dict) and value):
        yield f"{indent}- {scalar(value)}", remark(path)
        return
    for number, (text, said) in enumerate(_mapping(value, path, remark)):
        yield (f"{indent}- {text.lstrip()}" if number == 0 else text), said


def scalar(value: Any) -> str:
    """A text as it is where that is safe, everything else as JSON, which YAML 1.2 contains."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _MEANS_SOMETHING:
        return value
    return json.dumps(value, ensure_ascii=False)
