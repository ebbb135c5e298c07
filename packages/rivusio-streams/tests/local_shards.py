"""Worker processes that are none: the shards of a step in the event loop of the test, each with copies of its own."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import anyio.lowlevel
import pytest

from rivusio_streams.engine import assembly, sharded_stage
from rivusio_streams.engine.assembly import Assembly

__all__ = ["LocalWorker", "spread"]


class LocalWorker:
    """Stands for a `WorkerProcess`; what is sent is copied, as pickling does."""

    def __init__(self) -> None:
        self._job: Any = None

    @property
    def alive(self) -> bool:
        return self._job is not None

    async def start(self, job: Any) -> None:
        self._job = deepcopy(job)
        await self._job.open()

    async def call(self, message: object) -> object:
        await anyio.lowlevel.checkpoint()
        return deepcopy(await self._job.run(deepcopy(message)))

    async def close(self) -> None:
        await self._job.close()

    async def abandon(self) -> None:
        self._job = None


def spread(monkeypatch: pytest.MonkeyPatch, shards: Iterator[int]) -> None:
    """Have all steps that can be spread be spread over so many shards, another number each time one is made."""
    built, made = Assembly.__init__, sharded_stage.ShardedStage

    def build(self: Assembly, *args: Any, **kwargs: Any) -> None:
        built(self, *args, **kwargs)
        self._parallelism = 2

    def make(operator: Any, job: Any, _: int, **settings: Any) -> Any:
        return made(operator, job, next(shards), **settings)

    monkeypatch.setattr(Assembly, "__init__", build)
    monkeypatch.setattr(assembly, "ShardedStage", make)
    monkeypatch.setattr(sharded_stage, "WorkerProcess", LocalWorker)
    monkeypatch.setattr(sharded_stage, "payload_of", lambda job, _: job)
