"""Asking about many keys at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rivusio_core.duration import Duration
from rivusio_core.errors import ConfigError, Fault
from rivusio_core.policy.faults import duration_faults

__all__ = ["Batched"]

K = TypeVar("K")
V = TypeVar("V", covariant=True)


@dataclass(frozen=True)
class Batched(Generic[K, V]):
    """How `Stream.lookup` asks about several keys with one request.

    A request leaves when `size` different keys are together, `within` after its first key came, or as soon as no
    further item can come along, because as many wait as may be in work at once (the `concurrency` of the lookup).

    Args:
        fetch_many: a coroutine function of a list of different keys; gives a mapping of keys to what is known of them.
            Of a key that is not in it (or is None there) nothing is known.
        size: keys in a request at most, 1 or more.
        within: how long a key waits for others at most, longer than 0.

    Raises:
        ConfigError: listing every argument that is wrong.

    Example:
        >>> async def names(users: Sequence[int]) -> dict[int, str]:
        ...     return {user: f"user {user}" for user in users}
        >>> Batched(names, size=50, within="10ms").size
        50
    """

    fetch_many: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]
    size: int = 100
    within: Duration = "5ms"

    def __post_init__(self) -> None:
        function, size, within = (getattr(self, name) for name in ("fetch_many", "size", "within"))  # maybe of any type
        faults = list[Fault]()
        if not callable(function):
            faults.append(Fault(f"takes a function of a list of keys, not {type(function).__name__}", "fetch_many"))
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            faults.append(Fault(f"must be a whole number from 1, not {size!r}", "size"))
        faults += [Fault("is needed", "within")] if within is None else duration_faults(within=within)
        if faults:
            raise ConfigError("Batched", faults=faults)
