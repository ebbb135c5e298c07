"""Streams in windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rivusio_core.duration import Duration, microseconds
from rivusio_core.errors import ConfigError, Fault
from rivusio_streams import agg
from rivusio_streams.aggregate import Aggregator
from rivusio_streams.aggregates import Fold, Reduce
from rivusio_streams.connectors.listing import sink_of
from rivusio_streams.graph import AggregateNode, Node
from rivusio_streams.sink import BaseSink
from rivusio_streams.trigger import Trigger
from rivusio_streams.windows import Count, Global, Session, Windowed, Windows

if TYPE_CHECKING:  # it imports this module
    from rivusio_streams.stream import Stream

__all__ = ["WindowedStream", "windowed"]

K = TypeVar("K", covariant=True)
T = TypeVar("T", covariant=True)
V = TypeVar("V")
A = TypeVar("A")
R = TypeVar("R")
S = TypeVar("S")


class WindowedStream(Generic[K, T]):
    """Items in windows, made by `window`: say what becomes of them with `aggregate` or `collect`."""

    def __init__(self, node: AggregateNode) -> None:
        """Made by `KeyedStream.window` and `Stream.window`."""
        self.node = node

    def aggregate(self, aggregator: Aggregator[T, A, R], *, name: str = "aggregate") -> Stream[Windowed[K, R]]:
        """One result for each window and key.

        The event time of a result is the last microsecond of its window, `end - 1 us`. Results come in the order of
        (window end, window start, when the key was first seen in the window); with `parallelism`, the keys of a window
        in any order.

        Args:
            aggregator: see `agg` for ready-made ones.
            name: of the step.

        Raises:
            ConfigError: the windows are sessions, and the aggregator cannot merge them.
        """
        from rivusio_streams.stream import Stream  # it imports this module

        if isinstance(self.node.windows, Session) and not aggregator.mergeable and not aggregator.ordered:
            wrong = Fault(f"{aggregator!r} cannot make two windows one, as sessions need", "aggregator")
            raise ConfigError("aggregate", faults=[wrong])
        return Stream[Windowed[K, R]](replace(self.node, name=name, aggregator=aggregator))

    def collect(self, *, name: str = "collect") -> Stream[Windowed[K, list[T]]]:
        """The items of each window and key as a list, in the order of (event time, arrival)."""
        from rivusio_streams.stream import Stream  # it imports this module

        return Stream[Windowed[K, list[T]]](replace(self.node, name=name, aggregator=agg.collect()))

    def fold(
        self,
        initial: S,
        add: Callable[[S, T], S],
        merge: Callable[[S, S], S] | None = None,
        *,
        name: str = "fold",
    ) -> Stream[Windowed[K, S]]:
        """Begin with a value and add one item after the other, in the order of (event time, arrival).

        Args:
            initial: the result of no items; each window begins with a copy of it.
            add: gives the result with one more item.
            merge: see `Fold`.
            name: of the step.

        Raises:
            ConfigError: `initial` cannot be copied.
        """
        return self.aggregate(Fold[T, S, S](initial, add, merge), name=name)

    def reduce(
        self: WindowedStream[K, V], function: Callable[[V, V], V], *, name: str = "reduce"
    ) -> Stream[Windowed[K, V]]:
        """Make one item of two until one is left, in the order of (event time, arrival)."""
        return self.aggregate(Reduce[V](function), name=name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WindowedStream) and self.node == other.node

    def __hash__(self) -> int:
        return hash(self.node)

    def __repr__(self) -> str:
        return f"WindowedStream({self.node.windows!r})"


def windowed(
    node: Node,
    keyed: bool,
    windows: Windows,
    allowed_lateness: Duration,
    trigger: Trigger[V, Any] | None,
    accumulate: bool,
    late_to: BaseSink[V] | list[V] | None,
) -> WindowedStream[Any, V]:
    """What `window` gives.

    Raises:
        ConfigError: `allowed_lateness` is no duration, or negative; `windows` are none.
    """
    if not isinstance(windows, Windows):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise ConfigError("window", faults=[Fault(f"takes windows such as Tumbling('1m'), not {windows!r}", "windows")])
    allowed = microseconds(allowed_lateness, "allowed_lateness")
    if allowed < 0:
        raise ConfigError("window", faults=[Fault("must not be negative", "allowed_lateness")])
    sink = None if late_to is None else sink_of(late_to)
    if trigger is not None and not isinstance(trigger, Trigger):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(
            "window", faults=[Fault(f"takes a trigger such as EarlyCount(100), not {trigger!r}", "trigger")]
        )
    if isinstance(windows, Count | Global) and allowed:
        raise ConfigError("window", faults=[Fault(f"nothing is late for {windows!r}", "allowed_lateness")])
    if isinstance(windows, Count) and trigger is not None:
        raise ConfigError("window", faults=[Fault(f"{windows!r} gives results when it is full", "trigger")])
    made = AggregateNode("window", (node,), keyed, sink, windows, agg.collect(), allowed, accumulate, trigger)
    return WindowedStream[Any, V](made)
