"""Every example in a docstring runs and prints what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from collections.abc import Iterator

import pytest

PACKAGES = ["rivusio_core", "rivusio_streams", "rivusio_monitoring", "rivusio_plugins_contrib"]


def modules() -> Iterator[str]:
    """All modules of the packages but those that are programs."""
    for package in PACKAGES:
        found = importlib.import_module(package)
        yield package
        for info in pkgutil.walk_packages(found.__path__, f"{package}."):
            if not info.name.endswith("__main__"):
                yield info.name


@pytest.mark.parametrize("name", list(modules()))
def test_the_examples_of_a_module_hold(name: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    found = sum(len(test.examples) for name in modules() for test in finder.find(importlib.import_module(name)))
    assert found > 30
