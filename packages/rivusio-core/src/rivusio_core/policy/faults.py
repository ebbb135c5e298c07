"""What may be wrong with the arguments of a policy, as faults that name the argument."""

from __future__ import annotations

from collections.abc import Iterator

from rivusio_core.duration import Duration, seconds
from rivusio_core.errors import ConfigError, Fault

__all__ = ["count_faults", "duration_faults"]


def count_faults(**counts: int | None) -> Iterator[Fault]:
    """A fault for each that is given and less than 1."""
    for name, count in counts.items():
        if count is not None and count < 1:
            yield Fault(f"must be 1 or more, not {count}", name)


def duration_faults(**durations: Duration | None) -> Iterator[Fault]:
    """A fault for each that is given and no duration longer than 0."""
    for name, duration in durations.items():
        try:
            if duration is not None and seconds(duration, name) <= 0:
                yield Fault(f"must be longer than 0, not {duration!r}", name)
        except ConfigError as error:
            yield Fault(str(error).removeprefix(f"{name}: "), name)
