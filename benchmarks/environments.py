"""An environment for each peer, under .cache/bench: they do not agree on versions. Made once, with uv."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["PEERS", "CannotInstall", "environment"]

PEERS = {
    "bytewax": ("bytewax==0.21.1",),
    "quixstreams": ("quixstreams==3.28.1",),
    "streamable": ("streamable==2.0.0",),
    "aiostream": ("aiostream==0.8.1",),
    "streamz": ("streamz==0.6.6",),
    "reactivex": ("reactivex==6.1.0",),
    "faust": ("faust-streaming==0.15.3",),
    "beam": ("apache-beam==2.77.0",),
    "pathway": ("pathway==0.33.0",),
    "pypeln": ("pypeln==0.4.9", "setuptools<81"),
    "rivusio02": ("rivusio==0.2.0",),
}
"""What is installed for each, by the name of its adapter in `peers`.

pypeln imports pkg_resources without asking for it.
"""

SHARED = ("pydantic>=2", "anyio>=4")
"""What the functions of the workloads need."""

CACHE = Path(__file__).parents[1] / ".cache" / "bench"


class CannotInstall(Exception):
    """With what the installer said."""


def environment(name: str) -> Path:
    """The Python of a peer's environment, made now if need be.

    Raises:
        CannotInstall: the installer refused, on this Python or at all.
    """
    folder = CACHE / name
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    wanted = "\n".join((*PEERS[name], *SHARED, sys.version))
    stamp = folder / "requirements.txt"
    if stamp.is_file() and stamp.read_text() == wanted and python.exists():
        return python
    uv = shutil.which("uv")
    if uv is None:
        raise CannotInstall("the program uv is not there: pip install uv")
    shutil.rmtree(folder, ignore_errors=True)
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--quiet", "--python", str(python), *PEERS[name], *SHARED],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotInstall(done.stderr.strip()[-2_000:])
    stamp.write_text(wanted)
    return python
