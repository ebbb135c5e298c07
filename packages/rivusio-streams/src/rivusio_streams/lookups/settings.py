"""The settings of a lookup join, and what may be wrong with them."""

from __future__ import annotations

import math
from typing import TypedDict

from rivusio_core.duration import Duration, seconds
from rivusio_core.errors import ConfigError, Fault
from rivusio_core.policy.options import OnError
from rivusio_core.policy.retry import Retry

__all__ = ["LookupSettings", "kept_for", "size_of"]


class LookupSettings(TypedDict, total=False):
    """What `Stream.lookup` takes besides the functions.

    ttl: how long an answer is kept after it came, `"5m"` by default; None: for the whole run; 0: not at all.
    negative_ttl: the same for the answer that nothing is known of a key, `"30s"` by default.
    size: how many answers are kept at most, 10,000 by default; the least recently used one goes first.
    concurrency: items in work at once, 16 by default; with `Batched`, twice its `size`, so that one request is filled
        while another is under way. One after the other where a plain function is known to answer at once and neither
        this nor `retry` or `timeout` is given.
    retry, timeout, on_error, name: as of pipes. Each is about one item: a timeout includes the wait for the answer to
        an earlier item's request.
    """

    ttl: Duration | None
    negative_ttl: Duration | None
    size: int
    concurrency: int
    retry: Retry | int | None
    timeout: Duration | None
    on_error: OnError
    name: str


def kept_for(value: Duration | None, name: str, faults: list[Fault]) -> float:
    """Seconds for which an answer is kept; endless for None."""
    if value is None:
        return math.inf
    try:
        found = seconds(value, name)
    except ConfigError as error:
        faults.append(Fault(str(error).removeprefix(f"{name}: "), name))
        return 0.0
    if found < 0:
        faults.append(Fault(f"must not be negative, and is {value!r}", name))
    return found


def size_of(value: object, faults: list[Fault]) -> int:
    """How many answers are kept; `value` may be anything, from callers without types."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    faults.append(Fault(f"must be a whole number from 1, not {value!r}", "size"))
    return 1
