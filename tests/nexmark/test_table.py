"""The table of the documentation is the one that the queries give."""

from pathlib import Path

from nexmark.table import queries, reached, table

ROOT = Path(__file__).parents[2]


def test_the_documentation_has_the_table():
    assert table() in (ROOT / "docs" / "nexmark.md").read_text(), "run python benchmarks/nexmark/table.py"


def test_lines_are_those_that_hold_code():
    found = queries()
    assert found["q0"].lines == 2
    shared = {part.name for part in reached(found["q9"])}
    assert {"q9", "winning", "Winning", "auction_row", "is_no_person"} <= shared
    assert "meet" not in shared
