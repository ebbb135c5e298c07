"""Mistakes end in one readable block: what, where, what was meant; no traceback, no item, no secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rivusio_command import Command, Done

JOBS = """
from __future__ import annotations
import json
from rivusio_core import BadRecord, Fatal, RetriesExhausted, Retry, SyncBasePipe, Transient, keep, pipe

@pipe
def parse(line: str) -> int:
    return int(line)

@pipe(retry=Retry(attempts=2, backoff="1ms"))
def flaky(line: str) -> str:
    raise Transient(f"no answer for {line}")

@pipe
def fatal(line: str) -> str:
    raise Fatal(f"cannot go on with {line}")

class Double(SyncBasePipe[int, int]):
    def process(self, item: int) -> int:
        return 2 * item

@pipe
def bound(line: str, *, key: str) -> str:
    return line

def plain(line: str) -> str:
    return line

pipeline = parse >> Double()
keeping = keep(plain)
number = 3

class Stream:
    def write(self, sink): ...
    def through(self, pipe): ...

stream = Stream()
made = type("made", (), {})()
"""


@pytest.fixture
def rivusio(tmp_path: Path) -> Command:
    command = Command(tmp_path)
    command.write("jobs.py", JOBS)
    return command


def tidy(done: Done, code: int) -> str:
    """One block, no traceback, nothing on standard output."""
    assert done.code == code, done
    assert done.out == "", done
    assert done.err.startswith("error: "), done
    assert done.err.count("error: ") == 1, done
    assert "Traceback" not in done.err
    assert "\x1b" not in done.err
    return done.err


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("jobs:pipline", "did you mean jobs:pipeline?"),
        ("jobs:Parse", "did you mean jobs:parse?"),
        ("jobs:pipeline.x", "has no name 'x'"),
        ("jobs", "add its name: jobs:pipeline or "),
        ("jobs:", "add its name: jobs:pipeline or "),
        ("jobz:pipeline", "did you mean jobs?"),
        ("jobz.py:pipeline", "did you mean jobs.py?"),
        ("no/such/jobs.py:pipeline", "there is no file no/such/jobs.py"),
        (".:pipeline", "is no module name"),
        ("./:pipeline", "is a folder"),
        (":pipeline", "is no module name"),
        ("jobs:number", "is a int, not a flow or pipeline"),
        ("jobs:plain", "decorate it with @pipe"),
        ("jobs:Double", "the class Double"),
        ("jobs:keeping", "put it behind a pipe"),
        ("jobs:bound", "key"),
        ("jobs:json", "is a module, not a flow or pipeline"),
        ("jobs:stream", "a stream becomes a flow with .write(sink)"),
        ("jobs:made", "a made, not a flow or pipeline"),
        ("toolz:pipeline", "did you mean tools?"),
        ("./notes.txt:x", "notes.txt is no Python file"),
        ("engine", "add its name: engine:plain or "),
        ("flow.yaml", "pipeline files cannot be run by this version"),
    ],
)
def test_wrong_targets(rivusio: Command, target: str, told: str) -> None:
    rivusio.write("notes.txt", "")
    rivusio.write("engine.py", ENGINE)
    (rivusio.folder / "tools").mkdir()
    rivusio.write("tools/__init__.py", "")
    (rivusio.folder / "toolx").mkdir()  # no package
    assert told in tidy(rivusio("run", target), 2)


def test_check_tells_a_target_that_cannot_be_imported_as_run_does(rivusio: Command) -> None:
    rivusio.write("broken.py", "import nothing_4711")
    assert tidy(rivusio("check", "broken:x"), 2) == tidy(rivusio("run", "broken:x"), 2)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("from jobs import nothing", ["broken.py:1: from jobs import nothing", "cannot import name 'nothing'"]),
        ("import nothing_4711", ["broken.py:1", "No module named 'nothing_4711'"]),
        ("x = 1\ndef f(:\n", ["broken.py:2: def f(:", "SyntaxError"]),
        ("import jobs\nx = jobs.parse >> jobs.fatal", ["broken.py:2", "CompositionError", "'parse' gives int"]),
        ("import jobs\nx = jobs.Double(y=3)", ["broken.py:2", "y: there are no settings"]),
        ("def f():\n    raise ValueError('4711')\nf()", ["broken.py:2: raise ValueError", "ValueError"]),
        ("import sys; sys.exit(0)", ["SystemExit"]),
        ("print(undefined)", ["NameError", "undefined"]),
        ("@", ["SyntaxError"]),
    ],
)
@pytest.mark.parametrize("target", ["broken:x", "broken.py:x"])
def test_mistakes_in_the_imported_module_show_its_own_frame(
    rivusio: Command, target: str, text: str, told: list[str]
) -> None:
    rivusio.write("broken.py", text)
    shown = tidy(rivusio("run", target), 2)
    for part in told:
        assert part in shown, shown
    assert "importlib" not in shown
    assert "cli/" not in shown


def test_the_text_of_a_foreign_error_is_shown_on_request(rivusio: Command) -> None:
    rivusio.write("broken.py", "raise ValueError('se' + 'cret')")
    assert "secret" not in tidy(rivusio("run", "broken:x"), 2)
    assert "secret" in tidy(rivusio("run", "broken:x", "--show-values"), 2)
    full = rivusio("run", "broken:x", "--traceback")
    assert full.code == 2
    assert "Traceback (most recent call last)" in full.err


@pytest.mark.parametrize(
    ("target", "stdin", "told"),
    [
        ("jobs:pipeline", "1\ns3cret\n", ["step   parse", "item   1", "ValueError at jobs.py:8 in parse"]),
        ("jobs:flaky", "s3cret\n", ["attempts  2", "Transient at jobs.py:12 in flaky"]),
        ("jobs:fatal", "s3cret\n", ["step   fatal", "Fatal at jobs.py:16 in fatal"]),
        ("jobs:Double", "s3cret\n", []),
    ],
)
def test_a_failed_item_is_told_by_step_position_and_place_but_not_shown(
    rivusio: Command, target: str, stdin: str, told: list[str]
) -> None:
    if target == "jobs:Double":
        rivusio.write("more.py", "from jobs import Double\nd = Double()")
        target, told = "more:d", ["line 1 of standard input is no valid JSON of its type"]
    done = rivusio("run", target, stdin=stdin)
    shown = re.sub(" +", " ", tidy(Done(done.code, "", done.err), 1))
    for part in told:
        assert re.sub(" +", " ", part) in shown
    assert "s3cret" not in shown
    if "standard input" not in shown:
        assert "--show-values" in shown
        assert "s3cret" in rivusio("run", target, "--show-values", stdin=stdin).err


def test_bytes_that_are_no_text_are_told_by_line(rivusio: Command) -> None:
    assert "line 2 of standard input is not UTF-8" in rivusio("run", "jobs:parse", stdin=b"1\n\xff\n").err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["rnu", "x"], "no such command: rnu; did you mean 'run'?"),
        (["run", "jobs:pipeline", "--jsno"], "no such option: --jsno; did you mean '--json'"),
        (["run", "jobs:pipeline", "--js"], "no such option: --js"),
        (["run"], "TARGET"),
        (["run", "jobs:pipeline", "s3cret"], "one argument too many"),
        (["graph", "jobs:pipeline", "--format", "png"], "png"),
        (["plugins"], "list|info|check"),
        (["plugins", "lst"], "lst"),
        (["plugins", "info"], "which plugin?"),
        (["plugins", "info", "no_such_plugin"], "no plugin 'no_such_plugin' is installed"),
        (["run", "jobs:pipeline", "--set", "s3cret"], "write KEY=VALUE"),
        (["run", "jobs:pipeline", "--set", "dead_leters=s3cret"], "did you mean 'dead_letters'?"),
    ],
)
def test_wrong_command_lines(rivusio: Command, arguments: list[str], told: str) -> None:
    shown = tidy(rivusio(*arguments), 2)
    assert told in shown
    assert "s3cret" not in shown


def test_all_wrong_settings_are_told_at_once(rivusio: Command) -> None:
    rivusio.write("rivusio.toml", "x = [")
    shown = tidy(rivusio("run", "jobs:pipeline", "--set", "nmae=3", RIVUSIO_DEAD_LETTERS="x"), 2)
    assert "rivusio.toml: is no valid TOML" in shown
    assert "--set: nmae: no such setting" in shown
    assert "did you mean RIVUSIO__DEAD_LETTERS?" in shown


# -------------------------------------------------------------------------------------- other engines' errors

ENGINE = """
from pydantic import BaseModel
import rivusio_core
from rivusio_core import *
from rivusio_core import CheckpointWriteError, CheckpointCorrupt, ConfigError, DrainTimeout, SinkError, SourceError

class Settings(BaseModel):
    every: int = 1

class Report:
    def to_json(self): return {"every": self.every}
    def summary(self): return "a summary"

class Engine:
    name = "engine"
    def __init__(self, error=None): self.error = error
    def run_settings(self): return Settings
    def check(self, settings=None): raise NotImplementedError
    def graph(self, format="text"): return format
    async def launch(self, launch):
        if self.error is not None: raise self.error
        report = Report()
        report.every = launch.settings.get("every")
        return report

def with_cause(error, cause):
    error.__cause__ = cause
    return error

plain = Engine(PipeError("no answer came", pipe="ask"))
unraised = Engine(ExceptionGroup("x", [ZeroDivisionError("s3cret")]))
same = SourceError("a is gone")
same = Engine(ExceptionGroup("x", [same, ExceptionGroup("y", [same])]))
fine = Engine()
store = Engine(CheckpointWriteError("the store is full"))
corrupt = Engine(CheckpointCorrupt("checkpoint 3 is damaged"))
drain = Engine(DrainTimeout("3 items were left"))
wrong = Engine(ConfigError("not with this"))
sink = Engine(with_cause(SinkError("out.jsonl cannot be written"), OSError("s3cret")))
group = Engine(ExceptionGroup("x", [SourceError("a is gone"), ExceptionGroup("y", [SinkError("b is gone"),
    SourceError("a is gone")])]))
mixed = Engine(ExceptionGroup("x", [SourceError("a is gone"), DrainTimeout("2 left")]))
foreign = Engine(ZeroDivisionError("s3cret"))
"""


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("store", 74, ["the store is full"]),
        ("corrupt", 74, ["checkpoint 3 is damaged"]),
        ("drain", 75, ["3 items were left", "drain_timeout"]),
        ("wrong", 2, ["not with this"]),
        ("sink", 1, ["SinkError: out.jsonl cannot be written", "cause  OSError"]),
        ("plain", 1, ["a pipe failed: no answer came", "step  ask", "on_error='skip'"]),
        ("unraised", 1, ["this is a bug in Rivusio", "error  ZeroDivisionError"]),
        ("same", 1, ["SourceError: a is gone"]),
        ("foreign", 1, ["code outside of a pipe raised", "ZeroDivisionError", "engine.py"]),
    ],
)
def test_every_kind_of_error_has_its_exit_code(rivusio: Command, name: str, code: int, told: list[str]) -> None:
    rivusio.write("engine.py", ENGINE)
    shown = tidy(rivusio("run", f"engine:{name}"), code)
    assert "s3cret" not in shown
    for part in told:
        assert part in shown, shown


def test_groups_are_flattened_and_told_once(rivusio: Command) -> None:
    rivusio.write("engine.py", ENGINE)
    done = rivusio("run", "engine:group")
    assert done.code == 1
    assert done.err == "error: SourceError: a is gone\nerror: SinkError: b is gone\n"
    assert rivusio("run", "engine:mixed").code == 75


def test_the_text_of_an_error_outside_of_a_pipe_is_shown_on_request(rivusio: Command) -> None:
    rivusio.write("engine.py", ENGINE)
    assert "text   s3cret" in tidy(rivusio("run", "engine:foreign", "--show-values"), 1)


def test_anything_with_the_members_of_a_runnable_is_run(rivusio: Command) -> None:
    rivusio.write("engine.py", ENGINE)
    done = rivusio("run", "engine:fine", "--json", "--set", "every=3")
    assert (done.code, done.out) == (0, '{\n  "every": "3"\n}\n'), done
    assert rivusio("run", "engine:fine").err == "a summary\n"
    assert rivusio("graph", "engine:fine", "--format", "svg").out == "svg\n"


def test_a_bug_inside_rivusio_says_so(rivusio: Command) -> None:
    # A listener's hook gives rivusio something that breaks rivusio itself: here, a registry entry point is replaced.
    rivusio.write("bug.py", "import jobs, rivusio_core.pipe_runnable as m\nm._writer = None\npipeline = jobs.pipeline")
    shown = tidy(rivusio("run", "bug:pipeline"), 1)
    assert "this is a bug in Rivusio" in shown
    assert "pipe_runnable.py" in shown
    assert "please report it" in shown
