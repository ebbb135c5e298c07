"""All packages and a third party's plugin, installed from wheels into one environment."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pytest

OURS = {"streams": "rivusio-streams", "monitoring": "rivusio-monitoring"}
FLOW = """
from pathlib import Path
from rivusio_acme import Reverse, Words
from rivusio_streams import JsonLines, Stream

flow = Stream.read(Words(Path("words.txt").read_text())).through(Reverse(upper=True)).write(JsonLines("out.jsonl"))
"""


def rivusio(
    folder: Path, *arguments: str, site: Sequence[Path] = (), environ: Mapping[str, str] = MappingProxyType({})
) -> subprocess.CompletedProcess[str]:
    """The installed command, in a folder, with further folders on the path."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("RIVUSIO", "PYTHONPATH"))}
    path = {"PYTHONPATH": os.pathsep.join(map(str, site))} if site else {}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "rivusio_core", *arguments],
        cwd=folder, env={**clean, **path, **environ}, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def distribution(folder: Path, name: str, plugin: str, module: str, text: str) -> Path:
    """A distribution as an installer would leave it."""
    info = folder / f"{name.replace('-', '_')}-9.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.0\n")
    (info / "entry_points.txt").write_text(f"[rivusio]\n{plugin} = {module}\n")
    (folder / f"{module}.py").write_text(text)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(FLOW)
    (tmp_path / "words.txt").write_text("to be or not to be")
    return tmp_path


def test_everything_is_installed_and_not_imported_from_a_checkout() -> None:
    for name in (*OURS.values(), "rivusio-core", "rivusio-plugins-contrib", "rivusio-acme"):
        files = importlib.metadata.files(name) or []
        assert any(file.name == "py.typed" for file in files), f"{name} is not installed from its wheel"
    import rivusio_acme

    import rivusio_core

    for module in (rivusio_core, rivusio_acme):
        assert "site-packages" in str(module.__file__)


def test_the_command_is_installed_under_its_name(project: Path) -> None:
    (point,) = importlib.metadata.entry_points(group="console_scripts", name="rivusio")
    assert point.value == "rivusio_core.cli.process:process"
    script = Path(sys.executable).with_name("rivusio")
    done = subprocess.run([script, "graph", "shop:flow"], cwd=project, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Reverse" in done.stdout


def test_all_plugins_are_listed_with_their_distributions(project: Path) -> None:
    done = rivusio(project, "plugins", "list", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = {each["name"]: each for each in json.loads(done.stdout)}
    for name, of in {**OURS, "acme": "rivusio-acme"}.items():
        assert told[name]["distribution"] == f"{of} {importlib.metadata.version(of)}"
    assert {each["state"] for each in told.values()} == {"found"}


def test_listing_imports_no_plugin_and_naming_one_imports_that_one(project: Path) -> None:
    code = """
import sys
from rivusio_core.plugins import installed
plugins = installed()
assert {"acme", "streams", "monitoring"} <= set(plugins.names())
packages = ("rivusio_acme", "rivusio_streams", "rivusio_monitoring", "rivusio_plugins_contrib")
assert not set(packages) & set(sys.modules), "listed and imported"
assert plugins.registry.pipe("acme.reverse")().run("abc") == "cba"
assert [plugin.name for plugin in plugins.loaded()] == ["acme"]
assert not {"rivusio_monitoring", "rivusio_plugins_contrib"} & set(sys.modules), "more than the named one"
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=project, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_installed_plugin_loads(project: Path) -> None:
    done = rivusio(project, "plugins", "check", "--json")
    told = {each["name"]: each for each in json.loads(done.stdout)}
    assert {name: each["error"] for name, each in told.items() if each["state"] != "loaded"} == {}
    assert done.returncode == 0
    info = json.loads(rivusio(project, "plugins", "info", "acme", "--json").stdout)
    assert [(each["kind"], each["name"]) for each in info["registers"]] == [
        ("listener", "acme.totals"),
        ("pipe", "acme.reverse"),
        ("source", "acme.words"),
    ]
    assert list(info["settings"]["properties"]) == ["totals"]


def test_sources_are_what_streams_says_they_are() -> None:
    from rivusio_acme import Words

    from rivusio_core import PluginTypeError
    from rivusio_core.plugins import Plugins
    from rivusio_streams.source import BaseSource

    plugins = Plugins()
    assert plugins.registry.of_class("source", "acme.words", BaseSource) is Words
    with pytest.raises(PluginTypeError):
        plugins.registry.of_class("listener", "acme.totals", BaseSource)


def test_a_broken_plugin_harms_no_other(project: Path, tmp_path: Path) -> None:
    site = distribution(tmp_path / "site", "rivusio-bad", "bad", "bad_plugin", "import nothing_4711")
    done = rivusio(project, "plugins", "check", "--json", site=(site,))
    told = {each["name"]: each for each in json.loads(done.stdout)}
    assert done.returncode == 2
    assert told.pop("bad")["error"]["type"] == "PluginLoadError"
    assert {each["state"] for each in told.values()} == {"loaded"}
    assert "rivusio-bad 9.0" in done.stderr
    assert "No module named 'nothing_4711'" in done.stderr
    assert "Traceback" not in done.stderr
    assert rivusio(project, "run", "shop:flow", site=(site,)).returncode == 0
    named = rivusio(project, "run", "shop:flow", "--set", "bad.x=1", site=(site,))
    assert named.returncode == 2
    assert "rivusio-bad 9.0" in named.stderr


def test_a_clash_of_names_takes_out_those_two_alone(project: Path, tmp_path: Path) -> None:
    site = distribution(tmp_path / "site", "other-acme", "acme", "other_acme", "raise AssertionError('imported')")
    done = rivusio(project, "plugins", "check", "--json", site=(site,))
    told = json.loads(done.stdout)
    assert done.returncode == 2
    assert {each["distribution"] for each in told if each["state"] == "broken"} == {
        "rivusio-acme 1.0.0",
        "other-acme 9.0",
    }
    assert {each["name"] for each in told if each["state"] == "loaded"} >= set(OURS)
    assert "rivusio-acme 1.0.0" in done.stderr
    assert "other-acme 9.0" in done.stderr


@pytest.mark.parametrize("way", ["set", "environment", "file"])
def test_the_plugins_pipe_source_and_listener_in_a_run(project: Path, way: str) -> None:
    arguments, environ = list[str](), dict[str, str]()
    if way == "set":
        arguments = ["--set", "acme.totals=totals.json"]
    elif way == "environment":
        environ = {"RIVUSIO__ACME__TOTALS": "totals.json"}
    else:
        (project / "pyproject.toml").write_text('[tool.rivusio.acme]\ntotals = "totals.json"\n')
    done = rivusio(project, "run", "shop:flow", "--json", *arguments, environ=environ)
    assert done.returncode == 0, done.stderr
    out = [json.loads(line) for line in (project / "out.jsonl").read_text().splitlines()]
    assert out == ["OT", "EB", "RO", "TON", "OT", "EB"]
    report = json.loads(done.stdout)
    totals = json.loads((project / "totals.json").read_text())
    assert totals == {name: step["given"] for name, step in report["steps"].items()}
    assert totals["Reverse"] == 6
    assert report["unaccounted"] == 0


def test_a_misspelt_setting_of_a_plugin_is_told(project: Path) -> None:
    done = rivusio(project, "run", "shop:flow", "--set", "acme.total=x", environ={"RIVUSIO_ACME_TOTALS": "x"})
    assert done.returncode == 2
    assert "--set: acme.total: no such setting; did you mean 'totals'?" in done.stderr
    assert "did you mean RIVUSIO__ACME__TOTALS?" in done.stderr
    assert not (project / "out.jsonl").exists()
