"""Tumbling windows without trigger: what is usual, and so folded a chunk at a time."""

from __future__ import annotations

from typing import Any

from rivusio_streams.engine.folding import Folding
from rivusio_streams.engine.operators.aligned import AlignedOperator, Open
from rivusio_streams.engine.operators.gridded import Grid, GriddedOperator
from rivusio_streams.windows import Tumbling

__all__ = ["TumblingOperator"]


class TumblingOperator(GriddedOperator, AlignedOperator):
    """As `AlignedOperator`, with the same results."""

    def __init__(self, name: str, windows: Tumbling, *settings: Any) -> None:
        super().__init__(name, windows, *settings)
        self.grid, self.width = Grid(windows.length, windows.length, windows.offset), windows.length
        self.folding = Folding.of(self.fold)

    def take_late(self, time: int, mark: int, key: Any, value: Any) -> bool:
        return self.add(time, mark, key, value)

    def place(self, start: int) -> Open:
        found = self._open.get((start + self.width, start))
        return self._new((start, start + self.width)) if found is None else found
