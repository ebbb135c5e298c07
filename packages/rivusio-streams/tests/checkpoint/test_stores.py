"""Checkpoint stores: the contract, held by each of them; third-party stores are checked by the very same."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from file_limit import file_limit

from rivusio_core.errors import CheckpointCorrupt, CheckpointWriteError, ConfigError
from rivusio_streams.checkpoint import CheckpointStore, FolderStore, MemoryStore, SqliteStore, store_at
from rivusio_streams.testing import check_store


@pytest.fixture(params=["folder", "sqlite", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], CheckpointStore]:
    """Makes stores of one kind at one and the same place."""
    kept = MemoryStore()
    makers: dict[str, Callable[[], CheckpointStore]] = {
        "folder": lambda: FolderStore(tmp_path / "checkpoints"),
        "sqlite": lambda: SqliteStore(tmp_path / "checkpoints.db"),
        "memory": lambda: kept,
    }
    return makers[request.param]


def test_every_store_keeps_the_contract(store: Callable[[], CheckpointStore]) -> None:
    check_store(store)


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder, file = FolderStore(tmp_path / "checkpoints"), SqliteStore(tmp_path / "checkpoints.db")
    for each in (folder, file):
        each.open("orders/eu")
        each.put("1", b"secret")
        each.close()
    files = [Path(at) / name for at, _, names in os.walk(tmp_path) for name in names]
    assert len(files) >= 3
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}


def test_names_of_flows_cannot_leave_the_folder(tmp_path: Path) -> None:
    inside = tmp_path / "checkpoints"
    for flow in ("../../up", "/root", "a/b", "a\0b", "..", "", "x" * 500):
        store = FolderStore(inside)
        store.open(flow)
        store.put("1", flow.encode())
        assert store.get("1") == flow.encode()
        store.close()
    assert [*tmp_path.iterdir()] == [inside]


def test_a_full_disk_leaves_what_there_was(tmp_path: Path) -> None:
    for store in (FolderStore(tmp_path / "checkpoints"), SqliteStore(tmp_path / "checkpoints.db")):
        store.open("orders")
        store.put("1", b"x" * 1_000)
        with file_limit(1_000_000), pytest.raises(CheckpointWriteError, match="checkpoints"):
            store.put("2", os.urandom(2_000_000))
        assert [*store.names()] == ["1"]
        assert store.get("1") == b"x" * 1_000
        store.put("3", b"y")
        store.close()


def test_what_cannot_be_opened_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for store in (FolderStore(tmp_path / "file"), SqliteStore(tmp_path / "missing" / "checkpoints.db")):
        with pytest.raises(CheckpointWriteError, match="cannot be written"):
            store.open("orders")
        store.close()
    (tmp_path / "text.db").write_text("no database at all, but long enough to be looked at " * 99)
    broken = SqliteStore(tmp_path / "text.db")
    with pytest.raises(CheckpointWriteError, match="not a database"):
        broken.open("orders")
    broken.close()


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("state.db", SqliteStore),
        (Path("state.db"), SqliteStore),
        ("state", SqliteStore),
        ("state/", FolderStore),
        ("sqlite:state.db", SqliteStore),
        ("sqlite:///state.db", SqliteStore),
        ("folder:state", FolderStore),
        ("memory:", MemoryStore),
        ("C:/state.db", SqliteStore),
    ],
)
def test_a_place_says_which_store(place: str | Path, kind: type[CheckpointStore]) -> None:
    assert type(store_at(place)) is kind


def test_an_existing_folder_is_one(tmp_path: Path) -> None:
    assert isinstance(store_at(tmp_path), FolderStore)
    store = MemoryStore()
    assert store_at(store) is store


def test_an_unknown_scheme_is_an_error() -> None:
    with pytest.raises(ConfigError, match="gopher"):
        store_at("gopher://host/path")


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "checkpoints")
    store.open("orders")
    with pytest.raises(CheckpointCorrupt, match="1"):
        store.get("1")
    store.close()
