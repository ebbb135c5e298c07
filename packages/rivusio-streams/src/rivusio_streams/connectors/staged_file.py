"""A file that grows by what checkpoints hold: staged beside it first, and then put at its end, once.

A token says where in the file its bytes belong. Putting the same bytes at the same place again changes nothing, so that
publishing is idempotent; and what lies behind the last place is cut off when a run begins.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from io import BufferedWriter
from pathlib import Path

from pydantic import JsonValue

from rivusio_core.errors import SinkError
from rivusio_streams.connectors.durable import sync_folder

__all__ = ["StagedFile"]

_COPIED = 1 << 20
"""Bytes copied at once."""


class StagedFile:
    """The file, and the hidden files beside it in which bytes wait.

    Args:
        path: of the file.
        owner: flow and step; what other owners have staged is left alone.

    Raises:
        OSError: of every method: the folder does not exist, is full, ...
    """

    def __init__(self, path: Path, owner: str) -> None:
        self._path = path
        own = hashlib.blake2b(owner.encode(), digest_size=6).hexdigest()
        self._prefix = f".{path.name}.{own}."
        self._count = 0
        self._end = 0
        self._staging: BufferedWriter | None = None
        self._name = ""
        self._start = 0

    def recover(self, tokens: Sequence[JsonValue], *, append: bool) -> None:
        """Bring the file to where the last checkpoint has it, and remove what else was staged.

        Args:
            tokens: of that checkpoint; empty: there is none.
            append: without one, leave what is in the file.

        Raises:
            SinkError: what a token stands for is lost.
        """
        for token in tokens:
            self.publish(token)
        size = self._path.stat().st_size if self._path.exists() else 0
        if tokens:
            _, self._end, _ = self._parsed(tokens[-1])
        else:
            self._end = size if append else 0
        if size != self._end or not tokens:
            with self._path.open("ab") as file:
                file.truncate(self._end)
                os.fsync(file.fileno())
            sync_folder(self._path.parent)
        for left in self._path.parent.glob(f"{_literal(self._prefix)}*"):
            left.unlink(missing_ok=True)

    def tell(self) -> int:
        """How long the file is, staged bytes included."""
        return self._end

    def write(self, data: bytes) -> None:
        """Stage bytes."""
        if self._staging is None:
            self._count += 1
            self._name, self._start = f"{self._prefix}{self._end}-{self._count}", self._end
            self._staging = (self._path.parent / self._name).open("xb")
        self._staging.write(data)
        self._end += len(data)

    def stage(self) -> JsonValue:
        """Make durable what was staged; the token says where it belongs."""
        if self._staging is None:
            return {"start": self._end, "end": self._end, "staged": ""}
        self._staging.flush()
        os.fsync(self._staging.fileno())
        self._staging.close()
        self._staging = None
        sync_folder(self._path.parent)
        return {"start": self._start, "end": self._end, "staged": self._name}

    def publish(self, token: JsonValue) -> None:
        """Put staged bytes where they belong.

        Raises:
            SinkError: they are lost.
        """
        start, end, name = self._parsed(token)
        if start == end:
            return
        staged = self._path.parent / name
        size = self._path.stat().st_size if self._path.exists() else 0
        if not staged.exists():
            if size < end:
                raise SinkError(
                    f"{self._path} was {end} bytes long and is {size} now, and what belongs there is not staged any "
                    "more; bring it back, or begin anew with `rivusio checkpoints reset`"
                )
            return  # it was published
        if size < start:
            raise SinkError(
                f"{self._path} was {start} bytes long and is {size} now; bring it back, or begin anew with `rivusio "
                "checkpoints reset`"
            )
        with staged.open("rb") as source, self._path.open("r+b" if self._path.exists() else "wb") as target:
            target.seek(start)
            while data := source.read(_COPIED):
                target.write(data)
            target.flush()
            os.fsync(target.fileno())
        staged.unlink()

    def close(self) -> None:
        """Close what is open; nothing more is staged or published."""
        if self._staging is not None:
            self._staging.close()
            self._staging = None

    def _parsed(self, token: JsonValue) -> tuple[int, int, str]:
        if isinstance(token, dict):
            start, end, name = token.get("start"), token.get("end"), token.get("staged")
            placed = isinstance(start, int) and isinstance(end, int) and 0 <= start <= end
            own = isinstance(name, str) and (not name or (name.startswith(self._prefix) and Path(name).name == name))
            if isinstance(start, int) and isinstance(end, int) and isinstance(name, str) and placed and own:
                return start, end, name
        raise SinkError(f"{self._path}: {token!r} is no token of this file; was the checkpoint made for another one?")


def _literal(text: str) -> str:
    """A text as a pattern of `glob` that stands for nothing else."""
    return "".join(f"[{each}]" if each in "*?[" else each for each in text)
