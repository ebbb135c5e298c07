"""Figures at one moment. Everything shown is made from a snapshot, so that no page sees half of a chunk counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rivusio_core import Tally
from rivusio_monitoring.durations import Durations
from rivusio_monitoring.errortracking import ErrorGroup

__all__ = ["ChannelView", "Outcome", "RunState", "RunTotals", "RunView", "Snapshot", "StepView"]

Outcome = Literal["completed", "failed", "cancelled"]
"""How a run ended; cancelled: by the caller, a signal, or an iterator that was not read to its end."""

RunState = Literal["running", "completed", "failed", "cancelled"]
"""What a run is doing, or how it ended."""


@dataclass(frozen=True)
class StepView:
    """What a step did.

    Attributes:
        name: of the step.
        tally: its counts.
        held: items that it holds now, in state or in flight; those of ended runs are gone.
        durations: how long its chunks took.
        rate: items taken a second, over the last ten seconds; 0 once the run has ended.
        watermark: its event time, in microseconds since the epoch; None while it has none.
        lag: seconds that its watermark is behind the clock; grows while the watermark stands still.
    """

    name: str
    tally: Tally
    held: int
    durations: Durations
    rate: float = 0.0
    watermark: int | None = None
    lag: float | None = None


@dataclass(frozen=True)
class ChannelView:
    """How full a channel is: items in it, and how many it can hold."""

    name: str
    items: int
    capacity: int


@dataclass(frozen=True)
class RunView:
    """One run.

    Attributes:
        name, id: as in `RunInfo`.
        state: whether it is running, or how it ended.
        started: microseconds since the epoch.
        seconds: how long it has been running, or ran.
        quiet: seconds since it last reported anything.
        error: class and place of what ended it, without its text; None unless it failed.
        steps, channels: in the order of their first report.
    """

    name: str
    id: str
    state: RunState
    started: int
    seconds: float
    quiet: float
    error: str | None
    steps: tuple[StepView, ...]
    channels: tuple[ChannelView, ...]


@dataclass(frozen=True)
class RunTotals:
    """All runs of one name, ended ones included until they are forgotten.

    Attributes:
        name: of the runs.
        started: how many ever started.
        active: how many are running now.
        ended: how many ended how.
        steps: sums over the runs; the smallest watermark and the largest lag of those running.
        channels: sums over those running.
        latest: how the run that ended last did so; None while none has ended.
    """

    name: str
    started: int
    active: int
    ended: Mapping[Outcome, int]
    steps: tuple[StepView, ...]
    channels: tuple[ChannelView, ...]
    latest: Outcome | None


@dataclass(frozen=True)
class Snapshot:
    """Everything that is known.

    Attributes:
        wall: when this was taken, in microseconds since the epoch.
        uptime: seconds since monitoring began.
        runs: those running, oldest first, then the latest ended ones.
        totals: by name of run.
        errors: groups of alike errors, that of the latest first.
        overflow: reports that were counted under `other`, or left out where sums mean nothing, for too many labels.
        ignored: reports of runs that had not started or had ended.
    """

    wall: int
    uptime: float
    runs: tuple[RunView, ...]
    totals: tuple[RunTotals, ...]
    errors: tuple[ErrorGroup, ...]
    overflow: int
    ignored: int
