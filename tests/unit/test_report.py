"""The page of `replay --report`: complete, self-contained, and without a word too many."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from agent.agreement import Agreement, load_agreement
from agent.agreement.places import Area
from agent.columns import STREAMS as WIRE_STREAMS
from agent.recording.gate import REASONS
from agent.report import LOG_NAMES_MAX, ReportBatch, ReportInput, path_length_m, report_page, write_report
from agent.report import words as wording
from agent.report.frame import WIDTH
from agent.report.layers import CELL_MIN
from agent.report.tables import ROWS_MAX
from agent.report.words import (
    REFUSALS,
    STREAMS,
    duration_in_words,
    length_in_words,
    listed,
    terms_in_words,
)
from agent.streams.crew_report import KINDS

AGREEMENTS = Path(__file__).parents[2] / "config" / "agreements"
VOID_TAGS = {"meta", "br"}
DEGREE_M = 6_371_008.8 * math.pi / 180


@pytest.fixture(scope="module")
def daily() -> Agreement:
    return load_agreement(AGREEMENTS / "routes-and-safety.yaml")


@pytest.fixture(scope="module")
def timed() -> Agreement:
    return load_agreement(AGREEMENTS / "operations.yaml")


def stretch(number: int, *path: list[float]) -> dict[str, Any]:
    return {
        "stream": "track",
        "batch": "0123456789abcdef-1",
        "date": "2026-11-21",
        "stretch": number,
        "running_s": 190,
        "path": list(path),
    }


def braking(latitude_deg: float, longitude_deg: float, severity: str) -> dict[str, Any]:
    return {
        "stream": "harsh_braking",
        "batch": "fedcba9876543210-1",
        "month": "2026-11",
        "latitude_deg": latitude_deg,
        "longitude_deg": longitude_deg,
        "severity": severity,
        "corroborated": "yes",
    }


EAST_1000_M = 1000 / (DEGREE_M * math.cos(math.radians(40)))
RECORDS = [
    stretch(1, [40.0, -4.0], [40.0, -4.0 + EAST_1000_M]),
    stretch(2, [40.001, -4.003], [40.004, -4.003], [40.004, -3.99]),
    braking(40.00123, -3.99456, "hard"),
    braking(40.00123, -3.99456, "moderate"),
    braking(40.00345, -3.99123, "moderate"),
    braking(40.00345, -4.00123, "unrated"),
]
BATCHES = [
    ReportBatch(78_299.0, "fairhaul/v1/north/truck-007/track", 4096, 2),
    ReportBatch(78_299.0, "fairhaul/v1/north/truck-007/track", 4096, 0),
    ReportBatch(2_500_000.0, "fairhaul/v1/north/harsh_braking", 4096, 4),
]
COUNTS = {"fixes": 28_800, "off_duty": 1234, "not_publishable": 567, "refused.hdop": 7, "refused.void": 41}


def given(agreement: Agreement, **changes: Any) -> ReportInput:
    parts: dict[str, Any] = {
        "agreement": agreement,
        "logs": ["/home/somebody/shift.nmea"],
        "records": RECORDS,
        "batches": BATCHES,
        "counts": COUNTS,
    }
    return ReportInput(**(parts | changes))


class Page(HTMLParser):
    """The page's tags, its text, and what is not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID_TAGS:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def classed(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for _, attributes in self.tags if name in (attributes.get("class") or "").split()]


# What it holds.


def test_page_is_well_formed(daily, timed):
    for agreement in (daily, timed):
        assert Page(report_page(given(agreement))).tags[0][0] == "html"


def test_page_fetches_nothing_and_runs_nothing(daily):
    text = report_page(given(daily))
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "image", "use", "a", "form"} & {
        tag for tag, _ in page.tags
    }
    assert not {"src", "href", "xlink:href", "onload"} & {name for _, each in page.tags for name in each}
    assert "http:" not in text
    assert "https:" not in text
    assert "@import" not in text
    assert set(re.findall(r"url\([^)]*\)", text)) == {"url(#hatch)"}
    assert "default-src 'none'" in text


def test_page_shows_no_coordinates_in_figures_and_no_folder(daily):
    text = report_page(given(daily))
    for record in RECORDS:
        for place in record.get("path", [[record.get("latitude_deg"), record.get("longitude_deg")]]):
            assert str(place[0]) not in text or place[0] in (40.0, 40.001, 40.004)
    assert "40.00123" not in text
    assert "3.99456" not in text
    assert "somebody" not in text


def test_opening_says_whose_agreement_it_is_and_when_records_leave(daily, timed):
    words = Page(report_page(given(daily))).text
    assert "shift.nmea replayed under the data agreement routes-and-safety , version 1" in words
    assert "only while the ignition is on and the crew’s switch is on" in words
    assert "always as 12 envelopes of 4,096 bytes" in words
    assert "04:30, 05:00" in words
    words = Page(report_page(given(timed))).text
    assert "Records leave every 1 min while there is a connection" in words
    assert "shows when the truck stood still, breaks included" in words


def test_table_of_streams_counts_records_batches_and_bytes(daily):
    words = Page(report_page(given(daily))).text
    assert re.search(r"track The way the truck went.*? 2 2 8,192 21 h 44 min after the log’s start", words)
    assert re.search(r"harsh_braking .*? 4 1 4,096 28 days 22 h after", words)
    assert re.search(r"box .*? 0 0 0 none", words)
    assert "1 batch carries no record" in words


def test_first_and_last_moment_stand_for_many(timed):
    batches = [ReportBatch(60.0 * n, "fairhaul/v1/north/truck-007/track", 512, 1) for n in range(1, 481)]
    words = Page(report_page(given(timed, batches=batches))).text
    assert "1 min after the log’s start to 8 h 00 min after the log’s start" in words


def test_every_question_stands_with_owner_purpose_and_uses(daily):
    words = Page(report_page(given(daily))).text
    for question in daily.file.questions:
        for text in (question.asks, question.owner, question.purpose, str(question.valid_until)):
            assert text in words
        for use in (*question.uses.allowed, *question.uses.forbidden):
            assert use in words


def test_what_stayed_is_told_in_totals_only(daily):
    words = Page(report_page(given(daily))).text
    assert "fixes read from the logs 28,800" in words
    assert "fixes while off duty 1,234" in words
    assert words.index("the receiver said it had no fix 41") < words.index("too imprecise (HDOP) 7")


def test_totals_that_nobody_counted_are_not_shown(daily):
    words = Page(report_page(given(daily, counts={}))).text
    assert "fixes" not in words


def test_stretches_are_listed_with_length_and_running_time(daily):
    words = Page(report_page(given(daily))).text
    assert re.search(r"2026-11-21 1 1 km 3 min 10 s 2", words)
    assert re.search(r"2026-11-21 2 1\.4 km 3 min 10 s 3", words)


def test_stretches_at_the_limit_are_all_listed_and_past_it_counted(daily):
    one = RECORDS[0]
    at_limit = report_page(given(daily, records=[one] * ROWS_MAX))
    assert "more row" not in at_limit
    past = report_page(given(daily, records=[one] * (ROWS_MAX + 1)))
    assert "… and 1 more row." in past
    assert past.count("<td>2026-11-21</td>") == ROWS_MAX


def test_many_logs_are_named_up_to_a_limit(daily):
    names = [f"{number}.nmea" for number in range(LOG_NAMES_MAX + 2)]
    words = Page(report_page(given(daily, logs=names))).text
    assert "9.nmea and 2 more logs" in words
    assert "10.nmea" not in words


def test_same_input_gives_the_same_page(daily):
    assert report_page(given(daily)) == report_page(given(daily))


def test_page_without_anything_to_publish_still_shows_the_agreement(daily):
    page = Page(report_page(given(daily, records=[], batches=[])))
    assert "No stretch would be published." in page.text
    assert page.classed("inside")
    assert not [tag for tag, each in page.tags if tag == "polyline"]


def test_words_of_an_agreement_cannot_become_markup(tmp_path):
    hostile = (AGREEMENTS / "routes-and-safety.yaml").read_text()
    hostile = hostile.replace("Example city", '"<script>alert(1)</script>"')
    hostile = hostile.replace("name: union hall", "name: '<img src=x onerror=alert(2)>'")
    file = tmp_path / "agreement.yaml"
    file.write_text(hostile)
    text = report_page(given(load_agreement(file), logs=["<b>.nmea"]))
    assert "script" not in {tag for tag, _ in Page(text).tags}
    assert "<script>" not in text
    assert "<img" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "<b>" not in text


def test_report_is_written_as_utf_8(daily, tmp_path):
    write_report(tmp_path / "page.html", given(daily))
    assert (tmp_path / "page.html").read_text("utf-8") == report_page(given(daily))


def test_report_that_cannot_be_written_raises(daily, tmp_path):
    with pytest.raises(OSError, match="No such file"):
        write_report(tmp_path / "none" / "page.html", given(daily))


# The map.


def lines(page: Page) -> list[list[tuple[float, float]]]:
    return [
        [tuple(map(float, point.split(","))) for point in (each["points"] or "").split()]  # type: ignore[misc]
        for tag, each in page.tags
        if tag == "polyline"
    ]


def test_lengths_on_the_map_agree_with_its_scale_bar(daily):
    text = report_page(given(daily))
    bar = re.search(
        r'<g class="scale"><path d="M18,[\d.]+ V[\d.]+ H([\d.]+) V[\d.]+"/><text[^>]*>(\d+) m', text
    )
    assert bar is not None
    per_m = (float(bar[1]) - 18) / int(bar[2])
    (x1, y1), (x2, y2) = lines(Page(text))[0]
    assert y1 == y2
    assert (x2 - x1) / per_m == pytest.approx(1000, rel=0.005)


def test_north_is_up_and_east_is_right(daily):
    south, north, east = lines(Page(report_page(given(daily))))[1]
    assert north[1] < south[1]
    assert east[0] > north[0]


def test_all_that_is_published_lies_within_the_map(daily):
    text = report_page(given(daily))
    height = float(re.search(r'class="map" viewBox="0 0 \d+ (\d+)"', text)[1])  # type: ignore[index]
    for line in lines(Page(text)):
        for x, y in line:
            assert 0 <= x <= WIDTH
            assert 0 <= y <= height


def test_cell_has_the_agreed_size_and_the_colour_of_its_worst_braking(daily):
    page = Page(report_page(given(daily)))
    cells = [each for each in page.classed("cell") if each["width"] != "14"]
    assert sorted((each["class"] or "").split()[1] for each in cells) == ["s0", "s1", "s2"]
    assert "harsh braking, 2 times, at worst hard" in page.text
    (x1, _), (x2, _) = lines(page)[0]
    for each in cells:
        assert float(each["width"] or 0) == pytest.approx((x2 - x1) / 10, rel=0.02)


def test_cell_on_a_map_of_a_whole_city_stays_visible(daily):
    far = [*RECORDS, stretch(3, [39.5, -4.5], [40.5, -3.5])]
    cells = Page(report_page(given(daily, records=far))).classed("cell")
    assert min(float(each["width"] or 0) for each in cells) == CELL_MIN


def test_off_limits_places_are_hatched_with_name_and_margin(daily):
    near = [stretch(1, [40.0, -4.004], [40.003, -3.998])]
    page = Page(report_page(given(daily, records=near)))
    assert "union hall: off limits, with a margin of 50 m" in page.text
    (x1, y1), (x2, y2) = lines(page)[0]
    per_m = math.hypot(x2 - x1, y2 - y1) / path_length_m(near[0]["path"])
    assert float(page.classed("margin")[0]["stroke-width"] or 0) == pytest.approx(100 * per_m, rel=0.02)
    assert page.classed("name")


def test_overview_shows_where_a_small_map_lies(daily):
    assert Page(report_page(given(daily))).classed("overview")
    assert not Page(report_page(given(daily, records=[]))).classed("overview")


def test_a_part_of_the_service_area_far_away_does_not_shrink_the_city_on_the_map(daily):
    near = [stretch(1, [40.0, -4.004], [40.003, -3.998]), stretch(2, [40.003, -3.998], [40.0, -4.0])]
    ring = daily.file.places.service_area.coordinates
    away = [[[longitude + 2.0, latitude] for longitude, latitude in ring[0]]]
    area = Area(type="MultiPolygon", coordinates=[ring, away])
    places = daily.file.places.model_copy(update={"service_area": area})
    both = Agreement(daily.file.model_copy(update={"places": places}), daily.canonical)
    alone = lines(Page(report_page(given(daily, records=near))))
    page = Page(report_page(given(both, records=[*near, stretch(3, [40.0, -2.0])])))
    assert lines(page)[: len(alone)] == alone
    assert "1 of 5 published places lie elsewhere, outside this map." in page.text
    assert page.classed("overview")


def test_one_published_point_is_map_enough(daily):
    page = Page(report_page(given(daily, records=[stretch(1, [40.0, -4.0])])))
    assert lines(page) == [[(WIDTH / 2, pytest.approx(210, abs=2))]]
    assert len(page.classed("end")) == 1


# The other kinds of record.


def place(latitude_deg: float, longitude_deg: float) -> dict[str, float]:
    return {"latitude_deg": latitude_deg, "longitude_deg": longitude_deg}


def of(stream: str, **fields: Any) -> dict[str, Any]:
    return {"stream": stream, "batch": "0123456789abcdef-1", **fields}


TODAY, TOMORROW = {"date": "2026-11-21"}, {"date": "2026-11-22"}
COUNTED = [
    of("day", **TODAY, distance_m=41_800, running_s=9_870, stretches=20),
    of("day", **TODAY, distance_m=200, running_s=130, stretches=18),
    of("day", **TOMORROW, distance_m=900, running_s=600, stretches=1),
    of("lifts", **TODAY, **place(40.00123, -3.99456), count=7),
    of("lifts", **TODAY, **place(40.00123, -3.99456), count=5),
    of("lifts", **TODAY, **place(40.00345, -3.99123), count=1),
    of("site_visits", **TODAY, site="landfill-south", visits=1, dwell_class="under 15 min"),
    of("site_visits", **TODAY, site="landfill-south", visits=2, dwell_class="under 15 min"),
    of("site_visits", **TOMORROW, site="transfer-north", visits=1, dwell_class="over 45 min"),
]
DISPATCHED = [
    of("stops", **TODAY, stretch=1, **place(40.0, -3.999)),
    of("stops", **TODAY, stretch=2, **place(40.0, -3.999)),
    of("passed", **TODAY, **place(40.00123, -3.99456), window=3),
    of("passed", **TODAY, **place(40.00123, -3.99456), window=4),
    of("crew_report", **TODAY, **place(40.00123, -3.99456), kind="blocked"),
    of("crew_report", **TODAY, **place(40.00345, -3.99123), kind="blocked"),
    of("crew_report", **TODAY, **place(40.00345, -3.99123), kind="nothing_out"),
    of("live", utc="2026-11-21T09:15:00Z", **place(40.00123, -3.99456)),
]
CALLS_FOR_HELP = [
    of("help", state="raised"),
    of("help", utc="2026-11-21T09:15:32Z", **place(40.00127, -3.9945), state="ongoing"),
    of("help", utc="2026-11-21T09:16:02Z", **place(40.00127, -3.9945), state="cleared"),
]


def test_day_totals_add_up_what_came_in_parts(daily):
    words = Page(report_page(given(daily, records=[*RECORDS, *COUNTED]))).text
    assert "Day totals Date Distance Running time Stretches Bin lifts Site visits" in words
    assert "2026-11-21 42 km 2 h 46 min 38 13 3" in words
    assert "2026-11-22 900 m 10 min 1 0 1" in words


def test_sites_are_listed_by_class_of_stay(daily):
    words = Page(report_page(given(daily, records=COUNTED))).text
    assert "2026-11-21 landfill-south under 15 min 3" in words
    assert "2026-11-22 transfer-north over 45 min 1" in words


def test_bin_lifts_are_squares_of_the_agreed_size_the_darker_the_more(daily):
    page = Page(report_page(given(daily, records=[*RECORDS, *COUNTED])))
    shown = [each for each in page.classed("lifts") if float(each["width"] or 0) > 6]
    assert sorted((each["class"] or "").split()[1] for each in shown) == ["l1", "l4"]
    assert "12 bin lifts" in page.text
    assert "13 bin lifts in squares of 100 m, the darker the more" in page.text
    (x1, _), (x2, _) = lines(page)[0]
    assert float(shown[0]["width"] or 0) == pytest.approx((x2 - x1) / 10, rel=0.02)


def test_stops_squares_passed_and_crew_reports_are_counted_by_day(timed):
    page = Page(report_page(given(timed, records=[*RECORDS, *DISPATCHED])))
    assert "2026-11-21 2 1 2 × way blocked and 1 × nothing put out" in page.text
    assert len(page.classed("stop")) == 1 + 1  # two at one place, and the legend's
    assert len(page.classed("report")) == 3 + 1
    assert "reported by the crew (3)" in page.text


def test_calls_for_help_stand_at_the_top_with_their_place(timed):
    text = report_page(given(timed, records=[*RECORDS, *CALLS_FOR_HELP]))
    page = Page(text)
    assert "time not known calls for help place not known (no GNSS fix yet)" in page.text
    assert "2026-11-21T09:16:02Z needs help no longer at 40.00127, -3.99450" in page.text
    assert text.index("Calls for help") < text.index("<h2>Where")
    assert len(page.classed("call")) == 1 + 1


def test_kinds_that_did_not_come_leave_no_empty_tables_and_no_marks(daily):
    page = Page(report_page(given(daily)))
    for heading in ("Day totals", "Sites", "Calls for help"):
        assert heading not in page.text
    for mark in ("lifts", "stop", "report", "call"):
        assert page.classed(mark) == []


def test_agreement_on_safety_alone_speaks_of_no_stretches():
    safety = load_agreement(AGREEMENTS / "safety-only.yaml")
    words = Page(report_page(given(safety, records=[each for each in RECORDS if "month" in each]))).text
    assert "stretches" not in words.lower().partition("harsh brakings")[0]
    assert "No stretch" not in words
    assert "published track" not in words


def test_declared_sites_are_on_the_map_where_their_visits_are_published(daily, timed):
    assert Page(report_page(given(daily))).classed("site")
    assert not Page(report_page(given(timed))).classed("site")


def test_slots_of_the_fleet_and_hours_of_duty_are_told(daily, timed):
    words = Page(report_page(given(daily))).text
    assert "Brakings of the fleet name no truck and leave at times of their own: 04:15, 04:45," in words
    assert "On duty, a call for help excepted, the link is silent." in words
    assert "from 05:30 to 14:45" in words
    assert "leave at times of their own" in Page(report_page(given(timed))).text


@pytest.mark.parametrize("name", ["routes-and-safety", "operations", "safety-only"])
def test_every_agreed_kind_of_record_says_how_precise_it_is(name):
    agreement = load_agreement(AGREEMENTS / f"{name}.yaml")
    words = Page(report_page(given(agreement))).text
    for stream in agreement.file.agreed_streams():
        terms = terms_in_words(agreement.file, stream)
        assert terms
        assert f"{STREAMS[stream]} — {terms}" in words


# Words.


def test_every_stream_and_every_reason_has_words():
    assert set(STREAMS) == set(WIRE_STREAMS)
    assert set(REFUSALS) == set(REASONS)


@pytest.mark.parametrize(
    ("metres", "words"),
    [(0, "0 m"), (999.4, "999 m"), (1000, "1 km"), (1234, "1.2 km"), (9_949, "9.9 km"), (41_873, "42 km")],
)
def test_lengths_in_words(metres, words):
    assert length_in_words(metres) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h 00 min"),
        (86_399, "23 h 59 min"),
        (86_400, "1 day 0 h"),
        (200_000, "2 days 7 h"),
    ],
)
def test_durations_in_words(seconds, words):
    assert duration_in_words(seconds) == words


def test_every_stream_has_terms_and_every_report_of_the_crew_has_words():
    assert set(wording._TERMS) == set(WIRE_STREAMS)
    assert set(wording.KINDS) == KINDS
    assert set(wording.CALLS) == {"raised", "ongoing", "cleared"}


def test_lists_in_words():
    assert [listed([]), listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


def test_records_as_replay_writes_them_are_all_it_needs(daily):
    lines_of_replay = [json.dumps(record) for record in RECORDS]
    records = [json.loads(line) for line in lines_of_replay]
    assert report_page(given(daily, records=records)) == report_page(given(daily))
