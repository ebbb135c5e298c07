"""The files around the packages agree with each other."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))


def project(package: Path) -> dict:
    return tomllib.loads((package / "pyproject.toml").read_text())


def sh_blocks(path: Path) -> list[str]:
    return re.findall(r"^```sh\n(.*?)\n```$", path.read_text(), re.MULTILINE | re.DOTALL)


def test_the_readme_opens_with_one_command_for_the_demo_and_one_for_the_tests():
    demo, tests, *_ = sh_blocks(ROOT / "README.md")
    assert "\n" not in demo + tests
    assert demo == f"{tests} -s demo"
    assert tests.endswith(".venv/bin/nox")


def test_ci_runs_the_second_command_of_the_readme(tmp_path):
    (tmp_path / ".ci").mkdir()
    script = tmp_path / ".ci" / "run"
    script.write_text((ROOT / ".ci" / "run").read_text())
    (tmp_path / "README.md").write_text(
        "```sh\nfalse\n```\n\n```python\n1\n```\n```sh\necho second\n```\n```sh\nfalse\n```\n"
    )
    done = subprocess.run(["bash", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "+ echo second\nsecond\n")


def test_a_failing_command_fails_ci(tmp_path):
    (tmp_path / ".ci").mkdir()
    script = tmp_path / ".ci" / "run"
    script.write_text((ROOT / ".ci" / "run").read_text())
    (tmp_path / "README.md").write_text("```sh\ntrue\n```\n```sh\nexit 3\n```\n")
    assert subprocess.run(["bash", script], capture_output=True, check=False).returncode == 3


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
class TestPackage:
    def test_has_its_files(self, package):
        module = package.name.replace("-", "_")
        for name in (
            "README.md",
            "CHANGELOG.md",
            "changes/.gitignore",
            f"src/{module}/py.typed",
            f"src/{module}/__init__.py",
        ):
            assert (package / name).is_file(), name

    def test_has_the_licence_of_the_whole(self, package):
        assert (package / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()

    def test_changelog_has_the_place_where_releases_go(self, package):
        assert project(package)["tool"]["towncrier"]["start_string"] in (package / "CHANGELOG.md").read_text()

    def test_fragments_are_named_so_that_towncrier_takes_them(self, package):
        kinds = "|".join(kind["directory"] for kind in project(package)["tool"]["towncrier"]["type"])
        for path in package.glob("changes/*.md"):
            assert re.fullmatch(rf"(\d+|\+[\w-]+)\.({kinds})(\.\d+)?\.md", path.name), path

    def test_entry_points_name_modules_that_exist(self, package):
        for target in project(package)["project"].get("entry-points", {}).get("rivusio", {}).values():
            module, _, _ = target.partition(":")
            path = package / "src" / Path(*module.split("."))
            assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file(), target

    def test_all_takes_every_extra(self, package):
        extras = project(package)["project"].get("optional-dependencies", {})
        if not extras:
            pytest.skip("no extras")
        (everything,) = extras["all"]
        assert everything == f"{package.name}[{','.join(sorted(extras.keys() - {'all'}))}]"

    def test_dependencies_are_bounded_below_and_on_each_other_above(self, package):
        about = project(package)["project"]
        extras = about.get("optional-dependencies", {}).values()
        for text in (*about["dependencies"], *(text for extra in extras for text in extra)):
            if not text.startswith(f"{package.name}["):
                assert ">=" in text, text
            if re.match(r"rivusio-[a-z-]+[<>=]", text):
                assert "<1" in text, text
