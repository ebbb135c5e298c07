"""Streams: the typed description of what is read, what is done with it, and where it goes.

A stream is an immutable value; each method gives a new one. Nothing runs before `Flow.run`.

Example:
    >>> out: list[int] = []
    >>> report = Stream.read([1, 2, 3]).map(lambda n: n * 10).filter(lambda n: n > 10).write(out).run()
    >>> out, report.steps["filter"].filtered
    ([20, 30], 1)
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from datetime import datetime
from typing import Any, Generic, TypeVar, get_args, overload

from typing_extensions import TypeIs

from rivusio_core.duration import Duration
from rivusio_core.errors import ConfigError, DefinitionError, Fault
from rivusio_core.pipe import BasePipe
from rivusio_core.pipeline import steps_of
from rivusio_core.policy.options import OnError
from rivusio_core.ports import Ports, connect, ports_of
from rivusio_streams.apply import name_of
from rivusio_streams.connectors.iterable import source_of
from rivusio_streams.connectors.listing import sink_of
from rivusio_streams.event_time import EventTime
from rivusio_streams.flow import Flow
from rivusio_streams.graph import (
    EventTimeNode,
    KeyNode,
    MergeNode,
    Node,
    PipeNode,
    ReadNode,
    SideNode,
    SplitNode,
    TeeNode,
    WriteNode,
)
from rivusio_streams.item_steps import ItemSteps
from rivusio_streams.keyed import KeyedStream
from rivusio_streams.sink import BaseSink
from rivusio_streams.source import BaseSource
from rivusio_streams.state.limit import StateLimit
from rivusio_streams.trigger import Trigger
from rivusio_streams.watermark import WatermarkStrategy
from rivusio_streams.windowed import WindowedStream, windowed
from rivusio_streams.windows import Windows

__all__ = ["Stream"]

T = TypeVar("T", covariant=True)
S = TypeVar("S")
K = TypeVar("K")
N = TypeVar("N")
V = TypeVar("V")


class Stream(ItemSteps[T], Generic[T]):
    """Items of type `T` that go by. Made by `Stream.read`.

    Steps take `name=`: what they are called in errors, reports and graphs; by default their function or pipe says.
    """

    def __init__(self, node: Node, gives: object = Any) -> None:
        """Made by `read` and by the methods of other streams; `gives` is the type of the items as known at run time."""
        self.node = node
        self._gives = gives

    @staticmethod
    def read(source: BaseSource[S] | AsyncIterable[S] | Iterable[S], *, name: str = "") -> Stream[S]:
        """The items of a source.

        Args:
            source: a source; or any iterable (a list is read as it is, anything else in a thread of its own, so that
                what it yielded goes on while its next item blocks) or async iterable.
            name: of the step.

        Raises:
            DefinitionError: it cannot be read.
        """
        made = source_of(source)
        return Stream[S](ReadNode(name or made.step_name, (), made), made.item_type)

    # ---------------------------------------------------------------------------------------------------------- time

    def event_time(
        self,
        of: Callable[[T], datetime | int] | None = None,
        *,
        out_of_order: Duration = 0,
        idle_after: Duration | None = None,
        max_future: Duration | None = None,
        watermarks: WatermarkStrategy[T, Any] | None = None,
        name: str = "event_time",
    ) -> Stream[T]:
        """Say when each item happened.

        The watermark follows the latest time at a distance of `out_of_order`, for each partition of the source; the
        smallest one counts.

        Args:
            of: the time of an item: an aware datetime, or an int of microseconds since the epoch (a naive datetime is
                an error). Left out: the source knows.
            out_of_order: how much later than a later one an item may come without being late.
            idle_after: a partition that gave nothing for so long holds the watermark back no longer.
            max_future: a time further ahead of the clock than this is counted and does not move the watermark.
            watermarks: says how far event time has come, in place of `out_of_order`; see `Punctuated`.
            name: of the step.

        Raises:
            ConfigError: a duration is wrong, or `out_of_order` is negative.
        """
        spec = EventTime.checked(of, out_of_order, idle_after, max_future, watermarks)
        return Stream[T](EventTimeNode(name, (self.node,), spec), self._gives)

    def processing_time(self, *, name: str = "processing_time") -> Stream[T]:
        """Let the clock say when items happened: when they come by here. Windows behind it close by the clock.

        What comes out depends on how fast things go; two runs over the same input differ. Straight behind `read` it is
        the time at which items were read, also called ingestion time: steps in between do not change it.
        """
        return Stream[T](EventTimeNode(name, (self.node,), EventTime(by_clock=True)), self._gives)

    def key_by(
        self, key: Callable[[T], K], *, limit: StateLimit | None = None, name: str = "key_by"
    ) -> KeyedStream[K, T]:
        """Say what items have in common, for the keyed step that follows.

        Args:
            key: of an item; it must be hashable.
            limit: how much that step may keep; see `StateLimit`.
            name: of the step.
        """
        return KeyedStream[K, T](KeyNode(name, (self.node,), key, limit))

    def window(
        self,
        windows: Windows,
        *,
        allowed_lateness: Duration = 0,
        trigger: Trigger[T, Any] | None = None,
        accumulate: bool = True,
        late_to: BaseSink[T] | list[T] | None = None,
    ) -> WindowedStream[None, T]:
        """Windows over all items together: as `KeyedStream.window`, with None as the key.

        Raises:
            ConfigError: `allowed_lateness` is no duration, or negative.
        """
        return windowed(self.node, False, windows, allowed_lateness, trigger, accumulate, late_to)

    # ------------------------------------------------------------------------------------------------ several streams

    def merge(self, *others: Stream[S], name: str = "merge") -> Stream[T | S]:
        """The items of this stream and others, as they come; each stream keeps its own order."""
        return Stream[T | S](MergeNode(name, (self.node, *(each.node for each in others))))

    @overload
    def split(self, predicate: Callable[[T], TypeIs[N]], *, name: str = "split") -> tuple[Stream[N], Stream[T]]: ...
    @overload
    def split(self, predicate: Callable[[T], bool], *, name: str = "split") -> tuple[Stream[T], Stream[T]]: ...
    def split(self, predicate: Callable[[Any], bool], *, name: str = "split") -> tuple[Stream[Any], Stream[Any]]:
        """Two streams: the items for which the predicate holds, and the others.

        In a flow that uses only one of them, the items of the other are filtered out.
        """
        both = SplitNode(name, (self.node,), (predicate,))
        yes, no = SideNode(name, (both,), 0, "yes"), SideNode(name, (both,), 1, "no")
        return Stream[Any](yes, Any), Stream[Any](no, self._gives)

    @overload
    def route(self, first: Callable[[T], bool], /, *, name: str = "route") -> tuple[Stream[T], Stream[T]]: ...
    @overload
    def route(
        self, first: Callable[[T], bool], second: Callable[[T], bool], /, *, name: str = "route"
    ) -> tuple[Stream[T], Stream[T], Stream[T]]: ...
    @overload
    def route(
        self,
        first: Callable[[T], bool],
        second: Callable[[T], bool],
        third: Callable[[T], bool],
        /,
        *,
        name: str = "route",
    ) -> tuple[Stream[T], Stream[T], Stream[T], Stream[T]]: ...
    @overload
    def route(self, *predicates: Callable[[T], bool], name: str = "route") -> tuple[Stream[T], ...]: ...
    def route(self, *predicates: Callable[[Any], bool], name: str = "route") -> tuple[Stream[Any], ...]:
        """One stream for each predicate, and one for what is left: an item goes to the first that holds.

        In a flow that does not use all of them, the items of the others are filtered out.

        Raises:
            DefinitionError: there is no predicate.
        """
        if not predicates:
            raise DefinitionError("route: give it at least one predicate")
        ways = SplitNode(name, (self.node,), predicates)
        labels = [*(name_of(each, f"way {index}") for index, each in enumerate(predicates, 1)), "otherwise"]
        return tuple(
            Stream[Any](SideNode(name, (ways,), index, label), self._gives) for index, label in enumerate(labels)
        )

    def tee(self, sink: BaseSink[T] | list[T], *, name: str = "", on_error: OnError = "fail") -> Stream[T]:
        """Write the items to a sink and go on with them, those that it refuses included.

        Args:
            sink: as of `write`.
            name: of the step.
            on_error: as of `write`.

        Raises:
            DefinitionError: it is no sink.
            ConfigError: there is no such `on_error`.
        """
        made = sink_of(sink)
        return Stream[T](TeeNode(name or made.step_name, (self.node,), made, _treatment(on_error, "tee")), self._gives)

    def write(self, sink: BaseSink[T] | list[T], *, name: str = "", on_error: OnError = "fail") -> Flow:
        """Write the items to a sink: the flow that can be run.

        Args:
            sink: a sink; or a list, for tests and notebooks.
            name: of the step.
            on_error: what becomes of an item that the sink refuses: `"fail"` ends the run; `"skip"` and `"dead_letter"`
                need a sink that is `divisible`, as those of this package are.

        Raises:
            DefinitionError: it is no sink.
            ConfigError: there is no such `on_error`.
        """
        made = sink_of(sink)
        return Flow((WriteNode(name or made.step_name, (self.node,), made, _treatment(on_error, "write")),))

    def _then(self, name: str, pipe: BasePipe[Any, Any]) -> Stream[Any]:
        """This stream, then a pipe.

        Raises:
            CompositionError: it is no pipe, or does not take what this stream gives.
        """
        steps_of(pipe)  # refuses what is no pipe, and functions whose settings are incomplete
        before = self.node.name or (self.node.pipe.step_name if isinstance(self.node, PipeNode) else "stream")
        ports = connect(before, Ports(Any, self._gives), pipe.step_name, ports_of(pipe))
        return Stream[Any](PipeNode(name, (self.node,), pipe), ports.gives)

    @property
    def gives(self) -> object:
        """The type of its items, as far as it is known when the flow is made."""
        return self._gives

    def _same(self, node: Node) -> Stream[T]:
        return Stream[T](node, self._gives)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and self.node == other.node

    def __hash__(self) -> int:
        return hash(self.node)

    def __repr__(self) -> str:
        return f"Stream({self.node.name or 'pipe'!r})"


def _treatment(on_error: OnError, owner: str) -> OnError:
    if on_error not in get_args(OnError):
        raise ConfigError(owner, faults=[Fault("must be 'fail', 'skip' or 'dead_letter'", "on_error")])
    return on_error
