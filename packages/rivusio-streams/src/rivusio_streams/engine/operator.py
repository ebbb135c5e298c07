"""What a step does that keeps items or values and judges by time: windows, joins, keyed state.

An operator is sync and does no I/O: what comes out depends on the items, the watermark just before each, and the clock
alone. `OperatorStage` does everything else: chunks, errors, counts, signals, timers, snapshots.

What an operator keeps is a header and cells, so that a snapshot needs only what changed since the one before. Values of
both are plain: numbers, text, tuples, lists, dicts, values of users, NOTHING. Ids of cells are hashable, and such that
an item touches few and small cells: one for each key, say. Readings of the clock are kept as they are, since the clock
of an operator goes on in a restored run where it stood in the one before.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final

from rivusio_streams.engine.bounded import BoundedStates
from rivusio_streams.engine.rows import RowBatch, RowFailed, Rows
from rivusio_streams.moment import FOREVER, NEVER

__all__ = ["SHARED", "Operator", "Shared"]


class Shared(Enum):
    """See `SHARED`."""

    SHARED = "shared"


SHARED: Final = Shared.SHARED
"""Stands for the owner of what belongs to no key alone."""


class Operator(ABC):
    """Base of operators.

    Attributes, read by the stage:
        name: of the step.
        watermark: how far event time has come.
        before: how far it had come before: what the steps behind know.
        next: the watermark at which `advance` has something to do.
        timed: items say when they happened; set by the stage.
        now: the clock, microseconds since some moment; it stands still between two runs. Kept up to date where
            `clocked`.
        wall: the wall clock, microseconds since the epoch; kept up to date where `clocked`.
        due: the reading of the clock at which `tick` has something to do.
        clocked: it uses the clock.
        one_to_one: each item gives one result at once, with the time of the item, and time changes nothing: the stage
            calls `add_each` in place of `add_rows`, and notes that the cell was touched whose id is the item's key.
        delay: microseconds by which results may lie behind the watermark; what leaves the step is held back so much.
        held: items that wait for something.
        filtered: items that gave nothing and wait for nothing, so far.
        forgotten: keys that were forgotten since there were too many, so far.
        bounded: what it keeps, where there is a limit that it sees to itself.
        followed: somebody asks for what changes: snapshots are made, or limits are to be held. Set by the stage; else
            `touched` need not be kept up.
        touched: ids of cells that may have changed, or gone, since the last snapshot.
        values, times, marks: results since the stage last took them, with their event times, and the watermark just
            before each (already held back by `delay`).
    """

    clocked: bool = False
    one_to_one: bool = False
    delay: int = 0

    def __init__(self, name: str) -> None:
        self.name = name
        self.watermark = self.before = NEVER
        self.next = FOREVER
        self.timed = True
        self.now = 0
        self.wall = 0
        self.due = FOREVER
        self.held: int = 0
        self.filtered: int = 0
        self.forgotten: int = 0
        self.bounded: BoundedStates | None = None
        self.followed = False
        self.touched: set[Any] = set()
        self.values: list[Any] = []
        self.times: list[int] = []
        self.marks: list[int] = []

    def add(self, time: int, mark: int, key: Any, value: Any) -> bool:
        """Take an item; False when it is late: refused. `watermark` may be behind `mark` still."""
        raise NotImplementedError(f"{type(self).__name__} takes chunks")

    def add_batch(self, batch: RowBatch, late: bytearray) -> None:
        """Take the items of a chunk, all at once where that is possible: by default as `add_rows` does.

        Args:
            batch: the items. It is handed over again to go on behind a failed one.
            late: 1 is put where an item is refused.

        Raises:
            RowFailed: an item failed; those before it are dealt with.
        """
        self.add_rows(batch.rows, late)

    def add_rows(self, rows: Rows, late: bytearray) -> None:
        """Take items one by one, and let event time pass between them.

        Args:
            rows: the items. It is continued behind a failed one.
            late: 1 is put where an item is refused.

        Raises:
            RowFailed: an item failed; those before it are dealt with.
        """
        add, index = self.add, -1
        try:
            for index, (time, mark, key, value) in rows:
                if mark >= self.next:
                    self.advance(mark)
                if not add(time, mark, key, value):
                    late[index] = True
        except Exception as error:
            raise RowFailed(index, error) from error

    def add_each(self, pairs: Iterator[tuple[Any, Any]]) -> None:
        """Take items of which neither times nor marks matter, and append a result for each to `values`.

        Args:
            pairs: keys and items. It is continued behind one that raised.
        """
        raise NotImplementedError(f"{type(self).__name__} is not one_to_one")

    @abstractmethod
    def advance(self, watermark: int) -> None:
        """Event time has come so far: give what was waiting for it, in order; FOREVER at the end of the input."""

    def tick(self) -> None:  # noqa: B027  # most operators do not use the clock
        """The clock has reached `now`, which may be `due` or later."""

    def finish(self) -> None:
        """The input is over."""
        self.advance(FOREVER)

    def give(self, value: Any, time: int, mark: int) -> None:
        """Give a result."""
        self.values.append(value)
        self.times.append(time)
        self.marks.append(mark)

    # -------------------------------------------------------------------------------------------------- snapshots

    def header(self) -> object:
        """What belongs to no cell: a small plain value, written whole with each snapshot."""
        return None

    @abstractmethod
    def cell(self, cell: Any) -> object:
        """What is kept in a cell, by its id, as a plain value that may go on changing; GONE: nothing."""

    @abstractmethod
    def cells(self) -> Iterable[Any]:
        """The ids of all cells there are."""

    def changed(self) -> Iterable[Any]:
        """The ids of the cells that may have changed, or gone, since `settle`."""
        return self.touched

    def settle(self) -> None:
        """A snapshot has what changed."""
        self.touched.clear()

    @abstractmethod
    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        """Take up header and all cells, in place of nothing; cells come in the order in which they came to be."""

    # ------------------------------------------------------------------------------------- in several processes
    # Where a step is `divisible`, each of several operators has some of the keys. Headers and cells are put together
    # so that a snapshot looks as if one had made it, and are dealt out again, to another number of operators perhaps.

    divisible: bool = False
    """Keys have nothing in common but what is said here."""

    def owner(self, cell: Any) -> Any:
        """The key that a cell belongs to; SHARED: what it says is of all keys. By default its id is the key."""
        return cell

    def header_of(self, headers: Sequence[Any]) -> object:
        """The header of all, from those of each; whichever of them takes it up can go on with it."""
        return None

    def shared_of(self, values: Sequence[Any]) -> object:
        """What a shared cell says of all, from what it says of each that has it."""
        raise NotImplementedError(f"{type(self).__name__} shares no cells")

    def without_counts(self, shared: Any) -> object:
        """What a shared cell says where another operator has what it counts."""
        raise NotImplementedError(f"{type(self).__name__} shares no cells")

    def explain(self) -> dict[str, object]:
        """What is held and how old it is, as values that JSON can hold; see `rivusio explain`."""
        return {"held": self.held}
