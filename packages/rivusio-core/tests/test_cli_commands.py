"""Commands that other packages bring, through the entry-point group `rivusio.commands`."""

from __future__ import annotations

from pathlib import Path

import pytest
from plugin_folders import distribution
from rivusio_command import Command

GREET = """
from rivusio_core.cli.options import Command

def add(parser):
    parser.add_argument("name")

def execute(options):
    print("hello", options.name)
    return 3

COMMAND = Command("greet", "say hello", "rivusio greet ann", add, execute)
OTHER = Command("wave", "wave", "rivusio wave", add, execute)
"""


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def install(command: Command, **points: str) -> None:
    folder = distribution(
        command.folder / "site", "dist-greet", group="rivusio.commands", points=points, greeting=GREET, broken="1 / 0"
    )
    command.path.append(str(folder))


def test_it_is_listed_and_run(command: Command) -> None:
    install(command, greet="greeting:COMMAND")
    done = command("--help")
    assert (done.code, done.err) == (0, "")
    assert "say hello" in done.out
    done = command("greet", "ann")
    assert (done.code, done.out, done.err) == (3, "hello ann\n", "")
    done = command("gret", "ann")
    assert done.code == 2
    assert "no such command: gret; did you mean 'greet'?" in done.err
    assert "example:\n  rivusio greet ann" in command("greet", "--help").out


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("broken", "the command 'greet' of dist-greet cannot be imported"),
        ("missing:COMMAND", "the command 'greet' of dist-greet cannot be imported"),
        ("greeting:GONE", "the command 'greet' of dist-greet cannot be imported"),
        ("greeting:add", "dist-greet: greeting:add is no command 'greet'"),
        ("greeting:OTHER", "dist-greet: greeting:OTHER is no command 'greet'"),
    ],
)
def test_a_broken_one_alone_is_out(command: Command, target: str, told: str) -> None:
    install(command, greet=target)
    done = command("--help")
    assert done.code == 0
    assert "check" in done.out
    assert f"warning: {told}" in done.err
    done = command("greet", "ann")
    assert done.code == 2
    assert told in done.err
    assert "greet" not in command("plugins", "list").err  # nothing is imported that was not asked for


def test_one_of_the_same_name_as_our_own_is_not_used(command: Command) -> None:
    install(command, check="greeting:COMMAND")
    assert "hello" not in command("check", "ann").out
