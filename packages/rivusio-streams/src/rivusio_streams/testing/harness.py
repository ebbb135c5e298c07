"""Runs a stream step by step, as the test says."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, overload

import anyio

from rivusio_core.duration import Duration, seconds
from rivusio_core.engine.stage import GONE, Keeper
from rivusio_core.errors import DefinitionError
from rivusio_core.event_loop import running_loop
from rivusio_core.listener import Tally
from rivusio_core.run_record import RunRecord
from rivusio_core.testing import Deadlock, SteppedClock
from rivusio_core.testing.deadlock import waiting_tasks
from rivusio_streams.check import check
from rivusio_streams.config import RunConfig
from rivusio_streams.dead_letter import Envelope
from rivusio_streams.engine.journal import Start
from rivusio_streams.engine.run import FlowRun
from rivusio_streams.flow import Flow
from rivusio_streams.graph import KeyedNode, Node, ReadNode, WriteNode, rewired
from rivusio_streams.moment import moment
from rivusio_streams.plan import Plan
from rivusio_streams.report import Ledger
from rivusio_streams.stream import Stream
from rivusio_streams.testing.input import Input
from rivusio_streams.testing.recorder import recording

__all__ = ["Harness"]

T = TypeVar("T")
S = TypeVar("S")

_SETTINGS = RunConfig()


class Harness(Generic[T]):
    """A stream or flow under test: the very stages of a real run, on a clock that stands still until it is moved.

    Each call returns when everything that it causes has been computed. Nothing sleeps: a day passes in a millisecond.
    Dead letters are kept. At the end of the `with` block the run is over, at its end of input or not. At each restart
    and at the end of input every item must be accounted for.

    Args:
        stream: which reads `Input`s; a stream needs no sink, those of a flow are written to as ever.
        config: settings of the run; `clock` is the harness's own.
        interleave_restarts: restart after every call; a number: take a snapshot after every call, of what has changed,
            and restart after so many. The results must be the same.
        now: what the clock says at the beginning.

    Raises:
        DefinitionError: something is wrong with the flow.
    """

    @overload
    def __init__(
        self,
        stream: Stream[T],
        *,
        config: RunConfig = ...,
        interleave_restarts: bool | int = ...,
        now: datetime | int = ...,
    ) -> None: ...
    @overload
    def __init__(
        self: Harness[Any],
        stream: Flow,
        *,
        config: RunConfig = ...,
        interleave_restarts: bool | int = ...,
        now: datetime | int = ...,
    ) -> None: ...
    def __init__(
        self,
        stream: Stream[T] | Flow,
        *,
        config: RunConfig = _SETTINGS,
        interleave_restarts: bool | int = False,
        now: datetime | int = 1_700_000_000_000_000,
    ) -> None:
        self.output: list[T] = []
        """Everything that was written, or left the stream."""
        self.late: list[Any] = []
        """Items refused as late, by any step."""
        self.dead_letters: list[Envelope] = []
        """Items that failed for good."""
        self.clock = SteppedClock(moment(now))
        flow = stream.write(self.output, name="output") if isinstance(stream, Stream) else stream
        ends = flow.ends if isinstance(stream, Stream) else rewired(flow.ends, self._recorded)
        self._plan = Plan.of(rewired(ends, self._with_late))
        changed = {} if config.dead_letters is not None else {"dead_letters": self.dead_letters}
        self._config = config.model_copy(update=changed)
        check(self._plan, dead_letters=True).raise_first()
        self._inputs = {id(node.source): node for node in self._plan.nodes if isinstance(node, ReadNode)}
        self._interleave, self._steps = int(interleave_restarts), 0
        self._kept = _Kept()
        self._tallies: dict[str, Tally] = {}
        self._taken = 0
        self._runner = asyncio.Runner()
        self._run: FlowRun | None = None
        self._task: asyncio.Task[Any] | None = None

    def _recorded(self, node: Node) -> Node:
        return replace(node, sink=recording(node.sink, self.output)) if isinstance(node, WriteNode) else node

    def _with_late(self, node: Node) -> Node:
        return replace(node, late_to=recording(node.late_to, self.late)) if isinstance(node, KeyedNode) else node

    # ------------------------------------------------------------------------------------------- begin and end

    def __enter__(self) -> Self:
        if running_loop() is not None:
            raise DefinitionError("Harness drives an event loop of its own: use it in a test that is not async")
        for node in self._inputs.values():
            if isinstance(node.source, Input):
                node.source.begin()
        self._do(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        task = self._task
        over = task is not None and task.done() and not task.cancelled() and task.exception() is None
        try:
            self._runner.run(self._throw_away())
        finally:
            self._runner.close()
        if error is None and over:
            self._check_ledger()

    async def _start(self) -> None:
        start = Start(copy.deepcopy(self._kept.steps))
        config = self._config.model_copy(update={"clock": _ClockOfRun(self.clock)})
        self._run = FlowRun(self._plan, config, config.name or "test", anyio.Event(), start)
        self._task = asyncio.create_task(self._run.run(), name="the run")

    async def _throw_away(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
        if self._task is not None:
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                self._task.exception()  # it was raised already
        if self._run is not None:
            for name, tally in self._run.tallies.items():
                self._tallies.setdefault(name, Tally()).add(tally)
            self._run = None

    def _do(self, call: Coroutine[Any, Any, None]) -> None:
        self._runner.run(self._settled(call))

    async def _settled(self, call: Coroutine[Any, Any, None]) -> None:
        await call
        await self.clock.settle()
        self._raise_failure()
        stuck = [node.name for node in self._inputs.values() if self._is_stuck(node)]
        if stuck and not self.clock.awaited:
            raise Deadlock(waiting_tasks(asyncio.get_running_loop()))

    def _is_stuck(self, node: ReadNode) -> bool:
        running = self._task is not None and not self._task.done()
        scripts = node.source.scripts if isinstance(node.source, Input) else []
        return running and any(not script.waiting and not script.ended for script in scripts)

    def _raise_failure(self) -> None:
        if self._task is not None and self._task.done() and not self._task.cancelled():
            error = self._task.exception()
            if error is not None:
                raise error

    # --------------------------------------------------------------------------------------------- what happens

    def send(self, input: Input[S], item: S, *, at: datetime | int | None = None, partition: int = 0) -> None:  # noqa: A002  # the name of the thing
        """Give an item.

        Args:
            input: to which.
            item: what.
            at: when it happened, an aware datetime or microseconds since the epoch; may be left out where the stream
                has `event_time(function)`, or needs no times: then it is now.
            partition: of the input.

        Raises:
            DefinitionError: the stream does not read this input; or it needs to know when items happened.
            RunError: the item ended the run.
            Deadlock: the run waits for something that never comes.
        """
        self.send_many(input, [item], at=None if at is None else [at], partition=partition)

    def send_many(
        self,
        input: Input[S],  # noqa: A002
        items: Sequence[S],
        *,
        at: Sequence[datetime | int] | None = None,
        partition: int = 0,
    ) -> None:
        """Give several items at once, which then travel together; see `send`.

        Raises:
            DefinitionError: as for `send`.
            RunError: an item ended the run.
        """
        node = self._node(input)
        if at is None and _needs_times(node, self._plan):
            raise DefinitionError(f"input {node.name!r}: say when the item happened: send(..., at=...)")
        script = input.scripts[partition]
        times = [self.clock.wall()] * len(items) if at is None else [moment(each) for each in at]

        async def call() -> None:
            for item, time in zip(items, times, strict=True):
                script.item(item, time)

        self._step(call())

    def watermark(self, input: Input[Any], time: datetime | int, *, partition: int | None = None) -> None:  # noqa: A002
        """Say how far the event time of an input with manual watermarks has come.

        Args:
            input: which.
            time: no item with an earlier time follows.
            partition: one of its partitions; None: all of them.

        Raises:
            DefinitionError: the watermarks of the input follow its items.
        """
        if not input.watermarks:
            raise DefinitionError(f"input {self._node(input).name!r} was not made with watermarks='manual'")

        async def call() -> None:
            for index, script in enumerate(input.scripts):
                if partition in (None, index):
                    script.mark(moment(time))

        self._node(input)
        self._step(call())

    def idle(self, input: Input[Any], *, partition: int = 0) -> None:  # noqa: A002
        """Have a partition count as idle, as if it had given nothing for `idle_after`."""
        node = self._node(input)

        async def call() -> None:
            if self._run is not None:
                await self._run.reader(self._plan.name(node), partition).declare_idle()

        self._step(call())

    def advance(self, by: Duration) -> None:
        """Let the clock go on; whoever waits for a moment in between runs at that moment."""
        self._step(self.clock.advance(seconds(by, "advance")))

    def snapshot(self) -> None:
        """Take a snapshot of what has changed since the one before, and go on; see `restart`.

        Raises:
            Deadlock: an item never comes out of the step in which it is.
        """
        if self._task is not None and not self._task.done():
            self._do(self._again(restart=False))

    @property
    def cells(self) -> dict[str, int]:
        """How many cells of state each step had at the last snapshot, by step: a key, a window, an item that waits."""
        return {name: len(cells) for name, (_, cells) in self._kept.steps.items()}

    @property
    def written(self) -> dict[str, int]:
        """How many cells each step wrote in the last snapshot: those that changed, or are no more."""
        return {**self._kept.written}

    def restart(self) -> None:
        """Take a snapshot, throw the run away, and restore it in a new one.

        A snapshot holds what has changed since the one before, as in a run with checkpoints.

        Raises:
            Deadlock: an item never comes out of the step in which it is.
        """
        if self._task is not None and not self._task.done():
            self._do(self._again(restart=True))

    async def _again(self, *, restart: bool) -> None:
        if self._run is None:
            return
        taking = asyncio.create_task(self._run.snapshot(self._kept))
        await self.clock.finish(taking)
        self._check_ledger()
        taking.result()
        if restart:
            await self._throw_away()
            await self._start()

    def end(self, *inputs: Input[Any]) -> None:
        """End inputs: all of them, unless some are named. When all have ended, time passes until the run is over.

        Raises:
            RunError: something failed on the way.
            Deadlock: the run does not come to its end.
        """
        nodes = [self._node(each) for each in inputs] if inputs else list(self._inputs.values())

        async def call() -> None:
            for node in nodes:
                if isinstance(node.source, Input):
                    for script in node.source.scripts:
                        script.end()
            sources = [node.source for node in self._inputs.values() if isinstance(node.source, Input)]
            if self._task is not None and all(script.ended for source in sources for script in source.scripts):
                await self.clock.finish(self._task)

        self._step(call())

    def _step(self, call: Coroutine[Any, Any, None]) -> None:
        self._do(call)
        self._steps += 1
        if self._interleave and self._task is not None and not self._task.done():
            self._do(self._again(restart=self._steps % self._interleave == 0))

    # ------------------------------------------------------------------------------------------- what came of it

    def take(self) -> list[T]:
        """What came out since the last call."""
        taken, self._taken = self.output[self._taken :], len(self.output)
        return taken

    @property
    def ledger(self) -> Ledger:
        """What became of all items, restarts included."""
        tallies = {name: copy.copy(tally) for name, tally in self._tallies.items()}
        if self._run is not None:
            for name, tally in self._run.tallies.items():
                tallies.setdefault(name, Tally()).add(tally)
        return Ledger.of(self._plan, tallies)

    def explain(self) -> RunRecord:
        """What the run says of itself: why windows are open, why items were late, what is held.

        Raises:
            DefinitionError: it is not running: this is asked inside of the `with` block.
        """
        record = None if self._run is None else self._run.record()
        if record is None:
            raise DefinitionError("explain: the harness is not running")
        return record

    def _check_ledger(self) -> None:
        """Called when nothing is in flight."""
        ledger = self.ledger
        if ledger.unaccounted:
            raise AssertionError(f"the ledger does not balance, which is a bug in Rivusio: {ledger}")

    def _node(self, source: Input[Any]) -> ReadNode:
        if id(source) not in self._inputs:
            raise DefinitionError(f"the stream does not read {source!r}")
        return self._inputs[id(source)]


class _ClockOfRun:
    """The clock of the harness as one run sees it: what `monotonic` says in one run means nothing in the next."""

    def __init__(self, clock: SteppedClock) -> None:
        self._clock = clock
        self.wall, self.sleep, self.deadline, self.working = clock.wall, clock.sleep, clock.deadline, clock.working
        self._began = _microseconds(clock)

    def monotonic(self) -> float:
        return (_microseconds(self._clock) - self._began) / 1_000_000


def _microseconds(clock: SteppedClock) -> int:
    return round(clock.monotonic() * 1_000_000)


class _Kept(Keeper):
    """Copies of all that steps keep, by name: each snapshot on top of those before it."""

    whole = False

    def __init__(self) -> None:
        self.steps: dict[str, tuple[Any, dict[Any, Any]]] = {}
        self.written: dict[str, int] = {}

    def keep(self, step: str, header: object, cells: Iterable[tuple[Any, Any]] = ()) -> None:
        _, kept = self.steps.get(step, (None, dict[Any, Any]()))
        self.steps[step] = (copy.deepcopy(header), kept)
        self.written[step] = 0
        for cell, value in cells:
            self.written[step] += 1
            if value is GONE:
                kept.pop(cell, None)
            else:
                kept[cell] = copy.deepcopy(value)


def _needs_times(read: ReadNode, plan: Plan) -> bool:
    """A step judges by the times that the source gives."""
    reached = {id(read)}
    for node in plan.nodes:
        if any(id(each) in reached for each in node.inputs) and not plan.gives_times(node):
            reached.add(id(node))
            if isinstance(node, KeyedNode) and plan.is_timed(node):
                return True
    return False
