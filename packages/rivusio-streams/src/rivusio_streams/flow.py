"""Flows: streams with their sinks; what can be run, checked and drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import anyio
from pydantic import BaseModel

from rivusio_core.engine.listing import ChainCode, code_of
from rivusio_core.errors import DefinitionError
from rivusio_core.graph import GraphFormat
from rivusio_core.pipeline import Pipeline, steps_of
from rivusio_core.runnable import Launch
from rivusio_streams.check import CheckReport, check
from rivusio_streams.checkpoint.places import store_at
from rivusio_streams.config import RunConfig, RunSettings
from rivusio_streams.drawing import drawing
from rivusio_streams.explain import explained
from rivusio_streams.graph import Node, PipeNode, WriteNode
from rivusio_streams.plan import Plan
from rivusio_streams.report import Report
from rivusio_streams.run import Run

__all__ = ["Flow"]


@dataclass(frozen=True, repr=False)
class Flow:
    """What is read, done and written, made by `Stream.write`. An immutable value; it may be run many times at once.

    Attributes:
        ends: the nodes that write.
        name: in messages and metrics.
    """

    ends: tuple[WriteNode, ...]
    name: str = "flow"

    @staticmethod
    def of(*flows: Flow, name: str = "flow") -> Flow:
        """One flow of several: with several sinks. A stream used in more than one of them is computed once.

        Raises:
            DefinitionError: there are none.
        """
        if not flows:
            raise DefinitionError("Flow.of: give it at least one flow")
        ends = list[WriteNode]()
        for flow in flows:
            ends += [end for end in flow.ends if not any(end is each for each in ends)]
        return Flow(tuple(ends), name)

    def named(self, name: str) -> Flow:
        """The same flow under another name."""
        return replace(self, name=name)

    def run(self, config: RunConfig | None = None, *, stop: anyio.Event | None = None) -> Report:
        """Run until the end of the input, from sync code.

        Raises:
            DefinitionError: something is wrong with the flow or the configuration; nothing was opened.
            RunError: what ended the run; everything of it is closed.
            RuntimeError: an event loop is running here already; use `arun`.
        """
        return self.prepare(config, stop=stop).run()

    async def arun(self, config: RunConfig | None = None, *, stop: anyio.Event | None = None) -> Report:
        """Run until the end of the input or until stopped, from async code; on asyncio and trio.

        Cancelling it leaves nothing running and nothing open, and acknowledges nothing more.

        Args:
            config: the settings.
            stop: set it to stop cleanly: no more is read, what was read is dealt with, batches are given, open windows
                are not.

        Raises:
            DefinitionError: something is wrong with the flow or the configuration; nothing was opened.
            GuaranteeError: `delivery` was given and cannot be promised; nothing was opened.
            CheckpointCorrupt: there are checkpoints, and none of them is good.
            CheckpointMismatch: the checkpoint is that of another flow, or holds values of types that have changed.
            CheckpointWriteError: the place of checkpoints cannot be written, or another run is using it.
            DrainTimeout: stopping took longer than `drain_timeout`.
            RunError: what ended the run; everything of it is closed.
        """
        return await self.prepare(config, stop=stop).arun()

    def prepare(self, config: RunConfig | None = None, *, stop: anyio.Event | None = None) -> Run:
        """A run that is not started yet, to hold on to: `await run.arun()`, `run.run()` or `run.start()` starts it.

        Args:
            config: the settings.
            stop: set in the event loop of the run to stop it; `Run.stop` does so from anywhere.

        Raises:
            DefinitionError: something is wrong with the flow.
        """
        settings = config or RunConfig()
        plan = Plan.of(self.ends)
        check(plan, dead_letters=settings.dead_letters is not None).raise_first()
        return Run(plan, settings, settings.name or self.name, stop)

    def start(self, config: RunConfig | None = None) -> Run:
        """Run in a thread of its own; gives the run at once: `status`, `stop`, `savepoint`, `wait`.

        Raises:
            DefinitionError: something is wrong with the flow.
        """
        return self.prepare(config).start()

    def run_settings(self) -> type[BaseModel]:
        """The model of the settings that files and the command line can give."""
        return RunSettings

    async def launch(self, launch: Launch, /) -> Report:
        """Run as the `rivusio` command asks; see `rivusio_core.runnable.Runnable`."""
        config = RunConfig(**cast("dict[str, Any]", dict(launch.settings)))
        progress = launch.progress if config.progress is None else config.progress
        changed = {"listeners": (*config.listeners, *launch.listeners), "progress": progress}
        return await self.arun(config.model_copy(update=changed), stop=launch.stop)

    def check(self, config: RunConfig | Mapping[str, object] | None = None) -> CheckReport:
        """Everything that can be said without running; opens nothing.

        Args:
            config: the settings it would be run with; None: not known.
        """
        if isinstance(config, Mapping):
            config = RunConfig(**cast("dict[str, Any]", dict(config))) if config else None
        if config is None:
            return check(Plan.of(self.ends), dead_letters=None)
        store = None if config.checkpoint is None else store_at(config.checkpoint)
        return check(Plan.of(self.ends), dead_letters=config.dead_letters is not None, store=store)

    def graph(self, format: GraphFormat = "text") -> str:  # the name is part of the public API  # noqa: A002
        """The drawing: `"text"`, `"mermaid"`, `"svg"` or `"json"`.

        Raises:
            DefinitionError: there is no such format.
        """
        return drawing(Plan.of(self.ends), self.name).render(format)

    def code(self) -> list[ChainCode]:
        """The generated loops of its pipes, in order; opens nothing."""
        plan = Plan.of(self.ends)
        columns, shown, found = plan.columns(), set[int](), list[list[ChainCode]]()
        for last in reversed(plan.nodes):
            if isinstance(last, PipeNode) and id(last) not in shown:
                run = plan.pipes_to(last)
                shown |= {id(node) for node in run}
                pipes: Pipeline[Any, Any] = Pipeline(tuple(step for node in run for step in steps_of(node.pipe)))
                names = [name for node in run for name in plan.names[id(node)]]
                found.append(code_of(pipes, names, columns=columns[id(last)]))
        return [loop for loops in reversed(found) for loop in loops]

    def explain(self) -> str:
        """What each step keeps and waits for, in sentences; of a run, `rivusio explain` says why it still waits."""
        return explained(Plan.of(self.ends))

    def nodes(self) -> tuple[Node, ...]:
        """All nodes, every one after those that feed it."""
        return Plan.of(self.ends).nodes

    def to_json(self) -> Mapping[str, object]:
        """The graph as values that JSON can hold."""
        return drawing(Plan.of(self.ends), self.name).to_json()

    def __repr__(self) -> str:
        return f"Flow({self.name!r}, {' -> '.join(Plan.of(self.ends).steps)})"

    def __str__(self) -> str:
        return self.graph()
