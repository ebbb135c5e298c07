"""What each step of a fused chain takes: some of its chunks run with every call timed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Generator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TypeVar, cast

from rivusio_core.engine.step import Step
from rivusio_core.engine.timeline import Part, Timeline

__all__ = ["Sampler", "timed"]

R = TypeVar("R")

_ONE_IN = 32
"""Items of which one is timed, about: its clock is read twice a call, which costs more than a cheap call."""


class Sampler:
    """Decides which chunks of a chain are timed call by call.

    Args:
        timeline: of the event loop.
        parts: of the steps, in order, for what is timed of them.
        recoveries: the same, for items that failed at first: all of those are timed.
    """

    def __init__(self, timeline: Timeline, parts: Sequence[Part], recoveries: Sequence[Part]) -> None:
        self._timeline, self._parts, self._recoveries = timeline, parts, recoveries
        self.timing = False
        self._seen = self._timed = 0

    def chunk(self, items: int) -> None:
        """A chunk of so many items is next."""
        self.timing = self._timed * _ONE_IN <= self._seen
        self._seen += items
        if self.timing:
            self._timed += items

    def calls(self, steps: Sequence[Step], start: int) -> list[Callable[[Any], Any]]:
        """The calls of the steps from the one at `start` on, timed."""
        return [timed(step, self._timeline, part).call for step, part in zip(steps, self._parts[start:], strict=True)]

    async def recover(self, index: int, awaitable: Awaitable[R]) -> R:
        """Await what becomes of an item that failed."""
        return await self._timeline.watch(self._recoveries[index], awaitable)


def timed(step: Step, timeline: Timeline, part: Part) -> Step:
    """The step with a call that is timed; all else is the same, errors and order too."""
    call = step.call

    def plain(value: object) -> object:
        return timeline.call(part, call, value)

    def flat(value: object) -> object:
        return _items(timeline, part, cast("Iterable[object]", timeline.call(part, call, value)))

    def awaited(value: object) -> object:
        return timeline.watch(part, timeline.call(part, call, value))

    async def awaited_flat(value: object) -> object:
        found: Iterable[object] = await timeline.watch(part, timeline.call(part, call, value))
        return _items(timeline, part, found)

    def iterated(value: object) -> object:
        return _async_items(timeline, part, cast("AsyncIterable[object]", timeline.call(part, call, value)))

    is_flat = step.kind == "flat"
    chosen: Callable[[Any], Any] = {
        "call": flat if is_flat else plain,
        "await": awaited_flat if is_flat else awaited,
        "iterate": iterated,
    }[step.how]
    return replace(step, call=chosen)


_OVER = object()


def _items(timeline: Timeline, part: Part, items: Iterable[object]) -> Generator[object, None, None]:
    iterator = timeline.call(part, iter, items)
    try:
        while (item := timeline.call(part, _next, iterator)) is not _OVER:
            yield item
    finally:
        if isinstance(iterator, Generator):
            cast("Generator[object, None, None]", iterator).close()


def _next(iterator: Any) -> object:
    return next(iterator, _OVER)


async def _async_items(timeline: Timeline, part: Part, items: AsyncIterable[object]) -> AsyncGenerator[object, None]:
    iterator = aiter(items)
    if not isinstance(iterator, AsyncGenerator):
        while (item := await timeline.watch(part, anext(iterator, _OVER))) is not _OVER:
            yield item
        return
    async with aclosing(cast("AsyncGenerator[object, None]", iterator)) as closing:
        while (item := await timeline.watch(part, anext(closing, _OVER))) is not _OVER:
            yield item
