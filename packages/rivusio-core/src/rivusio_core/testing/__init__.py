"""For tests of pipelines: time that jumps."""

from rivusio_core.testing.clock import VirtualClock
from rivusio_core.testing.deadlock import Deadlock
from rivusio_core.testing.stepped import SteppedClock

__all__ = ["Deadlock", "SteppedClock", "VirtualClock"]
