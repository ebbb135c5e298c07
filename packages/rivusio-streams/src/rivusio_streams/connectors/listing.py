"""A list as a sink: for tests and notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar, cast

from rivusio_core.errors import DefinitionError
from rivusio_streams.sink import AsyncSink, BaseSink

__all__ = ["ListSink", "sink_of"]

T = TypeVar("T")
S = TypeVar("S")


class ListSink(AsyncSink[T], Generic[T]):
    """Appends results to a list of the caller's. `stream.write(results)` with a list makes one.

    Args:
        items: the list; two sinks are equal when theirs is the same one.
    """

    divisible = True

    def __init__(self, items: list[T]) -> None:
        self.items = items

    @property
    def step_name(self) -> str:
        return "list"

    async def write(self, batch: Sequence[T]) -> None:
        self.items.extend(batch)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ListSink) and self.items is cast("ListSink[object]", other).items

    def __hash__(self) -> int:
        return id(self.items)

    def __repr__(self) -> str:
        return f"ListSink({len(self.items)} items)"


def sink_of(sink: BaseSink[S] | list[S]) -> BaseSink[S]:
    """What a stream is written to, as a sink.

    Raises:
        DefinitionError: it is neither a sink nor a list.
    """
    if isinstance(sink, list):
        return ListSink(sink)
    if not isinstance(sink, BaseSink):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise DefinitionError(f"{type(sink).__name__} is no sink; write to a Sink, or to a list")
    return sink
