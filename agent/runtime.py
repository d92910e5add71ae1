"""The loop: one thread that owns the recorder, the outbox and the link, and performs what they decide.

Inputs come in one at a time and time is an argument, so the same `step` serves the truck, the replay and the
simulation. What the recorder lets through is kept on disk within `commit_every_s`; a release seals it into
batches; the sender carries sealed batches to the broker. Acknowledgements ride with the next commit.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

from agent.recorder import Recorder
from agent.records import Record, iso_date
from agent.sealing import Sealed, Terms, kept, sealed
from agent.sender import Acked, Connect, Disconnect, Effect, Publish, Refused, Sender
from agent.service_day import Moment
from buffer.outbox import Batch, Outbox, OutboxDamaged, OutboxLost
from drivers.inputs import Acknowledged, Input, LinkDown, LinkUp, Pulse, Tick
from drivers.mqtt_options import LinkError

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")
Key = tuple[str, int]

HOUSEKEEPING_S = 1.0  # with inputs coming in
IDLE_S = 5.0  # without
ACKNOWLEDGED_KEPT_S = 120.0
PENDING_RECORDS_MAX = 10_000
FAULTS_MAX = 100
WITHHELD_STEP = 500  # sealed batches looked at a time, while some of them may not leave


class Pipe(Protocol):
    """What the runtime needs of a link: see `drivers.mqtt.Link`."""

    def connect(self, link: int, broker: str) -> None:
        """Begin connection number `link`."""
        ...

    def publish(self, topic: str, payload: bytes) -> int:
        """Send, and return the number under which it will be acknowledged. Raises LinkError."""
        ...

    def disconnect(self) -> None:
        """End the connection."""
        ...


class Retention(NamedTuple):
    """How many days receipts stay, by stream, and how old anything may grow on the truck."""

    receipt_days: Mapping[str, int]
    age_days_max: int


@dataclass
class Counts:
    """What happened since the start, for the status file and the demo."""

    committed: int = 0
    commits: int = 0
    sealed: int = 0
    published: int = 0
    acknowledged: int = 0
    refused: int = 0
    faults: int = 0
    dropped: int = 0  # records that found no room in memory while the disk was lost


class Recording(NamedTuple):
    """A recorder and the way to make a fresh one after a fault, behind records that are not yet on disk."""

    recorder: Recorder
    fresh: Callable[[Sequence[Record]], Recorder]


class Runtime:
    """Performs one truck's recording and sending, one input at a time."""

    def __init__(
        self,
        *,
        recording: Recording,
        terms: Terms,
        retention: Retention,
        sender: Sender,
        outbox: Outbox,
        link: Pipe,
        topic: Callable[[str], str],
        box: Callable[[], dict[str, Any]],
        commit_every_s: float,
    ) -> None:
        self.recorder, self._fresh = recording
        self.sender = sender
        self.outbox = outbox
        self.counts = Counts()
        self.now: Moment | None = None
        self._terms = terms
        self._retention = retention
        self._link = link
        self._topic = topic
        self._box = box
        self._commit_every_s = commit_every_s
        self._pending: list[Record] = []
        self._pending_since = 0.0
        self._acked: set[Key] = set()
        self._refused: set[Key] = set()
        self._withheld: set[Key] = set()
        self._answered_since = 0.0
        self._unsent = True
        self._next_housekeeping = 0.0
        self._awake_since = 0.0
        self._storage_lost = False
        self._purged_day: int | None = None
        newest_box = outbox.newest("box")
        self._box_day = self._released_day = newest_box.day if newest_box else None
        terms.release.resume(self._released_day)

    def step(self, entry: Input, now: float) -> None:
        """Take one input and do all that it calls for."""
        if isinstance(entry, LinkUp | LinkDown | Acknowledged):
            self._perform(self.sender.step(entry, now), now)
            self._offer(now)
        else:
            self._record(self._recorded(lambda: self.recorder.step(entry, now)), now)
        # When something is kept or leaves must not depend on a pulse, or on a tick for its sake: it may be hidden.
        if isinstance(entry, Pulse) or (isinstance(entry, Tick) and now < self._wake):
            return
        self._awake_since = now
        if now >= self._next_housekeeping:
            self._next_housekeeping = (
                now // HOUSEKEEPING_S + 1
            ) * HOUSEKEEPING_S  # the phase is nobody's either
            self._housekeep(now)
        elif isinstance(entry, Tick):
            self._perform(self.sender.step(entry, now), now)
            self._offer(now)

    def flush(self, now: float) -> None:
        """A log has ended: its last epoch counts, and what left its filters is kept."""
        self._record(self._recorded(lambda: self.recorder.flush(now)), now)
        self._commit(now)

    def finish(self, now: float) -> None:
        """End cleanly: what left its filters is on disk afterwards, and the link is down."""
        self._commit(now)
        self._perform(self.sender.want(False, now), now)

    def wait_s(self, now: float) -> float:
        """How long the loop may wait for an input before the next thing is due."""
        recorder_due = self.recorder.due
        due = self._wake if recorder_due is None else min(self._wake, recorder_due)
        return max(0.0, due - now)

    @property
    def _wake(self) -> float:
        """When the runtime wants a Tick for itself, whatever the recorder waits for."""
        dues = [self._awake_since + IDLE_S]
        if self.sender.due is not None:
            dues.append(self.sender.due)
        if self._pending:
            dues.append(max(self._commit_due, self._next_housekeeping))
        return min(dues)

    @property
    def _commit_due(self) -> float:
        """Early by what passes until the next housekeeping: no record is at risk for longer than agreed."""
        return self._pending_since + self._commit_every_s - HOUSEKEEPING_S

    @property
    def idle(self) -> bool:
        """Whether nothing waits for a release or an acknowledgement."""
        counts = self.outbox.counts()
        return not (self._pending or counts.kept or counts.unsent)

    @property
    def recording(self) -> bool:
        """Whether what happens now may be recorded: under an agreement that has not ended, and on duty."""
        ended = self.now is not None and set(self._terms.leaving(self.now.day)) <= {"box"}
        return self.recorder.recording and not ended

    @property
    def quiet(self) -> bool:
        """Whether everything sealed that may leave has been answered."""
        return self._leaving(1) == []

    @property
    def release_within_s(self) -> float:
        """How long until a release surely took what was ready: 0 where that may be a day."""
        return self._terms.release.within_s

    # Recording.

    def _recorded(self, ask: Callable[[], list[Record]]) -> list[Record]:
        """What the recorder answers. An exception in it stops what it holds, and nothing of it is told."""
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing may leave because of it
            self.counts.faults += 1
            kind = type(error).__name__
        if self.counts.faults > FAULTS_MAX:
            raise RuntimeError(f"recording failed {FAULTS_MAX} times, last with {kind}")
        logger.error("recording failed with %s and starts anew; what it held is dropped", kind)
        port_ready = self.recorder.port_ready
        self.recorder = self._fresh(self._pending)
        self.recorder.port_ready = port_ready
        self.recorder.doubt()  # the fault may have swallowed the crew's switch
        return []

    def _record(self, records: list[Record], now: float) -> None:
        if not records:
            return
        if not self._pending:
            self._pending_since = now
        room = PENDING_RECORDS_MAX - len(self._pending)
        self._pending += records[:room]
        self.counts.dropped += max(0, len(records) - room)

    # Time.

    def _housekeep(self, now: float) -> None:
        self._perform(self.sender.step(Tick(now), now), now)
        self.now = self.recorder.moment(now)
        if self.now is not None:
            self._follow_agreement(self.now, now)
        if self._pending and now >= self._commit_due:
            self._commit(now)
        if (self._acked or self._refused) and now - self._answered_since >= ACKNOWLEDGED_KEPT_S:
            self._commit(now)
        self._offer(now)

    def _follow_agreement(self, moment: Moment, now: float) -> None:
        if self._terms.release.due(moment):
            self._release(moment, now)
        release = self._terms.release
        wanted = release.link_wanted(moment) and (release.closes_stretches or not self.quiet)
        if wanted != (self.sender.state != "off"):
            self._perform(self.sender.want(wanted, now), now)
        if self._purged_day != moment.day:
            self._purge(moment.day)

    def _purge(self, today: int) -> None:
        self._purged_day = today
        keep = self._retention
        self._tried(
            "purged",
            lambda: self.outbox.purge(today, receipt_days=keep.receipt_days, age_days_max=keep.age_days_max),
        )

    # The outbox.

    def _commit(self, now: float, release: Sealed | None = None) -> bool:
        change = release or Sealed([], [], kept(self._pending))
        if not (change.keep or change.seal or change.used or self._acked or self._refused):
            return True
        done = self._keep_storage(
            lambda: self.outbox.commit(
                keep=change.keep,
                seal=change.seal,
                used=change.used,
                acknowledged=self._acked,
                refused=self._refused,
                today=self.now.day if self.now else None,
            )
        )
        self._pending_since = now
        if done:
            self._committed(len(change.seal))
        return done

    def _committed(self, sealed_batches: int) -> None:
        self.counts.commits += 1
        self.counts.committed += len(self._pending)
        self.counts.sealed += sealed_batches
        self._unsent = self._unsent or sealed_batches > 0
        self._pending = []
        self._acked, self._refused = set(), set()

    def _keep_storage(self, act: Callable[[], None]) -> bool:
        try:
            act()
        except OutboxDamaged:
            raise  # a restart sets the file aside and goes on with a new one
        except OutboxLost as error:
            self._lose_storage("written", error)
            return False
        if self._storage_lost:
            logger.info("the outbox can be written again")
        self._storage_lost = False
        return True

    def _tried(self, what: str, ask: Callable[[], Answer]) -> Answer | None:
        """The outbox's answer; None when the disk won't have it for now. Only a commit shows that it is back."""
        try:
            return ask()
        except OutboxDamaged:
            raise
        except OutboxLost as error:
            self._lose_storage(what, error)
            return None

    def _lose_storage(self, done: str, error: OutboxLost) -> None:
        if not self._storage_lost:
            logger.error("the outbox can't be %s (%s); trying again", done, error)
        self._storage_lost = True

    def _release(self, moment: Moment, now: float) -> None:
        release = self._terms.release
        if release.closes_stretches:
            self._record(self._recorded(self.recorder.close), now)
        elif not self.quiet:
            return  # an earlier day's envelopes have not left yet: at most one set leaves in a day
        if self._box_day != moment.day:
            fields = {"date": iso_date(moment.day), **self._box()}
            fields["lost"]["evicted"] += self.counts.dropped
            self._record([Record("box", moment.day, fields)], now)
            self._box_day = moment.day
        change = self._tried("read", lambda: sealed(self._terms, self.outbox, moment.day, self._pending))
        self.counts.dropped += change.unreadable if change else 0
        if change is not None and self._commit(now, change):
            self._released_day = moment.day
        else:
            release.resume(self._released_day)  # not released: try again

    # The link.

    def _offer(self, now: float) -> None:
        if not self._unsent or self.sender.room == 0:
            return
        batches = self._leaving(self.sender.room, self.sender.in_flight)
        if batches is None:
            return
        self._unsent = bool(batches) or bool(self.sender.in_flight)
        self._perform(self.sender.offer(batches, now), now)

    def _leaving(self, limit: int, on_their_way: Collection[Key] = ()) -> list[Batch] | None:
        """Sealed batches without an answer, of streams that may leave today; None when the disk is lost.

        What else was sealed, under an agreement that has ended, stays until it is too old.
        """
        if self.now is None:
            return []
        streams = self._terms.leaving(self.now.day)
        settled = self._acked | self._refused | set(on_their_way)
        while True:
            found = self._tried("read", partial(self.outbox.unsent, limit, settled | self._withheld))
            withheld = {(batch.stream, batch.n) for batch in found or () if batch.stream not in streams}
            if not withheld:
                return found
            self._withheld |= withheld
            limit = max(limit, WITHHELD_STEP)

    def _perform(self, effects: list[Effect], now: float) -> None:
        for effect in effects:
            if isinstance(effect, Publish):
                self._publish(effect, now)
            elif isinstance(effect, Connect):
                self._link.connect(effect.link, effect.broker)
            elif isinstance(effect, Disconnect):
                self._unsent = True
                self._link.disconnect()
            else:
                self._settle(effect, now)

    def _publish(self, effect: Publish, now: float) -> None:
        batch = effect.batch
        key = (batch.stream, batch.n)
        try:
            mid = self._link.publish(self._topic(batch.stream), batch.payload)
        except LinkError:
            self.sender.failed(key, now)
            return
        self.counts.published += 1
        self.sender.published(key, mid, now)

    def _settle(self, effect: Acked | Refused, now: float) -> None:
        if not (self._acked or self._refused):
            self._answered_since = now
        if isinstance(effect, Acked):
            self.counts.acknowledged += 1
            self._acked.add(effect.key)
        else:
            self.counts.refused += 1
            self._refused.add(effect.key)
