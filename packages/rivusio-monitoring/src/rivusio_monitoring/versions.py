"""What is installed, for `/status` and the `rivusio_build_info` metric."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version

__all__ = ["versions"]


@cache
def versions() -> Mapping[str, str]:
    """Versions of Python and of the packages of Rivusio that are installed.

    Example:
        >>> versions()["python"].startswith("3.")
        True
    """
    found = {"python": platform.python_version()}
    for package in ("rivusio-core", "rivusio-streams", "rivusio-monitoring"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
