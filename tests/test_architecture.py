"""The laws of the source: who imports whom, one door for each thing outside, small files, cheap entry points."""

import ast
import subprocess
import sys
from importlib import resources
from pathlib import Path

import grimp
import pytest
from importlinter.cli import lint_imports

import batty_tmux

PACKAGE = Path(str(resources.files(batty_tmux)))
FILES = sorted(PACKAGE.rglob("*.py"))
CONTRACTS = Path(__file__).parents[1] / ".importlinter"
ENGINES = ("dask", "distributed")
TMUX, HISTORY, SCREEN = ("tmuxp", "libtmux"), ("git",), ("rich", "textual", "jinja2", "yaml", "portalocker")
LONGEST = 400
"""Lines."""


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("batty_tmux", include_external_packages=True, cache_dir=None)


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def test_there_is_something_to_look_at() -> None:
    """An empty list would pass everything below."""
    assert len(FILES) > 40
    assert {"cli.py", "core/merge_queue.py", "host/process.py"} <= set(map(name_of, FILES))


def test_each_room_imports_only_those_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The contracts of .importlinter: the rooms, core's own order, core without I/O, names and errors as leaves."""
    broken = lint_imports(config_filename=str(CONTRACTS), no_cache=True)
    assert broken == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("package", "door"),
    [
        ("subprocess", "host.process"),
        ("git", "host.git"),
        ("libtmux", "host.tmux"),
        ("tmuxp", "host.tmux"),
        ("portalocker", "host.lock"),
        ("redis", "host.shared_lock"),
        ("kingfisher_sdk", "host.leaks"),
        ("psutil", "host.offspring"),
        ("dask", "host.dask"),
        ("distributed", "host.dask"),
        ("time", "host.clock"),
    ],
)
def test_each_thing_outside_has_one_door(graph: grimp.ImportGraph, package: str, door: str) -> None:
    """What it takes to use it safely is written once."""
    assert graph.find_modules_that_directly_import(package) == {f"batty_tmux.{door}"}


def test_only_one_file_builds_a_command_line_of_ssh() -> None:
    """Which options a connection has, and how words are quoted for a shell there, is written once."""
    builds = set()
    for path in FILES:
        lists = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Tuple | ast.List)]
        first = [node.elts[0] for node in lists if node.elts]
        builds |= {name_of(path) for node in first if isinstance(node, ast.Constant) and node.value == "ssh"}
    assert builds == {"host/ssh.py"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nobody_sleeps_and_nobody_goes_round_the_doors(path: Path) -> None:
    """Who waits, waits for an event or a deadline; no other way to start a program or import a module by hand."""
    called = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)}
    ends = {name.rpartition(".")[2] for name in called}
    assert "sleep" not in ends
    assert not called & {"os.system", "os.popen", "eval", "exec", "__import__"}
    spawning = {"fork", "forkpty", "posix_spawn", "posix_spawnp", "execvpe", "execv", "execvp", "execve", "spawnv"}
    assert name_of(path) == "host/process.py" or not {f"os.{word}" for word in spawning} & called


@pytest.mark.parametrize("path", [p for p in FILES if name_of(p).startswith("core/")], ids=name_of)
def test_core_asks_nothing_of_the_machine(path: Path) -> None:
    """No file, no clock, no environment, no output: what it decides follows from what it is given."""
    tree = ast.parse(path.read_text())
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    asked = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not named & {"open", "print", "input", "Path", "PosixPath"}
    assert not asked & {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_file_is_long(path: Path) -> None:
    """What does not fit does more than one thing."""
    assert len(path.read_text().splitlines()) <= LONGEST


def imported_by(arguments: tuple[str, ...], folder: Path) -> set[str]:
    """Return the packages that a command imports, by Python's own account."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "batty_tmux", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")]
    assert "batty_tmux.cli" in told
    return {name.partition(".")[0] for name in told}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "README").write_text("a repository\n")
    for words in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-q", "-m", "First")):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "never"),
    [
        (("--help",), TMUX + HISTORY + SCREEN),
        (("--version",), TMUX + HISTORY + SCREEN),
        (("hook", "land", "--help"), TMUX + HISTORY + SCREEN),
        (("status",), TMUX + HISTORY + ENGINES),
        (("status", "--json"), TMUX + HISTORY + ENGINES),
        (("land", "--help"), ENGINES),
    ],
)
def test_an_entry_point_imports_only_what_it_needs(
    repository: Path, arguments: tuple[str, ...], never: tuple[str, ...]
) -> None:
    """Each of these packages costs 50 to 130 ms, and tmux and people call these commands all the time."""
    assert not imported_by(arguments, repository) & set(never)


def test_the_account_of_imports_can_tell() -> None:
    """A command that does need git's history is seen to import it."""
    assert "git" in imported_by(("report", "--help"), PACKAGE)
    assert "rich" in imported_by(("status", "--help"), PACKAGE)
