"""Some of the keys of a step, in a worker process: what is asked of it, and what it answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import anyio

from rivusio_core.clock import SystemClock
from rivusio_core.engine.context import RunContext
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Chunk, End, Keeper, Signal, Stage
from rivusio_core.engine.worker import portable
from rivusio_streams.engine.operator_stage import OperatorStage
from rivusio_streams.engine.operators.made import operator_of
from rivusio_streams.engine.signals import Stop, Watermark
from rivusio_streams.graph import KeyedNode
from rivusio_streams.moment import FOREVER, NEVER

__all__ = ["Reply", "Request", "ShardJob"]

NEVER_DUE = float("inf")


@dataclass
class Request:
    """What a shard is to do, in the order of the fields.

    Attributes:
        restored: header and cells to begin with.
        chunk: its items.
        watermark: how far event time has come behind them; None: not known.
        before: how far it had come when the steps behind last heard of it.
        ends: the input is over; or `stops`: it is broken off here. Then nothing follows.
        ticks: the clock has reached what was waited for.
        keeps: snapshots that are wanted: True, whole; False, of what changed since the last one.
        monotonic, wall: the run's clock.
    """

    restored: tuple[Any, Mapping[Any, Any]] | None = None  # Any: as in `Operator`
    chunk: Chunk | None = None
    watermark: int | None = None
    before: int = NEVER
    ends: bool = False
    stops: bool = False
    ticks: bool = False
    keeps: tuple[bool, ...] = ()
    monotonic: float = 0.0
    wall: int = 0


@dataclass
class Reply:
    """What came of it.

    Attributes:
        results: with all columns that they have.
        late: items that were refused.
        notes: counts and failures.
        error: what ends the run.
        held: how many items wait.
        next: the watermark at which there is something to do.
        due: the reading of the run's clock at which there is something to do, seconds.
        kept: header and cells of each snapshot.
    """

    results: list[Chunk] = field(default_factory=list[Chunk])
    late: list[Chunk] = field(default_factory=list[Chunk])
    notes: list[Notes] = field(default_factory=list[Notes])
    error: Exception | None = None
    held: int = 0
    next: int = FOREVER
    due: float = NEVER_DUE
    kept: list[tuple[Any, list[tuple[Any, Any]]]] = field(default_factory=list[tuple[Any, list[tuple[Any, Any]]]])


@dataclass
class ShardJob:
    """A step in a worker process.

    Attributes:
        node: what it does; its inputs are left out.
        name: of the step.
        inputs: how many streams it joins; 1 where it joins none.
        takes, gives: how many columns items and results have.
        keeps_dead_letters: there is a place for them.
    """

    node: KeyedNode
    name: str
    inputs: int
    takes: int
    gives: int
    keeps_dead_letters: bool

    async def open(self) -> None:
        """Make the step."""
        self._clock = _ToldClock()
        self._out, self._late = _Collected(), _Collected()
        self._context = _Context(self.name, self._clock, keeps_dead_letters=self.keeps_dead_letters)
        self._stage = OperatorStage(
            operator_of(self.node, self.name),
            keyed=True,
            inputs=self.inputs,
            takes=self.takes,
            gives=self.gives,
            origin=0,
            origin_name=lambda _: "",
            context=self._context,
            out=self._out,
            late_out=self._late,
        )

    async def run(self, message: object) -> object:
        """The `Reply` to a `Request`."""
        if not isinstance(message, Request):
            raise TypeError(f"no request: {type(message).__name__}")
        self._clock.at, self._clock.on_the_wall = message.monotonic, message.wall
        reply, operator = Reply(), self._stage.operator
        try:
            await self._do(message)
        except Exception as error:  # noqa: BLE001  # it ends the run, behind what came before it
            reply.error = portable(error)
        for whole in message.keeps:
            keeper = _Kept(whole=whole)
            self._stage.keep(keeper)
            reply.kept.append((keeper.header, keeper.cells))
        reply.results, reply.late, reply.notes = self._out.taken(), self._late.taken(), self._context.taken()
        reply.held, reply.next = operator.held, operator.next
        if operator.due < FOREVER:
            reply.due = message.monotonic + (operator.due - operator.now) / 1_000_000
        return reply

    async def _do(self, message: Request) -> None:
        stage = self._stage
        if message.restored is not None:
            stage.restore(*message.restored)
        if message.chunk is not None and len(message.chunk):
            await stage.take(message.chunk)
        if message.watermark is not None:
            await stage.signal(Watermark(message.watermark))
        if message.ticks:
            await stage.tick()
        if message.stops:
            await stage.signal(Stop())
        elif message.ends:
            stage.operator.before = message.before
            await stage.signal(End())

    async def close(self) -> None:
        """There is nothing to close."""


class _ToldClock(SystemClock):
    """The clock of the run, as it was when the message was sent."""

    at = 0.0
    on_the_wall = 0

    def wall(self) -> int:
        return self.on_the_wall

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        raise RuntimeError("nothing waits in here")

    def deadline(self, seconds: float) -> AbstractContextManager[anyio.CancelScope]:
        raise RuntimeError("nothing waits in here")


class _Collected(Stage):
    """Keeps what it is given."""

    def __init__(self) -> None:
        self._chunks = list[Chunk]()

    async def take(self, chunk: Chunk) -> None:
        self._chunks.append(chunk)

    async def signal(self, signal: Signal) -> None:
        """It has no one to tell."""

    def taken(self) -> list[Chunk]:
        """Everything since the last time."""
        taken, self._chunks = self._chunks, []
        return taken


class _Context(RunContext):
    """Writes down what is noted; the run itself counts it."""

    def __init__(self, step: str, clock: SystemClock, *, keeps_dead_letters: bool) -> None:
        letters = list[object]()  # what goes there travels with the notes
        super().__init__(
            RunContext.info_of(step, (step,)), clock=clock, dead_letters=letters.append if keeps_dead_letters else None
        )
        self._notes = list[Notes]()

    async def absorb(self, notes: Notes) -> None:
        self._notes.append(notes)

    def taken(self) -> list[Notes]:
        """Everything since the last time."""
        taken, self._notes = self._notes, []
        return taken


class _Kept(Keeper):
    def __init__(self, *, whole: bool) -> None:
        self.whole = whole
        self.header: Any = None
        self.cells: list[tuple[Any, Any]] = []

    def keep(self, step: str, header: object, cells: Iterable[tuple[Any, Any]] = ()) -> None:
        self.header, self.cells = header, [*cells]
