"""The way to a broker, step by step: its name, a connection, TLS, a login, and one message without a place."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace

from agent.doctor.certificate import remaining, validity
from agent.doctor.finding import Finding, failed, filled, not_here, not_tested, passed, warned
from drivers.clock import Clock
from drivers.inbox import Inbox
from drivers.inputs import Acknowledged, Input, LinkDown, LinkUp
from drivers.mqtt import Link, LinkError, LinkOptions
from drivers.mqtt_options import BrokerAddress, in_words, parse_broker, tls_context

CHECKS = ("name", "connection", "encryption", "broker's certificate", "login", "test message")
CLIENT_SUFFIX = "-doctor"
"""Behind the truck's own client id: a broker ends the earlier of two connections of one id."""
TEST_MESSAGE = b'{"v":1,"test":"doctor"}'
"""The same from every truck, at any time and in any place."""
WAIT_S = 0.5
EXPIRED, NOT_YET, OTHER_NAME = 10, 9, (62, 64)

_MODEM = "Check the modem, its SIM card and its antenna."
_RENEW = "Ask those who run the broker to renew its certificate."


def network(
    broker: str, options: LinkOptions, topic: str, clock: Clock, wall_day: int
) -> tuple[Finding, ...]:
    """Every step on the way to `broker`; `wall_day` is days since 1970-01-01 by the clock that certificates go by."""
    found: list[Finding] = []
    address = parse_broker(broker)
    for step in (
        lambda: [_name(address)],
        lambda: [_connection(address, options)],
        lambda: _tls(address, options, wall_day),
        lambda: _login(broker, options, topic, clock),
    ):
        found += step()
        if any(each.outcome == "fail" for each in found):
            break
    return filled(CHECKS, found, "an earlier step failed")


def _name(address: BrokerAddress) -> Finding:
    try:
        socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # the latter of what can't be a name at all
        says = f"the name {address.host} is not found"
        return failed("name", says, f"{_MODEM} Or the name in link.brokers in agent.yaml is misspelt.")
    return passed("name", f"the name {address.host} is found")


def _connection(address: BrokerAddress, options: LinkOptions) -> Finding:
    try:
        with socket.create_connection((address.host, address.port), options.connect_within_s):
            return passed("connection", f"port {address.port} answers")
    except ConnectionRefusedError:
        remedy = "Ask whether the broker runs. Check the port in link.brokers in agent.yaml."
        return failed("connection", f"nobody listens on port {address.port}", remedy)
    except OSError as error:
        remedy = f"{_MODEM} Or a firewall keeps port {address.port} shut."
        return failed("connection", f"no connection to port {address.port}: {in_words(error)}", remedy)


def _tls(address: BrokerAddress, options: LinkOptions, wall_day: int) -> Iterator[Finding]:
    if not address.tls:
        if address.host in ("localhost", "127.0.0.1", "::1"):
            yield not_here("encryption", "not needed on this computer itself")
        else:
            remedy = "Write mqtts:// in link.brokers in agent.yaml, once the broker has a certificate."
            yield warned(
                "encryption", "mqtt:// is not encrypted: whoever is on the way can read along", remedy
            )
        yield not_here("broker's certificate", "without encryption there is none")
        return
    try:
        with (
            socket.create_connection((address.host, address.port), options.connect_within_s) as plain,
            tls_context(options).wrap_socket(plain, server_hostname=address.host) as secure,
        ):
            der, version = secure.getpeercert(binary_form=True) or b"", secure.version()
    except ssl.SSLCertVerificationError as error:
        yield _not_accepted(error)
        return
    except OSError as error:
        yield failed("encryption", in_words(error), _tls_remedy(error))
        return
    yield passed("encryption", f"{version}, and the broker is who it says it is")
    try:
        valid = validity(der)
    except ValueError:
        yield not_tested("broker's certificate", "it is accepted, but its dates can't be read")
        return
    yield remaining("broker's certificate", "the broker's certificate", valid, wall_day, _RENEW)


def _not_accepted(error: ssl.SSLCertVerificationError) -> Finding:
    says = f"the broker's certificate is not accepted: {error.verify_message}"
    if error.verify_code == EXPIRED:
        return failed("broker's certificate", says, f"{_RENEW} If it is good, the computer's clock is wrong.")
    if error.verify_code == NOT_YET:
        remedy = "Set the computer's clock: give the box a network, then look at `timedatectl`."
        return failed("broker's certificate", says, remedy)
    if error.verify_code in OTHER_NAME:
        remedy = "Write the broker in link.brokers in agent.yaml by the name that its certificate bears."
        return failed("broker's certificate", says, remedy)
    remedy = "Put the city's own ca.pem in place, and name it in link.ca_file in agent.yaml."
    return failed("broker's certificate", says, remedy)


def _tls_remedy(error: OSError) -> str:
    if isinstance(error, LinkError):
        return "Put link.ca_file, certificate_file and key_file in place; certificate and key must belong together."
    return "Check the port in link.brokers in agent.yaml: 8883 is usual for mqtts. Or does the broker speak mqtt://?"


def _login(broker: str, options: LinkOptions, topic: str, clock: Clock) -> Iterator[Finding]:
    """Log in under a client id of its own, so that the running agent keeps its connection; publish once."""
    inbox = Inbox()
    quiet = replace(
        options, client_id=options.client_id + CLIENT_SUFFIX, state_topic=None, custody_topic=None
    )
    link = Link(quiet, inbox.post, clock.at)
    try:
        link.connect(1, broker)
        came = _awaited(inbox, clock, options.connect_within_s, lambda entry: isinstance(entry, LinkUp))
        if not isinstance(came, LinkUp):
            reason = came.reason if isinstance(came, LinkDown) else "no answer in time"
            yield failed("login", f"the broker turns this truck away: {reason}", _login_remedy(reason))
            return
        yield passed("login", "the broker lets this truck in")
        yield _published(link, inbox, topic, clock, options.connect_within_s)
    finally:
        link.close()


def _login_remedy(reason: str) -> str:
    if "TLS" in reason or "certificate" in reason:
        return "Check that the truck's certificate is from the city's authority, and still valid."
    return (
        "Check link.username and password_file in agent.yaml, or the truck's certificate. "
        f"Ask those who run the broker whether it lets in the client id of this truck with {CLIENT_SUFFIX} behind it."
    )


def _published(link: Link, inbox: Inbox, topic: str, clock: Clock, within_s: float) -> Finding:
    remedy = f"Ask those who run the broker to let this truck write to {topic}."
    try:
        mid = link.publish(topic, TEST_MESSAGE)
    except LinkError as error:
        return failed("test message", str(error), remedy)
    came = _awaited(
        inbox, clock, within_s, lambda entry: isinstance(entry, Acknowledged) and entry.mid == mid
    )
    if not isinstance(came, Acknowledged):
        return failed("test message", "the broker did not acknowledge it", remedy)
    if came.refusal:
        return failed("test message", f"the broker refused it: {came.refusal}", remedy)
    return passed("test message", "the broker took one, without any place in it")


def _awaited(inbox: Inbox, clock: Clock, within_s: float, done: Callable[[Input], bool]) -> Input | None:
    """The input that is waited for, or the end of the connection; None when neither came in time."""
    ends_at = clock.at() + within_s
    while (left_s := ends_at - clock.at()) > 0:
        entry = inbox.take(clock.real_s(min(WAIT_S, left_s)))
        if entry is not None and (done(entry) or isinstance(entry, LinkDown)):
            return entry
    return None
