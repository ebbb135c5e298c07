"""`rivusio checkpoints`: looking at what is kept, keeping it, throwing it away, making it fit a changed flow."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from rivusio_core.cli import main
from rivusio_streams import FolderStore

Told = Callable[..., tuple[int, str, str]]

FLOW = """
    from pathlib import Path
    from rivusio_streams import JsonLines, Stream, Tumbling, agg, current_run

    here = Path(__file__).parent

    def stops(n: int) -> int:
        if n == 24 and (here / "stop").exists():
            current_run().stop()
        return n

    numbers = Stream.read(JsonLines(here / "in.jsonl", int))
    flow = (
        numbers.{first}
        .event_time(lambda n: n * 1_000_000)
        .window(Tumbling("10s")).aggregate(agg.collect(), name="{window}")
        .map(lambda each: each.value)
        .write(JsonLines(here / "out.jsonl"))
        .named("numbers")
    )
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rivusio.toml").write_text('[checkpoint]\nplace = "kept/"\n')
    (tmp_path / "in.jsonl").write_text("".join(f"{n}\n" for n in range(25)))
    return tmp_path


@pytest.fixture
def rivusio(capsys: pytest.CaptureFixture[str], project: Path) -> Told:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        told = capsys.readouterr()
        return code, told.out, told.err

    write(project)
    return call


def write(project: Path, name: str = "shop.py", **parts: str) -> None:
    words = {"first": "map(stops)", "window": "by ten", **parts}
    text = textwrap.dedent(FLOW)
    for key, word in words.items():
        text = text.replace("{" + key + "}", word)
    (project / name).write_text(text)


def out(project: Path) -> list[str]:
    return (project / "out.jsonl").read_text().split()


def test_before_there_are_any(rivusio: Told) -> None:
    assert rivusio("checkpoints", "list", "shop.py:flow") == (0, "", "kept has no checkpoints of 'numbers'\n")
    code, told, error = rivusio("checkpoints", "show", "shop.py:flow")
    assert (code, told) == (74, "")
    assert "kept has no checkpoints of 'numbers'" in error
    code, _, error = rivusio("checkpoints", "reset", "shop.py:flow")
    assert code == 0
    assert "nothing to do" in error


def test_list_and_show(project: Path, rivusio: Told) -> None:
    assert rivusio("run", "shop.py:flow")[0] == 0
    code, told, _ = rivusio("checkpoints", "list", "shop.py:flow", "--json")
    [*_, last] = json.loads(told)
    assert code == 0
    assert (last["note"], last["bytes"] > 0) == ("end of input", True)
    code, told, _ = rivusio("checkpoints", "list", "shop.py:flow")
    assert "end of input" in told.splitlines()[-1]
    code, told, _ = rivusio("checkpoints", "show", "shop.py:flow")
    assert "the input was over" in told
    assert "in.jsonl" in told
    shown = json.loads(rivusio("checkpoints", "show", "shop.py:flow", last["name"], "--json")[1])
    assert shown["positions"]["in.jsonl"]
    assert shown["flow"] == "numbers"


def test_a_checkpoint_that_is_not_there(rivusio: Told) -> None:
    rivusio("run", "shop.py:flow")
    for name in ("99", "before-change"):
        code, told, error = rivusio("checkpoints", "show", "shop.py:flow", name)
        assert (code, told) == (74, "")
        assert name in error


def test_a_damaged_one_is_told(project: Path, rivusio: Told) -> None:
    rivusio("run", "shop.py:flow")
    [newest] = [each for each in (project / "kept").rglob("*") if each.is_file() and "whole" in each.name][-1:]
    newest.write_bytes(newest.read_bytes()[:-3])
    code, told, _ = rivusio("checkpoints", "list", "shop.py:flow")
    assert code == 0
    assert "damaged" in told
    code, _, error = rivusio("run", "shop.py:flow")
    assert code == 74
    assert "rivusio checkpoints reset" in error


def test_save_and_reset(project: Path, rivusio: Told) -> None:
    rivusio("run", "shop.py:flow")
    code, _, error = rivusio("checkpoints", "save", "shop.py:flow")
    assert code == 2
    assert "what is the savepoint to be called?" in error
    assert rivusio("checkpoints", "save", "shop.py:flow", "monday")[0] == 0
    code, _, error = rivusio("checkpoints", "save", "shop.py:flow", "monday")
    assert code == 74
    assert "there is a savepoint 'monday' already" in error
    assert "monday" in rivusio("checkpoints", "list", "shop.py:flow")[1]
    assert rivusio("checkpoints", "show", "shop.py:flow", "monday")[0] == 0

    before = rivusio("checkpoints", "list", "shop.py:flow")[1]
    code, _, error = rivusio("checkpoints", "reset", "shop.py:flow")
    assert code == 2
    assert "--yes" in error
    assert "would be thrown away" in rivusio("checkpoints", "reset", "shop.py:flow", "--dry-run")[2]
    assert rivusio("checkpoints", "list", "shop.py:flow")[1] == before
    assert rivusio("checkpoints", "reset", "shop.py:flow", "--yes")[0] == 0
    told = rivusio("checkpoints", "list", "shop.py:flow", "--json")[1]
    assert [each["name"] for each in json.loads(told)] == ["monday"]
    assert rivusio("checkpoints", "reset", "shop.py:flow", "--yes", "--savepoints")[0] == 0
    assert rivusio("checkpoints", "list", "shop.py:flow")[1] == ""


def test_what_a_run_has_locked_can_be_looked_at_only(project: Path, rivusio: Told) -> None:
    rivusio("run", "shop.py:flow")
    store = FolderStore(project / "kept")
    store.open("numbers")
    try:
        assert rivusio("checkpoints", "list", "shop.py:flow")[0] == 0
        assert rivusio("checkpoints", "show", "shop.py:flow")[0] == 0
        for action in (["save", "shop.py:flow", "x"], ["reset", "shop.py:flow", "--yes"], ["migrate", "shop.py:flow"]):
            code, _, error = rivusio("checkpoints", *action)
            assert code == 74
            assert "another run" in error
    finally:
        store.close()


def test_a_changed_flow_is_refused_until_its_state_is_migrated(project: Path, rivusio: Told) -> None:
    """The window that was open at the stop is closed by the flow in which its step has another name."""
    (project / "stop").touch()
    assert rivusio("run", "shop.py:flow")[0] == 0
    (project / "stop").unlink()
    assert out(project) == ["[0,1,2,3,4,5,6,7,8,9]", "[10,11,12,13,14,15,16,17,18,19]"]
    told = rivusio("checkpoints", "show", "shop.py:flow")[1]
    assert "by ten: " in told
    assert "Tumbling" in told

    write(project, "renamed.py", window="tens")
    code, _, error = rivusio("run", "renamed.py:flow")
    assert code == 1
    assert "'by ten' kept something and is not there any more" in error
    assert "rivusio checkpoints migrate" in error
    code, _, error = rivusio("checkpoints", "migrate", "renamed.py:flow")
    assert code == 1
    assert "'by ten'" in error

    assert (
        "would be written"
        in rivusio("checkpoints", "migrate", "renamed.py:flow", "--rename", "by ten=tens", "--dry-run")[2]
    )
    assert rivusio("run", "renamed.py:flow")[0] == 1
    assert rivusio("checkpoints", "migrate", "renamed.py:flow", "--rename", "by ten=tens")[0] == 0
    assert rivusio("run", "renamed.py:flow")[0] == 0
    assert out(project)[2:] == ["[20,21,22,23,24]"]


def test_state_may_be_dropped_or_declared_to_fit(project: Path, rivusio: Told) -> None:
    (project / "stop").touch()
    rivusio("run", "shop.py:flow")
    (project / "stop").unlink()
    text = (project / "shop.py").read_text()
    (project / "hour.py").write_text(text.replace('Tumbling("10s")', 'Tumbling("20s")'))
    code, _, error = rivusio("run", "hour.py:flow")
    assert code == 1
    assert "has changed from" in error
    assert rivusio("checkpoints", "migrate", "hour.py:flow", "--drop", "by ten", "--to", "other/")[0] == 0
    code, _, _ = rivusio("run", "hour.py:flow", "--set", "checkpoint.place=other/")
    assert (code, out(project)[2:]) == (0, [])  # what the open window held is gone, as was asked for

    assert rivusio("checkpoints", "migrate", "shop.py:flow", "--accept", "by ten", "--to", "kept.db")[0] == 0
    code, told, _ = rivusio("checkpoints", "list", "shop.py:flow", "--set", "checkpoint.place=kept.db", "--json")
    assert code == 0
    assert len(json.loads(told)) == 1


def test_what_is_written_wrongly(rivusio: Told) -> None:
    code, _, error = rivusio("checkpoints", "migrate", "shop.py:flow", "--rename", "by ten")
    assert code == 2
    assert "write OLD=NEW" in error
    assert rivusio("checkpoints", "lsit", "shop.py:flow")[0] == 2
    assert rivusio("checkpoints", "list")[0] == 2
    code, _, error = rivusio("checkpoints", "list", "shop.py:numbers")
    assert code == 2
    assert "numbers" in error


def test_without_a_place(project: Path, rivusio: Told) -> None:
    (project / "rivusio.toml").unlink()
    code, _, error = rivusio("checkpoints", "list", "shop.py:flow")
    assert code == 2
    assert "--set checkpoint=PATH" in error
