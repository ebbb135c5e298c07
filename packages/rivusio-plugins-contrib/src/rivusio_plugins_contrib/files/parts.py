"""A folder that grows by Parquet files: staged under hidden names, and renamed when a checkpoint has them."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from pydantic import JsonValue

from rivusio_core import SinkError
from rivusio_streams.connectors.durable import sync_folder

__all__ = ["Parts", "part_names"]

_PART = re.compile(r"part-(\d{8,})-([0-9a-f]{12})\.parquet")


def part_names(folder: Path) -> list[str]:
    """The Parquet files of a folder that are to be read, in order: not the hidden ones, nor those of other tools.

    Raises:
        OSError: it cannot be read.
    """
    return sorted(each.name for each in folder.iterdir() if each.suffix == ".parquet" and each.name[0] not in "._")


class Parts:
    """The files of one owner.

    Args:
        folder: where they are; made where it is missing, if the one that it is in exists.
        owner: flow and step; what others have in the folder is left alone. None: no other run goes on with the files.

    Raises:
        OSError: of every method: the folder cannot be made, is full, ...
    """

    def __init__(self, folder: Path, owner: str | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        told = secrets.token_bytes(8) if owner is None else owner.encode()
        self._own = hashlib.blake2b(told, digest_size=6).hexdigest()
        self._number = max((number for number, _ in self._numbers(None)), default=0) if owner is None else 0
        self._hidden = ""
        self._file: IO[bytes] | None = None

    def _numbers(self, own: str | None) -> list[tuple[int, Path]]:
        found = [(_PART.fullmatch(each.name), each) for each in self._folder.iterdir()]
        return [(int(match[1]), each) for match, each in found if match and own in (None, match[2])]

    def recover(self, tokens: Sequence[JsonValue]) -> None:
        """Bring the owner's files to what the last checkpoint has, and remove the rest: staged ones and later ones.

        Raises:
            SinkError: what a token stands for is lost.
        """
        parsed = [self._parsed(each) for each in tokens]
        for token in tokens:
            self.publish(token)
        self._number = parsed[-1][0] if parsed else 0
        # Without a checkpoint the flow begins anew, and so do its files; behind one lie those of a checkpoint that is
        # damaged, which are made again.
        later = [path for number, path in self._numbers(self._own) if number > self._number]
        for path in (*later, *self._folder.glob(f".{self._own}.*")):
            path.unlink(missing_ok=True)
        sync_folder(self._folder)

    def begin(self) -> IO[bytes]:
        """A file to write, hidden."""
        self._hidden = f".{self._own}.{secrets.token_hex(6)}.part"
        self._file = (self._folder / self._hidden).open("xb")
        return self._file

    def stage(self) -> JsonValue:
        """Make the file durable that was begun, if one was; the token says which it is."""
        file, self._file = self._file, None
        if file is None:
            return {"part": self._number, "staged": ""}
        file.flush()
        os.fsync(file.fileno())
        file.close()
        sync_folder(self._folder)
        self._number += 1
        return {"part": self._number, "staged": self._hidden}

    def publish(self, token: JsonValue) -> None:
        """Give a staged file its name, unless it has it.

        Raises:
            SinkError: it is lost.
        """
        number, staged = self._parsed(token)
        if not staged:
            return
        target = self._folder / f"part-{number:08d}-{self._own}.parquet"
        try:
            (self._folder / staged).replace(target)
        except FileNotFoundError:
            if not target.exists():
                raise SinkError(
                    f"{target} is missing, which the last checkpoint has; bring the folder back as it was, or begin "
                    "anew with `rivusio checkpoints reset`"
                ) from None
        sync_folder(self._folder)

    def discard(self) -> None:
        """Remove what was begun and not staged."""
        if self._file is not None:
            self._file.close()
            self._file = None
            (self._folder / self._hidden).unlink(missing_ok=True)

    def _parsed(self, token: JsonValue) -> tuple[int, str]:
        if isinstance(token, dict):
            number, staged = token.get("part"), token.get("staged")
            own = re.compile(rf"(\.{self._own}\.[0-9a-f]{{12}}\.part)?")
            if type(number) is int and number >= 0 and isinstance(staged, str) and own.fullmatch(staged):
                return number, staged
        raise SinkError(
            f"{self._folder}: {token!r} is no token of this folder; was the checkpoint made for another one?"
        )
