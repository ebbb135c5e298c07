"""The configuration of a run: every fault at once, where it is, and what was meant."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Self

import pytest
from plugin_folders import distribution, points_of
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from rivusio_core import ConfigError, Fault, RunInfo
from rivusio_core.config import RunConfiguration, load_configuration
from rivusio_core.plugins import Plugins

PLUGIN = """
from pydantic import BaseModel, SecretStr, field_validator
from rivusio_core import Listener
from rivusio_core.hooks import hookimpl

class Alerts(BaseModel):
    to: list[str] = []
    after: int = 3

class Settings(BaseModel):
    port: int | None = None
    token: SecretStr = SecretStr("")
    alerts: Alerts = Alerts()

    @field_validator("token")
    @classmethod
    def _long(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) == 3:
            raise ValueError(f"{value.get_secret_value()} is short")
        return value

class Ear(Listener):
    def __init__(self, settings): self.settings = settings

@hookimpl
def rivusio_settings(): return Settings

@hookimpl
def rivusio_register(registry): registry.listener("plain", Listener)

@hookimpl
def rivusio_listeners(run, settings): return Ear(settings)
"""


class Store(BaseModel):
    path: str
    keep: int = 3


class Settings(BaseModel):
    name: str = ""
    every: int = Field(default=10, gt=0)
    tags: list[str] = []
    store: Store | None = None
    password: SecretStr | None = None

    @field_validator("name")
    @classmethod
    def _no_x(cls, value: str) -> str:
        if value == "x":
            raise ValueError("is taken")
        return value


class Telling(BaseModel):
    """A model that raises ConfigError itself, as the run settings of streams do."""

    every: int = 10

    def __init__(self, **settings: object) -> None:
        if settings.get("every") == "-1":
            raise ConfigError("wrong", faults=[Fault("must not be negative", "every")])
        super().__init__(**settings)


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    monkeypatch.delitem(sys.modules, "p_watch", raising=False)
    folder = distribution(tmp_path / "a", "watch", points={"watch": "p_watch"}, p_watch=PLUGIN)
    broken = distribution(tmp_path / "b", "broken", points={"broken": "p_broken"}, p_broken="import nothing_4711")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.syspath_prepend(str(broken))
    return Plugins(points_of(folder, broken))


def faults(plugins: Plugins, *overrides: str, model: type[BaseModel] = Settings, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_configuration(model, overrides=overrides, environ=environ, plugins=plugins)
    return [str(fault) for fault in caught.value.faults]


def test_values_come_out_as_written_and_are_valid(plugins: Plugins) -> None:
    found = load_configuration(
        Settings,
        environ={"RIVUSIO__EVERY": "5", "RIVUSIO__STORE__PATH": "here"},
        overrides=["name=[1]"],
        plugins=plugins,
    )
    assert found.run == {"every": "5", "store": {"path": "here"}, "name": "[1]"}
    assert found.sections == {}
    assert "p_watch" not in sys.modules


def test_text_becomes_a_list_or_table_only_where_text_is_refused(plugins: Plugins) -> None:
    found = load_configuration(
        Settings, overrides=['tags=["a", "b"]', 'name=["a"]', 'store={"path": "p"}'], plugins=plugins
    )
    assert found.run == {"tags": ["a", "b"], "name": '["a"]', "store": {"path": "p"}}
    assert faults(plugins, "tags=[") == ["--set: tags: Input should be a valid list"]
    assert len(faults(plugins, "tags=" + "[" * 100_000)) == 1


def test_a_file_says_what_it_means_and_its_text_stays_text(plugins: Plugins, tmp_path: Path) -> None:
    (tmp_path / "rivusio.toml").write_text("tags = '[\"a\"]'")
    with pytest.raises(ConfigError, match=r"rivusio\.toml: tags: Input should be a valid list"):
        load_configuration(Settings, folder=tmp_path, plugins=plugins)


def test_all_faults_of_all_layers_come_at_once(plugins: Plugins, tmp_path: Path) -> None:
    (tmp_path / "rivusio.toml").write_text("evry = 3\n[store]\nkep = 1\n[watch]\nprot = 1\n[monitornig]\nport = 1")
    with pytest.raises(ConfigError) as caught:
        load_configuration(
            Settings,
            folder=tmp_path,
            environ={"RIVUSIO__EVERY": "0", "RIVUSIO_WATCH_PORT": "1", "RIVUSIO__WATHC__PORT": "1"},
            overrides=["name=x", "watch.alerts.after=soon", "watch.alerts.two=2", "broken.a=1"],
            plugins=plugins,
        )
    told = sorted(str(fault) for fault in caught.value.faults)
    assert len(told) == 12
    for part in (
        "rivusio.toml: evry: no such setting or plugin; did you mean 'every'?",
        "rivusio.toml: store.kep: no such setting; did you mean 'keep'?",
        "rivusio.toml: store.path: is missing",
        "rivusio.toml: watch.prot: no such setting; did you mean 'port'?",
        "rivusio.toml: monitornig: no such setting or plugin",
        "RIVUSIO__EVERY: every: Input should be greater than 0",
        "did you mean RIVUSIO__WATCH__PORT?",
        "RIVUSIO__WATHC__PORT: wathc: no such setting or plugin; did you mean 'watch'?",
        "--set: name: is taken",
        "--set: watch.alerts.after: Input should be a valid integer",
        "--set: watch.alerts.two: no such setting",
        "--set: broken: plugin 'broken' of broken 1.0 cannot be imported",
    ):
        assert any(part in line for line in told), part


def test_a_section_names_its_plugin_and_so_loads_it(plugins: Plugins) -> None:
    found = load_configuration(Settings, overrides=["watch.port=9464", 'watch.alerts.to=["a"]'], plugins=plugins)
    assert [plugin.name for plugin in plugins.loaded()] == ["watch"]
    (ear,) = found.listeners(RunInfo("run", ""))
    assert type(ear).__name__ == "Ear"
    assert ear.settings.port == 9464  # type: ignore[attr-defined]
    assert ear.settings.alerts.to == ["a"]  # type: ignore[attr-defined]


def test_an_empty_section_turns_a_plugin_on(plugins: Plugins, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.rivusio.watch]")
    found = load_configuration(Settings, folder=tmp_path, plugins=plugins)
    assert [type(each).__name__ for each in found.listeners(RunInfo("run", ""))] == ["Ear"]


@pytest.mark.parametrize("text", ["watch.plain", "watch.plain, watch.plain", '["watch.plain"]'])
def test_registered_listeners_are_asked_for_by_name(plugins: Plugins, text: str) -> None:
    found = load_configuration(Settings, overrides=[f"listeners={text}"], plugins=plugins)
    assert len(found.listeners(RunInfo("run", ""))) == text.count("plain")


def test_a_plugins_name_alone_is_no_setting(plugins: Plugins) -> None:
    assert faults(plugins, "watch=1") == ["--set: watch: is the section of the plugin 'watch'; set watch.<name>"]


@pytest.mark.parametrize("override", ["watch.token=s3c", "password.x=s3cret", "watch.port=s3cret", "every=s3cret"])
def test_no_value_is_quoted(plugins: Plugins, override: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_configuration(Settings, overrides=[override], plugins=plugins)
    assert "s3c" not in str(caught.value)
    assert "s3c" not in repr(caught.value.faults)


def test_secrets_do_not_show_in_what_comes_out(plugins: Plugins) -> None:
    found = load_configuration(Settings, overrides=["watch.token=s3cret"], plugins=plugins)
    assert isinstance(found, RunConfiguration)
    assert "s3cret" not in repr(found)


def test_a_model_that_tells_its_faults_itself_keeps_their_places(plugins: Plugins) -> None:
    assert faults(plugins, "every=-1", model=Telling) == ["--set: every: must not be negative"]


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("RIVUSIO_EVERY", "RIVUSIO__EVERY"),
        ("RIVUSIO_STORE_PATH", "RIVUSIO__STORE__PATH"),
        ("RIVUSIO_STORE__PATH", "RIVUSIO__STORE__PATH"),
        ("rivusio__every", "RIVUSIO__EVERY"),
        ("RIVUSIO_WATCH_PORT", "RIVUSIO__WATCH__PORT"),
        ("RIVUSIO_LISTENERS", "RIVUSIO__LISTENERS"),
    ],
)
def test_a_misspelt_variable_is_told_with_the_right_one(plugins: Plugins, variable: str, meant: str) -> None:
    (fault,) = faults(plugins, **{variable: "1"})
    assert fault.startswith(f"{variable}: is no setting")
    assert fault.endswith(f"did you mean {meant}?")
    assert "p_watch" not in sys.modules


# ------------------------------------------------------------------------------------------- the models of users


class Aliased(BaseModel):
    one: int = Field(default=0, alias="uno")
    two: int = Field(default=0, validation_alias=AliasChoices("zwei", "deux"))
    three: int = Field(default=0, validation_alias=AliasPath("rest", 1))


class AliasedByNameToo(Aliased):
    model_config = ConfigDict(populate_by_name=True)


def test_settings_are_taken_by_their_aliases(plugins: Plugins, tmp_path: Path) -> None:
    (tmp_path / "rivusio.toml").write_text("rest = [8, 9]\nuno = 1")
    found = load_configuration(Aliased, folder=tmp_path, overrides=["deux=2"], plugins=plugins)
    made = Aliased.model_validate(found.run)
    assert (made.one, made.two, made.three) == (1, 2, 9)
    for name, meant in (("unno", "uno"), ("zwe", "zwei"), ("rst", "rest")):
        assert faults(plugins, f"{name}=1", model=Aliased) == [
            f"--set: {name}: no such setting or plugin; did you mean {meant!r}?"
        ]


def test_the_name_behind_an_alias_counts_only_where_the_model_says_so(plugins: Plugins) -> None:
    assert len(faults(plugins, "one=1", "two=2", model=Aliased)) == 2
    found = load_configuration(AliasedByNameToo, overrides=["one=1", "zwei=2"], plugins=plugins)
    made = AliasedByNameToo.model_validate(found.run)
    assert (made.one, made.two) == (1, 2)


class Login(BaseModel):
    user: str = ""
    token: SecretStr = SecretStr("")

    @field_validator("token", "user")
    @classmethod
    def _never(cls, value: Any) -> Any:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        raise ValueError(f"{text} is short")


class Host(BaseModel):
    name: str = ""

    @field_validator("name")
    @classmethod
    def _no_x(cls, value: str) -> str:
        if value == "x":
            raise ValueError("is taken")
        return value


class Nested(BaseModel):
    login: Annotated[Login | None, "who"] = None
    hosts: list[Host] = []
    extra: Annotated[Store, "where"] | None = None
    least: int = 0
    most: int = 9

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.least > self.most:
            raise ValueError("least is more than most")
        return self


def test_models_inside_models_are_known_through_annotations(plugins: Plugins) -> None:
    assert faults(plugins, "extra.pth=a", "extra.path=b", model=Nested) == [
        "--set: extra.pth: no such setting; did you mean 'path'?"
    ]
    (fault,) = faults(plugins, model=Nested, RIVUSIO_EXTRA_PATH="1")
    assert fault.endswith("did you mean RIVUSIO__EXTRA__PATH?")


def test_an_unknown_table_is_told_and_what_is_beside_it_still_checked(plugins: Plugins) -> None:
    told = faults(plugins, "watch.alrts.after=1", "watch.port=x")
    assert told == [
        "--set: watch.alrts: no such setting; did you mean 'alerts'?",
        "--set: watch.port: Input should be a valid integer, unable to parse string as an integer",
    ]


def test_faults_of_validators_have_their_place_and_only_secret_ones_no_text(plugins: Plugins) -> None:
    assert faults(plugins, "login.token=s3cret", model=Nested) == [
        "--set: login.token: is refused (the value is secret and not shown)"
    ]
    assert faults(plugins, "login.user=ann", model=Nested) == ["--set: login.user: ann is short"]
    assert faults(plugins, 'hosts=[{"name": "a"}, {"name": "x"}]', model=Nested) == ["--set: hosts.1.name: is taken"]
    (fault,) = faults(plugins, "least=10", model=Nested)
    assert "least is more than most" in fault


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")

    every: int = 1


def test_a_model_that_takes_anything_is_given_it_all(plugins: Plugins) -> None:
    overrides = ["every=2", "tags.a.b=1", "nmae=x"]
    found = load_configuration(Open, overrides=overrides, plugins=plugins)
    assert found.run == {"every": "2", "tags": {"a": {"b": "1"}}, "nmae": "x"}
    assert len(faults(plugins, "every=x", "more=1", model=Open)) == 1


class Refusing(BaseModel):
    """A model that checks by itself, without pydantic's errors."""

    every: int = 10

    @classmethod
    def model_validate(cls, obj: Any, **settings: Any) -> Self:
        if obj:
            raise ConfigError("wrong", faults=[Fault("must be left out", "every"), Fault("is nobody's")])
        return super().model_validate(obj, **settings)


def test_a_model_that_refuses_by_itself_is_told_as_it_says(plugins: Plugins) -> None:
    assert faults(plugins, "every=1", model=Refusing) == ["--set: every: must be left out", "is nobody's"]
    assert load_configuration(Refusing, plugins=plugins).run == {}
