"""The page that lists every key of the configuration, written from the schema itself.

`python -m config.reference > docs/configuration.md` writes the page; a test holds it against the schema.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from annotated_types import MaxLen, MinLen
from pydantic import AfterValidator, BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from config.pins import AnyPin, InputPin, Pin
from config.quantities import DIMENSIONS
from config.schema import Configuration
from config.shape import Expected, fields, in_field, limits, quantity_of

_PLAIN_KINDS = {str: "text", bool: "truth", int: "whole number", float: "number"}

_OPENING = """\
# Configuration

Every key of `agent.yaml`, written from the schema by `python -m config.reference`. Start from the commented
example [agent.example.yaml](../config/agent.example.yaml), or from
[fleet.example.yaml](../config/fleet.example.yaml) and [truck.example.yaml](../config/truck.example.yaml) for many
trucks; `fairhaul check` names every mistake at once, with its line and what to write instead.

What may leave the truck does not stand here but in the [agreement](agreements.md).

## How to write it

- A quantity always has its unit: `10 s`, `256 MiB`. The units are listed below.
- A default is what holds when the key is left out. *Needed* means that there is none.
- `true` and `false` are the only truths; `yes`, `on` and `off` are plain words, and refused where a truth belongs.
- The same key twice, an unknown key, a tab and a decimal comma are mistakes, each told with its line.
- `extends: fleet.yaml` takes another file's values wherever this file says nothing. `null` takes a pin out again.
- Paths are relative to the file they stand in.
- Secrets never stand in the file: a password has a file of its own.
"""


def reference() -> str:
    """The whole page, as Markdown."""
    return "\n".join([_OPENING, *_units(), *_section(Configuration, ""), *_pins()]).rstrip() + "\n"


def _units() -> Iterator[str]:
    yield from ("| quantity | units | example |", "|---|---|---|")
    for dimension in DIMENSIONS:
        units = " ".join(f"`{unit}`" for unit in dimension.units)
        yield f"| {dimension.name.partition(' ')[2]} | {units} | `{dimension.example}` |"
    yield ""


def _section(model: type[BaseModel], path: str) -> Iterator[str]:
    """The heading and table of one section, then its sections."""
    yield from (f"## {path}" if path else "## The file itself", "")
    yield from _table(fields(model))
    for key, field in fields(model).items():
        inner, listed = _inner_model(field)
        if inner:
            inside = f"{path}.{key}".lstrip(".")
            yield from _section(inner, f"each of {inside}" if listed else inside)


def _pins() -> Iterator[str]:
    """The pins' keys: those that all have, then what each kind of its own says."""
    yield from ("## pins", "", "Each pin stands under a name of its own: a-z, 0-9 and _, a letter first.", "")
    yield from ("### every kind", "")
    yield from _table(fields(Pin))
    yield from ("### every input", "")
    yield from _table({key: field for key, field in fields(InputPin).items() if key not in fields(Pin)})
    for kind in get_args(get_args(AnyPin)[0]):
        yield from (f"### kind: {get_args(fields(kind)['kind'].annotation)[0]}", "")
        yield from (f"{kind.__doc__} What differs from the above:", "")
        yield from _table(_own(kind))


def _own(kind: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields in which a kind of pin differs from the tables above it."""
    inherited = fields(InputPin if issubclass(kind, InputPin) else Pin)
    return {
        key: field
        for key, field in fields(kind).items()
        if key not in inherited or _row(key, field) != _row(key, inherited[key])
    }


def _table(shown: dict[str, FieldInfo]) -> Iterator[str]:
    yield from ("| key | holds | allowed | default | meaning |", "|---|---|---|---|---|")
    yield from (_row(key, field) for key, field in shown.items())
    yield ""


def _row(key: str, field: FieldInfo) -> str:
    holds = in_field(field)
    cells = (f"`{key}`", _holds(holds), _allowed(holds), _default(field, holds), field.description or "")
    return "| " + " | ".join(_escaped(cell) for cell in cells) + " |"


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")


def _inner_model(field: FieldInfo) -> tuple[type[BaseModel] | None, bool]:
    """The section that a field holds, and whether it holds a list of them."""
    for each in in_field(field):
        listed = get_origin(each.kind) is tuple
        kind = get_args(each.kind)[0] if listed else each.kind
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind, listed
    return None, False


def _holds(holds: list[Expected]) -> str:
    """What kind of value it is."""
    quantity = quantity_of(holds)
    if quantity:
        return quantity.dimension.name.partition(" ")[2]
    kinds = [each.kind for each in holds if each.kind is not type(None)]
    if get_origin(kinds[0]) is Literal:
        return "choice"
    if get_origin(kinds[0]) is tuple:
        return "list"
    if get_origin(kinds[0]) is dict or issubclass(kinds[0], BaseModel):
        return "section"
    return _PLAIN_KINDS.get(kinds[0], "path")


def _allowed(holds: list[Expected]) -> str:
    """Limits, choices, or the words with which anything else is refused."""
    least, most = limits(holds)
    quantity = quantity_of(holds)
    choices = [choice for each in holds if get_origin(each.kind) is Literal for choice in get_args(each.kind)]
    if any(each.kind is bool for each in holds):
        choices = ["true", "false"]
    words = next((said for each in holds for said in _refusals(each)), "")
    if quantity and least is not None:
        return f"{quantity.written(least)} to {quantity.written(most)}" + _or_none(holds)
    if least is not None:
        return f"{least:g} to {most:g}"
    allowed = words or ", ".join(f"`{choice}`" for choice in choices)
    return "; ".join(part for part in (_how_many(holds), allowed) if part)


def _how_many(holds: list[Expected]) -> str:
    """Limits of a length; nothing where there is none."""
    marks = [mark for each in holds for mark in each.marks]
    least = next((mark.min_length for mark in marks if isinstance(mark, MinLen)), 0)
    most = next((mark.max_length for mark in marks if isinstance(mark, MaxLen)), None)
    what = "characters" if str in [each.kind for each in holds] else "entries"
    return f"{least} to {most} {what}" if most else ""


def _or_none(holds: list[Expected]) -> str:
    return ", or `none`" if any(each.kind is type(None) for each in holds) else ""


def _refusals(each: Expected) -> Iterator[str]:
    """What a value's own rules say should be written, asked by giving them nothing."""
    inner = get_args(each.kind)[0] if get_origin(each.kind) is tuple else None
    marks = [*each.marks, *(get_args(inner)[1:] if inner else ())]
    for mark in marks:
        if isinstance(mark, AfterValidator | BeforeValidator):
            rule: Any = mark.func
            try:
                rule("")
            except ValueError as error:
                yield str(error).partition("write ")[2]


def _default(field: FieldInfo, holds: list[Expected]) -> str:
    if field.is_required():
        return "*needed*"
    default, quantity = field.default, quantity_of(holds)
    if default is None:
        return "`none`" if quantity else "–"
    if quantity:
        return f"`{quantity.written(default)}`"
    if isinstance(default, BaseModel) or field.default_factory:
        return "below"
    if isinstance(default, tuple):
        return ", ".join(
            " from ".join(each.model_dump(mode="json", by_alias=True).values()) for each in default
        )
    return f"`{default:g}`" if isinstance(default, float) else f"`{_spelled(default)}`"


def _spelled(default: Any) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def main() -> None:
    """Write the page to standard output."""
    sys.stdout.write(reference())


if __name__ == "__main__":
    main()
