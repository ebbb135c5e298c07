"""An environment for each contender that is not of this repository: a virtual one, kept until its requirements change."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["REQUIREMENTS", "interpreter"]

ROOT = Path(__file__).resolve().parents[1]
_FOLDER = ROOT / ".cache" / "bench"
_EVERYBODY = ["pydantic>=2"]
"""What the functions that are measured need."""

REQUIREMENTS = {
    "aiostream": ["aiostream"],
    "beam": ["apache-beam"],
    "bytewax": ["bytewax"],
    "faust": ["faust-streaming"],
    "pathway": ["pathway"],
    "pypeln": ["pypeln", "setuptools<80"],  # it imports pkg_resources
    "quixstreams": ["quixstreams"],
    "reactivex": ["reactivex"],
    "rivusio_0_2": ["rivusio==0.2.0"],
    "streamable": ["streamable"],
    "streamz": ["streamz"],
}
"""By contender: what its environment is made of."""


def interpreter(name: str) -> Path:
    """The Python of a contender; its environment is made if it is not there.

    Raises:
        RuntimeError: it cannot be made; with the last line that the installer said.
    """
    wanted = [*_EVERYBODY, *REQUIREMENTS[name]]
    folder = _FOLDER / f"{name}-{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    made = folder / "requirements.txt"
    if made.exists() and made.read_text().split("\n") == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    uv = shutil.which("uv")
    if uv is None:
        _call(sys.executable, "-m", "venv", str(folder))
        _call(str(python), "-m", "pip", "install", "--quiet", *wanted)
    else:
        _call(uv, "venv", "--quiet", "--python", sys.executable, str(folder))
        _call(uv, "pip", "install", "--quiet", "--python", str(python), *wanted)
    made.write_text("\n".join(wanted))
    return python


def _call(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no message"])[-1][:300])
