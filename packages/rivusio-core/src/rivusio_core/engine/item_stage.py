"""A step that works on several items at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from rivusio_core.engine.chain import Chain
from rivusio_core.engine.concurrent import ConcurrentStage, Slot
from rivusio_core.engine.context import RunContext
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Chunk, Stage
from rivusio_core.engine.weight import Scale
from rivusio_core.listener import Tally

__all__ = ["ItemStage"]


@dataclass(eq=False, slots=True)
class _Item(Slot):
    value: Any = None  # Any: types were checked where pipes were composed
    columns: tuple[Any, ...] = ()
    results: Sequence[object] = ()


class ItemStage(ConcurrentStage[_Item]):
    """Calls one step for each item, several at once. Its calls give one result, or keep or drop the item.

    Nothing is built for an item but its place in the window: what goes well is counted here, and told before results
    are given; only what fails takes the way of chains.

    Args:
        chain: of the one step.
        workers: how many items are in work at once.
        out: the next stage.
        context: of the run.
        ordered: results keep the order of their items.
    """

    def __init__(self, chain: Chain, workers: int, out: Stage, context: RunContext, *, ordered: bool) -> None:
        super().__init__(workers, max(4 * workers, 8), out, context, ordered=ordered)
        (self._step,) = chain.steps
        self._chain, self._context, self._scale = chain, context, Scale()
        self._done, self._seconds = Tally(), 0.0

    def slots(self, chunk: Chunk) -> Iterator[_Item]:
        values = chunk.values
        size = self._scale.of(values) // max(len(values), 1)
        for value, *columns in zip(values, *chunk.columns, strict=True):
            yield _Item(None, size, value=value, columns=tuple(columns))

    async def work(self, slot: _Item) -> None:
        step, value, began = self._step, slot.value, perf_counter()
        try:
            result = step.call(value)
            if step.how == "await":
                result = await result
        except Exception as error:  # noqa: BLE001  # user code may raise anything
            await self._treat(slot, error)
        else:
            done = self._done
            done.taken += 1
            if step.kind == "one":
                slot.results = (result,)
                done.given += 1
                done.passed += 1
            elif result:
                slot.results = (value,)
                done.given += 1
                done.passed += 1
            else:
                done.filtered += 1
        finally:
            self._seconds += perf_counter() - began

    async def _treat(self, slot: _Item, error: Exception) -> None:
        notes = Notes()
        notes.tally(self._step.name).taken += 1
        try:
            slot.results = await self._chain.treat(0, slot.value, slot.columns, error, notes)
        finally:
            await self._context.absorb(notes)

    async def noted(self) -> None:
        if self._done.taken:
            notes = Notes({self._step.name: self._done}, seconds=self._seconds)
            self._done, self._seconds = Tally(), 0.0
            await self._context.absorb(notes)

    def results(self, slots: list[_Item]) -> list[Chunk]:
        given = [(result, slot.columns) for slot in slots for result in slot.results]
        if not given:
            return []
        values = [value for value, _ in given]
        return [Chunk(values, tuple(map(list, zip(*(columns for _, columns in given), strict=True))))]
