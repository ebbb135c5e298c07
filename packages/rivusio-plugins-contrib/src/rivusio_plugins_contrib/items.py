"""Items of a model: taken apart for a table or file, and put together again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, Literal, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from rivusio_core import ConfigError
from rivusio_plugins_contrib.members import Member, members_of, text_of
from rivusio_plugins_contrib.misfit import Misfit, adapter_of

__all__ = ["Items"]

T = TypeVar("T")


class Items(Generic[T]):
    """What a class that stores items starts from.

    Args:
        model: a pydantic model, a dataclass or a TypedDict.
        owner: for messages.

    Attributes:
        model: as given.
        adapter: pydantic's view of it.
        members: its fields.

    Raises:
        ConfigError: pydantic cannot use it, or it has no fields.
    """

    def __init__(self, model: type[T], owner: str) -> None:
        self.model = model
        self.adapter: TypeAdapter[T] = adapter_of(model, owner)
        self.members: tuple[Member, ...] = members_of(model)
        self._misfit = Misfit(self.adapter)
        if not self.members:
            raise ConfigError(
                f"{owner}: {text_of(model)} has no fields; give a pydantic model, a dataclass or a TypedDict"
            )

    def values(
        self,
        item: T,
        mode: Literal["python", "json"] = "python",
        include: set[str] | None = None,
        exclude: set[str] | None = None,
    ) -> dict[str, object]:
        """An item's values by column; `include` and `exclude` name fields.

        Raises:
            ValueError: it is no such item; the message says so without its contents.
        """
        try:
            # warnings: without, pydantic stores what is no such item, and only warns.
            found: Any = self.adapter.dump_python(
                item, mode=mode, include=include, exclude=exclude, by_alias=True, warnings="error"
            )
        except (ValueError, TypeError, AttributeError) as error:
            given = type(item).__name__
            what = "cannot be serialised" if given == text_of(self.model) else f"is no {text_of(self.model)}"
            raise ValueError(f"a {given} {what} ({type(error).__name__})") from error
        return cast("dict[str, object]", found)

    def item(self, values: Mapping[str, object], where: str) -> T:
        """The item of such values, by column.

        Raises:
            BadRecord: it is none; the message says where and which columns, without their contents.
        """
        row = dict[str, object]()
        for member in self.members:
            value = values[member.column]
            if value is not None or member.required:
                row[member.key] = value
        try:
            # Not strict, whatever the model says: what has no type of its own there is stored as text or a number.
            return self.adapter.validate_python(row, strict=False)
        except ValidationError as error:
            raise self._misfit.record(where, error) from None
