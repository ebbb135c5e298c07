"""The longest time that one attempt may take."""

from __future__ import annotations

from dataclasses import dataclass

import anyio

from rivusio_core.clock import Clock
from rivusio_core.duration import Duration, duration_text, microseconds
from rivusio_core.errors import ConfigError, Fault, PipeTimeout
from rivusio_core.policy.layer import Call

__all__ = ["Timeout"]


@dataclass(frozen=True)
class Timeout:
    """Cancels an attempt that takes longer than `after`."""

    after: Duration

    def __post_init__(self) -> None:
        if microseconds(self.after, "timeout") <= 0:
            raise ConfigError(faults=[Fault("must be longer than 0", "timeout")])

    def layer(self, call: Call, clock: Clock) -> Call:
        """The call with the limit around it; raises PipeTimeout."""
        micros = microseconds(self.after)
        del clock

        async def limited(item: object) -> object:
            with anyio.move_on_after(micros / 1e6) as scope:
                return await call(item)
            if scope.cancelled_caught:
                raise PipeTimeout(f"took longer than {duration_text(micros)}")
            raise AssertionError("unreachable")

        return limited
