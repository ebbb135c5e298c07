"""Every Python block in README and docs runs, each document in a process-wide fresh namespace and an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "packages").glob("*/README.md")),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_code_in_a_document_runs(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    parsed = Sybil([PythonCodeBlockParser()], path=str(document.parent), filenames=[document.name]).parse(document)
    examples = list(parsed.examples())
    for example in examples:
        example.evaluate()
    capsys.readouterr()
    assert len(examples) == document.read_text().count("```python\n"), "a block was not recognised"


def test_there_are_documents_with_code() -> None:
    assert sum(document.read_text().count("```python\n") for document in DOCUMENTS) > 20
