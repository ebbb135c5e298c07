"""What is kept of rows whose windows are open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from itertools import count
from typing import Final

import polars as pl

from rivusio_streams.columns.formulas import Formulas

__all__ = ["HI", "LO", "Partials", "packed", "unpacked"]

LO, HI = "@lo", "@hi"
"""The ends of the first and of the last window that a row is in; those of all others lie between."""

_RUN: Final = 65_536
"""Rows of fresh parts that are put together."""


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
        self._fresh: list[pl.DataFrame] = []
        self._count = self._lots = 0
        """Rows of the fresh ones, and of how many batches they are."""
        self._runs: dict[int, pl.DataFrame] = {}
        """By number, in the order of arrival; each in the order of last windows."""
        self._numbers = count()
        self._stored: set[int] = set()
        """The numbers of runs that a snapshot has."""

    def add(self, parts: pl.DataFrame) -> None:
        """Keep these, too: they came behind all others."""
        self._fresh.append(parts)
        self._count += parts.height
        self._lots += 1
        if self._count > _RUN:
            self.seal()

    def take(self, watermark: int) -> tuple[pl.DataFrame | None, bool]:
        """Those that are in a window that has ended by then, in the order of arrival; those in no other are dropped.

        Gives them, and whether there may be several of the same windows and key.
        """
        found = [rows for number in [*self._runs] for rows in self._take_of(number, watermark) if rows.height]
        several = len(found)
        if self._fresh:
            fresh = pl.concat(self._fresh) if len(self._fresh) > 1 else self._fresh[0]
            ended = fresh.filter(pl.col(self._lo) <= watermark)
            if ended.height:
                found.append(ended)
                several += self._lots
            rest = fresh.filter(pl.col(HI) > watermark)
            self._fresh, self._count = [rest] if rest.height else [], rest.height
            self._lots = self._lots if rest.height else 0
        return pl.concat(found) if found else None, several > 1

    def _take_of(self, number: int, watermark: int) -> Iterator[pl.DataFrame]:
        run = self._runs[number]
        over = int(run.get_column(HI).search_sorted(watermark, side="right"))
        yield run[:over]
        if over == run.height:
            del self._runs[number]
            return
        self._runs[number] = run[over:]
        if self._lo != HI:
            yield run[over:].filter(pl.col(LO) <= watermark)

    def least(self) -> int | None:
        """The first end of a window in which something is, or less; None: there is nothing."""
        ends = [each.get_column(self._lo).min() for each in (*self._fresh, *self._runs.values())]
        return min((end for end in ends if isinstance(end, int)), default=None)

    def seal(self) -> None:
        """Make runs of all parts."""
        if not self._fresh:
            return
        self._put(self._fresh, self._lots > 1)
        self._fresh, self._count, self._lots = [], 0, 0
        while len(self._runs) > 1:
            *_, before, last = self._runs
            if self._runs[before].height > 2 * self._runs[last].height:
                break
            self._put([self._runs.pop(before), self._runs.pop(last)], True)

    def _put(self, parts: list[pl.DataFrame], several: bool) -> None:
        whole = pl.concat(parts)
        merged = self._formulas.merged(whole, self._by).select(whole.columns) if several else whole
        # Of what is in different windows for its lateness alone, that came first that is in more of them.
        self._runs[next(self._numbers)] = merged.sort(HI, *self._by[:-1], maintain_order=True)

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
    def bytes(self) -> int:
        """How much memory it takes, about."""
        return int(sum(each.estimated_size() for each in (*self._fresh, *self._runs.values())))

    @property
    def rows(self) -> int:
        """How many parts there are."""
        return self._count + sum(each.height for each in self._runs.values())


def packed(frame: pl.DataFrame) -> bytes:
    """A frame as bytes: a stream of Arrow's."""
    data = BytesIO()
    frame.rechunk().write_ipc_stream(data)
    return data.getvalue()


def unpacked(data: bytes) -> pl.DataFrame:
    """The frame of bytes."""
    return pl.read_ipc_stream(data)
