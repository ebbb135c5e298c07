"""Configuration of class pipes: what is a setting, how it is validated, what is inherited."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field, HttpUrl

from rivusio_core import ConfigError, DefinitionError, FlatPipe, SyncBasePipe, Use, resource, state

if TYPE_CHECKING:
    from elsewhere import Client  # type: ignore[import-not-found]


@resource
def opened() -> Iterator[list[int]]:
    yield [1]


class Base(SyncBasePipe[int, int]):
    KIND: ClassVar[str] = "base"
    rate: Annotated[float, Field(ge=0, le=1)] = 0.1
    mode: Literal["a", "b"] = "a"
    box: Annotated[list[int], Use(opened)] = state()
    cache: dict[int, int] = state()

    def process(self, item: int) -> int:
        return item


class Child(Base):
    url: HttpUrl
    rate: float = 5.0


class WithClient(SyncBasePipe[int, int]):
    client: Client = state()

    def process(self, item: int) -> int:
        return item


def test_settings_are_the_annotations_but_class_variables_and_states() -> None:
    assert list(Base.config_model().model_fields) == ["rate", "mode"]
    assert (Base().rate, Base().mode, Base.KIND) == (0.1, "a", "base")


def test_inherited_and_overridden() -> None:
    assert set(Child.config_model().model_fields) == {"rate", "mode", "url"}
    child = Child(url="http://x.org/", mode="b")  # type: ignore[arg-type]
    assert (child.rate, child.mode, str(child.url)) == (5.0, "b", "http://x.org/")
    assert repr(child) == "Child(rate=5.0, mode='b', url=HttpUrl('http://x.org/'))"
    with pytest.raises(AttributeError, match="setup"):
        _ = child.cache
    with pytest.raises(ConfigError, match="less than or equal to 1"):
        Base(rate=5.0)


def test_values_are_converted_and_defaults_not_shared() -> None:
    class Lists(SyncBasePipe[int, int]):
        names: list[str] = []  # noqa: RUF012  # a default, copied by pydantic

        def process(self, item: int) -> int:
            return item

    one = Lists()
    one.names.append("x")
    assert Lists().names == []
    assert Base(rate="0.5").rate == 0.5  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "paths"),
    [
        ({"rate": 2}, ["rate"]),
        ({"rate": "much", "mode": "c"}, ["rate", "mode"]),
        ({"rat": 0.5}, ["rat"]),
        ({"box": [1]}, ["box"]),
        ({"cache": {}}, ["cache"]),
        ({"KIND": "x"}, ["KIND"]),
    ],
)
def test_all_faults_at_once(settings: dict[str, Any], paths: list[str]) -> None:
    with pytest.raises(ConfigError, match="Base: wrong configuration") as caught:
        Base(**settings)
    assert [fault.path for fault in caught.value.faults] == paths


def test_missing_setting() -> None:
    with pytest.raises(ConfigError, match="url: Field required"):
        Child()  # type: ignore[call-arg]


def test_no_value_in_a_message() -> None:
    with pytest.raises(ConfigError) as caught:
        Base(rate="hunter2")  # type: ignore[arg-type]
    assert "hunter2" not in f"{caught.value}{caught.value.__cause__}{caught.value.faults}"


def test_a_wrong_default_is_refused() -> None:
    class Wrong(SyncBasePipe[int, int]):
        rate: Annotated[float, Field(le=1)] = 3.0

        def process(self, item: int) -> int:
            return item

    with pytest.raises(ConfigError, match="less than or equal to 1"):
        Wrong()


def test_the_type_of_a_state_may_be_for_checkers_only() -> None:
    pipe = WithClient()
    pipe.client = 1
    assert pipe.client == 1


def test_the_type_of_a_setting_must_be_there() -> None:
    with pytest.raises(DefinitionError, match=r"annotation of 'client' names 'Client'.*outside `if TYPE_CHECKING`"):

        class Setting(FlatPipe[int, int]):
            client: Client

    with pytest.raises(DefinitionError, match="names 'Client'"):  # what it uses would never be filled in

        class Using(FlatPipe[int, int]):
            client: Annotated[Client, Use(opened)] = state()


def test_abstract_pipes_cannot_be_made() -> None:
    class Half(SyncBasePipe[int, int]):
        rate: float = 1

    with pytest.raises(TypeError, match="abstract"):
        Half()  # type: ignore[abstract]


def test_schema() -> None:
    schema = Child.config_model().model_json_schema()
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["url"]
    assert schema["title"] == "Child"
