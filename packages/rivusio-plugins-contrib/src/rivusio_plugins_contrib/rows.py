"""Models as flat rows: what a table can hold of a pydantic model, dataclass or TypedDict."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar, cast

from rivusio_core import BadRecord, ConfigError
from rivusio_plugins_contrib.items import Items
from rivusio_plugins_contrib.members import Member, text_of
from rivusio_plugins_contrib.misfit import schema_of

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
        self._items = Items(model, owner)
        schema = schema_of(self._items.adapter, f"{owner}: {text_of(model)}")
        parts = _resolved(schema, schema)["properties"]
        self.columns = tuple(
            _column(each, parts[each.column], schema, f"{owner}: field {each.name!r} of {text_of(model)}")
            for each in self._items.members
        )
        # JSON has no bytes, and pydantic's text for moments does not sort: these are taken as Python has them.
        pairs = zip(self._items.members, self.columns, strict=True)
        self._plain = {member.name for member, column in pairs if column.kind in ("bytes", "time")}

    def encode(self, item: T) -> tuple[object, ...]:
        """The values of an item's columns.

        Raises:
            ValueError: it cannot be stored; the message says which column, and why, without its contents.
        """
        values = self._items.values(item, "json", exclude=self._plain or None)
        if self._plain:
            values |= self._items.values(item, include=self._plain)
        return tuple(_stored(column, values.get(column.name)) for column in self.columns)

    def decode(self, values: Mapping[str, object], where: str) -> T:
        """The item of a row, given by column.

        Raises:
            BadRecord: it is no such item; the message says where and which columns, without their contents.
        """
        row = dict(values)
        for column in self.columns:
            value = row[column.name]
            if column.kind == "json" and isinstance(value, str):
                try:
                    row[column.name] = json.loads(value)
                except ValueError:
                    raise BadRecord(f"{where}: {column.name}: should hold JSON text") from None
        return self._items.item(row, where)


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
