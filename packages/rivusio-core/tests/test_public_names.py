"""The public names of `rivusio_core`: sorted, documented, and seen alike by run time and type checkers."""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import rivusio_core

SOURCE = Path(rivusio_core.__file__)


def imported_for_checkers() -> set[str]:
    """The names that a checker, which reads the file and does not run it, sees imported."""
    found = set[str]()
    for statement in ast.parse(SOURCE.read_text()).body:
        if isinstance(statement, ast.ImportFrom):
            found |= {name.asname or name.name for name in statement.names}
        else:  # anything else (a condition, a call) could show checkers something else than run time
            assert isinstance(statement, ast.Expr | ast.Assign), ast.unparse(statement)
    return found


def test_run_time_and_checkers_see_the_same_names() -> None:
    public = set(rivusio_core.__all__)
    assert public - {"__version__"} == {name for name in imported_for_checkers() if not name.startswith("_")}
    for name in public:
        assert hasattr(rivusio_core, name)
    modules = {each.name for each in pkgutil.iter_modules(rivusio_core.__path__)}
    visible = {name for name in vars(rivusio_core) if not name.startswith("_")} - (modules - public)
    assert visible == {name for name in public if not name.startswith("_")}


def test_names_are_sorted_and_said_once() -> None:
    assert list(rivusio_core.__all__) == sorted(set(rivusio_core.__all__))


@pytest.mark.parametrize("name", [name for name in rivusio_core.__all__ if not name.startswith("_")])
def test_names_are_documented(name: str) -> None:
    value = getattr(rivusio_core, name)
    if inspect.isclass(value) or inspect.isroutine(value):
        assert (value.__doc__ or "").strip(), name


def modules() -> list[str]:
    found = pkgutil.walk_packages(rivusio_core.__path__, "rivusio_core.")
    return [each.name for each in found if not each.name.endswith("__main__")]


@pytest.mark.parametrize("name", modules())
def test_every_module_says_what_it_offers(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__, name
    offered = getattr(module, "__all__", None)
    if offered is None:
        assert name.endswith(("__init__", "__about__")) or hasattr(module, "__path__"), name
        return
    assert len(offered) == len(set(offered)), name
    assert [each for each in offered if not hasattr(module, each)] == [], name


def test_marked_as_typed() -> None:
    assert (SOURCE.parent / "py.typed").exists()
