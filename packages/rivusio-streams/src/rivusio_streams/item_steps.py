"""What a stream does with its items one by one: the first part of its methods."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Hashable, Iterable
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeGuard, TypeVar, Unpack, overload

from typing_extensions import TypeIs

from rivusio_core.duration import Duration
from rivusio_core.pipe import BasePipe
from rivusio_core.policy.options import OptionSettings
from rivusio_core.shapes import KeepShape, NarrowShape, Shape, batch, keep, not_none
from rivusio_streams.apply import applying, flat_applying, name_of, throttled
from rivusio_streams.graph import Node, PipeNode, ProcessNode
from rivusio_streams.join import Joined
from rivusio_streams.keyed_process import Distinct, expiring
from rivusio_streams.lookups import Batched, LookupSettings
from rivusio_streams.lookups.looking_up import looking_up
from rivusio_streams.process import TimeKind

if TYPE_CHECKING:  # it derives from what is here
    from rivusio_streams.stream import Stream

__all__ = ["ItemSteps"]

T = TypeVar("T", covariant=True)
S = TypeVar("S")
K = TypeVar("K")
N = TypeVar("N")
V = TypeVar("V")


class ItemSteps(ABC, Generic[T]):
    """Base of `Stream`: steps that take one item after the other."""

    node: Node

    @overload
    def through(self, pipe: KeepShape[T], *, name: str = "") -> Stream[T]: ...
    @overload
    def through(self, pipe: NarrowShape[T, N], *, name: str = "") -> Stream[N]: ...
    @overload
    def through(self, pipe: BasePipe[T, S], *, name: str = "") -> Stream[S]: ...
    def through(self, pipe: BasePipe[Any, Any] | Shape, *, name: str = "") -> Stream[Any]:
        """Put the items through a pipe or pipeline.

        Args:
            pipe: any pipe of `rivusio_core`.
            name: of a single pipe's step; those of a pipeline are named by its pipes.

        Raises:
            CompositionError: it is no pipe, or does not take what this stream gives.
            ConfigError: a function's setting without default was not bound.
        """
        return self._then(name, pipe.step if isinstance(pipe, Shape) else pipe)

    @overload
    def map(self, function: Callable[[T], Coroutine[Any, Any, S]], **options: Unpack[OptionSettings]) -> Stream[S]: ...
    @overload
    def map(self, function: Callable[[T], S], **options: Unpack[OptionSettings]) -> Stream[S]: ...
    def map(self, function: Callable[[Any], Any], **options: Unpack[OptionSettings]) -> Stream[Any]:
        """Give a function's result for each item.

        Args:
            function: of one item; a coroutine function is awaited.
            options: as of pipes: `concurrency`, `retry`, `on_error`, ...

        Raises:
            DefinitionError: it is no function of one item.
            ConfigError: an option is unknown or wrong.
        """
        return self._then("", _with(applying(function), options))

    @overload
    def flat_map(self, function: Callable[[T], AsyncIterator[S]], **options: Unpack[OptionSettings]) -> Stream[S]: ...
    @overload
    def flat_map(self, function: Callable[[T], Iterable[S]], **options: Unpack[OptionSettings]) -> Stream[S]: ...
    def flat_map(self, function: Callable[[Any], Any], **options: Unpack[OptionSettings]) -> Stream[Any]:
        """Give any number of results for each item.

        Args:
            function: of one item; gives an iterable, or is an async generator function.
            options: as of pipes.

        Raises:
            DefinitionError: it is no such function.
            ConfigError: an option is unknown or wrong.
        """
        return self._then("", _with(flat_applying(function), options))

    @overload
    def filter(self, predicate: Callable[[T], TypeIs[N]], *, name: str = "") -> Stream[N]: ...
    @overload
    def filter(self, predicate: Callable[[T], TypeGuard[N]], *, name: str = "") -> Stream[N]: ...
    @overload
    def filter(self, predicate: Callable[[T], Awaitable[bool]], *, name: str = "") -> Stream[T]: ...
    @overload
    def filter(self, predicate: Callable[[T], bool], *, name: str = "") -> Stream[T]: ...
    def filter(self, predicate: Callable[[Any], Any], *, name: str = "") -> Stream[Any]:
        """Let only those items through for which the predicate holds; `TypeIs` and `TypeGuard` narrow the type.

        Raises:
            DefinitionError: the predicate cannot be called.
        """
        shape: Shape = keep(predicate)
        return self._then(name or name_of(predicate, "filter"), shape.step)

    def not_none(self: ItemSteps[S | None]) -> Stream[S]:
        """Leave out the items that are None."""
        return self._then("not_none", not_none().step)

    def batch(self, n: int, within: Duration | None = None, *, name: str = "batch") -> Stream[list[T]]:
        """Collect items into lists of `n`; at the end of the input, and at a stop, the last one may be shorter.

        Args:
            n: how many items make a batch.
            within: a batch is given this long after its first item came, even when it is not full.
            name: of the step.

        Raises:
            ConfigError: `n` is below 1, or `within` is not longer than 0.
        """
        return self._then(name, batch(n, within).step)

    def distinct(
        self,
        of: Callable[[T], Hashable] | None = None,
        *,
        within: Duration | None = None,
        by: TimeKind = "event_time",
        name: str = "distinct",
    ) -> Stream[T]:
        """The first of equal items; the others are filtered out.

        Args:
            of: what makes items the same; None: the item itself, which must be hashable then.
            within: an item is remembered for so long after it passed: until the watermark is `within` past its time, or
                by the clock. None: for ever.
            by: whether event time or the clock counts.
            name: of the step.

        Raises:
            ConfigError: an argument is wrong.

        Example:
            >>> from rivusio_streams import Stream
            >>> out: list[int] = []
            >>> report = Stream.read([3, 1, 3, -1]).distinct(abs).write(out).run()
            >>> out
            [3, 1]
        """
        spec = Distinct(of, expiring("distinct", within, by, ("within", "by")))
        return self._same(ProcessNode(name, (self.node,), False, None, spec))

    def throttle(self, n: int, per: Duration = "1s", *, name: str = "throttle") -> Stream[T]:
        """Let at most `n` items through in each `per`; the others wait, and what comes before waits with them.

        Items are spaced evenly; at fast rates those of 10 ms may go at once, see `RateLimit`.

        Args:
            n: how many items.
            per: in which time, on the clock.
            name: of the step.

        Raises:
            ConfigError: `n` is below 1, or `per` is not longer than 0.
        """
        return self._same(PipeNode(name, (self.node,), throttled(n, per)))

    @overload
    def lookup(
        self,
        fetch: Callable[[K], Awaitable[V | None]] | Batched[K, V],
        *,
        key: Callable[[T], K],
        how: Literal["inner"] = "inner",
        **settings: Unpack[LookupSettings],
    ) -> Stream[Joined[K, T, V]]: ...
    @overload
    def lookup(
        self,
        fetch: Callable[[K], Awaitable[V | None]] | Batched[K, V],
        *,
        key: Callable[[T], K],
        how: Literal["left"],
        **settings: Unpack[LookupSettings],
    ) -> Stream[Joined[K, T, V | None]]: ...
    @overload
    def lookup(
        self,
        fetch: Callable[[K], V | None],
        *,
        key: Callable[[T], K],
        how: Literal["inner"] = "inner",
        **settings: Unpack[LookupSettings],
    ) -> Stream[Joined[K, T, V]]: ...
    @overload
    def lookup(
        self,
        fetch: Callable[[K], V | None],
        *,
        key: Callable[[T], K],
        how: Literal["left"],
        **settings: Unpack[LookupSettings],
    ) -> Stream[Joined[K, T, V | None]]: ...
    def lookup(
        self,
        fetch: Callable[[Any], Any] | Batched[Any, Any],
        *,
        key: Callable[[Any], Any],
        how: Literal["inner", "left"] = "inner",
        **settings: Unpack[LookupSettings],
    ) -> Stream[Any]:
        """Join each item with what something outside knows of its key: a table, a service.

        Answers are kept for a time, those that nothing is known, too. At any time there is one request at most for a
        key: items with a key that is being asked about wait for that request, and if it fails, it fails for all of
        them and is forgotten. Results are in the order of the items.

        Args:
            fetch: what is known of a key, None if nothing: a coroutine function; or a plain one, which must not block;
                or `Batched`, to ask about several keys at once.
            key: of an item; must be hashable.
            how: `"inner"`: items of whose key nothing is known are filtered; `"left"`: None is on their right.
            settings: `ttl` and `negative_ttl` (how long answers are kept), `size` (how many), `concurrency` (items in
                work), and `retry`, `timeout`, `on_error` and `name` as of pipes: see `LookupSettings`.

        Raises:
            DefinitionError: `fetch` or `key` is no function.
            CompositionError: `key` does not take what this stream gives.
            ConfigError: a setting is unknown or wrong.

        Example:
            >>> from rivusio_streams import Stream
            >>> names = {1: "Ada", 2: "Grace"}
            >>> out: list[Joined[int, int, str]] = []
            >>> _ = Stream.read([10, 20, 31]).lookup(names.get, key=lambda n: n // 10).write(out).run()
            >>> out[0].right, out[1].left, out[1].right, len(out)
            ('Ada', 20, 'Grace', 2)
        """
        pipe = looking_up(fetch, key, how, settings)
        joined = self._then("", pipe)
        return joined if how == "left" else joined.through(not_none().step, name=f"{pipe.step_name}.{how}")

    @abstractmethod
    def _then(self, name: str, pipe: BasePipe[Any, Any]) -> Stream[Any]:
        """This stream, then a pipe.

        Raises:
            CompositionError: it is no pipe, or does not take what this stream gives.
        """

    @abstractmethod
    def _same(self, node: Node) -> Stream[T]:
        """The stream of the same items behind a node."""


def _with(pipe: BasePipe[Any, Any], options: OptionSettings) -> BasePipe[Any, Any]:
    return pipe.with_options(**options) if options else pipe
