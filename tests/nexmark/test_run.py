"""The command: it must notice what is wrong."""

import pytest
from nexmark.events import Timeline, generate
from nexmark.ours import answer
from nexmark.run import main, outcome
from nexmark.sql import Database

BOUND = 5_000_000


def test_a_late_item_is_no_answer():
    events = list(generate(1, 2_000, Timeline(out_of_order=BOUND)))
    with pytest.raises(RuntimeError, match=r"q12: [1-9][0-9]* items were late"):
        answer("q12", events, BOUND // 4)


def test_rows_that_differ_are_counted():
    events = list(generate(1, 2_000))
    with Database(events[:-1]) as less, Database([*events, events[-1]]) as more:
        found = outcome("q0", events, 0, less)
        assert (found.rows, found.missing, found.extra, found.equal) == (1_840, 0, 1, False)
        found = outcome("q0", events, 0, more)
        assert (found.rows, found.missing, found.extra, found.equal) == (1_840, 1, 0, False)


def test_the_command_prints_a_table(capsys):
    assert main(["--events", "2000", "--seeds", "3", "4", "--only", "q0", "q2", "--out-of-order", "0.5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["seed", "query", "q0", "q2"] * 2
    assert lines[2].split()[1:3] == ["1,840", "yes"]


def test_the_command_fails_where_an_answer_does(capsys, monkeypatch):
    right = Database.rows
    monkeypatch.setattr(Database, "rows", lambda self, name: [*right(self, name), (0,)])
    assert main(["--events", "500", "--only", "q0"]) == 1
    assert "-1 +0" in capsys.readouterr().out
