"""A certificate's days and who may read a key, against another reader of certificates."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from agent.doctor.certificate import (
    Validity,
    certificate_days,
    own_certificate,
    secrets,
    validity,
    validity_of_file,
)
from agent.doctor.credentials import as_kept
from tests.sim.drives import configuration
from tests.system.certificates import Authority

EPOCH = datetime.date(1970, 1, 1)
DER = ssl.PEM_cert_to_DER_cert("""-----BEGIN CERTIFICATE-----
MIIBfjCCASWgAwIBAgIUHIUNQkXJIpmo5xwMIE4CLD9XS6YwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJdHJ1Y2stMDE3MCAXDTI2MTEyMjEyMjc0MloYDzIxMDkwMTEx
MTIyNzQyWjAUMRIwEAYDVQQDDAl0cnVjay0wMTcwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQ384rBZXSAr6kmHkpa+XFehkHumjsqM0l4km4eXo5zn+jADKNpY7N0
S75k4XPNraLkOiJwSulS46AuD391DQ9bo1MwUTAdBgNVHQ4EFgQU8k1jShv1AkG9
SK4mM3lPqdi3VWswHwYDVR0jBBgwFoAU8k1jShv1AkG9SK4mM3lPqdi3VWswDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiALWS7NFQnZnRxn3n78Y9/A
dn5hnYz9/1SWm1Lbxe8TEQIgX4ClEYFi/g6VGkoSFFzW2CG6qg7DqGSTiQdXNJJN
ifo=
-----END CERTIFICATE-----
""")


def day_of(moment: datetime.datetime) -> int:
    return (moment.date() - EPOCH).days


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(Authority(tmp_path_factory.mktemp("ca")).issue("truck-017")[0])


def test_the_days_are_those_that_another_reader_finds(issued: Path) -> None:
    other = x509.load_pem_x509_certificate(issued.read_bytes())
    expected = Validity(day_of(other.not_valid_before_utc), day_of(other.not_valid_after_utc))
    assert validity_of_file(issued) == expected


def test_of_a_chain_the_first_counts_and_words_round_it_do_not(issued: Path, tmp_path: Path) -> None:
    chain = tmp_path / "chain.pem"
    chain.write_bytes(b"truck-017\n" + issued.read_bytes() + issued.with_name("ca.pem").read_bytes())
    assert validity_of_file(chain) == validity_of_file(issued)


@pytest.mark.parametrize(
    ("written", "year"), [(b"491231235959Z", 2049), (b"500101000000Z", 1950), (b"991231235959Z", 1999)]
)
def test_years_of_two_digits_are_of_this_century_up_to_49(written: bytes, year: int) -> None:
    time = bytes([0x17, len(written)]) + written
    dates = bytes([0x30, 2 * len(time)]) + time + time
    signed = b"\x02\x01\x01" + b"\x30\x00" + b"\x30\x00" + dates
    der = bytes([0x30, len(signed) + 2, 0x30, len(signed)]) + signed
    found = validity(der)
    assert (EPOCH + datetime.timedelta(days=found.until_day)).year == year


@given(st.binary(max_size=200))
def test_bytes_that_are_no_certificate_raise_value_error_and_nothing_else(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        validity(data)


@given(at=st.integers(0, 400), turned=st.integers(1, 255))
def test_a_certificate_with_a_turned_byte_is_read_or_is_none(at: int, turned: int) -> None:
    der = bytearray(DER)
    der[at % len(der)] ^= turned
    try:
        assert validity(bytes(der)).until_day > -800_000
    except ValueError:
        return


def test_days_left_count_down_to_0_and_none_is_minus_1(issued: Path, tmp_path: Path) -> None:
    last = validity_of_file(issued).until_day
    assert [certificate_days(issued, last - left) for left in (30, 1, 0, -1)] == [30, 1, 0, 0]
    assert certificate_days(None, last) == -1
    assert certificate_days(tmp_path / "absent.pem", last) == -1


@pytest.mark.parametrize(
    ("left", "outcome", "words"),
    [
        (31, "pass", "31 more days"),
        (29, "warn", "29 more days"),
        (0, "warn", "0 more"),
        (-1, "fail", "expired"),
    ],
)
def test_a_certificate_that_ends_soon_is_a_warning_and_one_that_has_a_failure(
    issued: Path, left: int, outcome: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = validity_of_file(issued).until_day
    monkeypatch.setattr("agent.doctor.certificate.validity_of_file", lambda _: Validity(last - 99, last))
    found = own_certificate(issued, last - left)
    assert found.outcome == outcome
    assert words in found.says


def test_a_certificate_that_is_not_valid_yet_points_at_the_clock(issued: Path) -> None:
    found = own_certificate(issued, validity_of_file(issued).from_day - 1)
    assert found.outcome == "fail"
    assert "timedatectl" in found.remedy


def test_a_truck_without_a_certificate_of_its_own_needs_none(tmp_path: Path) -> None:
    assert own_certificate(None, 0).outcome == "not here"
    assert own_certificate(tmp_path / "absent.pem", 0).outcome == "fail"


@pytest.mark.parametrize(
    ("mode", "outcome"),
    [(0o400, "pass"), (0o600, "pass"), (0o604, "fail"), (0o644, "fail"), (0o660, "fail"), (0o640, "fail")],
)
def test_a_key_that_others_may_read_fails(tmp_path: Path, mode: int, outcome: str) -> None:
    key = tmp_path / "truck.key"
    key.touch()
    key.chmod(mode)
    found = secrets([key])
    assert found.outcome == outcome
    assert (f"sudo chmod 400 {key}" in found.remedy) is (outcome == "fail")


def test_a_key_may_be_read_by_the_agent_s_own_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "truck.key"
    key.touch(0o640)
    key.chmod(0o640)
    monkeypatch.setattr("agent.doctor.certificate._OWN_GROUP", key.group())
    assert secrets([key]).outcome == "pass"


def test_a_group_without_a_name_is_a_stranger_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless(gid: int) -> None:
        raise KeyError(gid)

    key = tmp_path / "truck.key"
    key.touch()
    key.chmod(0o640)
    monkeypatch.setattr("agent.doctor.certificate.grp.getgrgid", nameless)
    assert secrets([key]).outcome == "fail"


def test_what_systemd_gives_to_the_agent_alone_is_guarded_whatever_its_mode_bits_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "keys_truck.key"
    key.touch()
    key.chmod(0o440)
    assert secrets([key]).outcome == "fail"
    monkeypatch.setattr("agent.doctor.certificate._GUARDED", str(tmp_path))
    assert secrets([key]).outcome == "pass"


def test_a_key_that_systemd_does_not_give_just_now_is_looked_for_where_it_is_kept(tmp_path: Path) -> None:
    (tmp_path / "truck.key").touch()
    given = "/run/credentials/fairhaul.service/keys_"
    named = {"certificate_file": f"{given}truck.pem", "key_file": f"{given}truck.key", "ca_file": "ca.pem"}
    before = configuration(link={"brokers": ["mqtts://broker"], **named})
    link = as_kept(before, tmp_path).link
    assert link.key_file == tmp_path / "truck.key"
    assert (link.certificate_file, link.ca_file) == (before.link.certificate_file, before.link.ca_file)
