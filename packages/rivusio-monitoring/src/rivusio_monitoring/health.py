"""What can honestly be said of a process and its runs, as JSON. Pure functions of a snapshot."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from rivusio_monitoring.errortracking import ErrorGroup
from rivusio_monitoring.snapshot import RunView, Snapshot, StepView
from rivusio_monitoring.versions import versions

__all__ = ["Json", "livez", "readyz", "status"]

Json: TypeAlias = "dict[str, Json] | list[Json] | str | float | bool | None"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def livez(snapshot: Snapshot, quiet_after: float) -> tuple[bool, dict[str, Json]]:
    """Whether the process is alive, which is shown by answering at all.

    A run that has reported nothing for `quiet_after` seconds is listed under `quiet`. That is no sign of death: a
    source without news looks the same as a pipe that hangs.
    """
    quiet: list[Json] = [
        {"run": run.name, "id": run.id, "seconds": round(run.quiet, 3)}
        for run in snapshot.runs
        if run.state == "running" and run.quiet > quiet_after
    ]
    return True, {"status": "alive", "quiet": quiet}


def readyz(snapshot: Snapshot) -> tuple[bool, dict[str, Json]]:
    """Ready once a run has started, and while no name's latest ended run has failed; `reasons` says why not.

    A failure counts until a later run of the same name ends well, or the name is forgotten.
    """
    reasons: list[Json] = [f"run {each.name!r} has failed" for each in snapshot.totals if each.latest == "failed"]
    if not any(each.started for each in snapshot.totals):
        reasons.append("no run has started")
    return not reasons, {"status": "not ready" if reasons else "ready", "reasons": reasons}


def status(snapshot: Snapshot) -> dict[str, Json]:
    """Runs, steps, channels, rates, watermarks, errors by group, uptime in seconds, and versions.

    Times are UTC in ISO 8601. There is no item, no text of an exception and no setting in it.
    """
    ready, _ = readyz(snapshot)
    return {
        "status": "ready" if ready else "not ready",
        "time": _time(snapshot.wall),
        "uptime_seconds": round(snapshot.uptime, 3),
        "versions": dict(versions()),
        "runs": [_run(run) for run in snapshot.runs],
        "errors": [_error(group) for group in snapshot.errors],
    }


def _run(run: RunView) -> Json:
    return {
        "name": run.name,
        "id": run.id,
        "state": run.state,
        "started": _time(run.started),
        "seconds": round(run.seconds, 3),
        "quiet_seconds": round(run.quiet, 3),
        "error": run.error,
        "steps": [_step(step) for step in run.steps],
        "channels": [asdict(channel) for channel in run.channels],
    }


def _step(step: StepView) -> Json:
    return {
        "name": step.name,
        **asdict(step.tally),
        "held": step.held,
        "unaccounted": step.tally.unaccounted,
        "chunks": step.durations.count,
        "busy_seconds": round(step.durations.total, 6),
        "items_per_second": round(step.rate, 3),
        "watermark": None if step.watermark is None else _time(step.watermark),
        "watermark_lag_seconds": None if step.lag is None else round(step.lag, 3),
    }


def _error(group: ErrorGroup) -> Json:
    return {
        "error": group.error,
        "place": group.place,
        "run": group.run,
        "step": group.step,
        "count": group.count,
        "treatments": dict(group.treatments),
        "first": _time(group.first),
        "last": _time(group.last),
        "last_position": group.position,
    }


def _time(microseconds: int) -> str:
    try:
        return (_EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")
    except OverflowError:  # event times may lie outside of the years 1 to 9999
        return f"{microseconds}us"
