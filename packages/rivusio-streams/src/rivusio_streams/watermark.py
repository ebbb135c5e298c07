"""Watermark strategies: how far event time has come, as the items of a partition say.

Usual is bounded out-of-orderness, `event_time(..., out_of_order="5s")`. `Punctuated` is for streams whose items say it
themselves; derive from `WatermarkStrategy` for others.

Example, a stream in which every item of type "tick" promises that everything before it has come:

    >>> from typing import Any
    >>> strategy = Punctuated[dict[str, Any]](lambda item: item["time"] if item["type"] == "tick" else None)
    >>> strategy.on_item(None, {"type": "tick", "time": 5}, 5)
    (None, 5)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from rivusio_streams.moment import moment

__all__ = ["Punctuated", "WatermarkStrategy"]

T = TypeVar("T", contravariant=True)
S = TypeVar("S")


class WatermarkStrategy(ABC, Generic[T, S]):
    """Says after each item of a partition how far event time has come there. A value.

    What it remembers of a partition is its state, which is kept in checkpoints: it should be a plain value.
    """

    @abstractmethod
    def create(self) -> S:
        """The state of a partition that gave nothing yet."""

    @abstractmethod
    def on_item(self, state: S, item: T, time: int) -> tuple[S, int | None]:
        """An item came by.

        Args:
            state: before it.
            item: the item.
            time: when it happened, microseconds since the epoch.

        Returns:
            The state after it; and the watermark W after it (microseconds), which promises that no item with a time
            before W follows in this partition. None: as before. It never goes back, whatever is said.
        """


@dataclass(frozen=True)
class Punctuated(WatermarkStrategy[T, None], Generic[T]):
    """Some items carry a watermark.

    Attributes:
        of: the watermark after an item, an aware datetime or microseconds since the epoch; None: it carries none.
    """

    of: Callable[[T], datetime | int | None]

    def create(self) -> None:
        return None

    def on_item(self, state: None, item: T, time: int) -> tuple[None, int | None]:
        found = self.of(item)
        return None, None if found is None else moment(found)
