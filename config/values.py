"""Single values with rules of their own: names, ports, brokers. Each refuses in words."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Strict,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from config.wording import nearest, shown

BAUD_RATES = (4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)
"""Line speeds in use by GNSS receivers, bits a second."""

MQTT_PORT, MQTTS_PORT = 1883, 8883
"""The ports that a broker without one is asked at."""

PORT_MAX = 65535
PATH_CHARACTERS_MAX = 1024
USER_NAME_CHARACTERS_MAX = 256

_NAME = re.compile(r"[a-z0-9-]{1,32}")
_CLIENT_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_CLASS = re.compile(r"[a-z][a-z_]{0,15}")
_BROKER = re.compile(r"(mqtts?)://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?/?")
_SOCKET = re.compile(r"socket://[A-Za-z0-9._-]+:([0-9]{1,5})")


class BrokerAddress(NamedTuple):
    """A broker's URL taken apart."""

    tls: bool
    host: str
    port: int


def broker_address(url: str) -> BrokerAddress:
    """Where a broker is. Raises ValueError, whose sentence never holds the URL when a login is in it."""
    if "@" in url:
        raise ValueError(
            "a login stands in the URL: take it out, and write `username:` and `password_file:` under `link:`"
        )
    found = _BROKER.fullmatch(url)
    port = int(found[3]) if found and found[3] else None
    if found is None or (port is not None and not 0 < port <= PORT_MAX):
        raise ValueError(f"found {shown(url)}: write mqtts://host:8883, or mqtt://host:1883 without TLS")
    tls = found[1] == "mqtts"
    return BrokerAddress(tls, found[2].strip("[]"), port or (MQTTS_PORT if tls else MQTT_PORT))


def _broker(url: str) -> str:
    broker_address(url)
    return url


def _name(text: str) -> str:
    if _NAME.fullmatch(text):
        return text
    without_accents = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    meant = re.sub(r"[^a-z0-9]+", "-", without_accents.lower()).strip("-")
    hint = f"; did you mean '{meant}'?" if _NAME.fullmatch(meant) and meant != text else ""
    raise ValueError(f"found {shown(text)}: write 1 to 32 of a-z, 0-9 and -{hint}")


def _client_id(text: str) -> str:
    if not _CLIENT_ID.fullmatch(text):
        raise ValueError(f"found {shown(text)}: write 1 to 128 of A-Z, a-z, 0-9 and . _ -")
    return text


def _severity_class(text: str) -> str:
    if text == "unrated" or not _CLASS.fullmatch(text):
        raise ValueError(f"found {shown(text)}: write 1 to 16 of a-z and _ (unrated is taken)")
    return text


def _port(text: str) -> str:
    socket = _SOCKET.fullmatch(text)
    if (socket and 0 < int(socket[1]) <= PORT_MAX) or re.fullmatch(r"/\S+", text):
        return text
    raise ValueError(f"found {shown(text)}: write a device such as /dev/fairhaul-gps, or socket://host:port")


def _baud(value: Any) -> Any:
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and value in BAUD_RATES):
        return value
    rates = [str(rate) for rate in BAUD_RATES]
    hint = nearest(str(value), ["auto", *rates]) if isinstance(value, str | int) else ""
    raise ValueError(f"found {shown(value)}: write auto, or one of {', '.join(rates)}{hint}")


def _protocol(value: Any) -> Any:
    return "5" if value == 5 and isinstance(value, int) else value


def _path(value: Any) -> Any:
    if isinstance(value, str) and not 0 < len(value) <= PATH_CHARACTERS_MAX:
        raise ValueError(f"write a path of 1 to {PATH_CHARACTERS_MAX} characters")
    return value


class OrNone:
    """Marks an optional value for which the file says `none`."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(
            lambda value: None if value == "none" else value,
            handler(source),
            serialization=core_schema.wrap_serializer_function_ser_schema(
                lambda value, write: "none" if value is None else write(value),
                schema=handler(source),
                when_used="json",
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        inner: dict[str, Any] = handler(schema)
        return {"anyOf": [{"const": "none"}, *inner["anyOf"]]}


class FromItsFile:
    """Marks a path that is relative to the file it stands in."""


Name = Annotated[str, AfterValidator(_name), Field(json_schema_extra={"pattern": f"^{_NAME.pattern}$"})]
Broker = Annotated[str, AfterValidator(_broker), Field(json_schema_extra={"pattern": f"^{_BROKER.pattern}$"})]
ClientId = Annotated[
    str, AfterValidator(_client_id), Field(json_schema_extra={"pattern": f"^{_CLIENT_ID.pattern}$"})
]
SeverityClass = Annotated[
    str, AfterValidator(_severity_class), Field(json_schema_extra={"pattern": f"^{_CLASS.pattern}$"})
]
GnssPort = Annotated[str, AfterValidator(_port)]
UserName = Annotated[str, Field(min_length=1, max_length=USER_NAME_CHARACTERS_MAX)]
BaudRate = Annotated[
    Literal["auto"] | int, BeforeValidator(_baud), WithJsonSchema({"enum": ["auto", *BAUD_RATES]})
]
Protocol = Annotated[
    Literal["auto", "5", "3.1.1"],
    BeforeValidator(_protocol),
    WithJsonSchema({"enum": ["auto", 5, "5", "3.1.1"]}),
]
ConfiguredPath = Annotated[Path, Strict(False), BeforeValidator(_path), FromItsFile()]
