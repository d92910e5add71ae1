"""The whole job in about a minute: a simulated truck, a network that goes away, a kill, a receiver.

Everything between the simulated sensors and the receiver's store is the real thing: the agent runs as a process of
its own over its outbox file, the broker speaks MQTT on a loopback port, the receiver is another process. Only time
is faster, and the sensors read a simulated shift.
"""

from __future__ import annotations

import contextlib
import csv
import datetime
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from agent.agreement import load_agreement
from agent.records import EPOCH_DATE, month_over
from agent.surroundings import EXAMPLES
from agent.wire import decode
from buffer.outbox import OUTBOX_FILE, Outbox
from buffer.received import ReceivedStore
from config.load import load_yaml
from drivers.cable import Cable
from drivers.clock import Clock
from drivers.embedded_broker import EmbeddedBroker
from drivers.simulate import shift, write
from drivers.simulate.sentences import with_checksum

OPERATIONS = EXAMPLES / "agreements" / "operations.yaml"
DARK_FROM, KILLED, LIGHT_FROM = 0.35, 0.45, 0.6  # as parts of the shift
MORNING_SPEED, MORNING_S, MORNING_MINUTE = 200.0, 30, 300
STARTING_S = 60.0
ENDING_S = 60.0
ARRIVING_S = 20.0

Say = Callable[[str], None]


class Verdict(NamedTuple):
    """What was committed on the truck and what arrived in the city, in batches and records."""

    committed_batches: int
    committed_records: int
    arrived_batches: int
    arrived_records: int
    lost: int
    repeated: int
    repeats_dropped: int
    payload_bytes: int
    waiting: int


class Committed(NamedTuple):
    """A batch that the truck has a receipt of."""

    records: int
    size_bytes: int


class Demo:
    """One demonstration in one directory; `say` tells people what happens."""

    def __init__(self, directory: Path, seed: int, hours: float, speed: float, say: Say) -> None:
        self.truck = directory / "truck"
        self.city = directory / "city"
        self.store = self.city / "received.db"
        self._seed = seed
        self._hours = hours
        self._speed = speed
        self._say = say
        self._broker = EmbeddedBroker()
        self._cable = Cable()
        self._committed: dict[str, Committed] = {}
        self._wait = threading.Event()

    def run(self) -> Verdict:
        """The shift, the delivery and the count."""
        self._write_truck()
        self._broker.start()
        self._cable.plug(self._broker.port)
        try:
            with self._process(
                "receive",
                *("--broker", self._broker.url),
                *("--store", self.store),
                *("--export", self.city),
                *("--agreement", self.truck / "operations.yaml"),
            ):
                self._drive()
                self._note_committed()  # in the morning some receipts are past their retention
                self._morning()
                verdict = self._until_arrived()
        finally:
            self._cable.pull()
            self._broker.stop()
        return verdict

    # The truck's files.

    def _write_truck(self) -> None:
        self.city.mkdir(parents=True, exist_ok=True)
        self._say(f"simulating a refuse truck's shift of {self._hours:g} hours (seed {self._seed})")
        write(shift(self._seed, self._hours), self.truck)
        simulated = load_yaml(self.truck / "agreement.yaml").tree
        agreed = load_yaml(OPERATIONS).tree | {"places": simulated["places"], "duty": simulated["duty"]}
        self._write_json("operations.yaml", agreed)

    def _write_json(self, name: str, tree: dict[str, Any]) -> None:
        """YAML that is JSON: every JSON file is one."""
        (self.truck / name).write_text(json.dumps(tree, indent=1) + "\n", encoding="utf-8")

    def _write_configuration(self, speed: float) -> Path:
        """The simulated truck's own configuration with the demo's broker, and its patience in faster seconds."""
        link = {
            "brokers": [self._cable.url],
            "connect_within": f"{min(120.0, 0.1 * speed):g} s",
            "acknowledge_within": f"{min(600.0, 0.5 * speed):g} s",
            "keepalive": "60 s",
            "backoff": {"first": "1 s", "longest": f"{min(3600.0, 0.5 * speed):g} s"},
        }
        tree = {
            "extends": "agent.yaml",
            "agreement": "operations.yaml",
            "link": link,
            "log": {"level": "error"},
        }
        self._write_json("demo.yaml", tree)
        return self.truck / "demo.yaml"

    # The shift.

    def _drive(self) -> None:
        clock = Clock(self._speed)
        total_s = self._hours * 3600
        agent = self._agent(0.0)
        try:
            self._until(clock, DARK_FROM * total_s)
            self._say(self._at(clock, "the network goes away; the truck drives on and keeps its records"))
            self._cable.pull()
            self._until(clock, KILLED * total_s)
            agent.send_signal(signal.SIGKILL)
            agent.wait()
            self._say(self._at(clock, "the agent is killed in mid-drive (kill -9) and started again"))
            agent = self._agent(clock.at())
            self._until(clock, LIGHT_FROM * total_s)
            self._cable.plug(self._broker.port)
            self._say(self._at(clock, "the network is back; what was kept leaves first"))
            agent.wait(timeout=total_s / self._speed + ENDING_S)
        finally:
            agent.kill()
            agent.wait()
        self._say(self._at(clock, "the shift is over"))

    def _until(self, clock: Clock, at: float) -> None:
        self._wait.wait(clock.real_s(at - clock.at()))

    def _at(self, clock: Clock, what: str) -> str:
        minutes = int(clock.at() // 60)
        return f"{minutes // 60} h {minutes % 60:02} min  {what}"

    def _agent(self, from_s: float) -> subprocess.Popen[bytes]:
        return self._start(
            "replay",
            self.truck / "shift.nmea",
            *("--pulses", self.truck / "pulses.csv"),
            *("--config", self._write_configuration(self._speed)),
            *("--agreement", self.truck / "operations.yaml"),
            *("--live", "--speed", self._speed, "--from", from_s),
        )

    def _morning(self) -> None:
        """The truck is switched on for half a minute on the day on which nothing is held back any more."""
        agreement = load_agreement(self.truck / "operations.yaml")
        held, slots = agreement.file.streams.harsh_braking, agreement.file.release.fleet_slots
        last = last_fix(self.truck / "shift.nmea")
        today = (last.date - EPOCH_DATE).days
        day, minute = (month_over(today) + held.held, slots[0]) if held else (today + 1, MORNING_MINUTE)
        self._say(
            f"{day - today} days later: its month is over, and what was held back leaves, sorted by place"
        )
        log = self.truck / "morning.nmea"
        log.write_bytes(b"".join(morning(last, day - today, minute, agreement.zone)))
        agent = self._start(
            "replay",
            log,
            *("--config", self._write_configuration(MORNING_SPEED)),
            *("--agreement", self.truck / "operations.yaml"),
            *("--duty", "off", "--live", "--speed", MORNING_SPEED),
        )
        agent.wait(timeout=ENDING_S)

    # Processes.

    def _start(self, *words: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "agent", *map(str, words)], stdin=subprocess.DEVNULL)

    @contextlib.contextmanager
    def _process(self, *words: object) -> Iterator[None]:
        process = self._start(*words)
        try:
            self._wait_for(self.store)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(ENDING_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _wait_for(self, path: Path) -> None:
        for _ in range(int(STARTING_S * 10)):
            if path.exists():
                return
            self._wait.wait(0.1)

    # The count.

    def _until_arrived(self) -> Verdict:
        """The count once nothing is on its way any more, or as it stands after a while."""
        verdict = self._count()
        for _ in range(int(ARRIVING_S)):
            if not verdict.lost:
                break
            self._wait.wait(1.0)
            verdict = self._count()
        return verdict

    def _note_committed(self) -> int:
        """Take down what the truck's receipts say; how many records and batches have not left yet."""
        outbox = Outbox.open(self.truck / "state" / OUTBOX_FILE, random_bytes=bytes, size_bytes_max=2**30)
        for receipt in outbox.receipts():
            committed = Committed(len(decode(receipt.payload).records), len(receipt.payload))
            self._committed[receipt.sha256.hex()] = committed
        counts = outbox.counts()
        outbox.close()
        return counts.kept + counts.unsent

    def _count(self) -> Verdict:
        waiting = self._note_committed()
        store = ReceivedStore.open(self.store)
        stored = list(store.batches())
        repeats = sum(total.repeats for total in store.totals())
        store.close()
        arrived = {batch.sha256: batch.records for batch in stored}
        return Verdict(
            committed_batches=len(self._committed),
            committed_records=sum(each.records for each in self._committed.values()),
            arrived_batches=len(arrived),
            arrived_records=sum(arrived.values()),
            lost=len(self._committed.keys() - arrived.keys()),
            repeated=len(stored) - len(arrived),
            repeats_dropped=repeats,
            payload_bytes=sum(each.size_bytes for each in self._committed.values()),
            waiting=waiting,
        )


class LastFix(NamedTuple):
    """The last RMC sentence of a log that has a fix: its fields and its UTC date."""

    fields: list[str]
    date: datetime.date


def last_fix(log: Path) -> LastFix:
    """Where and when a log ended."""
    line = next(
        line for line in reversed(log.read_bytes().splitlines()) if b"RMC," in line and b",A," in line
    )
    fields = line.decode("ascii").strip().lstrip("$").split("*")[0].split(",")
    return LastFix(fields, datetime.datetime.strptime(fields[9], "%d%m%y").date())


def morning(last: LastFix, days: int, minute: int, zone: datetime.tzinfo) -> Iterator[bytes]:
    """Half a minute of fixes where a log ended, so many days later from that minute of the day on, as RMC sentences.

    The days are those of UTC, the minute is the zone's.
    """
    begins = datetime.datetime.combine(
        last.date + datetime.timedelta(days=days), datetime.time(*divmod(minute, 60)), zone
    )
    fields = list(last.fields)
    for second in range(MORNING_S):
        now = begins.astimezone(datetime.UTC) + datetime.timedelta(seconds=second)
        fields[1], fields[9] = now.strftime("%H%M%S.00"), now.strftime("%d%m%y")
        yield with_checksum(",".join(fields))


def with_switch_off(pulses: Path, into: Path) -> None:
    """The same pulses as if the crew had never switched recording on."""
    with pulses.open(newline="") as source, into.open("w", newline="") as target:
        rows = csv.writer(target)
        for row in csv.reader(source):
            rows.writerow([row[0], row[1], "0"] if row[1] == "crew_switch" else row)
