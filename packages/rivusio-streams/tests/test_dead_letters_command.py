"""`rivusio dead-letters`."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from rivusio_core.cli import main

Told = Callable[..., tuple[int, str, str]]

FLOW = """
    from pathlib import Path
    from rivusio_core import BadRecord
    from rivusio_streams import JsonLines, Stream

    here = Path(__file__).parent

    def price(item: dict[str, int]) -> int:
        if item["id"] in (2, 3) and not (here / "mended").exists():
            raise BadRecord(f"no price for {item['id']}")
        return item["id"] * 10

    def half(price: int) -> int:
        if price == 40 and not (here / "mended").exists():
            raise ValueError("secret")
        return price // 2

    flow = (
        Stream.read(JsonLines(here / "in.jsonl", dict[str, int]))
        .map(price).map(half, on_error="dead_letter")
        .write(JsonLines(here / "out.jsonl", int, append=True)).named("shop")
    )
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rivusio.toml").write_text('dead_letters = "dead.jsonl"\n')
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"id": n}) + "\n" for n in range(1, 6)))
    (tmp_path / "shop.py").write_text(textwrap.dedent(FLOW))
    return tmp_path


@pytest.fixture
def rivusio(capsys: pytest.CaptureFixture[str], project: Path) -> Told:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        told = capsys.readouterr()
        return code, told.out, told.err

    assert call("run", "shop.py:flow")[0] == 0
    return call


def groups(rivusio: Told) -> list[dict[str, object]]:
    code, out, _ = rivusio("dead-letters", "list", "dead.jsonl", "--json")
    assert code == 0
    found: list[dict[str, object]] = json.loads(out)["groups"]
    return found


def test_list_groups_by_what_failed(rivusio: Told) -> None:
    first, second = groups(rivusio)
    assert (first["step"], first["error"], first["count"], first["example"]) == (
        "price",
        "BadRecord",
        2,
        "no price for 2",
    )
    assert (second["step"], second["error"], second["count"]) == ("half", "ValueError", 1)
    code, out, _ = rivusio("dead-letters", "list", "dead.jsonl")
    assert code == 0
    assert "shop.py:10 in price" in out
    assert "secret" not in out


def test_show_tells_the_whole_chain_and_the_item_on_request(rivusio: Told) -> None:
    name = str(groups(rivusio)[1]["fingerprint"])
    code, out, _ = rivusio("dead-letters", "show", "dead.jsonl", name[:6])
    assert code == 0
    assert "PipeError" in out
    assert "ValueError at shop.py:15 in half" in out
    assert "in.jsonl" in out
    assert "value" not in out.replace("--show-values", "").replace("ValueError", "")
    code, out, _ = rivusio("dead-letters", "show", "dead.jsonl", "2", "--show-values", "--json")
    assert json.loads(out)["value"] == {"id": 3}
    code, _, err = rivusio("dead-letters", "show", "dead.jsonl", "nothing")
    assert code == 2
    assert "has no letter nothing" in err


def test_replay_tries_again_and_takes_out_what_passes(rivusio: Told, project: Path) -> None:
    code, out, _ = rivusio("dead-letters", "replay", "shop.py:flow", "dead.jsonl", "--dry-run", "--json")
    assert (code, json.loads(out)["would_enter"]) == (0, {"price": 2, "half": 1})
    assert (project / "out.jsonl").read_text() == "5\n25\n"
    code, _, err = rivusio("dead-letters", "replay", "shop.py:flow")
    assert "2 letters failed again at 'price'" in err
    (project / "mended").touch()
    code, _, err = rivusio("dead-letters", "replay", "shop.py:flow", "dead.jsonl")
    assert code == 0
    assert "2 letters passed at 'price'" in err
    assert sorted((project / "out.jsonl").read_text().split()) == ["10", "15", "20", "25", "5"]
    assert groups(rivusio) == []


def test_replay_of_some(rivusio: Told, project: Path) -> None:
    (project / "mended").touch()
    name = str(groups(rivusio)[1]["fingerprint"])
    rivusio("dead-letters", "replay", "shop.py:flow", "dead.jsonl", "--fingerprint", name)
    assert [each["step"] for each in groups(rivusio)] == ["price"]


def test_purge_by_fingerprint_and_age(rivusio: Told, project: Path) -> None:
    code, _, err = rivusio("dead-letters", "purge", "dead.jsonl")
    assert code == 2
    assert "--fingerprint ID, --older-than TIME" in err
    rivusio("dead-letters", "purge", "dead.jsonl", "--older-than", "1h")
    assert len(groups(rivusio)) == 2
    name = str(groups(rivusio)[0]["fingerprint"])
    code, out, _ = rivusio("dead-letters", "purge", "dead.jsonl", "--fingerprint", name, "--dry-run", "--json")
    assert json.loads(out) == {"dry_run": True, "purged": 2}
    rivusio("dead-letters", "purge", "dead.jsonl", "--fingerprint", name)
    assert [each["step"] for each in groups(rivusio)] == ["half"]
    rivusio("dead-letters", "purge", "dead.jsonl", "--older-than", "0s")
    assert groups(rivusio) == []
    assert (project / "dead.jsonl").stat().st_mode & 0o777 == 0o600


def test_mistakes_are_told(rivusio: Told, project: Path) -> None:
    code, _, err = rivusio("dead-letters", "list", "gone.jsonl")
    assert code == 1
    assert "gone.jsonl" in err
    code, _, err = rivusio("dead-letters", "show", "dead.jsonl")
    assert code == 2
    code, _, err = rivusio("dead-letters", "purge", "dead.jsonl", "--older-than", "soon")
    assert code == 2
    assert "--older-than" in err
    (project / "rivusio.toml").unlink()
    code, _, err = rivusio("dead-letters", "replay", "shop.py:flow")
    assert code == 2
    assert "where are the letters?" in err
