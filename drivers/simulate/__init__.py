"""A simulated refuse truck in a simulated city: the log of a shift, its pulses, and the truth.

`shift(seed, hours)` plans a day; its `nmea()`, `pulses()` and `truth()` render it, `write` makes files of it.
The same arguments give the same bytes, on every supported Python. Each module says what it does not model.

`truth.ndjson` has one line for each second of the log:

| key | meaning |
|---|---|
| `at_s` | whole seconds since the log's first sentence |
| `utc` | ISO 8601 |
| `latitude_deg`, `longitude_deg` | where the truck truly is, to 1e-7 degrees |
| `speed_mps` | true speed |
| `street` | name of the street or road |
| `place` | `depot` or `landfill` (`City.sites`: within 150 m of its gate), `off_limits` (zone or margin), `break` (a break elsewhere), `district` (rest of the service area), `road` (outside it) |
| `state` | `driving`, `collecting` (between stops), `serving` (at one), `break`, `dumping`, `parked` (ignition on, before and after the round), `off` |
| `on_duty` | ignition and crew switch are both on: what the pulses say, forgotten switch included |
| `break` | number of the break, counted from 0, or null |
| `stop` | number of the stop being served, counted from 0, or null |
| `brakings` | closings of the brake contact that begin in this second: `at_s`, `kind` (`braking`, `pothole`, `knock`), `severity_mps2` (true deceleration, 0.0 unless `braking`), `corroborable` (a receiver could have seen it) |
| `lifts` | how many bins begin to rise in this second: rises of the line `lift` |
"""  # noqa: E501

from __future__ import annotations

from drivers.simulate.files import write
from drivers.simulate.shifts import Second, Shift, shift

__all__ = ["Second", "Shift", "shift", "write"]
