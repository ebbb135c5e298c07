"""What a model holds comes back as it was, through a table and through a file; what would not is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from contract import flat, read
from contrib_models import EVERY, Order
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel, SecretStr, ValidationError, field_validator

from rivusio_core import BadRecord, ConfigError
from rivusio_plugins_contrib.files import Parquet
from rivusio_plugins_contrib.members import members_of
from rivusio_plugins_contrib.misfit import Misfit, adapter_of
from rivusio_plugins_contrib.sqlite import SqliteTable

Make = Callable[[Path, Any], Any]


def table(folder: Path, model: Any) -> Any:
    return SqliteTable(folder / "a.db", "things", model)


def file(folder: Path, model: Any) -> Any:
    return Parquet(folder / "a.parquet", model)


@pytest.fixture(params=[table, file], ids=["sqlite", "parquet"])
def make(request: pytest.FixtureRequest) -> Make:
    found: Make = request.param
    return found


def written_and_read(connector: Any, items: list[Any]) -> list[Any]:
    connector.open()
    if items:
        connector.write(items)
    connector.flush()
    connector.close()
    return flat(read(connector, 2))


@pytest.mark.parametrize("make", [table, file], ids=["sqlite", "parquet"])
@pytest.mark.parametrize(("model", "items"), EVERY, ids=[model.__name__ for model, _ in EVERY])
def test_what_was_written_is_read_again(make: Make, model: Any, items: st.SearchStrategy[Any]) -> None:
    @given(st.lists(items, max_size=4))
    @settings(max_examples=40, deadline=None)
    def comes_back(given_items: list[Any]) -> None:
        with TemporaryDirectory() as folder:
            found = written_and_read(make(Path(folder), model), given_items)
            assert found == given_items

    comes_back()


class Kinds(BaseModel):
    mixed: int | str
    text_or_real: float | str
    anything: Any


def test_the_types_of_mixed_values_are_kept(make: Make, tmp_path: Path) -> None:
    items = [Kinds(mixed=5, text_or_real=1.5, anything=None), Kinds(mixed="5", text_or_real="1.5", anything="null")]
    found = written_and_read(make(tmp_path, Kinds), items)
    assert [[type(value) for value in vars(item).values()] for item in found] == [
        [int, float, type(None)],
        [str, str, str],
    ]


def test_columns_are_called_like_the_aliases(make: Make, tmp_path: Path) -> None:
    class Aliased(BaseModel):
        from_: str = Field(alias="from")

    class Seen(BaseModel):
        model_config = {"populate_by_name": True}
        begin: str = Field(alias="from")

    assert written_and_read(make(tmp_path, Aliased), [Aliased.model_validate({"from": "x"})])
    assert flat(read(make(tmp_path, Seen), 5)) == [Seen(begin="x")]


class Coded(BaseModel):
    model_config = ConfigDict(ser_json_bytes="base64")
    raw: bytes


def test_bytes_are_bytes_whatever_they_are_in_json(make: Make, tmp_path: Path) -> None:
    items = [Coded(raw=b"\xff\x00")]
    assert written_and_read(make(tmp_path, Coded), items) == items


class Secret(BaseModel):
    password: SecretStr | None


class Case(BaseModel):
    a: int
    A: int


class Numbers(RootModel[list[int]]):
    pass


class Nothing(BaseModel):
    pass


class Job(BaseModel):
    call: Callable[[], int]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Secret, "'password'.* is a secret"),
        (Case, "same column"),
        (Numbers, "no fields"),
        (Nothing, "no fields"),
        (int, "no fields"),
        (Job, "cannot be stored: .*; leave it out"),
    ],
)
def test_a_model_that_cannot_be_stored_is_refused(make: Make, tmp_path: Path, model: Any, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        make(tmp_path, model)


def test_a_class_that_pydantic_refuses_is_told(make: Make, tmp_path: Path) -> None:
    class Foreign:
        pass

    with pytest.raises(ConfigError, match="Foreign cannot be used"):
        make(tmp_path, Foreign)


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_a_path_that_is_none_is_refused(make: Make, path: str) -> None:
    with pytest.raises(ConfigError, match="path"):
        SqliteTable(path, "t", Order)
    with pytest.raises(ConfigError, match="path"):
        Parquet(path, Order)


class Tagged(BaseModel):
    word: str
    counts: dict[str, int]

    @field_validator("word")
    @classmethod
    def check(cls, word: str) -> str:
        if word.startswith("s3cret"):
            raise ValueError(f"{word} is not allowed")
        return word


def test_a_misfit_is_explained_without_contents() -> None:
    adapter = adapter_of(Tagged, "test")
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(
            {"word": "s3cret", "counts": {"s3cret": "s3cret", "b": 1, "c": None, "d": "x", "e": "y"}}
        )
    text = Misfit(adapter).text(caught.value)
    assert "s3cret" not in text
    assert text.startswith("word: value_error; counts.*: Input should be a valid integer")
    assert text.endswith("and 2 more")
    assert isinstance(Misfit(adapter).record("here", caught.value), BadRecord)


class Renamed(BaseModel):
    read_as: int = Field(validation_alias="readAs", serialization_alias="WrittenAs")


def test_a_misfit_is_named_as_it_was_looked_for() -> None:
    adapter = adapter_of(Renamed, "test")
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python({"readAs": "x"})
    assert Misfit(adapter).text(caught.value).startswith("readAs: Input should be a valid integer")


def test_what_has_no_schema_is_explained_too() -> None:
    adapter = adapter_of(Job, "test")
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python({"call": "s3cret"})
    assert Misfit(adapter).text(caught.value) == "*: Input should be callable"


def test_computed_and_excluded_fields_are_no_members() -> None:
    names = [member.column for member in members_of(EVERY[1][0])]
    assert names[:3] == ["from", "WrittenAs", "rowid"]
    assert not {"twice", "hidden"} & set(names)
