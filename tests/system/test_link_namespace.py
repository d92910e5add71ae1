"""The link over lost packets: real TCP in a network namespace of the test's own, where a filter drops what it is told.

These need root, for the namespace; CI runs them as root.
"""

from __future__ import annotations

import ctypes
import logging
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from agent.sending.sender import SenderLimits
from tests.system.link_ends import CITY, QUICK, TRUCK, City, Truck, batches
from tests.system.mosquitto import OPEN, Mosquitto

NEW_NETWORK = 0x40000000  # CLONE_NEWNET
RUN_WITHIN_S = 10.0
BATCHES = 200
PATIENT = SenderLimits(
    in_flight=20, acknowledge_within_s=15.0, connect_within_s=8.0, backoff_s_first=0.05, backoff_s_max=0.2
)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace needs root")


def run(*words: str) -> None:
    program = shutil.which(words[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    assert program is not None, f"these tests need {words[0]}: apt install nftables iproute2"
    subprocess.run([program, *words[1:]], check=True, capture_output=True, timeout=RUN_WITHIN_S)


class Road:
    """The loopback of a namespace in which this thread, and all that it starts from now on, lives."""

    def drop(self, port: int, percent: int) -> None:
        """Drop so many of the packets to and from a port, by chance."""
        self.clear()
        run("nft", "add", "table", "inet", "road")
        run("nft", "add", "chain", "inet", "road", "in", "{ type filter hook input priority 0 ; }")
        chance = () if percent == 100 else ("numgen", "random", "mod", "100", "<", str(percent))
        for side in ("dport", "sport"):
            run("nft", "add", "rule", "inet", "road", "in", "tcp", side, str(port), *chance, "drop")

    def clear(self) -> None:
        """Drop nothing."""
        run("nft", "flush", "ruleset")


@pytest.fixture
def road() -> Iterator[Road]:
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        assert libc.unshare(NEW_NETWORK) == 0, os.strerror(ctypes.get_errno())
        run("ip", "link", "set", "lo", "up")
        yield Road()
    finally:
        assert libc.setns(before, NEW_NETWORK) == 0, os.strerror(ctypes.get_errno())
        os.close(before)


@pytest.fixture
def broker(road: Road, tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path, f"{OPEN}\npersistence true\nmax_queued_messages 0") as broker:
        yield broker


@pytest.mark.parametrize("percent", [2, 10, 30])
def test_lost_packets_lose_no_batch_and_end_few_connections(road: Road, broker: Mosquitto, percent: int):
    with closing(City(broker.url)) as city, closing(Truck(broker.url, limits=PATIENT)) as truck:
        truck.record(BATCHES)
        road.drop(broker.port, percent)
        truck.run_until_sent()
        road.clear()
        city.until_kept(batches(BATCHES))
        assert set(city.kept) == batches(BATCHES)
        assert len(truck.connects) <= 4


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_connection_whose_packets_all_vanish_is_left_and_nothing_is_lost(
    road: Road, broker: Mosquitto, protocol: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, logger="agent")
    limits = replace(QUICK, connect_within_s=1.0, acknowledge_within_s=1.0)
    options = replace(TRUCK, protocol=protocol)
    with (
        closing(City(broker.url, replace(CITY, protocol=protocol))) as city,
        closing(Truck(broker.url, limits=limits, options=options)) as truck,
    ):
        truck.record(20)
        truck.run_until_sent()
        city.until_kept(batches(20))
        road.drop(broker.port, 100)
        truck.record(20)
        truck.run_until(lambda: truck.sender.trouble == "no acknowledgement in time")
        truck.run_until(lambda: truck.sender.trouble == "no answer in time")
        assert len(truck.connects) <= 3
        road.clear()
        truck.run_until_sent()
        city.until_kept(batches(40))
        assert set(city.kept) == batches(40)
    assert [record.getMessage() for record in caplog.records] == [
        "the broker is out of reach (no acknowledgement in time); trying again until it is back",
        "the broker is back",
    ]
