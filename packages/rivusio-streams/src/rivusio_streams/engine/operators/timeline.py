"""Items in the order of time, to be found by time."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

__all__ = ["Entry", "Timeline"]

Entry: TypeAlias = tuple[int, int, Any]
"""Event time, number of arrival (no two are the same, so that items are never compared), item."""

_MANY = 32


class Timeline:
    """Entries in the order of (time, arrival). They come nearly in this order, and go at the front.

    What went leaves its place empty until half of the places are: then going costs no more than coming.
    """

    __slots__ = ("_entries", "_first")

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries: list[Any] = sorted(entries)
        self._first = 0

    def __len__(self) -> int:
        return len(self._entries) - self._first

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries[self._first :])

    def add(self, entry: Entry) -> None:
        """Put an entry where it belongs."""
        insort(self._entries, entry, lo=self._first)

    def between(self, first: int, last: int) -> list[Entry]:
        """The entries with `first <= time <= last`."""
        start = bisect_left(self._entries, (first,), lo=self._first)
        return self._entries[start : bisect_left(self._entries, (last + 1,), lo=start)]

    def find(self, time: int, arrival: int) -> Entry | None:
        """The entry of this time and arrival; None: there is none."""
        place = bisect_left(self._entries, (time, arrival), lo=self._first)
        found: Entry | None = self._entries[place] if place < len(self._entries) else None
        return found if found is not None and found[:2] == (time, arrival) else None

    def count_until(self, time: int) -> int:
        """How many entries have this time or an earlier one."""
        return bisect_left(self._entries, (time + 1,), lo=self._first) - self._first

    def __getitem__(self, index: int) -> Entry:
        entry: Entry = self._entries[self._first + index]
        return entry

    def drop(self, count: int) -> None:
        """Take out the first entries."""
        first = self._first + count
        if first > _MANY and 2 * first > len(self._entries):
            del self._entries[:first]
            first = 0
        else:
            self._entries[self._first : first] = [None] * count  # so that nothing holds the items any longer
        self._first = first
