"""Addresses, passwords and certificates of a link, before anything is connected."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.mqtt_options import (
    PASSWORD_FILE_BYTES_MAX,
    BrokerAddress,
    BrokerAddressError,
    LinkError,
    LinkOptions,
    parse_broker,
    read_password,
    tls_context,
)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://broker.example", BrokerAddress("broker.example", 1883, False)),
        ("mqtts://broker.example", BrokerAddress("broker.example", 8883, True)),
        ("mqtts://[::1]:9000/", BrokerAddress("::1", 9000, True)),
    ],
)
def test_address_of_a_broker_is_read(url: str, address: BrokerAddress):
    assert parse_broker(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "broker:1883",
        "http://broker",
        "mqtt://",
        "mqtt://a:b@broker",
        "mqtt://broker:70000",
        "mqtt://b/path",
        "",
    ],
)
def test_anything_else_is_no_address(url: str):
    with pytest.raises(BrokerAddressError):
        parse_broker(url)


def test_password_is_the_first_line_of_its_file(tmp_path: Path):
    path = tmp_path / "password"
    path.write_bytes("pässword\nsecond\n".encode())
    assert read_password(str(path)) == "pässword"
    path.write_bytes(b"x" * PASSWORD_FILE_BYTES_MAX)
    assert read_password(str(path)) == "x" * PASSWORD_FILE_BYTES_MAX


def test_missing_certificate_file_is_a_link_error(tmp_path: Path):
    with pytest.raises(LinkError, match="certificate files not usable: no such file"):
        tls_context(LinkOptions(client_id="truck", ca_file=str(tmp_path / "ca.pem")))
