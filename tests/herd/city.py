"""The city's end of the herd: one lasting subscription that counts each batch, back at once whenever the broker is."""

from __future__ import annotations

import threading
import time
from collections import Counter

from drivers.inbox import Inbox
from drivers.inputs import Delivered, LinkDown, LinkUp
from drivers.mqtt import LinkError, LinkOptions, Subscription

AGAIN_S = 0.2
INPUTS_MAX = 200_000
TOPICS = ("fairhaul/v1/herd/#",)


class City:
    """Runs on a thread of its own until `close`. `kept`: how often each batch came."""

    def __init__(self, url: str, options: LinkOptions) -> None:
        self.kept: Counter[bytes] = Counter()
        self.up = threading.Event()
        self._url = url
        self._inbox = Inbox(INPUTS_MAX)
        self._subscription = Subscription(options, self._inbox.post, time.monotonic)  # noqa: TID251
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        link = 0
        while not self._closing.is_set():
            link += 1
            self._subscription.connect(link, self._url, TOPICS)
            self._serve()
            self.up.clear()
            self._closing.wait(AGAIN_S)

    def _serve(self) -> None:
        """One connection, to its end."""
        while not self._closing.is_set():
            entry = self._inbox.take(AGAIN_S)
            if isinstance(entry, LinkDown):
                return
            if isinstance(entry, LinkUp):
                self.up.set()
            elif isinstance(entry, Delivered):
                self._keep(entry)

    def _keep(self, entry: Delivered) -> None:
        self.kept[entry.payload.rstrip(b".")] += 1
        try:
            self._subscription.acknowledge(entry.link, entry.mid)
        except LinkError:
            return  # it comes again

    def close(self) -> None:
        """Hang up."""
        self._closing.set()
        self._thread.join()
        self._subscription.close()
