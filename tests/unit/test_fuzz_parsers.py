"""Every parser over its examples and over what the fuzzer once found, cut short and with bytes turned over."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.parsers import ALL, FOUND, PARSERS, PLANTED

ROUNDS = 6


def examples() -> Iterator[tuple[str, bytes]]:
    """Of each parser what it begins from, and what was found."""
    for name, parser in PARSERS.items():
        yield from ((name, data) for data in parser.seeds())
        yield from ((name, path.read_bytes()) for path in sorted((FOUND / name).glob("*")))


@pytest.mark.parametrize(
    ("name", "data"), [pytest.param(*each, id=f"{each[0]}-{i}") for i, each in enumerate(examples())]
)
def test_no_example_and_no_finding_brings_anything_but_a_refusal_out_of_a_parser(
    name: str, data: bytes
) -> None:
    chance = random.Random(data)
    PARSERS[name].parse(data)
    for _ in range(ROUNDS):
        changed = bytearray(data[: chance.randrange(len(data) + 1)])
        for _ in range(min(4, len(changed))):
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        PARSERS[name].parse(bytes(changed))


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=200))
def test_no_bytes_at_all_bring_anything_but_a_refusal_out_of_a_parser(name: str, data: bytes) -> None:
    PARSERS[name].parse(data)


def test_the_planted_bug_is_one_that_the_seeds_do_not_meet() -> None:
    for data in ALL[PLANTED].seeds():
        ALL[PLANTED].parse(data)
    with pytest.raises(IndexError, match="planted"):
        ALL[PLANTED].parse(b"$xxRx*")
