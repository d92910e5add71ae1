"""A truck after an outage: what is new first, the backlog behind it, and the day's budget found again."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

from agent.agreement import Agreement
from agent.assembly import assemble
from agent.runtime import Runtime
from agent.sending.sharing import BURST_S, SPENT_NOTE, TRICKLE_S, cost
from agent.wire import decode
from buffer.rows import Batch, Note
from drivers.inputs import Input
from tests.sim.drives import (
    DAY_MS,
    MORNING_MS,
    ON,
    WitnessedOutbox,
    agreement,
    configuration,
    fed,
    outbox,
    ticks,
)
from tests.unit.test_runtime import LossyLink, lap

OUT_S = 1800
PERIOD_S = 60
KEYS = {"brokers": ["mqtt://broker"], "backlog_every": "500 ms", "daily_budget": "none"}


class Timed(LossyLink):
    """A broker that is out of reach until `back_at`, and notes when each payload came."""

    def __init__(self, back_at: float) -> None:
        super().__init__(random.Random(1))
        self.back_at = back_at
        self.came: list[tuple[float, str, int, int]] = []

    def connect(self, link: int, broker: str) -> None:
        self.loss = 1.0 if self.at < self.back_at else 0.0
        super().connect(link, broker)

    def publish(self, topic: str, payload: bytes) -> int:
        heading = decode(payload).heading
        self.came.append((self.at, heading.stream, heading.n, len(payload)))
        return super().publish(topic, payload)


def shared(agreed: Agreement, box: Any, link: Timed, **keys: Any) -> Runtime:
    """A truck whose link has these keys."""
    return assemble(
        configuration(link={**KEYS, **keys}),
        agreed,
        box,
        link,
        chance=random.Random(1),
        duty_override=ON,
        replay=True,
    )


def after_an_outage(box: Any = None, **keys: Any) -> Timed:
    """Half an hour driven without a broker, then half an hour with it."""
    link = Timed(OUT_S)
    runtime = shared(agreement("operations"), box or outbox(), link, **keys)
    fed(runtime, link, lap(2 * OUT_S))
    fed(runtime, link, ticks(2 * OUT_S, 2 * OUT_S + 600, 1.0))
    return link


def old(link: Timed) -> list[tuple[float, str, int, int]]:
    """What came of what was sealed more than two periods before the broker was back."""
    newest = link.came[0][0] // PERIOD_S - 2
    return [one for one in link.came if one[2] <= newest]


def assert_what_is_new_comes_in_its_second(link: Timed) -> None:
    fresh = [
        at
        for at, stream, n, _ in link.came
        if stream == "track" and n > link.came[0][0] // PERIOD_S and at < 2 * OUT_S
    ]
    assert len(fresh) > 10
    assert all(at % PERIOD_S <= 1 for at in fresh)


def test_after_an_outage_the_newest_period_comes_first_then_the_backlog_oldest_first_and_all_of_it() -> None:
    box = outbox()
    link = after_an_outage(box)
    track = [n for _, stream, n, _ in link.came if stream == "track"]
    newest_then = OUT_S // PERIOD_S - 3
    assert track[0] > newest_then
    backlog = [n for n in track if n <= newest_then]
    assert backlog == sorted(backlog)
    assert sorted(track) == list(range(1, box.head("track").n + 1))
    assert box.counts().unsent == 0


def test_the_backlog_comes_at_its_pace_and_what_is_new_comes_in_its_second() -> None:
    link = after_an_outage(backlog_every="5 s")
    by_second: dict[float, int] = {}
    for at, _, _, _ in old(link):
        by_second[at] = by_second.get(at, 0) + 1
    assert max(by_second.values()) <= BURST_S / 5 + 1
    assert len(by_second) > 20
    assert_what_is_new_comes_in_its_second(link)


def test_a_used_up_budget_holds_the_backlog_and_nothing_else() -> None:
    box, spent = outbox(), 60 * 1024
    box.commit(notes={SPENT_NOTE: Note(MORNING_MS // DAY_MS, spent.to_bytes(8))})
    link = after_an_outage(box, daily_budget="64 KiB")
    trickled = []
    for at, stream, n, size in link.came:
        bytes_sent = cost(Batch(stream, n, 0, bytes(size)))
        if (at, stream, n, size) in old(link) and spent + bytes_sent > 64 * 1024:
            trickled.append(at)
        spent += bytes_sent
    assert spent > 64 * 1024
    assert len(trickled) > 1
    assert all(b - a >= TRICKLE_S for a, b in pairwise(trickled))
    assert_what_is_new_comes_in_its_second(link)


def test_the_budget_s_note_rides_with_commits_that_are_made_anyway() -> None:
    with_one, without = WitnessedOutbox(outbox()), WitnessedOutbox(outbox())
    entries: list[Input] = lap(900)
    for box, budget in ((with_one, "1 MiB"), (without, "none")):
        link = Timed(0)
        runtime = shared(agreement("operations"), box, link, daily_budget=budget)
        fed(runtime, link, entries)
    assert len(with_one.commits) == len(without.commits)
    noted = [change["notes"][SPENT_NOTE] for change in with_one.commits if SPENT_NOTE in change["notes"]]
    assert 0 < len(noted) < len(with_one.commits) / 2
    assert not any(SPENT_NOTE in change["notes"] for change in without.commits)
    assert with_one.note(SPENT_NOTE) == noted[-1]


def test_a_restart_goes_on_with_the_day_s_budget() -> None:
    box = outbox()
    after_an_outage(box, daily_budget="64 KiB")
    before = box.note(SPENT_NOTE)
    assert before is not None
    again = shared(agreement("operations"), box, Timed(0), daily_budget="64 KiB")
    assert again._keeping.sharing._spent.note == before


def test_a_daily_truck_writes_no_note_and_knows_no_backlog() -> None:
    box = WitnessedOutbox(outbox())
    link = Timed(0)
    runtime = shared(agreement(), box, link, daily_budget="64 KiB", backlog_every="60 s")
    fed(runtime, link, lap(900))
    fed(runtime, link, ticks(900, 3 * 86_400, 10.0))
    assert len({at for at, *_ in link.came}) <= 8
    assert len(link.came) > 20
    assert not any(SPENT_NOTE in change["notes"] for change in box.commits)
