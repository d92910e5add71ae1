"""What has to hold in every world, looked at while it runs and when it has ended."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from agent.agreement import Agreement
from agent.agreement.promises import HELD_SPARE_DAYS
from agent.keeping import PENDING_RECORDS_MAX
from agent.release import SLOT_S, lane_of
from agent.runtime import Runtime
from agent.sealing import AT_ONCE
from agent.sending.calling import CALLS_MAX
from agent.topics import FLEET_STREAMS
from agent.wire import digest
from buffer.reading import REMEMBERED_MAX
from tests.soak.broker import Line
from tests.soak.ledger import Broken, Sealed
from tests.soak.lines import Lines
from tests.soak.truck import DAY_S, agreed

if TYPE_CHECKING:
    from tests.soak.world import World

HOUR_S = 3600
ATTEMPTS_AN_HOUR_MAX = 60
TICKS_AN_HOUR_MAX = 1_500
HOT_S = 0.001
HOT_A_MINUTE_MAX = 60
OUTSIDE_S_MAX = 10.0
CLOCK_S = 2.0
SETTLES_WITHIN_S = 5 * DAY_S
RETENTION_DAYS = 5
AGE_DAYS = 4
HELD_DAYS = 1
IN_FLIGHT_MAX = 20 + 64


class _WatchedLink:
    """The truck's link, with an eye on what is asked of it."""

    def __init__(self, line: Line, rules: Rules) -> None:
        self._line = line
        self._rules = rules

    def connect(self, link: int, broker: str) -> None:
        """Begun, if it may be."""
        self._rules.connecting()
        self._line.connect(link, broker)

    def publish(self, topic: str, payload: bytes) -> int:
        """Sent, if it may be."""
        mid = self._line.publish(topic, payload)
        self._rules.published(topic, payload)
        return mid

    def disconnect(self) -> None:
        """Ended."""
        self._line.gone()


class Rules:
    """The rules of one world. Each raises Broken. `healed_s` is when the faults ended, None while they go on."""

    def __init__(self, world: World) -> None:
        self.agreement: Agreement = agreed(world.daily, brakings=world.brakings, days=RETENTION_DAYS)
        self.lines = Lines()
        self.healed_s: float | None = None
        self.healed_lost: Counter[str] = Counter()
        self.card_was_ill = False
        self.misled_until_s = 0.0  # the truck may be wrong about the time
        self.renewed_until_s = 0.0  # a new outbox knows nothing of what left today
        self.die_at_publish: int | None = None
        self.checked: Counter[str] = Counter()
        self._world = world
        self._runtime: Runtime | None = None
        self._attempts: Counter[int] = Counter()
        self._ticks: Counter[int] = Counter()
        self._hot: Counter[int] = Counter()
        self._published: set[bytes] = set()
        self._today: Counter[tuple[int, str]] = Counter()
        self._outside_since: float | None = None
        self._looked_day = 0
        self._receipts: set[bytes] = set()  # when the world ended
        release = self.agreement.file.release
        self._slots_s = {
            "truck": [60 * each for each in getattr(release, "slots", ())],
            "fleet": [60 * each for each in release.fleet_slots],
        }

    @property
    def _silent(self) -> bool:
        """Whether there is nothing outside of slots: under a daily release, and without an agreement."""
        return self._runtime is not None and (self._world.daily or self._runtime.agreement is None)

    # What the world tells.

    def watched_link(self, line: Line) -> _WatchedLink:
        """The link for the runtime."""
        return _WatchedLink(line, self)

    def began(self, runtime: Runtime) -> None:
        """A life begins."""
        self._runtime = runtime
        self.card_was_ill = self._world.card.trouble is not None
        self._outside_since = None
        keeping, ledger, world = runtime._keeping, self._world.ledger, self._world
        add, renew = keeping.add, runtime._renew

        def added(records: Any, now: float) -> None:
            ledger.emitted(records, world.s)
            before = runtime.counts.dropped
            add(records, now)
            if runtime.counts.dropped > before:
                ledger.dropped(runtime.counts.dropped - before)

        def renewed(day: int | None) -> None:
            renew(day)
            ledger.withdrawn(keeping.pending)

        keeping.add = added  # type: ignore[method-assign]
        runtime._renew = renewed  # type: ignore[method-assign]
        self._chain()

    def died(self, why: str) -> None:
        """A life has ended."""
        self.lines.check()
        self.lines.died()
        self._runtime = None

    def heal(self) -> None:
        """From here on nothing goes wrong, and the world ends when all has arrived."""
        world = self._world
        self.healed_s = world.s
        world.card.trouble = world.card.cut_in = None
        world.link.covered, world.link.swallows, world.link.mute = True, False, False
        world.link.late_s, world.link.twice = 0.0, False
        world.broker.up, world.broker.refusal, world.broker.refuse_once = True, None, None
        world.broker.kick_after_s = self.die_at_publish = None
        world.gnss.plugged, world.gnss.stale = True, 0
        world.paper = self.agreement
        self.healed_lost = Counter(world.ledger.file_lost)

    # Timers.

    def waited(self, wait_s: float) -> None:
        """The loop waits for an input."""
        world = self._world
        hour, minute = int(world.s // HOUR_S), int(world.s // 60)
        if not world.inputs:
            self._ticks[hour] += 1
            self._hot[minute] += wait_s <= HOT_S
        if self._ticks[hour] > TICKS_AN_HOUR_MAX or self._hot[minute] > HOT_A_MINUTE_MAX:
            raise Broken(
                f"a storm of timers: {self._ticks[hour]} in an hour, {self._hot[minute]} in a minute"
            )
        if self._runtime is not None:
            self._look_at_link(self._runtime)

    # The link.

    def _moment(self) -> tuple[int, float] | None:
        """What time it is: the truth, or what the truck believes where something misled it."""
        world = self._world
        if self._runtime is None:
            return None
        believed = self._runtime.recorder.moment(world.at)
        if believed is None:
            return None
        off_s = (believed.day - world.day) * DAY_S + believed.second - world.second
        if abs(off_s) <= CLOCK_S:
            self.misled_until_s = min(self.misled_until_s, world.s + DAY_S)
            return world.day, world.second
        if world.s > self.misled_until_s:
            raise Broken(f"the truck's time is {off_s:.0f} s off, and nothing misled it")
        return believed.day, float(believed.second)

    def _open(self, lane: str) -> bool:
        moment = self._moment()
        if moment is None:
            return False
        lost = self._runtime is not None and self._runtime.agreement is None
        slots_s = (range(0, DAY_S, HOUR_S) if lane == "truck" else ()) if lost else self._slots_s[lane]
        return any(start - CLOCK_S <= moment[1] < start + SLOT_S + CLOCK_S for start in slots_s)

    def _look_at_link(self, runtime: Runtime) -> None:
        world = self._world
        off = runtime.sender.state == "off" or not self._silent or world.ledger.calling
        if off or self._open("truck") or self._open("fleet"):
            self._outside_since = None
        elif self._outside_since is None:
            self._outside_since = world.s
        elif world.s - self._outside_since > OUTSIDE_S_MAX and world.s - world.woke_s > OUTSIDE_S_MAX:
            raise Broken(f"the link is {runtime.sender.state} outside of a slot")

    def connecting(self) -> None:
        """A connection is about to begin."""
        world = self._world
        hour = int(world.s // HOUR_S)
        self._attempts[hour] += not world.ledger.calling  # a call connects for each of its records
        if self._attempts[hour] > ATTEMPTS_AN_HOUR_MAX:
            raise Broken(f"{self._attempts[hour]} attempts to connect in an hour")
        if self._silent and not (self._open("truck") or self._open("fleet") or world.ledger.calling):
            raise Broken("a connection outside of all slots")

    def published(self, topic: str, payload: bytes) -> None:
        """A batch was handed to the link."""
        world = self._world
        sealed = world.ledger.by_payload.get(payload)
        if sealed is None:
            raise Broken(f"published on {topic}, and never committed")
        stream = sealed.stream
        lane = lane_of(stream)
        if stream != AT_ONCE and (self._silent or lane == "fleet") and not self._open(lane):
            raise Broken(f"a batch of {stream} left outside of its slots")
        if payload not in self._published:
            self._published.add(payload)
            self._count(stream)
        self.checked["publishes"] += 1
        if self.die_at_publish is not None:
            self.die_at_publish -= 1
            if self.die_at_publish <= 0:
                self.die_at_publish = None
                world.happened["killed at a publish"] += 1
                world.die("kill", 5.0)

    def _count(self, stream: str) -> None:
        world = self._world
        if not self._silent or stream == AT_ONCE or world.s < max(self.misled_until_s, self.renewed_until_s):
            return
        envelopes = getattr(self.agreement.file.release, "envelopes", {}).get(stream, 1)
        self._today[world.day, stream] += 1
        if self._today[world.day, stream] > envelopes:
            raise Broken(f"more than a day's envelopes of {stream} left in one day")

    # Bounds, retention, receipts.

    def status(self, status: dict[str, Any]) -> None:
        """The loop tells its status."""
        self.lines.check()
        if status["since_start"]["faults"]:
            raise Broken("the recording half failed")
        runtime, world = self._runtime, self._world
        if runtime is None:
            return
        self.card_was_ill = self.card_was_ill or world.card.trouble is not None
        self._bounded(runtime)
        moment, now = self._moment(), runtime.now
        housekept = moment is not None and now is not None and now.day == moment[0]
        if housekept and moment is not None and moment[0] != self._looked_day and moment[1] > 600:
            self._looked_day = moment[0]
            if not self.card_was_ill:
                self._retained(moment[0])
            self.card_was_ill = world.card.trouble is not None
            self._chain()
            world.ledger.balance()
        if self.healed_s is not None:
            self._may_end()

    def _bounded(self, runtime: Runtime) -> None:
        sender, keeping = runtime.sender, runtime._keeping
        sizes = {
            "records that wait": (len(keeping.pending), PENDING_RECORDS_MAX),
            "batches on their way or held back": (len(sender.in_flight), IN_FLIGHT_MAX),
            "batches looked up": (len(runtime.outbox._ids), REMEMBERED_MAX),
            "calls": (len(runtime._calls.keys), CALLS_MAX),
            "answers that wait": (len(keeping._acked) + len(keeping._refused), 2_000),
        }
        for name, (size, most) in sizes.items():
            if size > most:
                raise Broken(f"{size} {name}, at most {most}")

    @property
    def _age_days(self) -> int:
        """How old what was not sent may grow; where no agreement is in force nothing is held for a month."""
        held = self._world.brakings and self._runtime is not None and self._runtime.agreement is not None
        return max(AGE_DAYS, HELD_DAYS + HELD_SPARE_DAYS) if held else AGE_DAYS

    def oldest_day(self) -> int:
        """The first day of which nothing may expire yet."""
        return self._world.day - self._age_days

    @property
    def slots_s(self) -> list[float]:
        """When slots begin, in seconds of the day."""
        return [float(each) for slots in self._slots_s.values() for each in slots]

    def _retained(self, today: int) -> None:
        receipt_days = min(RETENTION_DAYS, AGE_DAYS)
        rows = self._world.card.rows("SELECT state, since, day FROM batch WHERE state != 'x'")
        rows += self._world.card.rows("SELECT 'k', day, day FROM kept WHERE state = 'k'")
        for state, since, day in rows:
            oldest = today - (receipt_days if state in "ar" else self._age_days)
            if (since if state in "ar" else day) < oldest:
                raise Broken(f"a row in state {state} of day {since} is still there on day {today}")
        self.checked["rows for retention"] += len(rows)

    def _chain(self) -> None:
        """The receipts' chain and its gaps: every number from 1 on is there or said to be gone."""
        world = self._world
        rows = world.card.rows("SELECT stream, n, payload FROM batch WHERE state != 'x' ORDER BY stream, n")
        gaps = world.card.rows("SELECT stream, first_n, last_n FROM gap")
        there = {(stream, n): payload for stream, n, payload in rows}
        gone = {(stream, n) for stream, first, last in gaps for n in range(first, last + 1)}
        for (stream, n), payload in there.items():
            behind, known = there.get((stream, n - 1)), world.ledger.known(stream, n)
            if known is None or known.payload != payload:
                raise Broken(f"receipt {n} of {stream} is not what was sealed")
            if (
                behind is not None
                and stream not in FLEET_STREAMS
                and not digest(behind).startswith(known.prev)
            ):
                raise Broken(f"receipt {n} of {stream} does not name the one before")
        for stream in {stream for stream, _ in there}:
            newest = max(n for of, n in there if of == stream)
            missing = [n for n in range(1, newest) if (stream, n) not in there and (stream, n) not in gone]
            if missing:
                raise Broken(f"receipts {missing[:5]} of {stream} are gone without a gap")
        self.checked["receipts"] += len(rows)

    # The end.

    def _may_end(self) -> None:
        world, ledger = self._world, self._world.ledger
        since_s = world.s - (self.healed_s or 0.0)
        waiting = sum(len(session.waiting) for session in world.broker.sessions.values())
        if since_s > 1.5 * DAY_S and not ledger.unsent and not waiting:
            rows = world.card.rows("SELECT payload FROM batch WHERE state != 'x'")
            self._receipts = {payload for (payload,) in rows}
            world.over = True
            world.stop()
        elif since_s > SETTLES_WITHIN_S:
            raise Broken(f"{ledger.unsent} batches on the truck and {waiting} at the broker still wait")

    def ended(self) -> None:
        """All that arrived, and all that did not."""
        world, ledger = self._world, self._world.ledger
        ledger.balance()
        arrived = {(each.stream, each.epoch, each.n): each.sha256 for each in world.store.batches()}
        for key, sha256 in arrived.items():
            if key not in ledger.sealed or digest(ledger.sealed[key].payload) != sha256:
                raise Broken(f"{key} arrived, and was never sealed so")
        if world.store.conflicts() or world.store.quarantined():
            raise Broken("the city has batches that contradict one another or can't be read")
        forgotten = {message.payload for message in world.broker.lost}
        for key, sealed in ledger.sealed.items():
            if key not in arrived and not self._said_lost(sealed, forgotten):
                raise Broken(f"{key} never arrived, and nobody said so")
        self._gaps(forgotten)
        self._box_said_so()

    def _said_lost(self, sealed: Sealed, forgotten: set[bytes]) -> bool:
        """Whether it is counted as lost, or a broker forgot it and the truck has no receipt to send again from."""
        if sealed.payload in self._world.ledger.gone_batches:
            return True
        again = sealed.stream not in FLEET_STREAMS and sealed.payload in self._receipts
        return sealed.payload in forgotten and not again

    def _gaps(self, forgotten: set[bytes]) -> None:
        ledger = self._world.ledger
        for total in self._world.store.totals():
            for n in total.missing:
                sealed = ledger.sealed.get((total.stream, total.epoch, n))
                if sealed is None or not self._said_lost(sealed, forgotten):
                    raise Broken(f"number {n} of {total.stream} is missing at the city without a reason")

    def _box_said_so(self) -> None:
        """The newest status that arrived counts at least what was lost when the faults ended."""
        told = [record["lost"] for record in self._world.store.records("box")]
        for kind in ("evicted", "expired", "refused"):
            if not told or told[-1][kind] < self.healed_lost[kind]:
                raise Broken(f"the box tells of {told[-1:]}, {dict(self.healed_lost)} were lost")
