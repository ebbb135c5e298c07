"""The timers of a keyed process."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any, TypeAlias

from rivusio_streams.moment import FOREVER
from rivusio_streams.process import TimeKind

__all__ = ["Timers", "Waiting"]


@dataclass(slots=True, eq=False)
class Waiting:
    """A timer that was set.

    Attributes:
        key, name: whose it is.
        at: when it fires: event time, or the reading of the clock, microseconds.
        by: which of them.
        order: in which timers were set.
        chain: how many timers in a row were set by one another without time passing.
    """

    key: Any
    name: str
    at: int
    by: TimeKind
    order: int
    chain: int


_Heap: TypeAlias = list[tuple[int, int, int, Waiting]]


class Timers:
    """Timers by key and name, and in the order in which they fire: (time, when set).

    A timer that is replaced or cancelled stays in its heap until its time, or until most of the heap is such timers.
    """

    def __init__(self) -> None:
        self._by_key: dict[Any, dict[str, Waiting]] = {}
        self._heaps: dict[TimeKind, _Heap] = {"event_time": [], "clock": []}
        self._size = 0
        self._entry = count()  # timers that were set by several operators may be of the same order
        self.order = 0
        """Of the next timer that is set."""

    def __len__(self) -> int:
        return self._size

    def next(self, by: TimeKind) -> int:
        """The time at which the next timer may fire; FOREVER: there is none."""
        heap = self._heaps[by]
        return heap[0][0] if heap else FOREVER

    def set(self, key: Any, name: str, at: int, by: TimeKind, chain: int) -> None:
        """Set a timer, in place of one with the same key and name."""
        self.cancel(key, name)
        self._set(Waiting(key, name, at, by, self.order, chain))
        self.order += 1

    def _set(self, made: Waiting) -> None:
        self._by_key.setdefault(made.key, {})[made.name] = made
        self._size += 1
        heappush(self._heaps[made.by], (made.at, made.order, next(self._entry), made))

    def cancel(self, key: Any, name: str) -> None:
        """Take a timer out, if there is such a one."""
        named = self._by_key.get(key)
        if named is not None and named.pop(name, None) is not None:
            self._size -= 1
            if not named:
                del self._by_key[key]
            self._tidy()

    def clear(self, key: Any) -> None:
        """Take all timers of a key out."""
        named = self._by_key.pop(key, None)
        if named is not None:
            self._size -= len(named)
            self._tidy()

    def pop(self, by: TimeKind, until: int) -> Waiting | None:
        """Take the next timer out that fires by `until`."""
        heap = self._heaps[by]
        while heap and heap[0][0] <= until:
            found = heappop(heap)[-1]
            if self._is_set(found):
                self.cancel(found.key, found.name)
                return found
        return None

    def _is_set(self, timer: Waiting) -> bool:
        named = self._by_key.get(timer.key)
        return named is not None and named.get(timer.name) is timer

    def _tidy(self) -> None:
        if sum(map(len, self._heaps.values())) > 64 + 2 * self._size:
            for heap in self._heaps.values():
                heap[:] = [entry for entry in heap if self._is_set(entry[-1])]  # in place: `pop` is looking at it
                heapify(heap)

    # --------------------------------------------------------------------------------------------------- snapshots

    def owners(self) -> Iterable[Any]:
        """The keys whose timers are set."""
        return self._by_key

    def of(self, key: Any) -> list[tuple[str, int, TimeKind, int]]:
        """The timers of a key: name, time, by, order."""
        return [(each.name, each.at, each.by, each.order) for each in self._by_key.get(key, {}).values()]

    def restore(self, key: Any, timers: Iterable[tuple[str, int, TimeKind, int]]) -> None:
        """Set the timers of a key as they were."""
        for name, at, by, order in timers:
            self._set(Waiting(key, name, at, by, order, 0))
