"""The file of dead letters: runs add to its end, the command takes letters out; both at the same time, if need be."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from filelock import FileLock
from pydantic_core import from_json

from rivusio_core.errors import DeadLetterError, SinkError
from rivusio_streams.connectors.durable import sync_folder
from rivusio_streams.letters.coding import encode_letter
from rivusio_streams.sink import Sink

if TYPE_CHECKING:
    from rivusio_streams.dead_letter import Envelope

__all__ = ["Letter", "LettersFile", "letters_in", "rewrite"]


@dataclass(frozen=True)
class Letter:
    """A line of the file.

    Attributes:
        number: of the line, from 1.
        line: as it stands there, without its end.
        fields: the envelope; None: the line is no dead letter.
    """

    number: int
    line: bytes
    fields: Mapping[str, object] | None

    @property
    def step(self) -> str:
        """Which failed."""
        return self.text("step")

    def text(self, name: str) -> str:
        """A field that is a text; empty where it is none."""
        found = None if self.fields is None else self.fields.get(name)
        return found if isinstance(found, str) else ""

    def moment(self, name: str) -> datetime | None:
        """A field that is a moment."""
        try:
            found = datetime.fromisoformat(self.text(name))
        except ValueError:
            return None
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)

    @property
    def attempts(self) -> int:
        """How often it was tried."""
        found = None if self.fields is None else self.fields.get("attempts")
        return found if isinstance(found, int) else 1


class LettersFile(Sink["Envelope"]):
    """Adds dead letters to a file; what is there stays.

    Each write finds the end of the file anew under a lock, so that a file out of which letters are taken meanwhile, and
    which is another file then, loses none.

    Args:
        path: the file; its folder must exist. Made for its owner alone.
    """

    commit = "append"

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def step_name(self) -> str:
        return self.path.name

    def write(self, batch: Sequence[Envelope]) -> None:
        with _failing(self.path, SinkError), _locked(self.path), _to_append(self.path) as handle:
            # A run that was killed may have left half a line.
            start = b"" if _ends_clean(self.path) else b"\n"
            _write_all(handle, start + b"".join(encode_letter(each) + b"\n" for each in batch))

    def flush(self) -> None:
        with _failing(self.path, SinkError), _to_append(self.path) as handle:
            os.fsync(handle)
        with _failing(self.path, SinkError):
            sync_folder(self.path.parent)

    def __repr__(self) -> str:
        return f"LettersFile({str(self.path)!r})"


def letters_in(path: Path) -> Iterator[Letter]:
    """The letters of a file, in order; lines that are none have no fields, blank ones are passed over.

    Raises:
        DeadLetterError: it cannot be read.
    """
    with _failing(path, DeadLetterError), path.open("rb") as file:
        for number, read in enumerate(file, 1):
            line = read.rstrip(b"\r\n")
            if line.strip():
                yield Letter(number, line, _fields(line))


def _fields(line: bytes) -> Mapping[str, object] | None:
    try:
        found = from_json(line)
    except ValueError:
        return None
    if not isinstance(found, dict) or not isinstance(cast("dict[str, object]", found).get("step"), str):
        return None
    return cast("dict[str, object]", found)


def rewrite(path: Path, change: Callable[[Letter], Iterable[bytes]], more: Sequence[bytes] = ()) -> None:
    """Put other lines in the place of lines, all at once: after a crash the file is as before, or as it is to be.

    Args:
        path: the file.
        change: gives the lines to stand in the place of a letter; what other runs have added meanwhile is seen, too.
        more: lines for its end.

    Raises:
        DeadLetterError: it cannot be; the file is as it was.
    """
    target = path.resolve()  # what a link points to, not the link
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    with _failing(path, DeadLetterError), _locked(path):
        try:
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                for letter in letters_in(target):
                    file.writelines(line + b"\n" for line in change(letter))
                file.writelines(line + b"\n" for line in more)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(target)
            sync_folder(target.parent)
        finally:
            beside.unlink(missing_ok=True)


def _locked(path: Path) -> FileLock:
    target = path.resolve()
    return FileLock(target.with_name(f".{target.name}.lock"), mode=0o600)


@contextmanager
def _to_append(path: Path) -> Generator[int, None, None]:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def _ends_clean(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _write_all(handle: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]


@contextmanager
def _failing(path: Path, kind: type[SinkError | DeadLetterError]) -> Generator[None, None, None]:
    try:
        yield
    except OSError as error:
        raise kind(f"{path}: {error.strerror or type(error).__name__}; check the path and its permissions") from error
