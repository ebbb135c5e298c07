"""The contract of checkpoint stores as a check, for those who write one."""

from __future__ import annotations

from collections.abc import Callable

from rivusio_core.errors import CheckpointCorrupt, CheckpointError, CheckpointWriteError
from rivusio_streams.checkpoint.store import CheckpointStore

__all__ = ["check_store"]

_BLOBS = {"000000000001-whole": b"", "000000000002-changes": b"\0" * 100_000, "savepoint-A.b_c-1": bytes(range(256))}


def check_store(make: Callable[[], CheckpointStore]) -> None:
    """See whether a store does what `CheckpointStore` says.

    Args:
        make: gives a store at one and the same place each time, which is empty before the first.

    Raises:
        AssertionError: it does not, and in what.

    Example:
        >>> from rivusio_streams.checkpoint import MemoryStore
        >>> kept = MemoryStore()
        >>> check_store(lambda: kept)
    """
    store = make()
    store.open("orders")
    _expect([*store.names()] == [], "a new store has no blobs")
    for name, data in _BLOBS.items():
        store.put(name, data)
    _expect(sorted(store.names()) == sorted(_BLOBS), "names() gives the names that were put")
    for name, data in _BLOBS.items():
        _expect(store.get(name) == data, "get() gives what was put")
    _refuses(lambda: store.get("000000000009-whole"), CheckpointCorrupt, "get() of what is not there")
    _refuses(lambda: make().open("orders"), CheckpointWriteError, "a second run of a flow at the same time")
    _expect(store.get("000000000001-whole") == b"", "a second run that was refused does no harm")
    looking = make()
    if looking is not store:
        looking.open("orders", read_only=True)
        _expect(sorted(looking.names()) == sorted(_BLOBS), "it can be looked at while a run goes on")
        name = "savepoint-A.b_c-1"
        _expect(looking.get(name) == _BLOBS[name], "get() works where one only looks")
        looking.close()
        _refuses(lambda: make().open("orders"), CheckpointWriteError, "a second run after somebody looked")
    store.close()
    never = make()
    never.open("never/run", read_only=True)
    _expect([*never.names()] == [], "a flow that never ran has no blobs to look at")
    never.close()

    other = make()
    other.open("other/flow")
    _expect([*other.names()] == [], "flows are kept apart")
    other.put("000000000001-whole", b"other")
    other.close()

    again = make()
    again.open("orders")
    _expect(sorted(again.names()) == sorted(_BLOBS), "what was put is there for the next run")
    again.delete(["000000000001-whole", "000000000007-whole"])
    _expect(sorted(again.names()) == sorted(_BLOBS)[1:], "delete() deletes what is there, and nothing else")
    again.delete([*again.names()])
    _expect([*again.names()] == [], "everything can be deleted")
    again.close()

    last = make()
    last.open("other/flow")
    _expect(last.get("000000000001-whole") == b"other", "deleting in one flow leaves the others alone")
    last.delete(["000000000001-whole"])
    last.close()


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(f"the checkpoint store does not keep its contract: {what}")


def _refuses(call: Callable[[], object], error: type[CheckpointError], what: str) -> None:
    try:
        call()
    except error:
        return
    raise AssertionError(f"the checkpoint store does not keep its contract: {what} is to raise {error.__name__}")
