"""Streams of batches of columns, as streams of their rows: what is done in windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rivusio_core.duration import Duration, microseconds
from rivusio_core.errors import ConfigError, Fault
from rivusio_core.ports import Ports, connect
from rivusio_streams.columns.aggregate import ColumnAggregate
from rivusio_streams.columns.batch import Columns
from rivusio_streams.columns.expression import Expression
from rivusio_streams.connectors.listing import sink_of
from rivusio_streams.event_time import EventTime
from rivusio_streams.graph import ColumnTimeNode, ColumnWindowNode, Node
from rivusio_streams.sink import BaseSink
from rivusio_streams.stream import Stream
from rivusio_streams.windows import Hopping, Tumbling

if TYPE_CHECKING:
    import polars

    from rivusio_streams.columns.layout import Layout

__all__ = ["ColumnStream", "TimedColumnStream", "WindowedColumnStream"]

M = TypeVar("M")
R = TypeVar("R")


class ColumnStream(Generic[M]):
    """Batches of columns whose rows are to have times; made by `Layout.stream`.

    Example:
        >>> from typing import NamedTuple
        >>> from rivusio_streams import Stream, Tumbling
        >>> from rivusio_streams.columns import col, columns
        >>> class Order(NamedTuple):
        ...     user: str
        ...     amount: int
        ...     at: int
        >>> class Total(NamedTuple):
        ...     user: str
        ...     orders: int
        ...     amount: int
        >>> orders, totals, out = columns(Order), columns(Total), list[Columns[Total]]()
        >>> batch = orders.of([Order("ann", 5, 0), Order("bob", 7, 1), Order("ann", 1, 2)])
        >>> per_user = orders.stream(Stream.read([batch])).event_time("at").key_by("user").window(Tumbling("1m"))
        >>> sums = per_user.aggregate(totals, orders=col.count(), amount=col.total("amount"))
        >>> report = sums.write(out).run()
        >>> totals.rows(out[0])
        [Total(user='ann', orders=2, amount=6), Total(user='bob', orders=1, amount=7)]
    """

    def __init__(self, layout: Layout[M], batches: Stream[Columns[M]]) -> None:
        connect(batches.node.name or "stream", Ports(Any, batches.gives), repr(layout), Ports(layout.kind, layout.kind))
        self._layout, self._node = layout, batches.node

    def event_time(
        self,
        of: str | polars.Expr,
        *,
        out_of_order: Duration = 0,
        idle_after: Duration | None = None,
        max_future: Duration | None = None,
        name: str = "event_time",
    ) -> TimedColumnStream[M]:
        """Say when each row happened; see `Stream.event_time`.

        The watermark moves row by row, as if the rows were items. A batch in which a row has no time fails as a whole.

        Args:
            of: a column, or an expression: aware datetimes, or ints of microseconds since the epoch.
            out_of_order: how much later than a later one a row may come without being late.
            idle_after: a partition that gave nothing for so long holds the watermark back no longer.
            max_future: a time further ahead of the clock than this is counted and does not move the watermark.
            name: of the step.

        Raises:
            ConfigError: a duration is wrong, or `out_of_order` is negative.
            DefinitionError: there is no such column, or it holds no times.
        """
        time = Expression(of)
        self._layout.check_times(time)
        spec = EventTime.checked(None, out_of_order, idle_after, max_future)
        return TimedColumnStream[M](self._layout, ColumnTimeNode(name, (self._node,), spec, time), time)


@dataclass(frozen=True)
class TimedColumnStream(Generic[M]):
    """Batches of columns whose rows have times; made by `ColumnStream.event_time`."""

    layout: Layout[M]
    node: Node
    time: Expression
    keys: Mapping[str, Expression] = field(default_factory=dict[str, Expression])

    def key_by(self, *names: str, **expressions: polars.Expr) -> TimedColumnStream[M]:
        """Say what rows have in common: windows are then for each key.

        Args:
            names: of columns; fields of the results are called like them.
            expressions: by field of the results.
        """
        given: dict[str, str | polars.Expr] = {name: name for name in names}
        given |= expressions
        return replace(self, keys={**self.keys, **{field: Expression(each) for field, each in given.items()}})

    def window(
        self,
        windows: Tumbling | Hopping,
        *,
        allowed_lateness: Duration = 0,
        accumulate: bool = True,
        late_to: BaseSink[Columns[M]] | list[Columns[M]] | None = None,
    ) -> WindowedColumnStream[M]:
        """Windows of event time, as `KeyedStream.window` makes them of items: the same rows give the same results.

        Args:
            windows: `Tumbling` or `Hopping`; for others make items of the rows with `unpack`.
            allowed_lateness: how much further the watermark may be for a late row still to count: it then gives a late
                pane at once. Late rows cost far more than others.
            accumulate: a further pane holds all rows so far; False: only the one that no pane held yet.
            late_to: takes the rows that came too late even so, as batches; they are counted in any case.

        Raises:
            ConfigError: the windows are of another kind, or `allowed_lateness` is wrong.
        """
        if type(windows) not in (Tumbling, Hopping):
            message = f"over columns they are Tumbling or Hopping; for {windows!r} make rows of them with unpack()"
            raise ConfigError("window", faults=[Fault(message, "windows")])
        allowed = microseconds(allowed_lateness, "allowed_lateness")
        if allowed < 0:
            raise ConfigError("window", faults=[Fault("must not be negative", "allowed_lateness")])
        sink = None if late_to is None else sink_of(late_to)
        return WindowedColumnStream[M](self, windows, allowed, accumulate, sink)


@dataclass(frozen=True)
class WindowedColumnStream(Generic[M]):
    """Batches of columns in windows; made by `TimedColumnStream.window`."""

    rows: TimedColumnStream[M]
    windows: Tumbling | Hopping
    allowed_lateness: int
    accumulate: bool
    late_to: BaseSink[Columns[M]] | None

    def aggregate(self, totals: Layout[R], *, name: str = "aggregate", **fields: ColumnAggregate) -> Stream[Columns[R]]:
        """One row for each window and key, in the order of (window end, window start, first row of the key).

        Rows that are ready at the same time come as one batch. To windows over results say their times anew:
        `totals.stream(...).event_time("end")`.

        Args:
            totals: the layout of the results. Fields that are keys hold the key.
            name: of the step.
            fields: what every other field holds; see `col`.

        Raises:
            ConfigError: a field gets nothing or what is of another type, or there is none of a name.
            DefinitionError: an expression does not go with the columns.
        """
        from rivusio_streams.columns.formulas import checked  # imports polars

        rows = self.rows
        said = (*rows.keys, *fields)
        faults = [Fault(f"there is no such field in {totals!r}", each) for each in said if each not in totals.schema]
        faults += [Fault("it is a key, and an aggregate of rows, too", each) for each in fields if each in rows.keys]
        faults += [Fault("nothing says what it holds", each) for each in totals.schema if each not in said]
        if faults:
            raise ConfigError("aggregate", faults=faults)
        kept = checked(rows.layout, totals, rows.keys, fields)
        node = ColumnWindowNode(
            name,
            (rows.node,),
            False,
            self.late_to,
            self.windows,
            rows.time,
            rows.keys,
            fields,
            rows.layout,
            totals,
            kept,
            self.allowed_lateness,
            self.accumulate,
        )
        return Stream[Columns[R]](node, totals.kind)
