"""Running pipelines over many items: `map` and `amap`."""

from __future__ import annotations

import itertools
import operator
import time
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any, TypeVar, cast

from anyio.from_thread import start_blocking_portal

from rivusio_core.engine.batching import batches
from rivusio_core.engine.build import segments
from rivusio_core.engine.chain import Chain
from rivusio_core.engine.context import RunContext
from rivusio_core.engine.feed import IN_MEMORY, Growth, pull
from rivusio_core.engine.lazy import LazyChain, Parts
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.opening import Opening
from rivusio_core.engine.session import Session, with_closing_errors
from rivusio_core.engine.step import drive
from rivusio_core.engine.watchdog import BLOCKED_AFTER
from rivusio_core.pipe import BasePipe
from rivusio_core.run_settings import RunSettings, check_settings, context_of, refuse_running_loop, runs_in_loop

__all__ = ["amap_items", "map_items"]

I = TypeVar("I")  # noqa: E741  # the item
O = TypeVar("O")  # noqa: E741  # the result

_HANDED = 16_384
"""Items handed to the event loop's thread at once, at most: each time costs as much as a thousand quick calls."""


def map_items(pipe: BasePipe[I, O], items: Iterable[I], settings: RunSettings) -> Iterator[O]:
    """`BasePipe.map`: checks at once, runs as results are asked for."""
    check_settings(pipe, settings)
    if isinstance(cast("object", items), AsyncIterable):  # callers may be untyped
        raise TypeError("map takes an iterable, and this is an async one; use amap")
    items = iter(items)
    if runs_in_loop(pipe, settings):
        refuse_running_loop("map", "amap")
        return _Results.of(_map_in_loop(pipe, items, settings))
    return _Results.of(_map_here(pipe, items, context_of(pipe, settings, blocking=True)))


def amap_items(pipe: BasePipe[I, O], items: Iterable[I] | AsyncIterable[I], settings: RunSettings) -> AsyncIterator[O]:
    """`BasePipe.amap`: checks at once, runs as results are asked for."""
    check_settings(pipe, settings)
    return _amap(pipe, items, settings)


class _Results(itertools.chain[O]):
    """Results part by part, without a step of ours for each; closed like a generator."""

    _parts: Parts

    @classmethod
    def of(cls, parts: Parts) -> Iterator[Any]:
        made = cast("_Results[Any]", cls.from_iterable(parts))
        made._parts = parts
        return made

    def close(self) -> None:
        """Stop early: everything is closed when this returns."""
        self._parts.close()


def _map_here(pipe: BasePipe[Any, Any], items: Iterable[Any], context: RunContext) -> Parts:
    """In the caller's own thread: chains of plain calls, one row at a time."""
    opening, error = Opening(context), cast("BaseException | None", None)
    listening = bool(context.listeners)

    def absorb(notes: Notes) -> None:
        drive(context.absorb(notes))

    context.listeners.run_started(context.info)
    try:
        chains = list[Chain]()
        cut = segments(pipe)
        for segment in cut:
            pairs = zip(segment.pipes, segment.names, strict=True)
            steps = [] if segment.batch else [drive(opening.step(each, name)) for each, name in pairs]
            chains.append(Chain(steps, context.clock, keeps_dead_letters=context.dead_letters is not None))
        if len(cut) == 1 and not cut[0].batch and type(items) in IN_MEMORY:
            lazy = LazyChain(chains[0], absorb, last=True, counted=listening)
            yield from lazy.parts_of_bare(iter(items))
            return
        rows: Iterator[Any] = zip(items, itertools.count(), strict=False)
        for index, (segment, chain) in enumerate(zip(cut, chains, strict=True)):
            last = index == len(cut) - 1
            if segment.batch is not None:
                rows = batches(rows, segment.batch.size, segment.batch.within, context.clock)
                rows = map(operator.itemgetter(0), rows) if last else rows
            else:
                parts = LazyChain(chain, absorb, last=last, counted=listening).parts(rows)
                if last:
                    yield from parts
                    return
                rows = _Results.of(parts)
        yield rows
    except BaseException as raised:
        error = raised
        raise
    finally:
        closing = drive(opening.close())
        ended = None if isinstance(error, GeneratorExit) else error
        final = with_closing_errors(ended, closing)
        context.listeners.run_ended(context.info, final)
        if error is None and final is not None:
            raise final


def _map_in_loop(pipe: BasePipe[Any, Any], items: Iterable[Any], settings: RunSettings) -> Parts:
    """An event loop in a thread of its own does the work; the caller's thread reads the input and takes the results."""
    iterator, growth, part = iter(items), Growth(largest=_HANDED), iter(())
    with start_blocking_portal() as portal:
        session = portal.call(_started, pipe, None, settings)
        try:
            lot: list[Any] | None = None
            handed, handed_in = time.monotonic(), list[Any]()
            while True:
                values, hungry = portal.call(session.step, lot)
                if hungry:
                    growth.adapt(time.monotonic() - handed, handed_in)
                if values is None:
                    break
                yield (part := iter(values))
                lot = None
                if hungry:
                    lot = handed_in = pull(iterator, growth.size)
                    handed = time.monotonic()
        finally:
            deque(part, maxlen=0)  # nothing more comes out of what is closed
            portal.call(session.stop)


async def _started(pipe: BasePipe[Any, Any], items: Any, settings: RunSettings) -> Session:
    after = settings.get("blocked_after", BLOCKED_AFTER)
    session = Session(pipe, items, context_of(pipe, settings), settings.get("parallel"), after)
    session.start()
    return session


async def _amap(
    pipe: BasePipe[Any, O], items: Iterable[Any] | AsyncIterable[Any], settings: RunSettings
) -> AsyncIterator[O]:
    session = await _started(pipe, items, settings)
    try:
        while (values := await session.results()) is not None:
            for value in values:
                yield value
    finally:
        await session.stop()
