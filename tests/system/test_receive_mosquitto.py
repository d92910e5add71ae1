"""`fairhaul receive` as a process against apt's mosquitto: nothing lost, nothing twice, whatever dies."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import wire
from agent.wire import AgreementReference, Heading
from buffer.received import ReceivedStore
from drivers.clock import Clock
from drivers.inbox import Inbox
from drivers.inputs import Acknowledged, LinkUp
from drivers.mqtt import Link, LinkOptions
from tests.system.certificates import Authority
from tests.system.city import WAIT_S, City, end, end_all
from tests.system.mosquitto import OPEN, Mosquitto

LASTING = (
    f"{OPEN}\npersistence true\nautosave_interval 1\nautosave_on_changes true\nmax_queued_messages 100000"
)
AGREEMENT = AgreementReference("routes-and-safety", 1, "5e" * 32)
TOPIC = "fairhaul/v1/north/truck-007/day"


def payload(n: int, stream: str = "day") -> bytes:
    """Batch `n` with one record in it."""
    if stream == "harsh_braking":
        place = {"latitude_deg": 40.00123, "longitude_deg": -4.00456}
        record = {"month": "2026-11", **place, "severity": "hard", "corroborated": "yes"}
    else:
        record = {"date": "2026-11-21", "distance_m": 1000 + n, "running_s": 600, "stretches": n}
    return wire.encode(Heading(stream, "0123456789abcdef", n, wire.NO_PREVIOUS, AGREEMENT), [record], 512)


class Truck:
    """Publishes and waits for every acknowledgement."""

    def __init__(self, url: str, options: LinkOptions = LinkOptions(client_id="truck")) -> None:  # noqa: B008
        self._inbox, clock = Inbox(), Clock()
        self._link = Link(options, self._inbox.post, clock.at)
        self._link.connect(1, url)
        assert isinstance(self._inbox.take(WAIT_S), LinkUp)

    def publish(self, *messages: tuple[str, bytes]) -> None:
        for topic, body in messages:
            self._link.publish(topic, body)
            assert isinstance(self._inbox.take(WAIT_S), Acknowledged)

    def close(self) -> None:
        self._link.close()


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    yield
    end_all()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path, LASTING) as running:
        yield running


@pytest.fixture
def city(tmp_path: Path, broker: Mosquitto) -> City:
    return City(tmp_path, broker.url)


def test_what_was_published_while_the_receiver_was_away_arrives_once(city, broker):
    assert end(city.start()) == 0
    truck = Truck(broker.url)
    truck.publish(*((TOPIC, payload(n)) for n in range(1, 201)))
    truck.publish(*((TOPIC, payload(n)) for n in range(1, 11)))
    truck.close()
    assert city.run("--until-idle", "1") == 0
    assert city.numbers() == list(range(1, 201))
    assert "received 200 batches with 200 records; 10 repeats dropped, 0 unreadable" in city.said()
    assert "truck-007: 200 batches, 200 records, 10 repeats" in city.said()


def test_acknowledged_batches_are_not_delivered_again(city, broker):
    process = city.start()
    truck = Truck(broker.url)
    truck.publish(*((TOPIC, payload(n)) for n in range(1, 31)))
    city.until(lambda: len(city.numbers()) == 30)
    assert end(process, signal.SIGINT) == 0
    truck.close()
    assert city.run("--until-idle", "1") == 0
    assert "received 0 batches with 0 records; 0 repeats dropped" in city.said()


def test_receiver_killed_in_mid_stream_loses_nothing(city, broker):
    process = city.start()
    truck = Truck(broker.url)
    truck.publish(*((TOPIC, payload(n)) for n in range(1, 101)))
    city.until(lambda: len(city.numbers()) > 5)
    assert end(process, signal.SIGKILL) == -signal.SIGKILL
    truck.publish(*((TOPIC, payload(n)) for n in range(101, 201)))
    truck.close()
    assert city.run("--until-idle", "1") == 0
    assert sorted(city.numbers()) == list(range(1, 201))


def test_broker_that_stops_and_returns_loses_nothing_that_it_kept(city, broker):
    process = city.start()
    truck = Truck(broker.url)
    truck.publish(*((TOPIC, payload(n)) for n in range(1, 51)))
    truck.close()
    broker.stop()
    city.until(lambda: "no connection" in city.said())
    broker.start()
    truck = Truck(broker.url)
    truck.publish(*((TOPIC, payload(n)) for n in range(51, 101)))
    truck.close()
    city.until(lambda: len(city.numbers()) == 100)
    assert end(process) == 0
    assert sorted(city.numbers()) == list(range(1, 101))
    assert city.said().count("no connection") == 1


def test_export_and_what_is_put_aside(city, broker, tmp_path):
    process = city.start("--export", str(tmp_path / "out"))
    truck = Truck(broker.url)
    truck.publish(
        (TOPIC, payload(1)),
        (TOPIC, payload(3)),
        ("fairhaul/v1/north/harsh_braking", payload(1, "harsh_braking")),
        (TOPIC, b"noise"),
        ("fairhaul/v1/north/truck-007/live", payload(4)),
        ("fairhaul/v1/north/truck-007/state", b"on"),
        ("elsewhere/v1/north/truck-007/day", payload(5)),
    )
    truck.close()
    city.until(lambda: len(city.numbers()) == 3)
    assert end(process) == 0
    lines = [json.loads(line) for line in (tmp_path / "out" / "records.ndjson").read_text().splitlines()]
    assert [(line["stream"], line.get("vehicle"), line["n"]) for line in lines] == [
        ("day", "truck-007", 1),
        ("day", "truck-007", 3),
        ("harsh_braking", None, 1),
    ]
    features = json.loads((tmp_path / "out" / "records.geojson").read_text())["features"]
    assert [feature["geometry"]["coordinates"] for feature in features] == [[-4.00456, 40.00123]]
    assert "2 unreadable put aside" in city.said()
    assert "truck-007, day: 1 missing: 2\n" in city.said()
    assert "(whole fleet), harsh_braking: complete\n" in city.said()


def test_call_for_help_is_said_while_the_receiver_runs_and_the_state_at_its_end(city, broker):
    process = city.start()
    options = LinkOptions(client_id="truck", state_topic="fairhaul/v1/north/truck-007/state")
    truck = Truck(broker.url, options)
    heading = Heading("help", "0123456789abcdef", 1, wire.NO_PREVIOUS, AGREEMENT)
    truck.publish(("fairhaul/v1/north/truck-007/help", wire.encode(heading, [{"state": "raised"}], 512)))
    city.until(lambda: "HELP: truck-007 calls for help, " in city.said())
    truck.close()
    another = Truck(broker.url)  # the goodbye reaches the broker before what this one publishes
    another.publish((TOPIC, payload(2)))
    another.close()
    city.until(lambda: city.numbers() == [1, 2])
    assert end(process) == 0
    assert "truck-007: 2 batches, 2 records, 0 repeats, last offline" in city.said()


def test_one_fleet_hears_nothing_of_another(tmp_path, broker):
    city = City(tmp_path, broker.url, "--fleet", "north")
    process = city.start()
    truck = Truck(broker.url)
    truck.publish((TOPIC.replace("north", "south"), payload(1)), (TOPIC, payload(2)))
    truck.close()
    city.until(lambda: city.numbers() != [])
    assert end(process) == 0
    assert city.numbers() == [2]


def test_broker_that_is_not_there_is_told_and_gives_exit_status_1(tmp_path):
    city = City(tmp_path, "mqtt://127.0.0.1:1")
    assert city.run("--for", "1") == 1
    assert city.said().startswith("no connection (connection refused); trying again\n")


def test_wrong_password_is_told_without_showing_it(tmp_path):
    (tmp_path / "users").write_text("")
    with Mosquitto(tmp_path, f"password_file {tmp_path}/users\nallow_anonymous false") as broker:
        secret = tmp_path / "secret"
        secret.write_text("open sesame\n")
        city = City(tmp_path, broker.url, "--username", "city", "--password-file", str(secret))
        assert city.run("--for", "2") == 1
    assert "no connection (Not authorized)" in city.said()
    assert "sesame" not in city.said()


def test_certificates_at_both_ends(tmp_path):
    authority = Authority(tmp_path)
    broker_files = authority.issue("broker", "127.0.0.1")
    certificate, key = authority.issue("city")
    settings = (
        f"allow_anonymous true\ncafile {authority.file}\ncertfile {broker_files[0]}\nkeyfile {broker_files[1]}\n"
        "require_certificate true"
    )
    with Mosquitto(tmp_path, settings, scheme="mqtts") as broker:
        login = ("--ca-file", authority.file, "--certificate-file", certificate, "--key-file", key)
        city = City(tmp_path, broker.url, *login)
        process = city.start()
        options = LinkOptions(
            client_id="truck", ca_file=authority.file, certificate_file=certificate, key_file=key
        )
        truck = Truck(broker.url, options)
        truck.publish((TOPIC, payload(1)))
        truck.close()
        city.until(lambda: city.numbers() == [1])
        assert end(process) == 0


def test_two_receivers_of_one_name_are_told(tmp_path, broker):
    """The session belongs to one at a time."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = City(tmp_path / "a", broker.url), City(tmp_path / "b", broker.url)
    one, two = first.start(), second.start()
    first.until(lambda: "does another receiver use the same client id?" in first.said())
    end(one)
    end(two)


def test_library_and_command_share_the_store(city, broker):
    """What the command kept opens as a store, and takes no batch a second time."""
    process = city.start()
    truck = Truck(broker.url)
    truck.publish((TOPIC, payload(1)))
    truck.close()
    city.until(lambda: city.numbers() == [1])
    end(process)
    store = ReceivedStore.open(city.store)
    assert [(total.vehicle, total.stream, total.newest_n) for total in store.totals()] == [
        ("truck-007", "day", 1)
    ]
    store.close()
