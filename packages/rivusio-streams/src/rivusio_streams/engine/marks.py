"""The watermark just before each item of a chunk, worked out when somebody looks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import TypeAlias, overload

__all__ = ["Marks", "OwnMarks", "Span", "first_at", "highest_of", "mark_at"]

Span: TypeAlias = tuple[int, int]


class Marks(Sequence[int], ABC):
    """Marks of the items of a chunk. They never go back.

    Many chunks go by without anybody looking at single marks: `highest` tells that nothing is late and no window
    closes.

    Attributes:
        highest: the watermark after the last item: no mark is above it.
        span: the smallest and the largest time of the items.
        times: of the items.
    """

    def __init__(self, highest: int, span: Span, times: Sequence[int]) -> None:
        self.highest, self.span, self.times = highest, span, times
        self._found: list[int] | None = None

    @abstractmethod
    def _list(self) -> list[int]:
        """All of them."""

    def _all(self) -> list[int]:
        if self._found is None:
            self._found = self._list()
        return self._found

    def at(self, index: int) -> int:
        """One of them."""
        return self._all()[index]

    def first_at(self, mark: int, start: int) -> int:
        """The first item from `start` on whose mark is at least this; as many as there are, if there is none."""
        return bisect_left(self._all(), mark, start)

    def __len__(self) -> int:
        return len(self.times)

    def __iter__(self) -> Iterator[int]:
        return iter(self._all())

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> list[int]: ...
    def __getitem__(self, index: int | slice) -> int | list[int]:
        return self._all()[index]


class OwnMarks(Marks):
    """Marks of items that alone move the watermark.

    Args:
        before: the watermark before the first item.
        times: of the items.
        bound: by how much the watermark is behind the latest item, in microseconds.
        span: the smallest and the largest time, where they are known.
    """

    def __init__(self, before: int, times: Sequence[int], bound: int, span: Span | None = None) -> None:
        span = span or (min(times), max(times))
        super().__init__(max(before, span[1] - bound), span, times)
        self._before, self._bound = before, bound

    def _list(self) -> list[int]:
        found, mark, bound = list[int](), self._before, self._bound
        append = found.append
        for time in self.times:
            append(mark)
            if time - bound > mark:
                mark = time - bound
        return found

    def at(self, index: int) -> int:
        return max(self._before, max(self.times[:index]) - self._bound) if index else self._before

    def first_at(self, mark: int, start: int) -> int:
        if self.highest < mark:
            return len(self)
        if self.at(start) >= mark:
            return start
        time = mark + self._bound
        for index, each in enumerate(self.times[start:], start + 1):
            if each >= time:
                return min(index, len(self))
        return len(self)


def highest_of(marks: Sequence[int]) -> int:
    """What no mark of a chunk is above."""
    return marks.highest if isinstance(marks, Marks) else marks[-1]


def mark_at(marks: Sequence[int], index: int) -> int:
    """The mark of one item."""
    return marks.at(index) if isinstance(marks, Marks) else marks[index]


def first_at(marks: Sequence[int], mark: int, start: int) -> int:
    """The first item from `start` on whose mark is at least this; as many as there are, if there is none."""
    return marks.first_at(mark, start) if isinstance(marks, Marks) else bisect_left(marks, mark, start)
