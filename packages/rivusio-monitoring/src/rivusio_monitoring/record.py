"""What is written down while runs go on. Only the listener touches records, under its lock."""

from __future__ import annotations

from dataclasses import dataclass, field

from rivusio_core import RunInfo, Tally
from rivusio_monitoring.durations import Durations
from rivusio_monitoring.errortracking import place
from rivusio_monitoring.rate import Rate
from rivusio_monitoring.snapshot import ChannelView, Outcome, RunTotals, RunView, StepView

__all__ = ["NameRecord", "RunRecord", "StepRecord"]

_FOREVER = 10**18
"""Microseconds: beyond this, a watermark is no moment but the beginning (minus) or the end of all input."""


@dataclass
class StepRecord:
    """Figures of one step of one run, or of all ended runs of one name (then `rate` is None)."""

    rate: Rate | None = None
    tally: Tally = field(default_factory=Tally)
    durations: Durations = field(default_factory=Durations)
    watermark: int | None = None
    _lag: float = 0.0
    _moved: float = 0.0

    def ran(self, tally: Tally, seconds: float, now: float) -> None:
        """Count a chunk."""
        self.tally.add(tally)
        self.durations.add(seconds)
        if self.rate is not None:
            self.rate.add(tally.taken, now)

    def reached(self, watermark: int, wall: int, now: float) -> None:
        """Note a watermark and what the clock of the run read then."""
        self.watermark = watermark
        self._lag, self._moved = (wall - watermark) / 1_000_000, now

    def merge(self, other: StepRecord) -> None:
        """Add the counts of `other`, but nothing that is only true while a run goes on."""
        self.tally.add(other.tally)
        self.durations.merge(other.durations)

    def lag(self, now: float) -> float | None:
        """Seconds behind the clock: the lag told last, and the time since then, whatever the wall clock did."""
        if self.watermark is None or self.watermark <= -_FOREVER:
            return None
        return 0.0 if self.watermark >= _FOREVER else self._lag + now - self._moved

    def view(self, name: str, now: float, *, live: bool) -> StepView:
        """A copy of the figures."""
        tally, durations = Tally(), Durations()
        tally.add(self.tally)
        durations.merge(self.durations)
        if not live:
            return StepView(name, tally, 0, durations)
        known = self.watermark is not None and abs(self.watermark) < _FOREVER
        return StepView(
            name=name,
            tally=tally,
            held=tally.held,
            durations=durations,
            rate=self.rate.per_second(now) if self.rate is not None else 0.0,
            watermark=self.watermark if known else None,
            lag=self.lag(now),
        )


@dataclass
class RunRecord:
    """A run that has started; `label` is the run's name as a label value, shared by runs of one name."""

    info: RunInfo
    label: str
    wall: int
    started: float
    reported: float
    steps: dict[str, StepRecord] = field(default_factory=dict[str, StepRecord])
    channels: dict[str, ChannelView] = field(default_factory=dict[str, ChannelView])

    def view(self, now: float, outcome: Outcome | None = None, error: BaseException | None = None) -> RunView:
        """A copy of the figures: of a running run, or of one that just ended so."""
        return RunView(
            name=self.label,
            id=self.info.id,
            state=outcome or "running",
            started=self.wall,
            seconds=now - self.started,
            quiet=now - self.reported,
            error=" at ".join(filter(None, (type(error).__name__, place(error)))) if error is not None else None,
            steps=tuple(step.view(name, now, live=outcome is None) for name, step in self.steps.items()),
            channels=tuple(self.channels.values()) if outcome is None else (),
        )


@dataclass
class NameRecord:
    """All runs of one name: what the ended ones did together, and which are running."""

    name: str
    started: int = 0
    ended: dict[Outcome, int] = field(default_factory=lambda: {"completed": 0, "failed": 0, "cancelled": 0})
    latest: Outcome | None = None
    idle_since: float = 0.0
    live: dict[str, RunRecord] = field(default_factory=dict[str, RunRecord])
    _past: dict[str, StepRecord] = field(default_factory=dict[str, StepRecord])

    def begin(self, run: RunRecord) -> None:
        """A run starts."""
        self.started += 1
        self.live[run.info.id] = run

    def end(self, run: RunRecord, outcome: Outcome, now: float) -> None:
        """A run ends: its counts stay with the name, so that counters never go back."""
        del self.live[run.info.id]
        self.ended[outcome] += 1
        self.latest, self.idle_since = outcome, now
        for name, step in run.steps.items():
            self._past.setdefault(name, StepRecord()).merge(step)

    def view(self, now: float) -> RunTotals:
        """A copy of the sums."""
        steps = {name: step.view(name, now, live=False) for name, step in self._past.items()}
        channels = dict[str, ChannelView]()
        for run in self.live.values():
            for name, step in run.steps.items():
                view = step.view(name, now, live=True)
                steps[name] = _sum(steps[name], view) if name in steps else view
            for name, one in run.channels.items():
                so_far = channels.get(name, ChannelView(name, 0, 0))
                channels[name] = ChannelView(name, so_far.items + one.items, so_far.capacity + one.capacity)
        return RunTotals(
            name=self.name,
            started=self.started,
            active=len(self.live),
            ended=dict(self.ended),
            steps=tuple(steps.values()),
            channels=tuple(channels.values()),
            latest=self.latest,
        )


def _sum(left: StepView, right: StepView) -> StepView:
    left.tally.add(right.tally)
    left.durations.merge(right.durations)
    return StepView(
        name=left.name,
        tally=left.tally,
        held=left.held + right.held,
        durations=left.durations,
        rate=left.rate + right.rate,
        watermark=min((each for each in (left.watermark, right.watermark) if each is not None), default=None),
        lag=max((each for each in (left.lag, right.lag) if each is not None), default=None),
    )
