"""Check that mypy and pyright refuse exactly the marked lines of rejects.py, and nothing in accepts.py.

A line that a checker must refuse ends in a comment with the expected codes of each checker:

    bad = parse >> shout  # mypy: operator; pyright: reportOperatorIssue
    worse = f(1, k=2)     # mypy: arg-type, call-arg; pyright: reportCallIssue
    odd: int = g()        # mypy: -; pyright: reportAssignmentType

`-` means that this checker passes the line; both checkers are always named. The mark stands on the line that the
checker reports, which for a statement over several lines is the line of the offending part.

    python check_rejects.py [FOLDER]

FOLDER holds both files and a pyrightconfig.json that includes them; it is this folder if none is named.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHECKERS = ("mypy", "pyright")
MARK = re.compile(r"#\s*mypy:\s*(?P<mypy>[^;#]+);\s*pyright:\s*(?P<pyright>[^;#]+?)\s*$")

Codes = dict[int, set[str]]
"""Line number to the codes reported or expected there."""


def expected(path: Path) -> dict[str, Codes]:
    """The marks of a file, for each checker. Raises ValueError on a comment that looks like a mark and is none."""
    marks: dict[str, Codes] = {checker: {} for checker in CHECKERS}
    with path.open("rb") as file:
        comments = [token for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT]
    for comment in comments:
        line = comment.start[0]
        found = MARK.match(comment.string)
        if found is None:
            if re.search(r"\b(mypy|pyright)\s*:", comment.string):
                raise ValueError(f"{path}:{line}: not a mark (# mypy: CODES; pyright: RULES): {comment.string}")
            continue
        for checker in CHECKERS:
            codes = {code.strip() for code in found[checker].split(",")} - {"-"}
            if codes:
                marks[checker][line] = codes
    return marks


def _run(*command: str) -> str:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 1}:
        raise RuntimeError(f"{' '.join(command)} broke down:\n{done.stdout}{done.stderr}")
    return done.stdout


def _mypy(paths: list[Path]) -> Iterator[tuple[Path, int, str, str]]:
    options = ("--config-file", "pyproject.toml", "--strict", "--output", "json")
    for line in _run("mypy", *options, *map(str, paths)).splitlines():
        if not line.startswith("{"):
            continue
        found = json.loads(line)
        if found["severity"] == "error":
            yield (ROOT / found["file"]).resolve(), found["line"], found["code"] or "?", found["message"]


def _pyright(paths: list[Path]) -> Iterator[tuple[Path, int, str, str]]:
    options = ("--outputjson", "--pythonpath", sys.executable, "--project", str(paths[0].parent))
    report = json.loads(_run("pyright", *options))
    if report["summary"]["filesAnalyzed"] != len(paths):
        raise RuntimeError(f"pyright looked at {report['summary']['filesAnalyzed']} files, not {len(paths)}")
    for found in report["generalDiagnostics"]:
        if found["severity"] == "error":
            line = found["range"]["start"]["line"] + 1
            yield Path(found["file"]).resolve(), line, found.get("rule", "?"), found["message"]


def faults(folder: Path) -> list[str]:
    """What differs between the marks and the reports, one text a fault."""
    paths = [folder / "accepts.py", folder / "rejects.py"]
    wanted = {path: expected(path) for path in paths}
    if wanted[paths[0]] != {checker: {} for checker in CHECKERS}:
        return [f"{paths[0]}: a mark in the file of what is accepted"]
    if not all(wanted[paths[1]].values()):
        return [f"{paths[1]}: no line is marked for each checker"]
    result: list[str] = []
    for checker, run in zip(CHECKERS, (_mypy, _pyright), strict=True):
        reported: dict[Path, Codes] = defaultdict(lambda: defaultdict(set))
        messages: dict[tuple[Path, int], list[str]] = defaultdict(list)
        for path, line, code, message in run(paths):
            reported[path][line].add(code)
            messages[path, line].append(f"{code}: {message}")
        for path in sorted({*paths, *reported}):
            marks = wanted[path][checker] if path in wanted else {}
            for line in sorted({*marks, *reported[path]}):
                want, got = marks.get(line, set()), reported[path].get(line, set())
                if want != got:
                    said = "".join(f"\n    {message}" for message in messages[path, line])
                    result.append(f"{path}:{line}: {checker}: marked {_show(want)}, reported {_show(got)}{said}")
    return result


def _show(codes: set[str]) -> str:
    return ", ".join(sorted(codes)) or "nothing"


def main() -> int:
    """Print the faults. Gives 0 when there is none, otherwise 1."""
    folder = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else Path(__file__).resolve().parent
    found = faults(folder)
    for fault in found:
        print(fault)
    marks = expected(folder / "rejects.py")
    counts = ", ".join(f"{len(marks[checker])} for {checker}" for checker in CHECKERS)
    print(f"{len(found)} faults; lines marked: {counts}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
