"""What to do when a broker refuses a batch: one rule for each reason, in one table.

The reasons are the names that MQTT 5.0 gives to the codes of PUBACK (section 3.4.2.1), and "Packet too
large", which this end says itself when a batch exceeds the broker's announced maximum. MQTT 3.1.1 cannot
refuse a publish: such brokers close the connection instead, and that is the back-off's affair.
"""

from __future__ import annotations

from enum import Enum


class Rule(Enum):
    """What becomes of a refused batch."""

    LATER = "later"  # hold this batch back for a while; others go on
    SLOW_DOWN = "slow down"  # the broker is short of something: pause everything
    QUARANTINE = "quarantine"  # the same bytes would be refused for ever: set it aside and say so


REFUSALS: dict[str, Rule] = {
    "Unspecified error": Rule.LATER,
    "Implementation specific error": Rule.LATER,
    "Packet identifier in use": Rule.LATER,
    "Not authorized": Rule.LATER,  # an access rule can be mended; the record must not die of it
    "Quota exceeded": Rule.SLOW_DOWN,
    "Topic name invalid": Rule.QUARANTINE,
    "Payload format invalid": Rule.QUARANTINE,
    "Packet too large": Rule.QUARANTINE,
}


def rule_for(reason: str) -> Rule:
    """The rule for `reason`; an unknown one is LATER, because nothing is thrown away on a guess."""
    return REFUSALS.get(reason, Rule.LATER)
