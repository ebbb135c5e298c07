"""What the checkers say of `accepts.py` and `rejects.py`, run time says too."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from rivusio_core import DefinitionError

HERE = Path(__file__).parent

PYTHON_REFUSES = {
    "misspelled_setting_of_a_class": DefinitionError,
    "positional_setting_of_a_class": TypeError,
    "misspelled_attribute": AttributeError,
    "misspelled_option_in_a_class": TypeError,
    "misspelled_retry": TypeError,
    "running_a_shape": AttributeError,
    "route_without_otherwise": TypeError,
    "process_missing": TypeError,
    "changed_setting": AttributeError,
    "misspelled_workers": TypeError,
    "mistyped_workers": TypeError,
    "positional_parallel": TypeError,
    "two_shapes_first": TypeError,
    "items_not_iterable": TypeError,
    "async_items_for_map": TypeError,
}
"""Refused by Python itself: no such argument or attribute."""

ONLY_CHECKERS = {
    "takes_less_than_asked": "an assignment to an annotated variable does nothing at run time",
    "gives_more_than_asked": "an assignment to an annotated variable does nothing at run time",
    "result_used_wrongly": "an assignment to an annotated variable does nothing at run time",
    "results_used_wrongly": "an assignment to an annotated variable does nothing at run time",
    "not_awaited": "nobody can know that a coroutine will not be awaited",
    "process_of_another_type": "the annotations of `process` are not compared with those of its class",
    "item_of_another_type": "items are not checked, unless `validate=True` asks for it",
    "items_of_another_type": "items are not checked, unless `validate=True` asks for it",
    "plain_function_under_flat_pipe": "what a function returns is seen when it returns",
}
"""Why run time does not see them."""


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"typing_{name}", HERE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # annotations are looked up there
    spec.loader.exec_module(module)
    return module


ACCEPTS, REJECTS = load("accepts"), load("rejects")


def functions(module: ModuleType, *, marked: bool) -> list[str]:
    """The functions of a file that are called here; `marked`: those with a line that must be refused."""
    text = (HERE / f"{module.__name__.removeprefix('typing_')}.py").read_text()
    lines = text.splitlines()
    found = [each for each in ast.parse(text).body if isinstance(each, ast.FunctionDef) and not each.decorator_list]
    if marked:
        return [each.name for each in found if any("# mypy:" in line for line in lines[each.lineno : each.end_lineno])]
    return [each.name for each in found if not each.args.args]


def test_every_mistake_has_a_function_of_its_own() -> None:
    marks = sum("  # mypy:" in line for line in (HERE / "rejects.py").read_text().splitlines())
    assert marks == len(functions(REJECTS, marked=True)) > 80
    assert ONLY_CHECKERS.keys() | PYTHON_REFUSES.keys() <= set(functions(REJECTS, marked=True))
    assert not ONLY_CHECKERS.keys() & PYTHON_REFUSES.keys()


@pytest.mark.parametrize("name", functions(ACCEPTS, marked=False))
def test_accepted(name: str) -> None:
    call: Callable[[], None] = getattr(ACCEPTS, name)
    call()


@pytest.mark.parametrize("name", sorted(set(functions(REJECTS, marked=True)) - ONLY_CHECKERS.keys()))
def test_refused(name: str) -> None:
    call: Callable[[], None] = getattr(REJECTS, name)
    with pytest.raises(PYTHON_REFUSES.get(name, DefinitionError)):
        call()


@pytest.mark.parametrize("name", sorted(ONLY_CHECKERS))
@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
def test_the_list_of_what_only_checkers_see_is_true(name: str) -> None:
    call: Callable[[], None] = getattr(REJECTS, name)
    assert inspect.isfunction(call)
    call()
