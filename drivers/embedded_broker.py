"""An MQTT broker inside this process, for the demo and for tests without apt: amqtt in a thread of its own.

amqtt 0.12 loses acknowledged messages in three places: when a publisher leaves with messages still in its queue,
when a subscriber takes more than five seconds to acknowledge, and when one leaves with messages on their way.
`_Keeping` closes the three, so that from `start` to `stop` what was acknowledged reaches every lasting session.

Limits: MQTT 3.1.1 only; loopback only; no TLS and no passwords; memory only, so that nothing outlives a stop:
no session, no message not yet delivered, no retained one. It is no broker for a city.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from concurrent.futures import Future
from typing import Any

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.errors import AMQTTError
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session

START_WITHIN_S = 10.0
STOP_WITHIN_S = 5.0
ON_THEIR_WAY_MAX = 20  # to one session, as other brokers have it
AGAIN_AFTER_S = 0.1
FIXED_HEADER_BYTES_MAX = 5
PROTOCOL_3_1_1 = b"\x00\x04MQTT\x04"
VERSION_REFUSED = b"\x20\x02\x00\x01"
SILENT = logging.CRITICAL + 1


class Anyone(BaseAuthPlugin):  # type: ignore[misc, unused-ignore]
    """Lets everyone in, without calling them anonymous: amqtt keeps nothing for anonymous sessions."""

    async def authenticate(self, *, session: Session) -> bool:
        """Always yes."""
        return True


class _Rewound(StreamReaderAdapter):  # type: ignore[misc, unused-ignore]
    """A stream whose first bytes were already read."""

    def __init__(self, head: bytes, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self._head = head

    async def read(self, n: int = -1) -> bytes:
        """Exactly `n` bytes, the first ones again."""
        taken, self._head = self._head[:n], self._head[n:]
        return taken + bytes(await super().read(n - len(taken)))


class _Handing:
    """Stands before amqtt's handler of one session and hands messages over until they are acknowledged."""

    def __init__(self, broker: _Keeping, session: Session) -> None:
        self._broker = broker
        self._session = session

    async def mqtt_publish(self, topic: str, data: bytes, qos: int | None, retain: bool) -> None:
        await self._broker.hand_over(self._session, topic, data, qos, retain)


class _Keeping(Broker):  # type: ignore[misc, unused-ignore]
    """amqtt's broker, made to keep what it has acknowledged."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self._windows: dict[int, asyncio.Semaphore] = {}
        self._handing: set[asyncio.Future[None]] = set()

    def _get_handler(self, session: Session) -> Any:
        return _Handing(self, session) if super()._get_handler(session) else None

    async def hand_over(
        self, session: Session, topic: str, data: bytes, qos: int | None, retain: bool
    ) -> None:
        """Send until acknowledged while the session is connected; then keep it for the next connection."""
        window = self._windows.setdefault(id(session), asyncio.Semaphore(ON_THEIR_WAY_MAX))
        async with window:
            if await self._acknowledged(session, topic, data, qos, retain):
                return
        if qos and not session.clean_session:
            await self._retain_broadcast_message(
                {"session": session, "topic": topic, "data": data}, qos, session
            )

    async def _acknowledged(
        self, session: Session, topic: str, data: bytes, qos: int | None, retain: bool
    ) -> bool:
        while session.transitions.state == "connected":
            handler = super()._get_handler(session)
            if handler is None:
                return False
            try:
                await handler.mqtt_publish(topic, data, qos, retain)
            except (AMQTTError, OSError, TimeoutError, asyncio.CancelledError):
                await asyncio.sleep(AGAIN_AFTER_S)
            else:
                return True
        return False

    async def stream_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
    ) -> None:
        """Refuse every version but 3.1.1 before amqtt misreads its CONNECT and waits for bytes that never come."""
        head = bytearray()
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head += await reader.readexactly(2)
            while head[-1] & 0x80 and len(head) < FIXED_HEADER_BYTES_MAX:
                head += await reader.readexactly(1)
            head += await reader.readexactly(len(PROTOCOL_3_1_1))
        if not head.endswith(PROTOCOL_3_1_1):
            writer.write(VERSION_REFUSED)
            writer.close()
            return
        await self.external_connected(
            _Rewound(bytes(head), reader), StreamWriterAdapter(writer), listener_name
        )

    async def _publish_session_retained_messages(self, session: Session) -> None:
        """Begin to hand over what was kept; waiting for its end would leave SUBSCRIBE unanswered till then."""
        task = asyncio.ensure_future(super()._publish_session_retained_messages(session))
        self._handing.add(task)
        task.add_done_callback(self._handing.discard)

    async def _handle_disconnect(self, client_session: Session, handler: Any, waiter: Any) -> None:
        """Before a publisher is forgotten, pass on what it was acknowledged for."""
        queue = client_session.delivered_message_queue
        while not queue.empty():
            left: asyncio.Future[Any] = asyncio.Future()
            left.set_result(queue.get_nowait())
            await self._handle_message_delivery(client_session, handler, left)
        await super()._handle_disconnect(client_session, handler, waiter)


class EmbeddedBroker:
    """A broker on a loopback port; `port` 0 finds a free one, which `start` then keeps for later starts."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    @property
    def url(self) -> str:
        """How a truck's configuration names this broker."""
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> EmbeddedBroker:
        """Listen; returns when connections are accepted. Raises OSError when it cannot."""
        if self._thread is not None:
            raise RuntimeError("the embedded broker is already running")
        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(SILENT)
        self.port = self.port or _free_port()
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._live, args=(ready,), name="embedded-broker", daemon=True)
        self._thread.start()
        try:
            ready.result(START_WITHIN_S)
        except BaseException:
            self._thread = None
            raise
        return self

    def stop(self) -> None:
        """Close the port and every connection. May be called again."""
        thread, loop, stopping = self._thread, self._loop, self._stopping
        if thread is None or loop is None or stopping is None:
            return
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stopping.set)
        thread.join(STOP_WITHIN_S + 1)
        self._thread = None

    def __enter__(self) -> EmbeddedBroker:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _live(self, ready: Future[None]) -> None:
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda loop, context: None)
        self._loop = loop
        try:
            loop.run_until_complete(self._serve(ready))
        except Exception as error:  # noqa: BLE001 — handed to the thread that called start.
            if not ready.done():
                ready.set_exception(OSError(f"the embedded broker did not start: {error}"))
        finally:
            _end_tasks(loop)
            loop.close()

    async def _serve(self, ready: Future[None]) -> None:
        self._stopping = asyncio.Event()
        broker = _Keeping(_configuration(self.port))
        await broker.start()
        ready.set_result(None)
        await self._stopping.wait()
        with contextlib.suppress(TimeoutError, AMQTTError, OSError):
            await asyncio.wait_for(broker.shutdown(), STOP_WITHIN_S)


def _configuration(port: int) -> dict[str, Any]:
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"drivers.embedded_broker.Anyone": {}},
    }


def _end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=1.0))
    loop.run_until_complete(loop.shutdown_asyncgens())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
