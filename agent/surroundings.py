"""The configuration and the agreement that a recorded log is replayed under."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from agent.agreement import Agreement, canonical_json, load_agreement
from agent.agreement.schema import AgreementFile
from agent.geometry import HALF_TURN_E7, M_PER_E7, TURN_E7
from agent.recording.fixes import Fix, Receiver
from agent.recording.gate import Gate
from config.load import Configuration, load_configuration, load_yaml, validate
from drivers.replay import BLOCK_BYTES, STANDARD_INPUT, Log, open_log, replay

EXAMPLES = Path(__file__).parent.parent / "config"
EXAMPLE_AGREEMENT = EXAMPLES / "agreements" / "routes-and-safety.yaml"
EXAMPLE_CONFIGURATION = EXAMPLES / "agent.example.yaml"
ROUND_THE_LOG_M = 1000.0


class Logs:
    """Recorded logs that can be read more than once; standard input is read into memory first."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._stdin = _whole(open_log(STANDARD_INPUT)) if STANDARD_INPUT in names else b""

    def open(self) -> list[Log]:
        """The logs, from their beginnings. Raises LogError."""
        with contextlib.ExitStack() as closing:
            opened = [closing.enter_context(self._opened(name)) for name in self.names]
            closing.pop_all()  # all are open: they stay so
        return opened

    def _opened(self, name: str) -> Log:
        return Log(name, io.BytesIO(self._stdin)) if name == STANDARD_INPUT else open_log(name)

    def beside(self, name: str) -> Path | None:
        """A file beside the first log that is a file, if there is one."""
        for log in self.names:
            path = Path(log).parent / name
            if log != STANDARD_INPUT and path.is_file():
                return path
        return None


def _whole(log: Log) -> bytes:
    return b"".join(iter(lambda: log.read(BLOCK_BYTES), b""))


def configuration_for(logs: Logs, path: Path | None) -> Configuration:
    """The configuration named, else the one beside the log, else the example. Raises ConfigurationError."""
    return load_configuration(path or logs.beside("agent.yaml") or EXAMPLE_CONFIGURATION)


def agreement_for(logs: Logs, path: Path | None) -> Agreement:
    """The agreement named, else the one beside the log, else the recommended example round the log's fixes."""
    path = path or logs.beside("agreement.yaml")
    if path is not None:
        return load_agreement(path)
    located = load_yaml(EXAMPLE_AGREEMENT)
    _fit_anywhere(located.tree, _places_round(_fixes(logs)))
    return Agreement(validate(AgreementFile, located), canonical_json(located.tree))


def _fit_anywhere(tree: dict[str, Any], places: dict[str, Any]) -> None:
    """Give the example other places, without what belongs to the city that it was drawn for.

    A log may be of any hour, so there is no schedule; and without sites nothing can be said of visits to them.
    """
    tree["places"] = places
    tree["duty"] = {"requires": tree["duty"]["requires"], "time_zone": "UTC"}
    tree.pop("behind", None)
    tree["streams"].pop("site_visits", None)
    tree["release"]["envelopes"].pop("site_visits", None)
    for question in tree["questions"]:
        question["needs"] = [stream for stream in question["needs"] if stream != "site_visits"]
    tree["questions"] = [question for question in tree["questions"] if question["needs"]]


def _fixes(logs: Logs) -> Iterable[Fix]:
    receiver, gate = Receiver(), Gate(replay=True)
    with contextlib.ExitStack() as closing:
        for chunk in replay(*map(closing.enter_context, logs.open())):
            for fix in receiver.feed(chunk.at, chunk.data):
                if gate.judge(fix) is None:
                    yield fix


def _places_round(fixes: Iterable[Fix]) -> dict[str, Any]:
    """Origin and service area that hold every fix with a kilometre to spare."""
    found = [
        (f.latitude_e7, f.longitude_e7)
        for f in fixes
        if f.latitude_e7 is not None and f.longitude_e7 is not None
    ]
    latitudes = [latitude for latitude, _ in found] or [0]
    base = found[0][1] if found else 0
    easts = [(longitude - base + HALF_TURN_E7) % TURN_E7 - HALF_TURN_E7 for _, longitude in found] or [0]
    spare = round(ROUND_THE_LOG_M / M_PER_E7)
    south, north = max(min(latitudes) - spare, -850_000_000), min(max(latitudes) + spare, 850_000_000)
    west, east = base + min(easts) - 2 * spare, base + max(easts) + 2 * spare
    corners = [(south, west), (south, east), (north, east), (north, west), (south, west)]
    ring = [
        [_degrees((longitude + HALF_TURN_E7) % TURN_E7 - HALF_TURN_E7), _degrees(latitude)]
        for latitude, longitude in corners
    ]
    middle = ((west + east) // 2 + HALF_TURN_E7) % TURN_E7 - HALF_TURN_E7
    return {
        "origin": {"latitude_deg": _degrees((south + north) // 2), "longitude_deg": _degrees(middle)},
        "service_area": {"type": "Polygon", "coordinates": [ring]},
    }


def _degrees(e7: int) -> float:
    return round(e7 / 1e7, 7)
