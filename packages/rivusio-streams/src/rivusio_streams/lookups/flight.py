"""One request about some keys, and the items that wait for it."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Generic, TypeVar

import anyio

from rivusio_core.errors import PipeError

__all__ = ["Flight"]

K = TypeVar("K")
V = TypeVar("V")


class Flight(Generic[K, V]):
    """A request and who waits for it.

    It has no task of its own, so that none can outlive the run: one of those who wait leads, which is to make the
    request. A leader that is cancelled steps down, and the next one begins the request anew.

    Args:
        due: when it leaves, at the latest.

    Attributes:
        waiting: how many wait for each key; no key for which nobody waits.
        full: set when it should leave at once.
        led: somebody makes the request.
        landed: it is over: there are answers or an error.
    """

    def __init__(self, due: float) -> None:
        self.due = due
        self.waiting: dict[K, int] = {}
        self.full = anyio.Event()
        self.led = False
        self.landed = False
        self._answers: Mapping[K, V | None] = {}
        self._error: Exception | None = None
        self._trace: TracebackType | None = None
        self._changed = anyio.Event()

    def enter(self, key: K) -> None:
        """Somebody begins to wait for a key."""
        self.waiting[key] = self.waiting.get(key, 0) + 1

    def leave(self, key: K) -> bool:
        """Somebody no longer waits for a key; gives whether it was the last one."""
        left = self.waiting[key] - 1
        if left:
            self.waiting[key] = left
        else:
            del self.waiting[key]
        return not left

    async def change(self) -> None:
        """Wait until it has landed, or its leader has stepped down."""
        await self._changed.wait()

    def land(self, answers: Mapping[K, V | None]) -> None:
        """It is over, with answers."""
        self.landed, self._answers = True, answers

    def fail(self, error: Exception) -> None:
        """It is over, with an error."""
        self.landed, self._error, self._trace = True, error, error.__traceback__

    def step_down(self) -> None:
        """The leader is through, or was cancelled: those who wait have a look."""
        self.led = False
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    def answer(self, key: K) -> V | None:
        """What it brought.

        Raises:
            Exception: why it failed.
        """
        if self._error is not None:
            raise _own(self._error).with_traceback(self._trace)
        return self._answers.get(key)


def _own(error: Exception) -> Exception:
    """An error that one of several items may be blamed with: the engine writes their positions into a `PipeError`."""
    if not isinstance(error, PipeError):
        return error
    kind = type(error)
    copy = kind.__new__(kind, *error.args)
    vars(copy).update(vars(error))
    copy.__cause__ = error.__cause__
    return copy
