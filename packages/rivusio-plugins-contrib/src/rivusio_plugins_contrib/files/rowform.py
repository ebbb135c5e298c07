"""How the items of a model are stored in columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

from rivusio_core import BadRecord
from rivusio_plugins_contrib.files.arrow import Field
from rivusio_plugins_contrib.files.form import form_of
from rivusio_plugins_contrib.items import Items

__all__ = ["RowForm"]

T = TypeVar("T")


class RowForm(Generic[T]):
    """Turns items into values for columns, and rows back into items.

    Args:
        model: a pydantic model, a dataclass or a TypedDict.
        owner: for messages.

    Attributes:
        names: of the columns.
        fields: the columns.

    Raises:
        ConfigError: it has no fields, or one that cannot be stored, or pyarrow is not installed.
    """

    def __init__(self, model: type[T], owner: str) -> None:
        self._items = Items(model, owner)
        self._members = [(member, form_of(member, owner)) for member in self._items.members]
        self.names = [member.column for member, _ in self._members]
        self.fields = [Field(member.column, form.type, form.nullable) for member, form in self._members]

    def encode(self, item: T) -> list[object]:
        """The values of an item's columns.

        Raises:
            ValueError: it cannot be stored; the message says which column, and why, without its contents.
        """
        values = self._items.values(item)
        row = list[object]()
        for member, form in self._members:
            try:
                row.append(form.into(values.get(member.column)))
            except (ValueError, TypeError, AttributeError) as error:
                reason = str(error) if type(error) is ValueError else f"a value does not fit {form.type}"
                raise ValueError(f"column {member.column!r}: {reason}") from error
        return row

    def decode(self, values: Mapping[str, object], where: str) -> T:
        """The item of a row.

        Raises:
            BadRecord: it is no such item; the message says where and which columns, without their contents.
        """
        row = dict[str, object]()
        for member, form in self._members:
            try:
                row[member.column] = form.back(values[member.column])
            except (ValueError, TypeError, AttributeError):
                raise BadRecord(f"{where}: {member.column}: is not stored as this field is") from None
        return self._items.item(row, where)
