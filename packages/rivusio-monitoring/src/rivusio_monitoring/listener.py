"""The listener that counts. Run threads report to it chunk by chunk, while the exporter's thread reads snapshots."""

from __future__ import annotations

from collections import deque
from threading import Lock

from rivusio_core import Listener, PipeError, RunInfo, SystemClock, Tally
from rivusio_core.listener import Treatment
from rivusio_monitoring.errortracking import ErrorGroups
from rivusio_monitoring.labels import OTHER, Labels
from rivusio_monitoring.rate import Rate
from rivusio_monitoring.readings import Readings
from rivusio_monitoring.record import NameRecord, RunRecord, StepRecord
from rivusio_monitoring.settings import MonitoringSettings
from rivusio_monitoring.snapshot import ChannelView, Outcome, RunView, Snapshot

__all__ = ["MonitoringListener"]

_ENDED_RUNS_SHOWN = 20


class MonitoringListener(Listener):
    """Counts what any number of runs, one after another or at once, report. Thread-safe; never waits for I/O.

    Runs are counted by name, not by id: a name is a label that stays the same from one run to the next, while an id
    would leave series behind with every run. What a name counted is forgotten `settings.keep` after its last run.

    Args:
        settings: limits; `port` and `host` are of no interest here.
        clock: where the time comes from; the machine's clock by default.

    Example:
        >>> listener = MonitoringListener()
        >>> run = RunInfo("etl", "1")
        >>> listener.run_started(run)
        >>> listener.step_ran(run, "parse", Tally(taken=3, passed=2, skipped=1, given=2), seconds=0.01)
        >>> listener.snapshot().totals[0].steps[0].tally.skipped
        1
    """

    def __init__(self, settings: MonitoringSettings | None = None, *, clock: Readings | None = None) -> None:
        self.settings = settings or MonitoringSettings()
        self._clock: Readings = clock or SystemClock()
        self._lock = Lock()
        self._since = self._clock.monotonic()
        self._names: dict[str, NameRecord] = {}
        self._runs: dict[str, RunRecord] = {}
        self._ended: deque[tuple[float, RunView]] = deque(maxlen=_ENDED_RUNS_SHOWN)
        self._errors = ErrorGroups(self.settings.error_groups)
        self._steps = Labels(self.settings.label_sets)
        self._channels = Labels(self.settings.label_sets)
        self._ignored = 0

    def run_started(self, run: RunInfo) -> None:
        """Count a start and begin to accept reports of the run."""
        with self._lock:
            now = self._clock.monotonic()
            self._forget(now)
            name = self._steps.run(run.name)
            self._channels.run(name)
            record = RunRecord(run, name, self._clock.wall(), now, now)
            self._runs[run.id] = record
            self._names.setdefault(name, NameRecord(name)).begin(record)
            for step in run.steps:  # so that a step shows with zeros before its first chunk
                self._step(record, step)

    def run_ended(self, run: RunInfo, error: BaseException | None) -> None:
        """Count an end. Its counts stay; levels (held, fill, watermark) go with the run."""
        with self._lock:
            now = self._clock.monotonic()
            record = self._runs.pop(run.id, None)
            if record is None:
                self._ignored += 1
                return
            outcome = _outcome(error)
            self._names[record.label].end(record, outcome, now)
            self._ended.append((now, record.view(now, outcome, error if outcome == "failed" else None)))
            self._forget(now)

    def step_ran(self, run: RunInfo, step: str, tally: Tally, seconds: float) -> None:
        """Count a chunk."""
        with self._lock:
            record = self._reporting(run)
            if record is not None:
                self._step(record, step).ran(tally, seconds, record.reported)

    def item_failed(self, run: RunInfo, error: PipeError, treatment: Treatment) -> None:
        """Add an error to its group; the count of failed items comes with the chunk."""
        with self._lock:
            record = self._reporting(run)
            if record is not None:
                self._errors.add(record.label, error, treatment, self._clock.wall())

    def channel_filled(self, run: RunInfo, channel: str, items: int, capacity: int) -> None:
        """Note how full a channel is."""
        with self._lock:
            record = self._reporting(run)
            if record is not None:
                name = self._channels.name(record.label, channel)
                if name != OTHER:  # levels of several channels under one name would overwrite one another
                    record.channels[name] = ChannelView(name, items, capacity)

    def watermark_moved(self, run: RunInfo, step: str, watermark: int, wall: int) -> None:
        """Note a watermark."""
        with self._lock:
            record = self._reporting(run)
            if record is not None:
                name = self._steps.name(record.label, step)
                if name != OTHER:
                    self._step(record, step).reached(watermark, wall, record.reported)

    def snapshot(self) -> Snapshot:
        """A copy of all figures, taken between two chunks."""
        with self._lock:
            now, wall = self._clock.monotonic(), self._clock.wall()
            self._forget(now)
            return Snapshot(
                wall=wall,
                uptime=now - self._since,
                runs=(*(run.view(now) for run in self._runs.values()), *(view for _, view in reversed(self._ended))),
                totals=tuple(name.view(now) for name in self._names.values()),
                errors=self._errors.latest(),
                overflow=self._steps.refused + self._channels.refused,
                ignored=self._ignored,
            )

    def _reporting(self, run: RunInfo) -> RunRecord | None:
        record = self._runs.get(run.id)
        if record is None:
            self._ignored += 1
        else:
            record.reported = self._clock.monotonic()
        return record

    def _step(self, record: RunRecord, step: str) -> StepRecord:
        found = record.steps.get(step)  # a name that was admitted is its own label
        if found is None:
            name = self._steps.name(record.label, step)
            found = record.steps.get(name)
            if found is None:
                found = record.steps[name] = StepRecord(Rate(record.started))
        return found

    def _forget(self, now: float) -> None:
        old = now - self.settings.keep_seconds
        while self._ended and self._ended[0][0] < old:
            self._ended.popleft()
        for name in [each.name for each in self._names.values() if not each.live and each.idle_since < old]:
            del self._names[name]
            self._steps.forget(name)
            self._channels.forget(name)


def _outcome(error: BaseException | None) -> Outcome:
    if error is None:
        return "completed"
    # what is no Exception (KeyboardInterrupt, CancelledError, GeneratorExit) is somebody's wish, not a failure
    return "failed" if isinstance(error, Exception) else "cancelled"
