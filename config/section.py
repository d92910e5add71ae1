"""What all sections of the schema have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema

from config.located import Mistake

_CORE_KINDS = frozenset(get_args(core_schema.ErrorType))

Entry = TypeVar("Entry")
Checked = TypeVar("Checked")


class Section(BaseModel):
    """A mapping of known keys only, whose values are never converted from one kind into another."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, hide_input_in_errors=True, defer_build=True
    )


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Listed = Annotated[tuple[Entry, ...], BeforeValidator(_as_tuple)]
"""A list in the file, a tuple in the program."""


def gathered(value: Any, validate: Callable[[Any], Checked], mistakes: Iterable[Mistake]) -> Checked:
    """`validate(value)`, with `mistakes` added to whatever pydantic finds, so that all come at once.

    For `wrap` validators whose rule looks at several keys: pydantic alone would ask the rule only after every
    single value is right.
    """
    details = [_detail(mistake) for mistake in mistakes]
    try:
        checked = validate(value)
    except ValidationError as error:
        details += [_again(found) for found in error.errors(include_url=False)]
    if details:
        raise ValidationError.from_exception_data("mistakes", details)
    return checked


def _detail(mistake: Mistake) -> InitErrorDetails:
    sentence = PydanticCustomError("mistake", "{says}", {"says": mistake.says})
    return InitErrorDetails(type=sentence, loc=mistake.path, input=None)


def _again(found: Any) -> InitErrorDetails:
    """An error of pydantic's own, in the form in which it can be raised once more."""
    kind, context = found["type"], found.get("ctx", {})
    if kind not in _CORE_KINDS:
        kind = PydanticCustomError(kind, "{says}", {"says": found["msg"], **context})
    return InitErrorDetails(type=kind, loc=found["loc"], input=found["input"], ctx=context)
