"""A sink that writes rows to a table: at once, with the checkpoint, or in one transaction with it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from pydantic import JsonValue

from rivusio_core.errors import ItemRefused, SinkError
from rivusio_plugins_contrib.rows import Rows
from rivusio_plugins_contrib.tables.session import Row, Session
from rivusio_plugins_contrib.tables.staging import Staging
from rivusio_streams.sink import Commit, TransactionalSink

__all__ = ["TableSink"]

T = TypeVar("T")

_BUFFERED = 1_000
"""Rows that wait for one transaction at most: a transaction for every few rows would mean a disk sync for every few."""


class TableSink(TransactionalSink[T], Generic[T]):
    """Writes rows to a table.

    Args:
        table: its name.
        key: the columns that identify a row.
        rows: what its rows are.
    """

    # Of what a row cannot hold. What only the database finds (a constraint of a table made by others) ends the run: by
    # then rows of earlier batches are written with it, or nothing but the checkpoint's transaction is left to fail.
    divisible = True
    _nul = True
    """Texts may have the character NUL."""

    def __init__(self, table: str, key: tuple[str, ...], rows: Rows[T]) -> None:
        self.table, self.key = table, key
        # Rows with a key need no staging: what is written again leaves no trace.
        self.commit: Commit = "keyed" if key else "transactional"
        self._rows = rows
        self._session: Session | None = None
        self._staging: Staging | None = None
        self._joint = False
        self._buffer: list[Row] = []

    @abstractmethod
    def _connect(self) -> Session:
        """A connection to the table, which was made where it was missing.

        Raises:
            SinkError: there is none, or the table is not what the model needs.
        """

    @property
    @abstractmethod
    def _where(self) -> str:
        """For messages."""

    def open(self) -> None:
        self._buffer, self._staging, self._joint = [], None, False
        self._session = self._connect()

    def write(self, batch: Sequence[T]) -> None:
        rows = list[Row]()
        for item in batch:
            try:
                row = self._rows.encode(item)
            except ValueError as error:
                raise ItemRefused(f"{self._where}: {error}") from error
            if not self._nul:
                self._check_text(row)
            rows.append(row)
        self._buffer += rows  # all or none: a batch that is refused is written in parts
        if len(self._buffer) >= _BUFFERED:
            self._spill()

    def _check_text(self, row: Row) -> None:
        for name, value in zip(self._names, row, strict=True):
            if isinstance(value, str) and "\0" in value:
                raise ItemRefused(
                    f"{self._where}: column {name!r}: the text has the character NUL, which is not stored"
                )

    def _spill(self) -> None:
        session = self._opened
        if not self._buffer:
            return
        if self._joint:
            session.hold(self._buffer)
        elif self._staging is not None:
            self._staging.add(self._buffer)
        else:
            with session.transaction():
                session.load(self.table, self._names, self._buffer, self.key)
        self._buffer = []

    def flush(self) -> None:
        self._spill()

    # ---------------------------------------------------------------------------------------------- with checkpoints

    def recover(self, owner: str, tokens: Sequence[JsonValue]) -> None:
        self._staging = Staging(self._opened, self.table, self._names, self.key, owner)
        self._staging.recover(tokens)

    def stage(self) -> JsonValue:
        staging = self._stages
        self._spill()
        return staging.token()

    def publish(self, token: JsonValue) -> None:
        self._stages.publish(token)

    def begin(self) -> None:
        _ = self._opened
        self._joint = True

    def commit_with(self, put: Callable[[Any], None]) -> None:
        self._opened.commit(self._buffer, put)
        self._buffer = []

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    @property
    def _names(self) -> list[str]:
        return [column.name for column in self._rows.columns]

    @property
    def _opened(self) -> Session:
        if self._session is None:
            raise SinkError(f"{self._where} is not open")
        return self._session

    @property
    def _stages(self) -> Staging:
        if self._staging is None:
            raise SinkError(f"{self._where} does not stage: recover() comes first")
        return self._staging
