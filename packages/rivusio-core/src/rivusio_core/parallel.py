"""Running a whole pipeline on several items at once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal, get_args

from rivusio_core.errors import ConfigError, Fault

__all__ = ["Parallel"]

Kind = Literal["thread", "process", "async"]


@dataclass(frozen=True, kw_only=True)
class Parallel:
    """`pipeline.map(items, parallel=Parallel(kind="process", workers=4))`: results as without, in order.

    Args:
        kind: `"async"` for pipelines that wait (many items in one event loop), `"thread"` for blocking ones,
            `"process"` for ones that compute (items, results and pipes are then sent by pickle).
        workers: how many at once; the number of cores by default.

    Raises:
        ConfigError: an argument is wrong.
    """

    kind: Kind
    workers: int = os.cpu_count() or 1

    def __post_init__(self) -> None:
        faults = list[Fault]()
        if self.kind not in get_args(Kind):
            faults.append(Fault(f"must be 'thread', 'process' or 'async', not {self.kind!r}", "kind"))
        if self.workers < 1:
            faults.append(Fault(f"must be 1 or more, not {self.workers}", "workers"))
        if faults:
            raise ConfigError("Parallel", faults=faults)
