"""Reading values of a type that has changed since they were kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from rivusio_core.errors import ConfigError, Fault

__all__ = ["Upcast"]

_Fields: TypeAlias = dict[str, Any]  # Any: of each field its own type


@dataclass(frozen=True)
class Upcast:
    """Says how the fields of an earlier version of a type become those of a later one.

    The last of the upcasts of a type gives the fields of the type as it is now; what they give is validated.

    Args:
        type: as it is now: a pydantic model, dataclass or named tuple.
        since: the fingerprint of the earlier version, as the error and `rivusio checkpoints show` tell it.
        change: is given the earlier fields, and gives those of the next version.
        name: `module:Name` that it had, where it was renamed or moved.

    Raises:
        ConfigError: `since` is no fingerprint.

    Example:
        >>> from pydantic import BaseModel
        >>> class Order(BaseModel):
        ...     cents: int
        >>> upcast = Upcast(Order, "3f2a9c0d11aa", lambda old: {"cents": round(old["euros"] * 100)})
        >>> upcast.change({"euros": 2.5})
        {'cents': 250}
    """

    type: type
    since: str
    change: Callable[[_Fields], _Fields]
    name: str | None = None

    def __post_init__(self) -> None:
        if len(self.since) != 12 or not set(self.since) <= set("0123456789abcdef"):
            raise ConfigError("Upcast", faults=[Fault(f"{self.since!r} is no fingerprint of 12 digits", "since")])
