"""What a flow keeps, in words: a checkpoint is for the flow with the very same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import partial
from typing import cast

from rivusio_core.flow_pipes import Batch
from rivusio_core.pipeline import steps_of
from rivusio_streams.graph import EventTimeNode, JoinNode, KeyedNode, MergeNode, Node, PipeNode, ReadNode
from rivusio_streams.plan import Plan

__all__ = ["mismatches", "topology"]

_LEFT_OUT = {"inputs", "name", "late_to", "keyed", "takes", "gives"}
_DEEPEST = 6


def topology(plan: Plan) -> Mapping[str, str]:
    """By step that keeps something: how it is defined, as far as what it keeps depends on it.

    Functions are told apart by their names alone, and sources by their classes: a file may have moved.
    """
    found = dict[str, str]()
    for node in plan.nodes:
        found |= _of(node, plan)
    return found


def _of(node: Node, plan: Plan) -> Iterator[tuple[str, str]]:
    name = plan.name(node)
    match node:
        case ReadNode():
            yield name, type(node.source).__name__
            if node.source.timed:
                yield f"{name}: times", "event time"
        case EventTimeNode():
            by_clock = node.spec.by_clock
            strategy = "" if node.spec.strategy is None else f" by {told(node.spec.strategy)}"
            yield name, "processing time" if by_clock else f"event time{strategy}"
        case MergeNode():
            yield name, f"merge of {len(node.inputs)}"
        case KeyedNode():
            own = [each for each in fields(node) if each.name not in _LEFT_OUT]
            yield name, ", ".join(f"{each.name}={told(getattr(node, each.name))}" for each in own)
            if isinstance(node, JoinNode):
                yield f"{name}: inputs", f"merge of {len(node.inputs)}"
        case PipeNode():
            for step, step_name in zip(steps_of(node.pipe), plan.names[id(node)], strict=True):
                if isinstance(step, Batch):
                    yield step_name, "batch"
        case _:
            pass


def told(value: object, depth: int = 0) -> str:
    """A value in words that are the same in every process."""
    if depth > _DEEPEST:
        return "..."
    if value is None or isinstance(value, bool | int | float | str | bytes | Enum):
        return repr(value)
    if isinstance(value, partial):
        return f"partial({told(value.func, depth + 1)})"
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return str(getattr(value, "__qualname__", type(value).__name__))
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return f"{{{', '.join(f'{told(key, depth + 1)}: {told(own, depth + 1)}' for key, own in items)}}}"
    if isinstance(value, Sequence | set | frozenset):
        return f"[{', '.join(told(each, depth + 1) for each in cast('Sequence[object]', value))}]"
    name = type(value).__name__
    if is_dataclass(value):
        own = {each.name: getattr(value, each.name, None) for each in fields(value)}
    else:
        own = cast("dict[str, object]", getattr(value, "__dict__", {}))
    return f"{name}({', '.join(f'{field}={told(each, depth + 1)}' for field, each in own.items())})"


def mismatches(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What has changed in a way that makes a checkpoint useless, a line each; empty: it fits."""
    found = [
        f"step {name!r} kept something and is not there any more"
        if name not in now
        else f"step {name!r} has changed from {own} to {now[name]}"
        for name, own in then.items()
        if now.get(name) != own
    ]
    return found + [f"step {name!r} is new, and nothing is known of it" for name in now if name not in then]
