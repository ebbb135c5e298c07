"""Why something is no item, without quoting it: messages are logged and shown, contents must not be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core.core_schema import ErrorType

from rivusio_core import BadRecord, ConfigError
from rivusio_plugins_contrib.members import text_of

__all__ = ["Misfit", "adapter_of", "schema_of"]

_QUOTING = {"assertion_error", "get_attribute_error", "union_tag_invalid", "uuid_parsing", "value_error"}
"""Kinds of errors of pydantic's whose text may quote what was given; so may every kind that is not pydantic's."""
_TELLING = {*get_args(ErrorType)} - _QUOTING
_SHOWN = 3


class _Schema(GenerateJsonSchema):
    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012  # pydantic's; defaults do not matter


def adapter_of(model: type[Any], owner: str) -> TypeAdapter[Any]:  # Any: the callers know the type
    """Pydantic's view of a type.

    Raises:
        ConfigError: it has none; `owner` says who asked.
    """
    try:
        return TypeAdapter(model)
    except PydanticUserError as error:
        raise ConfigError(f"{owner}: {text_of(model)} cannot be used: {error.message.splitlines()[0]}") from error


def schema_of(adapter: TypeAdapter[Any], owner: str) -> Mapping[str, Any]:  # Any: JSON schemas are
    """The JSON schema of what a type is stored as.

    Raises:
        ConfigError: it cannot be stored: pydantic does not know how; `owner` says who asked.
    """
    try:
        return adapter.json_schema(mode="serialization", schema_generator=_Schema)
    except PydanticUserError as error:
        reason = error.message.splitlines()[0]
        raise ConfigError(f"{owner} cannot be stored: {reason}; leave it out, or give it a serializer") from error


class Misfit:
    """Explains why a value is no item of a type.

    Args:
        adapter: of the type.

    Example:
        >>> adapter = TypeAdapter(dict[str, int])
        >>> try:
        ...     adapter.validate_python({"s3cret": "s3cret"})
        ... except ValidationError as error:
        ...     Misfit(adapter).text(error)
        '*: Input should be a valid integer, unable to parse string as an integer'
    """

    def __init__(self, adapter: TypeAdapter[Any]) -> None:
        self._adapter = adapter
        self._known: set[str] | None = None

    def record(self, where: str, error: ValidationError) -> BadRecord:
        """The error for a record at a place."""
        made = BadRecord(f"{where}: {self.text(error)}")
        made.cause = made.__cause__ = error
        return made

    def text(self, error: ValidationError) -> str:
        """The first reasons, each with its field; keys that come from the data are shown as `*`."""
        if self._known is None:  # rarely needed
            try:
                self._known = set(_names(self._adapter.json_schema(schema_generator=_Schema)))
            except PydanticUserError:  # it can be validated, yet has no schema
                self._known = set()
        reasons = list[str]()
        for each in error.errors(include_input=False, include_url=False, include_context=False)[:_SHOWN]:
            place = ".".join(str(part) if isinstance(part, int) or part in self._known else "*" for part in each["loc"])
            reason = each["msg"] if each["type"] in _TELLING else each["type"]
            reasons.append(f"{place}: {reason}" if place else reason)
        more = error.error_count() - len(reasons)
        return "; ".join(reasons) + (f"; and {more} more" if more > 0 else "")


def _names(part: object) -> Iterator[str]:
    """All names of fields in a JSON schema."""
    if isinstance(part, dict):
        found = cast("dict[str, object]", part)
        properties = found.get("properties")
        if isinstance(properties, dict):
            yield from cast("dict[str, object]", properties)
        for value in found.values():
            yield from _names(value)
    elif isinstance(part, list):
        for value in cast("list[object]", part):
            yield from _names(value)
