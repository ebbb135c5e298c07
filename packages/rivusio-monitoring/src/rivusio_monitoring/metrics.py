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
)
from prometheus_client.metrics_core import (
    Metric as Family,
)
from prometheus_client.registry import Collector

from rivusio_monitoring.durations import Durations
from rivusio_monitoring.snapshot import ChannelView, RunTotals, Snapshot, StepView
from rivusio_monitoring.versions import versions

__all__ = ["METRICS", "Metric", "make_registry", "reference"]

Kind: TypeAlias = Literal["counter", "gauge", "histogram"]
Value: TypeAlias = float | Durations | None
Samples: TypeAlias = Iterable[tuple[tuple[str, ...], Value]]


@dataclass(frozen=True)
class Metric:
    """A row: `read` gives the label values and the value of each series; a value of None is left out."""

    name: str
    kind: Kind
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


def _step(name: str, kind: Kind, read: Callable[[StepView], Value], meaning: str) -> Metric:
    def samples(now: Snapshot) -> Samples:
        return (((run.name, step.name), read(step)) for run in now.totals for step in run.steps)

    return Metric(name, kind, ("run", "step"), meaning, samples)


def _channel(name: str, kind: Kind, read: Callable[[ChannelView], Value], meaning: str) -> Metric:
    def samples(now: Snapshot) -> Samples:
        return (((run.name, channel.name), read(channel)) for run in now.totals for channel in run.channels)

    return Metric(name, kind, ("run", "channel"), meaning, samples)


def _run(name: str, kind: Kind, read: Callable[[RunTotals], Value], meaning: str) -> Metric:
    def samples(now: Snapshot) -> Samples:
        return (((run.name,), read(run)) for run in now.totals)

    return Metric(name, kind, ("run",), meaning, samples)


def _one(name: str, kind: Kind, read: Callable[[Snapshot], Value], meaning: str) -> Metric:
    return Metric(name, kind, (), meaning, lambda now: [((), read(now))])


def _ended(now: Snapshot) -> Samples:
    return (((run.name, outcome), count) for run in now.totals for outcome, count in run.ended.items())


def _versions(_: Snapshot) -> Samples:
    return [((package, version), 1) for package, version in versions().items()]


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1_000_000


METRICS: tuple[Metric, ...] = (
    _step("rivusio_items_taken_total", "counter", lambda s: s.tally.taken, "Items that a step took in."),
    _step("rivusio_items_given_total", "counter", lambda s: s.tally.given, "Results that a step gave."),
    _step("rivusio_items_passed_total", "counter", lambda s: s.tally.passed, "Items that led to results."),
    _step("rivusio_items_filtered_total", "counter", lambda s: s.tally.filtered, "Items that were filtered out."),
    _step("rivusio_items_skipped_total", "counter", lambda s: s.tally.skipped, "Items that failed and were skipped."),
    _step("rivusio_items_late_total", "counter", lambda s: s.tally.late, "Items refused by all their windows as late."),
    _step("rivusio_items_dead_total", "counter", lambda s: s.tally.dead, "Items that failed and became dead letters."),
    _step("rivusio_items_failed_total", "counter", lambda s: s.tally.failed, "Items that failed and ended their run."),
    _step("rivusio_items_held", "gauge", lambda s: s.held, "Items that running runs hold, in state or in flight."),
    _step("rivusio_retries_total", "counter", lambda s: s.tally.retries, "Attempts after the first."),
    _step(
        "rivusio_rows_late_total", "counter", lambda s: s.tally.late_rows, "Rows of batches of columns that were late."
    ),
    _step("rivusio_keys_forgotten_total", "counter", lambda s: s.tally.forgotten, "Keys forgotten beyond a limit."),
    _step(
        "rivusio_unaccounted_items",
        "gauge",
        lambda s: s.tally.unaccounted,
        "Items taken of which nothing is known. Not 0: a bug in Rivusio.",
    ),
    _step(
        "rivusio_step_chunk_duration_seconds",
        "histogram",
        lambda s: s.durations,
        "Time that a step took for a chunk; steps fused into one loop share its time equally.",
    ),
    _step(
        "rivusio_watermark_timestamp_seconds",
        "gauge",
        lambda s: _seconds(s.watermark),
        "Event time that a step has reached, since the epoch.",
    ),
    _step(
        "rivusio_watermark_lag_seconds",
        "gauge",
        lambda s: s.lag,
        "How far a watermark is behind the clock; grows while it stands still, 0 after the end of input.",
    ),
    _channel("rivusio_channel_items", "gauge", lambda c: c.items, "Items in a channel of running runs."),
    _channel("rivusio_channel_capacity_items", "gauge", lambda c: c.capacity, "Items that the channel can hold."),
    _run("rivusio_runs_started_total", "counter", lambda r: r.started, "Runs that started."),
    Metric(
        "rivusio_runs_ended_total",
        "counter",
        ("run", "outcome"),
        "Runs that ended: `completed`, `failed` or `cancelled`.",
        _ended,
    ),
    _run("rivusio_runs_active", "gauge", lambda r: r.active, "Runs that are running."),
    _one(
        "rivusio_monitoring_overflow_reports_total",
        "counter",
        lambda now: now.overflow,
        "Reports counted under `other`, or left out, because the limit of label sets was reached.",
    ),
    _one(
        "rivusio_monitoring_ignored_reports_total",
        "counter",
        lambda now: now.ignored,
        "Reports of runs that had not started or had ended. Not 0: a bug in Rivusio.",
    ),
    _one("rivusio_monitoring_uptime_seconds", "gauge", lambda now: now.uptime, "Time since monitoring began."),
    Metric(
        "rivusio_build_info",
        "gauge",
        ("package", "version"),
        "Always 1; the labels say what is installed.",
        _versions,
    ),
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
        0
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
