"""Which event loop runs here."""

from __future__ import annotations

import asyncio
import sys
from typing import Literal

__all__ = ["running_loop"]


def running_loop() -> Literal["asyncio", "trio"] | None:
    """The library whose event loop runs the calling code; None where none does.

    Example:
        >>> running_loop() is None
        True
    """
    trio = sys.modules.get("trio")
    if trio is not None:
        try:
            trio.lowlevel.current_task()
        except RuntimeError:
            pass
        else:
            return "trio"
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return None
    return "asyncio"
