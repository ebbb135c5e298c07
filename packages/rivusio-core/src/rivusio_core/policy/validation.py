"""Checking items and results against the declared types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from rivusio_core.clock import Clock
from rivusio_core.errors import PipeTypeError
from rivusio_core.policy.layer import Call

__all__ = ["Validation"]


@dataclass(frozen=True)
class Validation:
    """Refuses items that are not of `takes`, and results that are not of `gives`."""

    takes: object
    gives: object

    def layer(self, call: Call, clock: Clock) -> Call:
        """The call with checks around it; raises PipeTypeError."""
        del clock
        takes, gives = _adapter(self.takes), _adapter(self.gives)

        async def checked(item: object) -> object:
            _check(takes, item, "item", self.takes)
            result = await call(item)
            _check(gives, result, "result", self.gives)
            return result

        return checked


def _adapter(expected: object) -> TypeAdapter[Any]:
    make: Callable[[object], TypeAdapter[Any]] = cast("Any", TypeAdapter)  # any type form will do; checkers want one they know
    return make(expected)


def _check(adapter: TypeAdapter[Any], value: object, side: str, expected: object) -> None:
    try:
        adapter.validate_python(value, strict=True)
    except ValidationError as error:
        details = "; ".join(
            f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}".lstrip(": ")
            for each in error.errors(include_input=False, include_url=False)
        )
        raise PipeTypeError(f"the {side} is no {getattr(expected, '__name__', expected)}: {details}") from None
