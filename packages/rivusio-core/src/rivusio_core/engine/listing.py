"""The generated loops of a pipeline as text, with the pipe of each statement beside it; opens nothing."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rivusio_core.engine.build import segments
from rivusio_core.engine.kernel import Kernel, kernel
from rivusio_core.engine.nature import process_of
from rivusio_core.engine.opening import shape_of
from rivusio_core.flow_pipes import Keep
from rivusio_core.function import FunctionPipe
from rivusio_core.pipe import BasePipe

__all__ = ["ChainCode", "code_of"]


@dataclass(frozen=True)
class ChainCode:
    """The loop that a run of neighbouring steps is compiled to.

    Attributes:
        steps: their names.
        places: file and line of each step's own code; empty where it has none in Python.
        concurrency: how many items may be in it at once.
        source: the text of the loop, with name and place behind each step's statement.
    """

    steps: tuple[str, ...]
    places: tuple[str, ...]
    concurrency: int
    source: str

    def to_json(self) -> Mapping[str, object]:
        """Everything, as values that JSON can hold."""
        return asdict(self)

    def __str__(self) -> str:
        several = f" ({self.concurrency} at once)" if self.concurrency > 1 else ""
        return f"# {' -> '.join(self.steps)}{several}\n{self.source}"


def code_of(pipe: BasePipe[Any, Any], names: Sequence[str] | None = None, *, columns: int = 1) -> list[ChainCode]:
    """The loops of a pipeline, in order; a batch has none.

    Args:
        pipe: the pipeline.
        names: of the steps, where they are to differ from the pipes' own.
        columns: how many values travel beside an item.
    """
    found = list[ChainCode]()
    for segment in segments(pipe, names):
        if segment.batch is None:
            compiled = kernel(tuple(shape_of(each) for each in segment.pipes), "chunk", columns, counted=True)
            places = tuple(_place(each) for each in segment.pipes)
            source = _annotated(compiled, segment.names, places)
            found.append(ChainCode(segment.names, places, segment.concurrency, source))
    return found


def _annotated(compiled: Kernel, names: Sequence[str], places: Sequence[str]) -> str:
    # The kernel is shared by all chains of the same shapes, so that names are added to the text, not compiled in.
    lines, seen = compiled.source.splitlines(), set[int]()
    for number, place in sorted(compiled.places.items()):
        if place.step not in seen:
            seen.add(place.step)
            about = ", ".join(filter(None, (names[place.step], places[place.step])))
            lines[number - 1] += f"  # {' '.join(about.split())}"
    return "\n".join(lines) + "\n"


def _place(pipe: BasePipe[Any, Any]) -> str:
    code = getattr(inspect.unwrap(_written(pipe)), "__code__", None)
    if code is None:
        return ""
    path = Path(code.co_filename)
    shown = os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
    return f"{shown}:{code.co_firstlineno}"


def _written(pipe: BasePipe[Any, Any]) -> Callable[..., Any]:
    """What its author wrote."""
    if isinstance(pipe, FunctionPipe):
        return pipe.function
    if isinstance(pipe, Keep):
        return pipe.predicate
    return process_of(pipe) if hasattr(pipe, "process") else type(pipe)
