"""Log records in the journal's own protocol, on a real datagram socket."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from drivers.journal import VALUE_BYTES_MAX, Journal, outlet

FORMAT = "%(levelname)s %(name)s: %(message)s"


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "socket"))
        heard.settimeout(5.0)
        yield heard


@pytest.fixture
def said(tmp_path: Path) -> Iterator[logging.Logger]:
    """A logger that goes to the journal alone."""
    logger = logging.Logger("agent.loop", logging.DEBUG)
    with closing(Journal(tmp_path / "socket")) as journal:
        journal.setFormatter(logging.Formatter(FORMAT))
        logger.addHandler(journal)
        yield logger


def fields(datagram: bytes) -> dict[str, str]:
    """A datagram as journald reads it."""
    found = {}
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            length = int.from_bytes(rest[:8], "little")
            value, rest = rest[8 : 8 + length], rest[8 + length :]
            assert rest[:1] == b"\n"
            rest = rest[1:]
        found[name.decode()] = value.decode()
        datagram = rest
    return found


def test_a_record_arrives_with_its_fields(listening: socket.socket, said: logging.Logger) -> None:
    said.warning("the GNSS receiver is lost (%s); trying again until it is back", "unplugged")
    assert fields(listening.recv(65536)) == {
        "MESSAGE": "WARNING agent.loop: the GNSS receiver is lost (unplugged); trying again until it is back",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "fairhaul",
        "FAIRHAUL_LOGGER": "agent.loop",
        "FAIRHAUL_WHAT": "the GNSS receiver is lost (%s); trying again until it is back",
    }


def test_the_fields_hold_nothing_that_the_line_on_stderr_would_not(
    listening: socket.socket, said: logging.Logger
) -> None:
    said.error("%s is damaged; set aside as %s", "outbox.db", "outbox.damaged-1")
    found = fields(listening.recv(65536))
    line = found.pop("MESSAGE")
    assert "outbox.db" in line
    assert not any("outbox" in value for value in found.values())
    assert found["FAIRHAUL_LOGGER"] in line


@pytest.mark.parametrize(
    ("level", "priority"),
    [
        (logging.CRITICAL, "3"),
        (logging.ERROR, "3"),
        (logging.WARNING, "4"),
        (logging.INFO, "6"),
        (logging.DEBUG, "7"),
    ],
)
def test_each_level_has_its_priority(
    level: int, priority: str, listening: socket.socket, said: logging.Logger
) -> None:
    said.log(level, "something")
    assert fields(listening.recv(65536))["PRIORITY"] == priority


def test_a_message_of_several_lines_forges_no_field(listening: socket.socket, said: logging.Logger) -> None:
    said.error(
        "no agreement that can be used: %s", "its file is not understood:\nPRIORITY=0\nMESSAGE=all is well"
    )
    found = fields(listening.recv(65536))
    assert found["PRIORITY"] == "3"
    assert found["MESSAGE"].endswith("understood:\nPRIORITY=0\nMESSAGE=all is well")


@pytest.mark.parametrize("more", [0, 1])
def test_a_long_message_is_cut(more: int, listening: socket.socket, said: logging.Logger) -> None:
    start = len("INFO agent.loop: ")
    said.info("%s", "x" * (VALUE_BYTES_MAX - start + more))
    assert len(fields(listening.recv(2 * VALUE_BYTES_MAX))["MESSAGE"]) == VALUE_BYTES_MAX


def test_without_a_journal_the_line_goes_to_stderr(
    said: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = said.handlers[0]
    assert isinstance(journal, Journal)
    journal.setStream(sys.stderr)
    said.warning("the broker is back")
    assert capsys.readouterr().err == "WARNING agent.loop: the broker is back\n"


def test_a_journal_that_does_not_read_holds_nobody_up(
    listening: socket.socket, said: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = said.handlers[0]
    assert isinstance(journal, Journal)
    journal.setStream(sys.stderr)
    for number in range(2000):
        said.info("line %d", number)
    told = capsys.readouterr().err.splitlines()
    assert told
    assert told[-1] == "INFO agent.loop: line 1999"


def test_stderr_is_taken_for_the_journal_only_where_systemd_says_so(tmp_path: Path) -> None:
    assert type(outlet({})) is logging.StreamHandler
    assert type(outlet({"JOURNAL_STREAM": "1:2"})) is logging.StreamHandler


PROGRAM = """
import logging, os, sys
from pathlib import Path
from drivers.journal import outlet
found = os.fstat(2)
said = os.environ | {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
logging.basicConfig(level="INFO", handlers=[outlet(said, Path(sys.argv[1]))], format="%(message)s")
logging.getLogger("agent.live").info("the broker is back")
"""


def test_a_process_whose_stderr_is_the_journal_writes_to_its_socket(
    listening: socket.socket, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "socket")],
        capture_output=True,
        cwd=Path(__file__).parent.parent.parent,
        env={**os.environ},
        timeout=60,
        check=True,
    )
    assert done.stderr == b""
    assert fields(listening.recv(65536))["MESSAGE"] == "the broker is back"
