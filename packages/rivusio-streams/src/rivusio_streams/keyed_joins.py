"""How keyed streams are joined: the methods of `KeyedStream` that take another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from rivusio_core.duration import Duration
from rivusio_core.errors import ConfigError, Fault
from rivusio_streams.graph import JoinNode, Node
from rivusio_streams.join import Joined
from rivusio_streams.joining import AsofJoin, By, How, IntervalJoin, Join, TableJoin, WindowJoin
from rivusio_streams.table import Table, table_of
from rivusio_streams.windows import Windows

if TYPE_CHECKING:  # they import this module
    from rivusio_streams.keyed import KeyedStream
    from rivusio_streams.stream import Stream

__all__ = ["KeyedJoins"]

K = TypeVar("K", covariant=True)
T = TypeVar("T", covariant=True)
J = TypeVar("J")
R = TypeVar("R")
V = TypeVar("V")


class KeyedJoins(Generic[K, T]):
    """Base of `KeyedStream`. Both streams of a join have keys of one type; an item has partners of its own key only."""

    node: Node

    # ------------------------------------------------------------------------------------------------------- windows

    @overload
    def join(
        self, other: KeyedStream[K, R], *, window: Windows, how: Literal["inner"] = "inner", name: str = ...
    ) -> Stream[Joined[K, T, R]]: ...
    @overload
    def join(
        self, other: KeyedStream[K, R], *, window: Windows, how: Literal["left"], name: str = ...
    ) -> Stream[Joined[K, T, R | None]]: ...
    @overload
    def join(
        self, other: KeyedStream[K, R], *, window: Windows, how: Literal["right"], name: str = ...
    ) -> Stream[Joined[K, T | None, R]]: ...
    @overload
    def join(
        self, other: KeyedStream[K, R], *, window: Windows, how: Literal["outer"], name: str = ...
    ) -> Stream[Joined[K, T | None, R | None]]: ...
    def join(
        self, other: KeyedStream[Any, Any], *, window: Windows, how: How = "inner", name: str = "join"
    ) -> Stream[Any]:
        """Put items together that happened in the same window: every left one with every right one of its key.

        The pairs of a window are given when it closes, with its interval as `window` and its last microsecond,
        `end - 1 us`, as their event time. They come in the order of (event time, arrival) of the left item, then of
        the right one; behind them right items without partner. How the two streams interleave makes no difference.

        An item that comes when its windows have closed is late: refused and counted.

        Args:
            other: the right stream.
            window: tumbling, hopping, calendar or session windows; a session is one of both streams together.
            how: whose items are given without a partner, too, with None in its place: `"left"`, `"right"`, `"outer"`
                (those of both), or `"inner"` (none).
            name: of the step.

        Raises:
            ConfigError: `other` has no keys; two streams cannot meet in these windows; `how` is something else.

        Example:
            >>> from rivusio_streams import Stream, Tumbling
            >>> views = Stream.read([("a", 1), ("b", 4), ("a", 11)]).event_time(lambda v: v[1] * 1_000_000)
            >>> clicks = Stream.read([("a", 3), ("a", 5)]).event_time(lambda c: c[1] * 1_000_000)
            >>> both = views.key_by(lambda v: v[0]).join(
            ...     clicks.key_by(lambda c: c[0]), window=Tumbling("10s"), how="left"
            ... )
            >>> out: list[tuple[int, int | None]] = []
            >>> _ = both.map(lambda each: (each.left[1], each.right and each.right[1])).write(out).run()
            >>> out
            [(1, 3), (1, 5), (4, None), (11, None)]
        """
        return self._joined("join", other, WindowJoin(window, how), name)

    # ----------------------------------------------------------------------------------------------------- intervals

    @overload
    def interval_join(
        self,
        other: KeyedStream[K, R],
        *,
        lower: Duration,
        upper: Duration,
        how: Literal["inner"] = "inner",
        name: str = ...,
    ) -> Stream[Joined[K, T, R]]: ...
    @overload
    def interval_join(
        self, other: KeyedStream[K, R], *, lower: Duration, upper: Duration, how: Literal["left"], name: str = ...
    ) -> Stream[Joined[K, T, R | None]]: ...
    @overload
    def interval_join(
        self, other: KeyedStream[K, R], *, lower: Duration, upper: Duration, how: Literal["right"], name: str = ...
    ) -> Stream[Joined[K, T | None, R]]: ...
    @overload
    def interval_join(
        self, other: KeyedStream[K, R], *, lower: Duration, upper: Duration, how: Literal["outer"], name: str = ...
    ) -> Stream[Joined[K, T | None, R | None]]: ...
    def interval_join(
        self,
        other: KeyedStream[Any, Any],
        *,
        lower: Duration,
        upper: Duration,
        how: How = "inner",
        name: str = "interval_join",
    ) -> Stream[Any]:
        """Put items together that are close in time: `lower <= right.time - left.time <= upper`.

        A pair is given as soon as both items are there; its event time is the later one of theirs. An item without
        partner is given once, with its own time, when event time has come so far that no partner can follow. Steps
        behind see event time held back accordingly, so that none of these is late there: by `upper` where left items
        are given alone, by `-lower` where right ones are.

        An item with a time before the watermark is late: refused and counted.

        Args:
            other: the right stream.
            lower: how long after a left item the first right item may be that belongs to it; negative: before it.
            upper: the same of the last one.
            how: as for `join`.
            name: of the step.

        Raises:
            ConfigError: `other` has no keys; a bound is no duration; `lower` is above `upper`; `how` is something else.

        Example:
            >>> from rivusio_streams import Stream
            >>> orders = Stream.read([("a", 10), ("b", 20)]).event_time(lambda o: o[1] * 1_000_000)
            >>> payments = Stream.read([("a", 12), ("b", 27)]).event_time(lambda p: p[1] * 1_000_000)
            >>> paid = orders.key_by(lambda o: o[0]).interval_join(
            ...     payments.key_by(lambda p: p[0]), lower=0, upper="5s", how="left"
            ... )
            >>> out: list[tuple[str, int | None]] = []
            >>> _ = paid.map(lambda each: (each.key, each.right and each.right[1])).write(out).run()
            >>> out
            [('a', 12), ('b', None)]
        """
        return self._joined("interval_join", other, IntervalJoin(lower, upper, how), name)

    # --------------------------------------------------------------------------------------------------------- as of

    @overload
    def asof_join(
        self,
        other: KeyedStream[K, R],
        *,
        tolerance: Duration | None = None,
        how: Literal["inner"] = "inner",
        name: str = ...,
    ) -> Stream[Joined[K, T, R]]: ...
    @overload
    def asof_join(
        self, other: KeyedStream[K, R], *, tolerance: Duration | None = None, how: Literal["left"], name: str = ...
    ) -> Stream[Joined[K, T, R | None]]: ...
    def asof_join(
        self,
        other: KeyedStream[Any, Any],
        *,
        tolerance: Duration | None = None,
        how: Literal["inner", "left"] = "inner",
        name: str = "asof_join",
    ) -> Stream[Any]:
        """Put each left item together with the latest right one that is not after it.

        Of right items with the same time the one that came last counts. Results are given when event time has passed
        the left item, with its time, in the order of (event time, arrival) of the left items.

        An item with a time before the watermark is late: refused and counted. The latest right item of each key is
        kept for as long as a left one may ask for it: for ever, unless there is a `tolerance`.

        Args:
            other: the right stream.
            tolerance: how old the right item may be; None: however old.
            how: `"left"`: left items for which there is none are given, too, with None as `right`. `"inner"`: they
                are filtered out.
            name: of the step.

        Raises:
            ConfigError: `other` has no keys; `tolerance` is no duration, or negative; `how` is something else.

        Example:
            >>> from rivusio_streams import Stream
            >>> trades = Stream.read([("x", 10), ("x", 70)]).event_time(lambda t: t[1] * 1_000_000)
            >>> quotes = Stream.read([("x", 4), ("x", 9), ("x", 11)]).event_time(lambda q: q[1] * 1_000_000)
            >>> priced = trades.key_by(lambda t: t[0]).asof_join(
            ...     quotes.key_by(lambda q: q[0]), tolerance="30s", how="left"
            ... )
            >>> out: list[tuple[int, int | None]] = []
            >>> _ = priced.map(lambda each: (each.left[1], each.right and each.right[1])).write(out).run()
            >>> out
            [(10, 9), (70, None)]
        """
        return self._joined("asof_join", other, AsofJoin(tolerance, how), name)

    # -------------------------------------------------------------------------------------------------------- tables

    @overload
    def table(self: KeyedJoins[J, V | None], *, ttl: Duration | None = None, name: str = ...) -> Table[J, V]: ...
    @overload
    def table(self, *, of: Callable[[T], V | None], ttl: Duration | None = None, name: str = ...) -> Table[K, V]: ...
    def table(
        self, *, of: Callable[[Any], Any] | None = None, ttl: Duration | None = None, name: str = "table"
    ) -> Table[Any, Any]:
        """The latest value of each key, for `table_join`. A value of None deletes the key.

        Args:
            of: the value of an item; by default the item itself.
            ttl: how long a row lasts after it was set, by event time or by the clock, as `table_join(by=)` says. None:
                until another one of its key replaces it.
            name: in drawings.

        Raises:
            ConfigError: `ttl` is no duration, or not longer than 0; `of` cannot be called.
        """
        return table_of(self.node, name, ttl, of)

    @overload
    def table_join(
        self, table: Table[K, V], *, how: Literal["inner"] = "inner", by: By = ..., name: str = ...
    ) -> Stream[Joined[K, T, V]]: ...
    @overload
    def table_join(
        self, table: Table[K, V], *, how: Literal["left"], by: By = ..., name: str = ...
    ) -> Stream[Joined[K, T, V | None]]: ...
    def table_join(
        self,
        table: Table[Any, Any],
        *,
        how: Literal["inner", "left"] = "inner",
        by: By = "event_time",
        name: str = "table_join",
    ) -> Stream[Any]:
        """Put each item together with what a table says of its key.

        Args:
            table: made by `KeyedStream.table`.
            how: `"left"`: items of whose key the table says nothing are given, too, with None as `right`. `"inner"`:
                they are filtered out.
            by: `"event_time"`: an item sees the table as it was at its own time; it waits until event time has passed
                it, and comes out in the order of `asof_join`. `"arrival"`: it is given at once, with what has come of
                the table by then. No event times are needed, nothing waits and nothing is late; but what comes out
                depends on how the streams interleave.
            name: of the step.

        Raises:
            ConfigError: `table` is none; `how` or `by` is something else.

        Example:
            >>> from rivusio_streams import Stream
            >>> orders = Stream.read([("ann", 10), ("ann", 30)]).event_time(lambda o: o[1] * 1_000_000)
            >>> moves = Stream.read([("ann", 5, "Rome"), ("ann", 20, "Oslo")]).event_time(lambda m: m[1] * 1_000_000)
            >>> homes = moves.key_by(lambda m: m[0]).table(of=lambda m: m[2])
            >>> out: list[str] = []
            >>> _ = orders.key_by(lambda o: o[0]).table_join(homes).map(lambda each: each.right).write(out).run()
            >>> out
            ['Rome', 'Oslo']
        """
        if not isinstance(table, Table):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
            message = f"takes a table, made by .key_by(...).table(), not {type(table).__name__}"
            raise ConfigError("table_join", faults=[Fault(message, "table")])
        return self._step(name, table.node, TableJoin(table.name, table.of, table.ttl, how, by))

    def _joined(self, method: str, other: object, join: Join, name: str) -> Stream[Any]:
        """A join with another keyed stream.

        Raises:
            ConfigError: it is none.
        """
        if not isinstance(other, KeyedJoins):
            message = f"takes a stream with keys, made by .key_by(...), not {type(other).__name__}"
            raise ConfigError(method, faults=[Fault(message, "other")])
        return self._step(name, other.node, join)

    def _step(self, name: str, right: Node, join: Join) -> Stream[Any]:
        from rivusio_streams.stream import Stream  # it imports this module

        return Stream[Any](JoinNode(name, (self.node, right), True, None, join))
