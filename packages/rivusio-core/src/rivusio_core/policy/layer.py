"""The shape of a policy layer: something around a call that knows nothing of the other layers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from rivusio_core.clock import Clock

__all__ = ["Call", "Layer"]

Call: TypeAlias = Callable[[object], Awaitable[object]]
"""One attempt at one item: item in, result out, or an exception."""


class Layer(Protocol):
    """Makes a call out of a call.

    What the layer remembers (tokens, failures) belongs to the call it made: to one run.
    """

    def layer(self, call: Call, clock: Clock) -> Call:
        """The call with the policy around it; sleeps on `clock` alone."""
        ...
