"""Not calling what keeps failing."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from rivusio_core.clock import Clock
from rivusio_core.duration import Duration, seconds
from rivusio_core.errors import BadRecord, CircuitOpen, ConfigError, Fault
from rivusio_core.policy.layer import Call

__all__ = ["CircuitBreaker"]


@dataclass(frozen=True, kw_only=True)
class CircuitBreaker:
    """Opens after `failures` failures `within` a time; after `reset` lets one call try whether it works again."""

    failures: int = 5
    within: Duration = "30s"
    reset: Duration = "10s"

    def __post_init__(self) -> None:
        faults = list[Fault]()
        if self.failures < 1:
            faults.append(Fault(f"must be 1 or more, not {self.failures}", "failures"))
        for name in ("within", "reset"):
            if seconds(getattr(self, name), name) <= 0:
                faults.append(Fault("must be longer than 0", name))
        if faults:
            raise ConfigError("CircuitBreaker", faults=faults)

    def layer(self, call: Call, clock: Clock) -> Call:
        """The call, refused while the circuit is open; raises CircuitOpen."""
        failed = deque[float]()
        opened: float | None = None
        trying = False
        within, reset = seconds(self.within), seconds(self.reset)

        async def guarded(item: object) -> object:
            nonlocal opened, trying
            if opened is not None:
                left = opened + reset - clock.monotonic()
                if left > 0 or trying:
                    raise CircuitOpen(f"the circuit is open; it is tried again in {max(left, 0):.3g} s")
                trying = True
            try:
                result = await call(item)
            except BadRecord:
                opened = None
                raise
            except Exception:
                now = clock.monotonic()
                failed.append(now)
                while failed[0] < now - within:
                    failed.popleft()
                if opened is not None or len(failed) >= self.failures:
                    opened = now
                    failed.clear()
                raise
            finally:
                trying = False
            opened = None
            return result

        return guarded
