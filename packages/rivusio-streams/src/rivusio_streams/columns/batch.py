"""Rows as one item, column by column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import polars

__all__ = ["Columns"]

M = TypeVar("M")


@dataclass(frozen=True, eq=False, slots=True)
class Columns(Generic[M]):
    """Rows of one kind, column by column. Made by a `Layout`, which checks them.

    Attributes:
        frame: a polars DataFrame whose columns are the fields of the rows; it is not to be changed.

    Example:
        >>> from typing import NamedTuple
        >>> from rivusio_streams.columns import columns
        >>> class Order(NamedTuple):
        ...     book: str
        ...     amount: float
        >>> batch = columns(Order).of([Order("Emma", 9.5), Order("Ulysses", 12.0)])
        >>> len(batch), batch.frame["amount"].sum()
        (2, 21.5)
    """

    frame: polars.DataFrame

    def __len__(self) -> int:
        return self.frame.height

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Columns):
            return NotImplemented
        return self.frame.schema == other.frame.schema and self.frame.equals(other.frame)

    __hash__ = None  # type: ignore[assignment]  # so it is said of what has rows that may be changed

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The rows as any library of Arrow's takes them, without a copy: `pyarrow.table(batch)`."""
        return self.frame.__arrow_c_stream__(requested_schema)
