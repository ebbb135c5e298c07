"""Who an event loop's thread works for, and who waits: times that add up, since each moment belongs to one part."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from types import coroutine
from typing import Any, TypeVar

__all__ = ["Part", "Timeline"]

R = TypeVar("R")


@dataclass(eq=False, slots=True)
class Part:
    """Something that takes time. All times in seconds.

    Attributes:
        within: what this is a piece of: its waiting is not the other's.
        running: the loop's thread worked for it, and not for a part that it called.
        waiting: it awaited something that is no part.
        blocked: it awaited other parts that waited.
        calls: how often it was entered by `Timeline.call`.
    """

    within: Part | None = None
    running: float = 0.0
    waiting: float = 0.0
    blocked: float = 0.0
    calls: int = 0


class Timeline:
    """Splits the time of one event loop among parts.

    A section is what runs between two suspensions, so sections of different tasks never overlap, and those that are
    open are nested: a stack is enough.

    Args:
        now: gives seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self._open: list[Part] = []
        self._since = 0.0
        self._innermost: Part | None = None
        """Of the parts that are being suspended: the first that was, which the others wait for."""

    @property
    def open_parts(self) -> int:
        """How many parts are entered and not left."""
        return len(self._open)

    def _enter(self, part: Part) -> None:
        now = self.now()
        if self._open:
            self._open[-1].running += now - self._since
        self._open.append(part)
        self._since = now

    def _leave(self) -> None:
        now = self.now()
        self._open.pop().running += now - self._since
        self._since = now

    def call(self, part: Part, function: Callable[[Any], R], value: object) -> R:
        """Call something that does not suspend, for a part."""
        part.calls += 1
        self._enter(part)
        try:
            return function(value)
        finally:
            self._leave()

    @coroutine
    def watch(self, part: Part, awaitable: Awaitable[R]) -> Generator[Any, Any, R]:
        """Await something for a part, in the task it is awaited in (as `noticing`, see there)."""
        self._innermost = None
        self._enter(part)
        is_open = True
        try:
            steps = awaitable.__await__()
            told = steps.send(None)
            while True:
                self._leave()
                is_open = False
                self._innermost = innermost = self._innermost or part
                began = self.now()
                try:
                    answer = yield told
                except GeneratorExit:
                    steps.close()
                    raise
                except BaseException as error:  # noqa: BLE001  # it is for what is awaited
                    self._woken(part, innermost, began)
                    is_open = True
                    told = steps.throw(error)
                else:
                    self._woken(part, innermost, began)
                    is_open = True
                    told = steps.send(answer)
        except StopIteration as stop:
            result: R = stop.value
            return result
        finally:
            if is_open:
                self._leave()

    def _woken(self, part: Part, innermost: Part, began: float) -> None:
        waited = self.now() - began
        if innermost is part:
            part.waiting += waited
        elif innermost.within is not part:
            part.blocked += waited
        self._innermost = None
        self._enter(part)
