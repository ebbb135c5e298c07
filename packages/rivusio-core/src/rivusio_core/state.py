"""Attributes of a pipe that belong to a run: made by `setup`, no part of the pipe as a value."""

from __future__ import annotations

from typing import Any, Literal

__all__ = ["StateMark", "state"]


class StateMark:
    """Stands in a class body (or as a parameter's default) where `state()` was written."""

    def __repr__(self) -> str:
        return "state()"


def state(*, init: Literal[False] = False) -> Any:  # Any: the checkers take the type from the annotation beside it
    """Declare an attribute that `setup` makes and that belongs to one run.

    It is no argument of the pipe's constructor and takes no part in its equality, hash and repr. As the default of a
    keyword-only parameter annotated `Annotated[T, Use(resource)]` it tells type checkers that the caller need not
    give it.

    Args:
        init: always False; tells type checkers that the constructor does not take it.
    """
    return StateMark()
