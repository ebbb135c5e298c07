r"""Sinks: where results go. A contract for connector authors.

Derive from `Sink` where the client library blocks (the run calls it in worker threads) and from `AsyncSink` where it
is async (the run calls it on the event loop, asyncio or trio).

Example, a sink that appends lines to a file:

    >>> from collections.abc import Sequence
    >>> from pathlib import Path
    >>> class Lines(Sink[str]):
    ...     def __init__(self, path: Path) -> None:
    ...         self.path = path
    ...     def open(self) -> None:
    ...         self.file = self.path.open("a")
    ...     def write(self, batch: Sequence[str]) -> None:
    ...         self.file.writelines(f"{line}\n" for line in batch)
    ...     def flush(self) -> None:
    ...         self.file.flush()
    ...     def close(self) -> None:
    ...         self.file.close()
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, Literal, TypeAlias, TypeVar

__all__ = ["AsyncSink", "BaseSink", "Commit", "Sink"]

T = TypeVar("T", contravariant=True)

Commit: TypeAlias = Literal["append", "keyed", "two_phase", "transactional"]
"""How a sink makes results durable, which decides what can be promised after a crash (see SEMANTICS, "Delivery").

* `"append"`: `flush` makes what was written durable; after a crash some of it is written again.
* `"keyed"`: like append, but writing a result again replaces it, so that duplicates leave no trace.
* `"two_phase"`, `"transactional"`: visible with the checkpoint only; they have further methods.
"""


class BaseSink(ABC, Generic[T]):
    """Where results of type `T` go; base of `Sink` and `AsyncSink`.

    What the constructor takes makes the sink a value. A run works on its own shallow copy (`copy.copy`), made before
    `open`, so that a sink may be used in two runs at once: what `open` assigns belongs to the run.
    `__repr__` must not show secrets.

    The run calls `open` once, then `write` and `flush` any number of times, then `close` once, also after errors
    (after `open` was called, even if it failed). Calls never overlap. No `flush` before `close` means that the run
    failed: what was written since the last `flush` was not promised to anybody.

    Attributes, set in the class or per instance:
        commit: how results are made durable.
    """

    commit: Commit = "append"

    @property
    def step_name(self) -> str:
        """The name in reports, graphs and metrics; the class name unless overridden."""
        return type(self).__name__


class Sink(BaseSink[T]):
    """A sink whose client library blocks. Every method is called in a worker thread, not always the same one."""

    def open(self) -> None:
        """Get ready to write.

        Raises:
            SinkError: the target cannot be opened; the message says where and what to do.
        """

    @abstractmethod
    def write(self, batch: Sequence[T]) -> None:
        """Take results, in order; `batch` is never empty and must not be kept or changed.

        Returning slowly is the back-pressure. Exceptions other than `SinkError` are wrapped in one.

        Raises:
            SinkError: some of the batch could not be taken; the run fails.
        """

    def flush(self) -> None:
        """Return when everything written so far is durable: sources are acknowledged on the strength of it.

        Raises:
            SinkError: it is not; the run fails and nothing is acknowledged.
        """

    def close(self) -> None:
        """Release what `open` took."""


class AsyncSink(BaseSink[T]):
    """A sink whose client library is async. Every method is called on the event loop, and may be cancelled there."""

    async def open(self) -> None:
        """Get ready to write.

        Raises:
            SinkError: the target cannot be opened; the message says where and what to do.
        """

    @abstractmethod
    async def write(self, batch: Sequence[T]) -> None:
        """Take results, in order; `batch` is never empty and must not be kept or changed.

        Returning slowly is the back-pressure. Exceptions other than `SinkError` are wrapped in one.

        Raises:
            SinkError: some of the batch could not be taken; the run fails.
        """

    async def flush(self) -> None:
        """Return when everything written so far is durable: sources are acknowledged on the strength of it.

        Raises:
            SinkError: it is not; the run fails and nothing is acknowledged.
        """

    async def close(self) -> None:
        """Release what `open` took. Not cancelled while a deadline lasts."""
