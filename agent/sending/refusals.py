"""What to do when a broker says no: one rule for each reason, in one table for each packet that can bring one.

The reasons are the names that MQTT 5.0 gives to the codes of PUBACK (section 3.4.2.1), CONNACK (3.2.2.2) and
DISCONNECT (3.14.2.1). The return codes of MQTT 3.1.1's CONNACK bear the same names; it cannot refuse a publish, and
ends the connection instead. "Packet too large" of a batch is said by this end, when a batch exceeds what the broker
announced. docs/link.md holds these tables in words, and a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Rule(Enum):
    """What is done about a refusal. The first three are about one batch, the others about a connection's end."""

    LATER = "later"  # hold this batch back for a while; others go on
    QUARANTINE = "quarantine"  # the same bytes would be refused for ever: set the batch aside and say so
    SUSPECT = "suspect"  # the batch sent last may be why: send it alone, then hold it back; others go on
    RETRY = "retry"  # the next broker in turn, after the ordinary back-off
    SLOW_DOWN = "slow down"  # the broker is short of something: wait longer than usual
    LONG_WAIT = "long wait"  # people have to mend it: once no broker is left, wait for minutes


PUBACK: Mapping[str, Rule] = {
    "Unspecified error": Rule.LATER,
    "Implementation specific error": Rule.LATER,
    "Packet identifier in use": Rule.LATER,
    "Not authorized": Rule.LATER,  # an access rule can be mended; the record must not die of it
    "Quota exceeded": Rule.SLOW_DOWN,
    "Topic name invalid": Rule.QUARANTINE,
    "Payload format invalid": Rule.QUARANTINE,
    "Packet too large": Rule.QUARANTINE,
}

CONNACK: Mapping[str, Rule] = {
    "Unspecified error": Rule.RETRY,
    "Malformed packet": Rule.RETRY,
    "Protocol error": Rule.RETRY,
    "Implementation specific error": Rule.RETRY,
    "Unsupported protocol version": Rule.LONG_WAIT,
    "Client identifier not valid": Rule.LONG_WAIT,
    "Bad user name or password": Rule.LONG_WAIT,
    "Not authorized": Rule.LONG_WAIT,
    "Server unavailable": Rule.RETRY,
    "Server busy": Rule.SLOW_DOWN,
    "Banned": Rule.LONG_WAIT,
    "Bad authentication method": Rule.LONG_WAIT,
    "Topic name invalid": Rule.LONG_WAIT,  # that of the last will
    "Packet too large": Rule.LONG_WAIT,
    "Quota exceeded": Rule.SLOW_DOWN,
    "Retain not supported": Rule.LONG_WAIT,  # the last will is retained
    "QoS not supported": Rule.LONG_WAIT,
    "Use another server": Rule.RETRY,  # of the configured ones: nobody is followed elsewhere
    "Server moved": Rule.LONG_WAIT,
    "Connection rate exceeded": Rule.SLOW_DOWN,
}

DISCONNECT: Mapping[str, Rule] = {
    "Normal disconnection": Rule.RETRY,
    "Disconnect with will message": Rule.RETRY,
    "Unspecified error": Rule.RETRY,
    "Malformed packet": Rule.SUSPECT,
    "Protocol error": Rule.SUSPECT,
    "Implementation specific error": Rule.SUSPECT,
    "Not authorized": Rule.LONG_WAIT,
    "Server busy": Rule.SLOW_DOWN,
    "Server shutting down": Rule.RETRY,
    "Bad authentication method": Rule.LONG_WAIT,
    "Keep alive timeout": Rule.RETRY,
    "Session taken over": Rule.LONG_WAIT,
    "Topic filter invalid": Rule.RETRY,
    "Topic name invalid": Rule.SUSPECT,
    "Receive maximum exceeded": Rule.SLOW_DOWN,
    "Topic alias invalid": Rule.RETRY,
    "Packet too large": Rule.SUSPECT,
    "Message rate too high": Rule.SLOW_DOWN,
    "Quota exceeded": Rule.SLOW_DOWN,
    "Administrative action": Rule.RETRY,
    "Payload format invalid": Rule.SUSPECT,
    "Retain not supported": Rule.LONG_WAIT,
    "QoS not supported": Rule.LONG_WAIT,
    "Use another server": Rule.RETRY,
    "Server moved": Rule.LONG_WAIT,
    "Shared subscription not supported": Rule.RETRY,
    "Connection rate exceeded": Rule.SLOW_DOWN,
    "Maximum connect time": Rule.RETRY,
    "Subscription identifiers not supported": Rule.RETRY,
    "Wildcard subscription not supported": Rule.RETRY,
}


def kind_of(reason: str) -> str:
    """The code's name; what stands behind a colon is for people."""
    return reason.partition(":")[0]


def rule_for_batch(reason: str) -> Rule:
    """The rule for a refused batch; an unknown reason is LATER, because nothing is thrown away on a guess."""
    return PUBACK.get(kind_of(reason), Rule.LATER)


def rule_for_end(reason: str, *, accepted: bool) -> Rule:
    """The rule for a connection that ended, before or after it was accepted; RETRY for all that no code names."""
    return (DISCONNECT if accepted else CONNACK).get(reason, Rule.RETRY)
