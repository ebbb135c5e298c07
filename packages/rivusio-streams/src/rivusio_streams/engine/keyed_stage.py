"""What the stages of steps that keep something have in common, wherever it is kept."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from typing_extensions import Unpack

from rivusio_core.engine.context import RunContext
from rivusio_core.engine.stage import Chunk, Stage, Stateful
from rivusio_streams.engine.operator import Operator
from rivusio_streams.engine.origin import MARK, ORIGIN, POSITION, TIME

__all__ = ["SHOWN", "KeyedSettings", "KeyedStage", "LateItem"]

SHOWN = 5
"""Refused items that are remembered, to explain them."""


@dataclass(frozen=True, slots=True)
class LateItem:
    """An item that was refused: where it came from, when it happened, and the watermark just before it.

    Of a batch of columns a row is refused, whose number in it is told, too.
    """

    position: int
    origin: int
    time: int
    mark: int
    row: int | None = None


class KeyedSettings(TypedDict):
    """What is around a step that keeps something.

    gives: how many columns results have.
    origin: what its results are said to come from.
    origin_name: what an origin is called.
    context: of the run.
    out: takes results.
    late_out: takes late items, if anything does.
    """

    gives: int
    origin: int
    origin_name: Callable[[int], str]
    context: RunContext
    out: Stage
    late_out: Stage | None


class KeyedStage(Stage, Stateful):
    """One step that keeps something.

    Args:
        operator: what it does; how far it has come, and what it holds.
        settings: what is around it.
    """

    def __init__(self, operator: Operator, **settings: Unpack[KeyedSettings]) -> None:
        self.out = settings["out"]
        self.name = operator.name
        self.operator = operator
        self.origin_name = settings["origin_name"]
        self.context = settings["context"]
        self.late_out = settings["late_out"]
        self.listeners: list[Callable[[], None]] = []
        """Called whenever the operator did something: what it waits for may have changed."""
        self.late_items = deque[LateItem](maxlen=SHOWN)
        """The last items that were refused."""
        self.late_count = 0
        self.given = 0
        """Results so far; their positions."""
        self._gives, self._origin = settings["gives"], settings["origin"]

    async def refuse(self, late: Chunk) -> None:
        """Deal with items that came too late."""
        columns = (late.columns[POSITION], late.columns[ORIGIN], late.columns[TIME], late.columns[MARK])
        self.late_count += len(late)
        for row in zip(*(column[-SHOWN:] for column in columns), strict=True):
            self.late_items.append(LateItem(*row))
        if self.late_out is not None:
            await self.late_out.take(late)

    async def give(self, values: list[Any], times: Sequence[int], marks: Sequence[int]) -> None:
        """Pass results on."""
        count = len(values)
        columns = (range(self.given, self.given + count), [self._origin] * count, times, marks)
        self.given += count
        await self.out.take(Chunk(values, columns[: self._gives]))

    def heard(self) -> None:
        """Tell the listeners."""
        for listener in self.listeners:
            listener()

    @abstractmethod
    def explain(self) -> dict[str, object]:
        """What is held and how old it is, as values that JSON can hold; see `rivusio explain`."""
