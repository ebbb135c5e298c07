"""A file that appears under its name only when it is complete."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import IO

from rivusio_streams.connectors.durable import sync_folder

__all__ = ["Replacement"]


class Replacement:
    """A new file beside an old one, hidden until it takes the old one's place.

    A process that is killed leaves the old file as it was, and a hidden file `.NAME.*.part` that nobody reads.

    Args:
        path: the name that it will take.

    Raises:
        OSError: of every method: the folder does not exist, is full, ...
    """

    def __init__(self, path: Path) -> None:
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder", str(path))
        self.path = path
        # Runs that write the same file at once do not disturb each other; the last one to end wins.
        self._beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
        self.file: IO[bytes] = self._beside.open("xb")

    def publish(self) -> None:
        """Make it durable, and give it its name."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        self._beside.replace(self.path)
        sync_folder(self.path.parent)

    def discard(self) -> None:
        """Remove it, unless it was published."""
        with suppress(OSError):  # what it still had to write is not wanted
            self.file.close()
        self._beside.unlink(missing_ok=True)
