"""What a flow needs to run: its steps in order, under unique names, and what feeds what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rivusio_core.engine.build import step_names
from rivusio_core.pipeline import steps_of
from rivusio_streams.engine.origin import TIMED, UNTIMED
from rivusio_streams.graph import (
    AggregateNode,
    ColumnTimeNode,
    EventTimeNode,
    JoinNode,
    KeyedNode,
    MergeNode,
    Node,
    PipeNode,
    ProcessNode,
    ReadNode,
    SideNode,
    TeeNode,
    in_order,
)
from rivusio_streams.trigger import delays

__all__ = ["Plan"]


@dataclass(frozen=True)
class Plan:
    """A flow, ready to be run. Nodes are told apart by identity: what is used twice is computed once.

    Attributes:
        nodes: every one after those that feed it.
        names: by id of the node: names of its steps, unique in the flow; a pipeline has several.
        extras: by id of the node: name of the sink beside it (`tee`, `late_to`).
    """

    nodes: tuple[Node, ...]
    names: dict[int, tuple[str, ...]]
    extras: dict[int, str]

    @staticmethod
    def of(ends: Iterable[Node]) -> Plan:
        """The plan for the nodes that end a flow."""
        nodes = in_order(ends)
        seen, names, extras = dict[str, int](), dict[int, tuple[str, ...]](), dict[int, str]()

        def unique(name: str) -> str:
            count = seen[name] = seen.get(name, 0) + 1
            made = name if count == 1 else f"{name}-{count}"
            return made if count == 1 or made not in seen else unique(made)

        for node in nodes:
            if isinstance(node, SideNode):
                names[id(node)] = names[id(node.inputs[0])]
            else:
                names[id(node)] = tuple(unique(name) for name in _wanted(node))
            if isinstance(node, TeeNode):
                extras[id(node)] = names[id(node)][0]
            elif isinstance(node, KeyedNode) and node.late_to is not None:
                extras[id(node)] = unique(node.late_to.step_name)
        return Plan(tuple(nodes), names, extras)

    @property
    def steps(self) -> tuple[str, ...]:
        """The names of all steps, in order."""
        found = list[str]()
        for node in self.nodes:
            if not isinstance(node, SideNode):
                found += self.names[id(node)]
                if isinstance(node, KeyedNode) and id(node) in self.extras:
                    found.append(self.extras[id(node)])
        return tuple(found)

    def name(self, node: Node) -> str:
        """The name of a node's only, or first, step."""
        return self.names[id(node)][0]

    def consumers(self) -> dict[int, list[tuple[Node, int]]]:
        """By id of a node: who it feeds, and as which of their inputs."""
        found = defaultdict[int, list[tuple[Node, int]]](list)
        for node in self.nodes:
            for index, each in enumerate(node.inputs):
                found[id(each)].append((node, index))
        return found

    def pipes_to(self, last: PipeNode) -> list[PipeNode]:
        """The run of pipes that ends with this one: neighbours become one chain."""
        consumers, reordered = self.consumers(), self.reordered()
        run, before = [last], last.inputs[0]
        while isinstance(before, PipeNode) and len(consumers[id(before)]) == 1 and id(before) not in reordered:
            run.append(before)
            before = before.inputs[0]
        return run[::-1]

    def columns(self) -> dict[int, int]:
        """By id of a node: how many columns its results have."""
        found = dict[int, int]()
        for node in self.nodes:
            if isinstance(node, ReadNode):
                found[id(node)] = TIMED if node.source.timed else UNTIMED
            elif isinstance(node, EventTimeNode):
                found[id(node)] = TIMED
            elif isinstance(node, MergeNode | JoinNode):
                found[id(node)] = min(found[id(each)] for each in node.inputs)
            else:
                found[id(node)] = found[id(node.inputs[0])]
        return found

    def gives_times(self, node: Node) -> bool:
        """The node says when items happened, whatever a source says."""
        own = isinstance(node, EventTimeNode) and (node.spec.of is not None or node.spec.by_clock)
        return own or isinstance(node, ColumnTimeNode)

    def says_watermarks(self, node: Node) -> bool:
        """The node says how far event time has come."""
        return isinstance(node, EventTimeNode) or (isinstance(node, ReadNode) and node.source.timed)

    def timing_steps(self, node: Node) -> list[str]:
        """The nearest steps before a node that say how far event time has come."""
        stack, seen, found = [*reversed(node.inputs)], set[int](), list[str]()
        while stack:
            before = stack.pop()
            if id(before) in seen:
                continue
            seen.add(id(before))
            if self.says_watermarks(before):
                found.append(self.name(before))
            else:
                stack += reversed(before.inputs)
        return found

    def is_timed(self, node: KeyedNode) -> bool:
        """The node needs to know when items happened."""
        match node:
            case AggregateNode():
                return node.windows.timed or delays(node.trigger)[0] is not None
            case JoinNode():
                return node.join.timed
            case ProcessNode():
                return node.process.timed
            case _:
                return True

    def idle_after(self, read: ReadNode) -> Sequence[int]:
        """The idle times that steps behind a source want to hear of."""
        fed, wanted = {id(read)}, list[int]()
        for node in self.nodes:
            if any(id(each) in fed for each in node.inputs):
                fed.add(id(node))
                if isinstance(node, EventTimeNode) and node.spec.idle_after is not None:
                    wanted.append(node.spec.idle_after)
        return wanted

    def waiting(self, timing: EventTimeNode) -> list[Node]:
        """The nodes that judge by the event time that this one gives."""
        reached, found = {id(timing)}, list[Node]()
        for node in self.nodes:
            if any(id(each) in reached for each in node.inputs) and not isinstance(node, EventTimeNode):
                reached.add(id(node))
                if isinstance(node, KeyedNode):
                    found.append(node)
        return found

    def reordered(self) -> set[int]:
        """Ids of the pipes whose results have to be put back in order.

        They give items as they are ready, and a step behind them judges by event time.
        """
        columns, found, judging = self.columns(), set[int](), set[int]()
        for node in reversed(self.nodes):
            if isinstance(node, KeyedNode) or id(node) in judging:
                judging |= {id(each) for each in node.inputs}
            if isinstance(node, PipeNode) and id(node) in judging and columns[id(node)] == TIMED:
                options = [step.options for step in steps_of(node.pipe)]
                if any(each.concurrency > 1 and not each.ordered for each in options):
                    found.add(id(node))
        return found

    def wires(self) -> list[tuple[tuple[str, ...], str]]:
        """Which steps' results together are what a step takes, for the ledger.

        Splits have two kinds of results and are left out.
        """
        found = list[tuple[tuple[str, ...], str]]()
        for node in self.nodes:
            feeding = tuple(self.names[id(each)][-1] for each in node.inputs if not isinstance(each, SideNode))
            steps = self.names[id(node)]
            if feeding and len(feeding) == len(node.inputs) and not isinstance(node, SideNode):
                found.append((feeding, steps[0]))
            found += [((before,), after) for before, after in pairwise(steps)]
        return found


def _wanted(node: Node) -> Sequence[str]:
    if isinstance(node, PipeNode):
        return [node.name] if node.name and len(steps_of(node.pipe)) == 1 else step_names(node.pipe)
    return [node.name]
