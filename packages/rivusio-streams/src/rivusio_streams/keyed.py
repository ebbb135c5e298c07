"""Streams with keys."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from rivusio_core.duration import Duration
from rivusio_streams.graph import Node
from rivusio_streams.sink import BaseSink
from rivusio_streams.trigger import Trigger
from rivusio_streams.windowed import WindowedStream, windowed
from rivusio_streams.windows import Windows

__all__ = ["KeyedStream"]

K = TypeVar("K", covariant=True)
T = TypeVar("T", covariant=True)


class KeyedStream(Generic[K, T]):
    """Items with a key, made by `Stream.key_by`: the input of keyed steps."""

    def __init__(self, node: Node) -> None:
        """Made by `Stream.key_by`."""
        self.node = node

    def window(
        self,
        windows: Windows,
        *,
        allowed_lateness: Duration = 0,
        trigger: Trigger[T, Any] | None = None,
        accumulate: bool = True,
        late_to: BaseSink[T] | list[T] | None = None,
    ) -> WindowedStream[K, T]:
        """Windows of event time, for each key.

        A window gives its result as soon as the watermark has reached its end, and at the end of the input. An item
        that comes later is *late*.

        Args:
            windows: where they lie, such as `Tumbling("1m")`.
            allowed_lateness: how much further the watermark may be for a late item still to count: it then gives a
                `late` pane at once.
            trigger: gives early results, before the window closes: `EarlyCount(100)`, `EarlyEvery("10s")`, ...
            accumulate: a further pane holds all items so far; False: only those that no pane held yet.
            late_to: takes the items that came too late even so; they are counted in any case.

        Raises:
            ConfigError: `allowed_lateness` is no duration, or negative.
        """
        return windowed(self.node, True, windows, allowed_lateness, trigger, accumulate, late_to)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeyedStream) and self.node == other.node

    def __hash__(self) -> int:
        return hash(self.node)

    def __repr__(self) -> str:
        return f"KeyedStream({self.node.name!r})"
