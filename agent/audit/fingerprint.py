"""Which truck a harsh braking came from, by how it was driven: a fingerprint of its crew.

After Enev et al., PoPETs 2016, who told drivers apart by their brake pedal. Here there is no pedal left: a record
has a class of severity, whether GNSS saw it too, and a cell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]

from agent.audit.case import Floats, Route
from agent.audit.guessing import Share
from agent.audit.joining import CELL_M, Found, batch_of, brakings
from agent.geometry import Plane

TREES = 200
PER_LEAF = 3


class Fingerprint(NamedTuple):
    """Brakings whose truck was named. `chance`: by always naming the truck with the most brakings in training.

    `by_style`: severity and corroboration. `by_place`: the cell as well, which tells a district rather than a crew.
    """

    by_style: Share
    by_place: Share
    chance: Share


class _Braking(NamedTuple):
    truck: str
    batch: tuple[int, float, str, int]
    found: Found
    trained: bool


def fingerprinted(
    routes: Sequence[Route], planes: Mapping[str, Plane], seed: int, cell_m: float = CELL_M
) -> Fingerprint:
    """Trained on half of each truck's days with their truth, tested on the others, all routes as one fleet.

    What came in one payload came from one truck, and is judged together. `planes`: of each route by its name.
    """
    rng = np.random.default_rng(seed)
    fleet = [
        each
        for number, route in enumerate(routes)
        for each in _of_route(number, route, brakings(route, planes[route.name], cell_m), rng)
    ]
    train, test = ([each for each in fleet if each.trained is trained] for trained in (True, False))
    if not train or not test:
        return Fingerprint(*[Share(0, len(test))] * 3)
    trucks = [each.truck for each in train]
    most = max(sorted(set(trucks)), key=trucks.count)
    chance = Share(sum(each.truck == most for each in test), len(test))
    return Fingerprint(_named(train, test, seed, False), _named(train, test, seed, True), chance)


def _of_route(number: int, route: Route, found: Sequence[Found], rng: np.random.Generator) -> list[_Braking]:
    trained = _half(route, rng)
    return [
        _Braking(
            f"{number}/{route.cases[each.case].seen.vehicle}",
            (number, *batch_of(each)),
            each,
            each.case in trained,
        )
        for each in found
    ]


def _half(route: Route, rng: np.random.Generator) -> set[int]:
    """Half of each truck's days, the larger one."""
    chosen: set[int] = set()
    for vehicle in sorted({case.seen.vehicle for case in route.cases}):
        days = [index for index, case in enumerate(route.cases) if case.seen.vehicle == vehicle]
        chosen |= set(rng.permutation(days)[: math.ceil(len(days) / 2)].tolist())
    return chosen


def _named(train: list[_Braking], test: list[_Braking], seed: int, with_place: bool) -> Share:
    """How many are given the right truck, the likeliest for all that came with it."""
    words = sorted({word for each in train for word in _words(each)})
    model = RandomForestClassifier(TREES, min_samples_leaf=PER_LEAF, random_state=seed)
    with threadpool_limits(1):
        model.fit(_features(train, words, with_place), [each.truck for each in train])
        likely = np.log(model.predict_proba(_features(test, words, with_place)) + 1 / TREES)
    batches = sorted({each.batch for each in test})
    of_batch = np.array([batches.index(each.batch) for each in test])
    together = np.zeros((len(batches), likely.shape[1]))
    np.add.at(together, of_batch, likely)
    named = model.classes_[together[of_batch].argmax(axis=1)]
    return Share(sum(each.truck == name for each, name in zip(test, named, strict=True)), len(test))


def _words(braking: _Braking) -> tuple[str, str]:
    record = braking.found.record
    return f"severity {record.get('severity')}", f"corroborated {record.get('corroborated')}"


def _features(brakings_: list[_Braking], words: list[str], with_place: bool) -> Floats:
    rows = [
        [*(float(word in _words(each)) for word in words), *(each.found.centre_m if with_place else ())]
        for each in brakings_
    ]
    return np.array(rows, dtype=np.float64)
