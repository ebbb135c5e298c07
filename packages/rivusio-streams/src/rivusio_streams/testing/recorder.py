"""Sinks that also keep what is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rivusio_streams.connectors.listing import ListSink
from rivusio_streams.sink import AsyncSink, BaseSink, Sink

__all__ = ["recording"]


def recording(sink: BaseSink[Any] | None, into: list[Any]) -> BaseSink[Any]:
    """A sink that writes to another one, if there is one, and appends to a list."""
    if isinstance(sink, AsyncSink):
        return _AsyncRecorder(sink, into)
    if isinstance(sink, Sink):
        return _Recorder(sink, into)
    return _Kept(into)


class _Kept(ListSink[Any]):
    @property
    def step_name(self) -> str:
        return "late"


class _AsyncRecorder(AsyncSink[Any]):
    def __init__(self, inner: AsyncSink[Any], into: list[Any]) -> None:
        self._inner, self._into = inner, into
        self.commit, self.divisible = inner.commit, inner.divisible

    @property
    def step_name(self) -> str:
        return self._inner.step_name

    async def open(self) -> None:
        await self._inner.open()

    async def write(self, batch: Sequence[Any]) -> None:
        await self._inner.write(batch)
        self._into.extend(batch)

    async def flush(self) -> None:
        await self._inner.flush()

    async def close(self) -> None:
        await self._inner.close()


class _Recorder(Sink[Any]):
    def __init__(self, inner: Sink[Any], into: list[Any]) -> None:
        self._inner, self._into = inner, into
        self.commit, self.divisible = inner.commit, inner.divisible

    @property
    def step_name(self) -> str:
        return self._inner.step_name

    def open(self) -> None:
        self._inner.open()

    def write(self, batch: Sequence[Any]) -> None:
        self._inner.write(batch)
        self._into.extend(batch)

    def flush(self) -> None:
        self._inner.flush()

    def close(self) -> None:
        self._inner.close()
