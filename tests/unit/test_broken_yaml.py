"""Files as technicians really break them, each with the exact messages it must give, complete and in order.

A file of `broken/` is what the technician wrote, then one line beginning `#= ` for each message. A line
`#+ NAME` begins a second file, called NAME, in the same directory. Files that are no text at all stand here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from config.load import ConfigurationError, load_configuration

BROKEN = sorted(Path(__file__).with_name("broken").glob("*.yaml"))
FINE = "fleet: springfield\nvehicle: truck-017\nlink: {brokers: [mqtts://mqtt.city.example]}\n"


def written_out(case: str, directory: Path) -> list[str]:
    """Writes the files of a case, the first as agent.yaml; returns the messages it must give."""
    lines = case.splitlines(keepends=True)
    text = "".join(line for line in lines if not line.startswith("#= "))
    for number, part in enumerate(text.split("#+ ")):
        name, body = ("agent.yaml", part) if number == 0 else part.split("\n", 1)
        (directory / name).write_text(body, encoding="utf-8")
    return [line.removeprefix("#= ").rstrip("\n") for line in lines if line.startswith("#= ")]


def messages(directory: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(directory)
    with pytest.raises(ConfigurationError) as error:
        load_configuration(Path("agent.yaml"))
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_file_gives_exactly_these_messages(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = written_out(path.read_text(encoding="utf-8"), tmp_path)
    assert expected
    assert messages(tmp_path, monkeypatch) == expected


def test_there_are_fifty_broken_files_and_more() -> None:
    assert len(BROKEN) >= 50


UNREADABLE = {
    "empty": (b"", "1:1: the file is empty"),
    "only comments": (b"# fleet: springfield\n\n", "1:1: the file is empty"),
    "Latin-1": (
        b"fleet: springfield\n# M\xe1laga\n",
        "2:4: the byte 0xe1 is not UTF-8: save the file as UTF-8",
    ),
    "UTF-16": ("fleet: x\n".encode("utf-16"), "1:1: the file is saved as UTF-16: save it as UTF-8"),
    "a card that lost power": (
        b"fleet: x\nvehicle: \x00\x00\n",
        "2:10: the character U+0000 can't stand in a text file: take it out",
    ),
    "nested without end": (b"a: " + b"[" * 40 + b"]" * 40, "1:36: values are nested more than 32 deep"),
    "flow nested as far as it goes": (b"a: " + b"[" * 500_000, "1:36: values are nested more than 32 deep"),
    "too large": (b"#" * (1024 * 1024 + 1), "1:1: the file is larger than 1024 KiB, the most that is read"),
    "a bell in quotes": (
        b'fleet: "a\\a"\nvehicle: b\nlink: {brokers: [mqtt://c]}\n',
        "1:8: fleet: the character U+0007 can't stand in a text",
    ),
    "half a surrogate": (
        b'fleet: "\\ud800"\nvehicle: b\nlink: {brokers: [mqtt://c]}\n',
        "1:8: fleet: the character U+D800 can't stand in a text",
    ),
}


@pytest.mark.parametrize(("content", "says"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_file_that_is_no_text_gives_exactly_this_message(
    content: bytes, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "agent.yaml").write_bytes(content)
    assert messages(tmp_path, monkeypatch) == [f"agent.yaml:{says}"]


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert messages(tmp_path, monkeypatch) == ["agent.yaml:1:1: there is no such file"]


def test_a_directory_is_said_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "agent.yaml").mkdir()
    assert messages(tmp_path, monkeypatch) == ["agent.yaml:1:1: this is a directory, not a file"]


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_no_message_speaks_like_a_program_or_tells_a_secret(path: Path) -> None:
    said = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#= ")]
    for word in ("tr0ub4dor", "pydantic", "Input should", "Traceback", "errors.", "http://"):
        assert not any(word in line for line in said)


@pytest.mark.parametrize("text", [FINE, FINE.replace("\n", "\r\n"), "\ufeff" + FINE])
def test_the_file_they_are_made_from_is_fine(text: str, tmp_path: Path) -> None:
    path = tmp_path / "agent.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    assert load_configuration(path).vehicle == "truck-017"
