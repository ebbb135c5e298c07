"""Lengths that windows are made with, checked all at once."""

from __future__ import annotations

from collections.abc import Mapping

from rivusio_core.duration import Duration, duration_text, microseconds
from rivusio_core.errors import ConfigError, Fault

__all__ = ["checked_lengths"]


def checked_lengths(
    owner: str, positive: Mapping[str, Duration], signed: Mapping[str, Duration] | None = None
) -> list[int]:
    """All of them in whole microseconds, in the order given.

    Args:
        owner: whose settings they are.
        positive: by name, those that must be longer than 0.
        signed: by name, those that may be 0 or negative.

    Raises:
        ConfigError: listing each that is no duration, or not longer than 0.

    Example:
        >>> checked_lengths("Tumbling", {"size": "1m"}, {"offset": "-1s"})
        [60000000, -1000000]
    """
    lengths, faults = list[int](), list[Fault]()
    for name, value in {**positive, **(signed or {})}.items():
        try:
            length = microseconds(value, name)
        except ConfigError as error:
            faults += error.faults
            continue
        if length <= 0 and name in positive:
            faults.append(Fault(f"must be longer than 0, not {duration_text(length)}", name))
        lengths.append(length)
    if faults:
        raise ConfigError(owner, faults=faults)
    return lengths
