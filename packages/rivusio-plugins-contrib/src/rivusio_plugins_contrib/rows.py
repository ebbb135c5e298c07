"""Models as flat rows: what a table can hold of a pydantic model, dataclass or TypedDict."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from rivusio_core import BadRecord, ConfigError
from rivusio_plugins_contrib.members import Member, members_of, text_of
from rivusio_plugins_contrib.misfit import Misfit, adapter_of, schema_of

__all__ = ["Column", "Kind", "Rows"]

T = TypeVar("T")

Kind: TypeAlias = Literal["integer", "real", "number", "boolean", "bytes", "text", "time", "json"]
"""What is stored. `number` is an integer or a real, as given; `time` a moment; `json` structured data as JSON text;
`text` everything else that has a text form: dates, durations, decimals, identifiers."""

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_BINARY = {"binary", "base64url"}  # what pydantic calls bytes, by its setting `ser_json_bytes`


@dataclass(frozen=True)
class Column:
    """A field as a column.

    Attributes:
        name: of the column.
        kind: what is stored.
        optional: it may be empty.
    """

    name: str
    kind: Kind
    optional: bool


class Rows(Generic[T]):
    """Turns items into rows and back.

    Args:
        model: a pydantic model, a dataclass or a TypedDict.
        owner: for messages.

    Raises:
        ConfigError: the model has no fields, or one that cannot be stored and read again as it was.
    """

    def __init__(self, model: type[T], owner: str) -> None:
        self.model = model
        self._adapter: TypeAdapter[T] = adapter_of(model, owner)
        self._misfit = Misfit(self._adapter)
        self._members = members_of(model)
        if not self._members:
            raise ConfigError(
                f"{owner}: {text_of(model)} has no fields; give a pydantic model, a dataclass or a TypedDict"
            )
        schema = schema_of(self._adapter, f"{owner}: {text_of(model)}")
        parts = _resolved(schema, schema)["properties"]
        self.columns = tuple(
            _column(each, parts[each.column], schema, f"{owner}: field {each.name!r} of {text_of(model)}")
            for each in self._members
        )
        # JSON has no bytes, and pydantic's text for moments does not sort: these are taken as Python has them.
        pairs = list(zip(self._members, self.columns, strict=True))
        self._plain = {member.name for member, column in pairs if column.kind in ("bytes", "time")}

    def encode(self, item: T) -> tuple[object, ...]:
        """The values of an item's columns.

        Raises:
            ValueError: it cannot be stored; the message says which column, and why, without its contents.
        """
        try:
            values = self._dumped(item)
        except (ValueError, TypeError, AttributeError) as error:
            given = type(item).__name__
            what = "cannot be serialised" if given == text_of(self.model) else f"is no {text_of(self.model)}"
            raise ValueError(f"a {given} {what} ({type(error).__name__})") from error
        return tuple(_stored(column, values.get(column.name)) for column in self.columns)

    def _dumped(self, item: T) -> dict[str, Any]:
        # warnings: without, pydantic stores what is no such item, and only warns.
        dump, plain = self._adapter.dump_python, self._plain
        values = cast("dict[str, Any]", dump(item, mode="json", by_alias=True, exclude=plain or None, warnings="error"))
        if plain:
            values |= cast("dict[str, Any]", dump(item, by_alias=True, include=plain, warnings="error"))
        return values

    def decode(self, values: Mapping[str, object], where: str) -> T:
        """The item of a row, given by column.

        Raises:
            BadRecord: it is no such item; the message says where and which columns, without their contents.
        """
        row = dict[str, object]()
        for member, column in zip(self._members, self.columns, strict=True):
            value = values[column.name]
            if column.kind == "json" and isinstance(value, str):
                try:
                    value = json.loads(value)
                except ValueError:
                    raise BadRecord(f"{where}: {column.name}: should hold JSON text") from None
            if value is not None or member.required:
                row[member.key] = value
        try:
            # Not strict, whatever the model says: a table has no booleans, dates or decimals of its own.
            return self._adapter.validate_python(row, strict=False)
        except ValidationError as error:
            raise self._misfit.record(where, error) from None


def _stored(column: Column, value: Any) -> object:
    kind = column.kind
    if kind == "json":
        return None if value is None and column.optional else json.dumps(value, ensure_ascii=False)
    if kind in ("integer", "number") and isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
        raise ValueError(f"column {column.name!r}: an integer does not fit in 64 bits; make it a str or Decimal")
    if kind in ("real", "number") and value != value:  # only not-a-number is not itself
        raise ValueError(
            f"column {column.name!r}: the number is not a number (NaN), which tables cannot hold; use None"
        )
    if kind == "time" and isinstance(value, datetime.datetime):
        return _moment(value)
    return value


def _moment(value: datetime.datetime) -> str:
    """ISO 8601 of one width, in UTC where there is a time zone, so that text order is the order in time."""
    if value.utcoffset() is None:
        return value.replace(tzinfo=None).isoformat(timespec="microseconds")
    return value.astimezone(datetime.UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _resolved(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in part:
        part = schema["$defs"][part["$ref"].rpartition("/")[2]]
    return part


def _column(member: Member, part: Mapping[str, Any], schema: Mapping[str, Any], where: str) -> Column:
    part = _resolved(part, schema)
    choices = [_resolved(each, schema) for each in part.get("anyOf", [part])]
    kinds: set[Kind] = {_kind(each) for each in choices if each.get("type") != "null"}
    optional = not member.required or any(each.get("type") == "null" for each in choices)
    kind: Kind = "json"
    if len(kinds) == 1:
        (kind,) = kinds
    elif kinds == {"integer", "real"}:
        kind = "number"
    if any(each.get("format") == "password" and each.get("writeOnly") for each in choices):
        raise ConfigError(f"{where} is a secret, which would be stored as asterisks; use str, or a serializer")
    if kind == "json" and any(_holds_bytes(each, schema, ()) for each in choices):
        raise ConfigError(
            f"{where} holds bytes inside JSON text, which has none; give them a field of their own, or text"
        )
    return Column(member.column, kind, optional)


def _kind(part: Mapping[str, Any]) -> Kind:
    kinds: dict[str, Kind] = {"integer": "integer", "number": "real", "boolean": "boolean", "string": "text"}
    if "enum" in part or "const" in part:
        values = cast("list[object]", part.get("enum", [part.get("const")]))
        whole, text = (all(type(value) is each for value in values) for each in (int, str))
        return "integer" if whole else "text" if text else "json"
    if part.get("type") == "string":
        return "bytes" if part.get("format") in _BINARY else "time" if part.get("format") == "date-time" else "text"
    return kinds.get(str(part.get("type")), "json")


def _holds_bytes(part: object, schema: Mapping[str, Any], seen: tuple[str, ...]) -> bool:
    if isinstance(part, list):
        return any(_holds_bytes(each, schema, seen) for each in cast("list[object]", part))
    if not isinstance(part, dict):
        return False
    found = cast("dict[str, Any]", part)
    reference = found.get("$ref")
    if isinstance(reference, str):
        return reference not in seen and _holds_bytes(_resolved(found, schema), schema, (*seen, reference))
    if found.get("type") == "string" and found.get("format") in _BINARY:
        return True
    return any(_holds_bytes(each, schema, seen) for each in found.values())
