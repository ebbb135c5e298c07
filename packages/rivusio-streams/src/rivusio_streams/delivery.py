r"""What can be promised of results after a crash: computed from source, sink and checkpoints.

One rule: an item is acknowledged, or its position checkpointed, only after every sink it feeds has durably taken its
results.

| source \ sink | transactional, two-phase | keyed | append |
|---|---|---|---|
| seekable | exactly once | exactly once | at least once |
| redelivered | at least once (1) | exactly once (2) | at least once |
| no replay | at most once | at most once | at most once |

(1) Exactly once where the sink is transactional, and `distinct` before it leaves out ids that were seen.
(2) At least once behind a step that keeps state, which counts an item that is delivered again.

Without checkpoints, two-phase and transactional sinks are append sinks, and state is gone with the process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from rivusio_core.errors import GuaranteeError
from rivusio_streams.graph import KeyedNode, Node, ProcessNode, ReadNode, TeeNode, WriteNode, in_order
from rivusio_streams.keyed_process import Distinct
from rivusio_streams.plan import Plan
from rivusio_streams.sink import BaseSink, TransactionalSink, TwoPhaseSink

__all__ = ["Delivery", "Guarantee", "Promise", "Protocol", "guarantee", "sinks_of"]

Delivery: TypeAlias = Literal["at_most_once", "at_least_once", "exactly_once"]
"""What becomes of an item when a run crashes and goes on: it may be lost; it may be there twice; neither."""

Protocol: TypeAlias = Literal["direct", "staged", "joint"]
"""How results become durable: seen at once; seen with the checkpoint; in one transaction with the checkpoint."""

_STRENGTH: Sequence[Delivery] = ("at_most_once", "at_least_once", "exactly_once")
_WORDS: Mapping[Delivery, str] = {
    "at_most_once": "at most once",
    "at_least_once": "at least once",
    "exactly_once": "exactly once",
}

_INSTEAD = "write to a folder or a table, or run without checkpoints"


@dataclass(frozen=True)
class Promise:
    """What can be promised of one sink.

    Attributes:
        sink: the step.
        delivery: the promise.
        protocol: how its results become durable.
        because: the part that it hangs on, and why; what would make it stronger.
        refused: what was written would be thrown away: such a run does not start.
    """

    sink: str
    delivery: Delivery
    protocol: Protocol
    because: str
    refused: bool = False

    def __str__(self) -> str:
        return f"{self.sink}: {_WORDS[self.delivery]}: {self.because}"


@dataclass(frozen=True)
class Guarantee:
    """What can be promised of a flow: the weakest promise of its sinks."""

    promises: tuple[Promise, ...]

    @property
    def delivery(self) -> Delivery:
        """The weakest promise."""
        return min((each.delivery for each in self.promises), key=_STRENGTH.index, default="exactly_once")

    def demand(self, asked: Delivery | None) -> None:
        """Refuse what cannot be promised.

        Args:
            asked: for what; None: nothing, and only what never works is refused.

        Raises:
            GuaranteeError: naming the parts that prevent it.
        """
        refused = [each for each in self.promises if each.refused]
        if refused:
            raise GuaranteeError(
                "\n".join(["this cannot be run with checkpoints:", *(f"  {each}" for each in refused)])
            )
        if asked is None:
            return
        enough: set[Delivery] = {asked, "exactly_once"}
        lacking = [each for each in self.promises if each.delivery not in enough]
        if lacking:
            lines = [f"delivery={asked!r} cannot be promised:", *(f"  {each}" for each in lacking)]
            raise GuaranteeError("\n".join(lines))

    def protocol(self, sink: str) -> Protocol:
        """How the results of a step become durable."""
        return next((each.protocol for each in self.promises if each.sink == sink), "direct")

    def to_json(self) -> Mapping[str, object]:
        """As values that JSON can hold."""
        sinks = [{"sink": p.sink, "delivery": p.delivery, "because": p.because} for p in self.promises]
        return {"delivery": self.delivery, "sinks": sinks}

    def __str__(self) -> str:
        return "\n".join([f"delivery: {_WORDS[self.delivery]}", *(f"  {each}" for each in self.promises)])


def sinks_of(node: Node, plan: Plan) -> Iterator[tuple[str, BaseSink[Any]]]:
    """Name and sink of what a node writes to."""
    if isinstance(node, WriteNode | TeeNode):
        yield plan.name(node), node.sink
    elif isinstance(node, KeyedNode) and node.late_to is not None:
        yield plan.extras[id(node)], node.late_to


def guarantee(plan: Plan, *, checkpoints: bool, database: str | None = None) -> Guarantee:
    """What can be promised of a flow.

    Args:
        plan: the flow.
        checkpoints: the run has a checkpoint store.
        database: the one that the store is part of.
    """
    found = [(node, name, sink) for node in plan.nodes for name, sink in sinks_of(node, plan)]
    promises = list[Promise]()
    for node, name, sink in found:
        protocol = _protocol(sink, checkpoints=checkpoints, database=database, alone=len(found) == 1)
        promises.append(_weakest(name, protocol, sink, node, plan, checkpoints=checkpoints))
    return Guarantee(tuple(promises))


def _protocol(sink: BaseSink[Any], *, checkpoints: bool, database: str | None, alone: bool) -> Protocol:
    if not checkpoints or not isinstance(sink, TwoPhaseSink):
        return "direct"
    same = isinstance(sink, TransactionalSink) and sink.database == database
    if same and alone and sink.commit in ("transactional", "keyed"):
        return "joint"
    return "staged" if sink.commit in ("two_phase", "transactional") else "direct"


def _weakest(
    name: str, protocol: Protocol, sink: BaseSink[Any], node: Node, plan: Plan, *, checkpoints: bool
) -> Promise:
    if checkpoints and sink.commit == "replace":
        what = f"{type(sink).__name__} writes its target anew in each run, and what was written before a crash is lost"
        return Promise(name, "at_most_once", protocol, f"{what}; {_INSTEAD}", refused=True)
    before = in_order([node])
    keeping = [plan.name(each) for each in before if isinstance(each, KeyedNode)]
    distinct = any(isinstance(each, ProcessNode) and isinstance(each.process, Distinct) for each in before)
    found = list[tuple[Delivery, str]]()
    for read in before:
        if isinstance(read, ReadNode):
            source = plan.name(read)
            match read.source.replay:
                case "none":
                    what = f"the source {source!r} cannot read again what was in flight"
                    found.append(("at_most_once", f"{what}; read a file, a table or a queue"))
                case "seekable":
                    found.append(_of_seekable(source, sink, protocol, checkpoints=checkpoints))
                case _:
                    found.append(_of_queue(source, sink, protocol, keeping, distinct, checkpoints=checkpoints))
    delivery, because = min(found, key=lambda each: _STRENGTH.index(each[0]))
    return Promise(name, delivery, protocol, because)


def _of_seekable(source: str, sink: BaseSink[Any], protocol: Protocol, *, checkpoints: bool) -> tuple[Delivery, str]:
    kind = type(sink).__name__
    if protocol == "joint":
        return "exactly_once", f"{kind} commits results and checkpoint in one transaction"
    if protocol == "staged":
        return "exactly_once", f"{kind} shows results with the checkpoint that has them"
    if sink.commit == "keyed":
        return "exactly_once", f"{kind} replaces a result that is written again by its key"
    if not checkpoints:
        stages = isinstance(sink, TwoPhaseSink) and sink.commit in ("two_phase", "transactional")
        could = " (with checkpoints it is exactly once)" if stages else ""
        return "at_least_once", f"without checkpoints, the next run reads {source!r} from the beginning{could}"
    again = f"{kind} appends, and what came after the last checkpoint is written again after a crash"
    return "at_least_once", f"{again}; take a file, a table, or a sink with a key"


def _of_queue(
    source: str, sink: BaseSink[Any], protocol: Protocol, keeping: Sequence[str], distinct: bool, *, checkpoints: bool
) -> tuple[Delivery, str]:
    kind = type(sink).__name__
    if keeping and not checkpoints:
        what = f"the state of {keeping[0]!r} is lost with the process, though its items were acknowledged"
        return "at_most_once", f"{what}; set checkpoint="
    if sink.commit == "keyed" and not keeping:
        return "exactly_once", f"{kind} replaces a result that is written again by its key"
    if protocol == "joint" and distinct:
        return "exactly_once", f"{kind} commits results, checkpoint and the ids that were seen in one transaction"
    again = f"the source {source!r} delivers again what was not acknowledged when the process died"
    advice = "write to a sink with a key, or leave out repeated ids with distinct() and commit with the checkpoint"
    return "at_least_once", f"{again}; {advice}"
