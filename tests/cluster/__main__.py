"""`make cluster`: a backlog drained into three nodes of NATS JetStream while they are killed one after the other."""

from __future__ import annotations

import argparse
import datetime
import logging
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.cluster.drain import Drain, receiver
from tests.cluster.fleet import Fleet
from tests.cluster.sizes import sizes
from tests.system.city import end_all
from tests.system.nats import Cluster

TRUCKS, BATCHES = 12, 300


def main() -> int:
    """Run it, print what happened; 1 when a batch is lost or arrives twice."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--trucks", type=int, default=TRUCKS)
    parser.add_argument("--batches", type=int, default=BATCHES, help="of each truck's backlog")
    parser.add_argument("--sizes", action="store_true", help="only connect so many, and say what that costs")
    parser.add_argument("--qos", type=int, default=0, choices=(0, 1), help="with --sizes: how trucks listen")
    given = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)  # that brokers go and come is the point here
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if given.sizes:
        _say(_conditions())
        with tempfile.TemporaryDirectory(prefix="fairhaul-cluster-") as work, Cluster(Path(work)) as cluster:
            sizes(cluster, given.trucks, given.qos, _say)
        return 0
    _say(f"{_conditions()}; {given.trucks} trucks with {given.batches} batches each, three nodes\n")
    with tempfile.TemporaryDirectory(prefix="fairhaul-cluster-") as work, Cluster(Path(work)) as cluster:
        fleet = Fleet(cluster.urls, given.trucks, given.batches)
        try:
            return _run(Drain(cluster, fleet, receiver(Path(work), cluster), _say))
        finally:
            fleet.close()
            end_all()


def _run(drain: Drain) -> int:
    drain.begin()
    drain.kill_one_by_one()
    drain.lose_everything()
    found = drain.ended()
    _say("\n" + "\n".join(found.lines()))
    return int(not found.whole)


def _conditions() -> str:
    command = ["nats-server", "--version"]
    version = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    today = datetime.datetime.now(datetime.UTC).date()  # noqa: TID251 — a log of today
    return f"python -m tests.cluster, {today}, {version}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
