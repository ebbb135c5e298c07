"""What can be said of a flow without running it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rivusio_core.engine.nature import check_options, parts_of
from rivusio_core.errors import ConfigError, DefinitionError, Fault
from rivusio_core.pipe import BasePipe
from rivusio_core.pipeline import steps_of
from rivusio_streams.checkpoint.store import CheckpointStore
from rivusio_streams.delivery import Guarantee, guarantee
from rivusio_streams.engine.origin import TIMED
from rivusio_streams.graph import (
    AggregateNode,
    EventTimeNode,
    KeyedNode,
    Node,
    PipeNode,
    ProcessNode,
    ReadNode,
    TeeNode,
    WriteNode,
)
from rivusio_streams.plan import Plan
from rivusio_streams.sink import AsyncSink, Sink, TransactionalSink, TwoPhaseSink
from rivusio_streams.source import AsyncSource, Source

__all__ = ["CheckReport", "check"]

_STAGING = {"two_phase": TwoPhaseSink, "transactional": TransactionalSink}


@dataclass(frozen=True)
class CheckReport:
    """What was found.

    Attributes:
        faults: what would prevent a run; `path` is the step.
        steps: the names of all steps, in order.
        dead_letters: steps that may give dead letters.
        guarantee: what can be promised after a crash.
        could_be: what it would be with checkpoints, where there are none.
    """

    faults: tuple[Fault, ...]
    steps: tuple[str, ...]
    dead_letters: tuple[str, ...]
    guarantee: Guarantee
    could_be: Guarantee

    @property
    def ok(self) -> bool:
        """Nothing was found that would prevent a run."""
        return not self.faults

    def raise_first(self) -> None:
        """Raise what was found, all of it at once.

        Raises:
            DefinitionError: something was found.
        """
        if self.faults:
            raise DefinitionError("\n".join(["the flow cannot run:", *(f"  {fault}" for fault in self.faults)]))

    def to_json(self) -> Mapping[str, object]:
        """All faults and facts, as values that JSON can hold."""
        return {
            "ok": self.ok,
            "faults": [{"step": each.path, "message": each.message} for each in self.faults],
            "steps": list(self.steps),
            "dead_letters": list(self.dead_letters),
            "guarantee": self.guarantee.to_json(),
            "with_checkpoints": self.could_be.to_json(),
        }

    def __str__(self) -> str:
        lines = [f"steps: {', '.join(self.steps)}"]
        if self.dead_letters:
            lines.append(f"may give dead letters: {', '.join(self.dead_letters)}")
        lines.append(str(self.guarantee))
        refused = any(each.refused for each in self.could_be.promises)
        if self.could_be.delivery != self.guarantee.delivery and not refused:
            lines.append(f"with checkpoints (--set checkpoint=PATH) {self.could_be}")
        lines += [f"fault: {fault}" for fault in self.faults] or ["no faults"]
        return "\n".join(lines)


def check(plan: Plan, *, dead_letters: bool | None, store: CheckpointStore | None = None) -> CheckReport:
    """Find all faults.

    Args:
        plan: the flow.
        dead_letters: the run will have a place for them; None: not known.
        store: where the run will keep checkpoints, if anywhere.
    """
    columns, faults, dying = plan.columns(), list[Fault](), list[str]()
    for node in plan.nodes:
        name = plan.name(node)
        faults += [Fault(message, name) for message in _faults(node, plan, columns)]
        dying += _dying(node, plan)
    if dead_letters is False and dying:
        for name in dying:
            message = "sends failed items to dead letters; the run needs a place for them: RunConfig(dead_letters=...)"
            faults.append(Fault(message, name))
    database = None if store is None else store.database
    promised = guarantee(plan, checkpoints=store is not None, database=database)
    faults += [Fault(each.because, each.sink) for each in promised.promises if each.refused]
    could_be = promised if store is not None else guarantee(plan, checkpoints=True)
    return CheckReport(tuple(faults), plan.steps, tuple(dying), promised, could_be)


def _faults(node: Node, plan: Plan, columns: Mapping[int, int]) -> Iterator[str]:
    if isinstance(node, ReadNode) and not isinstance(node.source, Source | AsyncSource):
        yield "a source derives from Source or AsyncSource"
    elif isinstance(node, WriteNode | TeeNode):
        yield from _sink_faults(node.sink)
        if node.on_error != "fail" and not node.sink.divisible:
            yield (
                f"on_error={node.on_error!r} needs a sink of which a failed write leaves nothing behind, and "
                f"{type(node.sink).__name__} does not say so (divisible=True)"
            )
    elif isinstance(node, KeyedNode):
        if any(columns[id(each)] < TIMED for each in node.inputs) and plan.is_timed(node):
            what = "windows need" if isinstance(node, AggregateNode) else "it needs"
            yield f"{what} to know when items happened; say .event_time(...) before"
        if node.late_to is not None:
            yield from _sink_faults(node.late_to)
        if any(each.beyond != "fail" for each in node.limits) and not isinstance(node, ProcessNode):
            yield "windows and joins need all that they keep: the limit= at key_by can only be beyond='fail' here"
        if len(node.limits) > 1:
            yield "both sides have a limit=; say it at one, for what the join keeps of both"
    elif isinstance(node, EventTimeNode):
        if not plan.gives_times(node) and columns[id(node.inputs[0])] < TIMED:
            yield "the source does not know times; give event_time a function of the item"
    elif isinstance(node, PipeNode):
        for step in _all_steps(node.pipe):
            try:
                check_options(step, step.step_name)
            except ConfigError as error:
                yield str(error)


def _sink_faults(sink: object) -> Iterator[str]:
    if not isinstance(sink, Sink | AsyncSink):
        yield "a sink derives from Sink or AsyncSink"
    elif sink.commit in _STAGING and not isinstance(sink, _STAGING[sink.commit]):
        yield f"a sink with commit={sink.commit!r} derives from {_STAGING[sink.commit].__name__}"


def _dying(node: Node, plan: Plan) -> Iterator[str]:
    if isinstance(node, ReadNode | WriteNode | TeeNode):
        if (node.source if isinstance(node, ReadNode) else node).on_error == "dead_letter":
            yield plan.name(node)
    elif isinstance(node, PipeNode):
        for step, name in zip(steps_of(node.pipe), plan.names[id(node)], strict=True):
            if any(each.options.on_error == "dead_letter" for each in _all_steps(step)):
                yield name


def _all_steps(pipe: BasePipe[Any, Any]) -> Iterator[BasePipe[Any, Any]]:
    for step in steps_of(pipe):
        yield step
        for part in parts_of(step):
            yield from _all_steps(part)
