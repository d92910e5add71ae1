"""Whatever changes in an agreement changes on its notice card, in both languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.agreement_parts import EVERY_STREAM, Change, Tree, agreed, both, put
from tests.unit.explain_parts import ENGLISH, SPANISH, card_of, said

DAILY, TIMED = "routes-and-safety", "operations"
TWO_SHIFTS = [{"from": "06:00", "to": "09:00"}, {"from": "10:00", "to": "14:00"}]
NO_HOURS = put([], "duty", "schedule")
QUESTION = ("questions", 0)

CHANGES: dict[str, tuple[str, Change, str, str]] = {
    # The file.
    "city": (DAILY, put("Springfield", "city"), "Springfield.", "Springfield."),
    "groups": (
        DAILY,
        put(["operations", "crews", "safety", "union"], "groups"),
        "safety and union;",
        "safety y union;",
    ),
    "end": ("safety-only", put("2027-06-30", "valid_until"), "30 June 2027", "30 de junio de 2027"),
    "stopped": (TIMED, put(True, "stop_all"), "STOPPED", "DETENIDO"),
    # Questions.
    "asks": (TIMED, put("Why?", *QUESTION, "asks"), "“Why?”", "«Why?»"),
    "owner": (TIMED, put("legal", *QUESTION, "owner"), "(legal:", "(legal:"),
    "purpose": (TIMED, put("To know.", *QUESTION, "purpose"), "“To know.”", "«To know.»"),
    "question's end": (
        TIMED,
        put("2027-03-05", *QUESTION, "valid_until"),
        "Only until 5 March 2027.",
        "Solo hasta el 5 de marzo de 2027.",
    ),
    "allowed": (TIMED, put(["art"], *QUESTION, "uses", "allowed"), "Allowed: art.", "Permitido: art."),
    "forbidden": (
        TIMED,
        put(["discipline", "gossip"], *QUESTION, "uses", "forbidden"),
        "Forbidden: discipline and gossip.",
        "Prohibido: discipline y gossip.",
    ),
    "needs": (
        TIMED,
        put(["track", "stops", "live", "passed"], *QUESTION, "needs"),
        "questions 1 and 2;",
        "preguntas 1 y 2;",
    ),
    # Streams.
    "exact": (TIMED, put("exact", "streams", "track", "clock"), "to the second", "minuto y segundo"),
    "untimed": (
        TIMED,
        put("stretch", "streams", "track", "clock"),
        "In bits of 1 min, with the date",
        "En trozos de 1 min, con la fecha",
    ),
    "retention": (DAILY, put("33 days", "streams", "track", "retention"), "33 / 33 days", "33 / 33 días"),
    "a single day": (TIMED, put("1 day", "streams", "live", "retention"), "1 / 1 day)", "1 / 1 día)"),
    "held": (DAILY, put("30 days", "streams", "harsh_braking", "held"), "Held 30 days", "Espera 30 días"),
    "dwell": (
        DAILY,
        put(["20 min"], "streams", "site_visits", "dwell_classes"),
        "under 20 min and over 20 min",
        "menos de 20 min y más de 20 min",
    ),
    "points": (DAILY, agreed("stops", EVERY_STREAM["stops"]), "which of 1 agreed points", "de 1 puntos"),
    # Release.
    "slots": (DAILY, put(["20:30"], "release", "slots"), "network: 20:30 (", "red: 20:30 ("),
    "zone": (DAILY, put("Europe/Lisbon", "duty", "time_zone"), "(Europe/Lisbon)", "(Europe/Lisbon)"),
    "fleet slots": (TIMED, put(["20:10"], "release", "fleet_slots"), "at 20:10.", "a las 20:10."),
    "envelopes": (DAILY, put(9, "release", "envelopes", "track"), "13 envelopes", "13 sobres"),
    "size": (DAILY, put("2 KiB", "release", "size"), "of 2 KiB", "de 2 KiB"),
    "every": (TIMED, put("5 min", "release", "every"), "every 5 min", "cada 5 min"),
    # Places.
    "site": (DAILY, put("dump-east", "places", "sites", 0, "id"), "at dump-east", "en dump-east"),
    "place": (TIMED, put("clinic", "places", "off_limits", 0, "name"), "clinic (and", "clinic (y"),
    "margin": (TIMED, put("70 m", "places", "off_limits", 0, "margin"), "70 m round", "70 m alrededor"),
    "no margin": (TIMED, put("0 m", "places", "off_limits", 0, "margin"), "union hall.", "union hall."),
    # Duty.
    "requires": (
        TIMED,
        put(["crew_switch"], "duty", "requires"),
        "only while your switch is on",
        "solo con el interruptor",
    ),
    "hours": (
        DAILY,
        put(TWO_SHIFTS, "duty", "schedule"),
        "from 06:00 to 09:00 and 10:00 to 14:00",
        "de 06:00 a 09:00 y de 10:00 a 14:00",
    ),
    "any hour": (DAILY, NO_HOURS, "until the day ends at 00:00", "el día, a las 00:00"),
    "day starts": (
        DAILY,
        both(NO_HOURS, put("03:00", "duty", "day_starts")),
        "ends at 03:00",
        "el día, a las 03:00",
    ),
    # Limits.
    "cap": (DAILY, put("5 s", "limits", "standstill_cap"), "15 s of a stop", "15 s de cada parada"),
    "length": (DAILY, put("2 km", "limits", "stretch_length"), "2 km or more", "2 km o más"),
    "trim": (DAILY, put("80 m", "limits", "trim"), "The 80 m", "los 80 m"),
    "ceiling": (DAILY, put("20 m/s", "limits", "speed_ceiling"), "72 km/h", "72 km/h"),
    "device": (DAILY, put("90 days", "limits", "device_retention"), "after 90 days", "en 90 días"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_R22_a_change_of_the_agreement_changes_the_card_in_both_languages(what: str) -> None:
    name, change, english, spanish = CHANGES[what]
    before, after = card_of(name), card_of(name, change)
    for language, words in ((ENGLISH, english), (SPANISH, spanish)):
        assert words not in said(before, language)
        assert words in said(after, language)


@given(
    precision=st.integers(5, 100),
    retention=st.integers(1, 3650),
    device=st.integers(70, 365),
    cap=st.integers(0, 20),
    ceiling=st.integers(5, 50),
)
def test_R22_figures_on_the_card_are_the_agreement_s(
    precision: int, retention: int, device: int, cap: int, ceiling: int
) -> None:
    def change(tree: Tree) -> None:
        tree["streams"]["track"] |= {"precision": f"{precision} m", "retention": f"{retention} days"}
        tree["limits"] |= {
            "device_retention": f"{device} days",
            "standstill_cap": f"{cap} s",
            "speed_ceiling": f"{ceiling} m/s",
        }

    words = said(card_of(change=change), ENGLISH)
    assert f"true to {precision} m." in words
    assert f"counts {cap + 10} s of a stop" in words
    assert f"{3.6 * ceiling:g} km/h" in words
    assert f"(question 1; {retention} / {min(retention, device)} day" in words


def test_a_change_of_no_meaning_changes_nothing_but_the_name() -> None:
    assert said(card_of(change=put(2, "version")), ENGLISH) == said(card_of(), ENGLISH)
