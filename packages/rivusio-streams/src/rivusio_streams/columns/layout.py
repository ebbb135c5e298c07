"""From rows to columns and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from rivusio_core import FlatPipe, SyncBasePipe, batch
from rivusio_core.duration import Duration
from rivusio_core.errors import BadRecord, DefinitionError
from rivusio_core.hints.text import type_text
from rivusio_core.pipeline import Pipeline
from rivusio_core.ports import Ports
from rivusio_streams.columns.batch import Columns
from rivusio_streams.columns.fields import Fields
from rivusio_streams.columns.library import check_library

if TYPE_CHECKING:
    import polars

    from rivusio_streams.columns.expression import Expression
    from rivusio_streams.columns.stream import ColumnStream
    from rivusio_streams.stream import Stream

__all__ = ["Layout", "columns", "widens"]

M = TypeVar("M")


class SupportsArrow(Protocol):
    """Anything that gives its rows by Arrow's PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """A stream of record batches."""
        ...


def columns(model: type[M]) -> Layout[M]:
    """How rows of a type lie in columns.

    Args:
        model: a pydantic model, a dataclass, a NamedTuple or a TypedDict, with fields of numbers, text, bytes, truth
            values, dates, times (aware ones, in UTC), durations, and lists of these; `| None` may be missing.

    Raises:
        DefinitionError: it is no such type, or a field has no column.
        ConfigError: polars is not installed.

    Example:
        >>> from typing import NamedTuple
        >>> from rivusio_streams import Stream
        >>> import polars as pl
        >>> class Order(NamedTuple):
        ...     book: str
        ...     amount: float
        >>> orders = columns(Order)
        >>> dear = orders.pack(rows=1000) >> orders.keep(pl.col("amount") > 10) >> orders.unpack()
        >>> list(dear.map([Order("Emma", 9.5), Order("Ulysses", 12.0)]))
        [Order(book='Ulysses', amount=12.0)]
    """
    check_library()
    return Layout(model, Fields.of(model))


class Layout(Generic[M]):
    """How rows of a type lie in columns. See `columns`.

    Attributes:
        model: the type of the rows.
        schema: by name: the polars type of each column.
    """

    def __init__(self, model: type[M], fields: Fields) -> None:
        self.model = model
        self.schema: Mapping[str, polars.DataType] = fields.types
        self._fields = fields

    @property
    def kind(self) -> object:
        """The type of its batches."""
        return GenericAlias(Columns, (self.model,))

    def of(self, rows: Iterable[M] | polars.DataFrame | SupportsArrow) -> Columns[M]:
        """Rows, or what has columns already, as one batch.

        Args:
            rows: rows; or a polars DataFrame, or anything of Arrow's: a table or record batch of pyarrow, a relation of
                DuckDB, ... Columns of other names are left out; the others must have the right types.

        Raises:
            BadRecord: naming the column or row that is wrong.
        """
        import polars

        if isinstance(rows, polars.DataFrame):
            return Columns(self._checked(rows))
        if hasattr(rows, "__arrow_c_stream__"):
            return Columns(self._checked(polars.DataFrame(rows)))
        return Columns(self._made([*rows]))

    def rows(self, batch: Columns[M]) -> list[M]:
        """The rows of a batch.

        Raises:
            ValidationError: of a pydantic model: a row breaks a rule of its own.
        """
        return self._fields.rows(batch.frame.select(self.schema.keys()).iter_rows())

    def pack(self, rows: int = 16_384, within: Duration | None = None) -> Pipeline[M, Columns[M]]:
        """A pipe that makes batches of rows.

        Args:
            rows: in a batch.
            within: how long the first row of a batch waits at most; None: until the batch is full.
        """
        return cast("Pipeline[M, Columns[M]]", batch(rows, within) >> _Pack(layout=self))

    def unpack(self) -> FlatPipe[Columns[M], M]:
        """A pipe that makes rows of batches."""
        return _Unpack(layout=self)

    def keep(self, *predicates: polars.Expr) -> SyncBasePipe[Columns[M], Columns[M]]:
        """A pipe that keeps the rows for which all of these hold."""
        return _Keep(layout=self, predicates=predicates)

    def select(self, **expressions: polars.Expr) -> SyncBasePipe[Columns[Any], Columns[M]]:
        """A pipe that makes batches of this layout of others.

        Args:
            expressions: by name of the field; a field without one is the column of its name.

        Raises:
            DefinitionError: there is no such field.

        Example:
            >>> from typing import NamedTuple
            >>> import polars as pl
            >>> class Order(NamedTuple):
            ...     book: str
            ...     cents: int
            >>> class Price(NamedTuple):
            ...     book: str
            ...     euros: float
            >>> orders, prices = columns(Order), columns(Price)
            >>> pipeline = orders.pack() >> prices.select(euros=pl.col("cents") / 100) >> prices.unpack()
            >>> list(pipeline.map([Order("Emma", 950)]))
            [Price(book='Emma', euros=9.5)]
        """
        unknown = [name for name in expressions if name not in self.schema]
        if unknown:
            there = ", ".join(self.schema)
            raise DefinitionError(f"{self.model.__name__} has no field {', '.join(unknown)}; it has {there}")
        return _Select(layout=self, expressions=expressions)

    def check_times(self, time: Expression) -> None:
        """Have an expression refused that gives no event times.

        Raises:
            DefinitionError: it is of another type, or there is no such column.
        """
        import polars

        try:
            [kind] = polars.DataFrame(schema=self.schema).select(time.expr).dtypes
        except polars.exceptions.PolarsError as error:
            there = ", ".join(self.schema)
            raise DefinitionError(f"event_time: {self.model.__name__} has no {time!r}; it has {there}") from error
        if kind not in (polars.Int64(), polars.Datetime("us", "UTC")):
            raise DefinitionError(
                f"event_time: takes aware datetimes or ints of microseconds, and {time!r} is of {kind}"
            )

    def stream(self, batches: Stream[Columns[M]]) -> ColumnStream[M]:
        """A stream of batches as a stream of their rows, for windows; see `ColumnStream`.

        Raises:
            CompositionError: it is a stream of something else.
        """
        from rivusio_streams.columns.stream import ColumnStream  # it imports this module

        return ColumnStream(self, batches)

    def _made(self, rows: list[M]) -> polars.DataFrame:
        import polars

        values = [*map(self._fields.values, rows)]
        by_column = [*zip(*values, strict=True)] or [()] * len(self.schema)
        return self.complete(polars.DataFrame([*map(self._column, self.schema, by_column)]))

    def _column(self, name: str, values: Sequence[Any]) -> polars.Series:
        import polars

        kind = self.schema[name]
        try:
            made = polars.Series(name, values, dtype=kind, strict=True)
        except Exception as error:
            for number, value in enumerate(values):
                try:
                    polars.Series(name, [value], dtype=kind, strict=True)
                except Exception:  # noqa: BLE001  # whatever polars raises
                    raise self._misfit(number, name, type(value).__name__) from error
            raise BadRecord(f"column {name} of {kind}: {error}") from error
        if isinstance(kind, polars.Datetime):  # it would be taken for one of UTC
            naive = (number for number, value in enumerate(values) if value is not None and value.tzinfo is None)
            if (first := next(naive, None)) is not None:
                raise self._misfit(first, name, "datetime without time zone")
        return made

    def _misfit(self, number: int, name: str, found: str) -> BadRecord:
        return BadRecord(f"row {number} of the batch: {name} is a {found}, and the column holds {self.schema[name]}")

    def _checked(self, frame: polars.DataFrame) -> polars.DataFrame:
        missing = [name for name in self.schema if name not in frame.schema]
        if missing:
            there = ", ".join(frame.columns) or "none"
            raise BadRecord(f"no column {', '.join(missing)} for {self.model.__name__}; there are {there}")
        frame = frame.select(self.schema.keys())
        for name, kind in self.schema.items():
            found = frame.schema[name]
            if found != kind:
                if not widens(found, kind):
                    raise BadRecord(f"column {name} is of {found}; {self.model.__name__} needs {kind}")
                frame = frame.with_columns(frame[name].cast(kind))
        return self.complete(frame)

    def complete(self, frame: polars.DataFrame) -> polars.DataFrame:
        """Columns of the right types, if something is everywhere where it has to be.

        Raises:
            BadRecord: naming the first row and column where nothing is.
        """
        for name in self.schema:
            if name not in self._fields.optional and frame[name].null_count():
                first = frame[name].is_null().arg_max()
                raise BadRecord(
                    f"column {name} is null in row {first}, and {self.model.__name__}.{name} may not be None"
                )
        return frame

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout) and self.model is other.model

    def __hash__(self) -> int:
        return hash(self.model)

    def __repr__(self) -> str:
        return f"columns({type_text(self.model)})"


def widens(found: polars.DataType, kind: polars.DataType) -> bool:
    """Every value of the one is one of the other."""
    import polars

    whole = (polars.Int8, polars.Int16, polars.Int32, polars.UInt8, polars.UInt16, polars.UInt32)
    if kind == polars.Int64():
        return found in whole
    if kind == polars.Float64():
        return found == polars.Float32()
    if kind == polars.Datetime("us", "UTC"):
        return found == polars.Datetime("ms", "UTC")
    return kind == polars.Duration("us") and found == polars.Duration("ms")


class _Pack(SyncBasePipe[list[Any], Columns[Any]]):
    layout: Layout[Any]

    def process(self, item: list[Any]) -> Columns[Any]:
        return self.layout.of(item)

    def __ports__(self) -> Ports:
        return Ports(GenericAlias(list, (self.layout.model,)), self.layout.kind)

    def _default_name(self) -> str:
        return "pack"


class _Unpack(FlatPipe[Columns[Any], Any]):
    layout: Layout[Any]

    def process(self, item: Columns[Any]) -> Iterable[Any]:
        return self.layout.rows(item)

    def __ports__(self) -> Ports:
        return Ports(self.layout.kind, self.layout.model)

    def _default_name(self) -> str:
        return "unpack"


class _Keep(SyncBasePipe[Columns[Any], Columns[Any]]):
    layout: Layout[Any]
    predicates: tuple[Any, ...]  # expressions

    def process(self, item: Columns[Any]) -> Columns[Any]:
        return Columns(item.frame.filter(*self.predicates))

    def __ports__(self) -> Ports:
        return Ports(self.layout.kind, self.layout.kind)

    def _default_name(self) -> str:
        return "keep"


class _Select(SyncBasePipe[Columns[Any], Columns[Any]]):
    layout: Layout[Any]
    expressions: dict[str, Any]

    def process(self, item: Columns[Any]) -> Columns[Any]:
        return self.layout.of(item.frame.with_columns(**self.expressions))

    def __ports__(self) -> Ports:
        return Ports(Columns, self.layout.kind)

    def _default_name(self) -> str:
        return "select"
