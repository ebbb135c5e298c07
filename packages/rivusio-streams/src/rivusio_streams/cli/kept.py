"""What a flow has kept: its checkpoints, looked at and changed from outside of a run."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from rivusio_core.cli.target import TargetError, load_target
from rivusio_core.config import load_configuration
from rivusio_core.errors import CheckpointCorrupt, ConfigError, Fault, RunError
from rivusio_streams.checkpoint.history import Found, History
from rivusio_streams.checkpoint.migration import Migration
from rivusio_streams.checkpoint.places import store_at
from rivusio_streams.checkpoint.record import Record
from rivusio_streams.checkpoint.store import CheckpointStore
from rivusio_streams.checkpoint.topology import topology
from rivusio_streams.config import RunConfig
from rivusio_streams.engine.reader import ReaderState
from rivusio_streams.flow import Flow
from rivusio_streams.plan import Plan
from rivusio_streams.state import Codec

__all__ = ["Kept", "Row", "Shown"]


@dataclass(frozen=True)
class Row:
    """One checkpoint in a list.

    Attributes:
        name: its number, or the name of the savepoint.
        at: when it was made, microseconds since the epoch; None: it is damaged.
        size: bytes; 0 for savepoints, which are not counted.
        note: what is special about it.
    """

    name: str
    at: int | None
    size: int
    note: str = ""

    @property
    def made(self) -> str:
        """When, for people."""
        return "?" if self.at is None else _moment(self.at)

    def to_json(self) -> Mapping[str, object]:
        """As values that JSON can hold."""
        return {"name": self.name, "at": self.at, "bytes": self.size, "note": self.note}


@dataclass(frozen=True)
class Shown:
    """What one checkpoint holds.

    Attributes:
        record: it.
        positions: by source and partition; not those that cannot be read.
    """

    record: Record
    positions: Mapping[str, Mapping[str, object]]

    def to_json(self) -> Mapping[str, object]:
        """As values that JSON can hold."""
        record = self.record
        return {
            "flow": record.flow,
            "number": record.number,
            "at": record.at,
            "ended": record.ended,
            "savepoint": record.name,
            "positions": self.positions,
            "steps": {
                name: {
                    "definition": record.topology.get(name, ""),
                    "cells": len(own.cells),
                    "bytes": len(own.header) + sum(len(value or b"") for value in own.cells.values()),
                }
                for name, own in record.steps.items()
            },
            "staged": {name: len(own) for name, own in record.tokens.items()},
            "types": sorted(record.schemas),
        }

    def __str__(self) -> str:
        record = self.record
        how = "the input was over" if record.ended else "in the middle of the input"
        lines = [f"checkpoint {record.number} of {record.flow}, made {_moment(record.at)}, {how}"]
        for name, own in record.steps.items():
            size = len(own.header) + sum(len(value or b"") for value in own.cells.values())
            lines.append(f"  {name}: {len(own.cells):,} cells, {size:,} bytes  {record.topology.get(name, '')}")
            lines += [f"    {key or 'all'}: {position}" for key, position in self.positions.get(name, {}).items()]
        lines += [f"  {name}: {len(own)} staged" for name, own in record.tokens.items()]
        lines += [f"  type {name}" for name in sorted(record.schemas)]
        return "\n".join(lines)


class Kept:
    """The checkpoints of one flow in one place.

    Args:
        flow: its name in checkpoints.
        store: the place.
        topology: what the flow keeps, in words.
        codec: reads what is kept.
    """

    def __init__(self, flow: str, store: CheckpointStore, topology: Mapping[str, str], codec: Codec) -> None:
        self.flow, self._store, self._topology, self._codec = flow, store, topology, codec

    @classmethod
    def of(cls, target: str, overrides: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Kept:
        """Those of a target, where its settings say.

        Raises:
            TargetError: it is no flow.
            ConfigError: the settings are wrong, or say no place.
        """
        flow = load_target(target)
        if not isinstance(flow, Flow):
            raise TargetError(f"{target} keeps no checkpoints", advice=("name a flow: Stream.read(...)....write(...)",))
        settings = load_configuration(flow.run_settings(), folder=folder, environ=environ, overrides=overrides).run
        config = RunConfig(**cast("dict[str, Any]", dict(settings)))
        if config.checkpoint is None:
            message = "say where checkpoints are kept, as for the run: --set checkpoint=PATH, or in rivusio.toml"
            raise ConfigError(faults=[Fault(message, "checkpoint")])
        plan = Plan.of(flow.ends)
        return cls(config.name or flow.name, store_at(config.checkpoint), topology(plan), Codec(config.upcasts))

    @property
    def place(self) -> str:
        """Where they are."""
        return self._store.place

    def rows(self) -> list[Row]:
        """All of them, the oldest first; then the savepoints.

        Raises:
            CheckpointError: the place cannot be read.
        """
        with self._opened(read_only=True) as history:
            rows = list[Row]()
            sizes = history.sizes()
            for number in history.numbers():
                try:
                    record = history.at(number)
                except CheckpointCorrupt as error:
                    rows.append(Row(str(number), None, sizes[number], f"damaged: {error}"))
                else:
                    rows.append(Row(str(number), record.at, sizes[number], "end of input" if record.ended else ""))
            for name in history.savepoints():
                try:
                    record = history.savepoint(name)
                except CheckpointCorrupt as error:
                    rows.append(Row(name, None, 0, f"damaged: {error}"))
                else:
                    rows.append(Row(name, record.at, 0, f"savepoint of checkpoint {record.number}"))
            return rows

    def shown(self, name: str) -> Shown:
        """What one holds; the latest if no name is given.

        Raises:
            CheckpointError: it is damaged, or not there.
        """
        with self._opened(read_only=True) as history:
            if not name:
                record = self._latest(history).record
            elif name.isdecimal():
                record = history.at(int(name))
            else:
                record = history.savepoint(name)
        decode, positions = self._codec.reader(record.schemas), dict[str, dict[str, object]]()
        for step, own in record.steps.items():
            try:
                header = decode(own.header)
            except RunError:  # of a type that is not there any more; only positions are wanted
                continue
            if isinstance(header, dict):
                found = cast("dict[str, object]", header)
                read: dict[str, object] = {
                    key: state.position for key, state in found.items() if isinstance(state, ReaderState)
                }
                if read:
                    positions[step] = read
        return Shown(record, positions)

    def save(self, name: str) -> int:
        """Keep the latest as a savepoint; gives its number.

        Raises:
            CheckpointError: a run has them locked, there is none, or there is such a savepoint.
        """
        with self._opened() as history:
            record = self._latest(history).record
            history.save(name, replace(record, name=name))
            return record.number

    def count(self, *, savepoints: bool) -> int:
        """How many checkpoints, and savepoints if asked, there are.

        Raises:
            CheckpointError: the place cannot be read.
        """
        with self._opened(read_only=True) as history:
            return len(history.numbers()) + (len(history.savepoints()) if savepoints else 0)

    def reset(self, *, savepoints: bool) -> None:
        """Throw all away.

        Raises:
            CheckpointError: a run has them locked, or they cannot be deleted.
        """
        with self._opened() as history:
            history.reset(savepoints=savepoints)

    def migrate(
        self, renamed: Mapping[str, str], dropped: Sequence[str], accepted: Sequence[str], to: str, *, dry_run: bool
    ) -> tuple[int, str]:
        """Write a checkpoint that fits the flow as it is now; gives its number and place.

        Raises:
            CheckpointMismatch: it still would not fit.
            CheckpointError: a run has them locked, there is none, or the place cannot be written.
        """
        with self._opened(read_only=dry_run) as history:
            found = self._latest(history).record
            record = Migration(renamed, dropped, accepted).of(found, self._topology)
            if not to:
                number = history.next
                if not dry_run:
                    history.put(replace(record, number=number, base=None))
                return number, self.place
        store = store_at(to)
        other = Kept(self.flow, store, self._topology, self._codec)
        with other._opened(read_only=dry_run) as target:
            target.latest()
            number = max(target.next, record.number)
            if not dry_run:
                target.put(replace(record, number=number, base=None))
            return number, store.place

    def _latest(self, history: History) -> Found:
        found = history.latest()
        if found is None:
            raise CheckpointCorrupt(f"{self.place} has no checkpoints of {self.flow!r}")
        return found

    @contextmanager
    def _opened(self, *, read_only: bool = False) -> Generator[History, None, None]:
        try:
            self._store.open(self.flow, read_only=read_only)
            yield History(self._store)
        finally:
            self._store.close()


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
