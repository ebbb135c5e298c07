"""`rivusio run TARGET`."""

from __future__ import annotations

import os
from pathlib import Path

import anyio

from rivusio_core.cli.console import Console, is_watched
from rivusio_core.cli.exit_code import ExitCode
from rivusio_core.cli.options import Command, Options, Parser, add_settings
from rivusio_core.cli.signals import Signals
from rivusio_core.cli.target import load_target
from rivusio_core.config import load_configuration
from rivusio_core.listener import Listener, RunInfo, Tally
from rivusio_core.pipe_runnable import PipeRunnable
from rivusio_core.runnable import Launch, Runnable, RunReport

__all__ = ["COMMAND"]


def _add(parser: Parser) -> None:
    parser.add_argument("target", metavar="TARGET", help="module:flow or file.py:flow")
    parser.add_argument(
        "--profile", action="store_true", help="show where the time went, step by step, and what the bottleneck is"
    )
    add_settings(parser)


def _execute(options: Options) -> int:
    runnable = load_target(options.target, json=options.json)
    settings = [*options.settings, *(["profile=true"] if options.profile else [])]
    configuration = load_configuration(
        runnable.run_settings(), folder=Path.cwd(), environ=os.environ, overrides=settings
    )
    held = _Held()
    launch = Launch(
        settings=configuration.run,
        listeners=[*configuration.listeners(RunInfo(runnable.name, "")), held],
        progress=bool(is_watched()),
    )
    run = _Run(runnable, launch)
    try:
        anyio.run(run.go)
    except* KeyboardInterrupt:  # a third signal, or a second one that broke off what blocked the event loop
        run.report = None
    if run.report is None:
        left = ", ".join(f"{count:,} in {step!r}" for step, count in held.counts.items() if count) or "items in flight"
        told = "broken off; everything is closed, nothing more was acknowledged; what was left:"
        Console().note(f"{runnable.name}: {told} {left}")
        return ExitCode.BROKEN_OFF
    _show(run.report, json=options.json and not isinstance(runnable, PipeRunnable))
    return ExitCode.FINE


class _Run:
    """One run under signals; `report` is there if it ended cleanly."""

    def __init__(self, runnable: Runnable, launch: Launch) -> None:
        self.report: RunReport | None = None
        self._runnable = runnable
        self._launch = launch

    async def go(self) -> None:
        with Signals() as signals:
            launch = Launch(
                settings=self._launch.settings,
                listeners=self._launch.listeners,
                stop=signals.stop,
                progress=self._launch.progress,
            )
            try:
                with signals.scope:
                    self.report = await self._runnable.launch(launch)
            except* KeyboardInterrupt:
                pass  # it has ended the event loop already, which cancelled this


class _Held(Listener):
    """What steps hold now."""

    def __init__(self) -> None:
        self.counts = dict[str, int]()

    def step_ran(self, run: RunInfo, step: str, tally: Tally, seconds: float) -> None:
        if tally.held:
            self.counts[step] = self.counts.get(step, 0) + tally.held


def _show(report: RunReport, *, json: bool) -> None:
    if json:
        Console().json(report.to_json())
    else:
        Console().note(report.summary())


COMMAND = Command(
    "run",
    "run a flow until its input ends or a signal stops it",
    "rivusio run shop.py:flow --set every=10s",
    _add,
    _execute,
    more=(
        "A flow reads its sources and writes its sinks; --json prints its report. A pipeline or a single pipe reads\n"
        "lines from standard input and prints results: text as it is, anything else as JSON; where it takes neither\n"
        "text nor bytes, each line is read as JSON.\n\n"
        "Settings, the later ones win: [tool.rivusio] in pyproject.toml, rivusio.toml, environment\n"
        "(RIVUSIO__MONITORING__PORT=9464), --set (monitoring.port=9464). The first SIGINT or SIGTERM stops cleanly,\n"
        "the second breaks off (exit code 75, with the counts of what was left)."
    ),
)
