"""What a flow keeps and waits for, in sentences, without running it."""

from __future__ import annotations

from collections.abc import Iterator

from rivusio_core.duration import duration_text
from rivusio_streams.graph import (
    AggregateNode,
    ColumnWindowNode,
    EventTimeNode,
    JoinNode,
    KeyedNode,
    Node,
    ProcessNode,
    ReadNode,
)
from rivusio_streams.plan import Plan

__all__ = ["explained"]


def explained(plan: Plan) -> str:
    """A line for each step that says or judges by event time, or keeps something."""
    lines = [f"{plan.name(node)}: {text}" for node in plan.nodes for text in _lines(node, plan)]
    return "\n".join(lines) or "no step keeps anything or judges by event time"


def _lines(node: Node, plan: Plan) -> Iterator[str]:
    if isinstance(node, ReadNode) and node.source.timed:
        yield "the source knows when items happened"
    elif isinstance(node, EventTimeNode):
        yield from _time(node)
    elif isinstance(node, KeyedNode):
        of_each = node.keyed or isinstance(node, ColumnWindowNode)
        yield f"keeps {'something of each key' if of_each else 'something of all items together'}, {_what(node)}"
        if plan.is_timed(node):
            yield f"waits for the watermark of {' and '.join(plan.timing_steps(node)) or 'nothing'}"
        if node.late_to is not None:
            yield f"late items go to {plan.extras[id(node)]}"


def _time(node: EventTimeNode) -> Iterator[str]:
    spec = node.spec
    if spec.by_clock:
        yield "items happen when they come by; the watermark is the clock"
        return
    if spec.strategy is not None:
        yield f"the watermark follows {spec.strategy!r}"
    else:
        yield f"the watermark follows the latest time of each partition {duration_text(spec.out_of_order)} behind"
    if spec.idle_after is None:
        yield "a silent partition holds event time back for however long it is silent: idle_after is not set"
    else:
        yield f"a partition that is silent for {duration_text(spec.idle_after)} is not waited for"


def _what(node: KeyedNode) -> str:
    match node:
        case AggregateNode():
            late = f", and takes late items for {duration_text(node.allowed_lateness)}" if node.allowed_lateness else ""
            return f"in {node.windows!r}: {node.aggregator!r} for each window that is open{late}"
        case ColumnWindowNode():
            keys = ", ".join(node.keys) or "all rows together"
            late = f", and takes late rows for {duration_text(node.allowed_lateness)}" if node.allowed_lateness else ""
            return f"in {node.windows!r} of the rows of batches, by {keys}: {', '.join(node.aggregates)}{late}"
        case JoinNode():
            return f"for {node.join!r}"
        case ProcessNode():
            return f"for {node.process!r}"
        case _:
            return "as its kind says"
