"""When to connect, what may be on its way, and what an acknowledgement or its absence means. Pure.

The sender knows batches by key (stream, n) and nothing of what is in them. It takes inputs and `now` and
returns effects for the runtime to perform; chance is a random.Random of the caller's. A batch stays in the
outbox until Acked: on a new connection the same bytes are offered again, so nothing here needs to survive a
restart.

The link is judged by acknowledgements within a deadline, never by what a library says about being connected.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple, Protocol

from agent.sending.backoff import KICKS_MAX, Backoff
from agent.sending.holding import HELD_S, Holding
from agent.sending.refusals import Rule, kind_of, rule_for_batch, rule_for_end
from drivers.inputs import Acknowledged, LinkDown, LinkUp, Tick

logger = logging.getLogger(__name__)

KICKED_WITHIN_S = 5.0
PATIENCE_DEADLINES = 5  # a batch may wait this many deadlines while others are being acknowledged
FAILED_PAUSE_S = 1.0
TAKEN_OVER = "Session taken over"

Key = tuple[str, int]


class Batch(Protocol):
    """What the sender sees of an outbox's batch."""

    @property
    def stream(self) -> str:
        """The stream it belongs to."""
        ...

    @property
    def n(self) -> int:
        """Its number within the stream."""
        ...

    @property
    def payload(self) -> bytes:
        """The sealed bytes, the same at every attempt."""
        ...


class Connect(NamedTuple):
    """Begin connection number `link`."""

    link: int
    broker: str


class Disconnect(NamedTuple):
    """End connection number `link`."""

    link: int


class Publish(NamedTuple):
    """Publish `batch` on connection `link`, then call `published`, or `failed` if that raised LinkError."""

    link: int
    batch: Batch


class Acked(NamedTuple):
    """The broker has taken the batch: the outbox may mark it."""

    key: Key


class Refused(NamedTuple):
    """The broker refused the batch for good: the outbox must set it aside, so that the rest goes on."""

    key: Key
    reason: str


Effect = Connect | Disconnect | Publish | Acked | Refused


@dataclass(frozen=True)
class SenderLimits:
    """Bounds of one sender; seconds are of the injected clock.

    `in_flight` batches wait for acknowledgement at most; `acknowledge_within_s` is how long none may come
    while some wait; `stable_after_s` is how long a connection must last before its end counts as a first
    failure again.
    """

    in_flight: int = 20
    acknowledge_within_s: float = 60.0
    connect_within_s: float = 20.0
    backoff_s_first: float = 1.0
    backoff_s_max: float = 300.0
    stable_after_s: float = 60.0


@dataclass
class _Outstanding:
    published_at: float
    mid: int | None = None


class Sender:
    """Connects in turn to `brokers` while wanted, and keeps a bounded window of batches on their way.

    `state` is "off", "connecting", "up" or "waiting".
    """

    def __init__(self, brokers: Sequence[str], limits: SenderLimits, chance: Random) -> None:
        if not brokers:
            raise ValueError("a sender needs at least one broker")
        self.state = "off"
        self._brokers = tuple(brokers)
        self._limits = limits
        self._backoff = Backoff(limits.backoff_s_first, limits.backoff_s_max, len(brokers), chance)
        self._link = 0
        self._turn = 0
        self._since = 0.0  # when the present state began
        self._retry_at = 0.0  # no connection before this
        self._progress_at = 0.0  # last acknowledgement, or the first publish that waits for one
        self._acked_here = False
        self._pause_until: float | None = None
        self._slowdowns = 0
        self._outstanding: dict[Key, _Outstanding] = {}
        self._by_mid: dict[int, Key] = {}
        self._holding = Holding()
        self._careful = False  # one batch at a time: a connection ended with some on their way
        self._ailing_since: float | None = None  # publishing fails although the link is said to be up
        self._complained = False
        self._away_reported: str | None = None
        self._ended_because: str | None = None
        self._refusal: str | None = None
        self._refusal_logged: str | None = None

    # What the runtime asks.

    @property
    def room(self) -> int:
        """How many batches may still be offered now; 0 unless up."""
        if self.state != "up" or self._pause_until is not None:
            return 0
        return max(0, (1 if self._careful else self._limits.in_flight) - len(self._outstanding))

    @property
    def in_flight(self) -> set[Key]:
        """Keys not to offer now: on their way, or held back after the broker refused them for a while."""
        return self._outstanding.keys() | self._holding.keys

    @property
    def outstanding(self) -> set[Key]:
        """Keys on their way."""
        return set(self._outstanding)

    @property
    def trouble(self) -> str | None:
        """In words why the last connection ended, or what is refused on this one; None while all is well."""
        return self._ended_because or (self._refusal and f"batches are refused: {self._refusal}")

    @property
    def broker(self) -> str:
        """The broker of the present connection, or of the next one."""
        return self._brokers[self._turn % len(self._brokers)]

    @property
    def due(self) -> float | None:
        """When the sender next needs a Tick; None when it waits for nothing but inputs."""
        if self.state == "connecting":
            return self._since + self._limits.connect_within_s
        if self.state == "waiting":
            return self._retry_at
        if self.state == "up":
            return min(self._deadlines(), default=None)
        return None

    # What happens to it.

    def want(self, wanted: bool, now: float) -> list[Effect]:
        """Wanted: connect as soon as the back-off allows. Not wanted: disconnect and fall silent."""
        if wanted and self.state == "off":
            self._become("waiting", now)
            return self._tick(now)
        if wanted or self.state == "off":
            return []
        effects = self._drop()
        self._become("off", now)
        return effects

    def step(self, entry: LinkUp | LinkDown | Acknowledged | Tick, now: float) -> list[Effect]:
        """Take one input; those of earlier connections are passed over."""
        if isinstance(entry, Tick):
            return self._tick(now)
        if entry.link != self._link or self.state not in ("connecting", "up"):
            return []
        if isinstance(entry, LinkUp):
            return self._came_up(now)
        if isinstance(entry, LinkDown):
            return self._ended(entry.reason, now)
        return self._answered(entry, now)

    def offer(self, batches: Iterable[Batch], now: float) -> list[Effect]:
        """Publish as many of `batches`, in their order, as there is room; those on their way stay out."""
        effects: list[Effect] = []
        room = self.room
        for batch in batches:
            if len(effects) >= room:
                break
            key = (batch.stream, batch.n)
            if key in self._outstanding or key in self._holding.keys:
                continue
            if not self._outstanding:
                self._progress_at = now
            self._outstanding[key] = _Outstanding(published_at=now)
            effects.append(Publish(self._link, batch))
        return effects

    def published(self, key: Key, mid: int, now: float) -> None:
        """The driver has sent the batch under number `mid`."""
        waiting = self._outstanding.get(key)
        if waiting is None:
            return
        waiting.mid = mid
        waiting.published_at = now
        self._by_mid[mid] = key
        self._ailing_since = None

    def failed(self, key: Key, now: float) -> None:
        """The driver could not send the batch: it stays in the outbox, and the link is given a moment."""
        self._settle(key)
        self._pause_until = max(self._pause_until or 0.0, now + FAILED_PAUSE_S)
        if self._ailing_since is None:
            self._ailing_since = now

    # Connections.

    def _tick(self, now: float) -> list[Effect]:
        if self.state == "waiting" and now >= self._retry_at:
            return self._connect(now)
        if self.state == "connecting" and now >= self._since + self._limits.connect_within_s:
            return self._give_up("no answer in time", now)
        if self.state == "up":
            return self._tend(now)
        return []

    def _connect(self, now: float) -> list[Effect]:
        self._link += 1
        self._become("connecting", now)
        return [Connect(self._link, self.broker)]

    def _came_up(self, now: float) -> list[Effect]:
        if self.state != "connecting":
            return []
        self._become("up", now)
        return self._tend(now)

    def _give_up(self, reason: str, now: float) -> list[Effect]:
        """End a connection that does not answer, as a failure."""
        return [*self._drop(), *self._lost(reason, Rule.RETRY, now)]

    def _drop(self) -> list[Effect]:
        return [Disconnect(self._link)] if self.state in ("connecting", "up") else []

    def _ended(self, reason: str, now: float) -> list[Effect]:
        """The broker has ended this connection, or the network has."""
        rule = rule_for_end(reason, accepted=self.state == "up")
        if reason != TAKEN_OVER and len(self._outstanding) == 1:
            ((key, waiting),) = self._outstanding.items()
            prompt = now - waiting.published_at < KICKED_WITHIN_S
            if prompt and self._holding.ended_behind(key, rule, reason, now):
                self._backoff.explained()
        return self._lost(reason, rule, now)

    def _lost(self, reason: str, rule: Rule, now: float) -> list[Effect]:
        self._count(reason, now)
        self._careful = self._careful or bool(self._outstanding)
        self._turn += 1
        self._retry_at = now + self._backoff.wait_s(rule)
        self._complain(reason, rule)
        self._become("waiting", now)
        return []

    def _complain(self, reason: str, rule: Rule) -> None:
        self._ended_because = reason
        if not self._complained:
            self._complained = True
            logger.warning("the broker is out of reach (%s); trying again until it is back", reason)
        if rule is Rule.LONG_WAIT and reason not in (TAKEN_OVER, self._away_reported):
            self._away_reported = reason
            logger.warning(
                "the broker turns this truck away (%s): it is asked again every few minutes", reason
            )

    def _count(self, reason: str, now: float) -> None:
        """Whether a stable connection has ended, or this was a kick."""
        lasted = now - self._since if self.state == "up" else 0.0
        unanswered = bool(self._outstanding) and not self._acked_here
        if lasted >= self._limits.stable_after_s and not unanswered:
            self._backoff.begin_anew()
        elif reason == TAKEN_OVER:
            self._backoff.kicked(KICKS_MAX)
        elif self.state == "up" and lasted < KICKED_WITHIN_S:
            self._backoff.kicked(1)

    def _become(self, state: str, now: float) -> None:
        self.state = state
        self._since = now
        self._outstanding.clear()
        self._by_mid.clear()
        self._pause_until = None
        self._ailing_since = None
        self._acked_here = False
        self._slowdowns = 0
        self._refusal = self._refusal_logged = None

    # A connection that is up.

    def _deadlines(self) -> list[float]:
        deadlines = [self._holding.due] if self._holding.due is not None else []
        if self._outstanding:
            deadlines.append(self._answer_by())
        if self._pause_until is not None:
            deadlines.append(self._pause_until)
        if self._ailing_since is not None:
            deadlines.append(self._ailing_since + self._limits.acknowledge_within_s)
        if self._complained:
            deadlines.append(self._since + self._limits.stable_after_s)
        return deadlines

    def _answer_by(self) -> float:
        """When silence becomes the link's fault: since the last progress, or for one batch passed over."""
        within = self._limits.acknowledge_within_s
        oldest = next(iter(self._outstanding.values())).published_at
        return min(self._progress_at + within, oldest + within * PATIENCE_DEADLINES)

    def _tend(self, now: float) -> list[Effect]:
        if self._outstanding and now >= self._answer_by():
            return self._give_up("no acknowledgement in time", now)
        if self._ailing_since is not None and now >= self._ailing_since + self._limits.acknowledge_within_s:
            return self._give_up("nothing could be sent", now)
        if self._pause_until is not None and now >= self._pause_until:
            self._pause_until = None
        self._holding.release(now)
        if now >= self._since + self._limits.stable_after_s:
            self._note_back()
        return []

    def _answered(self, entry: Acknowledged, now: float) -> list[Effect]:
        key = self._by_mid.get(entry.mid)
        if key is None:
            return []
        self._settle(key)
        self._progress_at = now
        self._acked_here = True
        self._careful = False
        self._holding.answered(key)
        if entry.refusal is None:
            self._slowdowns = 0
            self._note_back()
            self._note_taken()
            return [Acked(key)]
        return self._turned_down(key, entry.refusal, now)

    def _turned_down(self, key: Key, reason: str, now: float) -> list[Effect]:
        if self._refusal_logged != kind_of(reason):
            self._refusal_logged = kind_of(reason)
            logger.warning("the broker refused batch %d of %s (%s)", key[1], key[0], reason)
        self._refusal = reason
        rule = rule_for_batch(reason)
        if rule is Rule.QUARANTINE:
            return [Refused(key, reason)]
        if rule is Rule.LATER and self._holding.hold(key, now + HELD_S):
            return []
        self._slowdowns += 1
        self._pause_until = now + self._backoff.pause_s(self._slowdowns)
        return []

    def _settle(self, key: Key) -> None:
        waiting = self._outstanding.pop(key, None)
        if waiting is not None and waiting.mid is not None:
            self._by_mid.pop(waiting.mid, None)

    def _note_back(self) -> None:
        self._ended_because = self._away_reported = None
        if self._complained:
            self._complained = False
            logger.info("the broker is back")

    def _note_taken(self) -> None:
        """Batches are taken again, and none waits any more because it was refused for a while."""
        if self._refusal and not self._holding.keys and rule_for_batch(self._refusal) is not Rule.QUARANTINE:
            self._refusal = None
