"""How two streams are joined: what a `JoinNode` says."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar, Literal, TypeAlias

__all__ = ["How", "Join"]

How: TypeAlias = Literal["inner", "left", "right", "outer"]
"""Whose items are given without a partner, too: nobody's, those of the left stream, of the right one, of both."""


class Join(ABC):  # noqa: B024  # what its kinds have in common is that they have two inputs
    """Base of the kinds of joins; values."""

    timed: ClassVar[bool] = True
    """It needs event times."""
