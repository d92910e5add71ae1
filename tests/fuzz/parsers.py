"""Every parser that reads what others wrote, each as a function of bytes that raises only where it found a mistake.

A parser may refuse: with the one exception that its callers expect, or with None. Anything else that comes out of it
is a finding.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from agent import wire
from agent.agreement import load_agreement
from agent.city import receiver
from agent.recording.fixes import Receiver
from agent.recording.gate import Gate
from agent.sending import custody
from config.load import ConfigurationError, load_configuration
from drivers.replay import PulsesError, pulses

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "tests" / "unit"
EXAMPLES = ROOT / "config"
FOUND = Path(__file__).with_name("found")
FOLDER = Path(tempfile.gettempdir())


class Parser(NamedTuple):
    """`parse` reads the bytes; `seeds` are good and bad examples to begin from; `longest` in bytes."""

    parse: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    longest: int


def nmea(data: bytes) -> None:
    """A serial stream, in pieces as long as its first byte says, to the fixes that may count."""
    piece = (data[0] if data else 0) + 1
    gnss, gate = Receiver(), Gate()
    fixes = [fix for at in range(1, len(data), piece) for fix in gnss.feed(at, data[at : at + piece])]
    last = gnss.flush(float(len(data)))
    for fix in fixes if last is None else [*fixes, last]:
        gate.judge(fix)


def configuration(data: bytes) -> None:
    """`agent.yaml`."""
    _of_file(data, "agent.yaml", load_configuration)


def agreement(data: bytes) -> None:
    """`agreement.yaml`."""
    _of_file(data, "agreement.yaml", load_agreement)


def _of_file(data: bytes, name: str, load: Callable[[Path], object]) -> None:
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            load(path)
        except ConfigurationError as error:
            str(error)


def payload(data: bytes) -> None:
    """What came over the wire."""
    try:
        wire.decode(data)
    except wire.PayloadError as error:
        str(error)


def payload_inside(data: bytes) -> None:
    """The same behind the compression, where bytes changed by chance seldom come."""
    payload(zlib.compress(data, 1))


def told_custody(data: bytes) -> None:
    """The receiver's word, as a truck reads it."""
    for streams in (custody.decode(data) or {}).values():
        custody.asked(streams, dict.fromkeys(streams, 9), list(streams), live=True)


def delivered(data: bytes) -> None:
    """A message at the city: the topic in its first line, the payload behind it."""
    topic, _, rest = data.partition(b"\n")
    receiver.read(topic.decode("utf-8", "replace"), rest)


def recorded_pulses(data: bytes) -> None:
    """`pulses.csv`."""
    with tempfile.NamedTemporaryFile(dir=FOLDER, suffix=".csv") as file:
        file.write(data)
        file.flush()
        try:
            list(pulses(Path(file.name)))
        except PulsesError as error:
            str(error)


def _files(*paths: Path) -> Iterable[bytes]:
    return [path.read_bytes() for path in paths]


def _yaml_seeds() -> Iterable[bytes]:
    return _files(*sorted(EXAMPLES.glob("*.example.yaml")), *sorted((UNIT / "broken").glob("*.yaml")))


def _nmea_seeds() -> Iterable[bytes]:
    second = (
        b"$GPRMC,120000.00,A,4807.0380,N,01131.0004,E,022.4,084.4,230394,,,A*47\r\n"
        b"$GPGGA,120000.00,4807.0380,N,01131.0004,E,1,08,0.9,545.4,M,46.9,M,,*69\r\n"
        b"$GPGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1*39\r\n$GPZDA,120000.00,23,03,1994,00,00*6E\r\n"
    )
    return [b"\x40" + second, b"\xff" + second * 2, b"\x01\xb5\x62\x01\x07" + second]


def _payload_seeds() -> Iterable[bytes]:
    agreed = wire.AgreementReference("routes", 1, "a" * 64)
    heading = wire.Heading("track", "0" * 16, 1, wire.NO_PREVIOUS, agreed)
    record = {"date": "2026-09-04", "stretch": 1, "running_s": 60, "path": [[40.1, -4.1], [40.2, -4.2]]}
    return [wire.encode(heading, [], 512), wire.encode(heading, [record, record], 1024)]


def _custody_seeds() -> Iterable[bytes]:
    series = custody.series([(1, 4), (7, 9)])
    return [custody.encode({"0" * 16: {"track": series, "box": series}}), b'{"v":1,"epochs":{}}']


def _delivered_seeds() -> Iterable[bytes]:
    topics = [b"fairhaul/v1/city/017/track", b"fairhaul/v1/city/harsh_braking", b"fairhaul/v1/city/017/state"]
    return [topic + b"\n" + body for topic in topics for body in _payload_seeds()]


PARSERS = {
    "nmea": Parser(nmea, _nmea_seeds, 4_096),
    "configuration": Parser(configuration, _yaml_seeds, 8_192),
    "agreement": Parser(agreement, lambda: _files(*sorted((EXAMPLES / "agreements").glob("*.yaml"))), 16_384),
    "payload": Parser(payload, _payload_seeds, 4_096),
    "payload-inside": Parser(
        payload_inside, lambda: [zlib.decompress(each) for each in _payload_seeds()], 4_096
    ),
    "custody": Parser(told_custody, _custody_seeds, custody.BYTES_MAX + 1),
    "delivered": Parser(delivered, _delivered_seeds, 4_096),
    "pulses": Parser(recorded_pulses, lambda: [b"at_s,pin,level\n0,crew_switch,1\n2.5,brake,0\n"], 2_048),
}


def planted(data: bytes) -> None:
    """A parser with a bug that chance alone would hardly find: the fuzzer must."""
    if data[:1] == b"$" and data[3:4] == b"R" and data[5:6] == b"*":
        raise IndexError("planted")


PLANTED = "planted"
ALL = {**PARSERS, PLANTED: Parser(planted, lambda: [b"$GPRMC,"], 64)}
