"""What the box says of itself each day: hardware alone, the same whatever the truck did."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.assembly import BOX_SIZE_BYTES, NO_AGREEMENT, box
from agent.doctor import disk
from agent.doctor.certificate import Validity
from agent.doctor.finding import failed, passed, warned
from agent.doctor.machine import Machine
from agent.records import Record, iso_date
from agent.self_test import SelfTest, SelfTested, untested, word_of
from agent.wire import Heading, encode
from config.schema import Configuration
from tests.sim.drives import agreement, configuration, outbox

DAY = 21_061


def truck(folder: Path, **link: str) -> Configuration:
    return configuration(state=str(folder), link={"brokers": ["mqtts://broker"], **link})


def self_test_of(folder: Path, **link: str) -> SelfTest:
    return SelfTest(truck(folder, **link), Machine(folder / "none"))


@pytest.fixture(autouse=True)
def _disk_with_room(monkeypatch: pytest.MonkeyPatch) -> None:
    found = list(os.statvfs("/"))
    found[4] = 2**40 // found[1]
    roomy = os.statvfs_result(found)
    monkeypatch.setattr(os, "statvfs", lambda _: roomy)


def test_a_sound_box_passes(tmp_path: Path) -> None:
    assert self_test_of(tmp_path)(DAY) == ("pass", -1)


def test_the_certificate_s_days_count_by_the_date_of_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "k"
    key.touch(0o600)
    monkeypatch.setattr("agent.doctor.certificate.validity_of_file", lambda _: Validity(DAY - 9, DAY + 40))
    box_of = self_test_of(tmp_path, certificate_file=str(tmp_path / "c"), key_file=str(key))
    assert box_of(DAY) == ("pass", 40)
    assert box_of(DAY + 20) == ("warn:certificate", 20)
    assert box_of(DAY + 41) == ("fail:certificate", 0)
    key.chmod(0o644)
    assert box_of(DAY) == ("fail:secrets", 40)


def test_lines_that_the_agent_could_not_have_are_told(tmp_path: Path) -> None:
    box_of = self_test_of(tmp_path)
    box_of.lines_here = False
    assert box_of(DAY).word == "fail:lines"


def test_a_disk_that_does_not_answer_is_told_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dead(_: object) -> None:
        raise OSError("I/O error")

    monkeypatch.setattr(os, "statvfs", dead)
    assert self_test_of(tmp_path)(DAY).word == "fail:disk"


def test_the_worst_is_told_with_all_checks_that_found_it() -> None:
    good, odd, bad = passed("a", "-"), warned("b", "-", "-"), failed("c", "-", "-")
    assert word_of(iter([good])) == "pass"
    assert word_of(iter([odd, good, odd._replace(check="d")])) == "warn:b,d"
    assert word_of(iter([odd, bad, bad._replace(check="e")])) == "fail:c,e"


def test_a_replay_has_no_box_to_test() -> None:
    assert untested(DAY) == ("none", -1)
    assert box(agreement(), outbox())(DAY)["self_test"] == "none"


def test_the_box_carries_what_the_test_found(tmp_path: Path) -> None:
    box_of = self_test_of(tmp_path)
    box_of.lines_here = False
    fields = box(agreement(), outbox(), box_of)(DAY)
    assert (fields["self_test"], fields["certificate_days"]) == ("fail:lines", -1)


def test_the_longest_word_fits_into_the_size_that_every_box_has() -> None:
    checks = [*(finding.check for finding in disk.disk(Machine(Path("/none")), Path("/"), 1))]
    checks += ["certificate", "secrets", "lines"]
    word = f"fail:{','.join(checks)}"
    fields = box(None, outbox(), lambda _: SelfTested(word, 9_999))(DAY)
    record = Record("box", DAY, {"date": iso_date(DAY), **fields})
    for reference in (NO_AGREEMENT, agreement().reference):
        heading = Heading("box", "0" * 16, 1, "0" * 32, reference)
        assert len(encode(heading, [record.fields], BOX_SIZE_BYTES)) == BOX_SIZE_BYTES


def test_R1_the_self_test_looks_at_nothing_that_a_drive_a_switch_or_a_restart_moves(tmp_path: Path) -> None:
    """The port, the voltage and the clock are there, broken, and not so much as opened."""
    root = tmp_path / "root"
    throttled = root / "sys/devices/platform/soc/soc:firmware/get_throttled"
    throttled.parent.mkdir(parents=True)
    throttled.write_text("50005")
    absent = truck(tmp_path).model_copy(update={"gnss": configuration(gnss={"port": "/dev/none"}).gnss})
    assert SelfTest(absent, Machine(root))(DAY) == ("pass", -1)
