"""One truck's agent put together from its configuration and its agreement."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from agent import RELEASE_DATE, VERSION
from agent.agreement import Agreement
from agent.agreement.schema import DailyRelease
from agent.braking import BrakingRules
from agent.calendar import ROLLOVER_DAYS
from agent.duty import Duty
from agent.gate import GateLimits
from agent.pulses import LineOptions
from agent.recorder import Recorder, Sensors
from agent.records import EPOCH_DATE, Record, day_number
from agent.release import BOX_EVERY_S, Daily, Release, Timed
from agent.runtime import Pipe, Recording, Retention, Runtime
from agent.sealing import Terms, readable
from agent.sender import Sender, SenderLimits
from agent.topics import topic_for
from agent.wire import AgreementReference, PayloadError, decode
from buffer.outbox import Outbox
from config.pins import StatusLedPin
from config.schema import Configuration
from drivers.gpio import PinOptions
from drivers.mqtt_options import LinkOptions
from drivers.serial_gnss import PortOptions

LEVEL_KINDS = frozenset({"ignition", "crew_switch"})
NO_AGREEMENT = AgreementReference("none", 0, "0" * 64)
BOX_SIZE_BYTES = 512
FLOOR_DAY = day_number(RELEASE_DATE)


def sensors(configuration: Configuration) -> Sensors:
    """The lines, their kinds and the rules for them."""
    pins = {name: pin for name, pin in configuration.pins.items() if not isinstance(pin, StatusLedPin)}
    lines = {
        name: LineOptions(
            minimum_pulse_s=pin.minimum_pulse,
            debounce_s=pin.debounce,
            rearm_s=pin.rearm,
            stuck_after_s=pin.stuck_after,
            edges_max_hz=round(pin.edges_max),
            level=pin.kind in LEVEL_KINDS,
        )
        for name, pin in pins.items()
    }
    braking, quality = configuration.braking, configuration.gnss.quality
    return Sensors(
        lines=lines,
        kinds={name: pin.kind for name, pin in pins.items()},
        braking=BrakingRules(
            match_within_s=braking.match_within,
            corroborated_at_mps2=braking.corroborated_at,
            standing_below_mps=braking.standing_below,
            severity=tuple((severity.class_, severity.at_least) for severity in braking.severity),
        ),
        gate=GateLimits(
            hdop_max=quality.hdop_max,
            satellites_min=quality.satellites_min,
            implied_mps_max=quality.speed_max,
        ),
    )


def duty(configuration: Configuration, agreement: Agreement | None) -> Duty:
    """The duty gate over the truck's level lines; without an agreement it never opens."""
    kinds = {name: pin.kind for name, pin in configuration.pins.items() if pin.kind in LEVEL_KINDS}
    return Duty(agreement.file.duty.requires if agreement else LEVEL_KINDS, kinds)


def release(agreement: Agreement | None) -> Release:
    """The release that the agreement chose; without one the box says hourly that it lives."""
    if agreement is None:
        return Timed(BOX_EVERY_S, BOX_SIZE_BYTES, {})
    braking = agreement.file.streams.harsh_braking
    held = {"harsh_braking": braking.held} if braking else {}
    chosen = agreement.file.release
    if isinstance(chosen, DailyRelease):
        return Daily(chosen.slots, chosen.envelopes, chosen.size, held)
    return Timed(round(chosen.every), chosen.size, held)


def terms(agreement: Agreement | None) -> Terms:
    """What is ever released, and how."""
    if agreement is None:
        return Terms(NO_AGREEMENT, ("box",), release(None))
    streams, until_day = (
        tuple(agreement.file.agreed_streams()),
        (agreement.file.valid_until - EPOCH_DATE).days,
    )
    return Terms(agreement.reference, streams, release(agreement), until_day)


def retention(configuration: Configuration, agreement: Agreement | None) -> Retention:
    """How long receipts and unsent records stay: as agreed, and never longer than configured."""
    age_days = configuration.outbox.maximum_age
    if agreement is None:
        return Retention({}, age_days)
    device_days = min(agreement.file.limits.device_retention, age_days)
    agreed = {name: terms.retention for name, terms in agreement.file.agreed_streams().items()}
    return Retention(
        {name: min(days, device_days) for name, days in agreed.items()}, _age_days(agreement, device_days)
    )


def _age_days(agreement: Agreement, device_days: int) -> int:
    """Unsent records may grow as old as all that is on the truck, and a week older than they are held back."""
    braking = agreement.file.streams.harsh_braking
    return max(device_days, braking.held + 7) if braking else device_days


def sender(configuration: Configuration, chance: random.Random) -> Sender:
    """The sender over the configured brokers."""
    link = configuration.link
    limits = SenderLimits(
        in_flight=link.in_flight,
        acknowledge_within_s=link.acknowledge_within,
        connect_within_s=link.connect_within,
        backoff_s_first=link.backoff.first,
        backoff_s_max=link.backoff.longest,
        stable_after_s=link.stable_after,
    )
    return Sender([str(broker) for broker in link.brokers], limits, chance)


def link_options(configuration: Configuration) -> LinkOptions:
    """How the link introduces itself."""
    link = configuration.link
    return LinkOptions(
        client_id=configuration.client_id,
        protocol=link.protocol,
        keepalive_s=round(link.keepalive),
        connect_within_s=link.connect_within,
        username=link.username,
        password_file=_text(link.password_file),
        ca_file=_text(link.ca_file),
        certificate_file=_text(link.certificate_file),
        key_file=_text(link.key_file),
    )


def port_options(configuration: Configuration) -> PortOptions:
    """The GNSS port."""
    gnss = configuration.gnss
    return PortOptions(
        port=gnss.port,
        baud=None if gnss.baud == "auto" else gnss.baud,
        silence_s=gnss.silence,
        reopen_first_s=gnss.reopen.first,
        reopen_max_s=gnss.reopen.longest,
    )


def pin_options(configuration: Configuration) -> list[PinOptions]:
    """The GPIO lines; a lamp has no pull."""
    return [
        PinOptions(
            name,
            pin.gpio,
            pin.kind,
            active_high=pin.active == "high",
            pull="none" if isinstance(pin, StatusLedPin) else pin.pull,
        )
        for name, pin in configuration.pins.items()
    ]


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def newest_stretch(outbox: Outbox) -> tuple[int, int]:
    """Service day and number of the newest stretch in the outbox, kept or sealed; (0, 0) for none."""
    newest = (0, 0)
    for day in (kept.day for kept in outbox.kept_days() if kept.stream == "track"):
        for row in outbox.kept("track", day + 1):
            newest = max([newest, *_stretches(readable([row])[0])])
    batch = outbox.newest("track")
    if batch is not None:
        newest = max([newest, *_sealed_stretches(batch.payload)])
    return newest


def _stretches(records: Iterable[Record]) -> list[tuple[int, int]]:
    return [(record.day, record.fields["stretch"]) for record in records if record.stream == "track"]


def _floor_day(outbox: Outbox) -> int:
    """The earliest believable date: that of the software, or half a rollover before what was last sealed.

    So far back, because what was sealed has a service day, which may be a day ahead of the date in UTC, and
    because one date wrongly in the future must not move all that come after it.
    """
    batch = outbox.newest()
    return max(FLOOR_DAY, batch.day - ROLLOVER_DAYS // 2 if batch else 0)


def _sealed_stretches(payload: bytes) -> list[tuple[int, int]]:
    try:
        records = decode(payload).records
    except PayloadError:
        return []
    return [(day_number(record["date"]), record["stretch"]) for record in records]


def assemble(
    configuration: Configuration,
    agreement: Agreement | None,
    outbox: Outbox,
    link: Pipe,
    *,
    chance: random.Random,
    duty_override: Duty | None = None,
    replay: bool = False,
) -> Runtime:
    """The runtime of one truck. `replay` takes dates as recorded and accepts simulated fixes."""
    known = sensors(configuration)
    gate = duty_override or duty(configuration, agreement)

    def recorder(pending: Sequence[Record] = ()) -> Recorder:
        return Recorder(
            agreement,
            known,
            gate,
            floor_day=None if replay else _floor_day(outbox),
            replay=replay,
            numbered=max([newest_stretch(outbox), *_stretches(pending)]),
        )

    return Runtime(
        recording=Recording(recorder(), recorder),
        terms=terms(agreement),
        retention=retention(configuration, agreement),
        sender=sender(configuration, chance),
        outbox=outbox,
        link=link,
        topic=topic_for(configuration.fleet, configuration.vehicle),
        box=box(agreement, outbox),
        commit_every_s=configuration.outbox.commit_every,
    )


def box(agreement: Agreement | None, outbox: Outbox) -> Callable[[], dict[str, Any]]:
    """What the box says of itself."""

    def fields() -> dict[str, Any]:
        return {
            "version": VERSION,
            "agreement": agreement.reference.id if agreement else NO_AGREEMENT.id,
            "self_test": "none",
            "storage": "renewed" if outbox.set_aside else "good",
            "certificate_days": -1,
            "lost": outbox.losses()._asdict(),
        }

    return fields
