"""One truck's agent put together from its configuration and its agreement."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from agent import RELEASE_DATE, VERSION
from agent.agreement import Agreement
from agent.agreement.promises import HELD_SPARE_DAYS
from agent.agreement.schema import DailyRelease, TimedRelease
from agent.calendar import ROLLOVER_DAYS
from agent.in_force import InForce
from agent.keeping import Retention
from agent.recording.braking import BrakingRules
from agent.recording.duty import DUTY_KINDS, Duty
from agent.recording.gate import GateLimits
from agent.recording.pulses import SWITCH_SETTLES_WITHIN_S, LineOptions
from agent.recording.recorder import Recorder, Sensors
from agent.records import EPOCH_DATE, Record, day_number
from agent.release import Daily, Release, Timed
from agent.runtime import Runtime
from agent.sealing import Terms, readable
from agent.self_test import SelfTesting, untested
from agent.sending.carrying import Pipe
from agent.sending.sender import Sender, SenderLimits
from agent.sending.sharing import SPENT_NOTE, Sharing, SharingLimits
from agent.service_day import DAY_S
from agent.standing import Standing, Unusable
from agent.streams.help import HOLD_S
from agent.topics import CUSTODY, STATE, topic_for
from agent.wire import AgreementReference, PayloadError, decode
from buffer.outbox import Outbox
from config.pins import CrewSwitchPin, HelpButtonPin, LevelPin, StatusLedPin
from config.schema import Configuration
from drivers.gpio import PinOptions
from drivers.mqtt_options import LinkOptions
from drivers.serial_gnss import PortOptions

NO_AGREEMENT = AgreementReference("none", 0, "0" * 64)
BOX_SIZE_BYTES = 512
BOX_SLOTS_S = range(0, DAY_S, 3600)
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
            level=isinstance(pin, LevelPin),
            settles_within_s=SWITCH_SETTLES_WITHIN_S if pin.kind == "crew_switch" else None,
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
        help_hold_s=next((pin.hold for pin in pins.values() if isinstance(pin, HelpButtonPin)), HOLD_S),
    )


def duty(configuration: Configuration, agreement: Agreement | None) -> Duty:
    """The duty gate over the truck's level lines.

    Without an agreement it requires those that the truck has: nothing is recorded then, but a shift must be seen to
    begin, or no agreement could come into force.
    """
    lines = {name: pin for name, pin in configuration.pins.items() if pin.kind in DUTY_KINDS}
    kinds = {name: pin.kind for name, pin in lines.items()}
    return Duty(
        agreement.file.duty.requires if agreement else _duty_kinds(configuration),
        kinds,
        [name for name, pin in lines.items() if isinstance(pin, CrewSwitchPin) and pin.momentary],
    )


def _duty_kinds(configuration: Configuration) -> frozenset[str]:
    return frozenset(pin.kind for pin in configuration.pins.values()) & DUTY_KINDS or DUTY_KINDS


def release(agreement: Agreement | None) -> Release:
    """The release that the agreement chose; without one the box says once a day that it lives.

    In the first ten minutes of the first hour whose beginning finds power, or of one in which power comes so early,
    and silent otherwise, answered or not: whoever can spoil the agreement's file, or runs the broker, must not learn
    from connections when a truck has power. On duty too: a day without a word would tell that duty began before it.
    """
    if agreement is None:
        return Daily({"truck": BOX_SLOTS_S}, {}, BOX_SIZE_BYTES, {}, silent_on_duty=False, again=False)
    file = agreement.file
    braking = file.streams.harsh_braking
    held = {"harsh_braking": braking.held} if braking else {}
    fleet_slots_s = _slots_s(agreement, file.release.fleet_slots)
    if isinstance(file.release, DailyRelease):
        return Daily(
            {"truck": _slots_s(agreement, file.release.slots), "fleet": fleet_slots_s},
            file.release.envelopes,
            file.release.size,
            held,
            silent_on_duty=not file.duty.schedule,
        )
    return Timed(round(file.release.every), file.release.size, held, fleet_slots_s)


def _slots_s(agreement: Agreement, minutes: Iterable[int]) -> list[int]:
    """Times of the day as seconds of the service day."""
    starts_s = 60 * agreement.file.duty.day_starts
    return [(60 * minute - starts_s) % DAY_S for minute in minutes]


def terms(agreement: Agreement | None) -> Terms:
    """What is ever released, and how."""
    if agreement is None:
        return Terms(NO_AGREEMENT, ("box",), release(None))
    streams = ("box",) if agreement.file.stop_all else tuple(agreement.file.agreed_streams())
    until_day = (agreement.file.valid_until - EPOCH_DATE).days
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
    """Unsent records may grow as old as all that is on the truck; brakings until their month has found a slot."""
    braking = agreement.file.streams.harsh_braking
    return max(device_days, braking.held + HELD_SPARE_DAYS) if braking else device_days


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


def sharing(configuration: Configuration, outbox: Outbox) -> Sharing:
    """How what is new and what has piled up share the connection."""
    link = configuration.link
    limits = SharingLimits(link.backlog_every, link.daily_budget, link.in_flight)
    return Sharing(limits, outbox.note(SPENT_NOTE))


def link_options(configuration: Configuration, agreement: Agreement | None) -> LinkOptions:
    """How the link introduces itself: only under a timed release does it say when it comes and goes."""
    link = configuration.link
    told = agreement is not None and isinstance(agreement.file.release, TimedRelease)
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
        state_topic=topic_for(configuration.fleet, configuration.vehicle, STATE) if told else None,
        custody_topic=topic_for(configuration.fleet, configuration.vehicle, CUSTODY),
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
    standing: Standing | Agreement | None,
    outbox: Outbox,
    link: Pipe,
    *,
    chance: random.Random,
    duty_override: Duty | None = None,
    replay: bool = False,
    look: Callable[[], Agreement | Unusable | None] = lambda: None,
    self_test: SelfTesting = untested,
) -> Runtime:
    """The runtime of one truck, under an agreement that stays or one that may change.

    `replay` takes dates as recorded and accepts simulated fixes; `look` tells what the agreement's file holds;
    `self_test` what the box finds out about itself.
    """
    known = sensors(configuration)
    gate = duty_override or duty(configuration, None)
    requires: frozenset[str] | None = None

    def gate_of(agreement: Agreement | None) -> Duty:
        """The one before if it asks for the same: a change of agreement takes back nothing that the crew said.

        Without an agreement the one before goes on.
        """
        nonlocal gate, requires
        asked = (
            frozenset(agreement.file.duty.requires) if agreement else requires or _duty_kinds(configuration)
        )
        if asked != requires and duty_override is None:
            gate = duty(configuration, agreement)
        requires = asked
        return gate

    def build(
        agreement: Agreement | None, *, pending: Sequence[Record] = (), resumed: bytes | None = None
    ) -> InForce:
        on_duty = gate_of(agreement)
        recorder = Recorder(
            agreement,
            known,
            on_duty,
            floor_day=None if replay else _floor_day(outbox),
            replay=replay,
            numbered=max([newest_stretch(outbox), *_stretches(pending)]),
            resumed=resumed,
        )
        parts = (terms(agreement), retention(configuration, agreement), box(agreement, outbox, self_test))
        return InForce(agreement, on_duty, recorder, *parts)

    return Runtime(
        standing=standing if isinstance(standing, Standing) else Standing.fixed(standing, outbox.note),
        build=build,
        sender=sender(configuration, chance),
        outbox=outbox,
        link=link,
        topic=partial(topic_for, configuration.fleet, configuration.vehicle),
        commit_every_s=configuration.outbox.commit_every,
        sharing=sharing(configuration, outbox),
        look=look,
    )


def box(
    agreement: Agreement | None, outbox: Outbox, self_test: SelfTesting = untested
) -> Callable[[int], dict[str, Any]]:
    """What the box says of itself on a day, in days since 1970-01-01."""

    def fields(day: int) -> dict[str, Any]:
        tested = self_test(day)
        return {
            "version": VERSION,
            "agreement": agreement.reference.id if agreement else NO_AGREEMENT.id,
            "self_test": tested.word,
            "storage": "good",  # agent.storage knows better, when there is something to say
            "certificate_days": tested.certificate_days,
            "lost": outbox.losses()._asdict(),
        }

    return fields
