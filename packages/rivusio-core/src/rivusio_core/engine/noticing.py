"""Noticing that an awaitable really waits: most calls of async functions that are quick never do."""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from types import coroutine
from typing import Any, TypeVar

__all__ = ["noticing"]

R = TypeVar("R")


@coroutine
def noticing(awaitable: Awaitable[R], waited: list[bool]) -> Generator[Any, Any, R]:
    """Await something in the task it is awaited in, and put True into a list that is empty whenever it waits.

    It passes on what the event loop is told, and what that answers, as `await` itself does (PEP 380): nothing is
    driven by hand, so cancel scopes stay whole.
    """
    steps = awaitable.__await__()
    try:
        told = steps.send(None)
        while True:
            if not waited:
                waited.append(True)
            try:
                answer = yield told
            except GeneratorExit:
                steps.close()
                raise
            except BaseException as error:  # noqa: BLE001  # it is for what is awaited
                told = steps.throw(error)
            else:
                told = steps.send(answer)
    except StopIteration as stop:
        result: R = stop.value
        return result
