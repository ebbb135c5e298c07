"""Windows that have closed and still take late rows."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from rivusio_streams.columns.formulas import END, INDEX, Formulas
from rivusio_streams.engine.columns.partials import packed, unpacked

__all__ = ["LATE", "ClosedWindows"]

LATE = "@late"
"""The number of a late row."""


class ClosedWindows:
    """What was in windows, by end of the window and key, and how many panes were given.

    Args:
        formulas: put parts together.
        accumulate: a pane holds what earlier ones held, too.
    """

    def __init__(self, formulas: Formulas, accumulate: bool) -> None:
        self._formulas, self._accumulate = formulas, accumulate
        self._by = [END, *formulas.keys]
        self._held: pl.DataFrame | None = None
        self._changed: set[int] = set()
        self._stored: set[int] = set()
        """The ends of windows that changed since a snapshot, and those that it has."""

    def hold(self, panes: pl.DataFrame) -> None:
        """These were given."""
        self._put(panes.with_columns(pl.lit(1, pl.Int64).alias(INDEX)))

    def _put(self, rows: pl.DataFrame) -> None:
        self._changed.update(rows.get_column(END).unique())
        self._held = rows if self._held is None else pl.concat([self._held, rows.select(self._held.columns)])

    def add(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Add late rows; gives a pane for each, with its number.

        Args:
            rows: those of batches, once for each window, with its end and with the number of the row as LATE.
        """
        singles = self._formulas.parts(rows, [END, LATE]).sort(LATE)
        number = pl.int_range(pl.len()).over(self._by)  # among the late rows of the same window and key
        rounds = singles.with_columns(number.alias("@round"), pl.lit(1, pl.Int64).alias(INDEX)).partition_by(
            "@round", maintain_order=True, include_key=False
        )
        return pl.concat([self._add(each) for each in rounds])

    def _add(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Add rows of which no two are of the same window and key."""
        added = rows.select(pl.exclude(LATE))
        if self._held is not None:
            added = added.select(self._held.columns)
            same = self._held.join(added, on=self._by, how="semi", nulls_equal=True)
            self._held = self._held.join(added, on=self._by, how="anti", nulls_equal=True)
            added = self._formulas.merged(pl.concat([same, added]), [END], pl.col(INDEX).sum())
        self._put(added)
        if self._accumulate:
            panes = added.join(rows.select(*self._by, LATE), on=self._by, nulls_equal=True)
        else:
            panes = rows.drop(INDEX).join(added.select(*self._by, INDEX), on=self._by, nulls_equal=True)
        return panes.select(rows.columns).with_columns(pl.col(INDEX) - 1)

    def drop(self, end: int) -> None:
        """Forget the windows that ended by then."""
        if self._held is None:
            return
        self._held = self._held.filter(pl.col(END) > end)
        self._changed = {each for each in self._changed if each > end}
        if not self._held.height:
            self._held = None

    def least(self) -> int | None:
        """The first end of a window."""
        least = None if self._held is None else self._held.get_column(END).min()
        return least if isinstance(least, int) else None

    @property
    def size(self) -> int:
        """How much memory it takes in bytes, about."""
        return 0 if self._held is None else int(self._held.estimated_size())

    # --------------------------------------------------------------------------------------------------- snapshots

    def ends(self) -> list[int]:
        """Of all windows."""
        return [] if self._held is None else self._held.get_column(END).unique().sort().to_list()

    def changed(self) -> list[int]:
        """The ends of the windows that a snapshot does not have as they are, and of those that are no more."""
        return sorted(self._changed | (self._stored - {*self.ends()}))

    def settle(self) -> None:
        """A snapshot has them all."""
        self._changed, self._stored = set(), {*self.ends()}

    def window(self, end: int) -> bytes | None:
        """What was in a window; None: it is forgotten."""
        found = None if self._held is None else self._held.filter(pl.col(END) == end)
        return packed(found) if found is not None and found.height else None

    def restore(self, windows: Mapping[int, bytes]) -> None:
        """Take up windows."""
        if windows:
            self._held = pl.concat([unpacked(data) for data in windows.values()])
        self._stored = {*windows}
