"""Three nodes of NATS JetStream as the broker: what the agent and the receiver need of one works there, node by node.

The whole story, with every node killed in turn and their stores lost, is `make cluster`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import wire
from agent.wire import Heading
from drivers.clock import Clock
from drivers.inbox import Inbox
from drivers.inputs import Acknowledged, Delivered, LinkDown, LinkUp
from drivers.mqtt import Link, LinkOptions, Subscription
from tests.cluster.drain import Drain, receiver
from tests.cluster.fleet import Fleet
from tests.sim.drives import agreement
from tests.system.certificates import Authority
from tests.system.city import WAIT_S, end, end_all
from tests.system.nats import MESSAGES, Cluster

FAST = 10.0
TRIES, HEARD_WITHIN_S = 6, 5.0
PATIENT = {
    "connect_within": "120 s",
    "acknowledge_within": "300 s",
    "backoff": {"first": "1 s", "longest": "10 s"},
}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "city-scale.md"
STAND_INS = {  # of what stands in the page, for one computer
    "server_name: n1": "server_name: {name}",
    "127.0.0.1:4222": "127.0.0.1:{listen}",
    "127.0.0.1:8222": "127.0.0.1:{http}",
    "/var/lib/nats": "{folder}/{name}",
    "0.0.0.0:8883": "127.0.0.1:{mqtt}",
    "0.0.0.0:6222": "127.0.0.1:{route}",
    "nats://n2.city.example:6222, nats://n3.city.example:6222": "{routes}",
    "/etc/nats/n1": "{folder}/broker",
    "/etc/nats": "{folder}",
}
CUSTODY = "fairhaul/v1/springfield/truck-001/custody"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    try:
        with Cluster(tmp_path) as running:
            yield running
    finally:
        end_all()


def test_nothing_is_lost_when_the_node_that_takes_the_messages_is_killed_in_the_middle(
    cluster: Cluster, tmp_path: Path
) -> None:
    fleet = Fleet(cluster.urls, 3, 100, PATIENT, FAST)
    said: list[str] = []
    drain = Drain(cluster, fleet, receiver(tmp_path, cluster), said.append)
    try:
        drain.begin()
        drain.kill(lambda: cluster.leader_of(MESSAGES), "leads the stream of messages")
        found = drain.ended()
    finally:
        fleet.close()
    assert found.whole, "\n".join([*said, *found.lines()])
    assert found.sealed >= 300
    assert found.arrived == found.sealed
    assert any("kill -9" in line for line in said)


def retained(truck: Link, heard: Inbox, url: str, first: int) -> bytes | None:
    """What the node has kept for the truck; a node may learn of it a moment after the others."""
    for number in range(first, first + TRIES):
        truck.connect(number, url)
        while entry := heard.take(HEARD_WITHIN_S):
            if isinstance(entry, Delivered) and (entry.link, entry.retained) == (number, True):
                return entry.payload
    return None


def test_word_from_the_city_is_kept_for_a_truck_that_comes_later_and_to_another_node(
    cluster: Cluster,
) -> None:
    """MQTT 5 is refused and 3.1.1 taken, by every node; a retained message is known to all of them."""
    clock, told, heard = Clock(), Inbox(), Inbox()
    city = Subscription(LinkOptions(client_id="city"), told.post, clock.at)
    city.connect(1, cluster.nodes[0].url, ["fairhaul/v1/+/#"])
    assert isinstance(told.take(WAIT_S), LinkUp)
    city.publish(CUSTODY, b"one", retain=True)
    assert {type(told.take(WAIT_S)) for _ in range(2)} == {
        Acknowledged,
        Delivered,
    }  # so most of the nodes have it
    city.close()
    truck = Link(LinkOptions(client_id="truck-001", custody_topic=CUSTODY), heard.post, clock.at)
    for number, node in enumerate(cluster.nodes):
        assert retained(truck, heard, node.url, 1 + number * TRIES) == b"one"
    truck.close()
    assert all("unacceptable protocol version" in node.log for node in cluster.nodes)


def test_the_receiver_s_session_is_found_by_every_node_and_a_dead_one_is_passed_over(
    cluster: Cluster, tmp_path: Path
) -> None:
    """It was at the first node, which is dead when it comes back; what came meanwhile waits at the others."""
    city = receiver(tmp_path, cluster)
    assert end(city.start()) == 0
    first, second = cluster.nodes[:2]
    clock, heard = Clock(), Inbox()
    truck = Link(LinkOptions(client_id="truck-001"), heard.post, clock.at)
    truck.connect(1, second.url)
    assert isinstance(heard.take(WAIT_S), LinkUp)
    heading = Heading("day", "0123456789abcdef", 1, wire.NO_PREVIOUS, agreement("operations").reference)
    truck.publish("fairhaul/v1/springfield/truck-001/day", wire.encode(heading, [], 512))
    assert isinstance(heard.take(WAIT_S), Acknowledged)
    truck.close()
    first.end()
    process = city.start()
    city.until(lambda: city.numbers() == [1])
    assert end(process) == 0
    assert "no connection (connection refused); trying again" in city.said()


def written() -> tuple[str, str]:
    """The page's two files: a node's, as a format of tests.system.nats, and the list of who may do what."""
    node, users = re.findall(r"```conf\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    node = node.replace("{", "{{").replace("}", "}}")
    for there, here in STAND_INS.items():
        assert there in node
        node = node.replace(there, here)
    return node, users


def test_the_configuration_in_the_page_lets_everyone_do_their_part_and_strangers_nothing(
    tmp_path: Path,
) -> None:
    node, users = written()
    (tmp_path / "fleet.conf").write_text(users)
    authority = Authority(tmp_path)
    authority.issue("broker", "127.0.0.1")

    def login(name: str) -> LinkOptions:
        certificate, key = authority.issue(name)
        custody = f"fairhaul/v1/springfield/{name}/custody" if name.startswith("truck") else None
        return LinkOptions(
            name, ca_file=authority.file, certificate_file=certificate, key_file=key, custody_topic=custody
        )

    clock, told, heard, turned_away = Clock(), Inbox(), Inbox(), Inbox()
    with Cluster(tmp_path, node, "mqtts") as cluster:
        city = Subscription(login("city-receiver"), told.post, clock.at)
        city.connect(1, cluster.nodes[0].url, ["fairhaul/v1/springfield/#"])
        assert isinstance(told.take(WAIT_S), LinkUp)
        truck = Link(login("truck-017"), heard.post, clock.at)
        truck.connect(1, cluster.nodes[1].url)
        assert isinstance(heard.take(WAIT_S), LinkUp)
        for topic in ("truck-018/live", "truck-017/live", "harsh_braking"):
            truck.publish(f"fairhaul/v1/springfield/{topic}", b"batch")
            assert isinstance(
                heard.take(WAIT_S), Acknowledged
            )  # the first one, too: it is dropped all the same
        arrived = [told.take(WAIT_S) for _ in range(2)]
        assert [getattr(each, "topic", "").split("springfield/")[1] for each in arrived] == [
            "truck-017/live",
            "harsh_braking",
        ]
        city.publish("fairhaul/v1/springfield/truck-017/custody", b"word", retain=True)
        assert isinstance(heard.take(WAIT_S), Delivered)
        stranger = Link(login("stranger"), turned_away.post, clock.at)
        stranger.connect(1, cluster.nodes[2].url)
        down = turned_away.take(WAIT_S)
        assert isinstance(down, LinkDown)
        assert down.reason == "Not authorized"
        for end_of_line in (stranger, truck, city):
            end_of_line.close()
