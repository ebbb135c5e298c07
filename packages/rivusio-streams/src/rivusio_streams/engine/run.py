"""One run of a flow: opens everything, builds the stages from the sinks upwards, reads, and closes everything.

One task group owns every task. Each source's reader pushes chunks through the stages; only concurrent steps, timed
batches and further partitions have tasks of their own.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter

import anyio
from pydantic import JsonValue

from rivusio_core.clock import SystemClock
from rivusio_core.dead_letter import DeadLetter
from rivusio_core.duration import seconds, size
from rivusio_core.engine.context import RunContext
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.opening import Opening
from rivusio_core.engine.profiler import Profiler
from rivusio_core.engine.session import first_error, with_closing_errors
from rivusio_core.engine.stage import Keeper, Signal
from rivusio_core.engine.watchdog import Watchdog
from rivusio_core.errors import CheckpointError, DrainTimeout
from rivusio_core.listener import Listener, Tally
from rivusio_core.run_record import RunRecord
from rivusio_streams.checkpoint.places import store_at
from rivusio_streams.checkpoint.topology import topology
from rivusio_streams.config import RunConfig
from rivusio_streams.dead_letter import Envelope, letters_sink
from rivusio_streams.delivery import guarantee, sinks_of
from rivusio_streams.engine.assembly import Assembly
from rivusio_streams.engine.blocking import PATIENCE
from rivusio_streams.engine.checkpointer import Checkpointer
from rivusio_streams.engine.entering import Entering
from rivusio_streams.engine.failures import Failures
from rivusio_streams.engine.journal import Journal, Start
from rivusio_streams.engine.origin import Origin
from rivusio_streams.engine.port import ports
from rivusio_streams.engine.reader import Feed, Reader
from rivusio_streams.engine.record import RunState, record_of
from rivusio_streams.engine.recorder import Recorder
from rivusio_streams.engine.sink_stage import SinkStage
from rivusio_streams.engine.source_run import SourceRun
from rivusio_streams.engine.writer import Writer
from rivusio_streams.graph import ReadNode, TeeNode, WriteNode
from rivusio_streams.plan import Plan
from rivusio_streams.progress import progress_listener
from rivusio_streams.report import Ledger, Report
from rivusio_streams.state import Codec

__all__ = ["FlowRun"]

_CLOSING = 10.0
"""Seconds that closing everything may take, all in all."""
_DEAD_LETTERS = "dead letters"
_log = logging.getLogger("rivusio")


class FlowRun:
    """A run, made for one call of `run`.

    Args:
        plan: the flow, found to be without fault.
        config: the settings.
        name: of the run.
        stop: set from outside to stop it.
        start: what a snapshot of another run of the same flow says; None: what the checkpoints say, if there are any.
        entering: items that enter in the middle, while sources stand still; None: sources are read.
    """

    def __init__(
        self,
        plan: Plan,
        config: RunConfig,
        name: str,
        stop: anyio.Event,
        start: Start | None = None,
        entering: Entering | None = None,
    ) -> None:
        self._plan, self._config, self._stop, self._start = plan, config, stop, start or Start()
        self._entering, self._resumed, self._ports = entering, False, ports(plan)
        self.working = anyio.Event()
        """Set when everything is open."""
        self.ended = anyio.Event()
        """Set when nothing more is done, before everything is closed."""
        self.assembly: Assembly | None = None
        self._patience = min(PATIENCE, seconds(config.drain_timeout) / 2)  # a stop needs some time behind it
        self._dead: Writer | None = None
        if config.dead_letters is not None:
            self._dead = Writer(_DEAD_LETTERS, letters_sink(config.dead_letters), patience=self._patience)
        steps = (*plan.steps, _DEAD_LETTERS) if self._dead else plan.steps
        info = RunContext.info_of(name, steps)
        listeners: list[Listener] = [*config.listeners]
        if config.profile:
            listeners.append(Profiler())
        shown = progress_listener(plan, config.progress)
        if shown is not None:
            listeners.append(shown)
        clock = config.clock or SystemClock()
        sources = {plan.name(node) for node in plan.nodes if isinstance(node, ReadNode)}
        # Where items enter in the middle, nothing is read, and what failed may fail again.
        self._failures = Failures(sources, clock, config.error_budget if entering is None else None)
        self._context = RunContext(
            info,
            listeners=listeners,
            dead_letters=None if self._dead is None else self._bury,
            clock=clock,
            observer=self._failures.note,
            memory=None if config.memory is None else size(config.memory, "memory"),
        )
        self._origins: list[Origin] = []
        self._sources: list[SourceRun] = []
        self._writers: list[Writer] = [] if self._dead is None else [self._dead]
        self._opening = Opening(self._context)
        self._sinks: list[SinkStage] = []
        self._store = None if config.checkpoint is None else store_at(config.checkpoint)
        self._journal: Journal | None = None
        if self._store is not None:
            clock = self._context.clock
            self._journal = Journal(
                self._store, name, topology(plan), Codec(config.upcasts), clock, config.savepoint, self._patience
            )
        database = None if self._store is None else self._store.database
        self.guarantee = guarantee(plan, checkpoints=self._store is not None, database=database)
        """What can be promised of it."""
        self._checkpointer: Checkpointer | None = None
        self._began = self._context.clock.wall()
        self._error: BaseException | None = None
        self._is_over = False
        self._recorder = Recorder(config.record, self._context.clock, self.record) if config.record else None

    async def run(self) -> Report:
        """Run until the end of the input, or until stopped.

        Raises:
            RunError: what ended it; everything is closed.
        """
        began, context = perf_counter(), self._context
        context.listeners.run_started(context.info)
        error: BaseException | None = None
        try:
            try:
                assembly = await self._open()
                with Watchdog(context.info, context.listeners, self._config.blocked_after):
                    await self._work(assembly)
            except BaseExceptionGroup as group:
                raised = _ended_by(group)
                error = raised
                raise raised from raised.__cause__
            except BaseException as raised:
                error = raised
                raise
            finally:
                self.ended.set()
                with anyio.move_on_after(_CLOSING, shield=True) as deadline:
                    self._error, self._is_over = error, True
                    if self._recorder is not None:
                        await self._recorder.once()
                    closing = await self._close()
                    final = with_closing_errors(error, closing)
                    if error is None and final is not None:
                        error = final
                        raise final
                if deadline.cancelled_caught:
                    _log.error("run %s: closing took longer than %.0f s and was given up", context.info.name, _CLOSING)
        finally:
            context.listeners.run_ended(context.info, error)
        return self._report(perf_counter() - began, assembly)

    # ---------------------------------------------------------------------------------------------- opening, closing

    async def _open(self) -> Assembly:
        self.guarantee.demand(self._config.delivery if "delivery" in self._config.model_fields_set else None)
        _log.info("run %s: %s", self._context.info.name, self.guarantee)
        if self._journal is not None:
            self._start = await self._journal.open()
        for writer in list(self._writers):
            await writer.open()
        assembly = Assembly(
            self._plan, self._context, self._opening, self._sink, self._entering, self._config.parallelism
        )
        for node in self._plan.nodes:
            if isinstance(node, ReadNode):
                name, idle_after = self._plan.name(node), sorted(set(self._plan.idle_after(node)))
                positions, _ = self._start.states.get(name, ({}, {}))
                entering, read = self._entering, node.source
                feed = Feed(
                    name,
                    read if entering is None else entering.paused(name, read, positions),
                    self._context,
                    self._config.chunk,
                    idle_after,
                    self._patience,
                    self._sink_seconds,
                )
                source = SourceRun(feed)
                self._sources.append(source)
                assembly.sources[id(node)] = source
        for node in self._plan.nodes:
            for name, sink in sinks_of(node, self._plan):
                writer = Writer(name, sink, self.guarantee.protocol(name), self._patience)
                self._writers.append(writer)
                await writer.open(f"{self._context.info.name}/{name}", self._start.tokens.get(name, ()))
                assembly.writers[name] = writer
        for source in self._sources:
            positions, _ = self._start.states.get(source.feed.name, ({}, {}))
            await source.open(self._origin, positions)
        await assembly.build(self._origin)
        restored = assembly.restore(self._start.states)
        self._start.states = {}  # else what was restored would be in memory until the run ends
        if self._entering is not None:
            self._resumed = self._entering.begin(self._start.number, restored)
        self.assembly = assembly
        return assembly

    def _origin(self, step: str, partition: str) -> int:
        self._origins.append(Origin(step, partition))
        return len(self._origins) - 1

    def _sink(self, writer: Writer, node: WriteNode | TeeNode | None) -> SinkStage:
        stage = SinkStage(writer, self._context, self._passed, node)
        self._sinks.append(stage)
        return stage

    def _sink_seconds(self) -> float:
        return sum(writer.seconds for writer in self._writers)

    async def _close(self) -> list[Exception]:
        errors, stopped = list[Exception](), list[BaseException]()

        async def attempt(call: Callable[[], Awaitable[object]]) -> None:
            try:
                await call()
            except Exception as error:  # noqa: BLE001  # all must be closed
                errors.append(error)
            except BaseException as error:  # noqa: BLE001  # a shield does not hold off asyncio's own cancellation
                stopped.append(error)

        async def close_pipes() -> None:
            errors.extend(await self._opening.close())

        for source in self._sources:
            for reader in source.readers:
                await attempt(reader.partition.close)
        await attempt(close_pipes)
        for writer in reversed(self._writers):
            await attempt(writer.close)
        if self._journal is not None:
            await attempt(self._journal.close)
        if stopped:
            raise stopped[0]
        return errors

    # --------------------------------------------------------------------------------------------------------- working

    async def _work(self, assembly: Assembly) -> None:
        async with anyio.create_task_group() as group:
            for stage in assembly.stages:
                await stage.open(group)
            self._checkpointer = checkpointer = Checkpointer(
                self._sources,
                self._sinks,
                assembly.stages,
                self._flush_dead_letters,
                self._journal,
                self._start.tokens,
            )
            if self._journal is not None:
                for source in self._sources:
                    source.settle = checkpointer.settle
            self.working.set()
            group.start_soon(self._heed_stop, name="waiting for a stop")
            if self._recorder is not None:
                group.start_soon(self._recorder.run, name="record")
            if self._entering is not None:
                await self._enter(self._entering, assembly)
            elif checkpointer.needed:
                every = seconds(self._config.every)
                group.start_soon(checkpointer.run, self._context.clock, every, name="checkpoints")
            ahead = sum(len(source.readers) for source in self._sources) > 1
            async with anyio.create_task_group() as reading:
                for source in self._sources:
                    reading.start_soon(source.run, ahead, name=f"{source.feed.name}: source")
            await checkpointer.all_ended.wait()
            await checkpointer.finish()
            group.cancel_scope.cancel()

    async def _enter(self, entering: Entering, assembly: Assembly) -> None:
        await entering.push(assembly.entrances(), self._origins, cuts=assembly.reorders)
        if self._resumed:  # windows stay open: the flow goes on with them
            for source in self._sources:
                source.stop()

    async def _heed_stop(self) -> None:
        await self._stop.wait()
        for source in self._sources:
            source.stop()
        await self._context.clock.sleep(seconds(self._config.drain_timeout))
        left = {name: tally.held for name, tally in self._context.tallies.items() if tally.held}
        raise DrainTimeout(
            f"stopping took longer than drain_timeout={self._config.drain_timeout}; "
            f"still held: {', '.join(f'{count} in {name}' for name, count in left.items()) or 'items in flight'}"
        )

    async def snapshot(self, keeper: Keeper) -> None:
        """Have a keeper take what every step holds and how far every partition was read, at one place of the stream."""
        await self.working.wait()
        if self._checkpointer is None:
            raise RuntimeError("the run is over")
        await self._checkpointer.snapshot(keeper)

    async def savepoint(self, name: str) -> int:
        """Make a checkpoint and keep it under a name; gives its number.

        Raises:
            CheckpointError: the run has no checkpoints, or it failed.
        """
        number: int | None = None
        failure: Exception | None = None
        async with anyio.create_task_group() as group:

            async def save() -> None:
                nonlocal number, failure
                await self.working.wait()
                try:
                    if self._checkpointer is not None:
                        number = await self._checkpointer.save(name)
                except Exception as error:  # noqa: BLE001  # it is raised outside of the group
                    failure = error
                group.cancel_scope.cancel()

            group.start_soon(save, name=f"savepoint {name}")
            await self.ended.wait()
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure
        if number is None:
            raise CheckpointError(f"run {self._context.info.name} ended before {name!r} was kept")
        return number

    @property
    def stuck(self) -> bool:
        """Something has not returned from a call, and may still do what it was asked for: nothing can be begun anew."""
        parts: list[SourceRun | Writer | Journal] = [*self._sources, *self._writers]
        return any(each.stuck for each in parts) or (self._journal is not None and self._journal.stuck)

    @property
    def advanced(self) -> bool:
        """Something that was read in this run is safe: it was of use."""
        return self._checkpointer is not None and self._checkpointer.advanced

    def reader(self, source: str, partition: int) -> Reader:
        """Who reads a partition, by the name of the step and its index."""
        [found] = [each for each in self._sources if each.feed.name == source]
        return found.readers[partition]

    def record(self) -> RunRecord | None:
        """What the run says of itself; None: it is not open yet."""
        if self.assembly is None:
            return None
        return record_of(
            self._plan,
            self._context.info,
            self.assembly,
            self._context.tallies,
            state=self._state(),
            began=self._began,
            now=self._context.clock.wall(),
            error=self._error,
        )

    def _state(self) -> RunState:
        if not self._is_over:
            return "running"
        if self._error is not None:
            return "failed"
        return "stopped" if self._stop.is_set() else "finished"

    @property
    def tallies(self) -> Mapping[str, Tally]:
        """The counts of all steps so far."""
        return self._context.tallies

    def _passed(self, sink: SinkStage, signal: Signal, token: JsonValue) -> anyio.Event | None:
        """A sink was reached by a barrier or the end: its stage is made before there is a checkpointer."""
        return None if self._checkpointer is None else self._checkpointer.reached(sink, signal, token)

    # ---------------------------------------------------------------------------------------------------- dead letters

    async def _bury(self, letter: DeadLetter) -> None:
        if self._dead is not None:
            port, info, wall = self._ports.get(letter.step), self._context.info, self._context.clock.wall()
            await self._dead.write([Envelope.of(letter, self._origins, port, info, wall)])
            await self._context.absorb(Notes({_DEAD_LETTERS: Tally(taken=1, passed=1, given=1)}))

    async def _flush_dead_letters(self) -> None:
        if self._dead is not None:
            await self._dead.settle()

    # --------------------------------------------------------------------------------------------------------- counting

    def _report(self, took: float, assembly: Assembly) -> Report:
        ledger = Ledger.of(self._plan, self._context.tallies)
        if self._entering is not None:  # items enter in the middle: no step takes what the one before it gives
            ledger = Ledger(ledger.steps, {})
        if self._dead is not None:
            letters = self._context.tallies.get(_DEAD_LETTERS, Tally())
            ledger = Ledger({**ledger.steps, _DEAD_LETTERS: letters}, ledger.lost)
        if ledger.unaccounted:
            _log.error("run %s: %d items are unaccounted for", self._context.info.name, ledger.unaccounted)
        stopped = any(source.stopping for source in self._sources)
        info = self._context.info
        errors, profiler = self._failures.report(), self._context.profiler
        profile = None if profiler is None else profiler.profile()
        ahead = assembly.ahead()
        return Report(info.name, info.id, took, ledger, stopped, ahead, self.guarantee, errors=errors, profile=profile)


def _ended_by(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What ended a run: an interrupt before a cancellation before an error of ours before any other."""
    for kind in (KeyboardInterrupt, SystemExit):
        found = group.subgroup(kind)
        if found is not None:
            return first_error(found)
    errors = group.subgroup(Exception)
    return first_error(errors if errors is not None else group)
