"""A serial GNSS receiver as inputs: opened, listened to, lost and found again.

One thread reads, stamps and posts; it decodes nothing beyond the one checksum that tells NMEA from noise.
What it does not do: write to the receiver, set it up, or know any source but a device path and
`socket://host:port`.

What is posted keeps this order, whatever the port does: `PortOpened` once a sentence with a right checksum
has been heard; then `Chunk`s, beginning with those that proved it; then `PortLost`. While the port is away
there is at most one `PortLost` for each of its three kinds (gone, silent, garbled), and no `Chunk`.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import select
import termios
import threading
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import serial

from drivers.inputs import Chunk, Input, PortLost, PortOpened
from drivers.nmea import is_sound

COALESCE_S_MIN = 0.2
COALESCE_S_MAX = 0.6
"""Real seconds in which a burst gathers before it is read: a wake-up costs more than reading an epoch."""
BURST_BYTES = 600
"""Nine sentences, the usual epoch of a receiver that nobody has set up."""
POLL_S = 1.0
"""Real seconds after which a wait looks at the clock again; a 1 Hz receiver speaks sooner."""
CHUNK_BYTES_MAX = 16_384
"""Bytes of one read; a socket that sends faster than this each `COALESCE_S_MIN` is held back by TCP."""
TTY_BYTES_FULL = 2_048
"""A read that fills half of the kernel's 4 KiB terminal buffer may have left something behind it."""
HELD_BYTES_MAX = 16_384
"""Bytes kept from before the port is proven; the oldest go first."""
EAR_BYTES_MAX = 1_024
"""Bytes in which a whole sentence is looked for: two of the longest that the splitter takes."""
HUNT_S = 2.5
"""Seconds spent listening at each speed: two epochs of a 1 Hz receiver, one of a 0.5 Hz one."""
HUNT_BAUDS = (9_600, 115_200, 38_400, 4_800, 57_600, 19_200, 230_400)
"""Speeds tried by `baud: auto`, the likeliest first."""
BACKOFF_DOUBLINGS_MAX = 16
STOP_S_MAX = 7.0
"""Real seconds that `stop` waits: pyserial's own connect may take five, its close of a socket 0.3."""


class PortSilent(OSError):
    """The port is open and nothing comes out of it."""


class PortGarbled(OSError):
    """The port is open and bytes come out of it, but no NMEA."""


@dataclass(frozen=True, slots=True)
class PortOptions:
    """Which port, and how patiently.

    `port`: a device path (best one under /dev/serial/by-id, which survives another ttyUSB number) or
    `socket://host:port`. `baud`: None hunts; a socket has none. `silence_s`: longer than this without a
    valid sentence and the port counts as lost. `reopen_first_s`, doubled up to `reopen_max_s`: the pause
    before trying again, of which half is jitter.
    """

    port: str
    baud: int | None = None
    silence_s: float = 10.0
    reopen_first_s: float = 1.0
    reopen_max_s: float = 30.0


class Ear:
    """Tells NMEA from noise: a `$`, an address, and a checksum that is right."""

    _SENTENCE = re.compile(rb"\$[A-Z][A-Z0-9]{2,9},[\x20-\x23\x25-\x29\x2b-\x7e]{0,1000}\*[0-9A-Fa-f]{2}")

    def __init__(self) -> None:
        self._tail = b""

    def hears(self, data: bytes) -> bool:
        """Whether these bytes, after those before them, complete a valid sentence."""
        heard = self._tail + data
        # Only an unfinished line is worth keeping: a finished one must not count twice.
        self._tail = heard[heard.rfind(b"\n") + 1 :][-EAR_BYTES_MAX:]
        return any(map(is_sound, self._SENTENCE.findall(heard)))


class Halt:
    """A request to stop that a thread can wait for together with a port."""

    def __init__(self) -> None:
        self.asked = False
        self._read_fd, self._write_fd = os.pipe()

    def ask(self) -> None:
        """Wake whoever waits, now and ever after."""
        self.asked = True
        os.write(self._write_fd, b"!")

    def wait(self, seconds: float, fd: int | None = None) -> bool:
        """Wait at most `seconds` real seconds; whether `fd` is readable by then."""
        fds = [self._read_fd] if fd is None else [self._read_fd, fd]
        readable, _, _ = select.select(fds, [], [], max(0.0, seconds))
        return fd in readable

    def close(self) -> None:
        """Give the two descriptors back; only once nobody waits any more."""
        os.close(self._read_fd)
        os.close(self._write_fd)


class SerialGnss:
    """The receiver on one port, read by a thread of its own until `stop`.

    `post` takes each input and must not raise; `at` is the injected clock; `chance` keeps a fleet that lost
    its source at once from coming back at once. Raises ValueError for a port that can never be opened.
    """

    def __init__(
        self,
        options: PortOptions,
        post: Callable[[Input], None],
        at: Callable[[], float],
        chance: random.Random,
    ) -> None:
        _refuse_unknown(options.port)
        self._options = options
        self._post = post
        self._at = at
        self._chance = chance
        self._socket = options.port.startswith("socket://")
        self._halt = Halt()
        self._thread: threading.Thread | None = None
        self._up = False
        self._told: set[type[OSError]] = set()
        self._failures = 0
        self._good_baud: int | None = None
        self._begin_hearing(None)

    def start(self) -> None:
        """Begin to read; a second call does nothing."""
        if self._thread is None and not self._halt.asked:
            self._thread = threading.Thread(target=self._run, name="serial-gnss", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it, at most `STOP_S_MAX`; a second call does nothing."""
        if self._halt.asked:
            return
        self._halt.ask()
        if self._thread is not None:
            self._thread.join(STOP_S_MAX)
        if self._thread is None or not self._thread.is_alive():
            self._halt.close()

    def _run(self) -> None:
        try:
            while not self._halt.asked:
                self._visit()
                self._pause(self._backoff_s())
        finally:
            # Only a mistake of ours ends the loop otherwise; a deaf truck must at least know that it is deaf.
            if not self._halt.asked:
                self._post(PortLost(self._at(), "the serial reader ended by a fault of its own"))

    def _visit(self) -> None:
        """Open the port once and listen until it is lost."""
        try:
            port = self._open()
            try:
                self._listen(port)
            finally:
                with contextlib.suppress(OSError, termios.error):
                    port.close()
        except (OSError, ValueError, termios.error) as error:  # pyserial lets the latter two through
            self._lose(error)

    def _open(self) -> serial.Serial:
        port = serial.serial_for_url(self._options.port, do_not_open=True, timeout=0, exclusive=True)
        if self._socket:
            # pyserial would throw away whatever a socket sent before `open` returned.
            port.reset_input_buffer = lambda: None  # type: ignore[method-assign]
        else:
            port.baudrate = self._speeds()[0] or HUNT_BAUDS[0]
        port.open()
        return port

    def _speeds(self) -> tuple[int | None, ...]:
        """The speeds to try in turn; a lone None where the port has none."""
        if self._socket:
            return (None,)
        if self._options.baud is not None:
            return (self._options.baud,)
        last = () if self._good_baud is None else (self._good_baud,)
        return last + tuple(baud for baud in HUNT_BAUDS if baud not in last)

    def _listen(self, port: serial.Serial) -> None:
        """Find the speed, then read; returns when asked to stop, raises when the port is lost."""
        speeds = self._speeds()
        noise = 0
        for baud in speeds:
            if baud is not None and port.baudrate != baud:
                port.baudrate = baud
                port.reset_input_buffer()
            self._begin_hearing(baud)
            self._prove(port, self._options.silence_s if len(speeds) == 1 else HUNT_S)
            if self._up or self._halt.asked:
                return self._follow(port)
            noise += self._noise_bytes
        raise self._deaf(noise)

    def _begin_hearing(self, baud: int | None) -> None:
        """Forget what was heard at another speed."""
        self._ear = Ear()
        self._baud = baud
        self._coalesce_s = _coalesce_s(baud)
        self._held: list[Chunk] = []
        self._noise_bytes = 0
        self._valid_at = self._at()

    def _prove(self, port: serial.Serial, patience_s: float) -> None:
        """Listen until a sentence is heard, for at most `patience_s`."""
        while not (self._up or self._halt.asked) and self._at() - self._valid_at <= patience_s:
            self._take(port)

    def _follow(self, port: serial.Serial) -> None:
        """Read for as long as the receiver makes sense."""
        while not self._halt.asked:
            self._take(port)
            if self._at() - self._valid_at > self._options.silence_s:
                raise self._deaf(self._noise_bytes)

    def _take(self, port: serial.Serial) -> None:
        """Wait for one burst and read it whole, stamped with the moment at which it began."""
        if not self._halt.wait(POLL_S, port.fileno()):
            return
        began_at = self._at()
        self._halt.wait(self._coalesce_s)
        data = _waiting_bytes(port)
        if data:
            self._hear(Chunk(began_at, data))

    def _hear(self, chunk: Chunk) -> None:
        """Post what was read, or keep it until it is known to be NMEA."""
        valid = self._ear.hears(chunk.data)
        self._noise_bytes = 0 if valid else self._noise_bytes + len(chunk.data)
        if valid:
            self._valid_at = chunk.at
        if self._up:
            self._post(chunk)
            return
        self._held.append(chunk)
        if valid:
            self._announce()
        while sum(len(held.data) for held in self._held) > HELD_BYTES_MAX:
            self._held.pop(0)

    def _announce(self) -> None:
        """The port speaks NMEA: say so once, then post what proved it."""
        self._up = True
        self._told.clear()
        self._failures = 0
        self._good_baud = self._baud
        self._post(PortOpened(self._held[0].at, self._options.port, self._baud))
        for chunk in self._held:
            self._post(chunk)
        self._held = []

    def _lose(self, error: Exception) -> None:
        """Say once for each kind of loss that the port is away."""
        kind = type(error) if isinstance(error, PortSilent | PortGarbled) else OSError
        self._up = False
        if kind not in self._told:
            self._told.add(kind)
            self._post(PortLost(self._at(), self._words(error)))

    def _words(self, error: Exception) -> str:
        if isinstance(error, PortSilent | PortGarbled):
            return str(error)
        number = getattr(error, "errno", None)
        return f"{self._options.port}: {os.strerror(number) if number else error}"

    def _deaf(self, noise_bytes: int) -> OSError:
        """Why there is no NMEA, in words for whoever stands in front of the truck."""
        port = self._options.port
        if not noise_bytes and self._socket:
            return PortSilent(f"{port} is silent: does what answers there have a receiver?")
        if not noise_bytes:
            return PortSilent(f"{port} is silent: is the receiver powered, and its TX wired to our RX?")
        if self._socket:
            return PortGarbled(f"bytes arrive but no NMEA from {port}: is that a GNSS source?")
        if self._options.baud is None:
            return PortGarbled("bytes arrive but no NMEA at any usual baud: does the receiver speak NMEA?")
        return PortGarbled(f"bytes arrive but no NMEA at {self._options.baud} baud: check gnss.baud")

    def _backoff_s(self) -> float:
        """The next pause: doubled from the first to the longest, half of it by chance."""
        pause_s = min(self._options.reopen_max_s, self._options.reopen_first_s * 2.0**self._failures)
        self._failures = min(self._failures + 1, BACKOFF_DOUBLINGS_MAX)
        return pause_s * self._chance.uniform(0.5, 1.0)

    def _pause(self, pause_s: float) -> None:
        """Wait that long by the injected clock, or until asked to stop."""
        until = self._at() + pause_s
        while not self._halt.asked and (left_s := until - self._at()) > 0:
            self._halt.wait(min(POLL_S, left_s))


def _coalesce_s(baud: int | None) -> float:
    """As long as a usual epoch takes at that speed, ten bits a byte."""
    burst_s = 10 * BURST_BYTES / baud if baud else 0.0
    return min(COALESCE_S_MAX, max(COALESCE_S_MIN, burst_s))


def _waiting_bytes(port: serial.Serial) -> bytes:
    """All that is there, up to `CHUNK_BYTES_MAX`; the port's timeout is 0, so this never waits."""
    data: bytes = port.read(CHUNK_BYTES_MAX)
    last = len(data)
    while last >= TTY_BYTES_FULL and len(data) < CHUNK_BYTES_MAX:
        more = port.read(CHUNK_BYTES_MAX - len(data))
        last = len(more)
        data += more
    return data


def _refuse_unknown(port: str) -> None:
    """Raise ValueError for a port that no amount of trying will open."""
    if "://" not in port:
        if not port:
            raise ValueError("the GNSS port is empty: give a device path or socket://host:port")
        return
    parts = urlsplit(port)
    if parts.scheme != "socket":
        raise ValueError(f"{port}: a GNSS port is a device path or socket://host:port")
    if not parts.hostname or not parts.port or parts.query:
        raise ValueError(f"{port}: a socket is written socket://host:port")
