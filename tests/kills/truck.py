"""Agents at small cost: a process that has everything imported and forks one real `fairhaul run` after another.

`python -m tests.kills.truck PHASE_FILE PROMISES_FILE` obeys lines of JSON on stdin: `config`, `log` (where stderr
goes), `fate` (see tests.kills.phases, or null), `unnamed` (whether no name server ever answers). It answers each with
two lines: the process's `pid` as soon as it runs, and its `status` once it has ended, negative for a signal.

The agent is its own code from its command line on, signals, threads and exit included. Put round some of its
functions: word of the phase, and around each commit what is about to be promised and that it was.
"""

from __future__ import annotations

import functools
import gc
import importlib
import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent import wire
from agent.__main__ import main as fairhaul
from agent.keeping import Keeping
from agent.loop import Loop
from agent.runtime import Runtime
from agent.sending.sender import Sender
from agent.streams.merging import MERGED
from buffer.outbox import Outbox
from tests.crash.promises import records_in
from tests.kills.phases import Fate, Shown, Watch

NEEDED = ("agent.cli.run", "agent.live", "config.load", "gpiozero.pins.mock")
NEVER = threading.Event()


def around(owner: Any, name: str, wrap: Callable[..., Any]) -> None:
    """Have `wrap` called with the plain function before the arguments."""
    plain = getattr(owner, name)

    @functools.wraps(plain)
    def wrapped(*words: Any, **named: Any) -> Any:
        return wrap(plain, *words, **named)

    setattr(owner, name, wrapped)


def instrument(watch: Watch, promises: int) -> None:
    """Tell phases to `watch`, and what is committed on the descriptor `promises`."""

    def within(phase: str, plain: Callable[..., Any], *words: Any, **named: Any) -> Any:
        watch.enter(phase)
        try:
            return plain(*words, **named)
        finally:
            watch.leave()

    def looped(plain: Callable[..., Any], loop: Loop, *words: Any) -> Any:
        watch.leave()  # of the start
        running.append(loop._runtime)
        return plain(loop, *words)

    def told(plain: Callable[..., Any], *words: Any, **named: Any) -> Any:
        answer = plain(*words, **named)
        if running:
            watch.state = state_of(running[0])
            watch.show()
        return answer

    def committed(plain: Callable[..., Any], outbox: Outbox, **change: Any) -> Any:
        line = promise(change)
        os.write(promises, b"about " + line)
        within("sealing" if change.get("seal") else "committing", plain, outbox, **change)
        os.write(promises, b"given " + line)

    def sealed(plain: Callable[..., Any], keeping: Keeping, *words: Any, **named: Any) -> Any:
        if len(words) < 3:  # `make` is what a release has
            return plain(keeping, *words, **named)
        return within("sealing", plain, keeping, *words, **named)

    def ended(plain: Callable[..., Any], *words: Any) -> Any:
        watch.enter("ending")  # and never leaves it
        return plain(*words)

    running: list[Runtime] = []
    around(Loop, "run", looped)
    for owner, name in ((Sender, "_become"), (Sender, "offer"), (Keeping, "settle"), (Loop, "_watch")):
        around(owner, name, told)
    around(Keeping, "commit", sealed)
    around(Outbox, "purge", functools.partial(within, "purging"))
    around(Runtime, "finish", ended)
    around(Outbox, "commit", committed)


def state_of(runtime: Runtime) -> str:
    """The phase of an agent that is in none of the calls."""
    if runtime._keeping._acked:
        return "acknowledging"
    if runtime.sender.state == "connecting":
        return "connecting"
    return "draining" if runtime.sender.outstanding else "recording"


def promise(change: dict[str, Any]) -> bytes:
    """What a commit holds: digests of batches, and of records that are not put together with others later."""
    rows = [row for row in change.get("keep", ()) if row.stream not in MERGED]
    records = [digest for row in rows for digest in records_in("kept_first", (0, *row))]
    batches = [wire.digest(batch.payload) for batch in change.get("seal", ())]
    return json.dumps({"records": records, "batches": batches}).encode("ascii") + b"\n"


def become_truck(asked: dict[str, Any], shown: Shown, promises: int) -> None:
    """This process is the agent from here on; does not return."""
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor, number in ((nothing, 0), (nothing, 1), (log, 2)):
        os.dup2(descriptor, number)
    if asked["unnamed"]:
        socket.getaddrinfo = lambda *_, **__: NEVER.wait()  # type: ignore[assignment]
    watch = Watch(shown, Fate(*asked["fate"]) if asked["fate"] else None)
    watch.enter("starting")
    instrument(watch, promises)
    fairhaul(["run", "--config", asked["config"]], prog_name="fairhaul")


def main() -> None:
    """Fork an agent for each line."""
    shown = Shown(Path(sys.argv[1]))
    promises = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for module in NEEDED:  # here, so that no child has to
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    for line in iter(sys.stdin.readline, ""):
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            become_truck(asked, shown, promises)
        print(json.dumps({"pid": pid}), flush=True)  # noqa: T201
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print(json.dumps({"status": status}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
