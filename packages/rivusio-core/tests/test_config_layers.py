"""Layers: who wins, and where every value came from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rivusio_core import ConfigError, Fault
from rivusio_core.layers import Layers
from rivusio_core.toml_file import MAX_BYTES, parse_toml, read_text


def test_higher_layers_win_value_by_value(tmp_path: Path) -> None:
    low = '[tool.rivusio]\na = "1"\nb = "1"\n[tool.rivusio.s]\nx = 1\ny = 1\nz = 1\nw = 1'
    (tmp_path / "pyproject.toml").write_text(low)
    (tmp_path / "rivusio.toml").write_text("[s]\ny = 2\nz = 2\nw = 2")
    layers = Layers()
    layers.add_files(tmp_path)
    layers.add_environment({"RIVUSIO__S__Z": "3", "RIVUSIO__S__W": "3", "HOME": "/", "RIVUSIONS": "x"})
    layers.add_overrides(["s.w=4", "b=a=b"])
    assert layers.faults == []
    assert layers.misspelt == []
    assert layers.table.plain() == {"a": "1", "b": "a=b", "s": {"x": 1, "y": 2, "z": "3", "w": "4"}}
    where = {".".join(path): leaf.where for path, leaf in layers.table.leaves()}
    assert where == {
        "a": "pyproject.toml",
        "b": "--set",
        "s.x": "pyproject.toml",
        "s.y": "rivusio.toml",
        "s.z": "RIVUSIO__S__Z",
        "s.w": "--set",
    }


def test_a_variable_of_too_many_parts_is_a_fault_and_its_value_is_not_repeated() -> None:
    layers = Layers()
    layers.add_environment({"RIVUSIO__" + "__".join("ABCDEFGHIJKLMNOPQ"): "s3cret"})
    assert layers.table.plain() == {}
    (fault,) = layers.faults
    assert fault.where.startswith("RIVUSIO__A__B__")
    assert "parts" in fault.message
    assert "s3cret" not in str(fault)


def test_a_detail_does_not_silently_replace_a_value() -> None:
    layers = Layers()
    layers.add_environment({"RIVUSIO__CHECKPOINT": "store.db", "RIVUSIO__CHECKPOINT__EVERY": "10s"})
    assert layers.table.plain() == {"checkpoint": "store.db"}
    (fault,) = layers.faults
    assert (fault.where, fault.path) == ("RIVUSIO__CHECKPOINT__EVERY", "checkpoint.every")
    layers = Layers()
    layers.add_overrides(["a.b=1", "a=2"])
    assert [str(fault) for fault in layers.faults] == ["--set: a: is both a value and a table"]


@pytest.mark.parametrize(
    "name",
    ["RIVUSIO_NAME", "rivusio__name", "RIVUSIO__name", "RIVUSIO__", "RIVUSIO____X", "RIVUSIO__A____B", "RIVUSIO___N"],
)
def test_variables_that_only_look_like_settings_are_noticed(name: str) -> None:
    layers = Layers()
    layers.add_environment({name: "s3cret"})
    assert layers.misspelt == [name]
    assert layers.table.plain() == {}


@pytest.mark.parametrize("text", ["s3cret", "=1", "a..b=1", "a b=1", ".a=1", ".".join("abcdefghijklmnopq") + "=1"])
def test_wrong_assignments_are_faults_and_are_not_repeated(text: str) -> None:
    layers = Layers()
    layers.add_overrides([text])
    assert [fault.where for fault in layers.faults] == ["--set"]
    assert "s3cret" not in str(layers.faults)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = ", "no valid TOML"),
        ("a = 1\na = 2", "no valid TOML"),
        ("x." * 40 + "y = 1", "rivusio.toml:1: a key of more than 32 parts"),
        ("\n[" + "x . " * 40 + "y]", "rivusio.toml:2: a key of more than 32 parts"),
        ("a = {" + '"b".' * 40 + "c = 1}", "a key of more than 32 parts"),
        ("a = " + "[" * 70 + "]" * 70, "nested over 64 deep"),
        ("a = " + "{b=" * 70 + "1" + "}" * 70, "nested over 64 deep"),
    ],
)
def test_hostile_toml_is_refused_before_it_is_parsed(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told.replace(".", r"\.")):
        parse_toml(text, "rivusio.toml")


@pytest.mark.parametrize(
    "text",
    [
        'a = "' + "." * 100 + '"',
        "a = '" + "[" * 100 + "'",
        'a = """\n' + "x." * 100 + '""\n"' + '"""',
        "a = '''" + "{'." * 100 + "'''''",
        "# " + "x." * 100 + "\na = 1",
        r'a = "\"' + "." * 100 + '"',
        "a = [" + "1.5, " * 100 + "]",
        "\n".join(f"a{n}.b.c = {n}" for n in range(100)),
    ],
)
def test_what_only_looks_deep_is_read(text: str) -> None:
    assert parse_toml(text, "rivusio.toml")


@pytest.mark.parametrize(
    "text",
    [
        "." * MAX_BYTES,
        '"\\' * (MAX_BYTES // 2),
        "'" * MAX_BYTES,
        '"""' + '"" ' * (MAX_BYTES // 4),
        "a" * MAX_BYTES,
        '"\n' * 500_000,
    ],
)
def test_texts_of_the_largest_size_are_refused_in_time(text: str) -> None:
    # Quadratic reading of these would take hours, not the seconds of the suite's time-out.
    with pytest.raises(ConfigError):
        parse_toml(text, "rivusio.toml")


def test_files_are_read_only_if_they_are_small_and_regular(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b" " * (MAX_BYTES + 1))
    (tmp_path / "latin").write_bytes(b"a = '\xe9'")
    (tmp_path / "largest").write_bytes(b" " * MAX_BYTES)
    assert len(read_text(tmp_path / "largest")) == MAX_BYTES
    expected = {"large": "larger than 1 MiB", "latin": "not UTF-8", ".": "no regular file", "x": "no such file"}
    for name, told in expected.items():
        with pytest.raises(ConfigError, match=told):
            read_text(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rivusio.toml")
    layers = Layers()
    layers.add_files(tmp_path)
    assert [str(fault) for fault in layers.faults] == ["rivusio.toml: is no regular file"]


def test_faults_of_files_do_not_hide_each_other(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool]\nrivusio = 3")
    (tmp_path / "rivusio.toml").write_text("a = [")
    layers = Layers()
    layers.add_files(tmp_path)
    assert layers.faults[0] == Fault("must be a table", "tool.rivusio", "pyproject.toml")
    assert layers.faults[1].where == "rivusio.toml"


def test_a_project_that_says_nothing_of_rivusio_is_not_even_parsed(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("this is no TOML")
    layers = Layers()
    layers.add_files(tmp_path)
    assert (layers.faults, layers.table.plain()) == ([], {})
