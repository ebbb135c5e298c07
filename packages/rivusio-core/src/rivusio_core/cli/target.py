"""Targets: `module:flow` and `file.py:flow`, found, imported and looked at."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeGuard

from rivusio_core.errors import DefinitionError
from rivusio_core.import_failure import ImportFailure
from rivusio_core.nearest import nearest
from rivusio_core.pipe import BasePipe
from rivusio_core.pipe_runnable import PipeRunnable
from rivusio_core.pipeline import Pipeline
from rivusio_core.runnable import Runnable
from rivusio_core.shapes import Shape

__all__ = ["TargetError", "load_target"]

_FILE_SUFFIXES = (".yaml", ".yml", ".toml", ".json")


class TargetError(DefinitionError):
    """What the command was told to use cannot be used.

    Attributes:
        facts: more about it, with names.
        advice: what to do.
    """

    def __init__(self, message: str, *, facts: tuple[tuple[str, str], ...] = (), advice: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.facts, self.advice = facts, advice


def load_target(text: str, *, json: bool = False) -> Runnable:
    """Import what a target names, and make it runnable.

    Args:
        text: `module:name` or `path/to/file.py:name`; a name may be dotted.
        json: give the results of a pipeline as JSON.

    Raises:
        TargetError: there is no such file, module or name, importing it failed, or it is nothing that can be run.
        DefinitionError: as raised by the importing module itself.
    """
    place, colon, name = text.rpartition(":")
    if not colon or not place or not name:
        place = place or text.rstrip(":")
        if place.endswith(_FILE_SUFFIXES):
            raise TargetError(
                f"{place}: pipeline files cannot be run by this version",
                advice=("define the flow in Python and name it as module:flow or file.py:flow",),
            )
        module = _imported(place)
        raise TargetError(f"{text} names no flow", advice=(f"add its name: {_choices(place, module)}",))
    module = _imported(place)
    value: object = module
    for part in name.split("."):
        try:
            value = getattr(value, part)
        except AttributeError:
            raise _no_name(place, part, value) from None
    return _runnable(value, text, name, json=json)


# ------------------------------------------------------------------------------------------------- importing


def _imported(place: str) -> ModuleType:
    if place.endswith(".py") or "/" in place or "\\" in place:
        return _imported_file(Path(place))
    if any(not part.isidentifier() for part in place.split(".")):
        raise TargetError(f"{place!r} is no module name", advice=("write module:flow, or path/to/file.py:flow",))
    _first_on_path(Path.cwd())
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name is not None and (place == error.name or place.startswith(f"{error.name}.")):
            near = nearest(place, _modules_here())
            hint = f"did you mean {near[0]}? " if near else ""
            raise TargetError(
                f"there is no module {error.name!r}",
                advice=(f"{hint}It is looked for in this folder and among the installed packages",),
            ) from None
        raise _import_failed(place, error) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever user code raises, `sys.exit()` included
        raise _import_failed(place, error) from error


def _imported_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise _no_file(path)
    folder, name = path.resolve().parent, path.stem
    _first_on_path(folder)
    present = sys.modules.get(name)
    if not name.isidentifier() or name in sys.stdlib_module_names or present is not None:
        # Not the file's own name, which is taken: its functions could then be found in the wrong module.
        name = f"rivusio_target_{''.join(char if char.isalnum() else '_' for char in path.stem)}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise TargetError(f"{path} is no Python file", advice=("write path/to/file.py:flow",))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        del sys.modules[name]
        raise _import_failed(str(path), error) from error
    return module


def _first_on_path(folder: Path) -> None:
    if sys.path[:1] != [str(folder)]:
        sys.path.insert(0, str(folder))


def _import_failed(place: str, error: BaseException) -> TargetError:
    failure = ImportFailure.of(error)
    facts = [("cause", f"{failure.kind}: {failure.text}" if failure.text else failure.kind)]
    if failure.file:
        facts.insert(
            0, ("at", f"{_short(failure.file)}:{failure.line}" + (f": {failure.code}" if failure.code else ""))
        )
    return TargetError(f"{place} cannot be imported", facts=tuple(facts))


def _short(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file


def _no_file(path: Path) -> TargetError:
    if path.is_dir():
        return TargetError(f"{path} is a folder", advice=("write path/to/file.py:flow",))
    files = list[str]()
    with contextlib.suppress(OSError):
        files = [each.name for each in path.parent.iterdir() if each.suffix == ".py"]
    near = nearest(path.name, files)
    return TargetError(f"there is no file {path}", advice=(f"did you mean {path.parent / near[0]}?",) if near else ())


def _modules_here() -> list[str]:
    found = list[str]()
    with contextlib.suppress(OSError):
        for each in Path.cwd().iterdir():
            if each.suffix == ".py":
                found.append(each.stem)
            elif (each / "__init__.py").is_file():
                found.append(each.name)
    return found


# ------------------------------------------------------------------------------------------------- looking


def _runnable(value: object, target: str, name: str, *, json: bool) -> Runnable:
    if _is_pipe(value):
        return PipeRunnable(value, json=json, name=name)
    if isinstance(value, Runnable) and not isinstance(value, type):
        return value
    raise TargetError(f"{target} is {_what(value)}, not a flow or pipeline", advice=_how(value, name))


def _is_pipe(value: object) -> TypeGuard[BasePipe[Any, Any]]:
    return isinstance(value, BasePipe)


def _what(value: object) -> str:
    if isinstance(value, type):
        return f"the class {value.__qualname__}"
    if isinstance(value, ModuleType):
        return "a module"
    return f"a {type(value).__name__}"


def _how(value: object, name: str) -> tuple[str, ...]:
    if isinstance(value, type):
        return (f"name a value made of it: made = {value.__name__}(...)",)
    if isinstance(value, Shape):
        return ("put it behind a pipe: pipeline = parse >> " + name,)
    if callable(getattr(value, "write", None)) and callable(getattr(value, "through", None)):
        return ("a stream becomes a flow with .write(sink)",)
    if callable(value):
        return (f"decorate it with @pipe; or, if it makes a flow, give the flow a name: flow = {name}()",)
    return ("name a flow (Stream.read(...)....write(...)) or a pipeline (parse >> enrich)",)


def _no_name(place: str, name: str, holder: object) -> TargetError:
    known = [each for each in dir(holder) if not each.startswith("_")]
    able = [each for each, _ in _runnables(holder)]
    near = nearest(name, able, 1) or nearest(name, known, 1)
    advice = list[str]()
    if near:
        advice.append(f"did you mean {place}:{near[0]}?")
    if able and able != list(near):
        advice.append(f"there are {', '.join(able)}")
    return TargetError(f"{place} has no name {name!r}", advice=tuple(advice))


def _choices(place: str, module: ModuleType) -> str:
    able = [f"{place}:{name}" for name, _ in _runnables(module)]
    return " or ".join(able[:5]) or f"{place}:flow (it has no flow or pipeline yet)"


def _runnables(holder: object) -> Iterator[tuple[str, object]]:
    """What could be run, flows and pipelines before single pipes."""
    found = list[tuple[int, str, object]]()
    for name, value in vars(holder).items() if hasattr(holder, "__dict__") else ():
        if name.startswith("_") or isinstance(value, type):
            continue
        if _is_pipe(value):
            found.append((1 if isinstance(value, Pipeline) else 2, name, value))
        elif isinstance(value, Runnable):
            found.append((0, name, value))
    for _, name, value in sorted(found, key=lambda each: each[0]):
        yield name, value
