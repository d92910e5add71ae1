"""What must not be possible: a way round TLS, a side door, a receiver that talks a truck out of its area."""

from __future__ import annotations

import ast
import json
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.mqtt_options import LinkOptions, tls_context
from drivers.nmea import checksum_of
from drivers.replay import replay
from tests.sim.drives import AREA_M, ON, Spot, Witness, agreement, epochs, fed, truck

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("agent", "drivers", "buffer", "config")
SIDE_DOORS = {"eval", "exec", "__import__"}
BANNED_MODULES = {
    "pickle",
    "marshal",
    "shelve",
    "telnetlib",
    "ftplib",
    "http",
    "urllib.request",
    "xmlrpc",
    "socketserver",
}


def code() -> Iterator[tuple[Path, ast.Module]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


# TLS.


def test_tls_is_1_2_or_later_and_checks_chain_and_name() -> None:
    context = tls_context(LinkOptions("truck", "auto"))
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_no_line_of_code_switches_a_check_of_tls_off() -> None:
    off = re.compile(
        r"CERT_NONE|CERT_OPTIONAL|tls_insecure_set|check_hostname\s*=\s*False|_create_unverified|TLSv1(_1)?\b"
    )
    found = [
        f"{path.relative_to(ROOT)}: {hit}"
        for path, _ in code()
        for hit in off.findall(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_no_key_of_the_configuration_switches_a_check_of_tls_off() -> None:
    schema = json.loads((ROOT / "config" / "agent.schema.json").read_text(encoding="utf-8"))
    keys: set[str] = set()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            keys.update(node.get("properties", {}))
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(schema)
    assert "ca_file" in keys
    assert [key for key in keys if re.search(r"insecure|verify|unsafe|skip|trust_all|tls|ssl", key)] == []


def test_a_broker_is_reached_by_tls_or_in_the_open_as_its_address_says_and_never_one_for_the_other() -> None:
    """`mqtts` has no second try without TLS: the address alone decides, in one place."""
    deciding = [
        path.relative_to(ROOT).as_posix()
        for path, tree in code()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("tls_set", "tls_set_context")
    ]
    assert deciding == ["drivers/mqtt_connection.py"]


# Side doors.


def test_nothing_that_was_read_is_run_or_unpickled() -> None:
    found = []
    for path, tree in code():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SIDE_DOORS:
                found.append(f"{path.name}:{node.lineno} {node.func.id}")
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{path.name}:{node.lineno} {name}" for name in names if name in BANNED_MODULES]
    assert found == []


def test_the_agent_opens_no_port_that_others_could_connect_to() -> None:
    """But the demo's broker and cable, on loopback; the truck's agent does not even load them."""
    listening = {
        path.relative_to(ROOT).as_posix()
        for path, tree in code()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("listen", "create_server", "start_server")
    }
    assert listening <= {"drivers/embedded_broker.py", "drivers/cable.py"}
    loaded = "import sys, agent.live; print({'drivers.embedded_broker', 'drivers.cable'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout.strip() == "set()"


# A hostile receiver: it can put a truck anywhere, and must gain nothing by it.


def sealed(body: str) -> bytes:
    return b"$%s*%02X\r\n" % (body.encode(), checksum_of(b"$" + body.encode()))


def kept_of(beyond_m: float, east: float, north: float) -> int:
    """How many rows are kept of a drive along a line so far off the middle of the service area."""
    link = Witness()
    runtime = truck(agreement(), link=link, duty=ON)
    way = [Spot(east * beyond_m + i * 10.0, north * beyond_m, 10.0) for i in range(-150, 150)]
    fed(runtime, link, epochs(way))
    runtime.flush(400.0)
    return runtime.outbox.counts().kept


@pytest.mark.parametrize("times", [1.5, 3.0, 30.0, 300.0])
@pytest.mark.parametrize(("east", "north"), [(1, 0), (0, 1), (-1, 1), (0.7, -1)])
def test_a_receiver_that_lies_about_places_gets_nothing_out_from_beyond_the_service_area(
    times: float, east: float, north: float
) -> None:
    assert kept_of(times * AREA_M, east, north) == 0
    assert kept_of(0.2 * AREA_M, east, north) > 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["GPRMC", "GPGGA", "GNTXT", "GPGSV", "PUBX", "AIVDM"]),
            st.text(st.characters(codec="ascii", exclude_characters="$*\r\n"), max_size=90),
        ),
        max_size=20,
    )
)
def test_no_sentence_names_a_pin_or_a_switch(said: list[tuple[str, str]]) -> None:
    """What comes over the serial line is only ever a chunk of the receiver's: it can press no button."""
    log = b"".join(sealed(f"{kind},{body}") for kind, body in said)

    class Stream:
        name = "made up"

        def __init__(self) -> None:
            self.left = log

        def read(self, size: int, /) -> bytes:
            taken, self.left = self.left[:size], self.left[size:]
            return taken

    assert {type(entry).__name__ for entry in replay(Stream())} <= {"Chunk"}  # type: ignore[arg-type]


@pytest.mark.parametrize("room", ROOMS)
def test_no_secret_lies_in_the_code(room: str) -> None:
    words = re.compile(r"BEGIN (RSA |EC )?PRIVATE KEY|password\s*=\s*[\"'][^\"']+[\"']", re.IGNORECASE)
    for path in sorted((ROOT / room).rglob("*")):
        if path.is_file() and path.suffix in (".py", ".yaml", ".json"):
            assert not words.search(path.read_text(encoding="utf-8")), path.name
