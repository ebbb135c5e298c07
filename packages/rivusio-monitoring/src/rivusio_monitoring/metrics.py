"""The table of metrics, and how it is written in Prometheus' formats.

A metric is one row of `METRICS`. Values are read off a snapshot when somebody asks; nothing is kept here, so no label
outlives its run, no `_created` series appear, and prometheus_client's process-wide defaults stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric as Family,
)
from prometheus_client.registry import Collector

from rivusio_monitoring.durations import Durations
from rivusio_monitoring.snapshot import ChannelView, RunTotals, Snapshot, StepView
from rivusio_monitoring.versions import versions

__all__ = ["METRICS", "Metric", "make_registry", "reference"]

Value: TypeAlias = float | Durations | None
Samples: TypeAlias = Iterable[tuple[tuple[str, ...], Value]]


@dataclass(frozen=True)
class Metric:
    """A row: `read` gives the label values and the value of each series; a value of None is left out."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str
    read: Callable[[Snapshot], Samples]

    def family(self, snapshot: Snapshot | None) -> Family:
        """The metric with its series, as prometheus_client writes it; without any if there is no snapshot."""
        series = [each for each in self.read(snapshot) if each[1] is not None] if snapshot is not None else []
        if self.kind == "histogram":
            histogram = HistogramMetricFamily(self.name, self.help, labels=self.labels)
            for labels, value in series:
                if isinstance(value, Durations):
                    histogram.add_metric(labels, value.cumulative(), value.total)
            return histogram
        make = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        family = make(self.name, self.help, labels=self.labels)
        for labels, value in series:
            if isinstance(value, int | float):
                family.add_metric(labels, value)
        return family


def _of_steps(read: Callable[[StepView], Value]) -> Callable[[Snapshot], Samples]:
    return lambda all: (((run.name, step.name), read(step)) for run in all.totals for step in run.steps)


def _of_channels(read: Callable[[ChannelView], Value]) -> Callable[[Snapshot], Samples]:
    return lambda all: (((run.name, each.name), read(each)) for run in all.totals for each in run.channels)


def _of_runs(read: Callable[[RunTotals], Value]) -> Callable[[Snapshot], Samples]:
    return lambda all: (((run.name,), read(run)) for run in all.totals)


def _ended(all: Snapshot) -> Samples:
    return (((run.name, outcome), count) for run in all.totals for outcome, count in run.ended.items())


def _versions(_: Snapshot) -> Samples:
    return [((package, version), 1) for package, version in versions().items()]


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1_000_000


_STEP, _CHANNEL, _RUN = ("run", "step"), ("run", "channel"), ("run",)

METRICS: tuple[Metric, ...] = (
    Metric("rivusio_items_taken_total", "counter", _STEP, "Items that a step took in.", _of_steps(lambda s: s.tally.taken)),
    Metric("rivusio_items_given_total", "counter", _STEP, "Results that a step gave.", _of_steps(lambda s: s.tally.given)),
    Metric("rivusio_items_passed_total", "counter", _STEP, "Items taken that led to results.", _of_steps(lambda s: s.tally.passed)),
    Metric("rivusio_items_filtered_total", "counter", _STEP, "Items taken that were filtered out.", _of_steps(lambda s: s.tally.filtered)),
    Metric("rivusio_items_skipped_total", "counter", _STEP, "Items that failed and were skipped.", _of_steps(lambda s: s.tally.skipped)),
    Metric("rivusio_items_late_total", "counter", _STEP, "Items that came after every window of theirs had closed.", _of_steps(lambda s: s.tally.late)),
    Metric("rivusio_items_dead_total", "counter", _STEP, "Items that failed and became dead letters.", _of_steps(lambda s: s.tally.dead)),
    Metric("rivusio_items_failed_total", "counter", _STEP, "Items that failed and ended their run.", _of_steps(lambda s: s.tally.failed)),
    Metric("rivusio_items_held", "gauge", _STEP, "Items that a step of a running run holds, in state or in flight.", _of_steps(lambda s: s.held)),
    Metric("rivusio_retries_total", "counter", _STEP, "Attempts after the first.", _of_steps(lambda s: s.tally.retries)),
    Metric("rivusio_unaccounted_items", "gauge", _STEP, "Items taken of which nothing is known. Not 0: a bug in Rivusio.", _of_steps(lambda s: s.tally.unaccounted)),
    Metric("rivusio_step_chunk_duration_seconds", "histogram", _STEP, "Time that a step took for a chunk; steps fused into one loop share its time equally.", _of_steps(lambda s: s.durations)),
    Metric("rivusio_watermark_timestamp_seconds", "gauge", _STEP, "Event time that a step has reached, since the epoch.", _of_steps(lambda s: _seconds(s.watermark))),
    Metric("rivusio_watermark_lag_seconds", "gauge", _STEP, "How far a watermark is behind the clock; grows while it stands still, 0 after the end of input.", _of_steps(lambda s: s.lag)),
    Metric("rivusio_channel_items", "gauge", _CHANNEL, "Items in a channel of a running run.", _of_channels(lambda c: c.items)),
    Metric("rivusio_channel_capacity_items", "gauge", _CHANNEL, "Items that a channel of a running run can hold.", _of_channels(lambda c: c.capacity)),
    Metric("rivusio_runs_started_total", "counter", _RUN, "Runs that started.", _of_runs(lambda r: r.started)),
    Metric("rivusio_runs_ended_total", "counter", ("run", "outcome"), "Runs that ended: completed, failed or cancelled.", _ended),
    Metric("rivusio_runs_active", "gauge", _RUN, "Runs that are running.", _of_runs(lambda r: r.active)),
    Metric("rivusio_monitoring_overflow_reports_total", "counter", (), "Reports counted under `other`, or left out, because the limit of label sets was reached.", lambda all: [((), all.overflow)]),
    Metric("rivusio_monitoring_ignored_reports_total", "counter", (), "Reports of runs that had not started or had ended. Not 0: a bug in Rivusio.", lambda all: [((), all.ignored)]),
    Metric("rivusio_monitoring_uptime_seconds", "gauge", (), "Time since monitoring began.", lambda all: [((), all.uptime)]),
    Metric("rivusio_build_info", "gauge", ("package", "version"), "Always 1; the labels say what is installed.", _versions),
)
"""All metrics of Rivusio, in the order they are written. `run` is the name of a run, not its id."""


class _Metrics(Collector):
    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot

    def describe(self) -> Iterator[Family]:
        return (metric.family(None) for metric in METRICS)

    def collect(self) -> Iterator[Family]:
        snapshot = self._snapshot()  # one for all metrics: they fit together within a scrape
        return (metric.family(snapshot) for metric in METRICS)


def make_registry(snapshot: Callable[[], Snapshot]) -> CollectorRegistry:
    """A registry of its own with all metrics, and the usual ones of the process (CPU, memory, open files).

    Args:
        snapshot: asked at every scrape, for example `MonitoringListener().snapshot`.

    Example:
        >>> from rivusio_monitoring.listener import MonitoringListener
        >>> make_registry(MonitoringListener().snapshot).get_sample_value("rivusio_monitoring_ignored_reports_total")
        0.0
    """
    registry = CollectorRegistry()
    registry.register(_Metrics(snapshot))
    ProcessCollector(registry=registry)
    return registry


def reference() -> str:
    """The table of metrics in Markdown, as it stands in the documentation."""
    lines = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    for metric in METRICS:
        labels = ", ".join(f"`{name}`" for name in metric.labels) or "-"
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |")
    return "\n".join(lines)
