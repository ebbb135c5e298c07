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
from collections.abc import Callable, Sequence
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from pydantic import JsonValue

__all__ = ["AsyncSink", "BaseSink", "Commit", "Sink", "TransactionalSink", "TwoPhaseSink"]

T = TypeVar("T", contravariant=True)

Commit: TypeAlias = Literal["append", "keyed", "replace", "two_phase", "transactional"]
"""How a sink makes results durable, which decides what can be promised after a crash (see SEMANTICS, "Delivery").

* `"append"`: `flush` makes what was written durable; after a crash some of it is written again.
* `"keyed"`: like append, but writing a result again replaces it, so that duplicates leave no trace.
* `"replace"`: each run writes the whole target anew. So a run cannot go on with what an earlier one wrote: one with
  checkpoints is refused.
* `"two_phase"`: visible with the next checkpoint, and written exactly once: `TwoPhaseSink`.
* `"transactional"`: committed together with the checkpoint, in one transaction of one database: `TransactionalSink`.
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
        divisible: a `write` that fails because of an item of its batch has taken nothing of the batch, or writing that
            again leaves no trace; and it never fails because of an item of an earlier batch. Then `on_error` of
            `Stream.write` and `tee` may be `"skip"` or `"dead_letter"`: the batch is written in halves, down to the
            items that fail. A failure is that of an item where it is an `ItemRefused`, a `BadRecord`, a `ValueError`, a
            `TypeError`, a `LookupError`, an `ArithmeticError`, or what databases call a data or integrity error; and
            it is not where the sink raises any other `SinkError`.
    """

    commit: Commit = "append"
    divisible: bool = False

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
            ItemRefused: an item cannot be taken for what it is.
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
            ItemRefused: an item cannot be taken for what it is.
            SinkError: some of the batch could not be taken; the run fails.
        """

    async def flush(self) -> None:
        """Return when everything written so far is durable: sources are acknowledged on the strength of it.

        Raises:
            SinkError: it is not; the run fails and nothing is acknowledged.
        """

    async def close(self) -> None:
        """Release what `open` took. Not cancelled while a deadline lasts."""


class TwoPhaseSink(Sink[T]):
    """A sink that can keep results out of sight until a checkpoint holds them: each is seen exactly once.

    In a run with checkpoints `recover` is called once after `open`, before anything is written. From then on `stage`
    takes the place of `flush`, and what it gave comes back to `publish` as soon as a checkpoint has it. After a crash,
    `recover` of the next run hears what the last complete checkpoint has. A run without checkpoints calls none of
    these: the sink then works as one with `commit="append"`, or `"keyed"`.

    The calls of one sink never overlap. One that blocks is called in worker threads, as everywhere.
    """

    commit: Commit = "two_phase"

    @abstractmethod
    def recover(self, owner: str, tokens: Sequence[JsonValue]) -> None:
        """Begin to stage: make seen what the last checkpoint has, and throw away whatever else was staged.

        Args:
            owner: names flow and step: keep what is staged apart from that of other owners.
            tokens: given by `stage` and held by the last complete checkpoint, in order; empty: there is none. Each may
                have been published already, wholly or in part.

        Raises:
            SinkError: something that a token stands for is lost, or the target cannot be written.
        """

    @abstractmethod
    def stage(self) -> JsonValue:
        """Make durable what was written since the last call, where nobody sees it yet.

        Returns:
            A token: all that `publish` and `recover` need, as JSON. None: nothing was written.

        Raises:
            SinkError: it is not durable; the run fails, and nothing is acknowledged.
        """

    @abstractmethod
    def publish(self, token: JsonValue) -> None:
        """Make seen what was staged. Idempotent; tokens come in the order in which they were given.

        Raises:
            SinkError: it cannot be done now; the run fails, and the next one publishes it.
        """


class TransactionalSink(TwoPhaseSink[T]):
    """A sink in a database that can hold the checkpoints, too: results and checkpoint are one transaction.

    Where the run's checkpoints are kept in the same `database`, and the flow has no other sink, `begin` is called once
    after `open` and then `commit_with` takes the place of `flush`; before `begin` comes `recover`, if the last
    checkpoint has tokens of an earlier run in which that was not so. Otherwise it is a `TwoPhaseSink`; or, with
    `commit="keyed"`, a sink that needs no staging, since what it writes again leaves no trace.
    """

    commit: Commit = "transactional"

    @property
    @abstractmethod
    def database(self) -> str:
        """Which database: equal to `CheckpointStore.database` exactly where one transaction spans both; no secrets."""

    @abstractmethod
    def begin(self) -> None:
        """What is written from now on waits for `commit_with`. Nothing of an earlier run is left: it was rolled back.

        Raises:
            SinkError: it cannot be.
        """

    @abstractmethod
    def commit_with(self, put: Callable[[Any], None]) -> None:  # Any: a connection of the database's own library
        """Commit what was written since the last call, together with what `put` writes on the same connection.

        Raises:
            SinkError: nothing of it was committed.
            CheckpointWriteError: raised by `put`; nothing was committed.
        """
