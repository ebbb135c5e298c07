"""When what is remembered of keys is to be forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any

from rivusio_streams.moment import FOREVER

__all__ = ["Expiry"]


class Expiry:
    """The time by which each key is forgotten; it moves on whenever the key is touched.

    Each key has one entry in the heap, which is looked at when it is due: touching a key costs a dict entry only.
    """

    def __init__(self) -> None:
        self.at: dict[Any, int] = {}
        """By key; it is gone once time has come so far, even when nobody has taken it out yet."""
        self._heap: list[tuple[int, int, Any]] = []
        self._order = count()

    @property
    def next(self) -> int:
        """The time at which somebody should call `expired`; FOREVER: no key is known."""
        return self._heap[0][0] if self._heap else FOREVER

    def touch(self, key: Any, at: int) -> None:
        """Forget a key no sooner than this."""
        found = self.at.get(key)
        if found is None:
            self.at[key] = at
            heappush(self._heap, (at, next(self._order), key))
        elif at > found:
            self.at[key] = at

    def forget(self, key: Any) -> None:
        """A key is gone already."""
        if self.at.pop(key, None) is not None and len(self._heap) > 64 + 2 * len(self.at):
            self._heap = [(at, next(self._order), each) for each, at in self.at.items()]
            heapify(self._heap)

    def gone(self, key: Any, now: int) -> bool:
        """Nothing of the key is to be remembered at this time."""
        return self.at.get(key, FOREVER) <= now

    def expired(self, now: int) -> Iterator[Any]:
        """Take out the keys that are gone by now."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            _, _, key = heappop(heap)
            at = self.at.get(key)
            if at is None:
                continue  # forgotten since
            if at > now:
                heappush(heap, (at, next(self._order), key))
            else:
                del self.at[key]
                yield key

    def clear(self) -> None:
        """Forget all."""
        self.at.clear()
        self._heap.clear()
