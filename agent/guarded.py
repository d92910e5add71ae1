"""Values that tell where or how fast a truck was: hard to show and to hand on by accident.

They print as their name alone, in whatever way they are formatted, and they are neither pickled nor copied. What
asks for a field of theirs by name still gets it: this is no protection against code that means to tell. And what
ends a process or a thread tells where in the code it was, never what it says: a library's message may quote a line
of the receiver.
"""

from __future__ import annotations

import sys
import threading
import traceback
from types import TracebackType
from typing import NoReturn, TypeVar

OURS = ("agent.", "buffer.", "config.", "drivers.")  # their messages quote no content

Class = TypeVar("Class", bound=type)


def guarded(cls: Class) -> Class:
    """Decorate a class so that its values show nothing."""
    for name, method in _METHODS.items():
        setattr(cls, name, method)
    return cls


def unpickled(cls: Class) -> Class:
    """Decorate a class that chooses itself what its values show."""
    for name in ("__str__", "__format__", "__reduce__"):
        setattr(cls, name, _METHODS[name])
    return cls


def guard_tracebacks() -> None:
    """From now on, print uncaught exceptions without their messages, unless their classes are our own."""
    sys.excepthook = _tell
    threading.excepthook = lambda ended: _tell(ended.exc_type, ended.exc_value, ended.exc_traceback)


def _tell(_: type[BaseException], error: BaseException | None, __: TracebackType | None) -> None:
    """The chain of exceptions from the first to the last, each with its lines of code."""
    chain = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    for each in reversed(chain):
        sys.stderr.write("".join(traceback.format_tb(each.__traceback__)))
        is_ours = type(each).__module__.startswith(OURS)
        sys.stderr.write(f"{type(each).__qualname__}{f': {each}' if is_ours else ''}\n")


def _named(value: object) -> str:
    return f"{type(value).__name__}(…)"


def _shown(value: object) -> str:
    return repr(value)


def _formatted(value: object, spec: str) -> str:
    return format(repr(value), spec)


def _refused(value: object) -> NoReturn:
    raise TypeError(f"{type(value).__name__} tells where a truck was: it is neither pickled nor copied")


_METHODS = {"__repr__": _named, "__str__": _shown, "__format__": _formatted, "__reduce__": _refused}
