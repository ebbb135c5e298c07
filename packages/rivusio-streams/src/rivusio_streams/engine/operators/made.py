"""Which operator does what a node says."""

from __future__ import annotations

from rivusio_streams.aggregate import formula_of
from rivusio_streams.engine.operator import Operator
from rivusio_streams.engine.operators.aligned import AlignedOperator
from rivusio_streams.engine.operators.arrival_join import ArrivalJoinOperator
from rivusio_streams.engine.operators.asof_join import AsofJoinOperator
from rivusio_streams.engine.operators.counted import CountOperator
from rivusio_streams.engine.operators.distinct import DistinctOperator
from rivusio_streams.engine.operators.everything import GlobalOperator
from rivusio_streams.engine.operators.forgetting import Bounds
from rivusio_streams.engine.operators.hopping import HoppingOperator, shares
from rivusio_streams.engine.operators.interval_join import IntervalJoinOperator
from rivusio_streams.engine.operators.panes import Panes, ordered
from rivusio_streams.engine.operators.process import ProcessOperator
from rivusio_streams.engine.operators.running import RunningOperator
from rivusio_streams.engine.operators.session import SessionOperator
from rivusio_streams.engine.operators.sliding import SlidingOperator
from rivusio_streams.engine.operators.tumbling import TumblingOperator
from rivusio_streams.engine.operators.tumbling_join import TumblingJoinOperator
from rivusio_streams.engine.operators.window_join import Sides, WindowJoinOperator
from rivusio_streams.graph import AggregateNode, JoinNode, KeyedNode, ProcessNode
from rivusio_streams.joining import AsofJoin, IntervalJoin, TableJoin, WindowJoin
from rivusio_streams.keyed_process import Distinct, Running, UserProcess
from rivusio_streams.windows import AlignedWindows, Count, Global, Hopping, Session, Sliding, Tumbling

__all__ = ["operator_of"]


def operator_of(node: KeyedNode, name: str, bounds: Bounds | None = None) -> Operator:
    """The operator for a node.

    Args:
        node: what to do.
        name: of the step.
        bounds: makes what the states of a `ProcessNode` are kept in, where there is a limit.
    """
    match node:
        case AggregateNode():
            return _window(node, name, Panes(name, ordered(node.aggregator)))
        case JoinNode():
            return _join(node, name)
        case ProcessNode():
            return _process(node, name, bounds)
        case _:
            raise TypeError(f"no operator is known for {type(node).__name__}")


def _window(node: AggregateNode, name: str, panes: Panes) -> Operator:
    aggregator = ordered(node.aggregator)
    settings = (aggregator, node.allowed_lateness, node.accumulate, node.trigger, panes)
    match node.windows:
        case Tumbling() if type(node.windows) is Tumbling and node.trigger is None:
            return TumblingOperator(name, node.windows, *settings)
        case Hopping() if type(node.windows) is Hopping and _shares(node, node.windows):
            return HoppingOperator(name, node.windows, *settings)
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


def _shares(node: AggregateNode, windows: Hopping) -> bool:
    plain = node.trigger is None and not node.allowed_lateness
    return plain and shares(windows) and formula_of(node.aggregator) is not None


def _join(node: JoinNode, name: str) -> Operator:
    match node.join:
        case WindowJoin(Tumbling() as windows, how) if type(windows) is Tumbling:
            return TumblingJoinOperator(name, how, windows)
        case WindowJoin(windows, how):

            def windowed(sides: Sides, panes: Panes) -> Operator:
                both = AggregateNode(name, node.inputs, node.keyed, None, windows, sides, 0, True, None)
                return _window(both, name, panes)

            return WindowJoinOperator(name, how, windowed)
        case IntervalJoin() as join:
            return IntervalJoinOperator(name, join)
        case AsofJoin(tolerance=tolerance, how=how):
            return AsofJoinOperator(name, keeps_left=how == "left", tolerance=tolerance)
        case TableJoin(ttl=ttl, of=of, how=how, by="event_time"):
            last = None if ttl is None else ttl - 1  # at the age of ttl a row is over
            return AsofJoinOperator(name, keeps_left=how == "left", tolerance=last, deletes=True, of=of)
        case TableJoin(ttl=ttl, of=of, how=how):
            return ArrivalJoinOperator(name, keeps_left=how == "left", ttl=ttl, of=of)
        case _:
            raise TypeError(f"no operator is known for {type(node.join).__name__}")


def _process(node: ProcessNode, name: str, bounds: Bounds | None) -> Operator:
    match node.process:
        case UserProcess():
            return ProcessOperator(name, node.process, bounds)
        case Running():
            return RunningOperator(name, node.process, bounds)
        case Distinct():
            return DistinctOperator(name, node.process, keyed=node.keyed, bounds=bounds)
        case _:
            raise TypeError(f"no operator is known for {type(node.process).__name__}")
