"""A network cable between two loopback ports that can be pulled out and put back in, for the demo.

Pulled, it ends every connection on it and refuses new ones; what was on its way is lost, acknowledgements included.
It models neither a slow nor a silent network: who speaks into it learns at once that it is gone.
"""

from __future__ import annotations

import contextlib
import socket
import threading

BLOCK_BYTES = 65_536
CONNECTIONS_MAX = 100


class Cable:
    """A port of its own that leads to another; it begins pulled out, and has no port before the first time."""

    def __init__(self) -> None:
        self._listening: socket.socket | None = None
        self._ends: list[socket.socket] = []
        self.port = 0

    @property
    def url(self) -> str:
        """How a truck's configuration names what is at the far end."""
        return f"mqtt://127.0.0.1:{self.port}"

    def plug(self, far_port: int) -> None:
        """Put it in; its own port stays the same from the first time on. Raises OSError where that is taken."""
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(
            target=self._accept, args=(self._listening, far_port), name="cable", daemon=True
        ).start()

    def pull(self) -> None:
        """Pull it out. May be called again."""
        listening, self._listening = self._listening, None
        for end in [*self._ends, *([listening] if listening else [])]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends = []

    def _accept(self, listening: socket.socket, far_port: int) -> None:
        with contextlib.suppress(OSError):  # pulled, or the far end is not there
            while len(self._ends) < CONNECTIONS_MAX:
                near, _ = listening.accept()
                far = socket.create_connection(("127.0.0.1", far_port))
                self._ends = [*self._ends, near, far]
                if self._listening is not listening:
                    self.pull()
                    return
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=_carry, args=(one, other), name="cable", daemon=True).start()


def _carry(source: socket.socket, target: socket.socket) -> None:
    """Until one of them ends; then both do."""
    with contextlib.suppress(OSError):
        while block := source.recv(BLOCK_BYTES):
            target.sendall(block)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
