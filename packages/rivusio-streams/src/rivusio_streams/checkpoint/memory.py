"""Checkpoints in memory: for tests, and for restarts within one process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rivusio_core.errors import CheckpointCorrupt, CheckpointWriteError
from rivusio_streams.checkpoint.store import CheckpointStore

__all__ = ["MemoryStore"]


@dataclass(eq=False)
class MemoryStore(CheckpointStore):
    """Keeps blobs as long as this object lives.

    Attributes:
        blobs: by flow and name.

    Example:
        >>> store = MemoryStore()
        >>> store.open("orders")
        >>> store.put("1", b"...")
        >>> store.names()
        ['1']
        >>> store.close()
    """

    blobs: dict[str, dict[str, bytes]] = field(default_factory=dict[str, dict[str, bytes]], repr=False)
    place = "memory"
    _flow: str | None = field(default=None, repr=False)

    def open(self, flow: str, *, read_only: bool = False) -> None:
        if self._flow is not None and not read_only:
            raise CheckpointWriteError(f"memory: the run of {self._flow!r} goes on; wait for its end")
        self._flow = flow
        self.blobs.setdefault(flow, {})

    @property
    def _own(self) -> dict[str, bytes]:
        if self._flow is None:
            raise CheckpointWriteError("memory: the store is not open")
        return self.blobs[self._flow]

    def names(self) -> Sequence[str]:
        return [*self._own]

    def get(self, name: str) -> bytes:
        if name not in self._own:
            raise CheckpointCorrupt(f"memory: there is no {name}")
        return self._own[name]

    def put(self, name: str, data: bytes) -> None:
        self._own[name] = bytes(data)

    def delete(self, names: Sequence[str]) -> None:
        for name in names:
            self._own.pop(name, None)

    def close(self) -> None:
        self._flow = None
