"""A disk that is full, without one: no file may grow beyond a size."""

from __future__ import annotations

import resource
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["file_limit"]


@contextmanager
def file_limit(size: int) -> Generator[None, None, None]:
    """Writing beyond `size` bytes of any file fails in this process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
