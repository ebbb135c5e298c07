"""How the items of a model are stored in columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from rivusio_core import BadRecord, ConfigError
from rivusio_plugins_contrib.files.arrow import Field
from rivusio_plugins_contrib.files.form import form_of
from rivusio_plugins_contrib.members import members_of, text_of
from rivusio_plugins_contrib.misfit import Misfit, adapter_of

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
        self.model = model
        self._adapter: TypeAdapter[T] = adapter_of(model, owner)
        self._misfit = Misfit(self._adapter)
        members = members_of(model)
        if not members:
            raise ConfigError(
                f"{owner}: {text_of(model)} has no fields; give a pydantic model, a dataclass or a TypedDict"
            )
        self._members = [(member, form_of(member, owner)) for member in members]
        self.names = [member.column for member in members]
        self.fields = [Field(member.column, form.type, form.nullable) for member, form in self._members]

    def encode(self, item: T) -> list[object]:
        """The values of an item's columns.

        Raises:
            ValueError: it cannot be stored; the message says which column, and why, without its contents.
        """
        try:
            # warnings: without, pydantic stores what is no such item, and only warns.
            values = cast("dict[str, Any]", self._adapter.dump_python(item, by_alias=True, warnings="error"))
        except (ValueError, TypeError, AttributeError) as error:
            given = type(item).__name__
            what = "cannot be serialised" if given == text_of(self.model) else f"is no {text_of(self.model)}"
            raise ValueError(f"a {given} {what} ({type(error).__name__})") from error
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
                value = form.back(values[member.column])
            except (ValueError, TypeError, AttributeError):
                raise BadRecord(f"{where}: {member.column}: is not stored as this field is") from None
            if value is not None or member.required:
                row[member.key] = value
        try:
            # Not strict, whatever the model says: decimals and enums are stored as their texts.
            return self._adapter.validate_python(row, strict=False)
        except ValidationError as error:
            raise self._misfit.record(where, error) from None
