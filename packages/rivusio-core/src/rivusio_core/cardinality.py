"""How many results a pipe gives for an item."""

from __future__ import annotations

from typing import Literal, TypeAlias

from rivusio_core.flow_pipes import Batch, Keep
from rivusio_core.pipe import AsyncFlatPipe, FlatPipe
from rivusio_core.pipeline import AnyPipe, Pipeline
from rivusio_core.route import Route

__all__ = ["Cardinality", "cardinality", "not_one_to_one"]

Cardinality: TypeAlias = Literal["one", "filter", "flat", "batch"]
"""For an item there is one result; one or none; any number; or one for several items together."""

_ORDER: tuple[Cardinality, ...] = ("one", "filter", "flat", "batch")


def cardinality(pipe: AnyPipe) -> Cardinality:
    """How many results a pipe gives for an item; of a pipeline or route, the loosest of its parts."""
    if isinstance(pipe, Pipeline):
        return _loosest([cardinality(step) for step in pipe.steps])
    if isinstance(pipe, Route):
        return _loosest([cardinality(part) for part in pipe.parts])
    if isinstance(pipe, Keep):
        return "filter"
    if isinstance(pipe, Batch):
        return "batch"
    return "flat" if isinstance(pipe, FlatPipe | AsyncFlatPipe) else "one"


def not_one_to_one(pipe: AnyPipe) -> AnyPipe | None:
    """The first step that may give none or several results for an item, for messages; None: there is none."""
    steps = pipe.steps if isinstance(pipe, Pipeline) else (pipe,)
    return next((step for step in steps if cardinality(step) != "one"), None)


def _loosest(found: list[Cardinality]) -> Cardinality:
    return max(found, key=_ORDER.index)
