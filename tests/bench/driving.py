"""The seeded shift as the bench uses it: bursts to feed, and files for the agent that is to drive it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from drivers.simulate import Shift, shift

SEED = 1
SHIFT_HOURS = 8.0
WINDOW_START_S = 3_600
"""The window that is fed begins an hour into the shift: on duty, collecting, with drives between."""
RELEASE_EVERY_S = 60
OPERATIONS_RELEASE = {
    "kind": "timed",
    "every": f"{RELEASE_EVERY_S} s",
    "size": "320 B",
    "fleet_slots": ["21:00"],
}
PINS = {
    # gpiozero's mock pins stay where their pull puts them: so these two lines are on, and the brake is off.
    "ignition": {"gpio": 27, "kind": "ignition", "active": "high", "pull": "up"},
    "crew_switch": {"gpio": 22, "kind": "crew_switch", "active": "high", "pull": "up"},
    "brake": {"gpio": 17, "kind": "harsh_braking", "active": "low", "pull": "up"},
}
FLEET, VEHICLE = "bench", "truck-001"


def whole_shift() -> Shift:
    """The shift that every figure is about."""
    return shift(SEED, SHIFT_HOURS)


def window(driven: Shift, seconds: int) -> list[bytes]:
    """The bursts of `seconds` readings from `WINDOW_START_S` on."""
    return [
        b"".join(reading)
        for reading in itertools.islice(driven.nmea_readings(), WINDOW_START_S, WINDOW_START_S + seconds)
    ]


def has_fix(burst: bytes) -> bool:
    """Whether the receiver tells a position in this burst."""
    return b"RMC," in burst and b",A," in burst.split(b"\n", 1)[0]


def operations(agreement_text: str) -> dict[str, Any]:
    """An agreement of a simulated city, released as in the *operations* example: timed, every 60 s."""
    agreement: dict[str, Any] = YAML(typ="safe").load(agreement_text)
    agreement["release"] = OPERATIONS_RELEASE
    agreement["streams"]["track"]["clock"] = "minute"
    agreement["streams"]["harsh_braking"]["held"] = "7 days"
    return agreement


def write_yaml(path: Path, tree: dict[str, Any]) -> Path:
    """As JSON, which YAML 1.2 includes."""
    path.write_text(json.dumps(tree, default=str, indent=1), encoding="utf-8")
    return path


def configuration(port: str, baud: int, state: Path, broker_port: int) -> dict[str, Any]:
    """The agent's configuration for one run; `agreement.yaml` stands beside it."""
    return {
        "fleet": FLEET,
        "vehicle": VEHICLE,
        "agreement": "agreement.yaml",
        "state": str(state),
        "gnss": {"port": port, "baud": baud},
        "pins": PINS,
        "link": {"brokers": [f"mqtt://127.0.0.1:{broker_port}"]},
    }
