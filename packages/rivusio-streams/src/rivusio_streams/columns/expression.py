"""A column by its name, or what is computed of columns, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rivusio_core.errors import DefinitionError

if TYPE_CHECKING:
    import polars

__all__ = ["Expression"]


@dataclass(frozen=True, init=False, eq=False)
class Expression:
    """A column by its name, or an expression of polars. Equal ones are: those of polars would compare themselves.

    Args:
        given: either.

    Attributes:
        text: it, in words.

    Raises:
        DefinitionError: it is neither.
    """

    text: str = field()

    def __init__(self, given: str | polars.Expr) -> None:
        import polars

        if not isinstance(given, str | polars.Expr):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
            raise DefinitionError(f"takes the name of a column or an expression of polars, not {given!r}")
        self._set(polars.col(given) if isinstance(given, str) else given, given if isinstance(given, str) else None)

    def _set(self, expr: polars.Expr, column: str | None) -> None:
        object.__setattr__(self, "expr", expr)
        object.__setattr__(self, "_column", column)
        object.__setattr__(self, "text", str(expr))

    if TYPE_CHECKING:
        expr: polars.Expr
        _column: str | None

    def of(self, frame: polars.DataFrame) -> polars.Series:
        """Its values for the rows of a frame."""
        return frame.get_column(self._column) if self._column is not None else frame.select(self.expr).to_series()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.expr.meta.eq(other.expr)

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return repr(self._column) if self._column is not None else self.text
