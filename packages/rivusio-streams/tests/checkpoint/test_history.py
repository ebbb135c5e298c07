"""The checkpoints of a flow: whatever is damaged or lost, an older good one is found, or the start is refused."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rivusio_core.errors import CheckpointCorrupt, CheckpointWriteError
from rivusio_streams.checkpoint.history import History
from rivusio_streams.checkpoint.memory import MemoryStore
from rivusio_streams.checkpoint.record import Record, StepState, merged, seal, unseal

Cells = Mapping[bytes, bytes | None]


def record(number: int, cells: Cells, base: int | None = None, *, ended: bool = False) -> Record:
    return Record("orders", number, base, at=0, ended=ended, steps={"count": StepState(b"%d" % number, {**cells})})


def opened() -> MemoryStore:
    store = MemoryStore()
    store.open("orders")
    return store


def write(history: History, changes: list[Cells]) -> list[dict[bytes, bytes]]:
    """Put them one after the other; gives what all of them make together, after each."""
    now, after = dict[bytes, bytes](), list[dict[bytes, bytes]]()
    for cells in changes:
        history.put(record(history.next, cells, history.base))
        for key, value in cells.items():
            if value is None:
                now.pop(key, None)
            else:
                now[key] = value
        after.append({**now})
    return after


keys = st.sampled_from([b"a", b"b", b"c", b"d"])
changes = st.lists(st.dictionaries(keys, st.none() | st.binary(max_size=3)), min_size=1, max_size=12)


@given(changes)
def test_changes_make_up_the_whole_in_its_order(changes: list[Cells]) -> None:
    store = opened()
    after = write(History(store), changes)
    found = History(store).latest()
    assert found is not None
    state = found.record.steps["count"]
    assert [*state.cells.items()] == [*after[-1].items()]
    assert (state.header, found.record.number, found.damaged) == (b"%d" % len(changes), len(changes), ())


@given(changes, st.data())
def test_a_damaged_one_gives_way_to_the_one_before(changes: list[Cells], data: st.DataObject) -> None:
    store = opened()
    after = write(History(store), changes)
    name = data.draw(st.sampled_from(sorted(store.names())))
    blob = bytearray(store.blobs["orders"][name])
    how = data.draw(st.sampled_from(["cut", "flip", "gone"]))
    place = data.draw(st.integers(0, len(blob) - 1))
    if how == "gone":
        store.delete([name])
    elif how == "cut":
        store.blobs["orders"][name] = bytes(blob[:place])
    else:
        blob[place] ^= 1 << data.draw(st.integers(0, 7))
        store.blobs["orders"][name] = bytes(blob)
    number = int(name.split("-")[0])
    if number == 1 and how != "gone":
        with pytest.raises(CheckpointCorrupt, match="no checkpoint can be used"):
            History(store).latest()
        return
    if number == 1 and len(changes) > 1:
        with pytest.raises(CheckpointCorrupt, match="missing"):
            History(store).latest()
        return
    found = History(store).latest()
    if number == 1:
        assert found is None  # the only one is gone without a trace
        return
    assert found is not None
    assert found.record.number == number - 1
    assert dict(found.record.steps["count"].cells) == after[number - 2]
    if how != "gone" or number < len(changes):
        assert any(str(number) in each for each in found.damaged)


def test_every_byte_and_every_length_counts() -> None:
    data = seal(record(1, {b"key": b"value"}))
    assert seal(unseal(data, "it")) == data
    for place in range(len(data)):
        for bit in range(8):
            broken = bytearray(data)
            broken[place] ^= 1 << bit
            with pytest.raises(CheckpointCorrupt, match="it "):
                unseal(bytes(broken), "it")
        with pytest.raises(CheckpointCorrupt, match="it "):
            unseal(data[:place], "it")
    with pytest.raises(CheckpointCorrupt, match="damaged"):
        unseal(data + b"\0", "it")


def test_a_number_is_never_used_twice() -> None:
    store = opened()
    write(History(store), [{b"a": b"1"}, {b"a": b"2"}, {b"a": b"3"}])
    store.blobs["orders"]["000000000003-changes"] = b"broken"
    history = History(store)
    found = history.latest()
    assert found is not None
    assert found.record.number == 2
    history.go_on_from(found.record)
    assert (history.next, history.base) == (4, 2)
    history.put(record(4, {b"b": b"4"}, 2))
    again = History(store).latest()
    assert again is not None
    assert dict(again.record.steps["count"].cells) == {b"a": b"2", b"b": b"4"}


def test_old_ones_are_thrown_away_and_two_whole_ones_stay() -> None:
    store = opened()
    history = History(store)
    history.put(record(1, {b"%d" % index: b"x" * 100 for index in range(1_000)}))
    for number in range(2, 3_000):
        history.put(record(number, {b"%d" % (number % 1_000): b"y" * 100}, number - 1))
    names = [*store.names()]
    assert len([name for name in names if name.endswith("whole")]) == 2
    assert len(names) < 250
    assert sum(map(len, store.blobs["orders"].values())) < 1_000_000
    found = History(store).latest()
    assert found is not None
    assert len(found.record.steps["count"].cells) == 1_000


def test_a_damaged_whole_one_is_gone_round() -> None:
    store = opened()
    history = History(store)
    history.put(record(1, {b"a": b"x" * 10}))
    for number in range(2, 150):
        history.put(record(number, {b"%d" % number: b"y" * 1_000}, number - 1))
    whole = sorted(name for name in store.names() if name.endswith("whole"))
    store.blobs["orders"][whole[-1]] = b"broken"
    found = History(store).latest()
    assert found is not None
    assert (found.record.number, len(found.record.steps["count"].cells)) == (149, 149)


def test_what_fails_while_tidying_up_is_no_failure_of_the_checkpoint(caplog: pytest.LogCaptureFixture) -> None:
    class Stubborn(MemoryStore):
        def delete(self, names: object) -> None:
            raise CheckpointWriteError("memory: deleting failed")

    store = Stubborn()
    store.open("orders")
    history = History(store, kept=1)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            history.put(record(history.next, {}, None))
    assert "tidying up" in caplog.text
    found = History(store).latest()
    assert found is not None
    assert found.record.number == 3


def test_the_end_has_no_state() -> None:
    first = record(1, {b"a": b"1"})
    last = Record("orders", 2, 1, at=0, ended=True, steps={"read": StepState(b"9", {})})
    assert merged([first, last]).steps == {"read": StepState(b"9", {})}


def test_savepoints_have_names_of_their_own() -> None:
    store = opened()
    history = History(store)
    history.put(record(1, {b"a": b"1"}))
    history.save("before-v2", history.at(1))
    history.put(record(2, {b"a": b"2"}, 1))
    assert History(store).savepoints() == ["before-v2"]
    assert dict(History(store).savepoint("before-v2").steps["count"].cells) == {b"a": b"1"}
    with pytest.raises(CheckpointWriteError, match="already"):
        history.save("before-v2", history.at(2))
    for name in ("", "../up", "a b", "-x", "x" * 200):
        with pytest.raises(CheckpointWriteError, match="cannot name"):
            history.save(name, history.at(2))
    with pytest.raises(CheckpointCorrupt, match="there is before-v2"):
        history.savepoint("before-v3")
    assert history.reset() == 2
    assert [*store.names()] == ["savepoint-before-v2"]
    assert history.reset(savepoints=True) == 1
