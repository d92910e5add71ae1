"""The agreement in force: what the signatories let leave the truck, and its identity."""

from __future__ import annotations

import datetime
import hashlib
import json
import zoneinfo
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.agreement.geojson import inlined, with_places
from agent.agreement.narrower import wider
from agent.agreement.schema import AgreementFile
from agent.geometry import Point
from agent.records import EPOCH_DATE
from agent.wire import AgreementReference
from config.load import ConfigurationError, Located, Problem, problem_in, validate
from config.located import printable
from config.reading import read_yaml
from config.wording import shown

BEHIND_MAX = 3
"""Most agreements that stand one behind the other, the first not counted."""

_BEHIND = ("behind",)
_BOX_ALONE = frozenset({"box"})


class Agreement:
    """An agreement that was understood in full, and the one that stands in when it has expired, if there is one.

    `canonical` is all it says, as JSON with one text for one meaning; its SHA-256 is the agreement's identity.
    Comments do not count; the geometries that it names by file and the agreement behind it do.
    """

    def __init__(self, file: AgreementFile, canonical: str, behind: Agreement | None = None) -> None:
        self.file = file
        self.canonical = canonical
        self.behind = behind
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
        self._sites = [(site.id, site.area.polygons()) for site in file.places.sites]

    def allows(self, point: Point) -> bool:
        """Whether a position may be published: inside the service area and off no limits."""
        served = any(area.covers(point) for area in self._service_area)
        return served and not any(area.covers(point) for area in self._off_limits)

    def site_of(self, point: Point) -> str | None:
        """The id of the declared site that holds a position, the first in the file where sites overlap."""
        return next((name for name, parts in self._sites if any(part.covers(point) for part in parts)), None)

    def scheduled(self, second_of_day_local: int) -> bool:
        """Whether the schedule lets the truck record at that second by the clock on the wall; True without one."""
        return self.file.duty.scheduled(second_of_day_local // 60)

    def collected(self, day: int) -> frozenset[str]:
        """The streams that some question needs on that service day; `box` always, the rest not past the end."""
        if day != self._day:  # asked for every fix, and the answer changes once a day
            self._day, self._collected = day, self._collected_on(day)
        return self._collected

    def _collected_on(self, day: int) -> frozenset[str]:
        date = EPOCH_DATE + datetime.timedelta(days=day)
        if self.file.stop_all or date > self.file.valid_until:
            return _BOX_ALONE
        live = {stream for q in self.file.questions if date <= q.valid_until for stream in q.needs}
        return frozenset(live & set(self.file.agreed_streams())) | _BOX_ALONE

    def narrower_than(self, other: Agreement) -> str | None:
        """None when this lets out no more than `other`; else a sentence why not."""
        return next(wider(self.file, other.file), None)


def canonical_json(plain: Any) -> str:
    """One text for one meaning: keys sorted, no spaces."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def load_agreement(path: Path) -> Agreement:
    """The agreement in a YAML file. Raises ConfigurationError with every mistake in it and behind it."""
    return _loaded(path, (path.resolve(),))


def agreement_from_canonical(text: str) -> Agreement:
    """The agreement whose `canonical` is `text`. Raises ConfigurationError for any other text."""
    nowhere = Located("the agreement kept on the truck", None)
    try:
        tree = json.loads(text)
        same = isinstance(tree, dict) and canonical_json(tree) == text
    except (ValueError, RecursionError):
        same = False
    if not same:
        raise ConfigurationError([problem_in(nowhere, (), "this is not what was kept")])
    return _from_tree(replace(nowhere, tree=tree), BEHIND_MAX)


def _from_tree(located: Located, deep: int) -> Agreement:
    tree = located.tree.get("behind")
    if tree is None:
        return _understood(located, None)
    if not isinstance(tree, dict) or deep == 0:
        raise ConfigurationError([problem_in(located, _BEHIND, _too_many())])
    return _understood(located, _from_tree(replace(located, tree=tree), deep - 1))


def _loaded(path: Path, chain: tuple[Path, ...]) -> Agreement:
    located, drawings = inlined(read_yaml(path))
    located, behind = _with_behind(located, chain)
    try:
        return _understood(located, behind)
    except ConfigurationError:
        if drawings:  # once more, for the sake of where in their files the mistakes stand
            _understood(with_places(located, drawings), behind)
        raise


def _with_behind(located: Located, chain: tuple[Path, ...]) -> tuple[Located, Agreement | None]:
    """`located` with the values of the agreement that it names as the one behind it, and that agreement."""
    name = located.tree.get("behind")
    if name is None:
        return located, None
    refusal = _refusal(name, Path(located.file).parent, chain)
    if refusal:
        problems: tuple[Problem, ...] = (problem_in(located, _BEHIND, refusal),)
    else:
        following = Path(located.file).parent / name
        try:
            behind = _loaded(following, (*chain, following.resolve()))
            tree = {**located.tree, "behind": json.loads(behind.canonical)}
            return replace(located, tree=tree), behind
        except ConfigurationError as error:
            problems = error.problems
    unread = located.unread | {_BEHIND}
    return replace(located, flaws=(*located.flaws, *problems), unread=unread), None


def _refusal(name: Any, directory: Path, chain: tuple[Path, ...]) -> str | None:
    """Why no agreement `name` can stand behind the last of `chain`; None when one can."""
    if not isinstance(name, str) or not name or "\0" in name:
        return f"found {shown(name)}: write the path of another agreement, relative to this file"
    try:
        following = (directory / name).resolve(strict=True)
    except (OSError, RuntimeError):
        return f"there is no file {printable(name)}; the path starts from this one's directory"
    if following in chain:
        return "the agreements stand behind each other in a circle: take one of the `behind:` out"
    return _too_many() if len(chain) > BEHIND_MAX else None


def _too_many() -> str:
    return f"more than {BEHIND_MAX} agreements stand one behind the other: take one of the `behind:` out"


def _understood(located: Located, behind: Agreement | None) -> Agreement:
    agreement = Agreement(validate(AgreementFile, located), canonical_json(located.tree), behind)
    says = _unfit(behind, agreement) if behind else None
    if says:
        raise ConfigurationError([problem_in(located, _BEHIND, says)])
    return agreement


def _unfit(behind: Agreement, agreement: Agreement) -> str | None:
    """Why `behind` can't stand behind `agreement`; None when it can."""
    if behind.file.valid_until <= agreement.file.valid_until:
        return (
            "it ends no later than this agreement, so it would never stand in: give it a later `valid_until:`"
        )
    wider_in = behind.narrower_than(agreement)
    return f"it must let out no more than this agreement, but {wider_in}" if wider_in else None
