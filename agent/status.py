"""What the running agent is doing, as its status file tells it: counts and states, never a position."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent import VERSION
from agent.agreement import Agreement
from agent.records import iso_date
from agent.runtime import Runtime
from config.schema import Configuration

STATUS_FILE = "status.json"
RUNTIME = Path("/run/fairhaul")  # systemd's, of the service


def status_path(configuration: Configuration, environment: Mapping[str, str]) -> Path:
    """Where the status file is: in systemd's runtime directory, which costs no write to the card, else the state."""
    return Path(environment.get("RUNTIME_DIRECTORY") or configuration.state) / STATUS_FILE


def last_word(configuration: Configuration, runtime: Path) -> tuple[dict[str, Any], float] | None:
    """What the first status file says that is there and understood, and its time by this computer's clock.

    In systemd's `runtime` directory, else with the state. Raises OSError for one that may not be read.
    """
    for path in (runtime / STATUS_FILE, configuration.state / STATUS_FILE):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, ValueError):
            told = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(told, dict):
                return told, path.stat().st_mtime
    return None


def status_of(configuration: Configuration, agreement: Agreement | None, runtime: Runtime) -> dict[str, Any]:
    """The status now. While recording is off it says nothing of fixes."""
    outbox, counts = runtime.outbox.counts(), runtime.counts
    return {
        "version": VERSION,
        "vehicle": configuration.vehicle,
        "date": iso_date(runtime.now.day) if runtime.now else None,
        "recording": "on" if runtime.recording else "off",
        "agreement": agreement.reference._asdict() if agreement else None,
        "agreement_days_left": runtime.standing.days_left(runtime.now.day if runtime.now else None),
        "gnss": "heard" if runtime.recorder.port_ready else "silent",
        "broker": runtime.sender.state,
        "broker_trouble": runtime.sender.trouble,
        "outbox": outbox._asdict(),
        "lost": runtime.outbox.losses()._asdict(),
        "since_start": dict(vars(counts)),
    }
