"""Which event loop runs here."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Literal

__all__ = ["calling_in_loop", "running_loop"]


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


def calling_in_loop() -> Callable[[Callable[[], None]], object]:
    """How any thread has something called in the event loop that runs here; it raises RuntimeError once that is over.

    Example:
        >>> async def main() -> None:
        ...     done = asyncio.Event()
        ...     call = calling_in_loop()
        ...     await asyncio.to_thread(call, done.set)
        ...     await done.wait()
        >>> asyncio.run(main())
    """
    if running_loop() == "trio":
        call: Callable[[Callable[[], None]], object] = sys.modules["trio"].lowlevel.current_trio_token().run_sync_soon
        return call
    return asyncio.get_running_loop().call_soon_threadsafe
