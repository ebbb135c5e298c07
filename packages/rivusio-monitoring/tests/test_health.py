from __future__ import annotations

import json

from monitoring_kit import StillClock, get, passed, serving, started

from rivusio_core import RunInfo
from rivusio_monitoring import MonitoringListener
from rivusio_monitoring.health import livez, readyz, status


def test_ready_once_a_run_has_started() -> None:
    listener = MonitoringListener()
    assert readyz(listener.snapshot()) == (False, {"status": "not ready", "reasons": ["no run has started"]})
    run = started(listener)
    assert readyz(listener.snapshot()) == (True, {"status": "ready", "reasons": []})
    listener.run_ended(run, None)
    assert readyz(listener.snapshot())[0]


def test_not_ready_after_a_failure_until_a_run_of_that_name_ends_well() -> None:
    listener = MonitoringListener()
    listener.run_ended(started(listener, "etl", "1"), ValueError())
    started(listener, "other one", "2")
    assert readyz(listener.snapshot()) == (False, {"status": "not ready", "reasons": ["run 'etl' has failed"]})
    again = started(listener, "etl", "3")
    assert not readyz(listener.snapshot())[0]
    listener.run_ended(again, None)
    assert readyz(listener.snapshot())[0]


def test_a_quiet_run_is_named_but_is_no_sign_of_death() -> None:
    clock = StillClock()
    listener = MonitoringListener(clock=clock)
    run = started(listener)
    clock.now += 60
    assert livez(listener.snapshot(), 60) == (True, {"status": "alive", "quiet": []})
    clock.now += 0.5
    assert livez(listener.snapshot(), 60) == (
        True,
        {"status": "alive", "quiet": [{"run": "etl", "id": "1", "seconds": 60.5}]},
    )
    listener.channel_filled(run, "out", 0, 1)
    assert livez(listener.snapshot(), 60)[1]["quiet"] == []
    clock.now += 100
    listener.run_ended(run, None)
    assert livez(listener.snapshot(), 60)[1]["quiet"] == []


def test_status_tells_runs_steps_rates_and_watermarks() -> None:
    clock = StillClock()
    listener = MonitoringListener(clock=clock)
    run = started(listener, steps=("parse",))
    clock.now += 5
    listener.step_ran(run, "parse", passed(100), 0.25)
    listener.watermark_moved(run, "parse", clock.utc - 1_500_000, clock.utc)
    listener.channel_filled(run, "out", 3, 10)
    shown = json.loads(json.dumps(status(listener.snapshot())))
    (one,) = shown["runs"]
    (step,) = one["steps"]
    assert (one["name"], one["id"], one["state"], one["seconds"]) == ("etl", "1", "running", 5)
    assert one["started"] == "2023-11-14T22:13:20Z"
    assert (step["taken"], step["unaccounted"], step["chunks"], step["busy_seconds"]) == (100, 0, 1, 0.25)
    assert (step["items_per_second"], step["watermark_lag_seconds"]) == (20, 1.5)
    assert step["watermark"] == "2023-11-14T22:13:18.500000Z"
    assert one["channels"] == [{"name": "out", "items": 3, "capacity": 10}]
    assert (shown["uptime_seconds"], shown["errors"]) == (5, [])
    assert "python" in shown["versions"]


def test_an_event_time_beyond_the_calendar_is_told_in_microseconds() -> None:
    listener = MonitoringListener()
    listener.watermark_moved(started(listener), "parse", -(10**17), 0)
    shown = json.loads(json.dumps(status(listener.snapshot())))
    assert shown["runs"][0]["steps"][0]["watermark"] == "-100000000000000000us"


def test_ended_runs_are_told_latest_first_without_the_text_of_their_error() -> None:
    listener = MonitoringListener()
    for number in range(25):
        listener.run_ended(started(listener, "etl", str(number)), ValueError("secret") if number == 24 else None)
    text = json.dumps(status(listener.snapshot()))
    runs = json.loads(text)["runs"]
    assert [run["id"] for run in runs] == [str(number) for number in range(24, 4, -1)]
    assert (runs[0]["state"], runs[0]["error"], runs[1]["error"]) == ("failed", "ValueError", None)
    assert "secret" not in text


def test_the_pages_over_http() -> None:
    with serving() as (listener, exporter):
        assert get(exporter, "/livez").status == 200
        refused = get(exporter, "/readyz")
        assert (refused.status, refused.headers["content-type"]) == (503, "application/json")
        started(listener)
        assert get(exporter, "/readyz").status == 200
        assert json.loads(get(exporter, "/status").body)["runs"][0]["name"] == "etl"
        listener.run_ended(RunInfo("etl", "1"), ValueError())
        assert json.loads(get(exporter, "/readyz").body)["reasons"] == ["run 'etl' has failed"]
