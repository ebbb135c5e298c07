"""The checkpoints of a run: makes records of what stages keep, and puts them in the store."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from pydantic import JsonValue
from pydantic_core import from_json, to_json

from rivusio_core.clock import Clock
from rivusio_core.errors import CheckpointMismatch, CheckpointWriteError
from rivusio_streams.checkpoint.history import History
from rivusio_streams.checkpoint.record import Record, StepState
from rivusio_streams.checkpoint.store import CheckpointStore
from rivusio_streams.checkpoint.topology import mismatches
from rivusio_streams.engine.blocking import PATIENCE, Blocking
from rivusio_streams.engine.keeper import StateKeeper, add_to
from rivusio_streams.engine.writer import Writer
from rivusio_streams.state import Codec

__all__ = ["Journal", "Start"]

_PATIENCE = 3
"""Failures in a row of the store that end the run."""
_log = logging.getLogger("rivusio")


class Start:
    """What a run goes on from.

    Attributes:
        states: header and cells by step.
        tokens: of two-phase sinks, by step.
        number: of the checkpoint; 0: there is none.
    """

    def __init__(
        self,
        states: Mapping[str, tuple[Any, Mapping[Any, Any]]] | None = None,
        tokens: Mapping[str, Sequence[JsonValue]] | None = None,
        number: int = 0,
    ) -> None:
        self.states, self.tokens, self.number = states or {}, tokens or {}, number


class Journal:
    """Checkpoints of one run.

    Args:
        store: where they are kept; opened and closed here.
        flow: its name.
        topology: what steps that keep something do, in words.
        codec: makes bytes of values.
        clock: says when.
        savepoint: where to begin if there is no checkpoint yet; empty: at the beginning.
        patience: seconds for which the store is waited for after the run was cancelled.
    """

    def __init__(
        self,
        store: CheckpointStore,
        flow: str,
        topology: Mapping[str, str],
        codec: Codec,
        clock: Clock,
        savepoint: str = "",
        patience: float = PATIENCE,
    ) -> None:
        self._store, self._flow, self._topology, self._codec = store, flow, topology, codec
        self._clock, self._savepoint = clock, savepoint
        self._history = History(store)
        self._blocking = Blocking(f"checkpoint store {store.place}", patience)
        self._unsaved: dict[str, StepState] = {}
        """Changes of barriers whose checkpoint failed."""
        self._failures = 0

    @property
    def stuck(self) -> bool:
        """A call has not returned though the run was cancelled."""
        return bool(self._blocking.stuck)

    # ------------------------------------------------------------------------------------------------- the start

    async def open(self) -> Start:
        """Find the checkpoint to go on from.

        Raises:
            CheckpointWriteError: the store cannot be opened, or another run has it.
            CheckpointCorrupt: there are checkpoints, and none is good.
            CheckpointMismatch: the checkpoint is that of another flow.
        """
        return await self._blocking.call("opening", self._open)

    def _open(self) -> Start:
        self._store.open(self._flow)
        found = self._history.latest()
        if found is not None:
            for each in found.damaged:
                _log.error("%s; going on from checkpoint %d instead", each, found.record.number)
            record, own = found.record, True
        elif self._savepoint:
            record, own = self._history.savepoint(self._savepoint), False
        else:
            return Start()
        wrong = [] if record.ended else mismatches(record.topology, self._topology)
        if wrong:
            raise CheckpointMismatch(
                f"{self._store.place}: checkpoint {record.number} does not fit the flow {self._flow!r}:\n"
                + "\n".join(f"  {each}" for each in wrong)
                + "\nrename or drop steps with `rivusio checkpoints migrate`, or begin anew with `rivusio checkpoints "
                "reset`"
            )
        start = self._decoded(record)
        if own and not self._codec.upcasted:  # else all is written once more, as it is now
            self._history.go_on_from(record)
        return start

    def _decoded(self, record: Record) -> Start:
        decode = self._codec.reader(record.schemas)
        states = dict[str, tuple[Any, Mapping[Any, Any]]]()
        for name, own in record.steps.items():
            try:
                cells = {decode(cell): decode(value) for cell, value in own.cells.items() if value is not None}
                states[name] = (decode(own.header), cells)
            except CheckpointMismatch as error:
                raise CheckpointMismatch(f"checkpoint {record.number}, step {name!r}: {error}") from error
        tokens = {name: [from_json(each) for each in own] for name, own in record.tokens.items()}
        return Start(states, tokens, record.number)

    # ------------------------------------------------------------------------------------------------- on the way

    def keeper(self) -> StateKeeper:
        """Takes the states of the next checkpoint."""
        return StateKeeper(self._codec, whole=self._history.base is None)

    async def commit(
        self,
        keeper: StateKeeper,
        tokens: Mapping[str, Sequence[JsonValue]],
        *,
        ended: bool = False,
        last: bool = False,
        joint: Writer | None = None,
    ) -> bool:
        """Make a checkpoint; False: it failed and may work the next time.

        Args:
            keeper: has the states.
            tokens: staged by sinks and in no checkpoint yet.
            ended: the input is over.
            last: the run ends: there is no next time.
            joint: the sink whose transaction it is to be part of.

        Raises:
            CheckpointWriteError: it failed, and there is no next time.
        """
        at = self._clock.wall()
        record = await self._blocking.call("encoding", partial(self._record, keeper, tokens, at, ended=ended))
        try:
            if joint is None:
                await self._blocking.call("writing", partial(self._history.put, record))
            else:
                name, data = await self._blocking.call("encoding", partial(self._history.sealed, record))
                await joint.commit_with(partial(self._put_on, name=name, data=data))
                await self._blocking.call("tidying", partial(self._history.added, record, len(data)))
        except CheckpointWriteError as error:
            self._failures += 1
            if joint is not None or last or self._failures >= _PATIENCE:
                raise CheckpointWriteError(
                    f"{error}; nothing since checkpoint {self._history.base or 0} is acknowledged, and the next run "
                    "goes on from there"
                ) from error
            _log.warning("%s; nothing is acknowledged, and the next checkpoint is to have it all", error)
            return False
        self._unsaved, self._failures = {}, 0
        return True

    def _record(
        self, keeper: StateKeeper, tokens: Mapping[str, Sequence[JsonValue]], at: int, *, ended: bool
    ) -> Record:
        steps = keeper.encoded()
        if keeper.whole or not self._unsaved:
            self._unsaved = steps
        else:
            add_to(self._unsaved, steps)
        return Record(
            flow=self._flow,
            number=self._history.next,
            base=None if keeper.whole else self._history.base,
            at=at,
            ended=ended,
            steps=self._unsaved,
            tokens={name: [to_json(each) for each in own] for name, own in tokens.items()},
            topology={**self._topology},
            schemas={**self._codec.schemas()},
        )

    def _put_on(self, connection: Any, *, name: str, data: bytes) -> None:
        self._store.put_on(connection, name, data)

    async def save(self, name: str) -> int:
        """Keep the last checkpoint under a name; gives its number.

        Raises:
            CheckpointWriteError: there is none yet, or it is not kept.
        """
        return await self._blocking.call("keeping", partial(self._save, name))

    def _save(self, name: str) -> int:
        number = self._history.base
        if number is None:
            raise CheckpointWriteError(f"{self._store.place}: there is no checkpoint yet to be kept as {name!r}")
        self._history.save(name, replace(self._history.at(number), name=name))
        return number

    async def close(self) -> None:
        """Release the store."""
        if not self.stuck:
            await self._blocking.call("closing", self._store.close)
