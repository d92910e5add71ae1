"""pydantic's findings as sentences that a technician can act on.

Each says what was found, what is allowed, and where it can the value that was meant. No sentence repeats a
secret: text that looks like a login in a URL is cut, and the value of an unknown key is never shown.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from config.located import (
    KeyPath,
    Located,
    Mistake,
    Problem,
    dotted,
    holds,
    key_place,
    place,
    printable,
    problem_at,
    value_at,
)
from config.shape import Expected, expected, known_keys, limits, owners, quantity_of

_SECRET = re.compile(r"pass(?:word|wd|phrase|wort)?$|secret|token|^pwd?$|credential", re.IGNORECASE)
_QUOTED = re.compile(r"'([^']*)'")
_COMMA_NUMBER = re.compile(r"[+-]?[0-9]+,[0-9]+")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")

LIKENESS_MIN = 0.7
"""How like a known word a slip of the keyboard is, as difflib's ratio: `frist` is 0.8 like `first`."""

_TAGGED = ("union_tag_invalid", "union_tag_not_found")
_ABSENT = ("missing", "mistake", "value_error")


class Finding:
    """One error of pydantic's, seen from the file: what it is about and what is expected there."""

    def __init__(self, model: type[BaseModel], tree: Any, error: Any) -> None:
        self.model, self.tree, self.error = model, tree, error
        self.kind: str = error["type"]
        self.context: dict[str, Any] = error.get("ctx") or {}
        cause = self.context.get("error")
        further = cause.path if isinstance(cause, Mistake) else ()
        self.path = path_in(tree, (*error["loc"], *further), self.kind)
        if self.kind in _TAGGED:
            self.path = (*self.path, self.context["discriminator"].strip("'"))
        self.found = value_at(tree, self.path)

    @property
    def is_sentence(self) -> bool:
        """Whether a validator of ours wrote the message."""
        return self.kind in ("mistake", "value_error")

    def expected(self) -> list[Expected]:
        """What may stand at the path."""
        return expected(self.model, self.tree, self.path)

    def description(self) -> str:
        """The field's own description, empty where it has none."""
        return next((each.description for each in self.expected() if each.description), "")

    def limits(self) -> str:
        """`1 s to 10 min`, where the field has a least and a most."""
        least, most = limits(self.expected())
        return "" if least is None or most is None else f"{self.amount(least)} to {self.amount(most)}"

    def amount(self, value: Any) -> str:
        """A limit, with the unit of the field."""
        quantity = quantity_of(self.expected())
        return quantity.written(value) if quantity else str(value)


def problems_in(model: type[BaseModel], located: Located, error: ValidationError) -> list[Problem]:
    """Every finding of `error` at its place, without what follows from a value that could not be read."""
    findings = [Finding(model, located.tree, each) for each in error.errors(include_url=False)]
    told: dict[tuple[KeyPath, object], Problem] = {}
    misspelt = {path for finding in findings for path in _meant(finding)}
    for finding in sorted(findings, key=lambda each: not each.is_sentence):
        if _is_unread(finding.path, located) or (finding.kind == "missing" and finding.path in misspelt):
            continue
        told.setdefault(
            (finding.path, finding.kind == "mistake" and finding.context["says"]), _told(finding, located)
        )
    return list(told.values())


def _meant(finding: Finding) -> Iterator[KeyPath]:
    """The key that an unknown one was probably meant to be: it need not be called missing as well."""
    if finding.kind == "extra_forbidden":
        section = finding.path[:-1]
        meant = _nearest(str(finding.path[-1]), known_keys(finding.model, finding.tree, section))
        yield from [(*section, meant)] if meant else []


def _told(finding: Finding, located: Located) -> Problem:
    on_key = finding.kind == "extra_forbidden" or finding.error["loc"][-1:] == ("[key]",)
    where = (key_place if on_key else place)(located, finding.path)
    return problem_at(where, finding.path, sentence(finding))


def _is_unread(path: KeyPath, located: Located) -> bool:
    return any(path[:length] in located.unread for length in range(len(path) + 1))


def path_in(tree: Any, loc: tuple[str | int, ...], kind: str) -> KeyPath:
    """pydantic's location as a path in the file, without the tags that it adds for unions."""
    path: list[str | int] = []
    node = tree
    for number, step in enumerate(loc):
        if holds(node, step):
            node = node[step]
        elif step == "[key]" or not (kind in _ABSENT and number == len(loc) - 1):
            continue
        path.append(step)
    return tuple(path)


def sentence(finding: Finding) -> str:
    """What was found and what to write instead."""
    writer = _SENTENCES.get(finding.kind)
    if writer:
        return writer(finding)
    for start, writer in _FAMILIES.items():
        if finding.kind.startswith(start):
            return writer(finding)
    return _otherwise(finding)


def shown(value: Any) -> str:
    """A found value, short and without anything that looks like a login."""
    if isinstance(value, str):
        return f"'{printable(value)}'"
    if isinstance(value, dict):
        return "keys with values"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def nearest(word: str, known: list[str]) -> str:
    """`; did you mean 'x'?`, or nothing when no known word is near."""
    meant = _nearest(word, known)
    return f"; did you mean '{meant}'?" if meant else ""


def _nearest(word: str, known: list[str]) -> str | None:
    match = difflib.get_close_matches(word.lower(), [each.lower() for each in known], 1, LIKENESS_MIN)
    return next((each for each in known if match and each.lower() == match[0]), None)


def _either(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _own(finding: Finding) -> str:
    return str(finding.context.get("says") or finding.context.get("error") or "this is not allowed")


def _missing(finding: Finding) -> str:
    return f"missing: {finding.description() or 'it must be written'}"


def _unknown(finding: Finding) -> str:
    key, section = str(finding.path[-1]), finding.path[:-1]
    known = known_keys(finding.model, finding.tree, section)
    hint = nearest(key, known)
    if _SECRET.search(key):
        return _secret(key, known)
    elsewhere = [owner for owner in owners(finding.model, key) if owner != section]
    if not hint and len(elsewhere) == 1:
        owner = (
            f"under `{dotted(elsewhere[0])}:`" if elsewhere[0] else "at the left margin, under no other key"
        )
        hint = f"; '{printable(key)}' belongs {owner}"
    return (
        f"unknown key: allowed are {', '.join(known)}{hint}" if known else "unknown key: none is allowed here"
    )


def _secret(key: str, known: list[str]) -> str:
    by_file = next((each for each in known if each == f"{key.lower()}_file"), None)
    by_file = by_file or next((each for each in known if each.endswith("password_file")), None)
    advice = (
        f"put it in a file that only the agent may read, and write its path as `{by_file}:`"
        if by_file
        else "take it out"
    )
    return f"a secret is never written here: {advice}"


def _choice(finding: Finding) -> str:
    words = _QUOTED.findall(finding.context["expected"]) or [finding.context["expected"]]
    return _not_among(finding.found, words)


def _not_among(found: Any, words: list[str]) -> str:
    hint = nearest(found, words) if isinstance(found, str) else ""
    return f"found {shown(found)}: write {_either(words)}{hint}"


def _tag(finding: Finding) -> str:
    return _not_among(finding.context["tag"], _QUOTED.findall(finding.context["expected_tags"]))


def _limit(word: str, name: str) -> Callable[[Finding], str]:
    def says(finding: Finding) -> str:
        found = finding.found if isinstance(finding.found, str) else shown(finding.found)
        allowed = finding.limits() or f"{word} {finding.amount(finding.context[name])}"
        return f"found {printable(found)}, allowed is {allowed}"

    return says


def _number(finding: Finding) -> str:
    found, called = finding.found, "a whole number" if finding.kind.startswith("int") else "a number"
    if isinstance(found, str) and _COMMA_NUMBER.fullmatch(found):
        return f"found {shown(found)}: write {found.replace(',', '.')} with a point"
    if isinstance(found, str) and _NUMBER.fullmatch(found):
        return f"found {shown(found)}, a text: write {found} without quotes"
    return f"found {shown(found)}: write {called}"


def _text(finding: Finding) -> str:
    found = finding.found
    if isinstance(found, bool | int | float):
        return f"found {shown(found)}, which is not a text: put it in quotes"
    return f"found {shown(found)}: write one text"


def _truth(finding: Finding) -> str:
    hint = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
    meant = hint.get(str(finding.found).lower())
    return f"found {shown(finding.found)}: write true or false" + (
        f"; did you mean '{meant}'?" if meant else ""
    )


def _list(finding: Finding) -> str:
    return f"found {shown(finding.found)}: write a list, each entry on a line of its own after '- '"


def _mapping(finding: Finding) -> str:
    known = known_keys(finding.model, finding.tree, finding.path)
    about = finding.description()
    under = f" ({', '.join(known)})" if known else f": {about}" if about else ""
    return f"found {shown(finding.found)}: write keys with their values under it{under}"


def _date(finding: Finding) -> str:
    return f"found {shown(finding.found)}: write a date as year-month-day, such as 2030-12-31"


def _count(word: str, name: str) -> Callable[[Finding], str]:
    def says(finding: Finding) -> str:
        number = finding.context[name]
        entries = "entry" if number == 1 else "entries"
        return f"found {finding.context['actual_length']} entries: write {word} {number} {entries}"

    return says


def _length(word: str, name: str) -> Callable[[Finding], str]:
    def says(finding: Finding) -> str:
        return f"found {shown(finding.found)}: write {word} {finding.context[name]} characters"

    return says


def _pattern(finding: Finding) -> str:
    return (
        f"found {shown(finding.found)}: {finding.description() or 'it holds characters that are not allowed'}"
    )


def _no_tag(finding: Finding) -> str:
    words = [str(word) for each in finding.expected() for word in get_args(each.kind)]
    return f"missing: write {_either(list(dict.fromkeys(words)))}"


def _otherwise(finding: Finding) -> str:
    description = finding.description()
    return f"found {shown(finding.found)}, which is not allowed here" + (
        f": {description}" if description else ""
    )


_SENTENCES: dict[str, Callable[[Finding], str]] = {
    "mistake": _own,
    "value_error": _own,
    "missing": _missing,
    "extra_forbidden": _unknown,
    "literal_error": _choice,
    "union_tag_invalid": _tag,
    "union_tag_not_found": _no_tag,
    "greater_than_equal": _limit("at least", "ge"),
    "greater_than": _limit("more than", "gt"),
    "less_than_equal": _limit("at most", "le"),
    "less_than": _limit("less than", "lt"),
    "too_short": _count("at least", "min_length"),
    "too_long": _count("at most", "max_length"),
    "string_too_short": _length("at least", "min_length"),
    "string_too_long": _length("at most", "max_length"),
    "string_pattern_mismatch": _pattern,
}

_FAMILIES: dict[str, Callable[[Finding], str]] = {
    "int_": _number,
    "float_": _number,
    "finite_": _number,
    "string_": _text,
    "path_": _text,
    "bool_": _truth,
    "list_": _list,
    "tuple_": _list,
    "dict_": _mapping,
    "model_": _mapping,
    "date_": _date,
}
