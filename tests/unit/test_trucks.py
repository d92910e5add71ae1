"""A table of trucks: what is read, and where each mistake stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.located import ConfigurationError, Place, Problem
from config.trucks import COLUMNS_MAX, read_truck, value_of


def read(text: str, tmp_path: Path, truck: str = "017") -> Any:
    path = tmp_path / "trucks.csv"
    path.write_bytes(text.encode("utf-8"))
    return read_truck(path, truck)


def refused(text: str, tmp_path: Path, truck: str = "017") -> list[str]:
    with pytest.raises(ConfigurationError) as found:
        read(text, tmp_path, truck)
    return [f"{each.line}:{each.column}: {each.says}" for each in found.value.problems]


def test_each_column_is_a_key_and_each_value_has_the_place_of_its_cell(tmp_path: Path) -> None:
    located = read("truck,vehicle,gnss.baud,pins.brake.gpio\n016,a,,\n017, truck-017 ,9600,5\n", tmp_path)
    assert located.tree == {"vehicle": "truck-017", "gnss": {"baud": 9600}, "pins": {"brake": {"gpio": 5}}}
    file = str(tmp_path / "trucks.csv")
    assert located.values["vehicle",] == Place(file, 3, 6)
    assert located.values["pins", "brake", "gpio"] == Place(file, 3, 22)
    assert located.keys["gnss",] == located.keys["gnss", "baud"] == Place(file, 1, 15)


def test_without_a_column_for_it_the_truck_s_name_is_its_own(tmp_path: Path) -> None:
    assert read("truck,gnss.baud\ntruck-017,9600\n", tmp_path, "truck-017").tree["vehicle"] == "truck-017"
    assert read("truck,vehicle\n017,\n", tmp_path).tree == {"vehicle": "017"}


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("vehicle", "017", "017"),
        ("gnss.baud", "9600", 9600),
        ("gnss.baud", "auto", "auto"),
        ("gnss.silence", "10 s", "10 s"),
        ("gnss.quality.hdop_max", "8.5", 8.5),
        ("pins.switch.momentary", "true", True),
        ("pins.lamp", "null", None),
        ("pins.brake.stuck_after", "none", "none"),
        ("link.brokers", "mqtts://a mqtts://b", ["mqtts://a", "mqtts://b"]),
        ("link.client_id", "17", "17"),
        ("link.protocol", "3.1.1", "3.1.1"),
        ("agreement", "1", "1"),
        ("outbox.size", "10", 10),
        ("gnss.baud", "0096", "0096"),
    ],
)
def test_a_cell_is_taken_for_what_belongs_there(key: str, text: str, value: object) -> None:
    found = value_of(text, tuple(key.split(".")))
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    [
        "truck;gnss.baud\r\n017;9600\r\n",
        "\ufefftruck,gnss.baud\n017,9600\n",
        '"truck","gnss.baud"\n"017","9600"\n',
        "\n\ntruck , gnss.baud\n\n017,9600\n,,,\n",
        "truck,gnss.baud\r017,9600",
        "gnss.baud,truck\n9600,017\n",
    ],
)
def test_tables_are_read_as_spreadsheets_write_them(text: str, tmp_path: Path) -> None:
    assert read(text, tmp_path).tree == {"vehicle": "017", "gnss": {"baud": 9600}}


def test_a_cell_in_quotes_may_hold_what_parts_cells(tmp_path: Path) -> None:
    located = read('truck,link.username,gnss.baud\n017,"a, ""b""",9600\n', tmp_path)
    assert located.tree["link"] == {"username": 'a, "b"'}
    assert located.values["gnss", "baud"].column == 16


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "1:1: the table is empty: its first line names the columns"),
        ("vehicle\na\n", "1:1: no column is named `truck`, which says whose line it is"),
        ("truck\n0017\n", "1:1: no line is of truck '017'; there are 0017; did you mean '0017'?"),
        ("gnss.baud,truck\n1,x\n", "1:11: no line is of truck '017'; there are x"),
        ("truck\n", "1:1: no line is of truck '017'; there are none"),
        (
            "truck\n" + "".join(f"{n}\n" for n in range(12)),
            "1:1: no line is of truck '017'; there are 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more",
        ),
        ("truck,gnss.baud\n017,1\n016,2\n017,3\n", "4:1: '017' stands in line 2 already"),
        ("truck,vehicle\n017,a\n016, a\n", "3:6: 'a' stands in line 2 already"),
        ("truck,gnss.baud\n017,1,,2\n", "2:7: more cells than there are columns (2)"),
        ("truck,gnss.baud\n017,1\n ,2\n", "3:2: this line does not say which truck it is of"),
        ("truck,gnss.baud,gnss.baud\n017,,\n", "1:17: 'gnss.baud' is the name of another column already"),
        ("truck,,a\n017,,\n", "1:7: this names no column: write `truck`, or a key such as gnss.port"),
        ("truck,gnss.\n017,,\n", "1:7: this names no column: write `truck`, or a key such as gnss.port"),
        ("truck,extends\n017,a\n", "1:7: name the fleet's file with --fleet-file, and take this column out"),
        (
            "truck,gnss,gnss.baud\n017,1,2\n",
            "1:12: `gnss.baud` has a value in one column and keys in another",
        ),
        ("truck,gnss.baud,gnss\n017,1,2\n", "1:17: `gnss` has a value in one column and keys in another"),
    ],
)
def test_each_mistake_is_told_at_its_place(text: str, says: str, tmp_path: Path) -> None:
    found = refused(text, tmp_path)
    assert says in found
    assert len(found) <= 2


@pytest.mark.parametrize("more", [0, 1])
def test_there_may_be_so_many_columns_and_no_more(more: int, tmp_path: Path) -> None:
    names = ["truck", *(f"pins.p{n}.gpio" for n in range(COLUMNS_MAX - 1 + more))]
    text = f"{','.join(names)}\n017\n"
    if more:
        assert f"more than {COLUMNS_MAX} columns" in refused(text, tmp_path)[0]
    else:
        assert read(text, tmp_path).tree == {"vehicle": "017"}


def test_a_table_that_is_no_text_or_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "trucks.csv"
    path.write_bytes(b"truck\n017,\xff\n")
    with pytest.raises(ConfigurationError, match=r"trucks\.csv:2:5: the byte 0xff is not UTF-8"):
        read_truck(path, "017")
    with pytest.raises(ConfigurationError, match="there is no such file"):
        read_truck(tmp_path / "no.csv", "017")


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from('truck017,;"\n\r .gnsbad\u2028ñ'), max_size=60))
def test_any_text_is_a_table_or_refused_in_words(tmp_path_factory: Any, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(f"truck,gnss.baud\n{text}".encode())
    problems: tuple[Problem, ...] = ()
    vehicle = "017"
    try:
        vehicle = read_truck(path, "017").tree["vehicle"]
    except ConfigurationError as error:
        problems = error.problems
    assert vehicle == "017"
    assert all(each.line >= 1 and each.column >= 1 and each.says for each in problems)
