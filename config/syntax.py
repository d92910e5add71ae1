"""What a YAML parser stumbles over, in a technician's words.

The parser names the rule that was broken; the person at the keyboard wants to know which line to look at and
what to type. The text is looked at again to tell apart what the parser reports alike.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ruamel.yaml.error import MarkedYAMLError

_NO_SPACE = re.compile(r"\s*(?:- )?[\w-]+:[^\s:/]")
_COMMENT_OR_BLANK = re.compile(r"\s*(?:#.*)?$")
_SECOND_COLON = re.compile(r"\s*(?:- )?[\w-]+:\s+\S")


class Finding(NamedTuple):
    """Where a syntax error stands (`line` and `column` from 0) and what to say about it."""

    line: int
    column: int
    says: str


def finding(error: MarkedYAMLError, text: str) -> Finding:
    """The place and the sentence for an error of the parser in `text`."""
    lines = text.splitlines()
    problem, mark = error.problem or "", error.problem_mark
    if "mapping values are not allowed" in problem:
        return _misplaced_colon(mark.line, mark.column, lines)
    if "could not find expected ':'" in problem:
        return _keyless(error.context_mark.line, error.context_mark.column, lines)
    if problem.startswith("expected ',' or"):
        return _unclosed_bracket(error, lines)
    if "unexpected end of stream" in problem and error.context_mark:
        return Finding(
            error.context_mark.line, error.context_mark.column, "the quote that opens here is never closed"
        )
    mark = mark or error.context_mark
    return Finding(mark.line, mark.column, _says(problem, error))


def _misplaced_colon(line: int, column: int, lines: list[str]) -> Finding:
    if _SECOND_COLON.match(lines[line][:column]):
        return Finding(
            line,
            column,
            "a second ':' in one line: put the text after the first ':' in quotes, or begin a new line",
        )
    above = next((n for n in range(line - 1, -1, -1) if not _COMMENT_OR_BLANK.match(lines[n])), None)
    if above is not None and (_NO_SPACE.match(lines[above]) or ":" not in lines[above]):
        return _keyless(above, _indent(lines[above]), lines)
    column = _indent(lines[line])
    if above is None:
        return Finding(line, column, "a ':' can't stand here: write `key: value`")
    return Finding(line, column, _indentation(f"line {above + 1} above it"))


def _keyless(line: int, column: int, lines: list[str]) -> Finding:
    if _NO_SPACE.match(lines[line]):
        column = lines[line].index(":")
        return Finding(line, column, "a space is missing after the ':': write `key: value`")
    return Finding(line, column, "there is no ':' on this line: write `key: value`")


def _unclosed_bracket(error: MarkedYAMLError, lines: list[str]) -> Finding:
    opening = "{" if "'}'" in error.problem else "["
    closing = "}" if opening == "{" else "]"
    start, end = error.context_mark, error.problem_mark
    if end.line > start.line or end.line >= len(lines):
        return Finding(
            start.line, start.column, f"the {opening} that opens here is never closed with {closing}"
        )
    return Finding(
        end.line, end.column, f"a comma is missing here, or the {closing} that closes the {opening}"
    )


def _indentation(neighbour: str) -> str:
    return (
        f"this line's indentation does not fit {neighbour}: keys that belong together start in the same "
        "column, keys that belong under another start two spaces further right"
    )


_EXPECTED_END = {
    "'<scalar>'": "there is text after the closing quote: put it all in quotes, and write a ' inside twice",
    "'-'": "a list entry ('- …') can't stand among keys: indent it under the key it belongs to",
    "','": "a ',' can't stand here: put the text in quotes, or begin a new line",
    "']'": "there is no [ that this ] could close",
    "'}'": "there is no { that this } could close",
}

_BACKSLASH = r"a \ inside double quotes has a meaning of its own: use single quotes instead"

_SENTENCES = {
    "sequence entries are not allowed": "a list entry ('- …') begins on a line of its own, or write [a, b]",
    "mapping keys are not allowed": "a '?' can't stand here: put the text in quotes",
    r"found character '\t'": "a tab stands here: use spaces",
    "unknown escape character": _BACKSLASH,
    "expected escape sequence": _BACKSLASH,
    "expected chomping or indentation": "a text can't begin with | or >: put it in quotes",
    "expected alphabetic or numeric": "a text can't begin with & or *: put it in quotes",
    "expected the node content": "a value is missing here, or a bracket or comma stands where none can",
    "incompatible YAML document": "a %YAML line is not needed: take it out",
}

_CANNOT_START = re.compile(r"found character '(.)' that cannot start any token")


def _says(problem: str, error: MarkedYAMLError) -> str:
    if problem.startswith("expected <block end>"):
        return _expected_end(problem.rpartition(" ")[2], error)
    starter = _CANNOT_START.search(problem)
    if starter:
        return f"a text can't begin with {starter[1]}: put it in quotes"
    known = (sentence for start, sentence in _SENTENCES.items() if start in problem)
    return next(known, "this is not YAML: look for a missing quote, colon or space here or on the line above")


def _expected_end(found: str, error: MarkedYAMLError) -> str:
    if found in _EXPECTED_END:
        return _EXPECTED_END[found]
    if error.context == "while parsing a block collection" and found == "'?'":
        return "a key can't stand among list entries: begin the line with '- ', or indent it under an entry"
    return _indentation("any line above it")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
