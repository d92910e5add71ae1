"""Link, Subscription and Sender against apt's mosquitto: logins, certificates, outages, kicks."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from drivers.clock import Clock
from drivers.inbox import Inbox
from drivers.inputs import Delivered, LinkDown, LinkUp
from drivers.mqtt import LinkOptions, Subscription
from tests.system.certificates import Authority
from tests.system.link_ends import CITY, TRUCK, WAIT_S, City, End, Truck
from tests.system.mosquitto import OPEN, Mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path, f"{OPEN}\npersistence true\nmax_queued_messages 0") as broker:
        yield broker


@pytest.mark.parametrize(("protocol", "said"), [("auto", "p5"), ("5", "p5"), ("3.1.1", "p2")])
def test_every_batch_arrives_over_each_protocol(broker: Mosquitto, protocol: str, said: str):
    city = City(broker.url, replace(CITY, protocol=protocol))
    truck = Truck(broker.url, options=replace(TRUCK, protocol=protocol))
    truck.record(200)
    truck.run_until_sent()
    city.until_kept(truck.acknowledged)
    broker.log.wait_for(f"as truck ({said}, c1, k30")
    broker.log.wait_for(f"as city ({said}, c0, k30")
    assert set(city.kept.values()) == {1}
    truck.close()
    city.close()


def test_broker_stopped_while_draining_and_restarted_costs_nothing(broker: Mosquitto):
    truck = Truck(broker.url)
    city = City(broker.url)
    truck.record(300)
    while len(truck.acknowledged) < 30:
        truck.turn()
    broker.stop()
    while truck.sender.state == "up":
        truck.turn()
    truck.record(50)
    broker.start()
    truck.run_until_sent()
    city.until_kept(truck.acknowledged)
    assert len(truck.acknowledged) == 350
    truck.close()
    city.close()


def test_broker_killed_while_nothing_waits_costs_nothing(broker: Mosquitto):
    # Killed while messages wait it does lose what it acknowledged: that is what custody is for, later.
    truck = Truck(broker.url)
    city = City(broker.url)
    truck.record(50)
    truck.run_until_sent()
    city.until_kept(truck.acknowledged)
    broker.kill9()
    while truck.sender.state == "up":
        truck.turn()
    truck.record(50)
    broker.start()
    city.until_up()
    truck.run_until_sent()
    city.until_kept(truck.acknowledged)
    truck.close()
    city.close()


def test_broker_that_falls_silent_is_left_and_tried_again(broker: Mosquitto):
    truck = Truck(broker.url)
    truck.record(1)
    truck.run_until_sent()
    broker.freeze()
    truck.record(1)
    while truck.sender.state == "up":
        truck.turn()
    assert truck.sender.trouble == "no acknowledgement in time"
    broker.thaw()
    truck.run_until_sent()
    truck.close()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_message_that_the_city_did_not_acknowledge_comes_again(broker: Mosquitto, protocol: str):
    inbox = Inbox()
    subscription = Subscription(replace(CITY, protocol=protocol), inbox.post, Clock().at)
    subscription.connect(1, broker.url, ["fairhaul/#"])
    assert isinstance(inbox.take(WAIT_S), LinkUp)
    truck = Truck(broker.url)
    truck.record(2)
    truck.run_until_sent()
    first, second = inbox.take(WAIT_S), inbox.take(WAIT_S)
    assert isinstance(first, Delivered)
    assert isinstance(second, Delivered)
    subscription.acknowledge(1, first.mid)
    subscription.disconnect()
    assert isinstance(inbox.take(WAIT_S), LinkDown)
    subscription.connect(2, broker.url, ["fairhaul/#"])
    again = [inbox.take(WAIT_S) for _ in range(2)]
    assert [entry.payload for entry in again if isinstance(entry, Delivered)] == [second.payload]
    subscription.close()
    truck.close()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_client_id_in_use_twice_kicks_the_first(broker: Mosquitto, protocol: str):
    first, second = (End(replace(TRUCK, protocol=protocol)) for _ in range(2))
    first.link.connect(1, broker.url)
    assert isinstance(first.next(), LinkUp)
    second.link.connect(1, broker.url)
    assert isinstance(second.next(), LinkUp)
    kicked = first.next()
    assert isinstance(kicked, LinkDown)
    # mosquitto 2.0 closes without the DISCONNECT that MQTT 5 has for it; others say so.
    assert kicked.reason in ("the broker closed the connection", "Session taken over")
    first.link.close()
    second.link.close()


def login(folder: Path) -> str:
    path = folder / "passwd"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(path), "truck", "right"], check=True)
    return f"allow_anonymous false\npassword_file {path}"


@pytest.mark.parametrize(
    ("password", "outcome"), [("right", "up"), ("wrong", "Not authorized"), (None, "Not authorized")]
)
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_login_is_by_password_file(tmp_path: Path, protocol: str, password: str | None, outcome: str):
    options = replace(TRUCK, protocol=protocol)
    if password is not None:
        (tmp_path / "secret").write_text(f"{password}\n")
        options = replace(options, username="truck", password_file=str(tmp_path / "secret"))
    with Mosquitto(tmp_path, login(tmp_path)) as broker:
        assert End(options).outcome(broker.url) == outcome


def test_publish_against_the_access_rules_is_refused_by_name(tmp_path: Path):
    rules = tmp_path / "acl"
    rules.write_text("topic write allowed/#\n")
    with Mosquitto(tmp_path, f"{OPEN}\nacl_file {rules}") as broker:
        truck = End(TRUCK)
        truck.link.connect(1, broker.url)
        assert isinstance(truck.next(), LinkUp)
        forbidden = truck.link.publish("forbidden/x", b"1")
        assert truck.next()[1:] == (1, forbidden, "Not authorized")
        allowed = truck.link.publish("allowed/x", b"1")
        assert truck.next()[1:] == (1, allowed, None)
        truck.link.close()


def test_batch_larger_than_the_broker_takes_is_refused_and_the_link_stays(tmp_path: Path):
    with Mosquitto(tmp_path, f"{OPEN}\nmax_packet_size 500") as broker:
        truck = End(TRUCK)
        truck.link.connect(1, broker.url)
        assert isinstance(truck.next(), LinkUp)
        large = truck.link.publish("a", bytes(600))
        assert truck.next()[1:] == (1, large, "Packet too large: 617 bytes, the broker takes 500")
        small = truck.link.publish("a", bytes(100))
        assert truck.next()[1:] == (1, small, None)
        truck.link.close()


class Certified(NamedTuple):
    broker: Mosquitto
    authority: Authority
    folder: Path

    def options(self) -> LinkOptions:
        certificate, key = self.authority.issue("truck-7")
        return replace(TRUCK, ca_file=self.authority.file, certificate_file=certificate, key_file=key)


def tls(authority: Authority, certificate: str, key: str) -> str:
    return (
        f"allow_anonymous false\ncafile {authority.file}\ncertfile {certificate}\nkeyfile {key}\n"
        "require_certificate true\nuse_identity_as_username true"
    )


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[Certified]:
    authority = Authority(tmp_path)
    settings = tls(authority, *authority.issue("broker", "127.0.0.1"))
    with Mosquitto(tmp_path, settings, scheme="mqtts") as broker:
        yield Certified(broker, authority, tmp_path)


def test_truck_with_a_certificate_is_known_by_its_name(certified: Certified):
    truck = Truck(certified.broker.url, options=certified.options())
    truck.record(50)
    truck.run_until_sent()
    certified.broker.log.wait_for("u'truck-7'")
    truck.close()


def test_truck_without_a_certificate_is_refused(certified: Certified):
    options = replace(TRUCK, ca_file=certified.authority.file)
    assert End(options).outcome(certified.broker.url) == "TLS failed: tlsv13 alert certificate required"


def test_truck_with_another_authoritys_certificate_is_refused(certified: Certified):
    (certified.folder / "other").mkdir()
    certificate, key = Authority(certified.folder / "other", "other").issue("truck-7")
    options = replace(TRUCK, ca_file=certified.authority.file, certificate_file=certificate, key_file=key)
    assert "TLS failed: " in End(options).outcome(certified.broker.url)


def test_truck_that_trusts_another_authority_refuses_the_broker(certified: Certified):
    (certified.folder / "other").mkdir()
    options = replace(certified.options(), ca_file=Authority(certified.folder / "other", "other").file)
    assert "the broker's certificate was not accepted" in End(options).outcome(certified.broker.url)


def test_truck_that_trusts_only_the_public_authorities_refuses_the_broker(certified: Certified):
    options = replace(certified.options(), ca_file=None)
    assert "the broker's certificate was not accepted" in End(options).outcome(certified.broker.url)


def test_key_that_does_not_fit_its_certificate_ends_the_attempt(certified: Certified):
    options = replace(certified.options(), key_file=certified.authority.issue("other")[1])
    assert "certificate files not usable" in End(options).outcome(certified.broker.url)


def test_certificate_for_another_name_is_not_accepted(certified: Certified):
    url = certified.broker.url.replace("127.0.0.1", "localhost")
    assert "the broker's certificate was not accepted" in End(certified.options()).outcome(url)


def test_expired_certificate_of_the_broker_is_not_accepted(tmp_path: Path):
    authority = Authority(tmp_path)
    settings = tls(authority, *authority.issue("broker", "127.0.0.1", expired_days=1))
    with Mosquitto(tmp_path, settings, scheme="mqtts") as broker:
        options = replace(TRUCK, ca_file=authority.file)
        assert End(options).outcome(broker.url) == (
            "the broker's certificate was not accepted: certificate has expired"
        )


def test_plain_text_to_a_tls_port_is_one_link_down(certified: Certified):
    assert End(TRUCK).outcome(certified.broker.url.replace("mqtts", "mqtt")) != "up"
