"""Checking items and results against the declared types, by pydantic in strict mode."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast, get_args

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import CoreSchema, ErrorDetails, SchemaError, SchemaValidator
from pydantic_core.core_schema import ErrorType

from rivusio_core.clock import Clock
from rivusio_core.errors import ConfigError, Fault, PipeTypeError
from rivusio_core.hints.text import type_text
from rivusio_core.policy.layer import Call

__all__ = ["Validation"]

_SHOWN: Final = 5
_OWN_KINDS: Final = frozenset(get_args(ErrorType)) - {"value_error", "assertion_error"}
"""Errors whose text is pydantic's own, not that of a validator of the user."""
_QUOTING: Final = frozenset({"error", "tag"})
"""What pydantic's texts may quote of the input."""


@dataclass(frozen=True)
class Validation:
    """Refuses items that are not of the type `takes`, and results that are not of the type `gives`.

    The values themselves are passed on: nothing is converted or copied. Models, and types that pydantic has no schema
    for, are checked with `isinstance`; a mapping is no model. Messages quote neither values nor keys.

    Args:
        takes: type of an item; `Any` where it is not checked.
        gives: type of a result, likewise.
    """

    takes: object
    gives: object

    def layer(self, call: Call, clock: Clock) -> Call:
        """The call with checks around it; raises PipeTypeError.

        Raises:
            ConfigError: a type cannot be checked.
        """
        del clock
        takes, gives = _Check("item", "takes", self.takes), _Check("result", "gives", self.gives)

        async def checked(item: object) -> object:
            takes(item)
            result = await call(item)
            gives(result)
            return result

        return checked


class _Check:
    def __init__(self, side: str, verb: str, expected: object) -> None:
        self._side, self._verb, self._expected = side, verb, type_text(expected)
        try:
            schema = _schema(expected)
            self._validator = SchemaValidator(schema)
        except (PydanticUserError, SchemaError, NameError, TypeError) as error:
            first = str(error).partition("\n")[0]
            fault = Fault(f"cannot check the {side}s' type {self._expected}: {first}", "validate")
            raise ConfigError(faults=[fault]) from error
        self._names = frozenset(_names(schema))

    def __call__(self, value: object) -> None:
        try:
            self._validator.validate_python(value, strict=True)
        except ValidationError as error:
            found = error.errors(include_input=False, include_url=False)
            details = "; ".join(self._line(each) for each in found[:_SHOWN])
            more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            # Not `from error`: its text quotes the value.
            raise PipeTypeError(
                f"the {self._side} is not of the type {self._expected} that the pipe {self._verb}: {details}{more}"
            ) from None

    def _line(self, error: ErrorDetails) -> str:
        # In a mapping a place is a key, which is data: only names that stand in the type itself are shown.
        place = ".".join(str(part) if isinstance(part, int) or part in self._names else "*" for part in error["loc"])
        quotes = error["type"] not in _OWN_KINDS or _QUOTING & error.get("ctx", {}).keys()
        return f"{place}{': ' if place else ''}{error['type'] if quotes else error['msg']}"


def _schema(expected: Any) -> CoreSchema:  # Any: whatever may stand in an annotation
    try:
        schema = TypeAdapter(expected).core_schema
    except PydanticUserError:
        # Not at first: where a type brings its own configuration, pydantic refuses this one.
        schema = TypeAdapter(expected, config=ConfigDict(arbitrary_types_allowed=True)).core_schema
    return cast("CoreSchema", _of_instances(schema))


def _of_instances(schema: object) -> object:
    """The schema with models taken as classes: even in strict mode pydantic would accept a mapping for a model."""
    if isinstance(schema, dict):
        entries = cast("dict[str, object]", schema)
        if entries.get("type") == "model":
            return {key: value for key, value in entries.items() if key in ("cls", "ref")} | {"type": "is-instance"}
        return {key: _of_instances(value) for key, value in entries.items() if key != "metadata"}
    if isinstance(schema, list | tuple):
        members = [_of_instances(value) for value in cast("list[object]", schema)]
        return tuple(members) if isinstance(schema, tuple) else members
    return schema


def _names(schema: object) -> Iterator[str]:
    """Every text in a schema of pydantic: names of fields, of members of unions, and the like."""
    if isinstance(schema, str):
        yield schema
    elif isinstance(schema, dict):
        for key, value in cast("dict[object, object]", schema).items():
            yield from _names(key)
            yield from _names(value)
    elif isinstance(schema, list | tuple):
        for value in cast("list[object]", schema):
            yield from _names(value)
