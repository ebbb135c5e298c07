"""Pipes that keep their event loop from running until somebody lets them go on."""

from __future__ import annotations

import threading

from rivusio_core import AsyncBasePipe, SyncBasePipe, pipe, state

STUCK = 2
"""The item that they hang at."""


def hold(release: threading.Event) -> None:
    """Block, as a call without a time limit does."""
    if not release.wait(30):
        raise AssertionError("nobody noticed")


class Holds(SyncBasePipe[int, int]):
    """Plain, and blocks."""

    release: threading.Event

    def process(self, item: int) -> int:
        if item == STUCK:
            hold(self.release)
        return item


class FailsFirst(SyncBasePipe[int, int]):
    """Fails, and blocks when it is tried again."""

    release: threading.Event
    calls: int = state()

    def setup(self) -> None:
        self.calls = 0

    def process(self, item: int) -> int:
        if item == STUCK:
            self.calls += 1
            if self.calls == 1:
                raise OSError
            hold(self.release)
        return item


class HoldsAsync(AsyncBasePipe[int, int]):
    """Async, and blocks all the same."""

    release: threading.Event

    async def process(self, item: int) -> int:
        if item == STUCK:
            hold(self.release)
        return item


@pipe
async def aware(number: int) -> int:
    """Makes any pipeline one that runs in an event loop."""
    return number
