"""Items in the order of time, to be taken out from the front."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Any, Generic, TypeVar

from rivusio_streams.moment import FOREVER

__all__ = ["Timeline"]

E = TypeVar("E", bound="Any")

_MANY = 32
_time = itemgetter(0)


class Timeline(Generic[E]):
    """Entries in the order of (time, arrival), which are their first two members. They come nearly in this order.

    No two have the same number of arrival, so that what follows is never compared. What was taken out leaves its place
    empty until half of the places are: then going costs no more than coming.
    """

    __slots__ = ("_entries", "_first")

    def __init__(self, entries: Iterable[E] = ()) -> None:
        self._entries: list[Any] = sorted(entries)
        self._first = 0

    def __len__(self) -> int:
        return len(self._entries) - self._first

    def __iter__(self) -> Iterator[E]:
        return iter(self._entries[self._first :])

    @property
    def next(self) -> int:
        """The time of the first entry; FOREVER: there is none."""
        time: int = self._entries[self._first][0] if self else FOREVER
        return time

    def extend(self, new: list[E]) -> None:
        """Put entries, in any order, where they belong."""
        entries = self._entries
        new.sort()
        if self and new and new[0] < entries[-1]:
            place = bisect_left(entries, new[0], lo=self._first)
            behind = bisect_left(new, entries[-1])
            if behind * _MANY > len(entries) - place:  # all that lies behind is sorted anew
                new = sorted(entries[place:] + new)
                del entries[place:]
            else:
                for entry in new[:behind]:
                    insort(entries, entry, lo=place)
                new = new[behind:]
        entries += new

    def take_until(self, time: int) -> list[E]:
        """Take out the entries of this time and earlier ones, in order."""
        entries, start = self._entries, self._first
        if not self or entries[start][0] > time:
            return []
        first = bisect_right(entries, time, lo=start, key=_time)
        found = entries[start:first]
        if first > _MANY and 2 * first > len(entries):
            del entries[:first]
            first = 0
        else:
            entries[start:first] = [None] * len(found)  # so that nothing holds the items any longer
        self._first = first
        return found

    def find(self, time: int, arrival: int) -> E | None:
        """The entry of this time and arrival; None: there is none."""
        place = bisect_left(self._entries, (time, arrival), lo=self._first, key=itemgetter(0, 1))
        found: E | None = self._entries[place] if place < len(self._entries) else None
        return found if found is not None and (found[0], found[1]) == (time, arrival) else None
