"""CSV files with a header row; as a source and as a sink."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from io import BufferedReader, StringIO
from itertools import islice
from os import PathLike
from typing import Any, Generic, TypeVar, cast, overload

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from rivusio_core.errors import BadRecord, ItemRefused, SourceError
from rivusio_core.policy.options import OnError
from rivusio_streams.connectors.lines import bad_record
from rivusio_streams.connectors.text_file import TextFile
from rivusio_streams.source import EndOfPartition, Partition, Position, Rejected

__all__ = ["Csv"]

T = TypeVar("T")


class Csv(TextFile[T], Generic[T]):
    """A CSV file in UTF-8 whose first row names the columns.

    Reading: every row becomes a model, its cells converted to the types of the fields; columns that the model does not
    have are as the model says (pydantic models ignore them by default). A row that does not fit is treated by
    `on_error`, and its error says file and line. Replay is seekable: a position is a byte offset and a line number.

    Writing: a row for each item, a column for each field of the first one; values that are no plain ones become JSON.
    The folder must exist. The file is emptied at the start unless `append`.

    Args:
        path: the file.
        model: the type of a row: a pydantic model, a dataclass, a TypedDict; left out, a row is read as
            `dict[str, str]`.
        null: the text that stands for None; None: no text does.
        delimiter: between cells.
        on_error: what becomes of a bad row: `"fail"`, `"skip"` or `"dead_letter"` (its cells).
        append: write behind what the file already holds.

    Raises:
        ConfigError: the path is empty or holds a NUL character.

    Example:
        >>> Csv("prices.csv", dict[str, float], null="NA")
        Csv('prices.csv', dict[str, float])
    """

    @overload
    def __init__(
        self: Csv[dict[str, str]],
        path: str | PathLike[str],
        *,
        null: None = None,
        delimiter: str = ",",
        on_error: OnError = "fail",
        append: bool = False,
    ) -> None: ...
    @overload
    def __init__(
        self,
        path: str | PathLike[str],
        model: type[T],
        *,
        null: str | None = "",
        delimiter: str = ",",
        on_error: OnError = "fail",
        append: bool = False,
    ) -> None: ...
    def __init__(
        self,
        path: str | PathLike[str],
        model: type[Any] | None = None,
        *,
        null: str | None = "",
        delimiter: str = ",",
        on_error: OnError = "fail",
        append: bool = False,
    ) -> None:
        super().__init__(path, model, on_error, append=append)
        self.item_type = dict[str, str] if model is None else model
        self.null = None if model is None else null
        self.delimiter = delimiter
        self._adapter = cast("TypeAdapter[T]", TypeAdapter(dict[str, str]) if model is None else TypeAdapter(model))
        self._columns: list[str] = []

    # ----------------------------------------------------------------------------------------------- as a source

    def open_partition(self, partition: str, position: Position | None) -> Partition[T]:
        file = self._open_to_read()
        try:
            return _Rows(file, str(self.path), self._adapter, self.delimiter, self.null, position)
        except SourceError:
            file.close()
            raise

    # ------------------------------------------------------------------------------------------------- as a sink

    def open(self) -> None:
        self._columns = []
        super().open()

    def _encode(self, batch: Sequence[T], *, first: bool) -> bytes:
        text, columns = StringIO(newline=""), self._columns
        out = csv.writer(text, delimiter=self.delimiter, lineterminator="\n")
        for row in map(self._row, batch):
            if not columns:
                columns = list(row)
                if first:
                    out.writerow(columns)
            if row.keys() != set(columns):
                raise ItemRefused(f"{self.path}: an item has other fields than the first one; columns are {columns}")
            out.writerow([row[column] for column in columns])
        encoded = text.getvalue().encode()
        self._columns = columns  # of a batch that is refused, nothing stays
        return encoded

    def _row(self, value: object) -> dict[str, object]:
        try:
            plain: object = to_jsonable_python(value, bytes_mode="base64")
        except Exception as error:
            raise ItemRefused(
                f"{self.path}: a {type(value).__name__} cannot be written ({type(error).__name__})"
            ) from error
        if not isinstance(plain, dict):
            raise ItemRefused(
                f"{self.path}: a {type(value).__name__} has no named fields; map it to a model or dict before"
            )
        return {key: self._cell(cell) for key, cell in cast("dict[str, object]", plain).items()}

    def _cell(self, cell: object) -> object:
        if cell is None:
            return self.null or ""
        return json.dumps(cell) if isinstance(cell, dict | list) else cell

    # ------------------------------------------------------------------------------------------------ as a value

    def _value(self) -> tuple[object, ...]:
        return (*super()._value(), self.null, self.delimiter)


class _Rows(Partition[T], Generic[T]):
    def __init__(
        self,
        file: BufferedReader,
        path: str,
        adapter: TypeAdapter[T],
        delimiter: str,
        null: str | None,
        position: Position | None,
    ) -> None:
        self._file, self._path, self._adapter = file, path, adapter
        self._delimiter, self._null = delimiter, null
        self._offset = self._line = 0
        self._rejected: list[Rejected] = []
        self._reader = csv.reader(self._lines(), delimiter=delimiter, strict=True)
        try:
            self._columns = next(self._reader, list[str]())
        except (csv.Error, UnicodeDecodeError) as error:
            raise SourceError(f"{path}:1: the header row cannot be read ({type(error).__name__})") from error
        if len(set(self._columns)) != len(self._columns):
            raise SourceError(f"{path}:1: two columns have the same name; rename one of them")
        if position is not None:
            self._seek(position)

    def _seek(self, position: Position) -> None:
        offset, line = (position.get("offset"), position.get("line")) if isinstance(position, dict) else (None, None)
        if not isinstance(offset, int) or not isinstance(line, int) or offset < 0:
            raise SourceError(f"{self._path}: {position!r} is no position in a CSV file")
        self._file.seek(offset)
        self._offset, self._line = offset, line

    def _lines(self) -> Iterator[str]:
        while line := self._file.readline():
            if not self._offset:
                line = line.removeprefix(b"\xef\xbb\xbf")  # some programs put a mark before UTF-8
                self._offset = self._file.tell()
            else:
                self._offset += len(line)
            self._line += 1
            yield line.decode("utf-8")

    def next_batch(self, maximum: int) -> list[T]:
        self._rejected, items, found = [], list[T](), 0
        validate, columns, null = self._adapter.validate_python, self._columns, self._null
        try:
            for cells in islice(self._reader, maximum):
                found += 1
                if not cells:
                    continue
                if len(cells) != len(columns):
                    wrong = f"{len(cells)} cells where the header has {len(columns)}"
                    self._reject(len(items), cells, BadRecord(f"{self._path}:{self._line}: {wrong}"))
                    continue
                row = {name: None if cell == null else cell for name, cell in zip(columns, cells, strict=True)}
                try:
                    items.append(validate(row))
                except ValueError as error:
                    self._reject(len(items), row, bad_record(f"{self._path}:{self._line}", error))
        except (csv.Error, UnicodeDecodeError) as error:
            found += 1
            self._reject(len(items), None, BadRecord(f"{self._path}:{self._line}: {_reason(error)}"))
            # Both leave a reader that cannot go on in the middle of a row; a new one begins with the next line.
            self._reader = csv.reader(self._lines(), delimiter=self._delimiter, strict=True)
        except OSError as error:
            raise SourceError(f"{self._path}:{self._line + 1}: reading failed: {error.strerror}") from error
        if not found:
            raise EndOfPartition
        return items

    def _reject(self, index: int, raw: object, error: BadRecord) -> None:
        self._rejected.append(Rejected(index, raw, error))

    def position(self) -> Position:
        return {"offset": self._offset, "line": self._line}

    def rejected(self) -> Sequence[Rejected]:
        return self._rejected

    def close(self) -> None:
        self._file.close()


def _reason(error: Exception) -> str:
    return "the row is not valid CSV" if isinstance(error, csv.Error) else "the row is not valid UTF-8"
