"""Reading a Parquet file by row number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from rivusio_core import BadRecord, SourceError
from rivusio_core.nearest import did_you_mean
from rivusio_plugins_contrib.files.arrow import ArrowFault, TableReader
from rivusio_plugins_contrib.files.rowform import RowForm
from rivusio_streams.source import EndOfPartition, Partition, Position, Rejected

__all__ = ["ParquetPartition", "opened_at"]

T = TypeVar("T")

_LOT = 1_024
"""Rows made into Python values at once."""


def opened_at(path: Path, names: Sequence[str], done: int) -> TableReader:
    """A file of which these columns are to be read, behind so many rows.

    Raises:
        SourceError: the file or a column is not there, or it has not so many rows.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}; check the path and its permissions") from error
    try:
        reader = TableReader(file)
        missing = next((name for name in names if name not in reader.names), None)
        if missing is not None:
            raise SourceError(f"{path} has no column {missing!r}{did_you_mean(missing, reader.names)}")
        if done > reader.count:
            raise SourceError(
                f"{path} has {reader.count} rows, and reading should go on behind {done}: it is another file; "
                "reset the position, or bring the old file back"
            )
    except ArrowFault as error:
        file.close()
        raise SourceError(f"{path} is no complete Parquet file ({error}); write it again") from error
    except BaseException:
        file.close()
        raise
    return reader


class ParquetPartition(Partition[T], Generic[T]):
    """The rows of a file behind the first so many.

    Args:
        path: the file.
        form: what its rows are.
        done: how many rows to pass over.

    Raises:
        SourceError: the file or a column is not there, or it has not so many rows.
    """

    def __init__(self, path: Path, form: RowForm[T], done: int) -> None:
        self._path, self._form, self._done = path, form, done
        self._rejected: list[Rejected] = []
        self._reader = opened_at(path, form.names, done)
        self._rows = (row for lot in self._reader.rows(form.names, done, _LOT) for row in lot)

    def next_batch(self, maximum: int) -> list[T]:
        items, self._rejected, taken = list[T](), [], 0
        try:
            while taken < maximum and (row := next(self._rows, None)) is not None:
                taken += 1
                self._done += 1
                self._add(row, items)
        except ArrowFault as error:
            raise SourceError(f"{self._path}, behind row {self._done}: reading failed: {error}") from error
        if not taken:
            raise EndOfPartition
        return items

    def _add(self, row: Mapping[str, object], items: list[T]) -> None:
        try:
            items.append(self._form.decode(row, f"{self._path}, row {self._done - 1}"))
        except BadRecord as error:
            self._rejected.append(Rejected(len(items), row, error))

    def position(self) -> Position:
        return self._done

    def rejected(self) -> Sequence[Rejected]:
        return self._rejected

    def close(self) -> None:
        self._rows.close()
        self._reader.close()
