"""The arithmetic of the bench; its measurements are no tests."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench.driving import has_fix, operations
from tests.bench.feed import FIFO_BYTES, Port, feed, pieces, slots
from tests.bench.lap import FirstStart, Lap, Mark, difference, doubts
from tests.bench.process import (
    Memory,
    cpu_s,
    memory,
    read_device_bytes,
    read_memory,
    read_written_bytes,
    written_bytes,
)
from tests.bench.shift_bytes import of_shift, publish_bytes, stream_of, wire_bytes
from tests.bench.table import Row, Target, as_plain, markdown, scaled, written

BURST = b"$GNRMC,060000.00,A,4000.00000,N,00400.00000,W,0.0,,010127,,,A,V*00\r\n" * 8


def test_a_burst_takes_as_long_as_115200_baud_take() -> None:
    paced = pieces(BURST, paced=True)
    assert b"".join(piece for _, piece in paced) == BURST
    assert max(len(piece) for _, piece in paced) == FIFO_BYTES
    assert paced[-1][0] == pytest.approx(len(BURST) * 10 / 115_200, abs=0.0015)
    assert pieces(BURST, paced=False) == [(0.0, BURST)]


def test_ports_take_turns_within_each_second() -> None:
    order = list(slots(ports=3, bursts=2, speed=2.0))
    assert [(slot.burst, slot.port) for slot in order] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert order[3].due_s == 0.5
    assert all(early.due_s < late.due_s for early, late in itertools.pairwise(order))


def test_what_is_fed_comes_out_of_the_port_unchanged() -> None:
    port = Port()
    try:
        feed([port], [b"$one\r\n", b"$two\r\n"], speed=1000.0)
        reader = os.open(port.name, os.O_RDONLY | os.O_NOCTTY)
        try:
            assert os.read(reader, 100) == b"$one\r\n$two\r\n"
        finally:
            os.close(reader)
    finally:
        port.close()


def test_the_kernels_files_are_read() -> None:
    assert read_memory("Name:\tpython\nVmHWM:\t   2048 kB\nVmRSS:\t   1024 kB\n") == (2.0, 1.0)
    assert read_written_bytes("wchar: 9\nwrite_bytes: 8192\ncancelled_write_bytes: 4096\n") == 8192
    assert read_device_bytes("   1  2  3  4  5  6  16  8  0  0  0 0 0 0 0 0 0\n") == 8192


def test_a_process_is_asked_what_it_used() -> None:
    before = cpu_s(os.getpid())
    sum(range(200_000))
    assert cpu_s(os.getpid()) > before
    assert memory(os.getpid()).last_mib > 1
    assert written_bytes(os.getpid()) >= 0


def test_the_difference_of_two_marks_keeps_what_is_unknown_unknown() -> None:
    early = Mark(1.0, 10, 5, 1, 100, None, 2, 7)
    late = Mark(3.0, 30, 9, 2, 300, None, 5, None)
    assert difference(late, early) == (2.0, 20, 4, 1, 200, None, 3, None)


def _lap(fixes: int | None, messages: int) -> Lap:
    done = Mark(1.0, 10, 5, messages, 100, None, 2, fixes)
    return Lap(1.0, 100, FirstStart(0.1, 30.0), 0.1, done, Memory(30.0, 29.0), 0.0, "a directory")


def test_a_program_that_did_not_do_its_work_is_doubted() -> None:
    assert doubts({"a": _lap(97, 1), "b": _lap(None, 1)}) == []
    assert doubts({"a": _lap(96, 1)}) == ["a understood 96 fixes in 100 s of driving"]
    assert doubts({"b": _lap(None, 0)}) == ["b brought 0 messages and committed 2 times"]


def test_only_a_valid_rmc_is_a_fix() -> None:
    assert has_fix(BURST)
    assert not has_fix(b"$GNRMC,060000.00,V,,,,,,,010127,,,N,V*00\r\n$GNGLL,,,,,1,A,A*00\r\n")


def test_an_mqtt_message_is_as_long_as_the_standard_says() -> None:
    # Fixed header 2, topic 2 + 3, packet identifier 2, properties 1; the second length digit comes at 128.
    assert publish_bytes("a/b", 10) == 20
    assert publish_bytes("a/b", 119) == 129
    assert publish_bytes("a/b", 120) == 131
    assert publish_bytes("a/b", 16_376) == 16_387 + 1


def _batch(slot_s: float, stream: str) -> dict[str, object]:
    return {"slot_s": slot_s, "topic": f"f/{stream}", "bytes": 100}


def test_a_shift_costs_one_daily_release_or_every_timed_one_and_its_brakings() -> None:
    index = [_batch(60, "track"), _batch(60, "box"), _batch(3600, "track"), _batch(9000, "box")]
    index.append(_batch(700_000, "harsh_braking"))
    assert of_shift(index, 3600, daily=True) == index[:2]
    assert of_shift(index, 3600, daily=False) == [*index[:3], index[4]]
    assert [stream_of(batch) for batch in index[:2]] == ["track", "box"]


def test_the_wire_counts_framing_acknowledgements_pings_and_the_connection() -> None:
    batches = [_batch(60, "track")] * 2
    assert wire_bytes(batches, 60.0) == 2 * (publish_bytes("f/track", 100) + 4) + 2 * 4 + 150


def test_the_operations_release_takes_the_place_of_the_citys() -> None:
    agreement = operations(
        "streams: {track: {clock: stretch}, harsh_braking: {held: 28 days}}\nrelease: {kind: daily}\n"
    )
    assert agreement["release"]["kind"] == "timed"
    assert agreement["streams"]["track"]["clock"] == "minute"


def test_a_target_is_met_at_its_limit_and_missed_above_it() -> None:
    assert Row("x", {"fairhaul": 3.0, "yardstick": 2.0}, 1, Target(1.5, is_ratio=True)).met is True
    assert Row("x", {"fairhaul": 3.1, "yardstick": 2.0}, 1, Target(1.5, is_ratio=True)).met is False
    assert Row("x", {"fairhaul": 45.0}, 1, Target(45)).met is True
    assert Row("x", {"fairhaul": None}, 1, Target(45)).met is None
    assert Row("x", {"fairhaul": 1.0, "yardstick": 0.0}, 1).ratio is None


def test_the_table_shows_figures_ratios_and_targets() -> None:
    rows = [
        Row("CPU", {"fairhaul": 3.0, "yardstick": 2.0, "usual": 1836.0}, 2, Target(1.5, is_ratio=True)),
        Row("memory", {"fairhaul": 46.0}, 0, Target(45)),
    ]
    assert markdown(rows).splitlines()[2:] == [
        "| CPU | 3.00 | 2.00 | 1,836.00 | 1.50 | 1.5 × met |",
        "| memory | 46 | – | – | – | 45 **missed** |",
    ]
    assert as_plain(rows)[0]["ratio"] == 1.5


def test_counts_are_scaled_to_the_time_asked_for() -> None:
    assert scaled(4, 240, 3600) == 60
    assert written(None, 1) == "–"


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    page = f"before\n{bench.BEGIN}old\n{bench.END}after\n"
    assert bench.with_table(page, "new") == f"before\n{bench.BEGIN}\nnew\n{bench.END}after\n"
    with pytest.raises(ValueError, match="marks"):
        bench.with_table("no marks", "new")


def test_the_page_in_the_docs_has_its_marks() -> None:
    page = Path(bench.DOCS).read_text(encoding="utf-8")
    assert bench.with_table(page, "x") != page
