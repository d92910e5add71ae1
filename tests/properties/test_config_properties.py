from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from config.effective import effective_yaml
from config.load import ConfigurationError, load_configuration, load_yaml, read_configuration
from config.quantities import DIMENSIONS, Dimension, parse, written

FINE = """\
fleet: springfield
vehicle: truck-017
gnss: {baud: 9600, silence: 20 s}
pins:
  brake: {gpio: 17, kind: harsh_braking, stuck_after: none}
  key: {gpio: 27, kind: ignition, pull: none}
braking:
  severity:
    - {class: moderate, at_least: 0.3 g}
outbox: {size: 100 MB}
link:
  brokers:
    - mqtts://mqtt.city.example
  backoff: {longest: 10 min}
"""
few = settings(max_examples=150, deadline=None)


@st.composite
def quantities(draw: st.DrawFn) -> tuple[float, Dimension]:
    dimension = draw(st.sampled_from(DIMENSIONS))
    whole = st.integers(-(10**15), 10**15)
    real = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)
    value: float = draw(whole if dimension.whole else st.one_of(real, whole.map(lambda n: n / 1000)))
    return value, dimension


@settings(max_examples=500, deadline=None)
@given(quantities())
def test_a_quantity_written_and_read_is_the_same(quantity: tuple[float, Dimension]) -> None:
    value, dimension = quantity
    if value == 0 or abs(value) > 1e-90:
        assert parse(written(value, dimension), dimension) == value


@few
@given(st.text(max_size=50), st.sampled_from(DIMENSIONS))
def test_any_text_is_a_quantity_or_refused_in_one_sentence(text: str, dimension: Dimension) -> None:
    assert _said_of(text, dimension) != ""


def _said_of(text: str, dimension: Dimension) -> str | None:
    try:
        parse(text, dimension)
    except ValueError as error:
        return str(error)
    return None


def judge(path: Path) -> None:
    """Nothing but ConfigurationError may be raised, and every problem is one printable line."""
    said = _problems(path)
    assert all(re.match(r"[^\n]+:\d+:\d+: [^\n]+$", line) for line in said)
    assert all(line.isprintable() for line in said)
    assert not any("Input should" in line for line in said)


def _problems(path: Path) -> list[str]:
    try:
        load_configuration(path)
    except ConfigurationError as error:
        return [str(problem) for problem in error.problems] or ["no problem is told"]
    return []


@few
@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_configuration_or_refused_in_words(tmp_path_factory: Any, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(content)
    judge(path)


@settings(max_examples=300, deadline=None)
@given(
    at=st.integers(0, len(FINE)),
    cut=st.integers(0, 12),
    instead=st.one_of(
        st.text(max_size=8),
        st.sampled_from(["\t", ": ", "- ", "[", "{", "'", '"', "&a ", "*a", "!x ", "|", "#", "\n"]),
    ),
)
def test_a_slip_of_the_keyboard_is_fine_or_refused_in_words(
    tmp_path_factory: Any, at: int, cut: int, instead: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "slip.yaml"
    path.write_bytes((FINE[:at] + instead + FINE[at + cut :]).encode("utf-8", "surrogatepass"))
    judge(path)


values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(10**12), 10**12), st.floats(-1e6, 1e6), st.text(max_size=6)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text("abcxyz_", min_size=1, max_size=5), inner, max_size=3),
    ),
    max_leaves=6,
)
PLACES = [
    ("fleet",), ("state",), ("gnss",), ("gnss", "baud"), ("gnss", "port"), ("gnss", "silence"), ("pins",),
    ("pins", "brake"), ("pins", "brake", "gpio"), ("pins", "brake", "kind"), ("pins", "brake", "stuck_after"),
    ("braking", "severity"), ("outbox", "size"), ("outbox", "maximum_age"), ("link",), ("link", "brokers"),
    ("link", "certificate_file"), ("link", "protocol"), ("link", "backoff"), ("log", "level"), ("extends",),
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), values), min_size=1, max_size=3))
def test_any_value_at_any_place_is_fine_or_refused_in_words(
    tmp_path_factory: Any, changes: list[tuple[tuple[str, ...], Any]]
) -> None:
    tree: dict[str, Any] = json.loads(json.dumps(_fine_tree(tmp_path_factory.getbasetemp())))
    for place, value in changes:
        node: Any = tree
        for step in place[:-1]:
            node = node.setdefault(step, {}) if isinstance(node, dict) else {}
        if isinstance(node, dict):
            node[place[-1]] = value
    path = tmp_path_factory.getbasetemp() / "place.yaml"
    path.write_text(json.dumps(tree), encoding="utf-8")
    judge(path)


def _fine_tree(directory: Path) -> Any:
    path = directory / "fine.yaml"
    path.write_text(FINE, encoding="utf-8")
    return load_yaml(path).tree


@few
@given(tree=st.dictionaries(st.text("ab c:#'\"-", min_size=1, max_size=6), values, min_size=1, max_size=4))
def test_json_is_read_as_the_values_it_holds(tmp_path_factory: Any, tree: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "json.yaml"
    path.write_text(json.dumps(tree), encoding="utf-8")
    try:
        read = load_yaml(path).tree
    except ConfigurationError as refusal:
        read, tree = str(refusal), {}
    assert read == tree or "can't stand in a text" in read or "too long" in read


def test_what_takes_effect_written_out_takes_the_same_effect(tmp_path: Path) -> None:
    path, again = tmp_path / "agent.yaml", tmp_path / "again.yaml"
    path.write_text(FINE, encoding="utf-8")
    loaded = read_configuration(path)
    again.write_text(effective_yaml(loaded), encoding="utf-8")
    assert load_configuration(again) == loaded.configuration
