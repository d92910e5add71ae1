"""What the doctor says of a broker: real mosquitto, real TLS, each way of failing with its remedy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.doctor.finding import Finding, verdict
from agent.doctor.network import CHECKS, CLIENT_SUFFIX, network
from agent.topics import DOCTOR, topic_for
from drivers.clock import Clock
from drivers.inbox import Inbox
from drivers.inputs import LinkDown, LinkUp
from drivers.mqtt import Link, LinkOptions
from tests.system.certificates import Authority
from tests.system.mosquitto import OPEN, Mosquitto

TOPIC = topic_for("springfield", "truck-017", DOCTOR)
ACL = "acl_file {folder}/acl"
WALL_DAY = 20_779


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def asked(broker: Mosquitto, options: LinkOptions) -> dict[str, Finding]:
    today = int(time.time()) // 86_400  # noqa: TID251 - certificates live by the wall clock
    found = network(broker.url, options, TOPIC, Clock(), today)
    assert [finding.check for finding in found] == list(CHECKS)
    return {finding.check: finding for finding in found}


def tls_broker(folder: Path, certificate: tuple[str, str], ca: str, more: str = OPEN) -> Mosquitto:
    files = f"cafile {ca}\ncertfile {certificate[0]}\nkeyfile {certificate[1]}\n"
    return Mosquitto(folder, files + more, scheme="mqtts")


def options(**changed: object) -> LinkOptions:
    return LinkOptions("fairhaul-springfield-truck-017", connect_within_s=5.0, **changed)  # type: ignore[arg-type]


def test_a_plain_broker_on_this_computer_passes(tmp_path: Path, opened: ExitStack) -> None:
    found = asked(opened.enter_context(Mosquitto(tmp_path)), options())
    assert {finding.outcome for finding in found.values()} == {"pass", "not here"}
    assert verdict(found.values()).ready


def test_good_tls_passes_with_the_days_that_the_certificate_has(tmp_path: Path, opened: ExitStack) -> None:
    city = Authority(tmp_path)
    certificate, key = city.issue("truck-017")
    secured = "require_certificate true\nuse_identity_as_username true\nallow_anonymous false"
    broker = opened.enter_context(tls_broker(tmp_path, city.issue("broker", "127.0.0.1"), city.file, secured))
    found = asked(broker, options(ca_file=city.file, certificate_file=certificate, key_file=key))
    assert {finding.outcome for finding in found.values()} == {"pass", "warn"}
    assert found["broker's certificate"].says == "the broker's certificate is valid for 1 more days"
    assert found["encryption"].says.startswith("TLSv1.3")


def test_an_expired_certificate_is_for_those_who_run_the_broker(tmp_path: Path, opened: ExitStack) -> None:
    city = Authority(tmp_path)
    broker = opened.enter_context(
        tls_broker(tmp_path, city.issue("broker", "127.0.0.1", expired_days=1), city.file)
    )
    found = asked(broker, options(ca_file=city.file))["broker's certificate"]
    assert (found.outcome, found.says) == (
        "fail",
        "the broker's certificate is not accepted: certificate has expired",
    )
    assert found.remedy.startswith("Ask those who run the broker to renew its certificate.")


def test_another_authority_is_a_matter_of_the_ca_file(tmp_path: Path, opened: ExitStack) -> None:
    city = Authority(tmp_path)
    broker = opened.enter_context(tls_broker(tmp_path, city.issue("broker", "127.0.0.1"), city.file))
    found = asked(broker, options(ca_file=Authority(tmp_path, "other").file))
    assert found["broker's certificate"].outcome == "fail"
    assert "link.ca_file" in found["broker's certificate"].remedy
    assert found["login"].outcome == "not tested"


def test_a_certificate_of_another_name_is_told(tmp_path: Path, opened: ExitStack) -> None:
    city = Authority(tmp_path)
    broker = opened.enter_context(tls_broker(tmp_path, city.issue("broker", "127.0.0.2"), city.file))
    found = asked(broker, options(ca_file=city.file))["broker's certificate"]
    assert (
        found.remedy
        == "Write the broker in link.brokers in agent.yaml by the name that its certificate bears."
    )


def test_a_truck_without_its_certificate_is_turned_away(tmp_path: Path, opened: ExitStack) -> None:
    city = Authority(tmp_path)
    broker = opened.enter_context(
        tls_broker(
            tmp_path, city.issue("broker", "127.0.0.1"), city.file, f"require_certificate true\n{OPEN}"
        )
    )
    found = asked(broker, options(ca_file=city.file))
    assert found["login"].outcome == "fail"
    assert "certificate" in found["login"].remedy


def test_a_port_that_speaks_no_tls_is_told(tmp_path: Path, opened: ExitStack) -> None:
    city = Authority(tmp_path)
    broker = opened.enter_context(Mosquitto(tmp_path, OPEN, scheme="mqtts"))
    found = asked(broker, options(ca_file=city.file))["encryption"]
    assert found.outcome == "fail"
    assert "8883" in found.remedy


def test_a_key_of_another_certificate_is_told(tmp_path: Path, opened: ExitStack) -> None:
    city = Authority(tmp_path)
    broker = opened.enter_context(tls_broker(tmp_path, city.issue("broker", "127.0.0.1"), city.file))
    mixed = options(ca_file=city.file, certificate_file=city.issue("one")[0], key_file=city.issue("other")[1])
    found = asked(broker, mixed)["encryption"]
    assert found.outcome == "fail"
    assert "belong together" in found.remedy


def test_a_truck_without_a_password_is_turned_away(tmp_path: Path, opened: ExitStack) -> None:
    broker = opened.enter_context(Mosquitto(tmp_path, "allow_anonymous false"))
    found = asked(broker, options())
    assert found["login"].says == "the broker turns this truck away: Not authorized"
    assert "link.username" in found["login"].remedy
    assert CLIENT_SUFFIX in found["login"].remedy


def test_a_truck_that_may_not_write_is_told_the_topic(tmp_path: Path, opened: ExitStack) -> None:
    (tmp_path / "acl").write_text("topic read #\n")
    broker = opened.enter_context(Mosquitto(tmp_path, f"{OPEN}\n{ACL.format(folder=tmp_path)}"))
    found = asked(broker, options())
    assert found["test message"].says == "the broker refused it: Not authorized"
    assert TOPIC in found["test message"].remedy


def test_the_access_list_of_the_page_lets_the_test_message_through(tmp_path: Path, opened: ExitStack) -> None:
    (tmp_path / "acl").write_text("pattern write fairhaul/v1/springfield/%c/#\n")
    topic_owner = LinkOptions("truck-017", connect_within_s=5.0)
    broker = opened.enter_context(Mosquitto(tmp_path, f"{OPEN}\n{ACL.format(folder=tmp_path)}"))
    topic = topic_for("springfield", f"truck-017{CLIENT_SUFFIX}", DOCTOR)
    found = {each.check: each for each in network(broker.url, topic_owner, topic, Clock(), WALL_DAY)}
    assert found["test message"].outcome == "pass"


def test_a_broker_that_is_not_there_and_a_name_that_nobody_knows(tmp_path: Path) -> None:
    silent = Mosquitto(tmp_path)
    assert "nobody listens" in asked(silent, options())["connection"].says
    found = network("mqtt://broker.invalid", options(), TOPIC, Clock(), WALL_DAY)
    assert (found[0].outcome, found[1].outcome) == ("fail", "not tested")


def test_an_agent_that_is_connected_stays_so(tmp_path: Path, opened: ExitStack) -> None:
    broker = opened.enter_context(Mosquitto(tmp_path))
    inbox = Inbox()
    agent = Link(options(), inbox.post, Clock().at)
    agent.connect(1, broker.url)
    assert isinstance(inbox.take(5.0), LinkUp)
    assert asked(broker, options())["test message"].outcome == "pass"
    broker.log.wait_for(f"as fairhaul-springfield-truck-017{CLIENT_SUFFIX}")
    assert not isinstance(inbox.take(0.0), LinkDown)
    agent.publish("still/there", b"")
    agent.close()
