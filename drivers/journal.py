"""Log records to systemd's journal in its own protocol, so that it keeps their fields apart.

One datagram a record, `KEY=value` lines; a value of several lines is sent with its length. The fields:

- `MESSAGE`: the line as it would stand on stderr; nothing is in the fields that is not in it.
- `PRIORITY`: 3 for errors, 4 for warnings, 6 for what is normal, 7 for debugging.
- `SYSLOG_IDENTIFIER`: fairhaul.
- `FAIRHAUL_LOGGER`: which part of the agent says it.
- `FAIRHAUL_WHAT`: the message without what is filled in, the same each time: `the agreement ends in %d days; …`.

What the journal will not take goes to stderr, as if there were no journal.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

SOCKET = Path("/run/systemd/journal/socket")
IDENTIFIER = "fairhaul"
VALUE_BYTES_MAX = 32 * 1024  # well below what a datagram may hold
_LENGTH_BYTES = 8
_PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.NOTSET, 7))


def outlet(environment: Mapping[str, str], socket_path: Path = SOCKET) -> logging.Handler:
    """Where log records go: to the journal when stderr is connected to it, else to stderr."""
    if _is_journal(environment.get("JOURNAL_STREAM", "")):
        return Journal(socket_path)
    return logging.StreamHandler()


def _is_journal(stream: str) -> bool:
    """Whether stderr is the stream that systemd named as device and inode: it may have been redirected since."""
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return stream == f"{found.st_dev}:{found.st_ino}"


class Journal(logging.StreamHandler):  # type: ignore[type-arg]
    """Sends to the journal's socket, without waiting for it; to stderr what it would not take."""

    def __init__(self, socket_path: Path = SOCKET) -> None:
        super().__init__()
        self._path = str(socket_path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        try:
            self._socket.sendto(b"".join(_fields(record, self.format(record))), self._path)
        except (OSError, TypeError, ValueError):
            super().emit(record)  # not taken; or a line that can't be made, which it says there

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
        super().close()


def _fields(record: logging.LogRecord, line: str) -> Iterator[bytes]:
    yield _field("MESSAGE", line)
    yield _field("PRIORITY", str(next(number for least, number in _PRIORITIES if record.levelno >= least)))
    yield _field("SYSLOG_IDENTIFIER", IDENTIFIER)
    yield _field("FAIRHAUL_LOGGER", record.name)
    yield _field("FAIRHAUL_WHAT", str(record.msg))


def _field(name: str, value: str) -> bytes:
    content = value.encode("utf-8", "replace")[:VALUE_BYTES_MAX]
    if b"\n" not in content:
        return name.encode() + b"=" + content + b"\n"
    return name.encode() + b"\n" + len(content).to_bytes(_LENGTH_BYTES, "little") + content + b"\n"
