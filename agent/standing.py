"""Which agreement is in force on this truck, and when another takes its place.

An agreement is adopted as a shift begins: at the first moment on duty of a later service day than the last one with
duty. What changes in between, a new file, a broken or a missing one, waits for that moment; only `stop_all` does not.
What is in force is kept in the outbox, so that a restart in mid-shift changes nothing. Behind its last day the
agreement that stands behind it takes over, if it is narrower; else nothing but the box's own status leaves.

No look at the wall clock: days are service days, as GNSS gave them.
"""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from agent.agreement import Agreement, agreement_from_canonical
from agent.records import EPOCH_DATE
from buffer.rows import NOTE_BYTES_MAX, Note
from config.load import ConfigurationError

logger = logging.getLogger(__name__)

WARN_DAYS = (60, 30, 7)
SEEN_IDS_MAX = 32  # agreements of other names whose highest version is remembered, the oldest go first
CANONICAL_BYTES_MAX = 8 * 1024 * 1024
AGREEMENT_NOTE, SEEN_NOTE, DUTY_DAY_NOTE = "agreement", "seen", "duty_day"

FindNote = Callable[[str], Note | None]


class Unusable(NamedTuple):
    """What stands where an agreement should, and why it is none: a sentence for the log."""

    why: str


class Standing:
    """The agreement in force, and what the file beside it said last.

    `in_force` is None while there is none: then only the box's status leaves. `seen` holds the highest version of
    each agreement; `duty_day` is the last service day with duty; `warned` what the crews' log was told last.
    """

    def __init__(
        self,
        in_force: Agreement | None = None,
        *,
        seen: Mapping[str, int] | None = None,
        duty_day: int | None = None,
        warned: tuple[str, int] = ("", 0),
    ) -> None:
        self.in_force = in_force
        self.duty_day = duty_day
        self._seen = dict(seen or {})
        self._warned = warned
        self._waiting: Agreement | Unusable | None = None  # what the file held; None: not looked at yet
        self._changed: set[str] = set()

    @classmethod
    def resumed(cls, note: FindNote) -> Standing:
        """As it was before a restart. A kept agreement that is not understood any more counts as none."""
        seen, warned = _seen_of(note(SEEN_NOTE))
        agreement = _kept_agreement(note(AGREEMENT_NOTE))
        return cls(agreement, seen=seen, warned=warned, duty_day=_duty_day(note))

    @classmethod
    def fixed(cls, agreement: Agreement | None, note: FindNote) -> Standing:
        """An agreement that stays, as for a recorded log; what the outbox has of duty counts all the same."""
        return cls(agreement, duty_day=_duty_day(note))

    def on(self, day: int | None) -> Agreement | None:
        """The agreement that counts on a service day; an expired one only where nothing narrower stands behind it."""
        counts = self.in_force
        while counts is not None and day is not None and _until_day(counts) < day:
            behind = counts.behind
            if behind is None or behind.narrower_than(counts) is not None:
                return counts
            counts = behind
        return counts

    def look(self, found: Agreement | Unusable) -> bool:
        """The file holds this. Whether the agreement in force changed at once."""
        held = self._checked(found)
        if held != self._waiting:
            self._tell(held)
        self._waiting = held
        if not isinstance(held, Agreement):
            return False
        first_ever = self.in_force is None and self.duty_day is None
        return (held.file.stop_all or first_ever) and self._adopt(held)

    def begin_duty(self, day: int) -> bool:
        """The truck is on duty on service day `day`. Whether the agreement in force changed.

        Asked again on the same day it changes nothing.
        """
        if not self.begins(day):
            return False
        self.duty_day = day
        self._changed.add(DUTY_DAY_NOTE)
        if self._waiting is None:
            return False
        return self._adopt(self._waiting if isinstance(self._waiting, Agreement) else None)

    def begins(self, day: int) -> bool:
        """Whether a service day has seen no duty yet.

        A date that was wrongly far in the future must not hold up all changes until then.
        """
        return self.duty_day is None or not 0 <= self.duty_day - day <= 1

    def warn(self, day: int) -> None:
        """Say once each, 60, 30 and 7 days before, that the agreement will end."""
        counts = self.on(day)
        if counts is None:
            return
        left = _until_day(counts) - day
        due = min((days for days in WARN_DAYS if 0 <= left <= days), default=None)
        sha256 = counts.reference.sha256
        if due is None or (self._warned[0] == sha256 and self._warned[1] <= due):
            return
        self._warned = (sha256, due)
        self._changed.add(SEEN_NOTE)
        logger.warning("the agreement ends in %d days; then only the box's status leaves", left)

    def days_left(self, day: int | None) -> int | None:
        """How many days the agreement in force still has, 0 on its last; None without an end in sight."""
        counts = self.on(day)
        return None if counts is None or day is None else _until_day(counts) - day

    def notes(self) -> dict[str, Note | None]:
        """What the outbox has to keep of what changed since this was last asked."""
        changed, self._changed = self._changed, set()
        written: dict[str, Callable[[], Note | None]] = {
            AGREEMENT_NOTE: lambda: Note(None, _written(self.in_force)) if self.in_force else None,
            SEEN_NOTE: lambda: Note(None, json.dumps([self._seen, self._warned]).encode("ascii")),
            DUTY_DAY_NOTE: lambda: Note(self.duty_day, b""),
        }
        return {name: written[name]() for name in sorted(changed)}

    def _checked(self, found: Agreement | Unusable) -> Agreement | Unusable:
        """Not an older version of what this truck has seen, and nothing that could not be kept."""
        if isinstance(found, Unusable):
            return found
        id_, version, _ = found.reference
        if version < self._seen.get(id_, 0):
            return Unusable(
                f"{id_} version {version} was rolled back: version {self._seen[id_]} was here before"
            )
        if len(_written(found)) > NOTE_BYTES_MAX:
            return Unusable(f"{id_} version {version} is too long to be kept on the truck")
        if version > self._seen.get(id_, 0):
            self._seen.pop(id_, None)
            self._seen[id_] = version
            while len(self._seen) > SEEN_IDS_MAX:
                del self._seen[next(iter(self._seen))]
            self._changed.add(SEEN_NOTE)
        return found

    def _tell(self, held: Agreement | Unusable) -> None:
        if isinstance(held, Unusable):
            logger.error("no agreement that can be used: %s", held.why)
        elif self.in_force is not None and held.reference != self.in_force.reference:
            logger.info(
                "the agreement %s version %d waits for the next start of duty",
                held.file.id,
                held.file.version,
            )

    def _adopt(self, held: Agreement | None) -> bool:
        before = self.in_force.reference if self.in_force else None
        if before == (held.reference if held else None):
            return False
        self.in_force = held
        self._changed.add(AGREEMENT_NOTE)
        if held is None:
            logger.error("no agreement is in force: only the box's status leaves")
        elif held.file.stop_all:
            logger.warning("the agreement stops everything: only the box's status leaves")
        else:
            logger.info("the agreement %s version %d is in force", held.file.id, held.file.version)
        return True


def _until_day(agreement: Agreement) -> int:
    return (agreement.file.valid_until - EPOCH_DATE).days


def _duty_day(note: FindNote) -> int | None:
    found = note(DUTY_DAY_NOTE)
    return found.day if found else None


def _written(agreement: Agreement) -> bytes:
    return zlib.compress(agreement.canonical.encode("utf-8"), 9)


def _kept_agreement(note: Note | None) -> Agreement | None:
    if note is None:
        return None
    try:
        plain = zlib.decompressobj().decompress(note.body, CANONICAL_BYTES_MAX)
        return agreement_from_canonical(plain.decode("utf-8"))
    except (zlib.error, UnicodeDecodeError, ConfigurationError):
        logger.error(
            "the agreement kept on the truck is not understood any more: only the box's status leaves"
        )
        return None


def _seen_of(note: Note | None) -> tuple[dict[str, int], tuple[str, int]]:
    """The versions seen and the last warning; nothing when the note is none of ours."""
    try:
        seen, (sha256, days) = json.loads(note.body if note else b"[{}, ['', 0]]")
        return {str(id_): int(version) for id_, version in seen.items()}, (str(sha256), int(days))
    except (ValueError, TypeError, AttributeError):
        return {}, ("", 0)
