"""quixstreams, its composed functions alone: its application needs Kafka, and so do its state and windows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import functions as f
from inputs import lines
from quixstreams.dataframe import StreamingDataFrame
from quixstreams.dataframe.registry import DataFrameRegistry
from quixstreams.models.topics import Topic

__all__ = ["CANNOT", "RUNS", "SHARE"]


def _run(items: Any, steps: list[Any], keep: Any = None) -> list[Any]:
    given: list[Any] = []
    nothing: Any = SimpleNamespace(producer=None)  # neither topics nor offsets are asked for
    registry = DataFrameRegistry()
    frame: Any = StreamingDataFrame(
        Topic("bench"), topic_manager=nothing, registry=registry, processing_context=nothing, stream_id="bench"
    )
    registry.register_root(frame)
    for step in steps:
        frame = frame.apply(step)
    if keep is not None:
        frame = frame.filter(keep)
    call = frame.compose(sink=lambda value, key, timestamp, headers: given.append(value))["bench"]
    for item in items:
        call(item, b"", 0, [])
    return given


RUNS: dict[str, Any] = {
    "W1": lambda count: _run(range(count), [f.add, f.double, f.minus, f.add, f.double], f.third),
    "W2": lambda count: _run(lines(count), [f.Order.model_validate_json, f.plus_tax, f.to_json]),
}
SHARE = {"W1": 0.3}
CANNOT = {
    "W3": "state needs Kafka",
    "W4": "no async functions",
    "W5": "no async functions",
    "W6": "state needs Kafka",
    "W8": "state needs Kafka",
}
