"""The agent in the world: a link that follows the agreement in force."""

from __future__ import annotations

from typing import Any

import pytest

from agent.live import AgreedLink
from drivers.mqtt import LinkError, LinkOptions


class Noted:
    """A link that notes what it is asked for, and does nothing."""

    def __init__(self, options: LinkOptions, seen: list[Any]) -> None:
        self._topic = options.state_topic
        self._seen = seen

    def connect(self, link: int, broker: str) -> None:
        self._seen.append(("connect", self._topic, link))

    def publish(self, topic: str, payload: bytes) -> int:
        return len(payload)

    def disconnect(self) -> None:
        self._seen.append(("disconnect", self._topic))

    def close(self) -> None:
        self._seen.append(("close", self._topic))


def test_a_link_says_when_the_truck_comes_and_goes_only_while_the_agreement_lets_it() -> None:
    seen: list[Any] = []
    told: list[str | None] = ["a/state"]
    link = AgreedLink(
        lambda: LinkOptions("truck", state_topic=told[-1]),
        lambda options: Noted(options, seen),  # type: ignore[arg-type,return-value]
    )
    link.disconnect()
    link.close()
    with pytest.raises(LinkError):
        link.publish("t", b"")
    link.connect(1, "broker")
    link.connect(2, "broker")
    told.append(None)
    link.disconnect()
    link.connect(3, "broker")
    assert link.publish("t", b"abc") == 3
    link.close()
    assert seen == [
        ("connect", "a/state", 1),
        ("connect", "a/state", 2),
        ("disconnect", "a/state"),
        ("close", "a/state"),
        ("connect", None, 3),
        ("close", None),
    ]
