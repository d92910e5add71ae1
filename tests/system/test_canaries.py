"""R10: the whole agent under strace: no place off limits or off duty is in anything that it writes or sends.

The agent is the real one, on a pty and a real broker; the writes of all its threads are read from the kernel. Every
search has its control: places on duty, on ground that may be published, are found by it.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import threading
import tty
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agent.geometry import Point
from agent.sealing import opened
from agent.surroundings import EXAMPLES
from agent.wire import decode
from tests.sim.drives import MORNING_MS, PLANE, sentences
from tests.system.canaries import Canaries, side_by_side, unpacked
from tests.system.mosquitto import Mosquitto

ROOT = Path(__file__).parents[2]
TRUCK = Path(__file__).with_name("canary_truck.py")
SPEED = 40.0  # of the truck's clock
WAIT_S = 60.0
STEP_M = 15.0
TRACED = "write,pwrite64,writev,pwritev,?pwritev2,sendto,sendmsg,?sendmmsg,?send,sendfile"
TICK = threading.Event()  # never set: paces what feeds and polls

Spot = tuple[float, float]  # metres east and north of the agreement's origin
# No published place, cell or cut shares a latitude or a longitude with a hidden one, to four decimals: all of them lie
# farther north than the hall and farther south than the home, farther west than the hall and farther east than it.
HALL: list[Spot] = [(-60.7, 167.2), (-30.1, 150.9), (-15.3, 185.4)]
HOME: list[Spot] = [(-1900.4, 1400.8), (-1931.6, 1371.3), (-1874.9, 1421.7)]
GATE: Spot = (-85.3, 167.2)
OUT: list[Spot] = [(-1000, 400), (-1000, 1000), (-85.3, 1000), GATE]
BACK: list[Spot] = [GATE, (-85.3, 800), (-600, 800), (-600, 500), (-1500, 500)]
LATER: list[Spot] = [(-1500, 600), (-700, 600), (-700, 1100), (-1400, 1100), (-1400, 900)]
CORNERS: list[Spot] = [OUT[1], BACK[2], BACK[3], LATER[1], LATER[2]]  # where the published line bends


def points(spots: Iterable[Spot]) -> list[Point]:
    return [PLANE.point(*spot) for spot in spots]


HIDDEN = Canaries(points([*HALL, *HOME]), PLANE)
SHOWN = Canaries(points(CORNERS), PLANE)


def driven(corners: list[Spot]) -> Iterator[Spot]:
    """A spot a second along straight lines."""
    for (x, y), (to_x, to_y) in itertools.pairwise(corners):
        steps = max(1, round(max(abs(to_x - x), abs(to_y - y)) / STEP_M))
        for k in range(steps):
            yield x + (to_x - x) * k / steps, y + (to_y - y) * k / steps


class Write(NamedTuple):
    """One system call that gave bytes away, and to where."""

    where: str
    data: bytes


class Canary:
    """A truck in `folder`: its files, its receiver's cable, and its agent under strace."""

    def __init__(self, folder: Path, broker: Mosquitto, agreement: str) -> None:
        self.folder = folder
        self.trace, self.stderr = folder / "trace", folder / "stderr"
        self.second = 0
        self.is_daily = agreement == "routes-and-safety"
        self._master, slave = os.openpty()
        tty.setraw(slave)
        line = {"active": "high", "pull": "up"}  # gpiozero's mock pins float to their pull: both lines are on
        configuration = {
            "fleet": "springfield",
            "vehicle": "truck-017",
            "state": str(folder / "state"),
            "agreement": str(EXAMPLES / "agreements" / f"{agreement}.yaml"),
            "gnss": {"port": os.ttyname(slave), "baud": 115200},
            "log": {"level": "debug"},
            "link": {"brokers": [broker.url], "acknowledge_within": "600 s"},
            "pins": {
                "ignition": {"gpio": 5, "kind": "ignition", **line},
                "crew_switch": {"gpio": 6, "kind": "crew_switch", **line},
            },
        }
        (folder / "truck.yaml").write_text(json.dumps(configuration), encoding="utf-8")

    @contextmanager
    def running(self) -> Iterator[None]:
        strace = shutil.which("strace")
        assert strace is not None, "this test needs strace: apt install strace"
        # -xx: all bytes in hexadecimal; -s: more than any single write here.
        words = [strace, "-f", "-y", "-xx", "-s", "1048576", "--seccomp-bpf", "-e", f"trace={TRACED}"]
        words += ["-o", str(self.trace), sys.executable, str(TRUCK), "run"]
        with self.stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [*words, "--config", str(self.folder / "truck.yaml")],
                stdin=subprocess.PIPE,
                stderr=stderr,
                cwd=ROOT,
                env={
                    **os.environ,
                    "PYTHONPATH": str(ROOT),
                    "GPIOZERO_PIN_FACTORY": "mock",
                    "FAIRHAUL_CLOCK_SPEED": str(SPEED),
                },
                start_new_session=True,
            )
        try:
            yield
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
            with self.process:  # closes its stdin
                self.process.wait(WAIT_S)

    def tell(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n".encode())
        self.process.stdin.flush()

    def drive(self, spots: Iterable[Spot]) -> None:
        """What the receiver says while the truck is there, at the pace of the truck's clock."""
        for spot in spots:
            os.write(self._master, sentences(MORNING_MS + 1000 * self.second, PLANE.point(*spot)))
            self.second += 1
            TICK.wait(1 / SPEED)

    def stand(self, spot: Spot, until: Callable[[], bool]) -> None:
        for _ in range(int(WAIT_S * SPEED)):
            if until():
                return
            self.drive([spot])
        raise AssertionError(f"it did not come about in time: {self.status()} {self.log()[-3000:]}")

    def status(self) -> dict[str, Any]:
        path = self.folder / "state" / "status.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def log(self) -> str:
        return self.stderr.read_text(encoding="utf-8")

    def writes(self) -> list[Write]:
        """Every call that wrote or sent, from the trace."""
        found = []
        for line in self.trace.read_text(encoding="ascii").splitlines():
            assert '"...' not in line, "strace cut a write short"
            texts = re.findall(r'"((?:\\x[0-9a-f]{2})+)"', line)
            if texts:
                where = re.sub(
                    r"\\x([0-9a-f]{2})", lambda digits: chr(int(digits[1], 16)), line.split(",")[0]
                )
                found.append(Write(where, bytes.fromhex("".join(texts).replace("\\x", ""))))
        return found

    def files(self) -> list[Path]:
        """What lies in its state now, and what lay there while it ran."""
        return sorted(each for name in ("running", "state") for each in (self.folder / name).iterdir())


def spin(spots: list[Spot], times: int) -> list[Spot]:
    """Some seconds at each of them, over and over."""
    return [spot for _ in range(times) for spot in spots for _ in range(3)]


def shift(truck: Canary) -> None:
    """On duty, into the union hall and out, off duty to a home, and on duty again from elsewhere."""
    truck.stand(OUT[0], lambda: truck.status().get("recording") == "on")
    truck.drive(driven(OUT))
    truck.drive(spin(HALL, 5))
    truck.drive(driven(BACK))
    truck.tell("off")
    truck.stand(BACK[-1], lambda: truck.status()["recording"] == "off")
    truck.drive(driven([BACK[-1], *HOME]))
    truck.drive(spin(HOME, 5))
    truck.drive(driven([HOME[-1], LATER[0]]))
    truck.tell("on")
    truck.stand(LATER[0], lambda: truck.status()["recording"] == "on")
    truck.drive(driven(LATER))


def failing(truck: Canary) -> None:
    """A stage raises with every hidden place in its words; then so does one that ends the process."""
    truck.tell("allows")
    truck.stand(HALL[1], lambda: "recording failed with ValueError" in truck.log())
    truck.drive(spin(HALL, 2))
    truck.tell("due")
    truck.stand(HALL[2], lambda: truck.process.poll() is not None)


def rows(truck: Canary) -> list[Any]:
    """What an outbox holds for its caller: records of kept rows, payloads, and notes, as JSON values."""
    with closing(sqlite3.connect(truck.folder / "state" / "outbox.db")) as db:
        kept = [opened(body) for (body,) in db.execute("SELECT body FROM kept WHERE state = 'k'")]
        sealed = [
            decode(body).records for (body,) in db.execute("SELECT payload FROM batch WHERE state != 'x'")
        ]
        notes = [
            json.loads(plain)
            for (name, body) in db.execute("SELECT name, body FROM note WHERE state = 'k'")
            if name != "agreement"
            for plain in unpacked(body)
        ]
    return [*kept, *sealed, *notes]


@pytest.fixture(scope="module", params=["operations", "routes-and-safety"])
def after(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canary]:
    """The truck at the end of a shift that its agent did not survive."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "broker").mkdir()
    with Mosquitto(folder / "broker") as broker:
        truck = Canary(folder, broker, request.param)
        with truck.running():
            shift(truck)
            shutil.copytree(folder / "state", folder / "running")
            failing(truck)
        yield truck


def test_r10_no_hidden_place_is_written_or_sent(after: Canary) -> None:
    writes = after.writes()
    hits = {write.where: found for write in writes if (found := HIDDEN.found(write.data))}
    assert hits == {}
    kinds = " ".join(write.where for write in writes)
    for what in ("outbox.db-wal", "outbox.db>", "status", "write(2"):
        assert what in kinds, f"the trace must hold writes to {what}"
    assert ("send" in kinds) != after.is_daily, "a daily agreement is silent on duty"


def test_the_search_finds_what_may_be_published_in_what_is_written(after: Canary) -> None:
    hits = [(write.where, found) for write in after.writes() if (found := SHOWN.found(write.data))]
    assert any("outbox.db" in where for where, _ in hits)


def test_r10_no_hidden_place_is_in_any_file(after: Canary) -> None:
    files = after.files()
    assert {"outbox.db", "outbox.db-wal", "outbox.db-shm", "status.json"} <= {each.name for each in files}
    assert all(each.stat().st_size for each in files if each.name != "lock")
    assert {each.name: found for each in files if (found := HIDDEN.found(each.read_bytes()))} == {}


def test_r10_no_hidden_place_is_in_what_waits_to_be_sent_or_was(after: Canary) -> None:
    held = rows(after)
    assert HIDDEN.in_json(held) == []
    assert HIDDEN.found(json.dumps(held).encode()) == []
    assert SHOWN.in_json(held) != [], "the control"


def test_r10_no_hidden_place_is_in_the_log_or_the_traceback(after: Canary) -> None:
    log = after.log()
    assert "recording failed with ValueError" in log
    assert re.search(r'File ".*", line \d+, in raising', log), "the traceback"
    assert HIDDEN.found(log.encode()) == []
    assert "latitude" not in after.log().replace("place.latitude_e7", "")


def times_of(truck: Canary) -> tuple[range, range]:
    """Seconds of the service day, local and UTC, and seconds since 1970, while the truck drove."""
    local_s = 2 * 3600 + MORNING_MS // 1000 % 86_400
    epoch_s = MORNING_MS // 1000
    return range(local_s, local_s + truck.second), range(epoch_s, epoch_s + truck.second)


def finer_than_a_date(truck: Canary, tree: Any) -> list[str]:
    """Numbers and texts in a JSON value that tell a time within the shift."""
    day_s, epoch_s = times_of(truck)
    utc_s = range(day_s.start - 7200, day_s.stop - 7200)
    found = []
    for number in map(float, re.findall(r"(?<![\w.-])\d+(?:\.\d+)?", json.dumps(tree))):
        if any(int(number / scale) in each for scale in (1, 1000) for each in (day_s, utc_s, epoch_s)):
            found.append(str(number))
    return found + re.findall(r"\d\d:\d\d(?::\d\d)?", json.dumps(tree))


def test_r4_a_daily_agreement_leaves_no_time_finer_than_the_date_on_disk(after: Canary) -> None:
    held = rows(after)
    if not after.is_daily:
        assert finer_than_a_date(after, held), "the control: a timed agreement publishes times"
        return
    assert finer_than_a_date(after, held) == []
    _, epoch_s = times_of(after)
    raw = b"".join(each.read_bytes() for each in after.files())
    whole = b"".join(unpacked(raw)) + raw
    clock = re.compile(rb"(?<!\d)1?[0-9]:[0-5]\d:[0-5]\d|(?<!\d)(?:09|11)[01]\d[0-5]\d\.")
    assert [match[0] for match in clock.finditer(whole)] == []
    for second in epoch_s:
        for number in (second, 1000 * second):
            assert not any(number.to_bytes(8, order) in whole for order in ("big", "little"))
            assert str(number).encode() not in whole


def test_the_search_finds_each_form_in_which_a_place_may_be_written() -> None:
    place = points(HALL)[0]
    latitude_e7, longitude_e7 = place
    forms = [
        sentences(MORNING_MS, place),
        f"at {latitude_e7 / 1e7} {longitude_e7 / 1e7}".encode(),
        f"{latitude_e7 / 1e7:.5f}".encode(),
        f"{longitude_e7}".encode(),
        f"[{round(latitude_e7 / 100)}]".encode(),
        latitude_e7.to_bytes(8, "big"),
        longitude_e7.to_bytes(8, "little", signed=True),
        latitude_e7.to_bytes(4, "big") + b"--" + longitude_e7.to_bytes(4, "big", signed=True),
        latitude_e7.to_bytes(4, "little") + longitude_e7.to_bytes(4, "little", signed=True),
        struct.pack("<d", latitude_e7 / 1e7),
        struct.pack(">d", longitude_e7 / 1e7),
    ]
    for form in forms:
        assert HIDDEN.found(form), form
        assert HIDDEN.found(b"before" + zlib.compress(form * 3) + b"after"), form
        assert SHOWN.found(form) == []
    x_m, y_m = PLANE.xy_m(place)
    assert HIDDEN.in_json({"held": [[1.0, [x_m + 5.0, y_m - 5.0, 7.0]]]})
    assert list(side_by_side([1, [2, True], [3, 4.5]])) == [(3.0, 4.5)]
