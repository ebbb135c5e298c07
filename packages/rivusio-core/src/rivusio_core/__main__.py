"""`python -m rivusio_core` is the `rivusio` command."""

from __future__ import annotations

import sys

from rivusio_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
