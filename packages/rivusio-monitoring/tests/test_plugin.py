from __future__ import annotations

import gc
import threading

import pytest
from monitoring_kit import get, passed, scrape, value
from pydantic import BaseModel, ValidationError

from rivusio_core import ConfigError, Listener, RunInfo
from rivusio_core.listener import Listeners
from rivusio_core.plugin import Plugin
from rivusio_monitoring import MonitoringListener, MonitoringSettings, plugin
from rivusio_monitoring.lease import Lease

RUN = RunInfo("etl", "1", ("parse",))


def _listeners(settings: BaseModel | None) -> tuple[Listener, ...]:
    return Plugin("monitoring", "rivusio-monitoring", plugin).listeners(RUN, settings)


def _lease(listeners: tuple[Listener, ...]) -> Lease:
    counting, lease = listeners
    assert isinstance(counting, MonitoringListener)
    assert isinstance(lease, Lease)
    return lease


def test_the_core_takes_the_plugin_with_its_settings() -> None:
    assert Plugin("monitoring", "rivusio-monitoring", plugin).settings_model() is MonitoringSettings


@pytest.mark.parametrize("settings", [None, MonitoringSettings()])
def test_nothing_listens_unless_a_port_is_set(settings: BaseModel | None) -> None:
    before = threading.active_count()
    assert not Listeners(_listeners(settings)), "a run without listeners skips all work for them"
    assert threading.active_count() == before


def test_a_run_is_served_from_its_start_to_its_end(capfd: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    listeners = _listeners(MonitoringSettings(port=0))
    exporter = _lease(listeners).exporter
    assert exporter is not None
    assert capfd.readouterr() == ("", f"rivusio: monitoring on {exporter.url}\n")
    run = Listeners(listeners)
    run.run_started(RUN)
    run.step_ran(RUN, "parse", passed(3), 0.1)
    assert value(scrape(exporter), "rivusio_items_taken_total", run="etl", step="parse") == 3
    run.run_ended(RUN, None)
    assert _lease(listeners).exporter is None
    with pytest.raises(ConnectionRefusedError):
        get(exporter, "/livez")
    assert threading.active_count() == before


def test_runs_with_the_same_settings_share_a_port_until_the_last_one_ends() -> None:
    settings = MonitoringSettings(port=0, keep="11m")
    first, second = _listeners(settings), _listeners(settings)
    exporter = _lease(first).exporter
    assert exporter is not None
    assert _lease(second).exporter is exporter
    one, two = RunInfo("etl", "1"), RunInfo("etl", "2")
    Listeners(first).run_started(one)
    Listeners(second).run_started(two)
    Listeners(first).run_ended(one, None)
    assert get(exporter, "/livez").status == 200
    assert value(scrape(exporter), "rivusio_runs_started_total", run="etl") == 2
    Listeners(second).run_ended(two, None)
    with pytest.raises(ConnectionRefusedError):
        get(exporter, "/livez")


def test_counters_go_on_in_the_next_run_of_the_process() -> None:
    settings = MonitoringSettings(port=0, keep="12m")
    for ident in ("1", "2"):
        run = RunInfo("etl", ident)
        listeners = _listeners(settings)
        Listeners(listeners).run_started(run)
        Listeners(listeners).step_ran(run, "parse", passed(5), 0.1)
        exporter = _lease(listeners).exporter
        assert exporter is not None
        figures = scrape(exporter)
        Listeners(listeners).run_ended(run, None)
    assert value(figures, "rivusio_items_taken_total", run="etl", step="parse") == 10


def test_a_run_that_never_starts_gives_the_port_back() -> None:
    before = set(threading.enumerate())
    listeners = _listeners(MonitoringSettings(port=0, keep="13m"))
    (server,) = set(threading.enumerate()) - before
    del listeners
    gc.collect()
    server.join(30)
    assert not server.is_alive()


def test_a_port_in_use_is_told_before_the_run_starts() -> None:
    listeners = _listeners(MonitoringSettings(port=0, keep="14m"))
    exporter = _lease(listeners).exporter
    assert exporter is not None
    with pytest.raises(ConfigError, match=f"port {exporter.port}"):
        plugin.rivusio_listeners(RUN, MonitoringSettings(port=exporter.port))
    Listeners(listeners).run_ended(RUN, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": -1},
        {"port": 70_000},
        {"prot": 1},
        {"host": ""},
        {"keep": "soon"},
        {"keep": 0},
        {"client_timeout": "-1s"},
    ]
    + [{name: 0} for name in ("label_sets", "error_groups", "connections")],
    ids=str,
)
def test_wrong_settings_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        MonitoringSettings.model_validate(wrong)
    assert [error["loc"] for error in caught.value.errors()] == [tuple(wrong)]


def test_settings_are_values() -> None:
    with pytest.raises(ValidationError):
        MonitoringSettings().port = 1
    assert all(field.description for field in MonitoringSettings.model_fields.values())
