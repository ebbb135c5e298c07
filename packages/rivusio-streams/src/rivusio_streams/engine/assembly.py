"""From a plan to stages: built from the sinks upwards, since each stage is given the next one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rivusio_core.engine.build import build
from rivusio_core.engine.context import RunContext
from rivusio_core.engine.opening import Opening
from rivusio_core.engine.stage import Stage, Stateful
from rivusio_core.pipeline import Pipeline, steps_of
from rivusio_core.profile import Role
from rivusio_streams.engine.bounded import BoundedStates
from rivusio_streams.engine.clock_time_stage import ClockTimeStage
from rivusio_streams.engine.entering import Entering, Entrance, watermark_of
from rivusio_streams.engine.event_time_stage import EventTimeStage
from rivusio_streams.engine.fan_out import FanOut
from rivusio_streams.engine.fused_running import FusedRunning
from rivusio_streams.engine.fused_windows import FusedWindows
from rivusio_streams.engine.key_stage import KeyStage
from rivusio_streams.engine.keyed_stage import KeyedSettings, KeyedStage
from rivusio_streams.engine.merge_stage import MergeStage
from rivusio_streams.engine.meter import Meter
from rivusio_streams.engine.operator import Operator
from rivusio_streams.engine.operator_stage import OperatorStage
from rivusio_streams.engine.operators.forgetting import Bounds
from rivusio_streams.engine.operators.gridded import GriddedOperator
from rivusio_streams.engine.operators.made import operator_of
from rivusio_streams.engine.operators.running import RunningOperator
from rivusio_streams.engine.port import ports
from rivusio_streams.engine.reorder_stage import ReorderStage
from rivusio_streams.engine.shard import ShardJob
from rivusio_streams.engine.sharded_stage import ShardedStage
from rivusio_streams.engine.sink_stage import SinkStage
from rivusio_streams.engine.source_run import SourceRun
from rivusio_streams.engine.split_stage import SplitStage
from rivusio_streams.engine.writer import Writer
from rivusio_streams.event_time import EventTime
from rivusio_streams.graph import (
    ColumnTimeNode,
    ColumnWindowNode,
    EventTimeNode,
    JoinNode,
    KeyedNode,
    KeyNode,
    MergeNode,
    Node,
    PipeNode,
    ReadNode,
    SideNode,
    SplitNode,
    TeeNode,
    WriteNode,
)
from rivusio_streams.moment import NEVER
from rivusio_streams.plan import Plan
from rivusio_streams.state.limit import StateLimit
from rivusio_streams.state.spill import SpillStore

if TYPE_CHECKING:
    from rivusio_streams.columns.expression import Expression

__all__ = ["Assembly"]


class Assembly:
    """The stages of one run.

    Args:
        plan: what to build.
        context: of the run.
        opening: sets pipes up, and owns them.
        sink: makes the stage for a writer.
        entering: items that enter in the middle, if any do.
        parallelism: over how many processes the keys of a step are spread.
    """

    def __init__(
        self,
        plan: Plan,
        context: RunContext,
        opening: Opening,
        sink: Callable[[Writer, WriteNode | TeeNode | None], SinkStage],
        entering: Entering | None = None,
        parallelism: int = 1,
    ) -> None:
        self._plan, self._context, self._opening, self._sink = plan, context, opening, sink
        self._entering, self._parallelism = entering, parallelism
        self._entered: dict[str, Stage] = {}
        """By name of a step at which items enter: its stage."""
        self.sources: dict[int, SourceRun] = {}
        self.writers: dict[str, Writer] = {}
        self.stages: list[Stage] = []
        """All stages, every one after those that it feeds."""
        self._heads: dict[int, Sequence[Stage]] = {}
        """By id of a node: the stage to push for each of its inputs."""
        self._columns = plan.columns()
        self._reordered = plan.reordered()
        self._consumers = plan.consumers()
        self._fused: set[int] = set()
        self._origins: dict[int, list[int]] = {}
        self._labels: dict[int, str] = {}
        """Of origins: the same in every run."""
        self.timing: list[EventTimeStage] = []
        self.operators: dict[int, KeyedStage] = {}
        """By id of their nodes."""

    def ahead(self) -> int:
        """Items whose time was too far in the future."""
        return sum(stage.ahead for stage in self.timing)

    async def build(self, number: Callable[[str, str], int]) -> None:
        """Build all stages; `number` numbers what makes new items.

        Raises:
            ConfigError: the options of a pipe do not go together.
            Exception: whatever a pipe's `setup` raises.
        """
        self._find_origins(number)
        consumers = self._consumers
        for node in reversed(self._plan.nodes):
            if id(node) in self._fused:
                continue
            outs = [self._heads[id(fed)][index] for fed, index in consumers.get(id(node), ())]
            if isinstance(node, SplitNode):
                self._heads[id(node)] = [self._split(node, [fed for fed, _ in consumers[id(node)]])]
                continue
            out = outs[0] if len(outs) == 1 else FanOut(outs)
            self._heads[id(node)] = await self._stage(node, out)

    def _find_origins(self, number: Callable[[str, str], int]) -> None:
        for node in self._plan.nodes:
            if isinstance(node, ReadNode):
                source = self.sources[id(node)]
                self._origins[id(node)] = [reader.origin for reader in source.readers]
                for key, reader in zip(source.keys, source.readers, strict=True):
                    self._labels[reader.origin] = f"{self._plan.name(node)}[{key}]"
            elif isinstance(node, KeyedNode):
                origin = number(self._plan.name(node), "")
                self._origins[id(node)] = [origin]
                self._labels[origin] = self._plan.name(node)
            else:
                self._origins[id(node)] = [origin for each in node.inputs for origin in self._origins[id(each)]]

    async def _stage(self, node: Node, out: Stage) -> Sequence[Stage]:
        name, context = self._plan.name(node), self._context
        match node:
            case WriteNode():
                return [self._enters(name, self._write(name, node))]
            case TeeNode():
                return [FanOut([self._enters(name, self._write(name, node)), out])]
            case SideNode():
                return [out]
            case PipeNode():
                return [await self._pipes(node, out)]
            case EventTimeNode():
                stage = self._event_time(name, node, node.inputs[0], out)
                self._enters(name, stage)
                return [self._fused_windows(node, stage) or stage]
            case KeyNode():
                keys = self._enters(name, self._add(name, KeyStage(name, node.key, context, out)))
                return [self._fused_running(node, keys) or keys]
            case ColumnWindowNode():
                return [self._column_windows(name, node, out)]
            case KeyedNode():
                return await self._keyed(name, node, out)
            case MergeNode():
                merge = MergeStage(name, len(node.inputs), self._columns[id(node)], context, out)
                self.stages.append(merge)
                return [self._measured(name, each) for each in merge.inputs]
            case ReadNode():
                source = self.sources[id(node)]
                timed = node.source.timed
                source.feed.out = self._time(name, EventTime(), node, out, of_source=True) if timed else out
                return []
            case _:
                raise TypeError(f"no stage is known for {type(node).__name__}")

    async def _pipes(self, last: PipeNode, out: Stage) -> Stage:
        """The stage for a run of pipes that ends with this one: neighbours become one chain."""
        run = self._plan.pipes_to(last)
        self._fused |= {id(node) for node in run[:-1]}
        steps = tuple(step for node in run for step in steps_of(node.pipe))
        names = [name for node in run for name in self._plan.names[id(node)]]
        if id(last) in self._reordered:
            out = self._add(names[-1], ReorderStage(out))
        columns = self._columns[id(last)]
        wanted = set[str]() if self._entering is None else self._entering.steps
        parts = [0, *(index for index, step in enumerate(names) if index and step in wanted), len(names)]
        for start, stop in reversed([*pairwise(parts)]):
            part: Pipeline[Any, Any] = Pipeline(steps[start:stop])
            called = names[start:stop]
            first, made = await build(part, self._context, self._opening, out, columns=columns, names=called)
            self.stages += reversed(made)
            out = self._enters(names[start], first)
        self._heads[id(run[0])] = [out]
        return out

    def _enters(self, name: str, stage: Stage) -> Stage:
        self._entered[name] = stage
        return stage

    def entrances(self) -> Mapping[str, Entrance]:
        """By name of a step at which items may enter: where, and how far event time has come there."""
        known = ports(self._plan)
        return {
            name: Entrance(stage, min((self._reached(each) for each in known[name].node.inputs), default=NEVER))
            for name, stage in self._entered.items()
        }

    def _reached(self, node: Node) -> int:
        if isinstance(node, KeyedNode):
            return watermark_of(self.operators[id(node)])
        name = self._plan.name(node)
        wanted = f"{name}: times" if isinstance(node, ReadNode) else name
        said = next((each.said for each in self.timing if each.name == wanted), None)
        if said is not None:
            return said
        return min((self._reached(each) for each in node.inputs), default=NEVER)

    @property
    def reorders(self) -> bool:
        """A signal must follow every chunk, so that items are put back in order."""
        return bool(self._reordered)

    def _add(self, name: str, stage: Stage, role: Role = "stage") -> Stage:
        self.stages.append(stage)
        return self._measured(name, stage, role)

    def _measured(self, name: str, stage: Stage, role: Role = "stage") -> Stage:
        profiler = self._context.profiler
        return stage if profiler is None else profiler.stage(name, stage, role)

    def _write(self, name: str, node: WriteNode | TeeNode | None) -> Stage:
        return self._add(name, self._sink(self.writers[name], node), "sink")

    async def _keyed(self, name: str, node: KeyedNode, out: Stage) -> Sequence[Stage]:
        takes = min(self._columns[id(each)] for each in node.inputs)
        [limit] = node.limits[:1] or [None]
        metered = limit is not None or self._context.budget.limit is not None
        operator, settings = operator_of(node, name, self._bounds(name, limit)), self._settings(node, out)
        if self._parallelism > 1 and node.keyed and operator.divisible and not metered and self._entering is None:
            stage: KeyedStage = await self._sharded(name, node, operator, takes, settings)
        else:
            meter = Meter(name, limit, self._context.budget) if metered else None
            stage = OperatorStage(
                operator, keyed=node.keyed, inputs=len(node.inputs), takes=takes, meter=meter, **settings
            )
        self.operators[id(node)] = stage
        head = self._enters(name, self._add(name, stage))
        if not isinstance(node, JoinNode):
            return [head]
        merge = MergeStage(f"{name}: inputs", len(node.inputs), takes, self._context, head, sided=True)
        self.stages.append(merge)
        return merge.inputs

    def _settings(self, node: KeyedNode, out: Stage) -> KeyedSettings:
        return KeyedSettings(
            gives=self._columns[id(node)],
            origin=self._origins[id(node)][0],
            origin_name=lambda origin: self._labels.get(origin, ""),
            context=self._context,
            out=out,
            late_out=self._late_out(self._plan.extras.get(id(node))),
        )

    def _column_windows(self, name: str, node: ColumnWindowNode, out: Stage) -> Stage:
        from rivusio_streams.engine.columns.stage import ColumnStage  # imports polars

        stage = self.operators[id(node)] = ColumnStage(name, node, **self._settings(node, out))
        return self._enters(name, self._add(name, stage))

    async def _sharded(
        self, name: str, node: KeyedNode, operator: Operator, takes: int, settings: KeyedSettings
    ) -> ShardedStage:
        job = ShardJob(
            node=replace(node, inputs=(), late_to=None),
            name=name,
            inputs=len(node.inputs),
            takes=takes,
            gives=settings["gives"],
            keeps_dead_letters=self._context.dead_letters is not None,
        )
        stage = ShardedStage(operator, job, self._parallelism, **settings)
        self._opening.closes(name, stage.close)
        await stage.start()
        return stage

    def _late_out(self, sink: str | None) -> Stage | None:
        if sink is not None:
            return self._write(sink, None)
        return None if self._entering is None else self._entering.late_out()

    def _bounds(self, name: str, limit: StateLimit | None) -> Bounds | None:
        if limit is None or limit.beyond == "fail":
            return None
        beyond, weigh = limit.beyond, self._context.budget.limit is not None

        def bounds(forget: Callable[[Any], None]) -> BoundedStates:
            if not isinstance(beyond, SpillStore):
                return BoundedStates(name, limit.keys, limit.bytes, weigh=weigh, forget=forget)
            spill = beyond.open(self._context.info.name, name)
            states = BoundedStates(name, limit.keys, limit.bytes, weigh=weigh, spill=spill)
            self._opening.closes(name, states.close)
            return states

        return bounds

    def _fused_windows(self, node: EventTimeNode, timing: Stage) -> Stage | None:
        """What takes the way through event time, key and windows in one go, where they follow each other."""
        key = self._only_consumer(node)
        windows = None if key is None else self.operators.get(id(self._only_consumer(key)))
        if not (
            isinstance(key, KeyNode)
            and node.spec.of is not None
            and isinstance(timing, EventTimeStage)
            and isinstance(windows, OperatorStage)
            and isinstance(windows.operator, GriddedOperator)
            and not windows.metered
            and not self._reordered
            and self._context.profiler is None
        ):
            return None
        return FusedWindows(timing, node.spec.of, key.key, self._plan.name(key), windows, windows.operator)

    def _fused_running(self, key: KeyNode, keys: Stage) -> Stage | None:
        """What works out keys and running values in one go."""
        running = self.operators.get(id(self._only_consumer(key)))
        if (
            not isinstance(running, OperatorStage)
            or not isinstance(running.operator, RunningOperator)
            or running.metered
            or self._context.profiler is not None
        ):
            return None
        taking = running.operator.taking(key.key)
        return None if taking is None else FusedRunning(keys, self._plan.name(key), running, taking)

    def _only_consumer(self, node: Node) -> Node | None:
        consumers = self._consumers.get(id(node), ())
        return consumers[0][0] if len(consumers) == 1 else None

    def _event_time(self, name: str, node: EventTimeNode, before: Node, out: Stage) -> Stage:
        if not node.spec.by_clock:
            return self._time(name, node.spec, before, out, node.time if isinstance(node, ColumnTimeNode) else None)
        waiting = [self.operators[id(each)] for each in self._plan.waiting(node)]
        return self._add(name, ClockTimeStage(name, self._context, bool(self._reordered), waiting, out))

    def _time(
        self,
        name: str,
        spec: EventTime,
        before: Node,
        out: Stage,
        of_rows: Expression | None = None,
        *,
        of_source: bool = False,
    ) -> Stage:
        readers = {reader.origin: reader for source in self.sources.values() for reader in source.readers}
        told = {
            reader.origin
            for source in self.sources.values()
            for reader in source.readers
            if source.feed.source.watermarks
        }

        def reached(origin: int, watermark: int) -> None:
            if origin in readers:
                readers[origin].watermark = watermark

        origins = {origin: self._labels[origin] for origin in self._origins[id(before)]}
        cuts = bool(self._reordered)
        if of_rows is None:
            stage = EventTimeStage(name, spec, origins, told, self._context, cuts, reached, out, of_source=of_source)
        else:
            from rivusio_streams.engine.columns.time_stage import ColumnTimeStage  # imports polars

            stage = ColumnTimeStage(name, spec, origins, told, self._context, cuts, reached, out, of_rows=of_rows)
        self.timing.append(stage)
        return self._add(name, stage)

    def restore(self, states: Mapping[str, tuple[Any, Mapping[Any, Any]]]) -> bool:
        """Have every stage take up what a snapshot says of it; gives whether it says anything of one."""
        found = [each for each in self.stages if isinstance(each, Stateful) and each.name in states]
        for stage in found:
            stage.restore(*states[stage.name])
        return bool(found)

    def _split(self, node: SplitNode, sides: list[Node]) -> Stage:
        ways: list[list[Stage]] = [[] for _ in range(len(node.predicates) + 1)]
        for side in sides:
            if isinstance(side, SideNode):
                ways[side.side] += self._heads[id(side)]
        outs = [(outs[0] if len(outs) == 1 else FanOut(outs)) if outs else None for outs in ways]
        name = self._plan.name(node)
        return self._enters(name, self._add(name, SplitStage(name, node.predicates, self._context, outs)))
