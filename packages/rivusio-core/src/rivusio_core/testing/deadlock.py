"""A test that would wait for ever says who waits, instead."""

from __future__ import annotations

import asyncio
import gc
import inspect
import re
import traceback
from collections.abc import Iterable
from typing import Any

from rivusio_core.engine.noticing import noticing
from rivusio_core.errors import RunError

__all__ = ["Deadlock", "waiting_tasks"]

_LOOP = re.compile(r"[/\\](asyncio|anyio)[/\\]")


class Deadlock(RunError):
    """Nothing can run, and nothing that is waited for will come: no timer, no thread, no process.

    Attributes:
        waiting: a line for each task that waits: its name, and the line of code where.
    """

    def __init__(self, waiting: Iterable[str]) -> None:
        self.waiting = tuple(waiting)
        lines = [f"  {line}" for line in self.waiting or ("nobody: no task is left",)]
        super().__init__("\n".join(["deadlock: nothing can run any more; waiting are", *lines]))


def waiting_tasks(loop: asyncio.AbstractEventLoop) -> list[str]:
    """A line for each other task of the loop that is not done: its name and the innermost line of its own code."""
    own = asyncio.current_task(loop)
    return sorted(_line(task) for task in asyncio.all_tasks(loop) if not task.done() and task is not own)


def _line(task: asyncio.Task[Any]) -> str:
    where = ""
    call: Any = task.get_coro()
    while call is not None:  # down the chain of awaits, to the last frame that is not the event loop's own
        frame = getattr(call, "cr_frame", None) or getattr(call, "ag_frame", None) or getattr(call, "gi_frame", None)
        if frame is not None and not _LOOP.search(frame.f_code.co_filename):
            [summary] = traceback.extract_stack(frame, limit=1)[-1:]
            where = f"{summary.filename}:{summary.lineno} in {summary.name}"
        call = _awaited(call)
    return f"{task.get_name()}{f' at {where}' if where else ''}"


def _awaited(call: object) -> object:
    """What a coroutine or generator waits for, if that is one, too."""
    for name in ("cr_await", "ag_await", "gi_yieldfrom"):
        inner = getattr(call, name, None)
        if inner is None:
            continue
        if inspect.iscoroutine(inner) or inspect.isasyncgen(inner) or inspect.isgenerator(inner):
            return inner
        return _stepping(inner)
    if inspect.isgenerator(call) and call.gi_code is noticing.__code__ and call.gi_frame is not None:
        return _stepping(call.gi_frame.f_locals.get("steps"))
    return None


def _stepping(step: object, depth: int = 2) -> object:
    """The async generator of a step of one, which does not say whose it is; maybe inside of an `anext`."""
    held = gc.get_referents(step)
    found = next((each for each in held if inspect.isasyncgen(each)), None)
    if found is None and depth > 1:
        return next((inner for each in held if (inner := _stepping(each, depth - 1)) is not None), None)
    return found
