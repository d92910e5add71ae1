"""The sender against a broker that loses, delays, refuses and kicks, in any order that Hypothesis can think of."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent.sending.holding import SUSPECT_HELD_S_MAX
from agent.sending.sender import Acked, Connect, Disconnect, Effect, Publish, Refused, Sender, SenderLimits
from drivers.inputs import Acknowledged, LinkDown, LinkUp, Tick

LIMITS = SenderLimits(in_flight=4, backoff_s_max=120.0)
FINAL = "Payload format invalid"
FOR_NOW = ["Not authorized", "Quota exceeded", "Unspecified error"]
ENDS = ["connection refused", "Session taken over", "Packet too large", "Not authorized", "Server busy"]
seconds = st.floats(min_value=0.0, max_value=400.0)


class Parcel(NamedTuple):
    stream: str
    n: int
    payload: bytes


class SenderAgainstTheWorld(RuleBasedStateMachine):
    """The runtime's part is played as the runtime plays it; the broker's part is drawn."""

    @initialize(seed=st.integers(0, 2**32), brokers=st.integers(1, 3))
    def begin(self, seed: int, brokers: int) -> None:
        self.sender = Sender([f"mqtt://{n}" for n in range(brokers)], LIMITS, Random(seed))
        self.now = 0.0
        self.wanted = False
        self.link = 0
        self.alive = False  # between Connect and Disconnect or LinkDown
        self.up = False
        self.unanswered: dict[int, tuple[str, int]] = {}
        self.stale: list[tuple[int, int]] = []
        self.next_mid = 0
        self.outbox: dict[tuple[str, int], bytes] = {}
        self.made = 0
        self.refused: set[tuple[str, int]] = set()

    # The world.

    @rule(count=st.integers(1, 6))
    def record(self, count: int) -> None:
        for _ in range(count):
            self.made += 1
            self.outbox["track", self.made] = b"%d" % self.made

    @rule(wanted=st.booleans())
    def want(self, wanted: bool) -> None:
        self.wanted = wanted
        self.perform(self.sender.want(wanted, self.now))
        if not wanted:
            assert (self.sender.state, self.sender.due, self.alive) == ("off", None, False)

    @rule(after_s=seconds)
    def time_passes(self, after_s: float) -> None:
        """Ticks come at `due`, and once at the end, as the runtime gives them."""
        until = self.now + after_s
        for _ in range(100):
            due = self.sender.due
            if due is None or due > until:
                break
            self.now = max(self.now, due)
            self.tick()
        else:
            raise AssertionError("a storm of ticks")
        self.now = until
        self.tick()

    @precondition(lambda self: self.alive and not self.up)
    @rule()
    def broker_accepts(self) -> None:
        self.up = True
        self.perform(self.sender.step(LinkUp(self.now, self.link, "b"), self.now))

    @precondition(lambda self: self.alive)
    @rule(reason=st.sampled_from(ENDS), twice=st.booleans())
    def connection_ends(self, reason: str, twice: bool) -> None:
        self.forget()
        for _ in range(1 + twice):
            self.perform(self.sender.step(LinkDown(self.now, self.link, reason), self.now))
        assert self.sender.due is not None
        assert self.now <= self.sender.due <= self.now + LIMITS.backoff_s_max

    @precondition(lambda self: self.up and self.unanswered)
    @rule(which=st.integers(0, 100), refusal=st.sampled_from([None, None, None, FINAL, *FOR_NOW]))
    def broker_answers(self, which: int, refusal: str | None) -> None:
        mid = sorted(self.unanswered)[which % len(self.unanswered)]
        key = self.unanswered.pop(mid)
        self.stale.append((self.link, mid))
        effects = self.sender.step(Acknowledged(self.now, self.link, mid, refusal), self.now)
        if refusal is None:
            assert effects == [Acked(key)]
        elif refusal == FINAL:
            assert effects == [Refused(key, FINAL)]
        else:
            assert effects == []
        self.perform(effects)

    @precondition(lambda self: self.stale)
    @rule(which=st.integers(0, 100), down=st.booleans())
    def a_dead_connection_speaks(self, which: int, down: bool) -> None:
        link, mid = self.stale[which % len(self.stale)]
        before = (self.sender.state, self.sender.due, self.sender.in_flight)
        entry = LinkDown(self.now, link, "late") if down else Acknowledged(self.now, link, mid, None)
        if down and link == self.link and self.alive:
            return
        assert self.sender.step(entry, self.now) == []
        assert (self.sender.state, self.sender.due, self.sender.in_flight) == before

    @precondition(lambda self: self.up and len(self.outbox) > 1)
    @rule(bad=st.integers(0, 100))
    def one_batch_ends_every_connection(self, bad: int) -> None:
        """Whatever else happened, all others arrive within a few connections."""
        poison = sorted(self.outbox)[bad % len(self.outbox)]
        for _ in range(60):
            if set(self.outbox) <= {poison}:
                break
            if self.alive and not self.up:
                self.broker_accepts()
            self.offer(set())
            while self.unanswered and self.unanswered[min(self.unanswered)] != poison:
                self.broker_answers(0, None)
            if self.unanswered:
                self.connection_ends("closed", False)
            nothing_to_offer = not self.sender.room or set(self.outbox) <= self.sender.in_flight
            if nothing_to_offer and self.sender.due is not None:
                self.time_passes(max(0.0, self.sender.due - self.now))
        assert set(self.outbox) <= {poison}

    @rule(fails=st.sets(st.integers(0, 3)))
    def offer(self, fails: set[int]) -> None:
        everything = [Parcel(*key, payload) for key, payload in self.outbox.items()]
        waiting = len(self.outbox.keys() - self.sender.in_flight)
        room = self.sender.room
        effects = self.sender.offer(everything, self.now)
        assert len(effects) == min(room, waiting)
        for number, effect in enumerate(effects):
            assert isinstance(effect, Publish)
            self.publish(effect, number in fails)

    # The runtime.

    def tick(self) -> None:
        self.perform(self.sender.step(Tick(self.now), self.now))
        assert self.sender.due is None or self.sender.due > self.now

    def perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Connect):
                assert self.wanted
                assert not self.alive
                assert effect.link > self.link
                self.link, self.alive = effect.link, True
            elif isinstance(effect, Disconnect):
                assert self.alive
                assert effect.link == self.link
                self.forget()
            elif isinstance(effect, Acked):
                del self.outbox[effect.key]
            elif isinstance(effect, Refused):
                del self.outbox[effect.key]
                self.refused.add(effect.key)

    def publish(self, effect: Publish, fails: bool) -> None:
        key = (effect.batch.stream, effect.batch.n)
        assert self.up
        assert effect.link == self.link
        assert effect.batch.payload == self.outbox[key]
        assert key not in self.unanswered.values()
        if fails:
            self.sender.failed(key, self.now)
            return
        self.next_mid += 1
        self.unanswered[self.next_mid] = key
        self.sender.published(key, self.next_mid, self.now)

    def forget(self) -> None:
        self.stale += [(self.link, mid) for mid in self.unanswered]
        self.unanswered.clear()
        self.next_mid = 0  # each connection numbers its publishes anew
        self.alive = self.up = False

    # What must hold at every moment.

    @invariant()
    def window_is_kept(self) -> None:
        assert len(self.unanswered) <= LIMITS.in_flight
        assert 0 <= self.sender.room <= LIMITS.in_flight - len(self.unanswered)
        assert self.up or self.sender.room == 0
        assert set(self.unanswered.values()) <= self.sender.in_flight

    @invariant()
    def state_is_the_worlds(self) -> None:
        expected = {"up"} if self.up else {"connecting"} if self.alive else {"waiting", "off"}
        assert self.sender.state in expected
        assert (self.sender.state == "off") is not self.wanted

    @invariant()
    def due_lies_within_reach(self) -> None:
        due = self.sender.due
        assert due is None or due <= self.now + SUSPECT_HELD_S_MAX
        assert not self.alive or self.up or due is not None

    def teardown(self) -> None:
        """In the end the broker behaves, and everything that was not refused for good arrives."""
        if not hasattr(self, "sender"):
            return
        self.want(True)
        for _ in range(200):
            if not self.outbox:
                break
            if self.alive and not self.up:
                self.broker_accepts()
            self.offer(set())
            while self.unanswered:
                self.broker_answers(0, None)
            if self.sender.due is not None:
                self.time_passes(max(0.0, self.sender.due - self.now))
        assert not self.outbox


TestSenderAgainstTheWorld = SenderAgainstTheWorld.TestCase
TestSenderAgainstTheWorld.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
