"""Worker processes (interim)."""

from __future__ import annotations

import pickle
from typing import Any, Protocol

import anyio
import anyio.to_process

__all__ = ["Job", "ProcessPool"]


class Job(Protocol):
    """What a worker process does."""

    async def open(self) -> None: ...
    async def run(self, message: object) -> object: ...
    async def close(self) -> None: ...


_JOBS: dict[bytes, Any] = {}


def _run(payload: bytes, message: object) -> object:
    async def main() -> object:
        job = _JOBS.get(payload)
        if job is None:
            job = _JOBS[payload] = pickle.loads(payload)
            await job.open()
        return await job.run(message)

    return anyio.run(main)


class ProcessPool:
    """Some worker processes."""

    def __init__(self, job: Job, size: int) -> None:
        self._payload = pickle.dumps(job)
        self._limiter = anyio.CapacityLimiter(size)

    async def call(self, message: object) -> object:
        return await anyio.to_process.run_sync(_run, self._payload, message, limiter=self._limiter, cancellable=True)

    async def close(self) -> None:
        return
