"""Checkpoints as files of a folder."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from rivusio_core.errors import CheckpointCorrupt, CheckpointWriteError
from rivusio_streams.checkpoint.store import CheckpointStore
from rivusio_streams.connectors.durable import sync_folder

__all__ = ["FolderStore", "flow_folder"]

_SUFFIX = ".checkpoint"
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_-]")


class FolderStore(CheckpointStore):
    """A folder with a folder for each flow, and a file for each blob that only its owner may read.

    A file is written beside its name, synced, renamed, and the folder synced. The folder must be on a file system that
    keeps locks of processes (most network file systems do not: use another store there).

    Args:
        path: the folder; made where it is missing.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     store = FolderStore(folder)
        ...     store.open("orders")
        ...     store.put("1", b"...")
        ...     found = store.get("1")
        ...     store.close()
        >>> found
        b'...'
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.place = str(self.path)
        self._folder: Path | None = None
        self._lock: FileLock | None = None

    def open(self, flow: str, *, read_only: bool = False) -> None:
        folder = self.path / flow_folder(flow)
        if read_only:
            self._folder = folder
            return
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = FileLock(folder / "lock", timeout=0, mode=0o600, thread_local=False)
            self._lock.acquire()
        except Timeout:
            self._lock = None
            raise CheckpointWriteError(
                f"{self.place}: another run of {flow!r} is using these checkpoints; wait for its end, or give this run "
                "another name or place"
            ) from None
        except OSError as error:
            self._lock = None
            raise CheckpointWriteError(f"{self.place} cannot be written: {error.strerror}; check the path") from error
        self._folder = folder
        for left in folder.glob("*.part"):  # of a process that was killed
            left.unlink(missing_ok=True)

    @property
    def _own(self) -> Path:
        if self._folder is None:
            raise CheckpointWriteError(f"{self.place}: the store is not open")
        return self._folder

    def names(self) -> Sequence[str]:
        return [each.name.removesuffix(_SUFFIX) for each in self._own.glob(f"*{_SUFFIX}")]

    def get(self, name: str) -> bytes:
        try:
            return self._file(name).read_bytes()
        except OSError as error:
            raise CheckpointCorrupt(f"{self._file(name)} cannot be read: {error.strerror}") from error

    def put(self, name: str, data: bytes) -> None:
        target = self._file(name)
        beside = target.with_suffix(".part")
        try:
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(handle, "wb") as file:  # noqa: PTH123  # of a handle
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(target)
            sync_folder(self._own)
        except OSError as error:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise CheckpointWriteError(
                f"{target}: the checkpoint cannot be written: {error.strerror}; the one before it stays"
            ) from error

    def delete(self, names: Sequence[str]) -> None:
        try:
            for name in names:
                self._file(name).unlink(missing_ok=True)
        except OSError as error:
            raise CheckpointWriteError(f"{self.place}: old checkpoints cannot be deleted: {error.strerror}") from error

    def close(self) -> None:
        self._folder = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _file(self, name: str) -> Path:
        return self._own / f"{name}{_SUFFIX}"

    def __repr__(self) -> str:
        return f"FolderStore({self.place!r})"


def flow_folder(flow: str) -> str:
    """The name of a flow as the name of a file: the same only for the same flow."""
    plain = _NOT_PLAIN.sub("_", flow)[:80]
    return plain if plain == flow else f"{plain}-{hashlib.blake2b(flow.encode(), digest_size=6).hexdigest()}"
