"""The plugin in a tmux server of its own, a person in front of it, and a batty that only writes down its words."""

import os
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from batty_tmux.host import files, process
from tests.support.attached import Attached
from tests.support.server import PrivateServer

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrivateServer]:
    """A server whose jobs, like the tests' own, keep all that batty writes below the test's folder."""
    made = PrivateServer(tmp_path, env={"BATTY_HOME": str(tmp_path / "batty home")})
    yield made
    made.kill()


@pytest.fixture
def person(server: PrivateServer) -> Iterator[Attached]:
    """Somebody attached to the server."""
    with Attached(server.socket, server.env) as attached:
        attached.expect("[user]")
        yield attached


def run_in(server: PrivateServer, program: Path, *words: str, env: dict[str, str] | None = None) -> process.Done:
    """Run a program as a tmux job of this server would be run."""
    where = server.terminal.run("display-message", "-p", "#{socket_path},#{pid},0").check().stdout.strip()
    return process.run([str(program), *words], env=server.env | {"TMUX": where} | (env or {}), timeout=20)


def load(server: PrivateServer, root: Path | None = None, env: dict[str, str] | None = None) -> None:
    """Run what tmux's plugin manager runs: every executable *.tmux in the plugin's root folder."""
    found = [path for path in sorted((root or files.share()).glob("*.tmux")) if os.access(path, os.X_OK)]
    assert [path.name for path in found] == ["batty.tmux"]
    for path in found:
        run_in(server, path, env=env).check()


def unload(server: PrivateServer, *words: str) -> None:
    """Run the script that `batty unload` runs."""
    run_in(server, files.share() / "tmux" / "scripts" / "unload.sh", *words).check()


def ask(server: PrivateServer, *words: str) -> str:
    """Return what a tmux command says, also when it says that there is nothing."""
    return server.terminal.run(*words).stdout.rstrip("\n")


@dataclass(frozen=True)
class Recorder:
    """A program in batty's place: it writes down where it was started and with which words."""

    path: Path
    record: Path

    @property
    def calls(self) -> list[list[str]]:
        """The working directory and the words of each call."""
        if not self.record.exists():
            return []
        return [call.split("\0")[:-1] for call in self.record.read_text().split("\1")[:-1]]


@pytest.fixture
def recorder(tmp_path: Path, server: PrivateServer) -> Recorder:
    """Set as @batty-command, at a path that is code to tmux and to a shell if either ever reads it."""
    folder = tmp_path / 'it\'s $(touch pwned) #(touch pwned) "x"'
    folder.mkdir()
    made = Recorder(folder / "batty;", tmp_path / "calls")
    record = shlex.quote(str(made.record))
    made.path.write_text(f"#!/bin/sh\nprintf '%s\\0' \"$PWD\" \"$@\" >>{record}\nprintf '\\1' >>{record}\n")
    made.path.chmod(0o755)
    server.terminal.run("set-option", "-g", "@batty-command", str(made.path)).check()
    return made


@pytest.fixture
def small_checkout(tmp_path: Path) -> Path:
    """This checkout's launcher and plugin around a package of ten lines that needs nothing from anywhere."""
    root = tmp_path / "small checkout"
    root.mkdir()
    shutil.copytree(CHECKOUT / "bin", root / "bin")
    shutil.copytree(files.share() / "tmux", root / "tmux")
    shutil.copy(files.share() / "batty.tmux", root / "batty.tmux")
    (root / "pyproject.toml").write_text(SMALL_PROJECT)
    (root / "backend.py").write_text(SMALL_BACKEND)
    return root


SMALL_PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "batty-tmux"
version = "0"
"""

# The line with FIFO lets a test wait until the installation is under way, and end it there.
SMALL_BACKEND = """\
import os, signal, zipfile

def get_requires_for_build_editable(settings=None):
    return []

def build_editable(folder, settings=None, metadata=None):
    if "FIFO" in os.environ:
        open(os.environ["FIFO"], "w").close()
        signal.pause()
    name = "batty_tmux-0-py3-none-any.whl"
    info = "batty_tmux-0.dist-info"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("small.py", "import sys\\ndef main():\\n    print('small', sys.argv[1:])\\n")
        wheel.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: batty-tmux\\nVersion: 0\\n")
        wheel.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "/entry_points.txt", "[console_scripts]\\nbatty = small:main\\n")
        wheel.writestr(info + "/RECORD", "")
    return name
"""
