"""The loop: one thread that owns the recorder, the outbox and the link, and performs what they decide.

Inputs come in one at a time and time is an argument, so the same `step` serves the truck, the replay and the
simulation. What the recorder lets through is kept on disk within `commit_every_s`; a release seals it into
batches; the sender carries sealed batches to the broker. Acknowledgements ride with the next commit.

A call for help waits for nothing: it is sealed in the step in which it is made, and has the link to itself where
nothing else may leave.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import TypeVar

from agent.agreement import Agreement
from agent.in_force import Build, InForce
from agent.keeping import CHECKPOINT_NOTE, HOUSEKEEPING_S, Counts, Keeping, Key
from agent.recording.recorder import Recorder
from agent.records import Record, iso_date
from agent.release import LANES, Lane, lane_of
from agent.sealing import AT_ONCE, Terms, sealed
from agent.sending.calling import Calling
from agent.sending.carrying import Carrying, Pipe
from agent.sending.offering import Offering
from agent.sending.sender import Sender
from agent.sending.sharing import Sharing
from agent.service_day import Moment
from agent.standing import Standing, Unusable
from buffer.outbox import Note, Outbox
from drivers.inputs import Acknowledged, Delivered, Input, LinkDown, LinkUp, Pulse, Tick

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

IDLE_S = 5.0  # between looks at the time when nothing comes in
LOOK_S = 60.0  # between looks at the agreement's file
FAULTS_MAX = 100


class Runtime:
    """Performs one truck's recording and sending, one input at a time.

    `look` tells what the agreement's file holds when that has changed, else None. `renewals` counts how often
    another agreement has come into force. `slot_due` is when a slot begins or ends next, None while no date is known.
    """

    def __init__(
        self,
        *,
        standing: Standing,
        build: Build,
        sender: Sender,
        outbox: Outbox,
        link: Pipe,
        topic: Callable[[str], str],
        commit_every_s: float,
        sharing: Sharing,
        look: Callable[[], Agreement | Unusable | None] = lambda: None,
    ) -> None:
        self.standing = standing
        self.counts = Counts()
        self.renewals = 0
        self.now: Moment | None = None
        self.slot_due: float | None = None
        self._slot_known_at = 0.0
        self._build = build
        self._look = look
        self._next_look = 0.0
        self._keeping = Keeping(outbox, self.counts, commit_every_s, self._checkpoint, sharing)
        self._carrying = Carrying(sender, link, topic, self.counts, self._settled)
        checkpoint = outbox.note(CHECKPOINT_NOTE)
        self._resumed = checkpoint.body if checkpoint else None  # until the date tells which agreement counts
        self._in_force = build(standing.on(None), resumed=self._resumed)
        self._next_housekeeping = 0.0
        self._awake_since = 0.0
        self._day: int | None = None
        newest_box = outbox.newest("box")
        self._box_day = newest_box.day if newest_box else None
        self._released = {lane: note.day for lane in LANES if (note := outbox.note(_left(lane)))}
        self._calls = Calling(self._keeping, self._terms)
        self._offering = Offering(self._calls, self._keeping, self._carrying)
        self._resume_release()

    @property
    def agreement(self) -> Agreement | None:
        """The agreement that counts now."""
        return self._in_force.agreement

    @property
    def recorder(self) -> Recorder:
        """The half that records."""
        return self._in_force.recorder

    @property
    def sender(self) -> Sender:
        """Decides when to connect and what is on its way."""
        return self._carrying.sender

    @property
    def outbox(self) -> Outbox:
        """What is on disk."""
        return self._keeping.outbox

    @property
    def _terms(self) -> Terms:
        return self._in_force.terms

    def step(self, entry: Input, now: float) -> None:
        """Take one input and do all that it calls for."""
        if isinstance(entry, LinkUp | LinkDown | Acknowledged | Delivered):
            self._offering.take(entry, now)
            self._offer(now)
        else:
            self._record(entry, now)
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
            self._carrying.step(entry, now)
            self._offer(now)

    def flush(self, now: float) -> None:
        """A log has ended: its last epoch counts, what left its filters is kept, and the truck is parked."""
        self._keeping.add(self._recorded(lambda: self.recorder.flush(now)), now)
        self.recorder.park()
        self._commit(now)

    def finish(self, now: float) -> None:
        """End cleanly: what left its filters is on disk afterwards, and the link is down."""
        self._commit(now)
        self._carrying.want(False, now)

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
        if self._keeping.due is not None:
            dues.append(max(self._keeping.due, self._next_housekeeping))
        if self.slot_due is not None:
            dues.append(max(self.slot_due, self._next_housekeeping))
        if self._offering.again.due is not None and not self._terms.release.connected:
            dues.append(self._offering.again.due)
        if self._checkpoint_due:  # power may go with the ignition
            dues.append(self._next_housekeeping)
        return min(dues)

    @property
    def _checkpoint_due(self) -> bool:
        """Whether the way that is held back is worth a commit of its own."""
        near = self._keeping.release_is_near(self._awake_since)
        return not self._keeping.retrying and self.recorder.checkpoint_due(release_is_near=near)

    @property
    def idle(self) -> bool:
        """Whether nothing waits for a release or an acknowledgement."""
        counts = self.outbox.counts()
        return not (self._keeping.pending or counts.kept or counts.unsent)

    @property
    def recording(self) -> bool:
        """Whether what happens now may be recorded: under an agreement that has not ended, and on duty."""
        ended = set(self._terms.leaving(self.now.day if self.now else None)) <= {"box"}
        return self.recorder.recording and not ended

    @property
    def ailing(self) -> bool:
        """Whether the truck can't do its work until someone has looked after it."""
        lines = self._in_force.duty.at_fault or self.recorder.help_at_fault
        return self.agreement is None or self._keeping.storage_lost or lines

    @property
    def quiet(self) -> bool:
        """Whether everything sealed that may leave has been answered."""
        return self.now is None or self._left_all(self._terms.leaving(self.now.day))

    @property
    def release_within_s(self) -> float:
        """How long until a release surely took what was ready: 0 where that may be a day."""
        return self._terms.release.within_s

    # Recording.

    def _record(self, entry: Input, now: float) -> None:
        records = self._recorded(lambda: self.recorder.step(entry, now))
        calls = [record for record in records if record.stream == AT_ONCE]
        records = [record for record in records if record.stream != AT_ONCE]
        moment = self.recorder.moment(now) if self.recorder.on_duty else None
        if moment is not None and self.standing.begins(moment.day):
            records = self._begin_duty(moment.day, records)
        self._keeping.add(records, now)
        if calls:
            self._call(calls, now)

    def _call(self, records: list[Record], now: float) -> None:
        """Calls for help are sealed and sent in this step."""
        if self._calls.seal(records, self._terms, self.now.day if self.now else None, now):
            self._carrying.stale = True
            self._offer(now)

    def _recorded(self, ask: Callable[[], list[Record]]) -> list[Record]:
        """The records that the recorder answers with."""
        return self._guarded(ask) or []

    def _guarded(self, ask: Callable[[], Answer]) -> Answer | None:
        """What the recorder answers. An exception in it stops what it holds, and nothing of it is told."""
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing may leave because of it
            self.counts.faults += 1
            kind = type(error).__name__
        if self.counts.faults > FAULTS_MAX:
            raise RuntimeError(f"recording failed {FAULTS_MAX} times, last with {kind}")
        logger.error("recording failed with %s and starts anew; what it held is dropped", kind)
        self._in_force = self._in_force._replace(recorder=self._built(self.agreement, failed=True).recorder)
        self.recorder.doubt()  # the fault may have swallowed the crew's switch
        return None

    def _built(
        self, agreement: Agreement | None, *, failed: bool = False, resumed: bytes | None = None
    ) -> InForce:
        """Fresh parts, which know of the receiver what the present ones do."""
        fresh = self._build(agreement, pending=self._keeping.pending, resumed=resumed)
        fresh.recorder.follow(self.recorder, failed=failed)
        return fresh

    def _checkpoint(self) -> Note | None:
        made = self._guarded(self.recorder.checkpoint)
        return Note(*made) if made else None

    # The agreement.

    def _begin_duty(self, day: int, records: list[Record]) -> list[Record]:
        """The day's first moment on duty: what may be kept of the records that were made until then."""
        changed = self.standing.begin_duty(day)
        if changed:
            records += self._recorded(lambda: self.recorder.day_over(day))
            records = [record for record in records if record.day < day]
            self._renew(day)
        self._keeping.note(self.standing.notes())
        return records

    def _renew(self, day: int | None) -> None:
        """Another agreement counts from here on. What the recorder held is dropped."""
        agreement = self.standing.on(day)
        if agreement is self.agreement:
            return
        self.renewals += 1
        self._in_force, self.slot_due = self._built(agreement, resumed=self._resumed), None
        self._resume_release()
        self._carrying.stale = True
        if AT_ONCE not in self._terms.leaving(day):
            self._calls.drop()

    def _resume_release(self) -> None:
        for lane in LANES:
            self._terms.release.resume(lane, self._released.get(lane))

    def _look_at_file(self, now: float) -> None:
        if now < self._next_look:
            return
        self._next_look = now + LOOK_S
        found = self._look()
        if found is not None and self.standing.look(found):  # all is to stop, or nothing was in force yet
            self._keeping.pending = [record for record in self._keeping.pending if record.stream == "box"]
            self._renew(self.now.day if self.now else None)
        self._keeping.note(self.standing.notes())

    # Time.

    def _housekeep(self, now: float) -> None:
        self.now = self._guarded(lambda: self.recorder.moment(now))
        self._carrying.want(self._is_wanted(self._open_streams), now)  # a slot may have ended meanwhile
        self._carrying.step(Tick(now), now)
        self._look_at_file(now)
        self._keeping.sharing.follow(self.now.day if self.now else None, self._terms.release)
        if self.now is not None:
            if self._day != self.now.day:
                self._begin_day(self.now.day, now)
            self._release_due(self.now, now)
        if self._keeping.is_due(now) or self._guarded(lambda: self._checkpoint_due):
            self._commit(now)
        self._keeping.commit_notes(now, self.now.day if self.now else None)
        self._call([], now)
        self._offer(now)
        if self.now is None:
            self.slot_due = None
        elif self.slot_due is None or now >= min(self.slot_due, self._slot_known_at + LOOK_S):
            self._slot_known_at = now
            self.slot_due = now + self._terms.release.change_s(self.now)

    def _begin_day(self, day: int, now: float) -> None:
        self._day = day
        self._keeping.add(self._recorded(lambda: self.recorder.day_over(day)), now)
        self._renew(day)
        self._resumed = None
        self.standing.warn(day)
        self._keeping.note(self.standing.notes())
        self._keeping.purge(day, self._in_force.retention)

    @property
    def _silent(self) -> bool:
        """Whether duty has begun on this service day, under a release that is silent from then on."""
        return (
            self._terms.release.silent_on_duty
            and self.now is not None
            and not self.standing.begins(self.now.day)
        )

    def _release_due(self, moment: Moment, now: float) -> None:
        if not self._silent:
            for lane in self._terms.release.due(moment):
                self._release(lane, moment, now)

    def _release(self, lane: Lane, moment: Moment, now: float) -> None:
        release = self._terms.release
        notes: dict[str, Note | None] = {}
        if release.closes(lane):
            self._keeping.add(self._recorded(self.recorder.close), now)
        else:
            notes = {_left(lane): Note(moment.day, b"")}
        behind = [] if release.connected else self._keeping.leaving(self._streams_of({lane}) - {AT_ONCE}, 1)
        if behind is None:
            release.resume(lane, self._released.get(lane))  # the disk can't be read: try again
            return
        if behind:
            self._released[lane] = moment.day
            self._keeping.note(notes)  # an earlier day's envelopes leave now: at most one set does in a day
            return
        if lane == lane_of("box"):
            self._tell_of_box(moment, now)
        pending = self._keeping.pending
        done = self._keeping.commit(
            now,
            moment.day,
            lambda: sealed(self._terms, self.outbox, moment, pending, lane),
            notes=notes,
        )
        if done is None:
            release.resume(lane, self._released.get(lane))  # not released: try again
            return
        if release.closes(lane):
            self._keeping.closed_at = now
        self._carrying.stale = self._carrying.stale or bool(done.seal)
        self._released[lane] = moment.day

    def _tell_of_box(self, moment: Moment, now: float) -> None:
        if self._box_day == moment.day:
            return
        fields = {"date": iso_date(moment.day), **self._in_force.box(moment.day)}
        self._keeping.storage.tell(fields)
        self._keeping.add([Record("box", moment.day, fields)], now)
        self._box_day = moment.day

    def _commit(self, now: float) -> None:
        self._keeping.commit(now, self.now.day if self.now else None)

    # The link.

    def _offer(self, now: float) -> None:
        streams = self._open_streams
        self._offering.follow(now)
        self._carrying.want(self._is_wanted(streams), now)
        self._offering.step(streams, now)

    def _is_wanted(self, streams: Collection[str]) -> bool:
        """Whether there is to be a connection: for help always, else by the release, while these streams may leave."""
        if self._calls:
            return True
        if self._terms.release.connected:  # and it stays so when the date is lost for a while
            return self.now is not None or self.sender.state != "off"
        listening = self._offering.again.listening and lane_of("box") in map(lane_of, streams)
        return listening or (bool(streams) and not self._left_all(streams))

    @property
    def _open_streams(self) -> frozenset[str]:
        """The streams of which batches may leave at this moment."""
        if self.now is None or self._silent:
            return frozenset()
        return self._streams_of(self._terms.release.open(self.now))

    def _streams_of(self, lanes: frozenset[Lane] | set[Lane]) -> frozenset[str]:
        leaving = self._terms.leaving(self.now.day if self.now else None)
        return frozenset(stream for stream in leaving if lane_of(stream) in lanes)

    def _left_all(self, streams: Collection[str]) -> bool:
        """Whether every sealed batch of these streams has been answered; False while the disk is lost."""
        return self._keeping.leaving(streams, 1) == []

    def _settled(self, key: Key, refused: bool, now: float) -> None:
        self._offering.settled(key, refused, now)


def _left(lane: Lane) -> str:
    """The note that tells on which day a lane was last released."""
    return f"left_{lane}"
