from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitoring_kit import StillClock, passed, series, started, value
from prometheus_client import generate_latest
from prometheus_client.openmetrics import exposition, parser

from rivusio_monitoring import METRICS, Metric, MonitoringListener, make_registry
from rivusio_monitoring.metrics import reference

DOCS = Path(__file__).parents[3] / "docs"


def _busy() -> MonitoringListener:
    listener = MonitoringListener(clock=StillClock())
    run = started(listener)
    listener.step_ran(run, "parse", passed(2), 0.1)
    listener.channel_filled(run, "out", 1, 2)
    listener.watermark_moved(run, "parse", 1, 2)
    return listener


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_follow_prometheus(metric: Metric) -> None:
    assert re.fullmatch(r"rivusio_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.help.endswith(".")


def test_names_are_unique() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_every_row_is_written_with_its_type_and_labels() -> None:
    text = generate_latest(make_registry(_busy().snapshot)).decode()
    for metric in METRICS:
        assert f"# TYPE {metric.name} {metric.kind}\n" in text
        found = re.search(rf"^{metric.name}(?:_bucket)?(?:{{(.*)}})? ", text, re.MULTILINE)
        if metric.name != "rivusio_build_info":  # its labels are full of whatever is installed
            assert found, metric.name
            labels = set(re.findall(r"(\w+)=", found[1] or "")) - {"le"}
            assert labels == set(metric.labels)
    assert "_created" not in text


def test_openmetrics_can_be_read_back() -> None:
    text = exposition.generate_latest(make_registry(_busy().snapshot)).decode()
    names = {family.name for family in parser.text_string_to_metric_families(text)}
    assert {metric.name.removesuffix("_total") for metric in METRICS} <= names
    assert "_created" not in text


@given(st.text(st.characters(exclude_categories=())), st.text(st.characters(exclude_categories=())))
def test_no_name_can_break_a_scrape(name: str, step: str) -> None:
    listener = MonitoringListener()
    listener.step_ran(started(listener, name), step, passed(3), 0.1)
    text = generate_latest(make_registry(listener.snapshot)).decode()
    taken = [line for line in text.split("\n") if line.startswith("rivusio_items_taken_total{")]
    assert len(taken) == 1
    assert taken[0].endswith("} 3.0")


def test_a_scrape_is_one_moment() -> None:
    asked = list[None]()
    listener = _busy()

    def counted() -> object:
        asked.append(None)
        return listener.snapshot()

    registry = make_registry(counted)  # type: ignore[arg-type]
    generate_latest(registry)
    assert len(asked) == 1


def test_the_process_shows_too() -> None:
    figures = series(generate_latest(make_registry(MonitoringListener().snapshot)))
    assert (value(figures, "process_cpu_seconds_total") is not None) == Path("/proc/self/stat").exists()


def test_settings_of_prometheus_client_stay_as_they_are() -> None:
    """Other parts of the program may use the same library; its switches are process-wide."""
    code = """
import prometheus_client.metrics
from prometheus_client import REGISTRY
switches = lambda: (prometheus_client.metrics._use_created, set(REGISTRY._names_to_collectors))
before = switches()
from rivusio_monitoring import MonitoringListener, make_registry
make_registry(MonitoringListener().snapshot)
assert switches() == before
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.skipif(not DOCS.is_dir(), reason="the documentation is not beside this package")
def test_the_documentation_has_the_whole_table() -> None:
    text = "\n".join(page.read_text("utf-8") for page in DOCS.rglob("monitoring.md"))
    assert reference() in text
