"""Do the tests of windows find bugs? Plants each of `mutations` into a copy of the sources and runs them.

Prints what was found, and ends with 1 if a bug was not. Words given choose the mutations whose names hold one of them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from mutations import MUTATIONS, Mutation

import rivusio_streams

TESTS = Path(__file__).parent.parent
SOURCES = Path(rivusio_streams.__file__).parent
FILES = (
    "test_sharded.py",
    "test_time_traps.py",
    "test_windows.py",
    "test_chunk_folds.py",
    "test_fused.py",
    "test_window_kinds.py",
    "test_event_time.py",
    "test_harness.py",
    "test_window_oracle.py",
    "test_cells.py",
    "test_running.py",
    "test_process_state.py",
    "test_process_oracle.py",
    "test_state_limits.py",
    "test_joins.py",
    "test_join_chunks.py",
    "test_join_oracle.py",
    "test_division.py",
    "test_error_budget.py",
    "test_error_report.py",
    "test_error_traps.py",
)
NEAREST = {
    "session.py": ("test_window_oracle.py", "sessions"),
    "sliding.py": ("test_window_oracle.py", "sliding"),
    "everything.py": ("test_window_oracle.py", "global"),
    "counted.py": ("test_window_oracle.py", "count"),
    "hopping.py": ("test_window_oracle.py", "hopping"),
    "gridded.py": ("test_chunk_folds.py", ""),
    "tumbling.py": ("test_chunk_folds.py", ""),
    "folding.py": ("test_chunk_folds.py", ""),
    "aggregate.py": ("test_chunk_folds.py", ""),
    "marks.py": ("test_chunk_folds.py", ""),
    "runs.py": ("test_chunk_folds.py", ""),
    "fused_windows.py": ("test_fused.py", "windows"),
    "timed_folding.py": ("test_fused.py", "windows"),
    "early.py": ("test_window_oracle.py", "sessions or tumbling"),
    "process.py": ("test_process_oracle.py", ""),
    "running.py": ("test_running.py", ""),
    "forgetting.py": ("test_cells.py", ""),
    "distinct.py": ("test_running.py", ""),
    "bounded.py": ("test_state_limits.py", ""),
    "meter.py": ("test_state_limits.py", ""),
    "interval_join.py": ("test_join_oracle.py", "interval"),
    "asof_join.py": ("test_join_oracle.py", "asof or table"),
    "arrival_join.py": ("test_joins.py", "arrival"),
    "window_join.py": ("test_join_oracle.py", "window"),
    "tumbling_join.py": ("test_cells.py", "window"),
    "join.py": ("test_join_chunks.py", ""),
    "timeline.py": ("test_join_oracle.py", "interval"),
    "division.py": ("test_division.py", ""),
    "sink_stage.py": ("test_division.py", ""),
    "writer.py": ("test_division.py", ""),
    "csv.py": ("test_division.py", ""),
    "spending.py": ("test_error_budget.py", ""),
    "failures.py": ("test_error_report.py", ""),
}
"""What is asked first, by the file with the bug: usually it finds it."""

CASES = "200"
"""Of each property; the same ones in each run."""

PASSED, FAILED = 0, 1
"""Exit codes of pytest; others say that it could not do its work."""


def planted(mutation: Mutation, sources: Path) -> None:
    """Change the copy of the sources.

    Raises:
        SystemExit: the old text is not there exactly once.
    """
    path = sources / mutation.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutation.old) != 1:
        sys.exit(f"{mutation.name}: {mutation.old!r} stands {text.count(mutation.old)} times in {mutation.file}")
    path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")


def verdict(mutation: Mutation) -> tuple[int, str]:
    """The tests with this bug: exit code, and the first test that failed."""
    file, words = NEAREST.get(Path(mutation.file).name, ("test_window_oracle.py", "tumbling"))
    code, told = run(mutation, file, "-k", words)
    return run(mutation, *FILES) if code == PASSED else (code, told)


def run(mutation: Mutation | None, *tests: str) -> tuple[int, str]:
    """Some tests with this bug, None: with none."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "rivusio_streams"
        shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("__pycache__"))
        if mutation is not None:
            planted(mutation, copy)
        path = os.pathsep.join([folder, *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {**os.environ, "PYTHONPATH": path, "WINDOW_CASES": CASES, "PYTHONDONTWRITEBYTECODE": "1"}
        settings = ["-o", f"pythonpath={TESTS}", "--import-mode=importlib", "-p", "no:cacheprovider"]
        hypothesis = ["--hypothesis-seed=0", "--hypothesis-profile=mutations"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-xq", "--timeout=300", *settings, *hypothesis, *tests],
            cwd=TESTS,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    failed = [line.split(" - ")[0].split("::")[-1] for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    return done.returncode, failed[0] if failed else done.stdout[-2000:] + done.stderr[-2000:]


def main(words: list[str]) -> int:
    """Run them all."""
    code, told = run(None, *FILES)
    if code != PASSED:
        print(f"the tests fail without any bug: {told}")
        return 1
    chosen = [each for each in MUTATIONS if not words or any(word in each.name for word in words)]
    survived = 0
    for mutation in chosen:
        began = time.monotonic()
        code, told = verdict(mutation)
        seconds = time.monotonic() - began
        word = {PASSED: "SURVIVED", FAILED: "caught"}.get(code, "BROKEN")
        survived += code != FAILED
        by = f"  by {told}" if code == FAILED else f"\n{told}" if word == "BROKEN" else ""
        print(f"{word:<9} {seconds:4.0f} s  {mutation.name} ({mutation.file}){by}", flush=True)
    print(f"{len(chosen) - survived} of {len(chosen)} caught")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
