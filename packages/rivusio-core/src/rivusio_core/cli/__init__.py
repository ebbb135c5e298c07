"""The `rivusio` command: `run`, `check`, `graph`, `plugins`; also `python -m rivusio_core`.

One file a command; argparse, because a command should answer at once.
"""

from rivusio_core.cli.main import main

__all__ = ["main"]
