"""Every code by which a broker can say no has its rule, and the page for the city's end says the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from paho.mqtt.client import convert_connack_rc_to_reason_code
from paho.mqtt.enums import ConnackCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from agent.sending.refusals import CONNACK, DISCONNECT, PUBACK, Rule, rule_for_batch, rule_for_end

PAGE = Path(__file__).parent.parent.parent / "docs" / "link.md"
FAILURE = 0x80
OUR_OWN = {"Packet too large"}  # said of a batch by this end
TABLES = [
    pytest.param("PUBACK", PacketTypes.PUBACK, PUBACK, id="PUBACK"),
    pytest.param("CONNACK", PacketTypes.CONNACK, CONNACK, id="CONNACK"),
    pytest.param("DISCONNECT", PacketTypes.DISCONNECT, DISCONNECT, id="DISCONNECT"),
]


def codes(packet: int) -> dict[int, str]:
    """What the library knows of MQTT 5's codes for one kind of packet."""
    known = ReasonCode(PacketTypes.CONNACK).names
    return {code: name for code, names in known.items() for name, kinds in names.items() if packet in kinds}


def refusing(packet: int) -> dict[int, str]:
    """Codes that refuse; of a DISCONNECT every one ends the connection."""
    least = 0 if packet == PacketTypes.DISCONNECT else FAILURE
    return {code: name for code, name in codes(packet).items() if code >= least}


@pytest.mark.parametrize(("name", "packet", "table"), TABLES)
def test_every_code_of_mqtt_5_has_its_rule_and_no_other_name_has_one(
    name: str, packet: int, table: Mapping[str, Rule]
):
    named = set(refusing(packet).values())
    assert len(named) >= 7
    assert set(table) == named | (OUR_OWN if table is PUBACK else set())


@pytest.mark.parametrize("code", [code for code in ConnackCode if code])
def test_every_return_code_of_mqtt_3_1_1_has_its_rule(code: ConnackCode):
    assert str(convert_connack_rc_to_reason_code(code)) in CONNACK


def test_a_batch_is_never_thrown_away_for_an_unknown_reason():
    assert rule_for_batch("Something a later broker says") is Rule.LATER


@pytest.mark.parametrize("accepted", [False, True])
def test_a_connection_that_ended_for_no_known_reason_is_tried_again(accepted: bool):
    assert rule_for_end("connection refused", accepted=accepted) is Rule.RETRY


def test_the_same_word_means_another_thing_before_and_after_the_connection_is_accepted():
    assert rule_for_end("Packet too large", accepted=False) is Rule.LONG_WAIT
    assert rule_for_end("Packet too large", accepted=True) is Rule.SUSPECT
    assert rule_for_batch("Packet too large: 600 bytes, the broker takes 500") is Rule.QUARANTINE


def test_every_rule_is_used():
    assert {*PUBACK.values(), *CONNACK.values(), *DISCONNECT.values()} == set(Rule)


@pytest.mark.parametrize(("name", "packet", "table"), TABLES)
def test_the_page_has_the_same_rule_for_every_code(name: str, packet: int, table: Mapping[str, Rule]):
    section = PAGE.read_text(encoding="utf-8").partition(f"### {name}")[2].partition("\n#")[0]
    rows = re.findall(r"^\| (?:0x([0-9A-F]{2})|–)[^|]* \| ([^|]+) \| ([^|]+) \|", section, re.MULTILINE)
    told = {(int(code, 16) if code else None, reason): rule for code, reason, rule in rows}
    right = {(code, reason): table[reason].value for code, reason in refusing(packet).items()}
    if table is PUBACK:
        right |= {(None, reason): table[reason].value for reason in OUR_OWN}
    assert told == right


def test_the_page_explains_every_rule():
    page = PAGE.read_text(encoding="utf-8")
    assert [rule.value for rule in Rule if f"| **{rule.value}** |" not in page] == []


def test_every_test_that_the_page_names_exists():
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))
    tests = PAGE.parent.parent / "tests"
    code = "".join(path.read_text(encoding="utf-8") for path in tests.rglob("test_*.py"))
    assert len(named) > 30
    assert [name for name in sorted(named) if f"def {name}(" not in code] == []
