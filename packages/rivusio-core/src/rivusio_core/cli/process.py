"""The command as a process of its own: what it ends with."""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import suppress
from typing import NoReturn

from rivusio_core.cli.main import main

__all__ = ["process"]

_PATIENCE = 1.0
"""Seconds for threads that are about to end."""


def process() -> NoReturn:
    """Run the command, and end the process with its exit code.

    Python waits for all threads before it ends. One that hangs in a call of a source or sink, which was named by then,
    would keep the process for ever.
    """
    code = main()
    others = [each for each in threading.enumerate() if not each.daemon and each is not threading.current_thread()]
    for each in others:
        each.join(_PATIENCE / len(others))
    if any(each.is_alive() for each in others):
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # nobody reads it, or it is closed
                stream.flush()
        os._exit(code)
    sys.exit(code)
