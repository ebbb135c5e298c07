"""State in RocksDB."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rivusio_core.errors import ConfigError, StateError
from rivusio_plugins_contrib.rocks import RocksSpill
from rivusio_streams import RunConfig, StateLimit, Stream

_key = st.binary(max_size=3)


@settings(max_examples=20)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("put"), _key, st.binary(max_size=300)),
            st.tuples(st.just("delete"), _key),
        ),
        max_size=60,
    )
)
def test_it_is_a_dict(operations: list[Any]) -> None:
    spill, wanted = RocksSpill(mkdtemp()).open("flow", "step"), dict[bytes, bytes]()
    for what, key, *value in operations:
        if what == "put":
            wanted[key] = value[0]
            spill.put(key, value[0])
        elif wanted.pop(key, None) is not None:
            spill.delete(key)
        assert spill.get(key) == wanted.get(key)
    assert sorted(spill) == sorted(wanted)
    spill.close()


def test_more_keys_than_memory_give_the_same_results(tmp_path: Path) -> None:
    def results(limit: StateLimit | None, checkpoint: Path | None) -> list[Any]:
        out = list[Any]()
        rows = [n * 7919 % 5_000 for n in range(20_000)]
        keyed = Stream.read(rows).key_by(lambda n: f"user {n}", limit=limit)
        report = keyed.scan(0, lambda count, _: count + 1).write(out).run(RunConfig(checkpoint=checkpoint))
        assert report.steps["scan"].forgotten == 0
        return out

    limit = StateLimit(keys=100, beyond=RocksSpill(tmp_path / "state"))
    assert results(limit, tmp_path / "checkpoints.db") == results(None, None)
    assert [*(tmp_path / "state").iterdir()] == []  # nothing is left of a run


KILLED = """
import os, sys
from rivusio_plugins_contrib.rocks import RocksSpill
spill = RocksSpill(sys.argv[1], cache="1MiB").open("flow", "a/b")
for n in range(20_000):
    spill.put(b"key %d" % n, b"x" * 100)
os._exit(9)
"""


def test_what_a_killed_run_left_is_not_read(tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False).returncode == 9
    [folder] = tmp_path.iterdir()
    assert sum(each.stat().st_size for each in folder.iterdir()) > 100_000
    spill = RocksSpill(tmp_path).open("flow", "a/b")
    assert spill.get(b"key 1") is None
    assert [*spill] == []
    spill.close()
    assert [*tmp_path.iterdir()] == []


def test_one_run_at_a_time(tmp_path: Path) -> None:
    spill = RocksSpill(tmp_path).open("flow", "step")
    with pytest.raises(StateError, match="another run has it"):
        RocksSpill(tmp_path).open("flow", "step")
    other = RocksSpill(tmp_path).open("flow", "other step")
    spill.put(b"key", b"value")
    assert (spill.get(b"key"), other.get(b"key")) == (b"value", None)
    spill.close()
    other.close()


def test_a_place_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    limit = StateLimit(keys=1, beyond=RocksSpill(tmp_path / "file"))
    with pytest.raises(StateError, match=r"file.*state cannot be kept there"):
        Stream.read([1, 2]).key_by(lambda n: n, limit=limit).distinct().write([]).run()


@pytest.mark.parametrize(("cache", "told"), [("much", "is no size"), (1_000, "must be 1 MiB or more")])
def test_mistakes_are_told_at_once(cache: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        RocksSpill("state", cache=cache)
