"""Failures grouped by what failed and where, so that a million alike ones are one line with a count.

Nothing here holds an item or the text of an exception, which may quote one: a group is known by the exception's class
and its place in the code. Nor does it hold the exception itself, which would keep the frames and the chunk alive.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import rivusio_core.errors
from rivusio_core import PipeError
from rivusio_core.listener import Treatment

__all__ = ["ErrorGroup", "ErrorGroups", "place"]

_CORE = str(Path(rivusio_core.errors.__file__).parent)


@dataclass(frozen=True)
class ErrorGroup:
    """Errors of one class from one place.

    Attributes:
        error: class of the exception that the pipe raised.
        place: file, line and function of the pipe's code; empty where the error came without a traceback.
        run, step: where it happened last.
        count: how often.
        treatments: how many items were treated how.
        first, last: when, in microseconds since the epoch.
        position: index of the last failed item in its input, where known.
    """

    error: str
    place: str
    run: str
    step: str
    count: int
    treatments: Mapping[str, int]
    first: int
    last: int
    position: int | None


class ErrorGroups:
    """The groups that were seen last, at most `limit` of them. Not thread-safe."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._groups: OrderedDict[tuple[str, str], _Group] = OrderedDict()

    def add(self, run: str, error: PipeError, treatment: Treatment, now: int) -> None:
        """Count a failed item; `now` in microseconds since the epoch. Drops the group not seen for longest if full."""
        cause = error.cause or error
        key = type(cause).__name__, place(cause)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _Group(first=now)
            if len(self._groups) > self._limit:
                self._groups.popitem(last=False)
        else:
            self._groups.move_to_end(key)
        group.treatments[treatment] += 1
        group.run, group.step, group.position, group.last = run, error.pipe, error.position, now

    def latest(self) -> tuple[ErrorGroup, ...]:
        """The groups, that of the latest error first."""
        return tuple(
            ErrorGroup(
                error=error,
                place=where,
                run=group.run,
                step=group.step,
                count=group.treatments.total(),
                treatments=dict(group.treatments),
                first=group.first,
                last=group.last,
                position=group.position,
            )
            for (error, where), group in reversed(self._groups.items())
        )


def place(error: BaseException) -> str:
    """File, line and function of the outermost frame outside of Rivusio's core: `jobs.py:12 in parse`.

    Walks the traceback itself, since `traceback` reads source files, which is too slow to do for every failed item.
    """
    found = first = ""
    trace = error.__traceback__
    while trace is not None and not found:
        code = trace.tb_frame.f_code
        here = f"{Path(code.co_filename).name}:{trace.tb_lineno} in {code.co_name}"
        first = first or here
        if not code.co_filename.startswith((_CORE, "<rivusio")):
            found = here
        trace = trace.tb_next
    return found or first


@dataclass
class _Group:
    first: int
    last: int = 0
    run: str = ""
    step: str = ""
    position: int | None = None
    treatments: Counter[str] = field(default_factory=Counter[str])
