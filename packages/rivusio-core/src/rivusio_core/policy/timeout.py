"""The longest time that one attempt may take."""

from __future__ import annotations

from dataclasses import dataclass

from rivusio_core.clock import Clock
from rivusio_core.duration import Duration, duration_text, microseconds
from rivusio_core.errors import ConfigError, PipeTimeout
from rivusio_core.policy.faults import duration_faults
from rivusio_core.policy.layer import Call

__all__ = ["Timeout"]


@dataclass(frozen=True)
class Timeout:
    """Cancels an attempt that takes longer than `after`; it ends at its next wait.

    Only time that runs out here becomes a `PipeTimeout`: a `TimeoutError` that the pipe itself raises stays one, and
    an attempt that ends in time to give a result, or an error of its own, has ended so.

    Args:
        after: the longest time, more than 0.

    Raises:
        ConfigError: it is no duration, or 0 or less.
    """

    after: Duration

    def __post_init__(self) -> None:
        faults = list(duration_faults(timeout=self.after))
        if faults:
            raise ConfigError(faults=faults)

    def layer(self, call: Call, clock: Clock) -> Call:
        """The call with the limit around it; raises PipeTimeout."""
        micros = microseconds(self.after)
        longest = micros / 1_000_000

        async def limited(item: object) -> object:
            with clock.deadline(longest):
                return await call(item)
            # Only a deadline that swallowed its own cancellation leads here.
            raise PipeTimeout(f"took longer than its timeout of {duration_text(micros)}")

        return limited
