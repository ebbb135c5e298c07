"""What windows must give, found the plain way: nothing is kept but a list of what happened, and of what was given.

Written from the specification alone. Whatever is asked, such as which windows there are, whether one is closed or what
no pane held yet, is found again from these lists. Times are ints of microseconds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

__all__ = ["Aligned", "Cell", "Count", "Early", "Global", "Item", "Kind", "Oracle", "Result", "Session", "Sliding"]

NEVER = -(10**30)
FOREVER = 10**30


@dataclass(frozen=True)
class Item:
    """What came.

    Attributes:
        order: in which it came, among all.
        time: when it happened.
        key: its key.
        mark: the watermark just before it.
        clock: what the clock said when it came.
        size: for triggers that heed values.
    """

    order: int
    time: int
    key: str
    mark: int
    clock: int
    size: int = 0


@dataclass(frozen=True)
class Cell:
    """A window of a key.

    Attributes:
        items: in it, in the order in which they came.
        since: the number of the item with which there was such a window. What is in it already by then does not come
            into it: a trigger does not hear of it.
    """

    key: str
    start: int
    end: int
    items: tuple[Item, ...]
    since: int

    def place(self) -> tuple[int, int, int]:
        """The order in which windows close: by end, start, and when the key was first seen."""
        return self.end, self.start, self.since


@dataclass(frozen=True)
class Result:
    """A pane.

    Attributes:
        cell: its window, and all items that were in it.
        held: the items it holds.
        index: its number.
        timing: early, on_time, late.
    """

    cell: Cell
    held: tuple[Item, ...]
    index: int
    timing: str

    def shown(self) -> tuple[str, int, int, list[int], int, str]:
        """Key, window, the numbers of its items in the order of (time, arrival), index and timing."""
        held = sorted(self.held, key=lambda item: (item.time, item.order))
        return self.cell.key, self.cell.start, self.cell.end, [item.order for item in held], self.index, self.timing


@dataclass(frozen=True)
class Early:
    """When there are early panes; each may be None.

    Attributes:
        count: after so many items.
        size: as soon as the sizes of the items come to this.
        after: when the watermark is so far past the first item.
        after_clock: when the first item has been there for so long.
    """

    count: int | None = None
    size: int | None = None
    after: int | None = None
    after_clock: int | None = None


NO_EARLY = Early()


# ------------------------------------------------------------------------------------------------- kinds of windows


class Kind(ABC):
    """Which windows there are."""

    @abstractmethod
    def cells(self, items: Sequence[Item], allowed: int) -> Iterable[Cell]:
        """All windows that these items make, dead ones too."""

    def same(self, one: Cell, other: Cell) -> bool:
        """Two cells, at two moments, are the same window."""
        return (one.key, one.start, one.end) == (other.key, other.start, other.end)

    def nowhere(self, item: Item) -> bool:
        """The item falls in no window at all."""
        return False


@dataclass(frozen=True)
class Aligned(Kind):
    """Windows that depend on the time alone.

    Attributes:
        spans: the windows that hold a time.
    """

    spans: Callable[[int], Sequence[tuple[int, int]]]

    def cells(self, items: Sequence[Item], allowed: int) -> Iterable[Cell]:
        places = {(item.key, *span) for item in items for span in self.spans(item.time)}
        for key, start, end in places:
            held = tuple(each for each in items if each.key == key and start <= each.time < end)
            yield Cell(key, start, end, held, held[0].order)

    def nowhere(self, item: Item) -> bool:
        return not self.spans(item.time)


@dataclass(frozen=True)
class Session(Kind):
    """Items of a key, sorted by time, cut wherever the distance is `gap` or more."""

    gap: int

    def cells(self, items: Sequence[Item], allowed: int) -> Iterable[Cell]:
        for key in {item.key for item in items}:
            run = list[Item]()
            for item in sorted((each for each in items if each.key == key), key=lambda each: each.time):
                if run and item.time - run[-1].time >= self.gap:
                    yield self._cell(run)
                    run = []
                run.append(item)
            yield self._cell(run)

    def _cell(self, run: list[Item]) -> Cell:
        arrived = tuple(sorted(run, key=lambda item: item.order))
        return Cell(run[0].key, run[0].time, run[-1].time + self.gap, arrived, arrived[0].order)

    def same(self, one: Cell, other: Cell) -> bool:
        return not set(one.items).isdisjoint(other.items)


@dataclass(frozen=True)
class Sliding(Kind):
    """For each time of an item of a key that was not too late for it, the window that ends with that time."""

    size: int

    def cells(self, items: Sequence[Item], allowed: int) -> Iterable[Cell]:
        made = [item for item in items if item.mark < item.time + 1 + allowed]
        for key, end in {(item.key, item.time + 1) for item in made}:
            held = tuple(each for each in items if each.key == key and end - self.size <= each.time < end)
            since = min(item.order for item in made if (item.key, item.time + 1) == (key, end))
            yield Cell(key, end - self.size, end, held, since)


@dataclass(frozen=True)
class Global(Kind):
    """One window of a key."""

    def cells(self, items: Sequence[Item], allowed: int) -> Iterable[Cell]:
        for key in {item.key for item in items}:
            own = tuple(item for item in items if item.key == key)
            yield Cell(key, NEVER, FOREVER, own, own[0].order)


# --------------------------------------------------------------------------------------------------------- what happens


@dataclass
class Oracle:
    """What windows give, one happening after another.

    Attributes:
        kind: of windows.
        allowed: how long after its end a window takes late items.
        accumulate: a pane holds all items, else those that none held yet.
        early: when there are early panes.
        results: all panes so far.
        late: the items that were refused.
    """

    kind: Kind
    allowed: int = 0
    accumulate: bool = True
    early: Early = NO_EARLY
    results: list[Result] = field(default_factory=list[Result])
    late: list[Item] = field(default_factory=list[Item])
    _watermark: int = NEVER
    _clock: int = 0
    _items: list[Item] = field(default_factory=list[Item])
    _first: set[tuple[Item, int, int]] = field(default_factory=set[tuple[Item, int, int]])
    """Items that came into a window (start, end) in which nothing waited for a pane."""

    def item(self, item: Item) -> None:
        """An item comes."""
        assert item.mark == self._watermark
        assert item.clock == self._clock
        self._items.append(item)
        into = sorted((cell for cell in self._alive() if item in cell.items), key=Cell.place)
        if not into and not self.kind.nowhere(item):
            self._items.remove(item)
            self.late.append(item)
        for cell in into:
            if cell.end <= self._watermark:
                self._give(cell, "late")
                continue
            waiting = self._heard(cell)
            if waiting == [item]:
                self._first.add((item, cell.start, cell.end))
            full = self.early.count is not None and len(waiting) >= self.early.count
            large = self.early.size is not None and sum(each.size for each in waiting) >= self.early.size
            due = min((due for due, _ in self._deadlines(cell)), default=FOREVER)
            if full or large or due <= self._watermark:
                self._give(cell, "early")

    def move(self, watermark: int) -> None:
        """Event time comes so far: one after another, whatever lies on the way."""
        while True:
            open_ = [cell for cell in self._alive() if self._watermark < cell.end]
            waiting = [(due, order, cell) for cell in open_ for due, order in self._deadlines(cell)]
            end = min((cell.end for cell in open_), default=FOREVER + 1)
            due = min((due for due, _, _ in waiting), default=FOREVER + 1)
            if min(end, due) > watermark:
                break
            if end <= due:
                for cell in sorted((cell for cell in open_ if cell.end == end), key=Cell.place):
                    if self.accumulate or self._waiting(cell):
                        self._give(cell, "on_time")
                self._watermark = end
            else:
                self._give(min(waiting, key=lambda entry: (entry[0], entry[1], entry[2].place()))[2], "early")
        self._watermark = max(self._watermark, watermark)
        self._forget()

    def tick(self, clock: int) -> None:
        """The clock comes so far."""
        self._clock = clock
        if self.early.after_clock is None:
            return
        due = list[tuple[int, int, Cell]]()
        for cell in self._alive():
            waiting = self._heard(cell) if self._watermark < cell.end else []
            if waiting and waiting[0].clock + self.early.after_clock <= clock:
                due.append((waiting[0].clock, waiting[0].order, cell))
        for _, _, cell in sorted(due, key=lambda entry: (*entry[:2], entry[2].place())):
            self._give(cell, "early")

    # ----------------------------------------------------------------------------------------------------- questions

    def _alive(self) -> list[Cell]:
        """The windows that still take items."""
        cells = self.kind.cells(self._items, self.allowed)
        return [cell for cell in cells if self._watermark < cell.end + self.allowed]

    def _waiting(self, cell: Cell) -> list[Item]:
        """The items of a window that no pane held yet, in the order in which they came."""
        shown = {item for each in self.results if self.kind.same(each.cell, cell) for item in each.held}
        return [item for item in cell.items if item not in shown]

    def _heard(self, cell: Cell) -> list[Item]:
        """Those of them of which a trigger has heard."""
        return [item for item in self._waiting(cell) if item.order >= cell.since]

    def _deadlines(self, cell: Cell) -> Iterable[tuple[int, int]]:
        """When a window wants an early pane, and the number of the item for which it waits."""
        if self.early.after is None:
            return
        waiting = self._heard(cell)
        for item, start, end in self._first:
            if item in waiting and self.kind.same(cell, Cell(item.key, start, end, (item,), item.order)):
                yield item.time + self.early.after, waiting[0].order

    def _give(self, cell: Cell, timing: str) -> None:
        before = [each.index for each in self.results if self.kind.same(each.cell, cell)]
        held = cell.items if self.accumulate else tuple(self._waiting(cell))
        self.results.append(Result(cell, held, max(before, default=-1) + 1, timing))

    def _forget(self) -> None:
        """What was in a session that is over for good has no part in later ones."""
        if isinstance(self.kind, Session):
            self._items = [item for cell in self._alive() for item in cell.items]
            self._items.sort(key=lambda item: item.order)


@dataclass
class Count:
    """Windows of `n` items of a key, a new one after every `every`."""

    n: int
    every: int

    def results(self, items: Sequence[Item]) -> list[tuple[str, int, int, list[int], int, str]]:
        """All panes."""
        found = list[tuple[str, int, int, list[int], int, str]]()
        for item in items:
            own = [each for each in items if each.key == item.key and each.order <= item.order]
            if len(own) >= self.n and (len(own) - self.n) % self.every == 0:
                held = sorted(own[-self.n :], key=lambda each: (each.time, each.order))
                cell = Cell(item.key, held[0].time, held[-1].time + 1, tuple(held), own[-self.n].order)
                found.append(Result(cell, cell.items, 0, "on_time").shown())
        return found
