"""A pipe inside a run: what the loop calls, and what happens when that call fails."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

import anyio

from rivusio_core.clock import Clock
from rivusio_core.errors import PipeError, PipeTypeError, RetriesExhausted, Transient
from rivusio_core.policy.layer import Call
from rivusio_core.policy.options import PipeOptions
from rivusio_core.policy.pristine import fresh
from rivusio_core.policy.retry import Outcome, Retry

__all__ = ["How", "Kind", "Step", "StepFailed", "attempt_of", "drive", "interpret", "interpret_all"]

R = TypeVar("R")
Kind = Literal["one", "keep", "flat"]
How = Literal["call", "await", "iterate"]


@dataclass(eq=False)
class Step:
    """One step of a chain.

    Attributes:
        name: in errors, graphs and metrics.
        kind: one result for an item, the item or nothing, or any number of results.
        how: `call`: a plain call; `await`: a coroutine; `iterate`: gives an async iterable (flat steps).
        call: what the loop calls: item in; result, truth value or iterable out.
        attempt: the same as a coroutine function with a list as the result of a flat step; used where the loop has
            failed, and by `interpret`.
        options: the pipe's.
        copies: calls and attempts leave the item as it came.
        lots: the same as `attempt` for a `Lot` of items at once, which gives `Answers`; where that is possible.
    """

    name: str
    kind: Kind
    how: How
    call: Callable[[Any], Any]
    attempt: Call
    options: PipeOptions
    copies: bool = False
    lots: Call | None = None

    async def results(self, item: object, failed: Exception | None, clock: Clock) -> tuple[Sequence[object], int]:
        """All results for an item and how often it was tried; `failed` is the error of an attempt already made.

        Raises:
            StepFailed: the item failed for good.
        """
        try:
            if failed is None:
                try:
                    outcome = Outcome(await self.attempt(item), 1)
                except Exception as error:  # noqa: BLE001  # user code may raise anything
                    outcome = await self._again(item, error, clock)
            else:
                outcome = await self._again(item, failed, clock)
        except StepFailed:
            raise  # of a step inside this one, which has said all there is to say
        except Exception as error:  # user code may raise anything
            raise StepFailed(self, item, _located(error, self.name)) from error
        result = outcome.result
        if self.kind == "flat":
            return cast("Sequence[object]", result), outcome.attempts
        if self.kind == "keep":
            return [item] if result else [], outcome.attempts
        return [result], outcome.attempts

    async def _again(self, item: object, error: Exception, clock: Clock) -> Outcome:
        retry = self.options.retry_policy
        if retry is None and isinstance(error, Transient):
            retry = Retry()
        if retry is None or isinstance(error, StepFailed):
            raise error
        return await retry.resume(self.attempt, item, error, clock)


class StepFailed(Exception):  # no error of its own: it carries one to where the position is known
    """An item failed for good at a step, maybe inside a branch."""

    def __init__(self, step: Step, item: object, error: PipeError) -> None:
        super().__init__(step.name)
        self.step, self.item, self.error = step, item, error


def _located(error: Exception, name: str) -> PipeError:
    if not isinstance(error, PipeError):
        error = PipeError(pipe=name, cause=error)
    elif not error.pipe:
        error.pipe = name
    if isinstance(error, RetriesExhausted) and isinstance(error.cause, PipeError) and not error.cause.pipe:
        error.cause.pipe = name
    return error


async def interpret(steps: Sequence[Step], item: object, clock: Clock, *, shared: bool = False) -> list[object]:
    """The results of a chain for one item, step by step: the plain meaning of a chain, and how branches run.

    Args:
        steps: the chain.
        item: what goes in.
        clock: for waiting between attempts.
        shared: other chains work on the same item meanwhile, and may change it.

    Raises:
        StepFailed: the item failed for good at one of the steps.
    """
    values: Sequence[object] = [item]
    for step in steps:
        if shared and step.copies:
            values = [_own(value) for value in values]
        values = [result for value in values for result in (await step.results(value, None, clock))[0]]
    return list(values)


def _own(item: object) -> object:
    try:
        return fresh(item)
    except PipeTypeError:
        return item  # the step's own attempt will say so, where it is treated


async def interpret_all(chains: Sequence[Sequence[Step]], item: object, clock: Clock) -> list[list[object]]:
    """The results of several chains for one item, at the same time where they wait."""
    if sum(any(step.how != "call" for step in chain) for chain in chains) < 2:
        return [await interpret(chain, item, clock) for chain in chains]
    results: list[list[object]] = [[] for _ in chains]

    async def one(index: int) -> None:
        results[index] = await interpret(chains[index], item, clock, shared=True)

    try:
        async with anyio.create_task_group() as group:
            for index in range(len(chains)):
                group.start_soon(one, index)
    except BaseExceptionGroup as errors:
        failed = _first(errors)
        if failed is None:
            raise
        raise failed from None
    return results


def _first(errors: BaseExceptionGroup[BaseException]) -> Exception | None:
    """The first error of a group, unless something that is no error (an interrupt) is among them."""
    ours, others = errors.split(Exception)
    if others is not None or ours is None:
        return None
    leaf = ours.exceptions[0]
    return _first(cast("ExceptionGroup[Exception]", leaf)) if isinstance(leaf, ExceptionGroup) else leaf


def drive(coroutine: Coroutine[object, object, R]) -> R:
    """Run a coroutine that never really waits: ours are written once, and block where no event loop runs.

    Only ever given coroutines of this package over sync pipes and a `BlockingClock`.
    """
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return cast("R", stop.value)
    coroutine.close()
    raise RuntimeError("a step waited for an event loop where none runs; please report this as a bug of Rivusio")


def attempt_of(kind: Kind, process: Callable[[Any], Any], is_async: bool) -> Call:
    """One attempt as a coroutine function; a flat step's results as a list."""
    if kind != "flat":
        if is_async:
            return cast("Call", process)

        async def call(item: object) -> object:
            return process(item)

    elif is_async:

        async def call(item: object) -> object:
            results: AsyncIterable[object] = process(item)
            return [result async for result in results]

    else:

        async def call(item: object) -> object:
            results: Iterable[object] = process(item)
            return list(results)

    return call
