"""The tree of exceptions in agent/errors.py is the tree in the code."""

from __future__ import annotations

import builtins
import importlib
import inspect
import pkgutil
import re

import pytest

import agent
import agent.errors
import buffer
import config
import drivers

PACKAGES = (agent, drivers, buffer, config)
ROOTS = (ValueError, OSError, RuntimeError)


def defined() -> dict[str, type[BaseException]]:
    """Every exception class defined in our packages, by its dotted name; those of one module's own use left out."""
    found = {}
    for package in PACKAGES:
        names = [module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
        for name in (package.__name__, *names):
            for each in vars(importlib.import_module(name)).values():
                if inspect.isclass(each) and issubclass(each, BaseException) and each.__module__ == name:
                    found[f"{name}.{each.__name__}"] = each
    return {name: each for name, each in found.items() if not each.__name__.startswith("_")}


def drawn() -> dict[str, str]:
    """Each name in the drawing and the name it hangs on; roots hang on nothing."""
    hangs_on: dict[str, str] = {}
    path: list[str] = []
    drawing = (agent.errors.__doc__ or "").split("::\n", 1)[1]
    for line in drawing.splitlines():
        match = re.match(r"    ((?:│   |    )*)([├└]── )?([\w.]+)  +\S", line)
        if not match:
            continue
        depth = len(match[1]) // 4 + bool(match[2])
        path[depth:] = [match[3]]
        hangs_on[match[3]] = path[depth - 1] if depth else ""
    return hangs_on


def named(name: str) -> type[BaseException]:
    module, _, attribute = name.rpartition(".")
    found = getattr(importlib.import_module(module) if module else builtins, attribute)
    assert issubclass(found, BaseException)
    return found  # type: ignore[no-any-return]


def test_every_exception_stands_in_the_drawing() -> None:
    assert {name for name in drawn() if "." in name} == set(defined())


def test_the_drawing_has_the_three_roots() -> None:
    assert [name for name, parent in drawn().items() if not parent] == [root.__name__ for root in ROOTS]


@pytest.mark.parametrize("name", sorted(defined()))
def test_an_exception_grows_on_one_root_and_where_it_is_drawn(name: str) -> None:
    grown = defined()[name]
    assert sum(issubclass(grown, root) for root in ROOTS) == 1
    parent = drawn()[name]
    assert grown.__bases__ == (named(parent),)


def test_within_a_branch_names_are_in_order() -> None:
    branches: dict[str, list[str]] = {}
    for name, parent in drawn().items():
        branches.setdefault(parent, []).append(name)
    for parent, names in branches.items():
        assert not parent or names == sorted(names)
