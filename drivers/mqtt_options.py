"""How to reach a broker: addresses, options, TLS, passwords, and why it failed in words."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

PASSWORD_FILE_BYTES_MAX = 4_096
DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}


class LinkError(OSError):
    """The broker could not be reached, or not now."""


class BrokerAddressError(ValueError):
    """A broker is written as mqtt://host:port or mqtts://host:port, and nothing else."""


class BrokerAddress(NamedTuple):
    """Where a broker listens and whether it speaks TLS."""

    host: str
    port: int
    tls: bool


def parse_broker(url: str) -> BrokerAddress:
    """Read mqtt://host[:port] or mqtts://host[:port]; ports default to 1883 and 8883.

    Raises BrokerAddressError for anything else, a user name or password in the address among it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BrokerAddressError("not an address of the form mqtt://host:port") from error
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise BrokerAddressError("not an address of the form mqtt://host:port or mqtts://host:port")
    if "@" in parts.netloc:
        raise BrokerAddressError("a broker's address holds no user name or password; use their own settings")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise BrokerAddressError("a broker's address ends after the port")
    return BrokerAddress(parts.hostname, port or DEFAULT_PORTS[parts.scheme], parts.scheme == "mqtts")


@dataclass(frozen=True)
class LinkOptions:
    """How to connect. Secrets are named by file and read for each connection, so that they can be renewed.

    `protocol` is "auto", "5" or "3.1.1". `state_topic` is where each connection tells that it is up, and how it
    ended (see drivers/mqtt_state.py); None: a silent link, without birth and last will. `custody_topic` is what the
    city's end answers on: each connection asks for it in the same way, and goes on without where it is refused.
    """

    client_id: str
    protocol: str = "auto"
    keepalive_s: int = 30
    connect_within_s: float = 20.0
    username: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    state_topic: str | None = None
    custody_topic: str | None = None


def in_words(error: BaseException) -> str:
    """Why a connection failed, for people, without addresses, file contents or secrets."""
    match error:
        case ssl.SSLCertVerificationError():
            words = f"the broker's certificate was not accepted: {error.verify_message}"
        case ssl.SSLError():
            words = f"TLS failed: {(error.reason or 'no reason given').replace('_', ' ').lower()}"
        case socket.gaierror():
            words = "the broker's name was not found"
        case TimeoutError():
            words = "no answer in time"
        case LinkError():
            words = str(error)
        case OSError():
            words = (error.strerror or type(error).__name__).lower()
        case _:
            words = f"unexpected {type(error).__name__}"
    return words


class _TidySocket(ssl.SSLSocket):
    """Closes itself when its handshake fails; paho leaves that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def tls_context(options: LinkOptions) -> ssl.SSLContext:
    """Verified TLS 1.2 or later, with this truck's certificate where it has one. Raises LinkError."""
    try:
        context = ssl.create_default_context(cafile=options.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.sslsocket_class = _TidySocket
        if options.certificate_file:
            # An empty password makes a locked key an error; without it OpenSSL would ask on the terminal.
            context.load_cert_chain(options.certificate_file, options.key_file, password="")
    except OSError as error:
        raise LinkError(f"certificate files not usable: {in_words(error)}") from error
    return context


def read_password(path: str | None) -> str | None:
    """The first line of the password file; None without one. Raises LinkError."""
    if path is None:
        return None
    try:
        with Path(path).open("rb") as file:
            data = file.read(PASSWORD_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise LinkError(f"password file not readable: {in_words(error)}") from error
    if len(data) > PASSWORD_FILE_BYTES_MAX:
        raise LinkError("password file is too long")
    try:
        return data.decode("utf-8").splitlines()[0] if data else ""
    except UnicodeDecodeError as error:
        raise LinkError("password file is not UTF-8 text") from error
