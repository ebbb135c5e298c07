"""From what a setting says to a store."""

from __future__ import annotations

import re
from pathlib import Path

from rivusio_core.errors import ConfigError, Fault, UnknownKindError
from rivusio_core.plugins import installed
from rivusio_streams.checkpoint.folder import FolderStore
from rivusio_streams.checkpoint.memory import MemoryStore
from rivusio_streams.checkpoint.sqlite import SqliteStore
from rivusio_streams.checkpoint.store import CheckpointStore

__all__ = ["store_at"]

_PLUGINS = {"postgresql": "postgres"}
"""The scheme of a URL names the plugin, but for these."""
_URL = re.compile(r"([a-z][a-z0-9+.-]+):(?![\\/]?$)(.*)", re.DOTALL)


def store_at(place: str | Path | CheckpointStore) -> CheckpointStore:
    """The checkpoint store at a place.

    Args:
        place: the path of a SQLite file, or of a folder if it is one or ends with `/`; `sqlite:PATH`, `folder:PATH`,
            `memory:` (gone with the process); a URL whose scheme is the name of a plugin that registers the
            `checkpoint_store` `checkpoints` (`postgresql://...`, `s3://...`); a store.

    Raises:
        ConfigError: no plugin has a store for this scheme.
    """
    if isinstance(place, CheckpointStore):
        return place
    text = str(place)
    match = _URL.fullmatch(text) if isinstance(place, str) else None
    if text == "memory:":
        return MemoryStore()
    if match is None or len(match[1]) == 1:  # a letter of a Windows drive
        return FolderStore(text) if text.endswith(("/", "\\")) or Path(text).is_dir() else SqliteStore(text)
    scheme, rest = match[1], match[2]
    if scheme == "sqlite":
        return SqliteStore(rest.removeprefix("//"))
    if scheme == "folder":
        return FolderStore(rest.removeprefix("//"))
    return _plugins_store(scheme, text)


def _plugins_store(scheme: str, url: str) -> CheckpointStore:
    try:
        kind = installed().registry.of_class(
            "checkpoint_store",
            f"{_PLUGINS.get(scheme, scheme)}.checkpoints",
            CheckpointStore,  # type: ignore[type-abstract]  # classes derived from it
        )
    except UnknownKindError as error:
        message = f"nothing installed keeps checkpoints at {scheme}:...; take the path of a file, or install the plugin"
        raise ConfigError(faults=[Fault(message, "checkpoint")]) from error
    return kind.at(url)
