"""R10: raw fixes are hard to leak by accident: not shown, not pickled, not in what an exception leaves."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import importlib
import io
import logging
import pickle
import pkgutil
import re
import struct
import subprocess
import sys
import traceback
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import agent
import buffer
import drivers
from agent.agreement import Agreement
from agent.filters.continuity import Continuity
from agent.filters.placed import Placed
from agent.filters.simplify import Spot
from agent.filters.standstill import Standstill, Step
from agent.filters.stretches import Stretches
from agent.geometry import Point
from agent.recording.chain import Chain
from agent.recording.fixes import Epochs, Fix, Receiver
from agent.recording.gate import Gate
from agent.recording.recorder import Recorder
from agent.recording.way import PublishedStretch, Way
from agent.records import Record
from agent.streams.track import Track
from buffer.rows import Batch, Kept, KeptRow, Note, Receipt
from drivers.inputs import Chunk, Tick
from drivers.nmea import Sentence
from tests.sim.drives import ON, Lines, Witness, agreement, epochs, fed, straight, truck
from tests.sim.drives import Spot as Place

# Not on the truck, or of what everybody may read: made-up drives, attacks on them, the receiving end, the
# agreement's own polygons.
ELSEWHERE = re.compile(
    r"agent\.(report|demo|audit|two_breaks|agreement|columns|city\.receiver|paper|wire|cli|__main__)"
    r"|drivers\.(simulate|embedded_broker)|buffer\.received"
)
NOT_FROM_THE_TRUCK = {
    "drivers.inputs.Delivered",
    "agent.recording.way.WayRules",
    "agent.recording.pulses.LineOptions",
}
TELLING = re.compile(
    r"latitude|longitude|^[xy]_(m|e7)$|^points?$|spots?$|^where$|^stands$|^path$|^fields$"
    r"|^body$|^payload$|^data$|^mps$|speed_mps$|course|altitude"
)
BY_HAND = {Batch, Chunk, Fix, Kept, KeptRow, Note, Placed, Point, PublishedStretch, Receipt, Record}
BY_HAND |= {Sentence, Spot, Step}

# Digits that nothing else has; the same for every way in which a place is written.
INTEGER, REAL, TEXT = 414_927_368, 41.4927368, b"4149.27368"
SHOWN = ("414927368", "4149273", "4.149273", "41.49273", "4149.27")


def modules() -> Iterator[types.ModuleType]:
    for package in (agent, buffer, drivers):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not ELSEWHERE.match(found.name):
                yield importlib.import_module(found.name)


def values() -> Iterator[type]:
    """Every class of values that the truck's packages define."""
    for module in modules():
        for each in vars(module).values():
            if not isinstance(each, type) or each.__module__ != module.__name__:
                continue
            if hasattr(each, "_fields") or dataclasses.is_dataclass(each):
                yield each


def fields_of(cls: type) -> dict[str, str]:
    """Field names and how their types are written."""
    hints = getattr(cls, "__annotations__", {})
    return {name: getattr(hint, "__forward_arg__", str(hint)) for name, hint in hints.items()}


def telling() -> set[type]:
    """Those that can hold a place or a speed: by the name of a field, or by holding another one that can."""
    found: set[type] = set()
    pending = [each for each in values() if f"{each.__module__}.{each.__name__}" not in NOT_FROM_THE_TRUCK]
    while True:
        names = "|".join(sorted(each.__name__ for each in found)) or "-"
        fresh = {
            each
            for each in pending
            if each not in found
            and any(
                TELLING.search(name) or re.search(rf"\b({names})\b", hint)
                for name, hint in fields_of(each).items()
            )
            and not each.__name__.endswith(("Limits", "Rules", "Options"))
        }
        if not fresh:
            return found
        found |= fresh


def made(cls: type) -> Any:
    """A value in which every field that can tell a place tells the secret one."""
    return cls(**{name: filled(cls, name, hint) for name, hint in fields_of(cls).items()})


def filled(cls: type, name: str, hint: str) -> Any:
    if several := re.match(r"(?:list|tuple|Sequence|deque)\[(.*)\]$", hint):
        return [filled(cls, name, several[1].removesuffix(", ...")) for _ in range(2)]
    hint = hint.split(" | ", maxsplit=1)[0]
    tells = TELLING.search(name) is not None
    simple = {
        "int": INTEGER if tells else 1,
        "float": REAL if tells else 0.5,
        "str": "word",
        "bool": True,
        "bytes": TEXT,
        "object": Point(INTEGER, INTEGER),
    }
    if hint in simple:
        return simple[hint]
    if hint.startswith("dict"):
        return {"latitude": REAL, "points": [[REAL, REAL]]}
    if hint.startswith(("frozenset", "Mapping", "Collection", "Literal")):
        return ()
    return made(BY_NAME[hint]) if hint in BY_NAME else hint


BY_NAME = {each.__name__: each for each in telling()}
CLASSES = sorted(telling(), key=lambda each: (each.__module__, each.__name__))


def attempted(way: Callable[[Any], str], value: Any) -> str:
    """What it shows; a refusal shows its words."""
    try:
        return way(value)
    except TypeError as error:
        return str(error)


WAYS: dict[str, Callable[[Any], str]] = {
    "repr": repr,
    "str": str,
    "ascii": ascii,
    "format": format,
    "f-string": lambda value: f"{value} {value!s} {value!r} {value:>40}",
    "str.format": lambda value: f"{value} {value!s} {value!r} {value:<40}",
    "bare percent": lambda value: "%s" % value,  # noqa: UP031
    "percent": lambda value: "%s %r" % (value, value),  # noqa: UP031
    "in a list": lambda value: f"{[value]} {(value, value)} { ({1: value}) }",
    "logged": lambda value: logging.LogRecord("", 0, "", 0, "%s %r", (value, value), None).getMessage(),
    "in an exception": lambda value: "".join(traceback.format_exception(ValueError(value))),
    "as a key that is missing": lambda value: "".join(traceback.format_exception(KeyError(value))),
}


def test_the_walk_finds_what_is_known_to_tell_a_place() -> None:
    assert set(CLASSES) >= BY_HAND
    assert len(CLASSES) < len(list(values())) / 2


@pytest.mark.parametrize("cls", CLASSES, ids=lambda each: f"{each.__module__}.{each.__name__}")
@pytest.mark.parametrize("way", WAYS)
def test_r10_no_way_of_printing_shows_a_place(cls: type, way: str) -> None:
    text = attempted(WAYS[way], made(cls))
    assert not [digits for digits in SHOWN if digits in text], f"{cls.__name__} by {way}"


@pytest.mark.parametrize("cls", CLASSES, ids=lambda each: f"{each.__module__}.{each.__name__}")
def test_r10_a_pickle_carries_no_place(cls: type) -> None:
    value = made(cls)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for what in (value, [value], {"a": (value,)}):
            with pytest.raises(TypeError, match="neither pickled nor copied"):
                pickle.dumps(what, protocol)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda each: f"{each.__module__}.{each.__name__}")
def test_r10_a_copy_is_refused_or_guarded_alike(cls: type) -> None:
    with pytest.raises(TypeError, match="neither pickled nor copied"):
        copy.deepcopy(made(cls))
    with contextlib.suppress(TypeError):
        assert type(copy.copy(made(cls))) is cls


def test_the_search_finds_the_secret_in_a_value_without_a_guard() -> None:
    class Bare(typing.NamedTuple):
        latitude_e7: int
        x_m: float
        data: bytes

    text = repr(Bare(INTEGER, REAL, TEXT))
    assert {digits for digits in SHOWN if digits in text} >= {"414927368", "41.49273", "4149.27"}
    pickled = pickle.dumps(tuple(Bare(INTEGER, REAL, TEXT)))
    assert [each in pickled for each in (struct.pack("<i", INTEGER), struct.pack(">d", REAL), TEXT)] == [
        True
    ] * 3


# What a stage holds, and what it raises with.

STAGES: list[tuple[type, str]] = [
    (Receiver, "feed"),
    (Epochs, "push"),
    (Agreement, "allows"),
    (Gate, "judge"),
    (Chain, "place"),
    (Continuity, "reach"),
    (Way, "push"),
    (Standstill, "push"),
    (Stretches, "push"),
    (Track, "stretched"),
]


def planted(monkeypatch: pytest.MonkeyPatch, stage: type, method: str) -> list[str]:
    """Make a stage raise with what it was given and with the secret place; what it raised with."""
    raised: list[str] = []

    def failing(_: Any, *words: Any) -> Any:
        raised.append(f"{[tuple(word) if isinstance(word, tuple) else word for word in words]} {REAL}")
        raise ZeroDivisionError(raised[-1], *words)

    assert hasattr(stage, method)
    monkeypatch.setattr(stage, method, failing)
    return raised


@pytest.fixture
def lines() -> Iterator[Lines]:
    seen = Lines()
    root = logging.getLogger()
    root.addHandler(seen)
    yield seen
    root.removeHandler(seen)


@pytest.mark.parametrize(("stage", "method"), STAGES, ids=lambda each: getattr(each, "__name__", each))
def test_r10_a_stage_that_raises_with_a_place_leaves_its_type_alone(
    monkeypatch: pytest.MonkeyPatch, lines: Lines, stage: type, method: str
) -> None:
    raised = planted(monkeypatch, stage, method)
    link = Witness()
    runtime = truck(agreement(), link=link, duty=ON)
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    with contextlib.suppress(RuntimeError):  # so many faults end it
        fed(runtime, link, epochs(straight(3_900, east_m=-2_000)))
    said = "\n".join([*lines.text, stderr.getvalue(), traceback.format_exc()])
    assert raised
    assert "ZeroDivisionError" in said
    assert runtime.counts.faults > 0
    assert not [digits for digits in SHOWN if digits in said]
    assert not any(words in said for words in raised)


def test_r10_giving_up_after_many_faults_names_their_type_and_carries_no_cause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planted(monkeypatch, Receiver, "feed")
    link = Witness()
    runtime = truck(agreement(), link=link, duty=ON)
    with pytest.raises(RuntimeError) as caught:
        fed(runtime, link, epochs(straight(4_000)))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    told = "".join(traceback.format_exception(caught.value))
    assert "ZeroDivisionError" in told
    assert not [digits for digits in SHOWN if digits in told]


ENDS = """
import threading
from agent.guarded import guard_tracebacks
from buffer.errors import WrongNumber

def stage(place):
    try:
        raise KeyError(place)
    except KeyError:
        raise ValueError(f"no good: {place}") from None if bare else ValueError(place)

guard_tracebacks()
"""


@pytest.mark.parametrize("bare", [True, False])
@pytest.mark.parametrize("where", ["stage({0})", "threading.Thread(target=stage, args=({0},)).start()"])
def test_r10_what_ends_the_process_or_a_thread_is_told_without_its_words(bare: bool, where: str) -> None:
    program = f"bare = {bare}\n" + ENDS + where.format("100 * 4.149273 / 10 + 0")
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "ValueError" in ended.stderr
    assert "in stage" in ended.stderr
    assert not [digits for digits in SHOWN if digits in ended.stderr]


def test_what_ends_the_process_keeps_the_words_of_our_own_exceptions() -> None:
    program = "bare = True\n" + ENDS + "raise WrongNumber('batch 7 of track sealed, 8 is next')"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "WrongNumber: batch 7 of track sealed, 8 is next" in ended.stderr
    assert ended.returncode == 1


@pytest.mark.parametrize("hidden", [True, False], ids=["not publishable", "publishable"])
def test_r10_what_records_shows_nothing_of_the_places_it_holds(hidden: bool) -> None:
    link = Witness()
    runtime = truck(agreement(), link=link, duty=ON)
    north_m = 3_000.0 if hidden else 0.0
    fed(runtime, link, epochs([Place(i * 10.0, north_m, 10.0) for i in range(40)]))
    runtime.step(Tick(60.0), 60.0)
    recorder = runtime.recorder
    assert isinstance(recorder, Recorder)
    assert re.fullmatch(r"<agent\.recording\.recorder\.Recorder object at 0x[0-9a-f]+>", repr(recorder))
    for each in (recorder, *vars(recorder).values()):
        assert not re.search(r"4[01]\d{7}|latitude.*\d", repr(each))
    with pytest.raises(Exception, match="pickle"):
        pickle.dumps(recorder)


def test_r10_while_nothing_is_publishable_logs_and_status_are_the_same_for_any_fix(lines: Lines) -> None:
    told = []
    for east_m, north_m in ((0.0, 3_000.0), (30.0, 2_980.0), (90_000.0, 0.0)):
        lines.text.clear()
        link = Witness()
        runtime = truck(agreement(), link=link, duty=ON)
        start = epochs(straight(200))
        rest = epochs([Place(east_m, north_m + i, 1.0) for i in range(300)], start_s=20.0)
        fed(runtime, link, [*start, *rest])
        told.append((list(lines.text), runtime.counts, runtime.outbox.counts(), runtime.now))
    assert told[0] == told[1] == told[2]
