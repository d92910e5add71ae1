"""An agreement is understood in full, or it is none."""

from __future__ import annotations

import contextlib
import copy
import json
import random
from pathlib import Path

import pytest

from agent.agreement import Agreement, agreement_from_canonical, canonical_json, load_agreement
from agent.geometry import Point
from agent.records import day_number
from config.load import ConfigurationError, load_yaml
from tests.sim.drives import PLANE, square
from tests.unit.agreement_parts import AGREEMENTS, Change, Tree, both, drop, put, understood

EXAMPLE = AGREEMENTS / "routes-and-safety.yaml"
TEXT = EXAMPLE.read_text(encoding="utf-8")
AREA_M = 4000.0


def in_a_square(tree: Tree) -> None:
    """Eight kilometres a side, a union hall in the north, and no sites."""
    tree["places"]["service_area"] = square(0, 0, AREA_M)
    tree["places"]["off_limits"] = [{"name": "union hall", "margin": "50 m", "area": square(0, 3000, 100)}]


# Identity.


def test_comments_and_order_are_no_part_of_an_agreement_s_identity(tmp_path: Path) -> None:
    one, other = tmp_path / "a.yaml", tmp_path / "b.yaml"
    one.write_text(TEXT, encoding="utf-8")
    other.write_text("# another comment\n" + TEXT.replace("\n\n", "\n\n# and more\n\n"), encoding="utf-8")
    assert load_agreement(one).reference == load_agreement(other).reference
    assert (
        canonical_json({"b": 1, "a": [1, 2]}) == canonical_json({"a": [1, 2], "b": 1}) == '{"a":[1,2],"b":1}'
    )


def test_any_value_is_part_of_it() -> None:
    assert understood().reference != understood(change=put("51 m", "limits", "trim")).reference


@pytest.mark.parametrize("name", ["routes-and-safety", "operations", "safety-only"])
def test_an_agreement_is_made_again_from_its_canonical_text(name: str) -> None:
    once = load_agreement(AGREEMENTS / f"{name}.yaml")
    again = agreement_from_canonical(once.canonical)
    assert (again.reference, again.canonical, again.file) == (once.reference, once.canonical, once.file)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '{"a": 1}', "[" * 100_000, '{"b":1,"a":1}', '{"behind":"file.yaml"}'],
    ids=lambda text: text[:12],
)
def test_what_is_no_canonical_text_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        agreement_from_canonical(text)


def test_a_canonical_text_that_says_what_can_t_be_kept_is_refused_like_the_file() -> None:
    tree = json.loads(understood().canonical)
    tree["limits"]["standstill_cap"] = "45 s"
    with pytest.raises(ConfigurationError, match="standstill_cap: found 45 s, allowed is 0 s to 20 s"):
        agreement_from_canonical(canonical_json(tree))


# Places.


@pytest.mark.parametrize(
    ("x_m", "y_m", "allowed"),
    [
        (0, 0, True),
        (AREA_M - 1, 0, True),
        (AREA_M + 1, 0, False),
        (0, 3000, False),
        (0, 3149, False),
        (0, 3151, True),
        (134, 3134, False),
        (136, 3136, True),
    ],
)
def test_R6_only_the_service_area_without_what_is_off_limits_is_publishable(
    x_m: float, y_m: float, allowed: bool
) -> None:
    assert understood(change=in_a_square).allows(PLANE.point(x_m, y_m)) is allowed


def test_overlapping_places_hide_what_any_of_them_hides_in_any_order() -> None:
    def overlapping(order: int) -> Change:
        places = [{"name": str(i), "margin": "10 m", "area": square(150 * i, 0, 100)} for i in range(3)]
        return put(places[::order], "places", "off_limits")

    rng = random.Random(3)
    one, other = (understood(change=both(in_a_square, overlapping(order))) for order in (1, -1))
    points = [PLANE.point(rng.uniform(-200, 600), rng.uniform(-200, 200)) for _ in range(500)]
    assert [one.allows(point) for point in points] == [other.allows(point) for point in points]
    assert {one.allows(point) for point in points} == {True, False}


def test_a_multipolygon_and_a_hole_are_areas() -> None:
    def change(tree: Tree) -> None:
        outer, inner = square(0, 0, 3900)["coordinates"][0], square(0, 0, 50)["coordinates"][0]
        other = square(5000, 0, 100)["coordinates"][0]
        tree["places"]["service_area"] = {"type": "MultiPolygon", "coordinates": [[outer, inner], [other]]}
        tree["places"]["off_limits"] = []

    allows = understood(change=change).allows
    assert [allows(PLANE.point(x, 0)) for x in (0, 100, 4500, 5000)] == [False, True, False, True]


def test_the_world_and_its_places_may_lie_across_the_antimeridian() -> None:
    def moved(tree: Tree) -> None:
        in_a_square(tree)
        places = tree["places"]
        for part in (
            places["service_area"],
            *(each["area"] for each in places["off_limits"] + places["sites"]),
        ):
            for place in part["coordinates"][0]:
                place[0] = (place[0] + 4 + 180 + 180) % 360 - 180
        places["origin"]["longitude_deg"] = 180

    here, there = understood(change=in_a_square), understood(change=moved)
    rng = random.Random(1)
    for _ in range(300):
        point = PLANE.point(rng.uniform(-4500, 4500), rng.uniform(-4500, 4500))
        turned = (point.longitude_e7 + 40_000_000 + 3_600_000_000) % 3_600_000_000 - 1_800_000_000
        other = Point(point.latitude_e7, turned)
        assert here.allows(point) == there.allows(other)
        assert here.site_of(point) == there.site_of(other)


def test_a_site_is_known_by_its_id_and_where_two_overlap_the_first_counts() -> None:
    def two(tree: Tree) -> None:
        kinds = {"gate": (0, "landfill"), "yard": (150, "depot")}
        tree["places"]["sites"] = [
            {"id": id_, "kind": kind, "area": square(east_m, 0, 100)} for id_, (east_m, kind) in kinds.items()
        ]

    site_of = understood(change=both(in_a_square, two)).site_of
    assert [site_of(PLANE.point(x_m, 0)) for x_m in (-101, -99, 90, 101, 249, 251)] == [
        None,
        "gate",
        "gate",
        "yard",
        "yard",
        None,
    ]


# When recording may be.


@pytest.mark.parametrize(
    ("hours", "scheduled"),
    [
        ([], [True, True, True, True]),
        ([("05:30", "14:45")], [False, True, True, False]),
        ([("14:45", "05:30")], [True, False, False, True]),
        ([("05:30", "05:31"), ("14:44", "14:45")], [False, True, True, False]),
    ],
    ids=["none", "a day shift", "a night shift round midnight", "two"],
)
def test_recording_may_be_within_the_schedule_to_the_second(
    hours: list[tuple[str, str]], scheduled: list[bool]
) -> None:
    schedule = [{"from": from_, "to": to} for from_, to in hours]
    agreement = understood("operations", put(schedule, "duty", "schedule"))
    seconds = [5 * 3600 + 1800 - 1, 5 * 3600 + 1800, 14 * 3600 + 45 * 60 - 1, 14 * 3600 + 45 * 60]
    assert [agreement.scheduled(second) for second in seconds] == scheduled


# What is collected, and until when.


def test_a_stream_is_collected_while_some_live_question_needs_it() -> None:
    def change(tree: Tree) -> None:
        for question, until in zip(tree["questions"], ("06-30", "06-30", "12-31", "06-30"), strict=True):
            question["valid_until"] = f"2027-{until}"
        tree["valid_until"] = "2027-12-31"

    agreement = understood(change=change)
    days = [
        day_number(date) for date in ("2027-06-30", "2027-07-01", "2027-12-31", "2028-01-01", "2099-12-31")
    ]
    everything, braking, box = set(agreement.file.agreed_streams()), {"harsh_braking", "box"}, {"box"}
    assert [set(agreement.collected(day)) for day in days] == [everything, braking, braking, box, box]
    assert agreement.collected(days[0]) == everything  # a date that goes back is asked anew


def test_R14_no_question_outlives_the_agreement() -> None:
    def change(tree: Tree) -> None:
        tree["questions"][0]["valid_until"] = "9999-12-31"
        tree["valid_until"] = "2027-06-30"

    assert understood(change=change).collected(day_number("2027-07-01")) == {"box"}


def test_stop_all_leaves_the_box_alone() -> None:
    assert understood(change=put(True, "stop_all")).collected(day_number("2027-01-01")) == {"box"}


# What stands behind it.


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def with_behind(folder: Path, narrow: str, front: str = TEXT) -> Path:
    """The recommended example, with `narrow` in a file behind it."""
    written(folder, "safety-only.yaml", narrow)
    return written(folder, "a.yaml", front.replace("# behind: safety-only.yaml", "behind: safety-only.yaml"))


NARROW = (AGREEMENTS / "safety-only.yaml").read_text(encoding="utf-8")


def problems_of(path: Path) -> list[tuple[str, int, str, str]]:
    with pytest.raises(ConfigurationError) as caught:
        load_agreement(path)
    return [(Path(each.file).name, each.line, each.key, each.says) for each in caught.value.problems]


BEHIND_LINE = TEXT.splitlines().index("# behind: safety-only.yaml") + 1


def test_R14_a_narrower_agreement_may_stand_behind(tmp_path: Path) -> None:
    agreement = load_agreement(with_behind(tmp_path, NARROW))
    assert agreement.behind is not None
    assert agreement.behind.reference == load_agreement(AGREEMENTS / "safety-only.yaml").reference
    assert agreement.behind.narrower_than(agreement) is None
    again = agreement_from_canonical(agreement.canonical)
    assert again.reference == agreement.reference
    assert again.behind is not None
    assert again.behind.reference == agreement.behind.reference


def test_what_stands_behind_is_part_of_the_identity(tmp_path: Path) -> None:
    one = load_agreement(with_behind(tmp_path, NARROW)).reference
    assert load_agreement(with_behind(tmp_path, NARROW.replace("version: 1", "version: 2"))).reference != one
    assert load_agreement(EXAMPLE).reference != one


def test_R14_a_wider_agreement_behind_is_a_mistake_of_the_file_that_names_it(tmp_path: Path) -> None:
    path = with_behind(
        tmp_path, NARROW.replace("cell: 100 m ", "cell: 101 m "), TEXT.replace("100 m ", "200 m ")
    )
    says = "it must let out no more than this agreement, but harsh_braking: its cell is smaller"
    assert problems_of(path) == [("a.yaml", BEHIND_LINE, "behind", says)]


def test_R14_one_behind_that_ends_no_later_is_a_mistake(tmp_path: Path) -> None:
    path = with_behind(tmp_path, NARROW.replace("2029-12-31", "2028-12-31"))
    says = "it ends no later than this agreement, so it would never stand in: give it a later `valid_until:`"
    assert problems_of(path) == [("a.yaml", BEHIND_LINE, "behind", says)]


def test_mistakes_of_the_one_behind_are_told_with_those_in_front(tmp_path: Path) -> None:
    path = with_behind(
        tmp_path, NARROW.replace("cell: 100 m ", "cell: 9 m   "), TEXT.replace("trim: 50 m", "trim: 5 m ")
    )
    front, behind = problems_of(path)
    assert front[0::2] == ("a.yaml", "limits.trim")
    assert behind[0::2] == ("safety-only.yaml", "streams.harsh_braking.cell")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("nowhere.yaml", "there is no file nowhere.yaml; the path starts from this one's directory"),
        ("b.yaml", "the agreements stand behind each other in a circle: take one of the `behind:` out"),
        ("7", "found 7: write the path of another agreement, relative to this file"),
        ("{id: x}", "found keys with values: write the path of another agreement, relative to this file"),
        ('""', "found '': write the path of another agreement, relative to this file"),
    ],
)
def test_a_behind_that_names_no_other_agreement_is_refused(value: str, says: str, tmp_path: Path) -> None:
    path = written(tmp_path, "b.yaml", TEXT.replace("# behind: safety-only.yaml", f"behind: {value}"))
    ((_, line, key, said),) = problems_of(path)
    assert (line, key) == (BEHIND_LINE, "behind")
    assert said == says


def test_a_circle_of_two_is_refused(tmp_path: Path) -> None:
    path = with_behind(tmp_path, NARROW.replace("version: 1", "version: 1\nbehind: a.yaml"))
    ((file, _, key, says),) = problems_of(path)
    assert (file, key) == ("safety-only.yaml", "behind")
    assert says == "the agreements stand behind each other in a circle: take one of the `behind:` out"


@pytest.mark.parametrize(("many", "fits"), [(3, True), (4, False)])
def test_only_so_many_stand_one_behind_the_other(many: int, fits: bool, tmp_path: Path) -> None:
    for number in range(many + 1):
        text = NARROW.replace("2029-12-31", f"{2029 + number}-12-31")
        following = f"version: 1\nbehind: {number + 1}.yaml" if number < many else "version: 1"
        written(tmp_path, f"{number}.yaml", text.replace("version: 1", following))
    if fits:
        agreement = load_agreement(tmp_path / "0.yaml")
        assert agreement_from_canonical(agreement.canonical).reference == agreement.reference
        return
    ((file, _, key, says),) = problems_of(tmp_path / "0.yaml")
    assert (file, key) == ("3.yaml", "behind")
    assert says == "more than 3 agreements stand one behind the other: take one of the `behind:` out"


# Anything else.


@pytest.mark.parametrize("seed", range(60))
def test_any_mangled_agreement_is_understood_or_refused_in_words(seed: int, tmp_path: Path) -> None:
    """Cut, doubled or swapped lines and bytes: never anything but an Agreement or a ConfigurationError."""
    rng = random.Random(seed)
    raw = bytearray(TEXT.encode("utf-8"))
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(raw))
        what = rng.randrange(4)
        if what == 0:
            del raw[at : at + rng.choice([1, 5, 400])]
        elif what == 1:
            raw[at:at] = raw[at : at + 60]
        elif what == 2:
            raw[at] = rng.randrange(256)
        else:
            raw[at:at] = rng.choice(
                [b"[", b"{", b"&a ", b"*a", b"!!python/object", b": ", b"\t", b"-", b"1e999", b"~", b'"']
            )
    path = tmp_path / "agreement.yaml"
    path.write_bytes(bytes(raw))
    with contextlib.suppress(ConfigurationError):
        assert isinstance(load_agreement(path), Agreement)


def test_trees_of_these_tests_are_their_own() -> None:
    before = copy.deepcopy(load_yaml(EXAMPLE).tree)
    understood(change=both(put("51 m", "limits", "trim"), drop("places", "off_limits")))
    assert load_yaml(EXAMPLE).tree == before
