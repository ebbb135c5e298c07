"""What `map`, `amap` and `opened` can be given, and what follows from it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any, TypedDict, cast

from rivusio_core.clock import Clock
from rivusio_core.dead_letter import DeadLetter
from rivusio_core.duration import Duration
from rivusio_core.engine.build import step_names
from rivusio_core.engine.context import DeadLetterReceiver, RunContext
from rivusio_core.engine.nature import check_options, needs_loop, parts_of
from rivusio_core.engine.profiler import Profiler
from rivusio_core.engine.watchdog import Watchdog
from rivusio_core.errors import ConfigError
from rivusio_core.event_loop import running_loop
from rivusio_core.listener import Listener
from rivusio_core.parallel import Parallel
from rivusio_core.pipe import BasePipe
from rivusio_core.pipeline import steps_of

__all__ = ["RunSettings", "check_settings", "context_of", "refuse_running_loop", "runs_in_loop"]


class RunSettings(TypedDict, total=False):
    """What `map`, `amap` and `opened` take besides the items.

    parallel: run the whole pipeline on several items at once.
    dead_letters: a list, or a function (async where an event loop runs), that takes items that failed for good.
    listeners: hear of the run's counts and failures.
    clock: the time; tests bring their own.
    blocked_after: report a pipe that keeps the run's event loop from running for so long; None: do not watch. 1 s by
        default. (`opened` does not watch.)
    """

    parallel: Parallel | None
    dead_letters: list[DeadLetter] | DeadLetterReceiver | None
    listeners: Sequence[Listener]
    clock: Clock | None
    blocked_after: Duration | None


def context_of(pipe: BasePipe[Any, Any], settings: RunSettings, *, blocking: bool = False) -> RunContext:
    """The context of a run with these settings."""
    given = settings.get("dead_letters")
    receiver = given if given is None or callable(given) else given.append
    return RunContext(
        RunContext.info_of(pipe.step_name, step_names(pipe)),
        listeners=settings.get("listeners", ()),
        dead_letters=receiver,
        clock=settings.get("clock"),
        blocking=blocking,
    )


def runs_in_loop(pipe: BasePipe[Any, Any], settings: RunSettings) -> bool:
    """Whether a run of the pipeline with these settings takes an event loop."""
    receiver = settings.get("dead_letters")
    waits = settings.get("parallel") is not None or settings.get("clock") is not None
    waits = waits or any(isinstance(each, Profiler) for each in settings.get("listeners", ()))
    return waits or inspect.iscoroutinefunction(receiver) or needs_loop(pipe)


def check_settings(pipe: BasePipe[Any, Any], settings: RunSettings) -> None:
    """Find what is wrong before anything runs."""
    unknown = sorted(set(settings) - set(RunSettings.__annotations__))
    if unknown:
        raise ConfigError(f"no such setting: {', '.join(unknown)}; there are {', '.join(RunSettings.__annotations__)}")
    parallel = cast("object", settings.get("parallel"))  # callers may be untyped
    if parallel is not None and not isinstance(parallel, Parallel):
        raise ConfigError(f"parallel: must be Parallel(kind=..., workers=...), not {parallel!r}")
    Watchdog.check(settings.get("blocked_after"))
    for step in _all_steps(pipe):
        check_options(step, step.step_name)
        if step.options.on_error == "dead_letter" and settings.get("dead_letters") is None:
            raise ConfigError(
                f"pipe {step.step_name!r} sends failed items to dead letters, but this run has no place for them; "
                "pass dead_letters=[] (a list) or dead_letters=function"
            )


def _all_steps(pipe: BasePipe[Any, Any]) -> Iterator[BasePipe[Any, Any]]:
    for step in steps_of(pipe):
        yield step
        for part in parts_of(step):
            yield from _all_steps(part)


def refuse_running_loop(called: str, instead: str) -> None:
    """Raise RuntimeError where an event loop runs already: a sync call would block it."""
    if running_loop() is not None:
        raise RuntimeError(
            f"{called}() would block the event loop that is already running here; await pipeline.{instead}(...) instead"
        )
