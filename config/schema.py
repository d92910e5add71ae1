"""The schema of the agent's configuration: every key, its unit, its limits, its default.

Attribute names are the keys of the file; a quantity is held in the SI unit that its type is named after. A value
is never converted from one kind into another: `"17"` is no number and `yes` is no truth.

`config.editor` makes the JSON schema for editors from it, `config.reference` the page of all keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from config.located import Mistake
from config.pins import Pins
from config.quantities import (
    ACCELERATION,
    DURATION,
    Bytes,
    Days,
    MetresPerSecond,
    MetresPerSecondSquared,
    Seconds,
    written,
)
from config.section import Listed, Section, gathered
from config.values import (
    BaudRate,
    Broker,
    ClientId,
    ConfiguredPath,
    GnssPort,
    Name,
    OrNone,
    Protocol,
    SeverityClass,
    UserName,
)

BROKERS_MAX = 8
"""Most brokers that are tried in turn."""

SEVERITIES_MAX = 8
"""Most classes of braking."""

UART_PORTS = ("/dev/serial0", "/dev/ttyAMA0", "/dev/ttyS0")
"""Device names of the UART on the header."""

UART_GPIOS = (14, 15)
"""The pins that the UART transmits and receives on."""

Wrapped = Callable[[Any], Any]
DailyBudget = Annotated[Annotated[Bytes, Field(ge=2**16, le=2**36)] | None, OrNone()]


class Backoff(Section):
    """Waiting between attempts: up to `first`, then twice as long each time, up to `longest`."""

    first: Annotated[Seconds, Field(ge=0.1, le=60)] = Field(
        default=1.0, description="longest wait before the second attempt"
    )
    longest: Annotated[Seconds, Field(ge=1, le=3600)] = Field(default=60.0, description="no wait is longer")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.longest < self.first:
            first, longest = written(self.first, DURATION), written(self.longest, DURATION)
            raise Mistake(f"found {longest}, which is less than `first:` ({first})", "longest")
        return self


class LinkBackoff(Backoff):
    """Waiting between connections to the brokers; each wait is drawn evenly from nothing to its most."""

    longest: Annotated[Seconds, Field(ge=1, le=3600)] = Field(default=300.0, description="no wait is longer")


class Quality(Section):
    """What a fix must be like to be believed."""

    hdop_max: Annotated[float, Field(ge=0.5, le=50)] = Field(
        default=10.0, description="worst dilution of precision"
    )
    satellites_min: Annotated[int, Field(ge=0, le=12)] = Field(
        default=4, description="fewest satellites, where it is told"
    )
    speed_max: Annotated[MetresPerSecond, Field(ge=10, le=150)] = Field(
        default=70.0, description="a faster move from fix to fix is a jump of the receiver's"
    )


class Gnss(Section):
    """The GNSS receiver."""

    port: GnssPort = Field(default="/dev/fairhaul-gps", description="serial device, or socket://host:port")
    baud: BaudRate = Field(default="auto", description="auto finds it out; else 4800 to 921600")
    silence: Annotated[Seconds, Field(ge=1, le=600)] = Field(
        default=10.0, description="nothing heard for so long: lost"
    )
    reopen: Backoff = Field(default=Backoff(), description="waiting between attempts to open the port")
    quality: Quality = Field(default=Quality(), description="what a fix must be like to be believed")


class Severity(Section):
    """One class of braking, by its deceleration."""

    class_: SeverityClass = Field(alias="class", description="name of the class, such as moderate")
    at_least: Annotated[MetresPerSecondSquared, Field(ge=0.5, le=20)] = Field(
        description="least deceleration of the class, such as 2.7 m/s2 or 0.3 g"
    )


_SEVERITIES = (
    Severity.model_validate({"class": "moderate", "at_least": 2.7}),
    Severity.model_validate({"class": "hard", "at_least": 4.4}),
)


def _ascending(classes: tuple[Severity, ...]) -> tuple[Severity, ...]:
    """Refuse classes that are not in order of deceleration, or named alike."""
    for number, (gentle, harder) in enumerate(pairwise(classes), start=1):
        if harder.at_least <= gentle.at_least:
            least = written(gentle.at_least, ACCELERATION)
            raise Mistake(
                f"write more than the {least} of the class before it: gentlest first", number, "at_least"
            )
    names = [each.class_ for each in classes]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise Mistake(f"'{name}' names another class already", number, "class")
    return classes


class Braking(Section):
    """How a brake pulse is judged by the fixes round it."""

    match_within: Annotated[Seconds, Field(ge=0.5, le=10)] = Field(
        default=3.0, description="fixes this long before and after the pulse are looked at"
    )
    corroborated_at: Annotated[MetresPerSecondSquared, Field(ge=0.5, le=10)] = Field(
        default=2.0, description="deceleration in the fixes that confirms the pulse"
    )
    standing_below: Annotated[MetresPerSecond, Field(ge=0, le=5)] = Field(
        default=1.0, description="slower is standing, and a braking while standing is refused as implausible"
    )
    severity: Annotated[Listed[Severity], Field(max_length=SEVERITIES_MAX), AfterValidator(_ascending)] = (
        Field(
            default=_SEVERITIES,
            description="classes by deceleration, gentlest first; `unrated` where GNSS can't say",
        )
    )


class Outbox(Section):
    """What waits on disk for the broker."""

    size: Annotated[Bytes, Field(ge=2**20, le=2**36)] = Field(
        default=2**28, description="most disk that it may use"
    )
    maximum_age: Annotated[Days, Field(ge=1, le=3650)] = Field(
        default=60, description="older records go unsent, and are counted"
    )
    commit_every: Annotated[Seconds, Field(ge=1, le=60)] = Field(
        default=10.0, description="most that a power cut can cost; less wears the card"
    )


class Link(Section):
    """The way to the broker."""

    brokers: Annotated[Listed[Broker], Field(min_length=1, max_length=BROKERS_MAX)] = Field(
        description="a list of mqtts://host:port or mqtt://host:port, tried in turn"
    )
    username: UserName | None = Field(default=None, description="name to log in with")
    password_file: ConfiguredPath | None = Field(
        default=None, description="file that holds the password and nothing else"
    )
    ca_file: ConfiguredPath | None = Field(
        default=None, description="certificates to trust, instead of the system's"
    )
    certificate_file: ConfiguredPath | None = Field(default=None, description="the truck's own certificate")
    key_file: ConfiguredPath | None = Field(default=None, description="the private key of that certificate")
    protocol: Protocol = Field(default="auto", description="MQTT version; auto tries 5, then 3.1.1")
    client_id: ClientId | None = Field(default=None, description="else fairhaul-<fleet>-<vehicle>")
    keepalive: Annotated[Seconds, Field(ge=5, le=600)] = Field(
        default=30.0, description="most silence on the connection"
    )
    connect_within: Annotated[Seconds, Field(ge=1, le=120)] = Field(
        default=20.0, description="an attempt may take so long"
    )
    acknowledge_within: Annotated[Seconds, Field(ge=5, le=600)] = Field(
        default=60.0, description="no acknowledgement for so long: the connection is given up"
    )
    in_flight: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=20, description="most batches sent but not acknowledged"
    )
    backoff: LinkBackoff = Field(default=LinkBackoff(), description="waiting between connections")
    stable_after: Annotated[Seconds, Field(ge=1, le=3600)] = Field(
        default=60.0, description="a connection that held so long starts the waiting anew"
    )
    backlog_every: Annotated[Seconds, Field(ge=0, le=60)] = Field(
        default=0.5, description="timed release: one batch of the backlog in so long, behind what is new"
    )
    daily_budget: DailyBudget = Field(
        default=16 * 2**20,
        description="timed release: the backlog waits once a day's sending has taken so much; or none",
    )

    @model_validator(mode="wrap")
    @classmethod
    def _complete(cls, value: Any, validate: Wrapped) -> Any:
        return gathered(value, validate, _halves(value) if isinstance(value, dict) else ())


def _halves(link: dict[str, Any]) -> Iterator[Mistake]:
    """Keys that mean nothing without another."""
    for key, other in (
        ("certificate_file", "key_file"),
        ("key_file", "certificate_file"),
        ("password_file", "username"),
    ):
        if link.get(key) is not None and link.get(other) is None:
            yield Mistake(
                f"written without `{other}:`, and has no effect without it: write both or none", key
            )
    brokers = link.get("brokers")
    if not brokers or not isinstance(brokers, list | tuple) or _may_be_tls(brokers):
        return
    for key in ("ca_file", "certificate_file"):
        if link.get(key) is not None:
            yield Mistake("has no effect, because every broker is mqtt://: write mqtts:// for TLS", key)


def _may_be_tls(brokers: list[Any] | tuple[Any, ...]) -> bool:
    return any(not str(broker).startswith("mqtt://") for broker in brokers)


class Log(Section):
    """What is written to the journal."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least that is written"
    )


class Configuration(Section):
    """One truck's configuration, complete."""

    extends: str | None = Field(
        default=None, description="a file whose values hold wherever this one says nothing", min_length=1
    )
    fleet: Name = Field(description="the fleet's name, 1 to 32 of a-z, 0-9 and -")
    vehicle: Name = Field(description="the truck's name, 1 to 32 of a-z, 0-9 and -")
    agreement: ConfiguredPath | None = Field(
        default=None, description="the data agreement; without one only the box's own status leaves"
    )
    state: ConfiguredPath = Field(
        default=Path("/var/lib/fairhaul"), description="directory of the outbox and the status file"
    )
    gnss: Gnss = Field(default=Gnss(), description="the GNSS receiver")
    pins: Pins = Field(
        default_factory=dict, description="what is wired to the header, each under a name of its own"
    )
    braking: Braking = Field(default=Braking(), description="how a brake pulse is judged")
    outbox: Outbox = Field(default=Outbox(), description="what waits on disk for the broker")
    link: Link = Field(description="the way to the broker")
    log: Log = Field(default=Log(), description="what is written to the journal")

    @property
    def client_id(self) -> str:
        """The MQTT client id, the configured one or the usual one."""
        return self.link.client_id or f"fairhaul-{self.fleet}-{self.vehicle}"

    @model_validator(mode="wrap")
    @classmethod
    def _wired_apart(cls, value: Any, validate: Wrapped) -> Any:
        return gathered(value, validate, _on_uart(value) if isinstance(value, dict) else ())


def _on_uart(tree: dict[str, Any]) -> Iterator[Mistake]:
    """Pins on the two GPIOs that the GNSS receiver's UART uses."""
    gnss, pins = tree.get("gnss"), tree.get("pins")
    port = gnss.get("port") if isinstance(gnss, dict) else getattr(gnss, "port", None)
    if port not in UART_PORTS or not isinstance(pins, dict):
        return
    for name, pin in pins.items():
        gpio = pin.get("gpio") if isinstance(pin, dict) else getattr(pin, "gpio", None)
        if gpio in UART_GPIOS:
            yield Mistake(
                f"found {gpio}, which is the UART that `gnss.port:` ({port}) uses", "pins", name, "gpio"
            )
