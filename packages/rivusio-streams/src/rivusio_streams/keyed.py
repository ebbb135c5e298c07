"""Streams with keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from rivusio_core.duration import Duration
from rivusio_streams.connectors.listing import sink_of
from rivusio_streams.graph import Node, ProcessNode
from rivusio_streams.keyed_joins import KeyedJoins
from rivusio_streams.keyed_process import Distinct, KeyedProcess, Late, Running, expiring, user_process
from rivusio_streams.process import Context, Processor, TimeKind
from rivusio_streams.sink import BaseSink
from rivusio_streams.trigger import Trigger
from rivusio_streams.windowed import WindowedStream, windowed
from rivusio_streams.windows import Windows

if TYPE_CHECKING:  # it imports this module
    from rivusio_streams.stream import Stream

__all__ = ["KeyedStream"]

K = TypeVar("K", covariant=True)
T = TypeVar("T", covariant=True)
S = TypeVar("S")
R = TypeVar("R")


class KeyedStream(KeyedJoins[K, T], Generic[K, T]):
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

    @overload
    def process(
        self,
        processor: Processor[K, T, S, R],
        *,
        ttl: Duration | None = ...,
        ttl_by: TimeKind = ...,
        late: Late = ...,
        late_to: BaseSink[T] | list[T] | None = ...,
        name: str = ...,
    ) -> Stream[R]: ...
    @overload
    def process(
        self,
        processor: Callable[[T, Context[K, S]], Iterable[R] | None],
        *,
        state: Callable[[], S],
        ttl: Duration | None = ...,
        ttl_by: TimeKind = ...,
        late: Late = ...,
        late_to: BaseSink[T] | list[T] | None = ...,
        name: str = ...,
    ) -> Stream[R]: ...
    def process(
        self,
        processor: Processor[Any, Any, Any, Any] | Callable[[Any, Context[Any, Any]], Iterable[Any] | None],
        *,
        state: Callable[[], Any] | None = None,
        ttl: Duration | None = None,
        ttl_by: TimeKind = "event_time",
        late: Late = "process",
        late_to: BaseSink[Any] | list[Any] | None = None,
        name: str = "process",
    ) -> Stream[Any]:
        """Hand the items of each key to code that keeps state and sets timers.

        Args:
            processor: see `Processor`; or a plain function of an item and the `Context`, which gives results or None
                and sets no timers.
            state: with a function: makes the state of a key that has none, such as `int` or a model class.
            ttl: a state that nobody read or assigned for so long is forgotten (the timers of the key are not).
            ttl_by: by event time it is forgotten once the watermark is `ttl` past the item or timer that touched it
                last; by the clock, `ttl` after that.
            late: what becomes of items whose time the watermark has passed: they are processed like all others
                (`context.time < context.watermark` tells), or refused and counted.
            late_to: takes the refused ones; needs `late="refuse"`.
            name: of the step.

        Raises:
            ConfigError: an argument is wrong.
            DefinitionError: it is no processor; or one of its methods is async.

        Example:
            >>> from rivusio_streams import Stream
            >>> def every_third(word: str, context: Context[str, int]) -> list[str]:
            ...     context.state += 1
            ...     return [word] if context.state % 3 == 0 else []
            >>> out: list[str] = []
            >>> words = Stream.read("a b a a b a".split()).key_by(lambda word: word)
            >>> report = words.process(every_third, state=int).write(out).run()
            >>> out
            ['a']
        """
        made = user_process(processor, state, expiring("process", ttl, ttl_by, ("ttl", "ttl_by")), late, late_to)
        return self._process(name, made, late_to)

    def scan(
        self,
        initial: S,
        add: Callable[[S, T], S],
        *,
        ttl: Duration | None = None,
        ttl_by: TimeKind = "event_time",
        name: str = "scan",
    ) -> Stream[tuple[K, S]]:
        """A value for each key that every item changes: given with the key after each item, in order of arrival.

        Args:
            initial: the value before the first item of a key; copied for each, where it could be changed in place.
            add: the next value, of the one before and an item. It should make a new one: one that is changed in place
                changes in the results given before, too.
            ttl: the value of a key that gets no items for so long is forgotten; see `process`.
            ttl_by: whether event time or the clock counts.
            name: of the step.

        Raises:
            ConfigError: an argument is wrong.

        Example:
            >>> from rivusio_streams import Stream
            >>> out: list[tuple[bool, int]] = []
            >>> numbers = Stream.read([1, 2, 3, 4]).key_by(lambda n: n % 2 == 0)
            >>> report = numbers.scan(0, lambda total, n: total + n).write(out).run()
            >>> out
            [(False, 1), (True, 2), (False, 4), (True, 6)]
        """
        return self._process(name, Running(add, initial, True, expiring("scan", ttl, ttl_by, ("ttl", "ttl_by"))))

    def reduce(
        self: KeyedStream[K, S],
        add: Callable[[S, S], S],
        *,
        ttl: Duration | None = None,
        ttl_by: TimeKind = "event_time",
        name: str = "reduce",
    ) -> Stream[tuple[K, S]]:
        """As `scan`, where the first item of a key is its first value.

        Args:
            add: the next value, of the one before and an item; see `scan`.
            ttl: the value of a key that gets no items for so long is forgotten; see `process`.
            ttl_by: whether event time or the clock counts.
            name: of the step.

        Raises:
            ConfigError: an argument is wrong.

        Example:
            >>> from rivusio_streams import Stream
            >>> out: list[tuple[bool, int]] = []
            >>> report = Stream.read([3, 2, 5, 1]).key_by(lambda n: n % 2 == 0).reduce(max).write(out).run()
            >>> out
            [(False, 3), (True, 2), (False, 5), (False, 5)]
        """
        return self._process(name, Running(add, None, False, expiring("reduce", ttl, ttl_by, ("ttl", "ttl_by"))))

    def distinct(
        self, within: Duration | None = None, *, by: TimeKind = "event_time", name: str = "distinct"
    ) -> Stream[T]:
        """The first item of each key; the others are filtered out.

        Args:
            within: a key is forgotten so long after its last item that passed: once the watermark is `within` past the
                time of that item, or by the clock. None: keys are remembered for ever.
            by: whether event time or the clock counts.
            name: of the step.

        Raises:
            ConfigError: an argument is wrong.

        Example:
            >>> from rivusio_streams import Stream
            >>> out: list[str] = []
            >>> report = Stream.read(["Ann", "Bob", "ANN"]).key_by(str.lower).distinct().write(out).run()
            >>> out, report.steps["distinct"].filtered
            (['Ann', 'Bob'], 1)
        """
        return self._process(name, Distinct(None, expiring("distinct", within, by, ("within", "by"))))

    def _process(
        self, name: str, process: KeyedProcess, late_to: BaseSink[Any] | list[Any] | None = None
    ) -> Stream[Any]:
        from rivusio_streams.stream import Stream  # it imports this module

        sink = None if late_to is None else sink_of(late_to)
        return Stream[Any](ProcessNode(name, (self.node,), True, sink, process))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeyedStream) and self.node == other.node

    def __hash__(self) -> int:
        return hash(self.node)

    def __repr__(self) -> str:
        return f"KeyedStream({self.node.name!r})"
