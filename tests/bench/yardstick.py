"""The yardstick: about the least that a program can do and still bring every fix to a broker and keep it on disk.

Reads whole bursts, parses RMC and GGA only, and makes one compressed batch of 60 fixes: one row in SQLite (WAL,
FULL), one MQTT message of QoS 1. An acknowledged row goes with the next commit. What it lacks is everything else:
no filter, no configuration, no reconnecting to the port, no check of what it reads beyond the checksum.
"""

from __future__ import annotations

import argparse
import collections
import json
import signal
import sqlite3
import sys
import time
import zlib

import paho.mqtt.client as mqtt
import pynmea2
import serial

FIXES_A_BATCH = 60
COALESCE_S = 0.2
TOPIC = "bench/yardstick"


class Yardstick:
    """One port, one file, one broker."""

    def __init__(self, port: str, baud: int, store: str, broker_port: int) -> None:
        self.port = serial.Serial(port, baud, timeout=1)
        self.store = sqlite3.connect(store, isolation_level=None)
        self.store.execute("PRAGMA journal_mode = WAL")
        self.store.execute("PRAGMA synchronous = FULL")
        self.store.execute("CREATE TABLE IF NOT EXISTS batch (id INTEGER PRIMARY KEY, body BLOB)")
        self.acknowledged: collections.deque[int] = collections.deque()
        self.in_flight: dict[int, int] = {}  # message id to row id
        self.batch: list[list[object]] = []
        self.rmc: pynmea2.RMC | None = None
        self.fixes = self.commits = 0
        self.link = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self.link.on_publish = lambda client, userdata, mid, *_: self.acknowledged.append(mid)
        self.link.connect("127.0.0.1", broker_port)
        self.link.loop_start()

    def run(self) -> None:
        """Until a signal."""
        rest = b""
        while True:
            first = self.port.read(1)
            if not first:
                continue
            time.sleep(COALESCE_S)
            *lines, rest = (rest + first + self.port.read(self.port.in_waiting)).split(b"\n")
            for line in lines:
                if line[3:6] in (b"RMC", b"GGA"):
                    self.take(line)

    def take(self, line: bytes) -> None:
        """One sentence that matters: an RMC waits for the GGA of its second."""
        try:
            sentence = pynmea2.parse(line.decode("ascii").strip(), check=True)
        except (pynmea2.ParseError, UnicodeDecodeError):
            return
        if sentence.sentence_type == "RMC":
            self.rmc = sentence
        elif self.rmc is not None and self.rmc.timestamp == sentence.timestamp and self.rmc.status == "A":
            self.keep(self.rmc, sentence)

    def keep(self, rmc: pynmea2.RMC, gga: pynmea2.GGA) -> None:
        """One fix: full batches go to disk, then to the broker."""
        self.fixes += 1
        self.batch.append(
            [
                rmc.datetime.isoformat(),
                round(rmc.latitude, 6),
                round(rmc.longitude, 6),
                rmc.spd_over_grnd,
                rmc.true_course,
                gga.altitude,
                int(gga.num_sats),
            ]
        )
        if len(self.batch) == FIXES_A_BATCH:
            self.send(zlib.compress(json.dumps(self.batch, separators=(",", ":")).encode(), 9))
            self.batch = []

    def send(self, body: bytes) -> None:
        """Commit, then publish."""
        self.store.execute("BEGIN IMMEDIATE")
        while self.acknowledged:
            self.store.execute(
                "DELETE FROM batch WHERE id = ?", (self.in_flight.pop(self.acknowledged.popleft()),)
            )
        row = self.store.execute("INSERT INTO batch (body) VALUES (?)", (body,)).lastrowid
        self.store.execute("COMMIT")
        self.commits += 1
        self.in_flight[self.link.publish(TOPIC, body, qos=1).mid] = row or 0


def main() -> None:
    """Run until SIGTERM, then tell what was done as one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port")
    parser.add_argument("baud", type=int)
    parser.add_argument("store")
    parser.add_argument("broker_port", type=int)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGUSR1, lambda *_: told(yardstick))
    yardstick = Yardstick(given.port, given.baud, given.store, given.broker_port)
    yardstick.run()


def told(yardstick: Yardstick) -> None:
    """The counts so far."""
    print(json.dumps({"fixes": yardstick.fixes, "commits": yardstick.commits}), flush=True)


if __name__ == "__main__":
    main()
