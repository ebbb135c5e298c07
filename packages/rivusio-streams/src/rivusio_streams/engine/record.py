"""What a run says of itself: for `rivusio explain`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Literal, TypeAlias, cast

from pydantic import JsonValue

from rivusio_core.duration import duration_text
from rivusio_core.listener import RunInfo, Tally
from rivusio_core.run_record import PartitionRecord, RunRecord, StepRecord
from rivusio_streams.engine.assembly import Assembly
from rivusio_streams.engine.event_time_stage import EventTimeStage
from rivusio_streams.engine.keyed_stage import KeyedStage, LateItem
from rivusio_streams.graph import KeyedNode
from rivusio_streams.moment import as_datetime
from rivusio_streams.plan import Plan

__all__ = ["RunState", "record_of"]

RunState: TypeAlias = Literal["opening", "running", "waiting", "finished", "stopped", "failed"]


def record_of(
    plan: Plan,
    info: RunInfo,
    assembly: Assembly,
    tallies: Mapping[str, Tally],
    *,
    state: RunState,
    began: int,
    now: int,
    error: BaseException | None,
) -> RunRecord:
    """The record of a run as it is now.

    Args:
        plan: of the flow.
        info: name and steps of the run.
        assembly: its stages.
        tallies: counts by step.
        state: what the run does.
        began: microseconds since the epoch.
        now: microseconds since the epoch.
        error: what ended it. Its text, which might quote items, is left out.
    """
    keyed = [node for node in plan.nodes if isinstance(node, KeyedNode)]
    heeded = {step for node in keyed for step in plan.timing_steps(node)}
    timing = {stage.step: stage for stage in assembly.timing if stage.step in heeded}
    operators = {stage.name: stage for stage in assembly.operators.values()}
    steps = [
        StepRecord(
            name=name,
            counts={key: count for key, count in asdict(tallies.get(name, Tally())).items() if count},
            state=cast("dict[str, JsonValue]", operators[name].explain()) if name in operators else {},
            partitions=tuple(_partitions(timing[name])) if name in timing else (),
        )
        for name in info.steps
    ]
    findings = [
        finding
        for node in keyed
        for finding in _findings(plan, node, assembly.operators[id(node)], timing, over=state != "running")
    ]
    return RunRecord(
        name=info.name,
        id=info.id,
        state=state,
        began=as_datetime(began).isoformat(),
        updated=as_datetime(now).isoformat(),
        error=None if error is None else type(error).__name__,
        steps=steps,
        findings=findings,
    )


def _partitions(stage: EventTimeStage) -> Iterator[PartitionRecord]:
    for each in stage.explain():
        yield PartitionRecord.model_validate(each)


def _findings(
    plan: Plan, node: KeyedNode, stage: KeyedStage, timing: Mapping[str, EventTimeStage], *, over: bool
) -> Iterator[str]:
    name, held = stage.name, stage.operator.held
    if held:
        waits = "when the run ended" if over else f"until the watermark is {_until(stage.operator.next)}"
        yield f"{name} holds {_items(held)} {waits}"
        if not over:
            for step in plan.timing_steps(node):
                if step in timing:
                    yield from (f"{name}: {reason}" for reason in _holding(timing[step]))
    for late in stage.late_items:
        yield f"{name} refused {_late(late, stage)}"
    more = stage.late_count - len(stage.late_items)
    if more > 0:
        yield f"{name} refused {_items(more)} before these"


def _until(watermark: int) -> str:
    return _text(watermark) or "at the end of the input"


def _text(time: int) -> str:
    """A time; nothing for what is before or after all times."""
    try:
        return as_datetime(time).isoformat()
    except OverflowError:
        return ""


def _holding(stage: EventTimeStage) -> Iterator[str]:
    """Why the watermark stands where it stands."""
    after = stage.spec.idle_after
    for each in _partitions(stage):
        if not each.holds:
            continue
        if each.watermark is None:
            what = f"{each.partition} has given nothing yet"
        else:
            what = f"{each.partition} stands at {each.watermark} since {each.since}"
        if after is None:
            yield f"{what}, and is waited for however long it is silent; event_time(idle_after=...) would change that"
        else:
            yield f"{what}; it is waited for until it has been silent for {duration_text(after)}"
    if all(each.idle or each.watermark == "end" for each in _partitions(stage)):
        yield f"all partitions of {stage.step} are idle: event time stands still until one gives something"


def _late(late: LateItem, stage: KeyedStage) -> str:
    behind = duration_text(late.mark - late.time)
    row = "" if late.row is None else f"row {late.row} of "
    return (
        f"{row}item {late.position} of {stage.origin_name(late.origin)} as late: its time {_text(late.time)} "
        f"lies {behind} before the watermark {_text(late.mark)}, which event time had reached when it came; more "
        "out_of_order (waits longer) or allowed_lateness (corrects later) would take it"
    )


def _items(count: int) -> str:
    return f"{count:,} item{'' if count == 1 else 's'}"
