"""The errors: a tree, messages that name the place and never the item, and they survive being sent."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest

import rivusio_core
from rivusio_core import errors
from rivusio_core.errors import (
    CompositionError,
    ConfigError,
    Fault,
    PipeError,
    RetriesExhausted,
    RivusioError,
    Transient,
    UnknownKindError,
    describe,
)

KINDS = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, RivusioError)]


def test_the_tree_is_as_drawn() -> None:
    drawing = re.search(r"```\n(.*?)```", errors.__doc__ or "", re.DOTALL)
    assert drawing
    drawn, path = dict[str, str](), list[tuple[int, str]]()
    for line in drawing[1].splitlines():
        names = re.match(r"^[│├└─ ]*((?:[A-Z]\w+(?:, |,$)?)+)", line)
        more = re.match(r"^[│├└─ ]*\w+ {2,}((?:[A-Z]\w+Error, |[A-Z]\w+, )*[A-Z]\w+,?)$", line)
        depth = len(line) - len(line.lstrip("│├└─ "))
        if depth > 20:  # the continuation of a list
            parent = path[-1][1]
            found = re.findall(r"\w+", line[depth:])
        else:
            while path and path[-1][0] >= depth:
                path.pop()
            parent = path[-1][1] if path else "Exception"
            assert names, line
            found = re.findall(r"\w+", names[1])
            path.append((depth, found[-1] if len(found) == 1 else found[0]))
        drawn |= dict.fromkeys(found, parent)
        if more and len(found) == 1:
            drawn |= dict.fromkeys(re.findall(r"\w+", more[1]), found[0])
    assert drawn == {kind.__name__: kind.__mro__[1].__name__ for kind in KINDS}


def test_all_are_public() -> None:
    names = {kind.__name__ for kind in KINDS}
    assert names | {"Fault", "describe"} >= set(errors.__all__) >= names
    assert names <= set(rivusio_core.__all__)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_is_sent_as_it_is(kind: type[RivusioError]) -> None:
    error = kind("what is wrong")
    names = [name for name, value in vars(error).items() if value in ("", None)]
    for name in names:
        vars(error)[name] = f"the {name}" if name != "cause" else ValueError("why")
    error.add_note("a note")
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(other) is kind
        assert str(other) == str(error)
        assert repr(other) == repr(error)
        assert {**vars(other), "cause": None} == {**vars(error), "cause": None}
        if isinstance(error, PipeError):
            assert repr(other.cause) == repr(other.__cause__) == "ValueError('why')"


def test_an_error_from_elsewhere_says_where_it_was_raised_after_being_sent() -> None:
    def parse() -> None:
        raise ValueError("4711")

    with pytest.raises(ValueError, match="4711") as caught:
        parse()
    error = RetriesExhausted(pipe="parse", position=3, attempts=2, cause=caught.value)
    message = str(error)
    assert re.fullmatch(
        r"pipe 'parse' failed on item 3 after 2 attempts: ValueError at test_errors.py:\d+ in parse", message
    )
    assert str(pickle.loads(pickle.dumps(error))) == message


class Unreadable(Exception):
    """Pickles, and cannot be read again."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first)


@pytest.mark.parametrize("cause", [Unreadable("a", "b"), ValueError(lambda: 0)], ids=["unreadable", "unpicklable"])
def test_a_cause_that_cannot_be_sent_is_left_behind(cause: Exception) -> None:
    sent = pickle.loads(pickle.dumps(PipeError(pipe="p", position=1, cause=cause)))
    assert sent.cause is None
    assert str(sent) == f"pipe 'p' failed on item 1: {type(cause).__name__}"


# -------------------------------------------------------------------------------------------------------- messages


def test_the_message_of_a_pipes_error() -> None:
    assert str(PipeError()) == "PipeError"
    assert str(Transient("busy")) == "busy"
    assert str(PipeError("busy", pipe="p")) == "pipe 'p' failed: busy"
    assert str(PipeError("busy", pipe="p", position=0)) == "pipe 'p' failed on item 0: busy"
    assert (
        str(PipeError("busy", pipe="p", position=7, attempts=3)) == "pipe 'p' failed on item 7 after 3 attempts: busy"
    )
    assert str(PipeError(pipe="p", cause=ValueError("4711"))) == "pipe 'p' failed: ValueError"
    assert str(PipeError(pipe="p", cause=Transient("busy"))) == "pipe 'p' failed: busy"


def test_describe_names_the_users_line() -> None:
    def inner() -> None:
        raise KeyError("4711")

    def outer() -> None:
        inner()

    try:
        outer()
    except KeyError as error:
        text = describe(error)
    assert re.fullmatch(r"KeyError at test_errors.py:\d+ in \w+", text)
    assert "4711" not in text


def test_a_configuration_lists_every_fault() -> None:
    one = ConfigError("rate: must be more than 0")
    assert str(one) == "rate: must be more than 0"
    assert one.faults == (Fault("rate: must be more than 0"),)
    two = ConfigError("Lookup", faults=[Fault("missing", "url"), Fault("too low", "rate", "a.toml:3")])
    assert str(two) == "Lookup\n  url: missing\n  a.toml:3: rate: too low"
    assert str(ConfigError(faults=[Fault("missing", "url")])) == "url: missing"
    assert isinstance(two, ValueError)


def test_attributes_of_the_others() -> None:
    error = CompositionError("no", left="a", right="b", gives="int", takes="str")
    assert (error.left, error.right, error.gives, error.takes) == ("a", "b", "int", "str")
    assert isinstance(error, TypeError)
    assert UnknownKindError("no", did_you_mean=iter(["x"])).did_you_mean == ("x",)
    assert Transient(retry_after=3).retry_after == 3
