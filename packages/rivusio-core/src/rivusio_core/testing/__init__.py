"""For tests of pipelines: time that jumps."""

from rivusio_core.testing.clock import VirtualClock

__all__ = ["VirtualClock"]
