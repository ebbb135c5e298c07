"""Which operator does what a node says."""

from __future__ import annotations

from rivusio_streams.engine.operator import Operator
from rivusio_streams.engine.operators.aligned import AlignedOperator
from rivusio_streams.engine.operators.counted import CountOperator
from rivusio_streams.engine.operators.everything import GlobalOperator
from rivusio_streams.engine.operators.panes import Panes, ordered
from rivusio_streams.engine.operators.session import SessionOperator
from rivusio_streams.engine.operators.sliding import SlidingOperator
from rivusio_streams.graph import AggregateNode, KeyedNode
from rivusio_streams.windows import AlignedWindows, Count, Global, Session, Sliding

__all__ = ["operator_of"]


def operator_of(node: KeyedNode, name: str) -> Operator:
    """The operator for a node.

    Args:
        node: what to do.
        name: of the step.
    """
    match node:
        case AggregateNode():
            return _window(node, name)
        case _:
            raise TypeError(f"no operator is known for {type(node).__name__}")


def _window(node: AggregateNode, name: str) -> Operator:
    aggregator = ordered(node.aggregator)
    panes = Panes(name, aggregator)
    settings = (aggregator, node.allowed_lateness, node.accumulate, node.trigger, panes)
    match node.windows:
        case AlignedWindows():
            return AlignedOperator(name, node.windows, *settings)
        case Session():
            return SessionOperator(name, node.windows, *settings)
        case Sliding():
            return SlidingOperator(name, node.windows, *settings)
        case Global():
            return GlobalOperator(name, *settings)
        case Count():
            return CountOperator(name, node.windows, aggregator, panes)
        case _:
            raise TypeError(f"no operator is known for {type(node.windows).__name__}")
