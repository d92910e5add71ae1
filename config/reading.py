"""YAML files into plain values that know where they stand.

YAML 1.2's core schema and nothing more: `true` and `false` are the only booleans, `yes` and `on` are text,
and so is a date. Anchors, aliases, merges and tags are refused, which also leaves nothing to multiply ("a
billion laughs"). Size and nesting are bounded. Keys are always text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from config.located import (
    ConfigurationError,
    KeyPath,
    Located,
    Place,
    Problem,
    key_place,
    printable,
    problem_at,
)
from config.syntax import finding

FILE_BYTES_MAX = 1024 * 1024
"""Largest file that is read: an agreement with its polygons is a tenth of it."""

NESTING_MAX = 32
"""Deepest nesting of mappings and lists."""

NUMBER_CHARACTERS_MAX = 24
"""Longest number, sign and point included; a longer one has digits that no truck needs."""

_NULL = frozenset({"~", "null", "Null", "NULL"})
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_CURLY = "“”„‟‘’‚«»"
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_IN_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INDENTATION = re.compile(r"^[^\S\n]*", re.MULTILINE)
_LINES_NAMED_MAX = 5
_YAML_TAG = "tag:yaml.org,2002:"


def read_yaml(path: Path) -> Located:
    """The values of one file and their places; mistakes that leave the rest readable are its `flaws`.

    Raises ConfigurationError where nothing can be made of the file.
    """
    name, text = str(path), read_text(path)
    _refuse_indentation(name, text)
    try:
        return _Reading(name).located(text)
    except MarkedYAMLError as error:
        line, column, says = finding(error, text)
        raise _fatal(name, says, line, column) from None
    except YAMLError:
        raise _fatal(name, "this is not YAML that can be read") from None


def read_text(path: Path) -> str:
    """The text of a small file. Raises ConfigurationError."""
    return _text(str(path), _content(path, str(path)))


def _fatal(name: str, says: str, line: int = 0, column: int = 0) -> ConfigurationError:
    return ConfigurationError([Problem(name, line + 1, column + 1, "", says)])


def _content(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise _fatal(name, "there is no such file") from None
    except IsADirectoryError:
        raise _fatal(name, "this is a directory, not a file") from None
    except PermissionError:
        raise _fatal(name, "this user may not read the file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a file name"
        raise _fatal(name, f"the file can't be read: {reason}") from None
    if len(content) > FILE_BYTES_MAX:
        raise _fatal(name, f"the file is larger than {FILE_BYTES_MAX // 1024} KiB, the most that is read")
    return content


def _text(name: str, content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _fatal(name, "the file is saved as UTF-16: save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _position(content[: error.start].decode("utf-8-sig", "replace"))
        says = f"the byte 0x{content[error.start]:02x} is not UTF-8: save the file as UTF-8"
        raise _fatal(name, says, line, column) from None
    strange = _NOT_IN_YAML.search(text)
    if strange:
        line, column = _position(text[: strange.start()])
        says = f"the character U+{ord(strange[0]):04X} can't stand in a text file: take it out"
        raise _fatal(name, says, line, column)
    return text


def _position(before: str) -> tuple[int, int]:
    """Line and column, from 0, of what follows `before`."""
    return before.count("\n"), len(before) - (before.rfind("\n") + 1)


def _refuse_indentation(name: str, text: str) -> None:
    """Raise ConfigurationError where lines are indented with anything but spaces."""
    problems = []
    for letter, called in (("\t", "a tab"), ("\xa0", "a non-breaking space")):
        lines = [
            (n, indent[0]) for n, indent in enumerate(_INDENTATION.finditer(text)) if letter in indent[0]
        ]
        if lines:
            line, indent = lines[0]
            says = f"the line is indented with {called}{_also(lines[1:])}: use spaces"
            problems.append(Problem(name, line + 1, indent.index(letter) + 1, "", says))
    if problems:
        raise ConfigurationError(sorted(problems))


def _also(lines: list[tuple[int, str]]) -> str:
    if not lines:
        return ""
    named = ", ".join(str(line + 1) for line, _ in lines[:_LINES_NAMED_MAX])
    more = f" and {len(lines) - _LINES_NAMED_MAX} more" if len(lines) > _LINES_NAMED_MAX else ""
    return f" (so is line {named}{more})" if len(lines) == 1 else f" (so are lines {named}{more})"


class _Reading:
    """One walk over a file's parse events."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.keys: dict[KeyPath, Place] = {}
        self.values: dict[KeyPath, Place] = {}
        self.flaws: list[Problem] = []
        self.unread: set[KeyPath] = set()
        self._events: Iterator[Event] = iter(())

    def located(self, text: str) -> Located:
        """The whole file. Raises YAMLError and ConfigurationError."""
        self._events = YAML(typ="safe", pure=True).parse(text)
        tree = self._document()
        return Located(
            self.name,
            tree,
            self.keys,
            self.values,
            tuple(self.flaws),
            frozenset(self.unread),
            (self.name,),
        )

    def _document(self) -> Any:
        next(self._events)
        start = next(self._events)
        if isinstance(start, StreamEndEvent):
            raise _fatal(self.name, "the file is empty")
        root = next(self._events)
        if not isinstance(root, MappingStartEvent):
            for _ in self._events:
                pass  # a syntax error further on says more than what is found here
            found = "a list" if isinstance(root, SequenceStartEvent) else "a single text"
            says = f"the file must hold keys with their values (`key: value`), but holds {found}"
            raise _fatal(self.name, says, root.start_mark.line, root.start_mark.column)
        tree = self._value(root, ())
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                self._flaw(event, (), "a second document begins here: keep one in a file")
                break
        return tree

    def _place(self, event: Event) -> Place:
        return Place(self.name, event.start_mark.line + 1, event.start_mark.column + 1)

    def _flaw(self, event: Event, path: KeyPath, says: str) -> None:
        self.flaws.append(problem_at(self._place(event), path, says))

    def _value(self, event: Event, path: KeyPath) -> Any:
        if len(path) > NESTING_MAX:
            says = f"values are nested more than {NESTING_MAX} deep"
            raise _fatal(self.name, says, event.start_mark.line, event.start_mark.column)
        if path:
            self.values[path] = self._place(event)
        self._refuse_sharing(event, path)
        if isinstance(event, MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, SequenceStartEvent):
            return self._list(path)
        return self._scalar(event, path) if isinstance(event, ScalarEvent) else None

    def _refuse_sharing(self, event: Event, path: KeyPath) -> None:
        """Note anchors, aliases and tags as flaws."""
        anchor, tag = getattr(event, "anchor", None), getattr(event, "ctag", None)
        if isinstance(event, AliasEvent):
            self.unread.add(path)
            self._flaw(
                event, path, f"*{printable(str(anchor))} repeats another value: write the value itself"
            )
        elif anchor:
            self._flaw(event, path, f"&{printable(str(anchor))} names a value for repeating it: take it out")
        if tag is not None:
            self.unread.add(path)
            self._flaw(
                event,
                path,
                f"{printable(str(tag).replace(_YAML_TAG, '!!'))} is a tag: take it out, or put the text in quotes",
            )

    def _list(self, path: KeyPath) -> list[Any]:
        entries: list[Any] = []
        for event in self._events:
            if isinstance(event, SequenceEndEvent):
                break
            entries.append(self._value(event, (*path, len(entries))))
        return entries

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        for event in self._events:
            if isinstance(event, MappingEndEvent):
                break
            key = self._key(event, path)
            if key is None or not self._is_new(key, event, path):
                self._skip(next(self._events))
                continue
            self.keys[*path, key] = self._place(event)
            tree[key] = self._value(next(self._events), (*path, key))
        return tree

    def _key(self, event: Event, path: KeyPath) -> str | None:
        """The key's text; None, with a flaw noted, where it is none."""
        if not isinstance(event, ScalarEvent):
            self._flaw(event, path, "a key must be a plain text")
            self._skip(event)
            return None
        key = str(event.value)
        if key == "<<" and event.style is None:
            self._flaw(event, path, "<< merges values: write them out, or use `extends:` for a common file")
            return None
        if not key or _CONTROL.search(key):
            self._flaw(
                event,
                path,
                "the key before the ':' is missing" if not key else "the key holds a control character",
            )
            return None
        if event.anchor or event.ctag is not None:
            self._flaw(event, path, "a key must be a plain text")
        return key

    def _is_new(self, key: str, event: Event, path: KeyPath) -> bool:
        first = self.keys.get((*path, key))
        if first:
            says = f"written twice, first on line {first.line} column {first.column}: keep one of the two"
            self._flaw(event, (*path, key), says)
        return first is None

    def _skip(self, event: Event) -> None:
        """Read past the value that begins with `event`."""
        depth = 0
        while True:
            depth += isinstance(event, MappingStartEvent | SequenceStartEvent)
            depth -= isinstance(event, MappingEndEvent | SequenceEndEvent)
            if depth == 0:
                return
            event = next(self._events)

    def _scalar(self, event: ScalarEvent, path: KeyPath) -> Any:
        text = str(event.value)
        flaw = _text_flaw(text)
        if event.style is None and flaw is None:
            if not text:
                self.values[path] = key_place(Located(self.name, None, self.keys, self.values), path)
            flaw = _plain_flaw(text)
        if flaw:
            self.unread.add(path)
            self.flaws.append(problem_at(self.values[path], path, flaw))
            return None
        return text if event.style is not None else _plain(text)


def _text_flaw(text: str) -> str | None:
    """What is wrong with any text, quoted or not."""
    strange = _CONTROL.search(text)
    return f"the character U+{ord(strange[0]):04X} can't stand in a text" if strange else None


def _plain_flaw(text: str) -> str | None:
    """What is wrong with an unquoted text before any schema is asked."""
    if not text:
        return "left empty: write a value, or take the line out"
    if text[0] in _CURLY:
        return f"{text[0]} is a typographic quote: use straight quotes (' or \"), or none"
    if _LEADING_ZERO.fullmatch(text):
        plainly = printable(_unpadded(text))
        return f"{printable(text)} begins with a zero: write {plainly}, or put it in quotes if it is a name"
    if _NOT_FINITE.fullmatch(text):
        return f"{text} is not a number that can be worked with"
    if _is_number(text) and (len(text) > NUMBER_CHARACTERS_MAX or not math.isfinite(_plain(text))):
        return f"the number is too long or too large: at most {NUMBER_CHARACTERS_MAX} characters"
    return None


def _unpadded(text: str) -> str:
    """The number without its leading zeros."""
    sign = "-" if text[0] == "-" else ""
    return sign + (text.lstrip("+-").lstrip("0") or "0")


def _is_number(text: str) -> bool:
    return bool(_INTEGER.fullmatch(text) or _FLOAT.fullmatch(text))


def _plain(text: str) -> Any:
    """An unquoted text as YAML 1.2's core schema reads it."""
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if _INTEGER.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
