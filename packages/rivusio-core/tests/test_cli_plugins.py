"""`rivusio plugins` in text and in JSON, for whatever is installed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from plugin_folders import distribution, points_of

from rivusio_core.cli.main import main
from rivusio_core.plugins import Plugins

EAR = """
from pydantic import BaseModel, Field, SecretStr
from rivusio_core import Listener
from rivusio_core.hooks import hookimpl

class Settings(BaseModel):
    port: int = Field(default=9464, description="where it listens")
    where: str | None = None
    token: SecretStr = SecretStr("s3cret")

@hookimpl
def rivusio_settings(): return Settings

@hookimpl
def rivusio_register(registry): registry.listener("plain", Listener)
"""

Captured = pytest.CaptureFixture[bytes]


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """The folders of what is installed, at first of one plugin; a fresh look at them for every command."""
    folders = [distribution(tmp_path / "a", "dist-ear", points={"ear": "p_told"}, p_told=EAR)]
    monkeypatch.setattr("rivusio_core.cli.plugins.installed", lambda: Plugins(points_of(*folders)))
    monkeypatch.syspath_prepend(str(folders[0]))
    yield folders
    for name in ("p_told", "p_bad"):  # other tests may have plugins of the same names
        sys.modules.pop(name, None)


def add_broken(tmp_path: Path, folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folders.append(distribution(tmp_path / "b", "dist-bad", points={"bad": "p_bad"}, p_bad="1 / 0"))
    monkeypatch.syspath_prepend(str(folders[1]))


def test_info_shows_what_a_plugin_registers_and_its_settings_but_no_secret(capfdbinary: Captured) -> None:
    assert main(["plugins", "info", "ear"]) == 0
    out, err = capfdbinary.readouterr()
    assert out.decode().splitlines() == [
        "ear  dist-ear 1.0",
        "  listener ear.plain",
        "  setting ear.port (integer): where it listens",
        "  setting ear.where",
        "  setting ear.token (string)",
    ]
    assert err == b""


def test_info_in_json_has_the_schema_of_the_settings(capfdbinary: Captured) -> None:
    assert main(["plugins", "info", "ear", "--json"]) == 0
    out, _ = capfdbinary.readouterr()
    told = json.loads(out)
    assert (told["name"], told["distribution"]) == ("ear", "dist-ear 1.0")
    assert told["registers"] == [{"kind": "listener", "name": "ear.plain"}]
    assert told["settings"]["properties"]["port"]["description"] == "where it listens"
    assert b"s3cret" not in out


def test_check_tells_the_state_of_each_and_why_one_is_broken(
    tmp_path: Path, installed: list[Path], monkeypatch: pytest.MonkeyPatch, capfdbinary: Captured
) -> None:
    assert main(["plugins", "check"]) == 0
    assert capfdbinary.readouterr() == (b"ear  dist-ear 1.0  loaded\n", b"")
    add_broken(tmp_path, installed, monkeypatch)
    assert main(["plugins", "check"]) == 2
    out, err = capfdbinary.readouterr()
    assert [line.split() for line in out.decode().splitlines()] == [
        ["bad", "dist-bad", "1.0", "broken"],
        ["ear", "dist-ear", "1.0", "loaded"],
    ]
    assert err.decode().startswith("broken: plugin 'bad' of dist-bad 1.0")


def test_where_nothing_is_installed_nothing_is_shown(installed: list[Path], capfdbinary: Captured) -> None:
    installed.clear()
    for action in ("list", "check"):
        assert main(["plugins", action]) == 0
        assert capfdbinary.readouterr() == (b"", b"")
    assert main(["plugins", "list", "--json"]) == 0
    assert json.loads(capfdbinary.readouterr().out) == []
    assert main(["plugins", "info"]) == 2
    assert b"which plugin? Installed are none" in capfdbinary.readouterr().err
