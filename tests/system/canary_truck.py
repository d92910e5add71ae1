"""The agent as it is, with a hand on its pins and stages: `python canary_truck.py <words of fairhaul>`.

Obeys lines on stdin: `on` and `off` move the crew switch; `allows` and `due` make that stage raise from now on,
with the newest place in its words.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from gpiozero import Device

from agent.__main__ import main
from agent.agreement import Agreement
from agent.geometry import Point
from agent.recording.recorder import Recorder

SWITCH_GPIO = 6
newest: list[Point] = []
allows = Agreement.allows


def watching(self: Agreement, point: Point) -> bool:
    newest[:] = [point]
    return allows(self, point)


def raising(*_: Any) -> Any:
    place = newest[0]
    raise ValueError(f"{place.latitude_e7} {place.longitude_e7 / 1e7:.7f} {tuple(place)}", tuple(place))


def raising_at(_: Agreement, point: Point) -> bool:
    newest[:] = [point]
    return bool(raising())


def obey() -> None:
    for line in sys.stdin:
        match line.strip():
            case "on":
                Device.pin_factory.pin(SWITCH_GPIO).drive_high()
            case "off":
                Device.pin_factory.pin(SWITCH_GPIO).drive_low()
            case "allows":
                Agreement.allows = raising_at  # type: ignore[method-assign,assignment]
            case "due":
                Recorder.due = property(raising)  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    Agreement.allows = watching  # type: ignore[method-assign]
    threading.Thread(target=obey, daemon=True).start()
    main()
