"""What the link is offered: calls for help first, then what may leave, then what the city asks for again."""

from __future__ import annotations

from functools import partial

from agent.keeping import Keeping, Key
from agent.sending.calling import Calling
from agent.sending.carrying import Carrying
from agent.sending.resending import Resending
from drivers.inputs import Acknowledged, Delivered, LinkDown, LinkUp


class Offering:
    """Offers one carrying what fits into its window, and settles what was answered.

    `again` is what the city's end has asked for on this connection.
    """

    def __init__(self, calls: Calling, keeping: Keeping, carrying: Carrying) -> None:
        self.again = Resending(keeping.outbox)
        self._calls = calls
        self._keeping = keeping
        self._carrying = carrying
        self._open: frozenset[str] = frozenset()

    def take(self, entry: LinkUp | LinkDown | Acknowledged | Delivered, now: float) -> None:
        """What came from the link; the only thing that this truck subscribed to is word of its custody."""
        if not isinstance(entry, Delivered):
            self._carrying.step(entry, now)
        elif self.again.hear(entry):
            self._carrying.stale = True

    def follow(self, now: float) -> None:
        """See which connection is up."""
        self.again.follow(self._carrying.link, now)

    def step(self, streams: frozenset[str], now: float) -> None:
        """Offer what there is room for, of the streams that may leave now; calls may always."""
        if streams != self._open:
            self._open, self._carrying.stale = streams, True
        sender, sharing = self._carrying.sender, self._keeping.sharing
        room = sender.room
        if not self._carrying.stale or room == 0:
            return
        on_their_way = sender.in_flight
        batches = self._calls.batches(on_their_way)
        if streams:
            oldest = partial(self._keeping.leaving, streams)
            others = sharing.chosen(oldest, streams, sender, self._calls.keys, now)
            if others is None:  # calls are in memory, and wait for no disk
                self._carrying.offer(batches, now)
                sharing.sent(batches, sender.outstanding, now)
                return
            batches += others
            again = self.again.batches(streams, room - len(batches), on_their_way, now)
            batches += sharing.spare(again)
        self._carrying.stale = bool(batches) or bool(on_their_way) or self.again.busy or sharing.waiting
        self._carrying.offer(batches, now)
        sharing.sent(batches, sender.outstanding, now)

    def settled(self, key: Key, refused: bool, now: float) -> None:
        """The broker has answered; what was sent again has its receipt already."""
        self._calls.settled(key)
        if not self.again.answered(key, now):
            self._keeping.settle(key, refused=refused, now=now)
