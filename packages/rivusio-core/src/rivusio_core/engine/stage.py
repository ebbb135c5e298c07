"""What travels inside a run, and the shape of everything that it travels through.

A stage is pushed: its upstream awaits `take` and `signal`, one call at a time, in order. Awaiting is the
back-pressure, so a line of stages without concurrency is one task and has no channel. A stage that works on several
items at once keeps its own bounded window and its own tasks, and pushes the next stage from one of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Never

import anyio
from anyio.abc import TaskGroup

__all__ = ["GONE", "Barrier", "Chunk", "End", "Fail", "Gone", "Keeper", "Signal", "Stage", "Stateful"]


@dataclass(slots=True)
class Chunk:
    """Some items of a run, in order, and what is known of each.

    Attributes:
        values: the items.
        columns: lists (or ranges) beside the values, of the same length. Column 0 holds the position of the input
            item that each value stems from; an engine may add more, such as event times. Stages of core pass them
            on: a result has the columns of the item it came from, a batch those of its last item.
    """

    values: list[Any]  # Any: chunks are inside; types were checked where pipes were composed
    columns: tuple[Sequence[Any], ...]

    def __len__(self) -> int:
        return len(self.values)


class Signal:
    """Something that travels in order with the data: it leaves a stage after everything that came before it."""


class End(Signal):
    """The input is over: batches and the like are flushed before it is passed on."""


class Fail(Signal):
    """An item failed and ends the run. It travels too, so that what came before the item is given first.

    The last stage raises `error`; no stage takes anything behind it.
    """

    def __init__(self, error: Exception) -> None:
        self.error = error


class Gone(Enum):
    """See `GONE`."""

    GONE = "gone"


GONE: Final = Gone.GONE
"""Stands for a cell that is no more."""


class Keeper(ABC):
    """Takes what steps keep, for a snapshot: of each a small header, and cells by id (one a key, or a window, ...).

    Attributes:
        whole: all cells are wanted; else those that changed since the last keeper came by, or since `restore`.
    """

    whole: bool = True

    @abstractmethod
    def keep(self, step: str, header: object, cells: Iterable[tuple[Any, Any]] = ()) -> None:
        """Take what a step keeps, at once: the step goes on changing the values after that.

        Args:
            step: its name.
            header: plain values; in place of the header before.
            cells: ids, which are hashable, and values; GONE where a cell is no more.
        """


@dataclass(eq=False)
class Barrier(Signal):
    """Separates what came before it from what follows, for acknowledging and for snapshots.

    Attributes:
        number: 1, 2, 3, ...
        holding: a step that it passed keeps items that came before it and have reached no sink yet.
        keeper: takes what stages hold: the barrier is one of a snapshot. None: it only acknowledges, and stages that
            hold items let it wait until those have left, or say `holding`.
    """

    number: int = 0
    holding: bool = False
    keeper: Keeper | None = None


class Stateful(ABC):
    """What a stage that keeps something from one chunk to the next is, too: it can be snapshotted and restored.

    Attributes:
        name: of the step; unique in a run.
    """

    name: str

    @abstractmethod
    def keep(self, keeper: Keeper) -> None:
        """Hand over what is kept: one call of `keeper.keep` with the own name."""

    @abstractmethod
    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:  # Any: what was handed over
        """Take up what was kept, before anything was taken; `cells` are all of them, in the order first kept."""


class Stage(ABC):
    """Takes chunks and signals in order and pushes what comes of them to `out`."""

    out: Stage

    async def open(self, group: TaskGroup) -> None:  # noqa: B027  # most stages have nothing to start
        """Start what must run beside the calls, in the run's task group. Called once, last stage first."""

    @abstractmethod
    async def take(self, chunk: Chunk) -> None:
        """Deal with a chunk; returns once there is room for the next."""

    async def signal(self, signal: Signal) -> None:
        """Deal with a signal and pass it on after everything before it has left."""
        await self.out.signal(signal)

    async def fail(self, error: Exception) -> Never:
        """End the run with an error of this stage, after everything before it: never returns."""
        await self.out.signal(Fail(error))
        await anyio.sleep_forever()
        raise error  # for type checkers, which do not know that it never wakes
