"""The `rivusio` command as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import rivusio_core

SOURCES = str(Path(rivusio_core.__file__).parents[1])


class Command:
    """Runs the command in a folder; warnings are errors there too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path: list[str] = []

    def write(self, name: str, text: str) -> Path:
        """Write a file into the folder."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def environment(self, extra: dict[str, str]) -> dict[str, str]:
        """That of this process, without settings of its own."""
        found = {name: value for name, value in os.environ.items() if not name.startswith(("RIVUSIO", "NO_COLOR"))}
        return {**found, "PYTHONPATH": os.pathsep.join([*self.path, SOURCES]), **extra}

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[bytes]:
        """A running command with pipes for all three streams."""
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "rivusio_core", *arguments],
            cwd=self.folder,
            env=self.environment(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,  # else `readline` takes more than a line, which `communicate` never sees
        )

    def __call__(self, *arguments: str, stdin: str | bytes = b"", **environ: str) -> Done:
        """Run to the end."""
        process = self.start(*arguments, **environ)
        out, err = process.communicate(stdin.encode() if isinstance(stdin, str) else stdin, timeout=50)
        return Done(process.returncode, out.decode(), err.decode())


class Done:
    """What came of a command."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def __repr__(self) -> str:
        return f"exit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"
