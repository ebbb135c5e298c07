"""A list as a sink: for tests and notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from rivusio_streams.sink import AsyncSink

__all__ = ["ListSink"]

T = TypeVar("T")


class ListSink(AsyncSink[T], Generic[T]):
    """Appends results to a list of the caller's. `stream.write(results)` with a list makes one.

    Args:
        items: the list; two sinks are equal when theirs is the same one.
    """

    def __init__(self, items: list[T]) -> None:
        self.items = items

    @property
    def step_name(self) -> str:
        return "list"

    async def write(self, batch: Sequence[T]) -> None:
        self.items.extend(batch)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ListSink) and self.items is other.items

    def __hash__(self) -> int:
        return id(self.items)

    def __repr__(self) -> str:
        return f"ListSink({len(self.items)} items)"
