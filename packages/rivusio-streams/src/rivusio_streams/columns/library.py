"""The library that columns are made with, imported when it is needed: that takes longer than all of Rivusio."""

from __future__ import annotations

from rivusio_core.errors import ConfigError

__all__ = ["check_library"]


def check_library() -> None:
    """Have a missing library told as what it is.

    Raises:
        ConfigError: `polars` is not installed.
    """
    try:
        import polars  # noqa: F401  # only whether it is there
    except ImportError as error:
        raise ConfigError("columns need polars: pip install 'rivusio-streams[columns]'") from error
