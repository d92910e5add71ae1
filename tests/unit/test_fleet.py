"""`fairhaul fleet`: a store filled by the real receiver, and who comes first in it."""

from __future__ import annotations

import datetime
import json
import random
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent import wire
from agent.__main__ import main
from agent.city.fleet import CERTIFICATE_DAYS_MIN, QUIET_DAYS_MAX, Truck, view
from agent.city.receiver import Receiver
from agent.cli import fleet as command
from agent.wire import AgreementReference, Heading
from buffer.received import ReceivedStore
from drivers.inputs import Delivered, LinkUp

TODAY = datetime.date(2026, 11, 23)
AGREED = AgreementReference("routes-and-safety", 3, "ab" * 32)
OLDER = AgreementReference("routes-and-safety", 2, "cd" * 32)
NO_AGREEMENT = AgreementReference("none", 0, "0" * 64)
PAGE = Path(__file__).parent.parent.parent / "docs" / "city-back-end.md"


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "today", lambda: TODAY)


class Silent:
    """A line that delivers nothing by itself and takes everything."""

    def connect(self, link: int, broker: str, topics: Sequence[str]) -> None: ...

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        return 0

    def acknowledge(self, link: int, mid: int) -> None: ...

    def disconnect(self) -> None: ...


def box(
    vehicle: str, days_ago: int = 0, n: int = 1, agreed: AgreementReference = AGREED, **said: Any
) -> Delivered:
    """What a truck's box publishes: all well, but for what is said otherwise."""
    record = {
        "date": (TODAY - datetime.timedelta(days=days_ago)).isoformat(),
        "version": "0.5.0",
        "agreement": agreed.id,
        "self_test": "pass",
        "storage": "good",
        "certificate_days": 400,
        "lost": {"evicted": 0, "expired": 0, "refused": 0},
        **said,
    }
    heading = Heading("box", wire.digest(vehicle.encode())[:16], n, wire.NO_PREVIOUS, agreed)
    return Delivered(0.0, 1, f"fairhaul/v1/north/{vehicle}/box", wire.encode(heading, [record], 512), n)


FLEET = [
    *(box("truck-001", days_ago, n) for n, days_ago in enumerate((2, 1, 0), start=1)),
    box("truck-002", 1),
    box("truck-003", agreed=OLDER),
    box("truck-004", version="0.4.0"),
    box("truck-005", 9),
    box("truck-006", n=4),
    box("truck-007", certificate_days=12),
    box("truck-008", storage="renewed"),
    box("truck-009", self_test="fail:disk"),
]


def filled(path: Path, messages: Sequence[Delivered]) -> Path:
    """A store into which the real receiver has put these messages."""
    with closing(ReceivedStore.open(path)) as kept:
        receiver = Receiver(
            kept,
            Silent(),
            ["mqtt://broker"],
            "+",
            chance=random.Random(1),
            say=lambda _: None,
            alarm=lambda _: None,
        )
        receiver.start(0.0)
        receiver.step([LinkUp(0.0, 1, "mqtt://broker"), *messages], 1.0)
        assert receiver.unreadable == 0
    return path


def seen(tmp_path: Path, messages: Sequence[Delivered], today: datetime.date = TODAY) -> list[Truck]:
    with closing(ReceivedStore.open(filled(tmp_path / "received.db", messages))) as kept:
        return view(kept, today).trucks


def fleet(store: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["fleet", "--store", str(store), *words])


# The order.


def test_what_needs_a_hand_comes_first_in_the_stated_order(tmp_path: Path) -> None:
    shuffled = random.Random(4).sample(FLEET, len(FLEET))
    assert [truck.vehicle[-1] for truck in seen(tmp_path, shuffled)] == list("987654312")


def test_each_says_why(tmp_path: Path) -> None:
    says = {truck.vehicle[-1]: [need.says for need in truck.needs] for truck in seen(tmp_path, FLEET)}
    assert says == {
        "9": ["self-test fail:disk"],
        "8": ["storage renewed"],
        "7": ["certificate ends in 12 days"],
        "6": ["3 batches missing"],
        "5": ["not heard for 9 days"],
        "4": ["version 0.4.0, others have 0.5.0"],
        "3": ["agreement version 2, others have 3"],
        "1": [],
        "2": [],
    }


def test_of_one_kind_the_worst_comes_first_and_then_the_name(tmp_path: Path) -> None:
    messages = [
        box("a", 5),
        box("b", 20),
        box("c", 5),
        box("d", n=3),
        box("e", n=9),
        box("f", certificate_days=2),
    ]
    assert [truck.vehicle for truck in seen(tmp_path, [*messages, box("g", certificate_days=9)])] == list(
        "fgedbac"
    )


def test_a_truck_with_two_needs_stands_where_the_worse_one_puts_it_and_says_both(tmp_path: Path) -> None:
    first, second = seen(tmp_path, [box("a", 9, storage="failed", self_test="warn:disk"), box("b", n=100)])
    assert [need.says for need in first.needs] == [
        "storage failed",
        "not heard for 9 days",
        "self-test warn:disk",
    ]
    assert second.vehicle == "b"


def test_a_self_test_that_was_not_done_does_not_count_as_passed(tmp_path: Path) -> None:
    (truck,) = seen(tmp_path, [box("a", self_test="none")])
    assert [need.says for need in truck.needs] == ["no self-test"]


@pytest.mark.parametrize("days", [0, QUIET_DAYS_MAX])
def test_a_weekend_without_a_word_is_nothing_yet(days: int, tmp_path: Path) -> None:
    assert seen(tmp_path, [box("a", days)])[0].needs == ()


def test_a_day_more_is(tmp_path: Path) -> None:
    (truck,) = seen(tmp_path, [box("a", QUIET_DAYS_MAX + 1)])
    assert [need.says for need in truck.needs] == [f"not heard for {QUIET_DAYS_MAX + 1} days"]


@pytest.mark.parametrize(("days", "needs"), [(CERTIFICATE_DAYS_MIN, 0), (CERTIFICATE_DAYS_MIN - 1, 1)])
def test_a_certificate_needs_a_hand_a_month_before_its_end(days: int, needs: int, tmp_path: Path) -> None:
    assert len(seen(tmp_path, [box("a", certificate_days=days)])[0].needs) == needs


def test_days_of_a_certificate_go_on_while_the_box_is_silent(tmp_path: Path) -> None:
    one, other = seen(tmp_path, [box("a", 2, certificate_days=31), box("b", 3, certificate_days=3)])
    assert [need.says for need in one.needs] == ["certificate has ended"]
    assert other.certificate_days == 29


def test_a_truck_without_a_certificate_needs_none(tmp_path: Path) -> None:
    (truck,) = seen(tmp_path, [box("a", certificate_days=-1)])
    assert (truck.certificate_days, truck.needs) == (None, ())


def test_versions_are_compared_as_numbers(tmp_path: Path) -> None:
    trucks = seen(tmp_path, [box("a", version="0.9.1"), box("b", version="0.10.0")])
    assert [(truck.vehicle, len(truck.needs)) for truck in trucks] == [("a", 1), ("b", 0)]


def test_agreements_of_two_names_are_not_compared(tmp_path: Path) -> None:
    other = AgreementReference("safety-only", 1, "ef" * 32)
    assert [len(truck.needs) for truck in seen(tmp_path, [box("a"), box("b", agreed=other)])] == [0, 0]


def test_a_truck_without_an_agreement_is_told(tmp_path: Path) -> None:
    trucks = seen(tmp_path, [box("a"), box("b", agreed=NO_AGREEMENT)])
    assert [(truck.vehicle, [need.says for need in truck.needs]) for truck in trucks] == [
        ("b", ["no agreement"]),
        ("a", []),
    ]


def test_the_latest_date_counts_whatever_came_last(tmp_path: Path) -> None:
    """A batch that was missing comes late, and tells of an older day."""
    (truck,) = seen(tmp_path, [box("a", 0, 2), box("a", 1, 1, self_test="fail:disk")])
    assert truck.box is not None
    assert (truck.box.date, truck.needs) == (TODAY, ())


def test_a_truck_of_which_no_box_record_is_here_is_listed(tmp_path: Path) -> None:
    record = {"date": "2026-11-21", "distance_m": 1000, "running_s": 600, "stretches": 1}
    heading = Heading("day", "a" * 16, 1, wire.NO_PREVIOUS, AGREED)
    day = Delivered(0.0, 1, "fairhaul/v1/north/truck-001/day", wire.encode(heading, [record], 512), 1)
    (truck,) = seen(tmp_path, [day])
    assert (truck.vehicle, truck.fleet, truck.box) == ("truck-001", "north", None)
    assert [need.says for need in truck.needs] == ["no box record here"]


def test_a_computer_whose_clock_is_behind_makes_no_days_below_nought(tmp_path: Path) -> None:
    (truck,) = seen(tmp_path, [box("a")], TODAY - datetime.timedelta(days=5))
    assert (truck.quiet_days, truck.certificate_days) == (0, 400)


def test_brakings_make_no_truck(tmp_path: Path) -> None:
    braking = {"month": "2026-11", "latitude_deg": 40.0, "longitude_deg": -4.0, "severity": "hard"}
    heading = Heading("harsh_braking", "b" * 16, 1, wire.NO_PREVIOUS, AGREED)
    payload = wire.encode(heading, [{**braking, "corroborated": "yes"}], 512)
    assert seen(tmp_path, [Delivered(0.0, 1, "fairhaul/v1/north/harsh_braking", payload, 1)]) == []


# The command.


def test_programs_get_one_object_for_each_truck_in_the_same_order(tmp_path: Path) -> None:
    result = fleet(filled(tmp_path / "received.db", FLEET), "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["vehicle"][-1] for line in lines] == list("987654312")
    assert lines[3] == {
        "vehicle": "truck-006",
        "fleet": "north",
        "last_heard": TODAY.isoformat(),
        "quiet_days": 0,
        "version": "0.5.0",
        "agreement": AGREED._asdict(),
        "self_test": "pass",
        "storage": "good",
        "certificate_days": 400,
        "complete": False,
        "missing": 3,
        "needs": ["3 batches missing"],
    }


def test_silence_can_be_given_longer(tmp_path: Path) -> None:
    store = filled(tmp_path / "received.db", [box("a", 9)])
    assert json.loads(fleet(store, "--json", "--quiet-after", "9").stdout)["needs"] == []


def test_people_get_a_table_and_how_many_need_a_hand(tmp_path: Path) -> None:
    result = fleet(filled(tmp_path / "received.db", FLEET))
    assert result.exit_code == 0
    assert "in need of a hand: 7 of 9 trucks" in result.stderr
    last = result.stdout.rstrip().splitlines()[-1].split()
    assert last == [
        "truck-002",
        (TODAY - datetime.timedelta(1)).isoformat(),
        *("0.5.0", "routes-and-safety", "3", "pass", "399", "days", "complete"),
    ]


def test_an_empty_store_says_so(tmp_path: Path) -> None:
    result = fleet(filled(tmp_path / "received.db", []))
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no truck has been heard yet" in result.stderr


@pytest.mark.parametrize(("content", "status"), [(None, 3), (b"a letter to the mayor" * 100, 1)])
def test_a_store_that_is_none_is_told(content: bytes | None, status: int, tmp_path: Path) -> None:
    store = tmp_path / "received.db"
    if content:
        store.write_bytes(content)
    assert fleet(store).exit_code == status


def test_R19_each_look_is_logged_before_it_is_answered_and_listed_with_the_exports(tmp_path: Path) -> None:
    store = filled(tmp_path / "received.db", FLEET)
    assert "logged as query 1 of the store" in fleet(store).stderr
    listed = CliRunner().invoke(main, ["receive", "--store", str(store), "--queries"]).stdout
    assert f"{len(FLEET)} records (box) into a list of trucks, under routes-and-safety version 3" in listed
    with closing(sqlite3.connect(store)) as db:
        db.execute("CREATE TRIGGER full BEFORE INSERT ON query BEGIN SELECT RAISE(ABORT, 'no room'); END")
    result = fleet(store, "--json")
    assert (result.exit_code, result.stdout) == (1, "")


def test_it_shows_no_place(tmp_path: Path) -> None:
    track = {"date": TODAY.isoformat(), "stretch": 1, "running_s": 610, "path": [[40.00123, -4.00456]]}
    heading = Heading("track", "c" * 16, 1, wire.NO_PREVIOUS, AGREED)
    sent = Delivered(0.0, 1, "fairhaul/v1/north/truck-001/track", wire.encode(heading, [track], 512), 2)
    store = filled(tmp_path / "received.db", [box("truck-001"), sent])
    for words in ([], ["--json"]):
        result = fleet(store, *words)
        assert "00123" not in result.output
        assert "track" not in result.output


def test_the_page_shows_what_it_prints(tmp_path: Path) -> None:
    result = fleet(filled(tmp_path / "received.db", FLEET))
    page = PAGE.read_text(encoding="utf-8").partition("$ fairhaul fleet")[2]
    shown = page.partition("\n")[2].partition("```")[0]
    printed = "\n".join(line.rstrip() for line in result.output.splitlines() if line.strip())
    assert shown.strip() == printed.strip()


def test_a_truck_s_words_do_nothing_to_the_terminal(tmp_path: Path) -> None:
    """Whoever has a truck's key may say anything; a list in which others need a hand must not vanish."""
    rogue = box(
        "truck-001", version="0.5\x1b]0;mine\x07\x1b[2J", self_test="pass\r\nall well", storage="good\x9b2J"
    )
    shown = fleet(filled(tmp_path / "received.db", [rogue, box("truck-002")]))
    assert shown.exit_code == 0
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown.output)
    assert "truck-002" in shown.output
