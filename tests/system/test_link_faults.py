"""The link when roads, names, certificates and brokers fail: nothing lost, nothing under another key, no busy loop."""

from __future__ import annotations

import logging
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes

from agent.sending.refusals import CONNACK, DISCONNECT, PUBACK, Rule
from agent.sending.sender import TAKEN_OVER, SenderLimits
from drivers.inputs import LinkDown, LinkUp
from drivers.mqtt import LinkOptions
from tests.system import raw_broker
from tests.system.certificates import Authority
from tests.system.link_ends import CITY, QUICK, TRUCK, City, End, Truck, batches
from tests.system.mosquitto import OPEN, Mosquitto
from tests.system.proxy import Proxy
from tests.system.raw_broker import END, RawBroker, Says
from tests.unit.test_refusals import refusing

LOST = "the broker is out of reach ("
BACK = "the broker is back"
TWICE = "client id in use twice?"
FIVE, OLDER = replace(TRUCK, protocol="5"), replace(TRUCK, protocol="3.1.1")
IN_A_HURRY = replace(QUICK, backoff_s_first=0.01, backoff_s_max=0.04)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path, f"{OPEN}\npersistence true\nmax_queued_messages 0") as broker:
        yield broker


@pytest.fixture(autouse=True)
def _everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="agent")


def said(caplog: pytest.LogCaptureFixture, words: str) -> int:
    return sum(words in record.getMessage() for record in caplog.records)


def waits(truck: Truck) -> list[float]:
    """Seconds from the beginning of one connection to the next."""
    return [b - a for a, b in pairwise(truck.connects)]


def trouble_is(truck: Truck, reason: str) -> Callable[[], bool]:
    return lambda: truck.sender.trouble == reason


# Roads.


def test_half_open_connection_is_left_by_its_deadline_and_nothing_is_lost(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
):
    patient = replace(QUICK, connect_within_s=0.5, acknowledge_within_s=0.5)
    with (
        Proxy(broker.port) as road,
        closing(City(broker.url)) as city,
        closing(Truck(f"mqtt://127.0.0.1:{road.port}", limits=patient)) as truck,
    ):
        truck.record(20)
        truck.run_until_sent()
        road.swallow()
        truck.record(20)
        truck.run_until(trouble_is(truck, "no acknowledgement in time"))
        truck.run_until(trouble_is(truck, "no answer in time"))
        road.heal()
        truck.run_until_sent()
        city.until_kept(truck.acknowledged)
        assert set(city.kept) == batches(40)
        assert min(waits(truck)) >= 0.5  # each attempt was given its time
    assert (said(caplog, LOST), said(caplog, BACK)) == (1, 1)


def test_two_seconds_there_and_back_end_no_connection_and_repeat_nothing(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
):
    limits = SenderLimits(in_flight=30, acknowledge_within_s=6.0, connect_within_s=6.0)
    with Proxy(broker.port, delay_s=1.0) as road, closing(City(broker.url)) as city:
        url = f"mqtt://127.0.0.1:{road.port}"
        with closing(Truck(url, limits=limits, options=replace(TRUCK, connect_within_s=6))) as truck:
            truck.record(60)
            truck.run_until_sent()
            city.until_kept(truck.acknowledged)
            assert (len(truck.connects), set(city.kept.values())) == (1, {1})
            assert set(city.kept) == batches(60)
    assert caplog.records == []


def test_road_that_resets_again_and_again_loses_nothing(broker: Mosquitto, caplog: pytest.LogCaptureFixture):
    def cut_after_bytes(chance: Any) -> int:
        return int(chance.randrange(100, 3_000))

    with (
        Proxy(broker.port, cut_after_bytes=cut_after_bytes) as road,
        closing(City(broker.url)) as city,
        closing(Truck(f"mqtt://127.0.0.1:{road.port}")) as truck,
    ):
        truck.record(300)
        truck.run_until(lambda: not truck.outbox.keys() - truck.sender.in_flight and len(truck.outbox) < 3)
        assert len(truck.acknowledged) >= 298  # one that was cut twice may be held back
        city.until_kept(truck.acknowledged)
        assert set(city.kept) <= batches(300)
        assert len(truck.connects) == road.accepted > 5
        assert len(truck.connects) <= 100
    assert said(caplog, LOST) <= said(caplog, BACK) + 1


# Names.


def test_name_that_is_not_found_costs_a_turn_and_the_next_broker_is_used(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
):
    with closing(City(broker.url)) as city, closing(Truck("mqtt://broker.invalid", broker.url)) as truck:
        truck.record(20)
        truck.run_until_sent()
        city.until_kept(batches(20))
        assert truck.reasons == ["the broker's name was not found"]
        assert len(truck.connects) == 2
    assert said(caplog, f"{LOST}the broker's name was not found)") == said(caplog, BACK) == 1


def test_name_that_is_found_again_brings_everything(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    found, asked = threading.Event(), []
    resolve = socket.getaddrinfo

    def lookup(host: str, *rest: Any, **more: Any) -> Any:
        if host != "broker.example":
            return resolve(host, *rest, **more)
        asked.append(host)
        if not found.is_set():
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return resolve("127.0.0.1", *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with closing(City(broker.url)) as city, closing(Truck(f"mqtt://broker.example:{broker.port}")) as truck:
        truck.record(20)
        truck.run_until(lambda: len(truck.reasons) >= 4)
        found.set()
        truck.run_until_sent()
        city.until_kept(batches(20))
        assert set(truck.reasons) == {"the broker's name was not found"}
        assert len(asked) == len(truck.connects)
    assert (said(caplog, LOST), said(caplog, BACK)) == (1, 1)


# Certificates.


class Secured:
    """A broker's certificate, its key and whom it trusts, as files that can be changed, and a truck's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.right, self.wrong = self._authority("right"), self._authority("wrong")
        certificate, key = self.right.issue("truck-7")
        self.truck = replace(TRUCK, ca_file=self.right.file, certificate_file=certificate, key_file=key)
        self.city = replace(CITY, ca_file=self.right.file, certificate_file=certificate, key_file=key)
        self.trust(self.right)
        self.show(self.right)

    def _authority(self, name: str) -> Authority:
        (self.folder / name).mkdir()
        return Authority(self.folder / name, name)

    def trust(self, authority: Authority) -> None:
        shutil.copy(authority.file, self.folder / "trusted.pem")

    def show(self, authority: Authority, address: str = "127.0.0.1", expired_days: int = 0) -> None:
        certificate, key = authority.issue("broker", address, expired_days)
        shutil.copy(certificate, self.folder / "broker.pem")
        shutil.copy(key, self.folder / "broker.key")

    @property
    def settings(self) -> str:
        return (
            f"allow_anonymous false\ncafile {self.folder}/trusted.pem\ncertfile {self.folder}/broker.pem\n"
            f"keyfile {self.folder}/broker.key\nrequire_certificate true\nuse_identity_as_username true\n"
            "persistence true\nmax_queued_messages 0"
        )


WRONG: dict[str, tuple[Callable[[Secured], None], str]] = {
    "expired": (lambda secured: secured.show(secured.right, expired_days=1), "certificate has expired"),
    "another authority's": (
        lambda secured: secured.show(secured.wrong),
        "unable to get local issuer certificate",
    ),
    "another host's": (lambda secured: secured.show(secured.right, "127.0.0.2"), "IP address mismatch"),
    "truck not trusted": (lambda secured: secured.trust(secured.wrong), "TLS failed: "),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_nothing_leaves_before_the_certificates_are_mended_and_everything_then(
    tmp_path: Path, wrong: str, caplog: pytest.LogCaptureFixture
):
    spoil, words = WRONG[wrong]
    secured = Secured(tmp_path)
    spoil(secured)
    with (
        Mosquitto(tmp_path, secured.settings, scheme="mqtts") as broker,
        closing(Truck(broker.url, options=secured.truck)) as truck,
    ):
        truck.record(20)
        truck.run_until(lambda: len(truck.reasons) >= 3)
        assert all(words in reason for reason in truck.reasons)
        assert len(truck.outbox) == 20
        broker.stop()
        secured.trust(secured.right)
        secured.show(secured.right)
        broker.start()
        with closing(City(broker.url, secured.city)) as city:
            truck.run_until_sent()
            city.until_kept(batches(20))
            assert set(city.kept) == batches(20)
        assert sum(waits(truck)) < 30 * len(truck.connects)
    assert (said(caplog, LOST), said(caplog, BACK)) == (1, 1)


# Kicks.


def test_truck_whose_client_id_is_taken_again_and_again_waits_long_and_says_why(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
):
    limits = replace(QUICK, backoff_s_max=1.0)
    intruder = End(TRUCK)
    number = 0

    def come_back() -> None:
        nonlocal number
        number += 1
        intruder.link.connect(number, broker.url)

    with closing(City(broker.url)) as city, closing(Truck(broker.url, limits=limits)) as truck:
        come_back()
        assert isinstance(intruder.next(), LinkUp)
        truck.record(20)
        while not said(caplog, TWICE):
            truck.turn()
            truck.record(1)
            entry = intruder.inbox.take(0.0)
            if isinstance(entry, LinkDown):
                come_back()
        kicked = len(truck.connects)
        assert truck.sender.state == "waiting"
        assert truck.sender.due is not None
        assert truck.sender.due - truck.end.clock.at() > 0.3  # half of the longest wait and more
        intruder.link.close()
        # One that was kicked twice before it was acknowledged may be held back for a while.
        truck.run_until(lambda: set(truck.outbox) <= truck.sender.in_flight - truck.sender.outstanding)
        assert len(truck.outbox) <= 2
        city.until_kept(truck.acknowledged)
        assert kicked <= 15
        assert len(truck.connects) <= kicked + 2
    assert (said(caplog, TWICE), said(caplog, BACK) >= 1) == (1, True)


# Codes that a real broker can't be made to say.


def refuse_twice(code: int) -> Callable[[int], int]:
    return lambda connection: code if connection <= 2 else 0


@pytest.mark.parametrize(("code", "reason"), refusing(PacketTypes.CONNACK).items())
def test_truck_that_is_refused_tries_again_and_then_delivers(
    code: int, reason: str, caplog: pytest.LogCaptureFixture
):
    with (
        RawBroker(refuse_twice(code)) as broker,
        closing(Truck(broker.url, limits=IN_A_HURRY, options=FIVE)) as truck,
    ):
        truck.record(3)
        truck.run_until_sent()
        assert truck.reasons == [reason, reason]
        assert sorted(broker.kept) == sorted(batches(3))
        assert broker.connections == 3
    assert (said(caplog, f"{LOST}{reason})"), said(caplog, BACK)) == (1, 1)
    assert said(caplog, "turns this truck away") == (CONNACK[reason] is Rule.LONG_WAIT)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1, "the broker closed the connection"),  # which is what the library makes of it
        (2, "Client identifier not valid"),
        (3, "Server unavailable"),
        (4, "Bad user name or password"),
        (5, "Not authorized"),
        (6, "Unspecified error"),  # a code that MQTT 3.1.1 does not have
    ],
)
def test_truck_that_an_older_broker_refuses_tries_again_and_then_delivers(code: int, reason: str):
    with (
        RawBroker(refuse_twice(code)) as broker,
        closing(Truck(broker.url, limits=IN_A_HURRY, options=OLDER)) as truck,
    ):
        truck.record(3)
        truck.run_until_sent()
        assert truck.reasons == [reason, reason]
        assert sorted(broker.kept) == sorted(batches(3))


def in_the_way(says: Says, times: int = 1000) -> Callable[[int, bytes], Says | None]:
    """Batch 1 is answered so, that many times."""
    left = [times]

    def answer(connection: int, payload: bytes) -> Says | None:
        if payload != b"batch 1" or not left[0]:
            return None
        left[0] -= 1
        return says

    return answer


def settled(url: str, options: LinkOptions = FIVE) -> Truck:
    """A truck with 12 batches that has run until each was answered or is held back."""
    with closing(Truck(url, limits=IN_A_HURRY, options=options)) as truck:
        truck.record(12)
        truck.run_until(lambda: set(truck.outbox) <= truck.sender.in_flight - truck.sender.outstanding)
    return truck


@pytest.mark.parametrize(("code", "reason"), refusing(PacketTypes.PUBACK).items())
def test_one_batch_that_is_refused_stops_no_other(code: int, reason: str, caplog: pytest.LogCaptureFixture):
    with RawBroker(answer=in_the_way(Says(raw_broker.PUBACK, code), times=3)) as broker:
        truck = settled(broker.url)
        assert sorted(broker.kept) == sorted(truck.acknowledged)
        assert broker.connections == 1
    first = b"batch 1"
    outcome = {
        Rule.LATER: (first in truck.outbox.values(), 1),
        Rule.QUARANTINE: (truck.refused == {first: reason}, 1),
        Rule.SLOW_DOWN: (first in truck.acknowledged, 4),
    }
    assert outcome[PUBACK[reason]] == (True, broker.seen.count(first))
    assert truck.acknowledged >= batches(12) - {first}
    assert said(caplog, f"the broker refused batch 1 of track ({reason})") == 1


@pytest.mark.parametrize(("code", "reason"), refusing(PacketTypes.DISCONNECT).items())
def test_one_batch_over_which_the_broker_hangs_up_stops_no_other(
    code: int, reason: str, caplog: pytest.LogCaptureFixture
):
    taken_over = reason == TAKEN_OVER  # that is never a batch's fault
    answer = in_the_way(Says(raw_broker.DISCONNECT, code), times=3 if taken_over else 1000)
    with RawBroker(answer=answer) as broker:
        truck = settled(broker.url)
        assert sorted(broker.kept) == sorted(truck.acknowledged)
    assert set(truck.reasons) == {reason}
    assert truck.acknowledged >= batches(12) - {b"batch 1"}
    assert (b"batch 1" in truck.acknowledged) is taken_over
    assert said(caplog, "it is held back, others go on") == (not taken_over)
    assert said(caplog, TWICE) == taken_over
    assert len(truck.reasons) <= 3
    assert len(truck.reasons) >= (1 if DISCONNECT[reason] is Rule.SUSPECT else 2)


@pytest.mark.parametrize("options", [FIVE, OLDER], ids=["5", "3.1.1"])
def test_one_batch_over_which_the_broker_closes_without_a_word_stops_no_other(
    options: LinkOptions, caplog: pytest.LogCaptureFixture
):
    with RawBroker(answer=in_the_way(Says(END))) as broker:
        truck = settled(broker.url, options)
        assert sorted(broker.kept) == sorted(truck.acknowledged)
    assert truck.acknowledged == batches(12) - {b"batch 1"}
    assert 2 <= len(truck.reasons) <= 3
    assert (said(caplog, LOST), said(caplog, "it is held back, others go on"), said(caplog, TWICE)) == (
        1,
        1,
        0,
    )


def test_batch_beyond_the_limit_of_an_older_broker_stops_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    with (
        Mosquitto(tmp_path, f"{OPEN}\nmax_packet_size 500") as broker,
        closing(Truck(broker.url, options=OLDER)) as truck,
    ):
        large = truck.record_bytes(600)
        truck.record(20)
        truck.run_until(lambda: set(truck.outbox) == {large} and large in truck.sender.in_flight)
        truck.run_until(lambda: large not in truck.sender.outstanding)
        assert len(truck.acknowledged) == 20
        assert 2 <= len(truck.connects) <= 4
    assert said(caplog, "over batch 1 of track: it is held back, others go on") == 1


def test_batch_beyond_the_limit_that_a_broker_announces_is_set_aside_and_told_with_its_figures(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    with (
        Mosquitto(tmp_path, f"{OPEN}\nmax_packet_size 500") as broker,
        closing(Truck(broker.url, options=FIVE)) as truck,
    ):
        truck.record_bytes(600)
        truck.record(20)
        truck.run_until_sent()
        (why,) = truck.refused.values()
        assert why == "Packet too large: 645 bytes, the broker takes 500"
        assert truck.sender.trouble == f"batches are refused: {why}"
        assert (len(truck.acknowledged), len(truck.connects)) == (20, 1)
    assert said(caplog, f"the broker refused batch 1 of track ({why})") == 1


def test_access_rule_against_the_truck_keeps_its_batches(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    rules = tmp_path / "rules"
    rules.write_text("topic read fairhaul/#\n")
    with (
        Mosquitto(tmp_path, f"{OPEN}\nacl_file {rules}") as broker,
        closing(Truck(broker.url, options=FIVE)) as truck,
    ):
        truck.record(5)
        truck.run_until(lambda: set(truck.outbox) <= truck.sender.in_flight - truck.sender.outstanding)
        assert truck.sender.trouble == "batches are refused: Not authorized"
        assert (len(truck.outbox), len(truck.connects)) == (5, 1)
    assert said(caplog, "the broker refused batch 1 of track (Not authorized)") == 1
