"""A connection that writes to one table: what each database does in its own way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

from rivusio_plugins_contrib.tables.dialect import Dialect

__all__ = ["Row", "Session"]

Row: TypeAlias = tuple[object, ...]


class Session(ABC):
    """A connection. Its methods raise `SinkError`, told with where and what to do.

    Attributes:
        place: for messages.
        dialect: what it speaks.
    """

    place: str
    dialect: Dialect

    @abstractmethod
    def run(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:  # Any: of any type
        """Run one statement; gives what it found."""

    @abstractmethod
    def load(self, table: str, names: Sequence[str], rows: Sequence[Row], key: Sequence[str]) -> None:
        """Write rows, in order; with a key a row replaces the one that has it. Within a transaction."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing, and durable when it is left."""

    @abstractmethod
    def columns(self, table: str) -> Mapping[str, str]:
        """The columns of a table with their types; none if there is no such table."""

    @abstractmethod
    def guard(self) -> None:
        """Let nobody else make tables until the transaction ends."""

    @abstractmethod
    def hold(self, rows: Sequence[Row]) -> None:
        """Keep rows for `commit`, out of memory; nobody else sees them."""

    @abstractmethod
    def commit(self, rows: Sequence[Row], put: Callable[[Any], None]) -> None:  # Any: the library's connection
        """Write what was held, some more rows, and what `put` writes, in one transaction."""

    @abstractmethod
    def close(self) -> None:
        """End it; what is not committed is gone."""
