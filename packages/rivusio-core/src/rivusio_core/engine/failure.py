"""Finding out, from a traceback, at which step of a compiled chain an item failed, and what is still to be done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import anyio

from rivusio_core.engine.kernel import Kernel

__all__ = ["OpenFlat", "StepFailure", "close_async", "close_flats", "locate", "open_flats"]


@dataclass(slots=True)
class OpenFlat:
    """A flat step in the middle of an item: the rest of its results."""

    step: int
    item: object
    iterator: Iterator[Any] | AsyncIterator[Any]  # Any: results inside a chain


@dataclass(slots=True)
class StepFailure:
    """Where a chain stopped.

    Attributes:
        step: index of the failed step in its chain.
        item: what it was called with.
        columns: what travels beside the item.
        flats: flat steps before it that have more results to give, outermost first.
        frame: of the loop; see `forget`.
    """

    step: int
    item: object
    columns: tuple[object, ...]
    flats: list[OpenFlat]
    frame: FrameType

    def forget(self) -> None:
        """Let go of what the loop had in hand, once it is over.

        The error may be kept for long: it must not keep the whole chunk.
        """
        self.frame.clear()


def locate(error: BaseException, kernel: Kernel, columns: int, *, running: bool = False) -> StepFailure | None:
    """The failure behind an exception that came out of a kernel; None where no step of it raised.

    Where columns do not go through the kernel, those of the failure are empty.

    Args:
        error: what was raised.
        kernel: the loop.
        columns: how many values travel beside an item.
        running: the loop itself asks; the failure is to `forget` later.
    """
    frame, line = _frame(error, kernel.code)
    if frame is None:
        return None
    place = kernel.places.get(line)
    if place is None:
        return None
    known = frame.f_locals
    beside = tuple(known[f"c{index}"] for index in range(0 if kernel.aligned else columns))
    found = StepFailure(place.step, known[place.variable], beside, _flats(known, kernel, place.step), frame)
    if not running:
        found.forget()
    return found


def _frame(error: BaseException, code: CodeType) -> tuple[FrameType | None, int]:
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is code:
            return trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next
    return None, 0


def _flats(known: dict[str, Any], kernel: Kernel, before: int) -> list[OpenFlat]:
    variables = {place.step: place.variable for place in kernel.places.values()}
    return [
        OpenFlat(step, known.get(variables[step]), known[f"i{step}"])
        for step in sorted(variables)
        if step < before and f"i{step}" in known
    ]


def open_flats(frame: FrameType | None, kernel: Kernel) -> list[OpenFlat]:
    """The flat steps that a paused or cancelled kernel leaves behind."""
    return [] if frame is None else _flats(frame.f_locals, kernel, len(kernel.places) + 1)


async def close_flats(flats: list[OpenFlat]) -> None:
    """Close what flat steps left open, innermost first, even while being cancelled."""
    for flat in reversed(flats):
        await close_async(flat.iterator)
        close = getattr(flat.iterator, "close", None)
        if close is not None:
            close()


async def close_async(iterator: object) -> None:
    """Close an async generator, or whatever else can be closed so, even while being cancelled."""
    aclose = getattr(iterator, "aclose", None)
    if aclose is not None:
        with anyio.CancelScope(shield=True):
            await aclose()
