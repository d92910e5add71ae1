"""What a pydantic model expects at a path: the fields, the known keys, the unit.

Only the constructions that configuration files use are understood: models, unions, `dict[str, X]`, lists and
tuples of one kind, and whatever is wrapped in `Annotated`. Anything else has no further shape.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config.located import KeyPath, value_at
from config.quantities import Quantity


class Expected(NamedTuple):
    """One thing that may stand at a path: its bare type, what marks it, and the words that describe it."""

    kind: Any
    marks: tuple[Any, ...]
    description: str | None


def expected(model: type[BaseModel], tree: Any, path: KeyPath) -> list[Expected]:
    """Everything that may stand at `path` of `tree`, which need not be right or complete."""
    found = [Expected(model, (), None)]
    node = tree
    for step in path:
        found = [inner for outer in _fitting(found, node) for inner in _inside(outer, step)]
        node = value_at(node, (step,))
    return _fitting(found, node)


def quantity_of(expectations: list[Expected]) -> Quantity | None:
    """The unit in which what is expected is written; None where it has none."""
    return next((mark for each in expectations for mark in each.marks if isinstance(mark, Quantity)), None)


def limits(expectations: list[Expected]) -> tuple[Any, Any]:
    """The least and the most of what is expected; None where there is no limit."""
    marks = [mark for each in expectations for mark in each.marks]
    least = next((mark.ge for mark in marks if isinstance(mark, Ge)), None)
    most = next((mark.le for mark in marks if isinstance(mark, Le)), None)
    return least, most


def known_keys(model: type[BaseModel], tree: Any, path: KeyPath) -> list[str]:
    """The keys that a mapping at `path` may hold, in the order of the schema."""
    models = [each.kind for each in expected(model, tree, path) if _is_model(each.kind)]
    return list(dict.fromkeys(key for each in models for key in fields(each)))


def fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a model by the key that stands in the file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def paths_of(model: type[BaseModel], mark: type) -> Iterator[KeyPath]:
    """Paths of all fields marked with an instance of `mark`, as far as models lie directly in models."""
    for key, field in fields(model).items():
        for each in in_field(field):
            if any(isinstance(found, mark) for found in each.marks):
                yield (key,)
            elif _is_model(each.kind):
                yield from ((key, *inner) for inner in paths_of(each.kind, mark))


def owners(model: type[BaseModel], key: str) -> list[KeyPath]:
    """Paths of the sections in which `key` is known, as far as models lie directly in models."""
    here: list[KeyPath] = [()] if key in fields(model) else []
    for name, field in fields(model).items():
        for each in in_field(field):
            if _is_model(each.kind):
                here += [(name, *inner) for inner in owners(each.kind, key)]
    return here


def models_of(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The model and every model inside it, by name."""
    found: dict[str, type[BaseModel]] = {}
    waiting: list[Any] = [model]
    while waiting:
        kind = waiting.pop()
        if _is_model(kind) and kind.__name__ not in found:
            found[kind.__name__] = kind
            waiting += [each.kind for field in kind.model_fields.values() for each in in_field(field)]
        elif not _is_model(kind):
            waiting += [each.kind for inner in get_args(kind) for each in _expanded(inner, (), None)]
    return found


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def in_field(field: FieldInfo) -> list[Expected]:
    """Everything that a field may hold."""
    return list(_expanded(field.annotation, tuple(field.metadata), field.description))


def _expanded(annotation: Any, marks: tuple[Any, ...], description: str | None) -> Iterator[Expected]:
    """Unions taken apart and `Annotated` unwrapped."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        yield from _expanded(inner, (*marks, *_flat(more)), description)
    elif origin in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _expanded(member, marks, description)
    else:
        yield Expected(annotation, marks, description)


def _flat(marks: list[Any]) -> Iterator[Any]:
    for mark in marks:
        yield from mark.metadata if isinstance(mark, FieldInfo) else (mark,)


def _inside(outer: Expected, step: str | int) -> Iterator[Expected]:
    """What may stand one step further in."""
    kind = outer.kind
    if _is_model(kind):
        field = fields(kind).get(str(step))
        yield from in_field(field) if field else ()
    elif get_origin(kind) is dict and isinstance(step, str):
        yield from _expanded(get_args(kind)[1], (), None)
    elif get_origin(kind) in (list, tuple, set, frozenset) and isinstance(step, int):
        yield from _expanded(get_args(kind)[0], (), None)


def _fitting(found: list[Expected], node: Any) -> list[Expected]:
    """Without the members of a union that the keys already written rule out."""
    fitting = [each for each in found if not _ruled_out(each.kind, node)]
    return fitting or found


def _ruled_out(kind: Any, node: Any) -> bool:
    """Whether a key of which a model has but one value has another."""
    if not (_is_model(kind) and isinstance(node, dict)):
        return False
    choices = {
        key: get_args(field.annotation)
        for key, field in fields(kind).items()
        if get_origin(field.annotation) is Literal and key in node
    }
    return any(len(allowed) == 1 and node[key] != allowed[0] for key, allowed in choices.items())
