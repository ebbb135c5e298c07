"""The command does what it says: data on standard output, everything else on standard error, an exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from plugin_folders import distribution
from rivusio_command import Command

SHOP = """
from __future__ import annotations
from pydantic import BaseModel
from rivusio_core import Fatal, keep, pipe, route

class Order(BaseModel):
    user: str
    amount: float

@pipe
def parse(line: str) -> Order:
    user, amount = line.split(",")
    return Order(user=user, amount=float(amount))

@pipe
def show(order: Order) -> str:
    return f"{order.user} {order.amount}"

@pipe
async def user(order: Order) -> str:
    return order.user

@pipe
def raw(line: bytes) -> bytes:
    return line[::-1]

@pipe
def untyped(line):
    return line.upper()

@pipe(on_error="dead_letter")
def positive(line: str) -> int:
    return 1 // (int(line) > 0)

@pipe
def fatal(line: str) -> str:
    raise Fatal(f"cannot go on with {line}")

def large(order: Order) -> bool:
    return order.amount > 10

orders = parse >> keep(large)
text = orders >> show
split = parse >> route((large, show), otherwise=user)
both = parse >> (show & user)
"""


@pytest.fixture
def rivusio(tmp_path: Path) -> Command:
    command = Command(tmp_path)
    command.write("shop.py", SHOP)
    return command


@pytest.mark.parametrize("target", ["shop:text", "shop.py:text", "./shop.py:text"])
def test_lines_in_lines_out(rivusio: Command, target: str) -> None:
    done = rivusio("run", target, stdin="ann,20\nbob,3\r\ncy,30")
    assert (done.code, done.out) == (0, "ann 20.0\ncy 30.0\n"), done
    assert "keep(large): 3 in, 2 out, 1 filtered" in done.err


@pytest.mark.parametrize(
    ("target", "options", "lines", "out"),
    [
        ("shop:orders", [], "ann,20", '{"user":"ann","amount":20.0}\n'),
        ("shop:show", [], '{"user": "ann", "amount": 1}', "ann 1.0\n"),
        ("shop:show", ["--json"], '{"user": "ann", "amount": 1}', '"ann 1.0"\n'),
        ("shop:both", [], "ann,20", '["ann 20.0","ann"]\n'),
        ("shop:raw", [], b"\xff\x00a", b"a\x00\xff\n"),
        ("shop:untyped", [], "a", "A\n"),
        ("shop:text", [], "", ""),
    ],
)
def test_what_lines_mean_is_said_by_the_types(
    rivusio: Command, target: str, options: list[str], lines: str | bytes, out: str | bytes
) -> None:
    process = rivusio.start("run", target, *options)
    given, err = process.communicate(lines.encode() if isinstance(lines, str) else lines, timeout=50)
    assert (process.returncode, given) == (0, out.encode() if isinstance(out, str) else out), err


def test_standard_input_may_be_a_file(rivusio: Command) -> None:
    lines = rivusio.write("in.csv", "ann,20\n" * 5_000)
    with lines.open() as file:
        done = subprocess.run(
            [sys.executable, "-m", "rivusio_core", "run", "shop:text"],
            cwd=rivusio.folder, env=rivusio.environment({}), stdin=file, capture_output=True, text=True,
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "ann 20.0\n" * 5_000)


def test_a_file_may_have_a_name_that_no_module_can_have(rivusio: Command) -> None:
    rivusio.write("my-shop.py", SHOP)
    done = rivusio("run", "my-shop.py:text", stdin="ann,20\n")
    assert (done.code, done.out) == (0, "ann 20.0\n"), done


def test_results_come_while_the_input_goes_on(rivusio: Command) -> None:
    process = rivusio.start("run", "shop:text")
    assert process.stdin is not None
    assert process.stdout is not None
    for amount in (20, 30):
        process.stdin.write(f"ann,{amount}\n".encode())
        process.stdin.flush()
        assert process.stdout.readline() == f"ann {amount}.0\n".encode()
    process.communicate(timeout=50)
    assert process.returncode == 0


def test_dead_letters_go_into_a_file_of_their_owners(rivusio: Command) -> None:
    without = rivusio("run", "shop:positive", stdin="1\n")
    assert without.code == 2
    done = rivusio("run", "shop:positive", "--set", "dead_letters=dead.jsonl", stdin="1\nx\n-1\n2\n")
    assert (done.code, done.out) == (0, "1\n1\n"), done
    dead = rivusio.folder / "dead.jsonl"
    letters = [json.loads(line) for line in dead.read_text().splitlines()]
    assert [(each["step"], each["position"], each["cause"], each["value"]) for each in letters] == [
        ("positive", 1, "ValueError", "x"),
        ("positive", 2, "ZeroDivisionError", "-1"),
    ]
    if os.name == "posix":
        assert dead.stat().st_mode & 0o777 == 0o600


# ------------------------------------------------------------------------------------------------- check, graph


def test_check_says_types_and_faults_without_running(rivusio: Command) -> None:
    done = rivusio("check", "shop:orders")
    assert (done.code, done.err) == (0, ""), done
    assert "takes str, gives Order (one or none per item)" in done.out
    rivusio.write("wrong.py", "from rivusio_core import pipe\n@pipe(timeout='1s')\ndef f(x: int) -> int: ...\n")
    done = rivusio("check", "wrong.py:f", "--json", "--set", "nmae=x", RIVUSIO_X="1")
    assert done.code == 2
    told = json.loads(done.out)
    assert told["ok"] is False
    assert told["target"] == "wrong.py:f"
    assert [fault["where"] for fault in told["faults"]] == ["f", "RIVUSIO_X", "--set"]


def test_check_in_json_is_json_even_if_the_target_cannot_be_imported(rivusio: Command) -> None:
    rivusio.write("broken.py", "import nothing_4711")
    done = rivusio("check", "broken:flow", "--json")
    told = json.loads(done.out)
    assert (done.code, told["ok"]) == (2, False)
    assert "nothing_4711" in told["faults"][0]["message"]
    assert "broken.py:1" in told["faults"][0]["message"]


def test_graphs_in_all_formats(rivusio: Command) -> None:
    text = rivusio("graph", "shop:split")
    assert text.code == 0, text
    assert "  -> show: Order if large" in text.out.splitlines()
    assert rivusio("graph", "shop:split", "--format", "mermaid").out.startswith("flowchart LR")
    picture = ET.fromstring(rivusio("graph", "shop:split", "--format", "svg").out)
    assert picture.tag.endswith("svg")
    for shown in (rivusio("graph", "shop:split", "--format", "json"), rivusio("graph", "shop:split", "--json")):
        assert {node["label"] for node in json.loads(shown.out)["nodes"]} >= {"parse", "show", "user"}


# ------------------------------------------------------------------------------------------------- around


def test_help_shows_an_example_of_every_command(rivusio: Command) -> None:
    for command in ("run", "check", "graph", "plugins"):
        done = rivusio(command, "--help")
        assert (done.code, done.err) == (0, "")
        assert f"example:\n  rivusio {command} " in done.out
    assert rivusio("--help").out.count("rivusio run shop.py:flow") == 1


def test_version_and_nothing(rivusio: Command) -> None:
    done = rivusio("--version")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("rivusio-core ")
    done = rivusio()
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("usage: rivusio")


def test_settings_and_plugins_from_all_layers_meet_in_a_run(rivusio: Command) -> None:
    rivusio.write("pyproject.toml", "[tool.rivusio.ear]\nword = 'file'\ntimes = 1\n")
    plugin = """
import sys
from pydantic import BaseModel
from rivusio_core import Listener
from rivusio_core.hooks import hookimpl

class Settings(BaseModel):
    word: str
    times: int = 0

class Ear(Listener):
    def __init__(self, text): self.text = text
    def run_ended(self, run, error): print(self.text, run.name, error is None, file=sys.stderr)

@hookimpl
def rivusio_settings(): return Settings
@hookimpl
def rivusio_listeners(run, settings): return Ear(f"{run.name} {settings.word} {settings.times}")
"""
    folder = distribution(rivusio.folder / "site", "rivusio-ear", points={"ear": "ear_plugin"}, ear_plugin=plugin)
    rivusio.path.append(str(folder))
    done = rivusio("run", "shop:text", "--set", "ear.times=3", RIVUSIO__EAR__WORD="env")
    assert done.code == 0, done
    assert "text env 3 shop" not in done.err
    assert "text env 3 parse >> keep(large) >> show True\n" in done.err
    wrong = rivusio("run", "shop:text", "--set", "ear.tims=3")
    assert wrong.code == 2
    assert "--set: ear.tims: no such setting; did you mean 'times'?" in wrong.err


def test_plugins_are_listed_without_being_imported_and_checked_one_by_one(rivusio: Command) -> None:
    good = """
from rivusio_core.hooks import hookimpl
from shop import parse

@hookimpl
def rivusio_register(registry):
    registry.pipe("parse", parse)
"""
    rivusio.path.append(str(distribution(rivusio.folder / "a", "dist-a", points={"good": "p_good"}, p_good=good)))
    rivusio.path.append(str(distribution(rivusio.folder / "b", "dist-b", points={"bad": "p_bad"}, p_bad="1 / 0")))
    rivusio.path.append(str(rivusio.folder))
    listed = rivusio("plugins", "list", "--json")
    mine = {each["name"]: each for each in json.loads(listed.out) if each["name"] in ("good", "bad")}
    assert (listed.code, listed.err) == (0, "")
    assert [mine[name]["state"] for name in ("good", "bad")] == ["found", "found"]
    assert mine["bad"]["distribution"] == "dist-b 1.0"
    assert ["good", "dist-a", "1.0", "p_good"] in [line.split() for line in rivusio("plugins", "list").out.splitlines()]

    told = rivusio("plugins", "info", "good")
    assert (told.code, told.out) == (0, "good  dist-a 1.0\n  pipe good.parse\n")

    checked = rivusio("plugins", "check", "--json")
    states = {each["name"]: each for each in json.loads(checked.out)}
    assert checked.code == 2
    assert states["good"]["state"] == "loaded"
    assert states["bad"]["error"]["type"] == "PluginLoadError"
    assert "dist-b 1.0" in checked.err
    assert "ZeroDivisionError" in checked.err


@pytest.mark.skipif(os.name != "posix", reason="pipes of another kind")
def test_nobody_reading_is_no_error(rivusio: Command) -> None:
    lines = rivusio.write("in.csv", "ann,20\n" * 100_000)
    reader, writer = os.pipe()
    os.close(reader)
    for arguments in (("run", "shop:text"), ("graph", "shop:text"), ("plugins", "list", "--json"), ("--help",)):
        with lines.open() as file:
            done = subprocess.run(
                [sys.executable, "-W", "error", "-m", "rivusio_core", *arguments],
                cwd=rivusio.folder, env=rivusio.environment({}), stdin=file, stdout=writer, stderr=subprocess.PIPE,
            )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, b""), arguments
    os.close(writer)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_an_error(rivusio: Command) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "rivusio_core", "run", "shop:text"],
            cwd=rivusio.folder, env=rivusio.environment({}), input=b"ann,20\n", stdout=full, stderr=subprocess.PIPE,
        )  # fmt: skip
    assert done.returncode == 1
    assert b"standard output cannot be written" in done.stderr
    assert b"Traceback" not in done.stderr
