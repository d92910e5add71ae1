"""The usual script: what most tracking scripts for a Pi look like, tidied but not improved.

`readline`, pynmea2 on every sentence, a row and a commit for each fix with SQLite's defaults, one JSON message for
each fix. Not made slow on purpose: every line of it stands in popular tutorials.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import sys

import paho.mqtt.client as mqtt
import pynmea2
import serial

TOPIC = "bench/usual"


def main() -> None:
    """Run until SIGTERM; SIGUSR1 tells what was done as one line of JSON."""
    port_name, baud, store_name, broker_port = sys.argv[1:]
    counts = {"fixes": 0, "commits": 0}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGUSR1, lambda *_: print(json.dumps(counts), flush=True))
    port = serial.Serial(port_name, int(baud), timeout=1)
    store = sqlite3.connect(store_name)
    store.execute(
        "CREATE TABLE IF NOT EXISTS fix (id INTEGER PRIMARY KEY AUTOINCREMENT, utc, lat, lon, speed, course, alt)"
    )
    store.commit()
    link = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    link.connect("127.0.0.1", int(broker_port))
    link.loop_start()
    altitude = None
    while True:
        line = port.readline().decode("ascii", errors="replace").strip()
        if not line.startswith("$"):
            continue
        try:
            sentence = pynmea2.parse(line, check=True)
        except pynmea2.ParseError:
            continue
        if sentence.sentence_type == "GGA":
            altitude = sentence.altitude
        if sentence.sentence_type != "RMC" or sentence.status != "A":
            continue
        fix = {
            "utc": sentence.datetime.isoformat(),
            "lat": sentence.latitude,
            "lon": sentence.longitude,
            "speed": sentence.spd_over_grnd,
            "course": sentence.true_course,
            "alt": altitude,
        }
        store.execute(
            "INSERT INTO fix (utc, lat, lon, speed, course, alt) VALUES (?, ?, ?, ?, ?, ?)",
            list(fix.values()),
        )
        store.commit()
        link.publish(TOPIC, json.dumps(fix), qos=1)
        counts["fixes"] += 1
        counts["commits"] += 1


if __name__ == "__main__":
    main()
