"""Word from the city moves nothing but what was published before, on a connection that is there anyway."""

from __future__ import annotations

import random

import pytest

from agent.agreement import Agreement
from agent.release import SLOT_S, lane_of
from agent.replaying import wait
from agent.runtime import Runtime
from agent.sending.custody import Series, encode
from agent.sending.resending import LISTEN_S, LOOK_EVERY_S
from buffer.outbox import Outbox
from drivers.inputs import Delivered, Tick
from tests.sim.drives import ON as ON_DUTY
from tests.sim.drives import Spot, Witness, agreement, epochs, fed, outbox, straight, truck

AWAY = Spot(10_000, 0)
BEGINS_H = 9


class Speaking(Witness):
    """A broker of paper that has kept a word for the truck, and tells it to each connection."""

    def __init__(self) -> None:
        super().__init__()
        self.word: bytes | None = None

    def connect(self, link: int, broker: str) -> None:
        super().connect(link, broker)
        if self.word is not None:
            self.answers.append(Delivered(self.at, link, "t", self.word, retained=True))

    def say(self, word: bytes) -> None:
        """Now, on the connection that is up."""
        self.answers.append(Delivered(self.at, self._link, "t", word))

    def what(self, since: int = 0) -> list[str]:
        return [one[0] for one in self.seen[since:]]


class Day:
    """A truck that was away from everything, over an outbox that is looked into, in steps of its own asking."""

    def __init__(self, agreed: Agreement | None = None) -> None:
        self.box: Outbox = outbox()
        self.link = Speaking()
        self.runtime: Runtime = truck(agreed or agreement(), self.box, self.link)
        fed(self.runtime, self.link, epochs([AWAY] * 4))

    def until(self, hour: float) -> None:
        wait(self.runtime, self.link, (hour - BEGINS_H) * 3600 - self.link.at)

    def go_on(self, seconds: float) -> None:
        """As the loop does: a tick whenever the runtime wants one."""
        end = self.link.at + seconds
        while self.link.at < end:
            now = min(end, self.link.at + max(0.001, self.runtime.wait_s(self.link.at)))
            fed(self.runtime, self.link, [Tick(now)])

    def asks(self, stream: str, missing: tuple[int, int]) -> bytes:
        known = {stream: Series(missing[0] - 1, 2**50, (missing,))}
        return encode({self.box.epoch(stream): known})

    def payloads(self, since: int = 0) -> list[bytes]:
        return [one.payload for one in self.link.published[since:]]


@pytest.fixture
def day() -> Day:
    return Day()


def test_R20_a_connection_ends_at_a_fixed_time_behind_its_last_acknowledgement(day: Day) -> None:
    day.until(15.0)
    day.go_on(30.0)
    times = {one[0]: one[1] for one in day.link.seen}
    assert times["disconnect"] == pytest.approx(times["publish"] + LISTEN_S, abs=0.01)


def test_the_fleet_s_connection_listens_to_nobody(day: Day) -> None:
    day.until(15.25)
    day.go_on(1.0)
    assert day.link.what()[-1] == "disconnect"
    assert day.link.published[-1].topic.endswith("/harsh_braking")


def test_in_a_slot_what_is_missing_goes_again_byte_for_byte(day: Day) -> None:
    day.until(20.0)
    first = list(day.link.published)
    assert first
    day.link.word = day.asks("box", (1, 1))
    day.until(24 + 4.0)
    day.go_on(30.0)
    again = [
        one for one in day.link.published[len(first) :] if one.payload in {each.payload for each in first}
    ]
    box = [each for each in first if each.topic.endswith("/box")]
    assert [(one.topic, one.payload) for one in again] == [(each.topic, each.payload) for each in box]
    assert day.link.what()[-1] == "disconnect"
    assert day.runtime.quiet


def test_a_word_asks_for_no_connection_and_holds_none_beyond_the_slot(day: Day) -> None:
    day.until(15.0)
    day.go_on(1.0)
    for second in range(SLOT_S + 60):
        day.link.say(day.asks("track", (1, 1 + second)))
        day.go_on(1.0)
    ended = next(one[1] for one in day.link.seen if one[0] == "disconnect")
    assert ended <= (15 - BEGINS_H) * 3600 + SLOT_S + 1
    before = len(day.link.seen)
    day.link.say(day.asks("track", (1, 9)))
    day.go_on(60.0)
    assert day.link.seen[before:] == []


def test_a_hostile_word_changes_no_commit_and_no_count_of_what_is_kept(day: Day) -> None:
    quiet = Day()
    for one, words in (
        (day, [b"", b"x" * 9_000, day.asks("track", (1, 2**40)), day.asks("harsh_braking", (1, 9))]),
        (quiet, []),
    ):
        one.until(15.0)
        one.go_on(1.0)
        for word in words:
            one.link.say(word)
            one.go_on(LOOK_EVERY_S)
        one.until(24 + 5.0)
    assert day.box.counts() == quiet.box.counts()
    assert day.runtime.counts.commits == quiet.runtime.counts.commits
    once = list(dict.fromkeys(day.payloads()))
    assert once == quiet.payloads()
    assert [lane_of(one.topic.rpartition("/")[2]) for one in day.link.published].count("fleet") == sum(
        lane_of(one.topic.rpartition("/")[2]) == "fleet" for one in quiet.link.published
    )


def test_under_a_timed_release_what_is_missing_goes_at_once() -> None:
    day = Day(agreement("operations"))
    runtime, link = truck(agreement("operations"), day.box, day.link, ON_DUTY), day.link
    link.at = 0.0
    fed(runtime, link, epochs(straight(6_000.0, -3_000.0), 10.0))
    runtime.finish(link.at)
    sent = [one for one in link.published if one.topic.endswith("/live")]
    assert len(sent) > 2
    runtime = truck(agreement("operations"), day.box, link, ON_DUTY)
    before = len(link.published)
    link.word = day.asks("live", (2, 3))
    fed(runtime, link, epochs([AWAY] * 8, link.at + 10.0))
    assert {one.payload for one in link.published[before:]} >= {one.payload for one in sent[1:3]}


@pytest.mark.parametrize("seed", range(3))
def test_without_word_from_anybody_nothing_goes_twice(seed: int) -> None:
    day = Day()
    day.until(24 + 24 * random.Random(seed).random())
    payloads = day.payloads()
    assert len(payloads) == len(set(payloads)) > 0
