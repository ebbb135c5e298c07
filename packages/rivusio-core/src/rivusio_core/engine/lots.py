"""Several items at once for a step in a worker process: they travel together, and succeed or fail one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain as chained
from itertools import repeat
from time import perf_counter
from typing import Any, cast

import anyio

from rivusio_core.engine.chain import Chain
from rivusio_core.engine.concurrent import Outcome, Work
from rivusio_core.engine.context import RunContext
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Chunk
from rivusio_core.policy.layer import Call

__all__ = ["Answers", "Lot", "lot_work"]


@dataclass
class Lot:
    """Items that are sent together."""

    items: Sequence[object]

    async def answered(self, call: Call) -> Answers:
        """What becomes of them there, each for itself."""
        answers = Answers()
        for index, item in enumerate(self.items):
            try:
                answers.results.append(await call(item))
            except Exception as error:  # noqa: BLE001  # user code may raise anything
                answers.results.append(None)
                answers.errors[index] = error
        return answers


@dataclass
class Answers:
    """Results in the order of the items, None in place of those that failed; and by index the errors of these."""

    results: list[Any] = field(default_factory=list[Any])
    errors: dict[int, Exception] = field(default_factory=dict[int, Exception])


def lot_work(chain: Chain, context: RunContext) -> Work:
    """Sends pieces to the worker process of the chain's one step.

    An item that failed is tried again alone, as its step says. Where nothing came back, since the process died or
    something cannot be sent, nobody knows because of which item: then each goes alone.
    """
    (step,) = chain.steps
    send = step.lots
    if send is None:
        raise ValueError(f"the items of {step.name!r} go one by one")

    async def answers_to(items: Sequence[object]) -> Answers:
        if len(items) > 1:
            try:
                return cast("Answers", await send(Lot(items)))
            except Exception:  # noqa: BLE001  # what it was, the item that did it shows
                pass
        return await Lot(items).answered(send)

    async def work(piece: Chunk, outcome: Outcome) -> None:
        notes, began = Notes(), perf_counter()
        answers = await answers_to(piece.values)
        treated, ended = dict[int, Sequence[object]](), dict[int, Exception]()

        async def treat(index: int, error: Exception) -> None:
            columns = tuple(column[index] for column in piece.columns)
            try:
                treated[index] = await chain.treat(0, piece.values[index], columns, error, notes)
            except Exception as final:  # noqa: BLE001  # raised behind the results that come before it
                ended[index] = final

        async with anyio.create_task_group() as group:
            for index, error in answers.errors.items():
                group.start_soon(treat, index, error)
        first = min(ended, default=None)
        until = len(piece) if first is None else first
        results = [
            treated.get(index, ()) if index in answers.errors else result if step.kind == "flat" else (result,)
            for index, result in enumerate(answers.results[:until])
        ]
        counts = [len(each) for each in results]
        columns = [[*chained.from_iterable(map(repeat, column, counts))] for column in piece.columns]
        outcome.chunks.append(Chunk([*chained.from_iterable(results)], tuple(columns)))
        tally, failed = notes.tally(step.name), len(answers.errors)
        tally.taken += len(piece)
        tally.passed += len(piece) - failed
        tally.given += sum(counts[index] for index in range(until) if index not in answers.errors)
        notes.seconds = perf_counter() - began
        await context.absorb(notes)
        if first is not None:
            raise ended[first]

    return work
