"""Monitoring of Rivusio's runs: metrics for Prometheus, health, and errors by group, over HTTP on loopback."""

from __future__ import annotations

from rivusio_monitoring.errortracking import ErrorGroup
from rivusio_monitoring.exporter import Exporter
from rivusio_monitoring.listener import MonitoringListener
from rivusio_monitoring.metrics import METRICS, Metric, make_registry
from rivusio_monitoring.settings import MonitoringSettings
from rivusio_monitoring.snapshot import ChannelView, RunTotals, RunView, Snapshot, StepView

__all__ = [
    "METRICS",
    "ChannelView",
    "ErrorGroup",
    "Exporter",
    "Metric",
    "MonitoringListener",
    "MonitoringSettings",
    "RunTotals",
    "RunView",
    "Snapshot",
    "StepView",
    "make_registry",
]
