"""The city's end: keep before acknowledging, drop repeats, put aside what cannot be read, come back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner
from rich.console import Console
from rich.live import Live

from agent import wire
from agent.__main__ import main
from agent.city import receiver as receiving
from agent.city.receiver import Connected, Receiver, Unreadable, read
from agent.cli import receive as receive_command
from buffer.received import Received, ReceivedStore
from drivers.clock import Clock
from drivers.inputs import Delivered, LinkDown, LinkUp
from drivers.mqtt import LinkError

VECTORS = json.loads((Path(__file__).parent / "wire-vectors.json").read_text("ascii"))
PAYLOADS = {vector["name"]: bytes.fromhex(vector["payload_hex"]) for vector in VECTORS}
TRACK, EMPTY = PAYLOADS["track, filled"], PAYLOADS["track, empty"]
BRAKING = PAYLOADS["harsh_braking, filled"]
HELP, HELP_BEFORE_FIX = PAYLOADS["help, filled"], PAYLOADS["help before the first fix"]
BIG = wire.encode(*wire.decode(TRACK), 65_536)  # more than the free pages of a new store
TOPIC = "fairhaul/v1/north/truck-007/track"
FLEET_TOPIC = "fairhaul/v1/north/harsh_braking"
STATE_TOPIC = "fairhaul/v1/north/truck-007/state"
HELP_TOPIC = "fairhaul/v1/north/truck-007/help"


class Longest(Random):
    """Chance that always draws the longest wait."""

    def uniform(self, a: float, b: float) -> float:
        return b


class RecordedLine:
    """Notes what the receiver asks of a subscription. It delivers nothing and never fails unless `gone`."""

    def __init__(self) -> None:
        self.connected: list[tuple[int, str, tuple[str, ...]]] = []
        self.published: list[tuple[str, bytes, bool]] = []
        self.acknowledged: list[tuple[int, int]] = []
        self.hung_up = 0
        self.gone = False

    def connect(self, link: int, broker: str, topics: Sequence[str]) -> None:
        self.connected.append((link, broker, tuple(topics)))

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        if self.gone:
            raise LinkError("not connected")
        self.published.append((topic, payload, retain))
        return len(self.published)

    def acknowledge(self, link: int, mid: int) -> None:
        if self.gone:
            raise LinkError("not connected")
        self.acknowledged.append((link, mid))

    def disconnect(self) -> None:
        self.hung_up += 1


class City:
    """A receiver over a store in memory and a recorded line, connected at 0."""

    def __init__(self, fleet: str = "+") -> None:
        self.store = ReceivedStore.open(None)
        self.line = RecordedLine()
        self.said: list[str] = []
        self.alarmed: list[str] = []
        self.receiver = Receiver(
            self.store,
            self.line,
            ["mqtt://city"],
            fleet,
            chance=Longest(),
            say=self.said.append,
            alarm=self.alarmed.append,
        )
        self.receiver.start(0.0)
        self.receiver.step([LinkUp(0.0, 1, "mqtt://city")], 0.0)
        self._mid = 0

    def deliver(self, *messages: tuple[str, bytes], now: float = 1.0, link: int = 1) -> None:
        entries = []
        for topic, payload in messages:
            self._mid += 1
            entries.append(Delivered(now, link, topic, payload, self._mid))
        self.receiver.step(entries, now)


@pytest.fixture
def city():
    city = City()
    yield city
    city.store.close()


# One message.


def test_vehicle_comes_from_the_topic():
    batch = read(TOPIC, TRACK)
    assert isinstance(batch, Received)
    assert (batch.vehicle, batch.stream, batch.epoch, batch.n) == (
        "truck-007",
        "track",
        "0123456789abcdef",
        2,
    )
    assert batch.sha256 == wire.digest(TRACK)
    assert batch.records == next(v["records"] for v in VECTORS if v["name"] == "track, filled")


def test_harsh_braking_has_no_vehicle():
    batch = read(FLEET_TOPIC, BRAKING)
    assert isinstance(batch, Received)
    assert batch.vehicle == ""


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_every_vector_is_a_batch_on_its_topic(vector):
    stream = vector["heading"]["stream"]
    topic = FLEET_TOPIC if stream == "harsh_braking" else f"fairhaul/v1/north/truck-007/{stream}"
    assert isinstance(read(topic, bytes.fromhex(vector["payload_hex"])), Received)


@pytest.mark.parametrize(
    ("payload", "state"),
    [
        (b'{"v":1,"state":"online"}', "online"),
        (b'{"v":1,"state":"lost"}', "lost"),
        (b'{"v":1,"state":"offline"}', "offline"),
        (b'{"v":2,"state":"online"}', None),
        (b"whatever", None),
        (b"", None),
    ],
)
def test_truck_says_whether_it_is_connected(payload, state):
    assert read(STATE_TOPIC, payload) == Connected("truck-007", state)


@pytest.mark.parametrize(
    ("topic", "payload", "why"),
    [
        (TOPIC, b"", "cut short, or with bytes behind its end"),
        (TOPIC, b"$GPRMC", "not a zlib stream"),
        ("fairhaul/v1/north/truck-007/stops", TRACK, "track inside, which does not belong on this topic"),
        (TOPIC, BRAKING, "harsh_braking inside, which does not belong on this topic"),
        ("fairhaul/v1/north/truck-007/harsh_braking", BRAKING, "harsh_braking inside"),
        ("fairhaul/v1/north/track", TRACK, "a topic of no batch"),
        ("fairhaul/v1/north/truck-007/track/more", TRACK, "a topic of no batch"),
        ("fairhaul/v1/north", TRACK, "a topic of no batch"),
        ("fairhaul/v1/north//track", TRACK, "a topic of no batch"),
        ("fairhaul/v1/north/truck\x1b[2J/track", TRACK, "a topic of no batch"),
        ("fairhaul/v1/north/" + "a" * 33 + "/track", TRACK, "a topic of no batch"),
        ("fairhaul/v2/north/truck-007/track", TRACK, "a topic of no batch"),
    ],
)
def test_message_that_is_no_batch_is_unreadable_in_words(topic, payload, why):
    unreadable = read(topic, payload)
    assert isinstance(unreadable, Unreadable)
    assert unreadable.reason.startswith(why)


def test_names_of_the_longest_length_are_read():
    assert isinstance(read(f"fairhaul/v1/{'f' * 32}/{'v' * 32}/track", TRACK), Received)


def test_endless_topic_is_kept_cut():
    unreadable = read("fairhaul/v1/" + "x" * 60_000, b"")
    assert isinstance(unreadable, Unreadable)
    assert len(unreadable.topic) == receiving.TOPIC_CHARACTERS_MAX


# Keeping.


def test_batch_is_kept_and_then_acknowledged(city):
    city.deliver((TOPIC, TRACK), (FLEET_TOPIC, BRAKING))
    assert [(total.vehicle, total.stream, total.records) for total in city.store.totals()] == [
        ("", "harsh_braking", 3),
        ("truck-007", "track", 3),
    ]
    assert city.line.acknowledged == [(1, 1), (1, 2)]


def test_repeat_is_dropped_counted_and_acknowledged(city):
    city.deliver((TOPIC, TRACK), (TOPIC, TRACK))
    city.deliver((TOPIC, TRACK), now=2.0)
    tally = city.receiver.tallies["truck-007"]
    assert (tally.batches, tally.records, tally.repeats) == (1, 3, 2)
    assert len(list(city.store.records())) == 3
    assert len(city.line.acknowledged) == 3


def test_same_payload_from_two_vehicles_is_two_batches(city):
    city.deliver((TOPIC, TRACK), (TOPIC.replace("007", "008"), TRACK))
    assert {total.vehicle for total in city.store.totals()} == {"truck-007", "truck-008"}


def test_unreadable_message_is_put_aside_and_acknowledged(city):
    city.deliver((TOPIC, b"noise"), (TOPIC, TRACK), (FLEET_TOPIC, TRACK))
    assert city.receiver.unreadable == city.store.quarantined() == 2
    assert len(city.line.acknowledged) == 3
    assert city.store.totals()[0].batches == 1


def test_state_is_shown_acknowledged_and_not_stored(city):
    for state in ("online", "lost", "online", "offline"):
        city.deliver((STATE_TOPIC, b'{"v":1,"state":"%s"}' % state.encode()))
        assert city.receiver.tallies["truck-007"].state == state
    assert len(city.line.acknowledged) == 4
    assert (city.store.totals(), city.store.quarantined()) == ([], 0)


def test_state_in_words_of_a_later_release_is_passed_over(city):
    city.deliver((STATE_TOPIC, b"on"))
    assert city.line.acknowledged == [(1, 1)]
    assert city.receiver.tallies == {}
    assert (city.store.totals(), city.store.quarantined()) == ([], 0)


# Help.

RAISED = "HELP: truck-007 calls for help, at 2026-11-21T09:15:02Z, at 40.00123, -4.00456"


def test_call_for_help_is_said_at_once_with_its_place(city):
    city.deliver((HELP_TOPIC, HELP))
    assert city.alarmed == [
        RAISED,
        "HELP: truck-007 still calls for help, at 2026-11-21T09:15:32Z, at 40.00127, -4.00450",
        "Help no longer needed: truck-007 has cleared its call, at 2026-11-21T09:18:40Z, at 40.00127, -4.00450",
    ]
    assert city.store.totals()[0].records == 3


def test_call_before_the_first_fix_is_said_without_a_place(city):
    city.deliver((HELP_TOPIC, HELP_BEFORE_FIX))
    assert city.alarmed[0] == (
        "HELP: truck-007 calls for help, at a time that the truck does not know, place not known (no GNSS fix yet)"
    )
    assert city.alarmed[1].endswith("at 2026-11-21T09:15:32Z, place not known (no GNSS fix yet)")


def test_repeated_call_is_said_once_even_by_a_receiver_that_was_restarted(city):
    city.deliver((HELP_TOPIC, HELP), (HELP_TOPIC, HELP))
    city.deliver((HELP_TOPIC, HELP), now=2.0)
    again = Receiver(
        city.store,
        city.line,
        ["mqtt://city"],
        "+",
        chance=Longest(),
        say=city.said.append,
        alarm=city.alarmed.append,
    )
    again.step([Delivered(3.0, 1, HELP_TOPIC, HELP, 9)], 3.0)
    assert city.alarmed.count(RAISED) == 1


def test_call_is_said_once_although_the_store_is_full(city):
    limit_pages(city.store, 1)
    city.deliver((HELP_TOPIC, HELP), (TOPIC, BIG))
    city.deliver((HELP_TOPIC, HELP), (TOPIC, BIG), now=2.0)
    assert city.alarmed.count(RAISED) == 1
    assert city.line.acknowledged == []


def test_call_that_cannot_be_read_is_said_once_and_put_aside(city):
    city.deliver((HELP_TOPIC, b"noise"), (HELP_TOPIC, b"noise"), (TOPIC, b"noise"), (HELP_TOPIC, TRACK))
    unread = "HELP: truck-007 calls for help in a message that can't be read; it is put aside in the store"
    assert city.alarmed == [unread, unread]  # of two that differ
    assert city.store.quarantined() == 4


def test_same_call_of_two_trucks_is_said_for_each(city):
    city.deliver((HELP_TOPIC, HELP), (HELP_TOPIC.replace("007", "008"), HELP))
    assert [sentence for sentence in city.alarmed if "truck-008 calls" in sentence]


@pytest.mark.parametrize(("calls", "said_twice"), [(2, False), (3, True)])
def test_calls_past_the_limit_are_forgotten_oldest_first(city, monkeypatch, calls, said_twice):
    monkeypatch.setattr(receiving, "CALLS_KNOWN_MAX", 2)
    limit_pages(city.store, 1)
    for number in [*range(1, calls + 1), 1]:
        batch = wire.Heading(
            "help", "0123456789abcdef", number, wire.NO_PREVIOUS, wire.decode(HELP).heading.agreement
        )
        city.deliver((HELP_TOPIC, wire.encode(batch, [{"state": "raised"}] * 2, 512)), (TOPIC, BIG))
    assert len(city.alarmed) == 2 * (calls + said_twice)


def test_kept_batch_stays_kept_when_the_connection_is_gone_before_its_acknowledgement(city):
    city.line.gone = True
    city.deliver((TOPIC, TRACK))
    assert city.store.totals()[0].batches == 1
    city.line.gone = False
    city.deliver((TOPIC, TRACK), now=2.0, link=1)
    assert city.receiver.tallies["truck-007"].repeats == 1


def limit_pages(store: ReceivedStore, pages: int) -> None:
    """A disk that is full: SQLite itself refuses to grow the file."""
    store._db.execute(f"PRAGMA max_page_count = {pages}")


def test_lost_store_hangs_up_without_acknowledging_and_says_so_once(city):
    limit_pages(city.store, 1)
    city.deliver((TOPIC, EMPTY), (TOPIC, BIG))
    city.deliver((TOPIC, BIG), now=2.0)
    assert city.line.acknowledged == []
    assert city.line.hung_up == 2
    assert sum("can't be written" in sentence for sentence in city.said) == 1
    assert city.store.totals() == []


def test_store_that_is_back_is_told_once_and_nothing_was_lost(city):
    limit_pages(city.store, 1)
    city.deliver((TOPIC, BIG))
    limit_pages(city.store, 1_000_000)
    city.deliver((TOPIC, BIG), now=3.0)
    city.deliver((TOPIC, EMPTY), now=4.0)
    assert sum("can be written again" in sentence for sentence in city.said) == 1
    assert city.store.totals()[0].batches == 2
    assert len(city.line.acknowledged) == 2


def test_vehicles_past_the_limit_are_counted_together(city, monkeypatch):
    monkeypatch.setattr(receiving, "VEHICLES_MAX", 2)
    for number in (1, 2, 3, 4):
        city.deliver((f"fairhaul/v1/north/truck-{number}/track", TRACK))
    assert {name: tally.batches for name, tally in city.receiver.tallies.items()} == {
        "truck-1": 1,
        "truck-2": 1,
        receiving.ELSEWHERE: 2,
    }
    assert len(city.store.totals()) == 4


# The connection.


def test_first_connection_asks_for_all_fleets_or_one():
    assert City().line.connected == [(1, "mqtt://city", ("fairhaul/v1/+/#",))]
    assert City("north").line.connected[0][2] == ("fairhaul/v1/north/#",)


def test_lost_connection_is_told_once_and_tried_again_with_longer_waits(city):
    now, waits = 100.0, []
    for link in range(1, 12):
        city.receiver.step([LinkDown(now, link, "gone")], now)
        assert not city.receiver.up
        waits.append(round(city.receiver._due - now, 3))
        now = city.receiver._due
        city.receiver.step([], now)
    assert waits[:4] == [0.2, 0.4, 0.8, 1.6]
    assert waits[-1] == receiving.BACKOFF_S_MAX
    assert [link for link, _, _ in city.line.connected] == list(range(1, 13))
    assert sum("no connection (gone)" in sentence for sentence in city.said) == 1


def test_connection_that_came_back_is_told(city):
    city.receiver.step([LinkDown(1.0, 1, "gone")], 1.0)
    city.receiver.step([], 2.0)
    city.receiver.step([LinkUp(2.5, 2, "mqtt://city")], 2.5)
    assert city.said == ["connected", "no connection (gone); trying again", "connected"]


@pytest.mark.parametrize(("lasted_s", "wait_s"), [(29.9, 0.4), (30.0, 0.2)])
def test_failures_are_forgiven_only_after_a_stable_connection(city, lasted_s, wait_s):
    city.receiver.step([LinkDown(0.0, 1, "gone")], 0.0)
    city.receiver.step([], 1.0)
    city.receiver.step([LinkUp(1.0, 2, "mqtt://city")], 1.0)
    end = 1.0 + lasted_s
    city.receiver.step([LinkDown(end, 2, "gone")], end)
    assert city.receiver._due == pytest.approx(end + wait_s)


def test_short_connections_in_a_row_are_told_once_and_together(city):
    now = 0.0
    for link in range(1, 8):
        now += 1.0
        city.receiver.step([LinkDown(now, link, "closed")], now)
        now += 10.0
        city.receiver.step([], now)
        city.receiver.step([LinkUp(now, link + 1, "mqtt://city")], now)
    hint = "connections end soon after they begin: does another receiver use the same client id?"
    assert city.said.count(hint) == 1
    assert city.said[-1] == hint
    assert city.said.count("connected") == receiving.SHORT_CONNECTIONS_MAX
    now += receiving.STABLE_S
    city.receiver.step([LinkDown(now, 8, "closed")], now)
    assert city.said[-1] == "no connection (closed); trying again"


def test_what_an_earlier_connection_still_says_is_passed_over(city):
    city.receiver.step([LinkDown(1.0, 1, "gone")], 1.0)
    city.receiver.step([], 2.0)
    city.receiver.step([LinkUp(2.0, 2, "mqtt://city"), LinkDown(2.0, 1, "gone again")], 2.0)
    assert city.receiver.up


def test_dropped_messages_make_it_hang_up(city):
    city.receiver.doubt()
    assert city.line.hung_up == 1


def test_it_waits_for_the_next_attempt_and_no_longer(city):
    assert city.receiver.wait_s(0.0) == receiving.WAIT_S
    city.receiver.step([LinkDown(1.0, 1, "gone")], 1.0)
    assert city.receiver.wait_s(1.15) == pytest.approx(0.05)
    assert city.receiver.wait_s(9.0) == 0.0


def test_no_sentence_holds_a_position(city):
    limit_pages(city.store, 1)
    city.deliver((TOPIC, TRACK), (TOPIC, b"40.00123"), (HELP_TOPIC, HELP))
    city.receiver.step([LinkDown(1.0, 1, "gone")], 1.0)
    assert not any("40.0" in sentence or "4.004" in sentence for sentence in city.said)


# The command, as far as it goes without a broker.


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--broker", "city.example"], "--broker city.example: not an address of the form mqtt://host:port"),
        (["--broker", "mqtt://me:secret@city"], "a broker's address holds no user name or password"),
        (["--broker", "mqtt://city", "--fleet", "north/#"], "--fleet north/#: 1 to 32 of a-z, 0-9 and -"),
    ],
)
def test_bad_usage_is_one_sentence_and_exit_status_2(tmp_path, arguments, sentence):
    result = CliRunner().invoke(main, ["receive", "--store", str(tmp_path / "f.db"), *arguments])
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert not (tmp_path / "f.db").exists()


def test_store_that_is_something_else_is_left_alone_and_exit_status_1(tmp_path):
    other = tmp_path / "f.db"
    other.write_bytes(b"a letter to the mayor" * 100)
    result = CliRunner().invoke(main, ["receive", "--store", str(other), "--broker", "mqtt://city"])
    assert result.exit_code == 1
    assert result.stderr
    assert other.read_bytes() == b"a letter to the mayor" * 100


def test_a_call_for_help_stands_on_stderr(capfd):
    with receive_command._board(Clock()) as board:
        board.alarm(RAISED)
    assert capfd.readouterr() == ("", RAISED + "\n")


def test_a_call_for_help_rings_and_stands_out_on_a_terminal():
    with Live(console=Console(file=StringIO(), force_terminal=True, width=120), auto_refresh=False) as live:
        receive_command.Board(Clock(), live).alarm(RAISED)
        shown = live.console.file.getvalue()
    assert "\a" in shown
    assert f" {RAISED} " in shown
    assert "\x1b[1;37;41m" in shown


def test_no_option_asks_for_a_driver():
    help_text = CliRunner().invoke(main, ["receive", "--help"]).stdout.lower()
    assert "driver" not in help_text
    assert "crew" not in help_text


def rotating(*brokers: str) -> tuple[Receiver, RecordedLine, list[str]]:
    """A receiver with several brokers, at its first connection."""
    line, said = RecordedLine(), []
    store = ReceivedStore.open(None)
    receiver = Receiver(store, line, brokers, "+", chance=Longest(), say=said.append, alarm=said.append)
    receiver.start(0.0)
    return receiver, line, said


def test_nodes_of_a_cluster_take_turns():
    receiver, line, _ = rotating("mqtt://a", "mqtt://b", "mqtt://c")
    receiver.step([LinkDown(0.0, 1, "connection refused")], 0.0)
    receiver.step([], 1.0)
    receiver.step([LinkUp(1.0, 2, "mqtt://b")], 1.0)
    receiver.step([LinkDown(50.0, 2, "the connection ended")], 50.0)
    receiver.step([], 51.0)
    receiver.step([LinkDown(51.0, 3, "connection refused")], 51.0)
    receiver.step([], 52.0)
    assert [broker for _, broker, _ in line.connected] == ["mqtt://a", "mqtt://b", "mqtt://c", "mqtt://a"]


def test_a_node_that_takes_the_connection_and_grants_nothing_is_left_for_the_next():
    receiver, line, said = rotating("mqtt://a", "mqtt://b")
    receiver.step([], receiving.ANSWER_WITHIN_S - 0.1)
    assert line.hung_up == 0
    receiver.step([], receiving.ANSWER_WITHIN_S)
    assert line.hung_up == 1
    receiver.step([LinkDown(30.0, 1, "closed by this end")], receiving.ANSWER_WITHIN_S)
    receiver.step([], receiving.ANSWER_WITHIN_S + 1)
    assert [broker for _, broker, _ in line.connected] == ["mqtt://a", "mqtt://b"]
    assert said == ["no connection (no answer in time); trying again"]


def test_a_node_that_delivers_what_it_kept_before_it_grants_the_topics_is_waited_for():
    receiver, line, _ = rotating("mqtt://a", "mqtt://b")
    for now in (20.0, 40.0, 60.0):
        receiver.step([Delivered(now, 1, TOPIC, TRACK, 1)], now)
    assert line.hung_up == 0
    assert len(line.connected) == 1
