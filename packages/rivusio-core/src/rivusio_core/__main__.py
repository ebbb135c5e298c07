"""`python -m rivusio_core` is the `rivusio` command."""

from __future__ import annotations

from rivusio_core.cli.process import process

if __name__ == "__main__":
    process()
