"""Measures where the time of a run goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import ParamSpec, TypeVar

from anyio.abc import TaskGroup

from rivusio_core.clock import Clock, SystemClock
from rivusio_core.engine.chain import Chain
from rivusio_core.engine.sampling import Sampler, timed
from rivusio_core.engine.stage import Chunk, Signal, Stage
from rivusio_core.engine.step import Step
from rivusio_core.engine.timeline import Part, Timeline
from rivusio_core.listener import Listener, RunInfo, Tally
from rivusio_core.profile import Profile, Role, StepProfile

__all__ = ["Profiler"]

P = ParamSpec("P")
R = TypeVar("R")
_TRIALS = 2_000


@dataclass(eq=False)
class _Row:
    """A step, while the run goes on."""

    name: str
    role: Role = "stage"
    concurrency: int = 1
    readers: int = 1
    part: Part = field(default_factory=Part)
    full: Part | None = None
    chain: _Chain | None = None
    index: int = 0
    sizes: Counter[int] = field(default_factory=Counter[int])


@dataclass(eq=False)
class _Chain:
    """A fused chain: its own part, and one for each step of which chunks are sampled."""

    part: Part
    sampled: list[Part]

    def share(self, index: int, overhead: tuple[float, float]) -> tuple[float, float]:
        """Seconds that a step ran and waited: its share of what the whole chain did."""
        inside, around = overhead
        own = [max(each.running - each.calls * inside, 0.0) for each in self.sampled]
        cost = (inside + around) * sum(each.calls for each in self.sampled)
        running = max(self.part.running + sum(each.running for each in self.sampled) - cost, 0.0)
        waits = [each.waiting for each in self.sampled]
        waiting = self.part.waiting + sum(waits)
        return running * _share(own, index), waiting * _share(waits, index)


def _share(parts: Sequence[float], index: int) -> float:
    whole = sum(parts)
    return parts[index] / whole if whole else 1 / len(parts)


class Profiler(Listener):
    """A listener that has the run it listens to measured; afterwards it has the profile.

    It listens to one run in an event loop: `RunConfig(profile=True)` makes one for a flow. Costs some clock readings a
    chunk, and more for one item in thirty-two.

    Example:
        >>> import asyncio
        >>> from rivusio_core import Profiler, pipe
        >>> @pipe
        ... async def double(number: int) -> int:
        ...     return 2 * number
        >>> profiler = Profiler()
        >>> list(double.map([1, 2, 3], listeners=[profiler]))
        [2, 4, 6]
        >>> step = profiler.profile().steps[0]
        >>> step.step, step.items
        ('double', 3)
    """

    def __init__(self) -> None:
        self._timeline = Timeline(perf_counter)
        self._rows: dict[str, _Row] = {}
        self._items: Counter[str] = Counter()
        self._order: Sequence[str] = ()
        self._began = self._ended = 0.0
        self._overhead = (0.0, 0.0)

    def follow(self, clock: Clock) -> None:
        """Take the time from the run's clock, where that is not the machine's."""
        if type(clock) is not SystemClock:
            self._timeline.now = clock.monotonic

    # ---------------------------------------------------------------------------------------------- as a listener

    def run_started(self, run: RunInfo) -> None:
        self._order = run.steps
        self._overhead = _overhead(self._timeline)
        self._began = self._ended = self._timeline.now()

    def run_ended(self, run: RunInfo, error: BaseException | None) -> None:
        self._ended = self._timeline.now()

    def step_ran(self, run: RunInfo, step: str, tally: Tally, seconds: float) -> None:
        self._items[step] += tally.taken

    # -------------------------------------------------------------------------------------------------- measuring

    def source(self, name: str, readers: int) -> Part:
        """The part of a source with so many readers, each of which waits by itself."""
        row = self._row(name, "source")
        row.readers = readers
        return row.part

    async def watch(self, part: Part, awaitable: Awaitable[R]) -> R:
        """Await something for a part."""
        return await self._timeline.watch(part, awaitable)

    def pushed(self, name: str, items: int) -> None:
        """A source gave so many items at once."""
        self._row(name, "source").sizes[items] += 1

    def stage(self, name: str, stage: Stage, role: Role = "stage") -> Stage:
        """What to push in place of a stage, so that it is measured."""
        row = self._row(name, role)
        return _Probe(stage, self._timeline, row.part, [row.sizes])

    def chain(self, stage: Stage, chain: Chain) -> Stage:
        """The same for a fused chain, whose steps get shares of its time."""
        steps = chain.steps
        if len(steps) == 1:
            return self.stage(steps[0].name, stage, "pipe")
        whole = Part()
        made = _Chain(whole, [Part(within=whole) for _ in steps])
        rows = [self._row(step.name, "pipe") for step in steps]
        for index, row in enumerate(rows):
            row.chain, row.index, row.part.within = made, index, whole
        chain.sampler = Sampler(self._timeline, made.sampled, [row.part for row in rows])
        return _Probe(stage, self._timeline, whole, [row.sizes for row in rows])

    def concurrent_step(self, step: Step, concurrency: int) -> Step:
        """A step with several items in work at once, each of them timed."""
        row = self._row(step.name, "concurrent")
        row.concurrency = concurrency
        return timed(step, self._timeline, row.part)

    def concurrent_work(
        self, name: str, concurrency: int, work: Callable[P, Awaitable[None]]
    ) -> Callable[P, Awaitable[None]]:
        """The same for a step that works on several pieces at once."""
        row = self._row(name, "concurrent")
        row.concurrency = concurrency

        async def timed_work(*args: P.args, **kwargs: P.kwargs) -> None:
            await self._timeline.watch(row.part, work(*args, **kwargs))

        return timed_work

    def concurrent_stage(self, name: str, stage: Stage) -> Stage:
        """What to push in place of the stage of such a step."""
        row = self._row(name, "concurrent")
        row.full = Part()
        return _Probe(stage, self._timeline, row.full, [row.sizes])

    def _row(self, name: str, role: Role) -> _Row:
        row = self._rows.setdefault(name, _Row(name))
        if role != "stage":
            row.role = role
        return row

    # ---------------------------------------------------------------------------------------------------- the result

    def profile(self) -> Profile:
        """Where the time has gone so far."""
        over = self._ended if self._ended > self._began else self._timeline.now()
        names = [*(name for name in self._order if name in self._rows), *(self._rows.keys() - set(self._order))]
        seconds = over - self._began
        return Profile(seconds, tuple(self._step(self._rows[name], seconds) for name in names))

    def _step(self, row: _Row, seconds: float) -> StepProfile:
        part = row.part
        running, waiting, blocked, full = part.running, part.waiting, part.blocked, 0.0
        if row.full is not None:  # of what takes the items: the calls are in other tasks
            running, full = running + row.full.running, row.full.waiting
        if row.chain is not None:
            ran, waited = row.chain.share(row.index, self._overhead)
            running, waiting, blocked = running + ran, waiting + waited, blocked + row.chain.part.blocked
        if row.role == "source":
            waiting, blocked = waiting / row.readers, blocked / row.readers
        return StepProfile(
            row.name,
            row.role,
            items=self._items[row.name],
            running=running,
            waiting=waiting,
            blocked=blocked,
            full=full,
            chunks=row.sizes.total(),
            chunk=_median(row.sizes),
            largest=max(row.sizes, default=0),
            concurrency=row.concurrency,
            in_work=(part.running + part.waiting) / seconds if row.concurrency > 1 and seconds > 0 else 0.0,
        )


class _Probe(Stage):
    """A stage that is measured."""

    def __init__(self, stage: Stage, timeline: Timeline, part: Part, sizes: Sequence[Counter[int]]) -> None:
        self._stage, self._timeline, self._part, self._sizes = stage, timeline, part, sizes

    async def open(self, group: TaskGroup) -> None:
        await self._stage.open(group)

    async def take(self, chunk: Chunk) -> None:
        for each in self._sizes:
            each[len(chunk)] += 1
        await self._timeline.watch(self._part, self._stage.take(chunk))

    async def signal(self, signal: Signal) -> None:
        await self._timeline.watch(self._part, self._stage.signal(signal))


def _median(sizes: Counter[int]) -> int:
    left = (sizes.total() + 1) // 2
    for size in sorted(sizes):
        left -= sizes[size]
        if left <= 0:
            return size
    return 0


def _overhead(timeline: Timeline) -> tuple[float, float]:
    """Seconds that timing a call adds: to the part that is called for, and around it."""
    part, trial = Part(), Timeline(timeline.now)

    def nothing(value: object) -> object:
        return value

    began = timeline.now()
    for _ in range(_TRIALS):
        trial.call(part, nothing, None)
    whole = timeline.now() - began
    return part.running / _TRIALS, max(whole - part.running, 0.0) / _TRIALS
