"""Where checkpoints are kept: a contract for those who bring another place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from rivusio_core.errors import CheckpointWriteError, ConfigError, Fault

__all__ = ["CheckpointStore"]


class CheckpointStore(ABC):
    """Keeps blobs under names: no more than put, get, list and delete, so that any place will do.

    A store is opened for one flow at a time, and keeps what belongs to different flows apart. Its methods block; a run
    calls them in worker threads, one at a time. What the blobs hold, which belong together and whether they are whole
    is none of its business: each has its own checksum.

    Attributes:
        place: where it is, for messages; without secrets.
        database: which database it is a part of, where `put_on` works: see `TransactionalSink.database`.
    """

    place: str
    database: str | None = None

    @classmethod
    def at(cls, url: str) -> CheckpointStore:
        """The store at a URL: how a plugin's store is made from a setting.

        Register the class as the `checkpoint_store` `checkpoints`; the name of the plugin is the scheme of the URL.

        Raises:
            ConfigError: the URL is wrong.
        """
        raise ConfigError(faults=[Fault(f"{cls.__name__} is not made of a URL such as {url!r}", "checkpoint")])

    @abstractmethod
    def open(self, flow: str, *, read_only: bool = False) -> None:
        """Get ready for a flow, and lock it: a second run of the same flow in the same place would ruin both.

        Args:
            flow: its name.
            read_only: only to look: no lock is needed, also while a run goes on; nothing is made or changed, and a
                place that is not there yet is empty. Only `names`, `get` and `close` are called then.

        Raises:
            CheckpointWriteError: it cannot be opened, or another run holds it; the message says what to do.
        """

    @abstractmethod
    def names(self) -> Sequence[str]:
        """The names of all blobs of the flow, in any order."""

    @abstractmethod
    def get(self, name: str) -> bytes:
        """A blob.

        Raises:
            CheckpointCorrupt: it cannot be read.
        """

    @abstractmethod
    def put(self, name: str, data: bytes) -> None:
        """Keep a new blob: durably and as a whole, or not at all. A name is used once.

        Raises:
            CheckpointWriteError: it is not kept.
        """

    def put_on(self, connection: Any, name: str, data: bytes) -> None:  # Any: of the database's own library
        """Keep a blob in the transaction that a connection is in; for stores with a `database`.

        Raises:
            CheckpointWriteError: it cannot be written.
        """
        raise CheckpointWriteError(f"{self.place} is no database")

    @abstractmethod
    def delete(self, names: Sequence[str]) -> None:
        """Throw blobs away; those that are not there are fine.

        Raises:
            CheckpointWriteError: they cannot be deleted.
        """

    @abstractmethod
    def close(self) -> None:
        """Release everything, the lock included. Called once after `open`, also if that failed."""
