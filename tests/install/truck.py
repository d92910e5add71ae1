"""What a technician lays into the machine: a configuration, an agreement, and a GNSS receiver that speaks over TCP.

The receiver drives east for five minutes and back, for ever. Its time goes on when the machine is off.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.sim.drives import MORNING_MS, Spot, agreement, sentences

PORT = 2947
TURN_S, SPEED_MPS = 300, 10.0
HOUR_S = 3600
EVERY = "10 s"
LINE = {"active": "high", "pull": "up"}  # gpiozero's mock pins float to their pull: both lines are on
CONFIGURATION = {
    "fleet": "springfield",
    "vehicle": "truck-017",
    "agreement": "agreement.json",
    "gnss": {
        "port": f"socket://127.0.0.1:{PORT}",
        "baud": 115200,
        "reopen": {"first": "1 s", "longest": "5 s"},
    },
    "pins": {
        "ignition": {"gpio": 5, "kind": "ignition", **LINE},
        "crew_switch": {"gpio": 6, "kind": "crew_switch", **LINE},
        "brake": {"gpio": 17, "kind": "harsh_braking"},
        "hazard": {"gpio": 16, "kind": "hazard_button"},
        "help": {"gpio": 24, "kind": "help_button"},
    },
    # Nobody listens there: what the agent seals stays, so that a lost row would show.
    "link": {
        "brokers": ["mqtt://127.0.0.1:1883"],
        "username": "truck-017",
        "password_file": "/opt/secrets/password",
    },
}
RECEIVER = """
import json, socketserver, sys, time
epochs = json.load(open("/opt/receiver/epochs"))
began = float(open("/opt/receiver/began").read())
class Line(socketserver.BaseRequestHandler):
    def handle(self):
        while True:
            time.sleep(1 - time.time() % 1)
            self.request.sendall(epochs[int(time.time() - began) % len(epochs)].encode())
socketserver.ThreadingTCPServer.daemon_threads = socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Line).serve_forever()
"""
RECEIVER_UNIT = f"""
[Service]
ExecStart=/usr/bin/python3 /opt/receiver/receiver.py {PORT}
Restart=always
[Install]
WantedBy=multi-user.target
"""
MOCK_PINS = "[Service]\nEnvironment=GPIOZERO_PIN_FACTORY=mock\n"


def lay_receiver(root: Path, began_s: float) -> None:
    """The receiver and its unit; `began_s` is the machine's time at which its drive begins."""
    write(root / "opt/receiver/receiver.py", RECEIVER)
    write(root / "opt/receiver/epochs", json.dumps([_epoch(second) for second in range(HOUR_S)]))
    write(root / "opt/receiver/began", str(began_s))
    write(root / "etc/systemd/system/receiver.service", RECEIVER_UNIT)


def lay_configuration(root: Path) -> None:
    """What the technician writes, and pins for a machine that has none."""
    write(root / "etc/fairhaul/agent.yaml", json.dumps(CONFIGURATION))
    write(root / "etc/fairhaul/agreement.json", agreement("operations", _often).canonical)
    write(root / "etc/systemd/system/fairhaul.service.d/pins.conf", MOCK_PINS)


def write(path: Path, text: str) -> None:
    """A file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _often(tree: dict[str, Any]) -> None:
    tree["release"]["every"] = EVERY


def _epoch(second: int) -> str:
    along = min(second % (2 * TURN_S), 2 * TURN_S - second % (2 * TURN_S))
    spot = Spot(SPEED_MPS * (along - TURN_S / 2), 0, SPEED_MPS)
    return sentences(MORNING_MS + second * 1000, spot).decode("ascii")
