"""Plugins are found by metadata, imported when named, and fail alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from plugin_folders import distribution, points_of

from rivusio_core import (
    ConfigError,
    Listener,
    PluginConflictError,
    PluginError,
    PluginLoadError,
    PluginTypeError,
    PluginVersionError,
    RunInfo,
    UnknownKindError,
)
from rivusio_core.plugins import Plugins

GOOD = """
from rivusio_core import pipe
from rivusio_core.hooks import hookimpl

RIVUSIO_API = 1

@pipe
def reverse(text: str) -> str:
    return text[::-1]

@hookimpl
def rivusio_register(registry):
    registry.pipe("reverse", reverse)
"""

Installer = Callable[..., Plugins]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installer:
    """Install distributions, each given as a dictionary for `distribution`, and return the plugins in them."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def add(*each: dict[str, object]) -> Plugins:
        folders = list[Path]()
        for number, about in enumerate(each):
            name = str(about.pop("name", f"dist-{number}"))
            folder = distribution(tmp_path / str(number), name, **about)  # type: ignore[arg-type]
            sys.path.insert(0, str(folder))
            folders.append(folder)
        return Plugins(points_of(*folders))

    yield add  # type: ignore[misc]
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_plugin_is_imported_only_when_named(install: Installer) -> None:
    """Promise: plugin: those that are not named are not imported."""
    plugins = install(
        {"points": {"acme": "p_acme"}, "p_acme": GOOD},
        {"points": {"other": "p_other"}, "p_other": "raise RuntimeError('imported')"},
    )
    assert plugins.names() == ("acme", "other")
    assert [info.state for info in plugins.infos()] == ["found", "found"]
    assert "p_acme" not in sys.modules
    pipe = plugins.registry.pipe("acme.reverse")
    assert not isinstance(pipe, type)
    assert pipe.run("abc") == "cba"
    assert [info.state for info in plugins.infos()] == ["loaded", "found"]


def test_listing_needs_neither_pluggy_nor_a_plugin(tmp_path: Path) -> None:
    folder = distribution(tmp_path, "acme", points={"acme": "p_acme"}, p_acme="raise SystemExit(7)")
    code = (
        "import sys\n"
        "from rivusio_core.plugins import installed\n"
        "assert 'acme' in installed().names()\n"
        "assert [i.distribution for i in installed().infos() if i.name == 'acme'] == ['acme 1.0']\n"
        "print(sorted({'pluggy', 'p_acme'} & set(sys.modules)))"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("import no_such_module_4711", PluginLoadError, "No module named 'no_such_module_4711'"),
        ("def f(:", PluginLoadError, "SyntaxError"),
        ("import sys; sys.exit(3)", PluginLoadError, "SystemExit"),
        ("raise BaseExceptionGroup('x', [ValueError()])", PluginLoadError, "ExceptionGroup"),
        ("RIVUSIO_API = 2", PluginVersionError, "version 2"),
        ("def rivusio_register(registry): ...", PluginTypeError, "@hookimpl"),
        (
            "from rivusio_core.hooks import hookimpl\n@hookimpl\ndef rivusio_regster(registry): ...",
            PluginTypeError,
            "did you mean 'rivusio_register'",
        ),
        (
            "from rivusio_core.hooks import hookimpl\n@hookimpl\ndef register(registry): ...",
            PluginTypeError,
            "unknown hook 'register'",
        ),
        (
            "from rivusio_core.hooks import hookimpl\n@hookimpl\ndef rivusio_register(registry, more): ...",
            PluginTypeError,
            "more",
        ),
        (
            "from rivusio_core.hooks import *\n@hookimpl\ndef rivusio_register(registry): raise KeyError('s3cret')",
            PluginLoadError,
            "rivusio_register raised KeyError",
        ),
        (
            "from rivusio_core.hooks import hookimpl\n@hookimpl\ndef rivusio_register(registry): registry.pipe('x', 3)",
            PluginTypeError,
            "is a int, not of BasePipe",
        ),
        (
            "from rivusio_core.hooks import *\n@hookimpl\ndef rivusio_register(registry): registry.add('pip', 'x', 3)",
            PluginTypeError,
            "did you mean 'pipe'",
        ),
    ],
)
def test_a_broken_plugin_is_out_alone(install: Installer, text: str, kind: type[PluginError], told: str) -> None:
    """Promise: plugin: what cannot be imported, has a wrong type or version is out alone, with a typed error."""
    plugins = install(
        {"name": "dist-bad", "version": "3.1", "points": {"bad": "p_bad"}, "p_bad": text},
        {"points": {"acme": "p_acme"}, "p_acme": GOOD},
    )
    with pytest.raises(PluginError) as caught:
        plugins.get("bad")
    assert type(caught.value) is kind
    assert told in str(caught.value)
    assert "dist-bad 3.1" in str(caught.value)
    assert (caught.value.plugin, caught.value.distribution) == ("bad", "dist-bad 3.1")
    assert "s3cret" not in str(caught.value)
    assert [(info.name, info.state) for info in plugins.check()] == [("acme", "loaded"), ("bad", "broken")]
    assert plugins.registry.pipe("acme.reverse") is not None
    with pytest.raises(kind):  # it stays broken, and its module is not run a second time
        plugins.get("bad")


def test_an_entry_point_that_names_a_class_is_refused(install: Installer) -> None:
    plugins = install({"points": {"bad": "p_bad:Brings"}, "p_bad": "class Brings: ..."})
    with pytest.raises(PluginTypeError, match="the entry point names a class; let it name a module"):
        plugins.get("bad")


def test_settings_must_be_a_model(install: Installer) -> None:
    text = "from rivusio_core.hooks import hookimpl\n@hookimpl\ndef rivusio_settings(): return {'port': int}"
    plugin = install({"name": "dist-bad", "points": {"bad": "p_bad"}, "p_bad": text}).get("bad")
    assert repr(plugin) == "<plugin bad of dist-bad 1.0>"
    with pytest.raises(PluginTypeError, match="rivusio_settings must return a class of pydantic models"):
        plugin.settings_model()


SOURCES = """
from rivusio_core.hooks import hookimpl

class Lines: ...

@hookimpl
def rivusio_register(registry): registry.kind("source", Lines)
"""


def test_check_finds_what_is_wrong_only_since_the_owner_of_its_kind_is_there(install: Installer) -> None:
    early = "from rivusio_core.hooks import hookimpl\n@hookimpl\ndef rivusio_register(registry): "
    plugins = install(
        {"points": {"acme": "p_acme"}, "p_acme": early + "registry.source('bad', int)"},
        {"points": {"streams": "p_streams"}, "p_streams": SOURCES},
    )
    assert plugins.get("acme").name == "acme"
    assert [(info.name, info.state) for info in plugins.check()] == [("acme", "broken"), ("streams", "loaded")]
    assert "is the class int, not of Lines" in str(plugins.infos()[0].error)


def test_half_a_registration_does_not_stay(install: Installer) -> None:
    """pytest-dev/pluggy#733: half of a registration stays after a plugin failed to load."""
    text = GOOD.replace('    registry.pipe("reverse", reverse)', '    registry.pipe("a", reverse)\n    1 / 0')
    plugins = install({"points": {"half": "p_half"}, "p_half": text})
    with pytest.raises(PluginLoadError):
        plugins.get("half")
    assert plugins.registry.entries() == ()
    assert plugins.loaded() == ()
    with pytest.raises(PluginLoadError):
        plugins.registry.pipe("half.a")


def test_a_name_that_two_distributions_bring_is_out_and_both_are_named(install: Installer) -> None:
    """Promise: plugin: a name clash puts that name out, and names both distributions."""
    plugins = install(
        {"name": "dist-one", "points": {"same": "p_one"}, "p_one": GOOD},
        {"name": "dist-two", "version": "2.0", "points": {"same": "p_two"}, "p_two": GOOD},
        {"points": {"acme": "p_acme"}, "p_acme": GOOD},
    )
    with pytest.raises(PluginConflictError) as caught:
        plugins.get("same")
    assert "dist-one 1.0" in str(caught.value)
    assert "dist-two 2.0" in str(caught.value)
    assert "p_one" not in sys.modules
    assert {(info.name, info.state) for info in plugins.infos()} == {("same", "broken"), ("acme", "found")}
    assert plugins.get("acme").name == "acme"


def test_the_same_distribution_seen_twice_is_no_conflict(tmp_path: Path) -> None:
    folder = distribution(tmp_path, "acme", points={"acme": "p_acme"})
    assert len(Plugins([*points_of(folder), *points_of(folder)]).infos()) == 1


def test_a_plugin_name_that_cannot_be_a_prefix_is_refused(install: Installer) -> None:
    plugins = install({"points": {"Acme.x": "p_acme"}, "p_acme": GOOD})
    with pytest.raises(PluginTypeError, match="must consist of"):
        plugins.get("Acme.x")


def test_an_unknown_plugin_is_told_with_near_names_of_plugins_that_are_not_loaded(install: Installer) -> None:
    plugins = install({"points": {"monitoring": "p_m"}, "p_m": "raise AssertionError"})
    with pytest.raises(UnknownKindError, match="did you mean 'monitoring'") as caught:
        plugins.get("monitornig")
    assert caught.value.did_you_mean == ("monitoring",)
    with pytest.raises(UnknownKindError, match="did you mean 'monitoring'"):
        plugins.registry.pipe("monitring.x")


def test_a_plugin_that_names_itself_while_it_loads_is_broken_not_endless(install: Installer) -> None:
    text = "import p_hold\np_hold.plugins[0].get('loop')"
    plugins = install({"points": {"loop": "p_loop"}, "p_loop": text, "p_hold": "plugins = []"})
    import p_hold  # type: ignore[import-not-found]

    p_hold.plugins.append(plugins)
    with pytest.raises(PluginLoadError, match="names itself"):
        plugins.get("loop")


LISTENING = """
from pydantic import BaseModel
from rivusio_core import ConfigError, Listener
from rivusio_core.hooks import hookimpl

class Settings(BaseModel):
    give: str = "one"

@hookimpl
def rivusio_settings():
    return Settings

@hookimpl
def rivusio_listeners(settings):
    match settings.give:
        case "one": return Listener()
        case "two": return [Listener(), Listener()]
        case "none": return None
        case "wrong": return ["x"]
        case "config": raise ConfigError("the port is taken")
        case _: raise ValueError("s3cret")
"""


def test_listeners_are_collected_with_the_settings_of_the_plugin(install: Installer) -> None:
    plugin = install({"points": {"ear": "p_ear"}, "p_ear": LISTENING}).get("ear")
    model = plugin.settings_model()
    assert model is not None

    def listeners(give: str) -> tuple[Listener, ...]:
        return plugin.listeners(RunInfo("run", ""), model(give=give))

    assert [len(listeners(give)) for give in ("one", "two", "none")] == [1, 2, 0]
    with pytest.raises(PluginTypeError, match="gives a str"):
        listeners("wrong")
    with pytest.raises(ConfigError, match="the port is taken"):
        listeners("config")
    with pytest.raises(PluginLoadError, match="rivusio_listeners raised ValueError") as caught:
        listeners("boom")
    assert "s3cret" not in str(caught.value)
