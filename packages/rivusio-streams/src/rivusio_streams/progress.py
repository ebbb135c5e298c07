"""Progress on a terminal: items and rates of every source and sink, and how far event time has come.

Shown with rich where it is installed (extra `progress`), else as one plain line from time to time. Nothing is shown
where standard error is no terminal.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rivusio_core.listener import Listener, RunInfo, Tally
from rivusio_streams.graph import AggregateNode, ReadNode, TeeNode, WriteNode
from rivusio_streams.moment import FIRST, LAST, as_datetime
from rivusio_streams.plan import Plan

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live

__all__ = ["PlainProgress", "Progress", "RichProgress", "progress_listener"]

_INTERVAL = 1.0
"""Seconds between two plain lines, and over which a rate is taken."""


@dataclass
class _Rate:
    """Items so far, and per second of late."""

    items: int = 0
    rate: float = 0.0
    _since: float = field(default_factory=time.monotonic)
    _before: int = 0

    def update(self, now: float) -> None:
        if now - self._since >= _INTERVAL:
            self.rate = (self.items - self._before) / (now - self._since)
            self._since, self._before = now, self.items


class Progress(Listener):
    """Counts what sources give and sinks take.

    Args:
        shown: by step, `source` or `sink`.
    """

    def __init__(self, shown: Mapping[str, str]) -> None:
        self.shown = dict(shown)
        self.rates = {name: _Rate() for name in shown}
        self.watermark: int | None = None

    def step_ran(self, run: RunInfo, step: str, tally: Tally, seconds: float) -> None:
        rate = self.rates.get(step)
        if rate is not None:
            rate.items += tally.given
            rate.update(time.monotonic())

    def watermark_moved(self, run: RunInfo, step: str, watermark: int, wall: int) -> None:
        self.watermark = watermark

    def event_time(self) -> str:
        """How far event time has come, as text; empty where there is none."""
        if self.watermark is None or not FIRST <= self.watermark <= LAST:
            return ""
        return as_datetime(self.watermark).isoformat(sep=" ", timespec="seconds")


class PlainProgress(Progress):
    """One line about once a second."""

    def __init__(self, shown: Mapping[str, str]) -> None:
        super().__init__(shown)
        self._next = time.monotonic() + _INTERVAL

    def step_ran(self, run: RunInfo, step: str, tally: Tally, seconds: float) -> None:
        super().step_ran(run, step, tally, seconds)
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _INTERVAL
            self._print(run)

    def run_ended(self, run: RunInfo, error: BaseException | None) -> None:
        self._print(run)

    def _print(self, run: RunInfo) -> None:
        sys.stderr.write(f"{self.line(run)}\n")
        sys.stderr.flush()

    def line(self, run: RunInfo) -> str:
        """Everything on one line."""
        parts = [f"{name} {rate.items:,} ({rate.rate:,.0f}/s)" for name, rate in self.rates.items()]
        if self.event_time():
            parts.append(f"watermark {self.event_time()}")
        return f"{run.name}: {', '.join(parts)}"


class RichProgress(Progress):
    """A live table.

    Raises:
        ImportError: rich is not installed.
    """

    def __init__(self, shown: Mapping[str, str]) -> None:
        super().__init__(shown)
        self._live: Live | None = None

        from rich.console import Console  # an optional extra

        self._console = Console(stderr=True)

    def run_started(self, run: RunInfo) -> None:
        from rich.live import Live

        self._live = Live(console=self._console, get_renderable=lambda: self.table(run), refresh_per_second=4)
        self._live.start()

    def run_ended(self, run: RunInfo, error: BaseException | None) -> None:
        if self._live is not None:
            self._live.stop()

    def table(self, run: RunInfo) -> Group:
        """What is shown now."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        title = run.name + (f" · watermark {self.event_time()}" if self.event_time() else "")
        table = Table(box=None, pad_edge=False)
        for heading in ("", "step", "items", "per second"):
            table.add_column(heading, justify="right" if heading in ("items", "per second") else "left")
        now = time.monotonic()
        for name, rate in list(self.rates.items()):
            rate.update(now)
            table.add_row(self.shown[name], Text(name), f"{rate.items:,}", f"{rate.rate:,.0f}")
        return Group(Text(title), table)


def progress_listener(plan: Plan, wanted: bool | None) -> Progress | None:
    """What shows the progress of a run, if anything does.

    Args:
        plan: the flow.
        wanted: True, False, or None: if standard error is a terminal.
    """
    terminal = bool(sys.stderr) and sys.stderr.isatty()
    if wanted is False or not (terminal or wanted):
        return None
    shown = dict[str, str]()
    for node in plan.nodes:
        if isinstance(node, ReadNode):
            shown[plan.name(node)] = "source"
        elif isinstance(node, WriteNode | TeeNode):
            shown[plan.name(node)] = "sink"
        elif isinstance(node, AggregateNode) and id(node) in plan.extras:
            shown[plan.extras[id(node)]] = "sink"
    if terminal:
        try:
            return RichProgress(shown)
        except ImportError:
            pass
    return PlainProgress(shown)
