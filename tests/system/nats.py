"""Three nodes of apt's nats-server as one broker: JetStream keeps what comes on all of them, MQTT is spoken by each.

What a node says of itself comes from its monitoring port. Limits: all on one computer and one disk; version 2.9 has no
setting for how often it syncs to that.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

MESSAGES = "$MQTT_msgs"  # the stream that keeps what is published at QoS 1
NODES = 3
READY_WITHIN_S = 60.0
ANSWER_WITHIN_S = 10.0
ASK_WITHIN_S = 1.0
CONFIGURATION = """\
server_name: {name}
listen: 127.0.0.1:{listen}
http: 127.0.0.1:{http}
jetstream {{ store_dir: "{folder}/{name}", max_file_store: 1GB }}
mqtt {{ listen: 127.0.0.1:{mqtt} }}
cluster {{ name: city, listen: 127.0.0.1:{route}, routes: [{routes}] }}
"""
PORTS = ("listen", "http", "mqtt", "route")
# Below what the kernel hands out by itself: no connection can take the port of a node that is down for a while.
_candidates = iter(range(20_000 + os.getpid() % 1_000 * 12, 32_768))


def lasting_port() -> int:
    """A loopback port that nobody listens on, and that stays so."""
    for port in _candidates:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no loopback port is free")


class Node:
    """One node; `start` may follow any end and finds its store and its ports again."""

    def __init__(self, folder: Path, name: str, scheme: str) -> None:
        self.name = name
        self.ports = {use: lasting_port() for use in PORTS}
        self.url = f"{scheme}://127.0.0.1:{self.ports['mqtt']}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended, by itself or otherwise."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """What it wrote to stderr, in all its runs."""
        return (self._folder / f"{self.name}.log").read_text(errors="replace")

    def configure(self, configuration: str, routes: str) -> None:
        """Write its file."""
        text = configuration.format(name=self.name, folder=self._folder, routes=routes, **self.ports)
        (self._folder / f"{self.name}.conf").write_text(text)

    def start(self) -> None:
        """Run it; it is of use only once `Cluster.ready` says so."""
        program = shutil.which("nats-server", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        assert program is not None, "these tests need nats-server: apt install nats-server"
        with (self._folder / f"{self.name}.log").open("ab") as log:
            command = [program, "-c", str(self._folder / f"{self.name}.conf")]
            self._process = subprocess.Popen(command, stderr=log)

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """SIGKILL: as a power cut would, the files apart; SIGTERM: as the system would."""
        if self._process is None:
            return
        self._process.send_signal(how)
        self._process.wait(ANSWER_WITHIN_S)
        self._process = None

    def wipe(self) -> None:
        """Take away all that it kept; it must have ended."""
        assert self._process is None
        shutil.rmtree(self._folder / self.name)

    def ask(self, path: str) -> dict[str, Any]:
        """The monitoring port's answer; {} when there is none."""
        url = f"http://127.0.0.1:{self.ports['http']}/{path}"
        told: dict[str, Any] = {}
        try:
            with urllib.request.urlopen(url, timeout=ASK_WITHIN_S) as answer:
                told = json.load(answer)
        except urllib.error.HTTPError as error:  # an answer of a node that is not well
            with error:
                told = json.load(error)
        except (OSError, ValueError):
            return {}
        return told

    def complaint(self, query: str = "") -> str:
        """What it finds wrong with itself; "" when it is well."""
        told = self.ask(f"healthz{query}")
        return "" if told.get("status") == "ok" else str(told.get("error", "no answer"))

    def streams(self) -> list[dict[str, Any]]:
        """The streams that it has a part in."""
        accounts = self.ask("jsz?streams=true").get("account_details", [])
        return [stream for account in accounts for stream in account.get("stream_detail", [])]


class Cluster:
    """Three nodes in `folder`; entering starts them and waits until they have a leader.

    `configuration` is a format of {name}, {folder}, {routes} and PORTS; the one here has neither TLS nor logins.
    """

    def __init__(self, folder: Path, configuration: str = CONFIGURATION, scheme: str = "mqtt") -> None:
        self.nodes = [Node(folder, f"n{number}", scheme) for number in range(1, NODES + 1)]
        routes = ", ".join(f"nats://127.0.0.1:{node.ports['route']}" for node in self.nodes)
        for node in self.nodes:
            node.configure(configuration, routes)

    @property
    def urls(self) -> list[str]:
        """The nodes as a list of brokers."""
        return [node.url for node in self.nodes]

    def start(self) -> None:
        """Start what does not run, and wait until all agree on a leader."""
        for node in self.nodes:
            if not node.running:
                node.start()
        until(self.ready, READY_WITHIN_S, self._logs)

    def leader(self) -> Node | None:
        """Who leads JetStream: places streams and sessions, and lets new ones be made."""
        said = {
            str(node.ask("jsz").get("meta_cluster", {}).get("leader", ""))
            for node in self.nodes
            if node.running
        }
        return self._named(said.pop()) if len(said) == 1 else None

    def leader_of(self, stream: str) -> Node | None:
        """Who takes what is published into `stream`."""
        for node in self.nodes:
            for each in node.streams() if node.running else []:
                if each["name"] == stream and each.get("cluster", {}).get("leader") == node.name:
                    return node
        return None

    def lacks(self) -> list[str]:
        """What is missing for work to go on should one node be lost; nothing once every stream is on all of them."""
        running = [node for node in self.nodes if node.running]
        return [
            *(
                f"{node.name} does not serve yet"
                for node in running
                if node.complaint("?js-server-only=true")
            ),
            *([] if self.leader() else ["no leader that all agree on"]),
            *(sentence for node in running for sentence in _behind(node)),
        ]

    def ready(self) -> bool:
        """Whether nothing is lacking."""
        return not self.lacks()

    def complaints(self) -> list[str]:
        """What the nodes themselves find wrong, sessions of receivers included."""
        said = [(node.name, node.complaint()) for node in self.nodes if node.running]
        return [f"{name}: {complaint}" for name, complaint in said if complaint]

    def _named(self, name: str) -> Node | None:
        return next((node for node in self.nodes if node.name == name and node.running), None)

    def _logs(self) -> str:
        return "\n".join([*self.lacks(), *(node.log[-2000:] for node in self.nodes)])

    def __enter__(self) -> Cluster:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        for node in self.nodes:
            node.end()


def _behind(node: Node) -> list[str]:
    """The streams that this node leads and another has not got yet; who leads nothing knows nothing of replicas."""
    return [
        f"{replica['name']} is behind {node.name} in {stream['name']}"
        for stream in node.streams()
        if stream.get("cluster", {}).get("leader") == node.name
        for replica in stream["cluster"].get("replicas") or ()
        if not replica["current"]
    ]


def until(true: Callable[[], bool], within_s: float, otherwise: Callable[[], str]) -> None:
    """Wait for other processes, which have a real clock."""
    deadline_s = time.monotonic() + within_s  # noqa: TID251
    while not true():
        assert time.monotonic() < deadline_s, otherwise()  # noqa: TID251
        time.sleep(0.05)  # noqa: TID251
