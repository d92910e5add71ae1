"""A TCP proxy on loopback that delays, swallows or cuts what it carries: a bad road in a thread of its own.

Limits: it carries whole reads, not packets, so that nothing arrives twice or out of order; what it swallows is gone
for good, as behind a NAT that has forgotten the connection: that connection stays dead after `heal`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from concurrent.futures import Future
from random import Random
from typing import Any

READ_BYTES = 65_536
START_WITHIN_S = 10.0


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock.fileno() < 0:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class _Carried:
    """One connection through the proxy."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.near, self.far = near, far
        self.swallowed = False
        self.bytes = 0

    def cut(self) -> None:
        for writer in (self.near, self.far):
            _reset(writer)  # what was under way is lost


class Proxy:
    """Carries connections to the loopback port `to`; `port` is its own.

    `accepted` counts connections. From another thread: `swallow`, `heal`, `cut`.
    """

    def __init__(
        self, to: int, *, delay_s: float = 0.0, cut_after_bytes: Callable[[Random], int] | None = None
    ) -> None:
        """`delay_s` each way; `cut_after_bytes` draws how much a connection carries before it is reset."""
        self.accepted = 0
        self.port = 0
        self._to = to
        self._delay_s = delay_s
        self._cut_after = cut_after_bytes
        self._chance = Random(11)
        self._swallowing = False
        self._carried: set[_Carried] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(self, *exception: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_WITHIN_S)
        self._loop.close()

    def swallow(self) -> None:
        """From now on nothing comes through in either direction, and nobody is told."""

        async def swallow() -> None:
            self._swallowing = True
            for carried in self._carried:
                carried.swallowed = True

        self._call(swallow())

    def heal(self) -> None:
        """New connections come through again; those that were swallowed stay dead."""

        async def heal() -> None:
            self._swallowing = False

        self._call(heal())

    def cut(self) -> None:
        """Reset every connection."""

        async def cut() -> None:
            for carried in self._carried:
                carried.cut()

        self._call(cut())

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _call(self, coroutine: Any) -> None:
        done: Future[None] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        done.result(START_WITHIN_S)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        for carried in self._carried:
            carried.cut()
        mine = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not mine]
        if tasks:
            await asyncio.wait(tasks, timeout=START_WITHIN_S)

    async def _accept(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            back, far = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            _reset(near)
            return
        carried = _Carried(near, far)
        carried.swallowed = self._swallowing
        carried.bytes = self._cut_after(self._chance) if self._cut_after else -1
        self._carried.add(carried)
        await asyncio.gather(self._pump(reader, far, carried), self._pump(back, near, carried))
        self._carried.discard(carried)
        for writer in (near, far):
            self._loop.call_later(self._delay_s, writer.close)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, one: _Carried) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(READ_BYTES):
                if one.swallowed:
                    continue
                if one.bytes >= 0:
                    one.bytes -= len(data)
                    if one.bytes < 0:
                        one.cut()
                        return
                self._later(writer, data)
        if not one.swallowed:
            self._later(writer, b"")

    def _later(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        """Write after the delay; nothing means the end."""

        def write() -> None:
            if writer.is_closing():
                return
            if data:
                writer.write(data)
            elif writer.can_write_eof():
                writer.write_eof()

        if self._delay_s:
            self._loop.call_later(self._delay_s, write)
        else:
            write()
