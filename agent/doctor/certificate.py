"""How long a certificate is valid, and whether others may read what is secret.

The two dates are read from the certificate's bytes, because the standard library tells them only of a peer's. It is
not verified here; TLS does that.

Source: RFC 5280, 4.1; X.690 for the encoding.
"""

from __future__ import annotations

import binascii
import datetime
import grp
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from agent.doctor.finding import SUDO, Finding, failed, not_here, not_tested, passed, warned
from agent.records import EPOCH_DATE

PEM_BYTES_MAX = 262_144
DAYS_LEFT_MIN = 30
"""Fewer days left are a warning: somebody has to make a new one and bring it here."""

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_VERSION, _SHORT_YEAR = 0xA0, 0x17
_OWN_GROUP = "fairhaul"
_GUARDED = "/run/credentials"  # systemd's, with an access list that mode bits do not show


class Validity(NamedTuple):
    """First and last day, in days since 1970-01-01 UTC."""

    from_day: int
    until_day: int


def validity_of_file(path: Path) -> Validity:
    """Of the first certificate in a PEM file. Raises OSError; ValueError when there is none that is understood."""
    with path.open("rb") as file:
        found = _PEM.search(file.read(PEM_BYTES_MAX))
    if not found:
        raise ValueError("no certificate in PEM")
    return validity(binascii.a2b_base64(found[1]))


def validity(der: bytes) -> Validity:
    """Of a certificate in DER. Raises ValueError for bytes that are none."""
    try:
        (_, certificate), *_ = _parts(der)
        (_, signed), *_ = _parts(certificate)
        fields = [content for tag, content in _parts(signed) if tag != _VERSION]
        (first_tag, first), (last_tag, last) = list(_parts(fields[3]))[:2]
        return Validity(_day(first_tag, first), _day(last_tag, last))
    except (IndexError, TypeError) as error:
        raise ValueError("no certificate in DER") from error


def _parts(encoded: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of one value after the other."""
    at = 0
    while at < len(encoded):
        tag, length, at = encoded[at], encoded[at + 1], at + 2
        if length & 0x80:
            length_bytes = length & 0x7F
            length, at = int.from_bytes(encoded[at : at + length_bytes], "big"), at + length_bytes
        if at + length > len(encoded):
            raise ValueError("the certificate is cut short")
        yield tag, encoded[at : at + length]
        at += length


def _day(tag: int, content: bytes) -> int:
    text = content.decode("ascii")
    if tag == _SHORT_YEAR:
        text = ("19" if text[:2] >= "50" else "20") + text
    return (datetime.date(int(text[:4]), int(text[4:6]), int(text[6:8])) - EPOCH_DATE).days


def certificate_days(path: Path | None, day: int) -> int:
    """Days left of the truck's own certificate on `day`, 0 on its last and when it is over; -1 for none."""
    try:
        return -1 if path is None else max(0, validity_of_file(path).until_day - day)
    except (OSError, ValueError):
        return -1


def own_certificate(path: Path | None, day: int) -> Finding:
    """The truck's own certificate on `day`."""
    if path is None:
        return not_here("certificate", "agent.yaml names no certificate of the truck's own")
    try:
        valid = validity_of_file(path)
    except PermissionError:
        return not_tested("certificate", f"{path} may not be read by you", SUDO)
    except (OSError, ValueError):
        return failed("certificate", f"{path} is not there, or no certificate", _put(path))
    return remaining(
        "certificate", "the truck's certificate", valid, day, "Bring a new certificate for this truck."
    )


def remaining(check: str, whose: str, valid: Validity, day: int, remedy: str) -> Finding:
    """A certificate's days on `day`."""
    if day < valid.from_day:
        return failed(
            check, f"{whose} is not valid yet", f"{remedy} Or the computer's clock is wrong: `timedatectl`."
        )
    left = valid.until_day - day
    if left < 0:
        return failed(check, f"{whose} has expired", remedy)
    says = f"{whose} is valid for {left:,} more days"
    return warned(check, says, remedy) if left < DAYS_LEFT_MIN else passed(check, says)


def secrets(paths: list[Path]) -> Finding:
    """Whether only their owner may read the files that hold secrets."""
    if not paths:
        return not_here("secrets", "agent.yaml names no key and no password")
    for path in paths:
        try:
            others_may = _others_may(path)
        except PermissionError:
            return not_tested("secrets", f"{path} may not be looked at by you", SUDO)
        except OSError:
            return failed("secrets", f"{path} is not there", _put(path))
        if others_may:
            return failed(
                "secrets",
                f"others than its owner may read {path}",
                f"`sudo chmod 400 {path}`, owner fairhaul.",
            )
    return passed("secrets", "only their owner may read key and password")


def _put(path: Path) -> str:
    return f"Put {path} in place, readable by fairhaul."


def _others_may(path: Path) -> bool:
    """Whether more than the owner, and the agent's own group, may read or change a file."""
    found = path.stat()
    if path.is_relative_to(_GUARDED):
        return False
    if found.st_mode & (stat.S_IRWXO | stat.S_IWGRP):
        return True
    if not found.st_mode & stat.S_IRGRP:
        return False
    try:
        return grp.getgrgid(found.st_gid).gr_name != _OWN_GROUP
    except KeyError:  # a group without a name
        return True
