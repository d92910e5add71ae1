"""The questions that `fairhaul init` asks: only what the fleet's file leaves open, each answer judged at once."""

from __future__ import annotations

import copy
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import click

from agent.agreement import Agreement, load_agreement
from agent.agreement.check import PINS_OF_STREAMS, kinds_of
from agent.decommission import CREDENTIALS, KEYS_FOLDER
from config.load import Configuration, ConfigurationError, Gathered, Located, configured, gather_over
from config.located import KeyPath, dotted, value_at
from config.trucks import value_of


class Line(NamedTuple):
    """A line of the header as we suggest to wire it."""

    name: str
    gpio: int
    called: str


LINES = {
    "ignition": Line("ignition", 27, "the ignition, terminal 15"),
    "crew_switch": Line("crew_switch", 22, "the crew's own switch"),
    "harsh_braking": Line("brake", 17, "the brake sensor"),
    "lift": Line("lift", 23, "the lift's or tipper's sensor"),
    "help_button": Line("help", 24, "the help button"),
    "hazard_button": Line("hazard", 16, "the button for a hazard"),
    "blocked_button": Line("blocked", 20, "the button for a blocked way"),
    "nothing_out_button": Line("nothing_out", 21, "the button for nothing put out"),
    "status_led": Line("lamp", 25, "the lamp that shows whether it records"),
}
USUAL = ("ignition", "crew_switch")
NONE = "none"


class Answers:
    """What was answered so far, over what the fleet's file says."""

    def __init__(self, out: Path, fleet_file: Path | None) -> None:
        self.tree: dict[str, Any] = {}
        self._out = out
        self._fleet_file = fleet_file
        found = self._gathered({})
        if found.lost or found.located.flaws:
            raise ConfigurationError([*found.lost, *found.located.flaws])
        self._fleet = found.located.tree

    def _gathered(self, tree: dict[str, Any]) -> Gathered:
        return gather_over(
            Located(str(self._out), tree, files=(str(self._out),)), self._out.parent, self._fleet_file
        )

    def known(self, path: KeyPath) -> Any:
        """What the fleet's file says, or an answer; None for nothing."""
        return value_at(self.tree, path) or value_at(self._fleet, path)

    def kinds(self) -> set[str]:
        """The kinds of pin of the fleet's file."""
        return kinds_of(self._fleet.get("pins"))

    def agreement(self) -> Agreement | None:
        """The agreement, if one is named. Raises ConfigurationError for one that can't be loaded."""
        named = self._gathered(self.tree).located.tree.get("agreement")
        return load_agreement(Path(named)) if named and isinstance(named, str) else None

    def given(self, name: str, otherwise: str) -> str:
        """Where the agent finds a file of the truck's own: what lies in the folder of keys, systemd hands over."""
        kept = os.path.isfile(self._out.parent / KEYS_FOLDER / name)  # noqa: PTH113 - no error where only root may look
        return f"{CREDENTIALS}/fairhaul.service/{KEYS_FOLDER}_{name}" if kept else otherwise

    def ask(
        self,
        path: KeyPath,
        question: str,
        default: str | None = None,
        *,
        optional: bool = False,
        **beside: Any,
    ) -> None:
        """Ask until the answer fits, or is `none` where that is `optional`: then nothing is said of this key.

        `beside` are keys that go with this one, as they would be then.
        """

        def judged(text: str) -> str:
            says = None if optional and text == NONE else self._objection(path, text, beside)
            if says:
                raise click.UsageError(says)
            return text

        answer: str = click.prompt(question, default=default, value_proc=judged, err=True)
        if not (optional and answer == NONE):
            _put(self.tree, path, value_of(answer, path))

    def _objection(self, path: KeyPath, text: str, beside: dict[str, Any]) -> str | None:
        """What the schema says of an answer, in its own words; None when it fits."""
        tree = copy.deepcopy(self.tree)
        _put(tree, path, value_of(text, path))
        for key, value in beside.items():
            _put(tree, (*path[:-1], key), value)
        gathered = self._gathered(tree)
        if path == ("agreement",):
            return _of_agreement(Path(gathered.located.tree["agreement"]))
        try:
            configured(gathered)
        except ConfigurationError as error:
            name = dotted(path)
            return next((each.says for each in error.problems if each.key.partition("[")[0] == name), None)
        return None


def answers(out: Path, fleet_file: Path | None) -> Located:
    """What was answered, as the values of a file. Raises ConfigurationError where the fleet's file is at fault."""
    told = Answers(out, fleet_file)
    _ask_whose(told, out)
    _ask_receiver(told)
    _ask_pins(told)
    _ask_link(told)
    return Located(str(out), told.tree, files=(str(out),))


def _ask_whose(told: Answers, out: Path) -> None:
    if not told.known(("fleet",)):
        told.ask(("fleet",), "Name of the fleet")
    told.ask(("vehicle",), "Name of the truck")
    if not told.known(("agreement",)):
        beside = "agreement.yaml"
        default = beside if (out.parent / beside).is_file() else NONE
        told.ask(("agreement",), "File of the data agreement", default, optional=True)


def _ask_receiver(told: Answers) -> None:
    gnss = Configuration.model_fields["gnss"].default
    for key, question in {"port": "Port of the GNSS receiver", "baud": "Its speed"}.items():
        if not told.known(("gnss", key)):
            told.ask(("gnss", key), question, str(getattr(gnss, key)))


def _ask_pins(told: Answers) -> None:
    agreement = told.agreement()
    needed, useful = _kinds(agreement) if agreement else (set(), set(USUAL))
    for kind, line in LINES.items():
        if kind in told.kinds():
            continue
        default = str(line.gpio) if kind in needed | useful else NONE
        path = ("pins", line.name, "gpio")
        question = f"GPIO (BCM number) of {line.called}"
        told.ask(path, question, default, optional=kind not in needed, kind=kind)
        if told.known(path) is not None:
            _put(told.tree, (*path[:-1], "kind"), kind)


def _kinds(agreement: Agreement) -> tuple[set[str], set[str]]:
    """The kinds of pin without which an agreement can't be kept, and those of which it needs one."""
    agreed: Collection[str] = agreement.file.agreed_streams()
    wanted = [kinds for stream, kinds in PINS_OF_STREAMS.items() if stream in agreed]
    needed = {*agreement.file.duty.requires, *(kinds[0] for kinds in wanted if len(kinds) == 1)}
    return needed, {kind for kinds in wanted for kind in kinds}


def _ask_link(told: Answers) -> None:
    brokers, ca_file = ("link", "brokers"), ("link", "ca_file")
    if not told.known(brokers):
        told.ask(brokers, "Brokers, such as mqtts://mqtt.city.example")
    tls = "mqtts://" in str(told.known(brokers))
    if tls and not told.known(ca_file):
        told.ask(ca_file, "File of certificates to trust, if not the system's", NONE, optional=True)
    _ask_login(told, tls=tls)


def _ask_login(told: Answers, *, tls: bool) -> None:
    """Each truck has its own, whatever the fleet's file says; how it logs in, that file may decide."""
    vehicle = str(told.known(("vehicle",)))
    by_password = told.known(("link", "password_file"))
    by = (
        "password"
        if by_password
        else click.prompt(
            "How the truck logs in at the broker",
            type=click.Choice(["certificate", "password", "nothing"] if tls else ["password", "nothing"]),
            default="certificate" if tls else "nothing",
            err=True,
        )
    )
    if by == "certificate":
        certificate, key = (told.given(name, name) for name in (f"{vehicle}.pem", f"{vehicle}.key"))
        told.ask(("link", "certificate_file"), "The truck's certificate", certificate, key_file="key")
        told.ask(("link", "key_file"), "Its private key", key)
    elif by == "password":
        told.ask(("link", "username"), "Name to log in with", vehicle)
        if not by_password:
            password = told.given("password", "/etc/fairhaul/password")
            told.ask(("link", "password_file"), "File that holds the password", password)


def _of_agreement(path: Path) -> str | None:
    if not path.is_file():
        return f"there is no file {path}: put it there first, or answer {NONE}"
    try:
        load_agreement(path)
    except ConfigurationError as error:
        return str(error)
    return None


def _put(tree: dict[str, Any], path: KeyPath, value: Any) -> None:
    for step in path[:-1]:
        tree = tree.setdefault(str(step), {})
    tree[str(path[-1])] = value
