"""The timers of a keyed process."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any, TypeAlias

from rivusio_streams.process import TimeKind

__all__ = ["Timers", "Waiting"]

Waiting: TypeAlias = tuple[int, int, int, Any, str, TimeKind, int]
"""A timer that was set: when it fires (event time, or the reading of the clock, microseconds), its number in the order
in which timers were set, a number that no other timer here has, its key, its name, what its time is counted by, and how
many timers in a row were set by one another without time passing. The first that fires is the smallest."""


class Timers:
    """Timers by key and name, and in the order in which they fire: (time, when set).

    A timer that is replaced or cancelled stays in its heap until its time, or until most of the heap is such timers.
    """

    def __init__(self) -> None:
        self._by_key: dict[Any, dict[str, Waiting]] = {}
        self.timed: list[Waiting] = []
        """Those of event time as a heap: none fires before the first."""
        self.clocked: list[Waiting] = []
        """The same for those of the clock."""
        self._size = 0
        self._stale = 0
        """Entries of timers that were replaced or cancelled."""
        self._entry = count()
        self.order = 0
        """Of the next timer that is set."""

    def __len__(self) -> int:
        return self._size

    def set(self, key: Any, name: str, at: int, by: TimeKind, chain: int) -> None:
        """Set a timer, in place of one with the same key and name."""
        made = at, self.order, next(self._entry), key, name, by, chain
        if key in self._by_key:
            self.cancel(key, name)
        named = self._by_key.get(key)
        if named is None:
            self._by_key[key] = {name: made}
        else:
            named[name] = made
        self._size += 1
        self.order += 1
        heappush(self.timed if by == "event_time" else self.clocked, made)

    def cancel(self, key: Any, name: str) -> None:
        """Take a timer out, if there is such a one."""
        named = self._by_key.get(key)
        if named is not None and named.pop(name, None) is not None:
            if not named:
                del self._by_key[key]
            self._taken_out(1)

    def clear(self, key: Any) -> None:
        """Take all timers of a key out."""
        named = self._by_key.pop(key, None)
        if named is not None:
            self._taken_out(len(named))

    def pop(self, by: TimeKind, until: int) -> Waiting | None:
        """Take the next timer out that fires by `until`."""
        heap = self.timed if by == "event_time" else self.clocked
        while heap and heap[0][0] <= until:
            found = heappop(heap)
            _, _, _, key, name, _, _ = found
            named = self._by_key.get(key)
            if named is not None and named.get(name) is found:
                if len(named) == 1:
                    del self._by_key[key]
                else:
                    del named[name]
                self._size -= 1
                return found
            self._stale -= 1
        return None

    def _is_set(self, timer: Waiting) -> bool:
        _, _, _, key, name, _, _ = timer
        named = self._by_key.get(key)
        return named is not None and named.get(name) is timer

    def _taken_out(self, count: int) -> None:
        self._size -= count
        self._stale += count
        if self._stale > 64 + self._size:
            for heap in (self.timed, self.clocked):
                heap[:] = [each for each in heap if self._is_set(each)]  # in place: others are looking at it
                heapify(heap)
            self._stale = 0

    # --------------------------------------------------------------------------------------------------- snapshots

    def owners(self) -> Iterable[Any]:
        """The keys whose timers are set."""
        return self._by_key

    def of(self, key: Any) -> list[tuple[str, int, TimeKind, int]]:
        """The timers of a key: name, time, by, order."""
        named = self._by_key.get(key, {})
        return [(name, at, by, order) for at, order, _, _, name, by, _ in named.values()]

    def restore(self, key: Any, timers: Iterable[tuple[str, int, TimeKind, int]]) -> None:
        """Set the timers of a key as they were."""
        following = self.order
        for name, at, by, order in timers:
            self.order = order
            self.set(key, name, at, by, 0)
        self.order = following
