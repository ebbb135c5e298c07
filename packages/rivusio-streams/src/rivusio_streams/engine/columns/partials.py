"""What is kept of rows whose windows are open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import count
from typing import Final

import polars as pl

from rivusio_streams.columns.formulas import END, Formulas
from rivusio_streams.moment import FOREVER

__all__ = ["HI", "LO", "Partials", "packed", "unpacked"]

LO, HI = "@lo", END
"""The ends of the first and of the last window that a row is in; those of all others lie between."""

_RUN: Final = 65_536
"""Rows of fresh parts of which a run is made."""
_MANY: Final = 128
"""Frames of fresh parts that are put together."""


@dataclass(frozen=True, slots=True)
class _Fresh:
    """Parts, no two of them of the same windows and key.

    Attributes:
        rows: the parts.
        first, last: the first and the last end of a window in which they are.
    """

    rows: pl.DataFrame
    first: int
    last: int


class Partials:
    """Parts by window and key, some of them still several for the same.

    Fresh parts are put together only when there are many, and what came of that only with about as much again: how
    often a part is touched before its window closes grows with the logarithm of how many there are. What was put
    together, a run, is not changed any more, so that a snapshot has to write it once.

    Args:
        formulas: put parts together.
        by: LO and HI; HI alone where both are always the same.
    """

    def __init__(self, formulas: Formulas, by: Sequence[str]) -> None:
        self._formulas, self._by, self._lo = formulas, by, by[0]
        self._fresh: list[_Fresh] = []
        self._count = 0
        """Rows of the fresh ones."""
        self._runs: dict[int, pl.DataFrame] = {}
        """By number, in the order of arrival; each in the order of last windows."""
        self._numbers = count()
        self._stored: set[int] = set()
        """The numbers of runs that a snapshot has."""

    def add(self, parts: pl.DataFrame, first: int, last: int) -> None:
        """Keep the parts of a batch, too, all of them in windows that end from `first` to `last`."""
        self._fresh.append(_Fresh(parts, first, last))
        self._count += parts.height
        if self._count > _RUN:
            self.seal()
        elif len(self._fresh) > _MANY:
            ends = min(each.first for each in self._fresh), max(each.last for each in self._fresh)
            merged = self._merged([each.rows for each in self._fresh])
            self._fresh, self._count = [_Fresh(merged, *ends)], merged.height

    def take(self, watermark: int) -> tuple[pl.DataFrame | None, bool]:
        """Those that are in a window that has ended by then, in the order of arrival; those in no other are dropped.

        Gives them, and whether there may be several of the same windows and key.
        """
        found, left = list[pl.DataFrame](), list[_Fresh]()
        for number, run in [*self._runs.items()]:
            ended, rest = self._divided(run, watermark)
            found += ended
            if rest.height:
                self._runs[number] = rest
            else:
                del self._runs[number]
        for each in self._fresh:
            if each.first > watermark:
                left.append(each)
            elif each.last <= watermark:
                found.append(each.rows)
            else:
                ended, rest = self._divided(each.rows.sort(HI, maintain_order=True), watermark)
                found += ended
                left.append(_Fresh(rest, each.first if self._lo != HI else _least(rest, HI), each.last))
        self._fresh, self._count = left, sum(each.rows.height for each in left)
        return pl.concat(found) if found else None, len(found) > 1

    def _divided(self, rows: pl.DataFrame, watermark: int) -> tuple[list[pl.DataFrame], pl.DataFrame]:
        """Of rows in the order of last windows: those that are in an ended one, and those that are in another still."""
        over = int((rows.get_column(HI) <= watermark).sum())
        ended, rest = rows[:over], rows[over:]
        both = [ended] if self._lo == HI else [ended, rest.filter(pl.col(LO) <= watermark)]
        return [each for each in both if each.height], rest

    def least(self) -> int | None:
        """The first end of a window in which something is, or less; None: there is nothing."""
        ends = [each.first for each in self._fresh]
        ends += [_least(each, self._lo) for each in self._runs.values()]
        return min(ends, default=None)

    def seal(self) -> None:
        """Make runs of all parts."""
        if not self._fresh:
            return
        self._put([each.rows for each in self._fresh])
        self._fresh, self._count = [], 0
        while len(self._runs) > 1:
            *_, before, last = self._runs
            if self._runs[before].height > 2 * self._runs[last].height:
                break
            self._put([self._runs.pop(before), self._runs.pop(last)])

    def _put(self, parts: list[pl.DataFrame]) -> None:
        # By LO, too: of rows of one time that are in different windows those in more came first.
        self._runs[next(self._numbers)] = self._merged(parts).sort(HI, *self._by[:-1], maintain_order=True)

    def _merged(self, parts: list[pl.DataFrame]) -> pl.DataFrame:
        if len(parts) == 1:
            return parts[0]
        return self._formulas.merged(pl.concat(parts), self._by).select(parts[0].columns)

    # --------------------------------------------------------------------------------------------------- snapshots

    def runs(self) -> list[int]:
        """The numbers of all runs; there is nothing else then."""
        self.seal()
        return [*self._runs]

    def changed(self) -> list[int]:
        """Those of runs that no snapshot has, and of those that one has and that are no more."""
        return [*(number for number in self.runs() if number not in self._stored), *(self._stored - {*self._runs})]

    def settle(self) -> None:
        """A snapshot has them all."""
        self._stored = {*self._runs}

    def run(self, number: int) -> bytes | None:
        """What is in a run; None: it is no more."""
        run = self._runs.get(number)
        return None if run is None else packed(run)

    def restore(self, runs: Mapping[int, bytes], passed: int) -> None:
        """Take up runs; what was in windows only that had ended by then is left out."""
        for number, data in sorted(runs.items()):
            run = unpacked(data).filter(pl.col(HI) > passed)
            if run.height:
                self._runs[number] = run
        self._stored, self._numbers = {*runs}, count(max(runs, default=-1) + 1)

    @property
    def size(self) -> int:
        """How much memory it takes in bytes, about."""
        frames = (*(fresh.rows for fresh in self._fresh), *self._runs.values())
        return int(sum(each.estimated_size() for each in frames))

    @property
    def rows(self) -> int:
        """How many parts there are."""
        return self._count + sum(each.height for each in self._runs.values())


def _least(rows: pl.DataFrame, name: str) -> int:
    least = rows.get_column(name).min()
    return least if isinstance(least, int) else FOREVER


def packed(frame: pl.DataFrame) -> bytes:
    """A frame as bytes: a stream of Arrow's."""
    data = BytesIO()
    frame.rechunk().write_ipc_stream(data)
    return data.getvalue()


def unpacked(data: bytes) -> pl.DataFrame:
    """The frame of bytes."""
    return pl.read_ipc_stream(data)
