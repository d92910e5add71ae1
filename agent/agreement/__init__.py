"""The agreement in force: what the signatories let leave the truck, and its identity."""

from __future__ import annotations

import datetime
import hashlib
import json
import zoneinfo
from pathlib import Path
from typing import Any

from agent.agreement.schema import AgreementFile
from agent.geometry import Point
from agent.records import EPOCH_DATE
from agent.wire import AgreementReference
from config.load import validate
from config.reading import read_yaml


class Agreement:
    """An agreement that was understood in full. `sha256` is over its canonical JSON: comments do not count."""

    def __init__(self, file: AgreementFile, canonical: str) -> None:
        self.file = file
        self.reference = AgreementReference(
            file.id, file.version, hashlib.sha256(canonical.encode("utf-8")).hexdigest()
        )
        self._day: int | None = None
        self._collected: frozenset[str] = frozenset()
        self.zone = zoneinfo.ZoneInfo(file.duty.time_zone)
        self._service_area = file.places.service_area.polygons()
        self._off_limits = [
            polygon for place in file.places.off_limits for polygon in place.area.polygons(place.margin)
        ]

    def allows(self, point: Point) -> bool:
        """Whether a position may be published: inside the service area and off no limits."""
        if not any(area.covers(point) for area in self._service_area):
            return False
        return not any(area.covers(point) for area in self._off_limits)

    def collected(self, day: int) -> frozenset[str]:
        """The streams that some question needs on that service day; `box` always, the rest not past the end."""
        if day != self._day:  # asked for every fix, and the answer changes once a day
            self._day, self._collected = day, self._collected_on(day)
        return self._collected

    def _collected_on(self, day: int) -> frozenset[str]:
        date = EPOCH_DATE + datetime.timedelta(days=day)
        if date > self.file.valid_until:
            return frozenset({"box"})
        live = {stream for q in self.file.questions if date <= q.valid_until for stream in q.needs}
        return frozenset(live & set(self.file.agreed_streams()) | {"box"})


def canonical_json(plain: Any) -> str:
    """One text for one meaning: keys sorted, no spaces."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def load_agreement(path: Path) -> Agreement:
    """The agreement in a YAML file. Raises ConfigurationError with every mistake in it."""
    located = read_yaml(path)
    return Agreement(validate(AgreementFile, located), canonical_json(located.tree))
