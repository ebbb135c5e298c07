"""Keeps the record of a run on disk."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.to_thread

from rivusio_core.clock import Clock
from rivusio_core.run_record import RunRecord

__all__ = ["Recorder"]

_EVERY = 1.0
"""Seconds between two records."""
_log = logging.getLogger("rivusio")


class Recorder:
    """Writes a record every second: whole, under another name first, readable by its owner only.

    A record that cannot be written is reported once; data goes on.

    Args:
        path: of the file.
        clock: of the run.
        make: gives the record.
    """

    def __init__(self, path: Path, clock: Clock, make: Callable[[], RunRecord | None]) -> None:
        self._path, self._clock, self._make = path, clock, make
        self._failed = False

    async def run(self) -> None:
        """Do it until cancelled."""
        while True:
            await self.once()
            await self._clock.sleep(_EVERY)

    async def once(self) -> None:
        """Write one record."""
        record = self._make()
        if record is not None:
            await anyio.to_thread.run_sync(self._write, record)

    def _write(self, record: RunRecord) -> None:
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}.tmp")
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(record.model_dump_json(indent=2).encode())
            beside.replace(self._path)
        except OSError as error:
            if not self._failed:
                self._failed = True
                _log.error("the record %s cannot be written: %s; the run goes on without", self._path, error.strerror)
            with contextlib.suppress(OSError):
                beside.unlink()
