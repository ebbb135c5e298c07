"""Settings, plugin, progress, public names."""

from __future__ import annotations

import importlib
import io
import json
import pkgutil
import sys
from typing import Any

import pytest
from doubles import Event, micros

import rivusio_streams
from rivusio_core.errors import ConfigError
from rivusio_core.listener import RunInfo, Tally
from rivusio_core.registry import Registry
from rivusio_streams import JsonLines, RunConfig, Stream, Tumbling, agg, plugin
from rivusio_streams.config import RunSettings
from rivusio_streams.plan import Plan
from rivusio_streams.progress import PlainProgress, RichProgress, progress_listener


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"delivery": "never"}, "delivery"),
        ({"checkpoint": 3}, "checkpoint"),
        ({"savepoint": None}, "savepoint"),
        ({"memory": "much"}, "memory"),
        ({"memory": 0}, "memory"),
        ({"blocked_after": "0s"}, "blocked_after"),
        ({"parallelism": 0}, "parallelism"),
        ({"engine": "spark"}, "engine"),
        ({"chunk_wait": "1ms"}, "chunk_wait"),
        ({"chunk": 0}, "chunk"),
        ({"every": "0s"}, "every"),
        ({"drain_timeout": "soon"}, "drain_timeout"),
        ({"chunks": 3}, "chunks"),
        ({"listeners": [3]}, "listeners"),
    ],
)
def test_settings_that_are_wrong_or_not_there_yet_are_refused_by_name(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigError, match=field) as caught:
        RunConfig(**settings)
    assert caught.value.faults[0].path.startswith(field)


def test_all_faults_come_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        RunConfig(chunk=0, memory="0MiB", name="x", every=-1)
    assert sorted(fault.path for fault in caught.value.faults) == ["chunk", "every", "memory"]


def test_a_configuration_is_a_value() -> None:
    assert RunConfig(name="a") == RunConfig(name="a")
    with pytest.raises(Exception, match="frozen"):
        RunConfig().name = "b"  # type: ignore[misc]
    assert "every" in RunSettings.model_json_schema()["properties"]


def test_the_plugin_registers_kinds_and_connectors() -> None:
    registry = Registry()
    registration = registry.registration("streams", "rivusio-streams")
    plugin.rivusio_register(registration)
    registry.commit(registration)
    found = {(kind, name) for kind, name in registration.entries}
    assert ("source", "streams.json_lines") in found
    assert ("sink", "streams.stdout") in found
    windows = {name for kind, name in found if kind == "window"}
    assert windows >= {
        f"streams.{name}" for name in ("tumbling", "hopping", "hourly", "daily", "weekly", "monthly", "yearly")
    }


def test_public_names_are_there() -> None:
    for module in pkgutil.walk_packages(rivusio_streams.__path__, "rivusio_streams."):
        names = getattr(importlib.import_module(module.name), "__all__", None)
        if names is not None:
            assert all(hasattr(sys.modules[module.name], name) for name in names)


# -------------------------------------------------------------------------------------------- progress


def plan() -> Plan:
    stream = Stream.read([Event(1)], name="events").event_time(micros).tee(JsonLines("raw.jsonl"))
    windows = stream.window(Tumbling("1m"), late_to=JsonLines("late.jsonl"))
    return Plan.of(windows.aggregate(agg.count()).write(JsonLines("out.jsonl")).ends)


def test_progress_is_quiet_unless_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert progress_listener(plan(), None) is None
    assert isinstance(progress_listener(plan(), True), PlainProgress)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert progress_listener(plan(), False) is None
    listener = progress_listener(plan(), None)
    assert isinstance(listener, RichProgress)
    assert listener.shown == {"events": "source", "raw.jsonl": "sink", "late.jsonl": "sink", "out.jsonl": "sink"}
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert type(progress_listener(plan(), None)) is PlainProgress


def test_progress_shows_items_rates_and_the_watermark(capsys: pytest.CaptureFixture[str]) -> None:
    run = RunInfo("orders", "1")
    for made in (PlainProgress({"events": "source", "out": "sink"}), RichProgress({"events": "source", "out": "sink"})):
        made.run_started(run)
        made.step_ran(run, "events", Tally(taken=1500, passed=1500, given=1500), 0.1)
        made.step_ran(run, "parse", Tally(taken=7, passed=7, given=7), 0.1)
        made.watermark_moved(run, "event_time", 1_700_000_000_000_000, 0)
        made.run_ended(run, None)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "orders: events 1,500 (0/s), out 0 (0/s), watermark 2023-11-14 22:13:20+00:00" in shown.err
    assert "orders · watermark 2023-11-14 22:13:20+00:00" in shown.err


def test_a_run_with_progress_writes_nothing_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    Stream.read(range(10)).write([]).run(RunConfig(progress=True, name="numbers"))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "numbers: items 10" in shown.err
    Stream.read(range(10)).write([]).run()
    assert capsys.readouterr() == ("", "")


def test_a_report_holds_no_items() -> None:
    report = Stream.read(["secret"]).write([]).run()
    assert "secret" not in json.dumps(report.to_json()) + str(report) + repr(report)
