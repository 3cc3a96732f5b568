"""bin/batty: what it needs, what it builds, and what it costs when all is built."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from batty_tmux.host import process
from batty_tmux.host.process import Done

PLAIN = "sh cat cksum mkdir rm mv env tail readlink grep sort uname dirname"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """The complete environment of somebody who has nothing but a shell and a Python."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in PLAIN.split():
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    home = tmp_path / "home"
    home.mkdir()
    return {"PATH": str(tools), "HOME": str(home), "BATTY_PYTHON": sys.executable, "LC_ALL": "C"}


def tool(env: dict[str, str], name: str, body: str) -> None:
    """Put a program on the PATH; each of its runs is written down in $HOME/started."""
    path = Path(env["PATH"]) / name
    path.unlink(missing_ok=True)
    path.write_text(f'#!/bin/sh\necho "{name} $*" >>"{env["HOME"]}/started"\n{body}\n')
    path.chmod(0o755)


def started(env: dict[str, str]) -> list[str]:
    """The programs of `tool` that were run, with their words."""
    record = Path(env["HOME"]) / "started"
    return record.read_text().splitlines() if record.exists() else []


def launch(checkout: Path, env: dict[str, str], *words: str) -> Done:
    """Run bin/batty with that environment and no other."""
    argv = ["/usr/bin/env", "-i", *(f"{key}={value}" for key, value in env.items())]
    return process.run([*argv, str(checkout / "bin" / "batty"), *words], timeout=110)


def real(env: dict[str, str], *names: str) -> None:
    """Put the machine's own programs on the PATH."""
    for name in names:
        found = shutil.which(name)
        assert found is not None
        (Path(env["PATH"]) / name).symlink_to(found)


@pytest.mark.parametrize(
    ("manager", "line"),
    [
        ("apt-get", "sudo apt-get update && sudo apt-get install -y tmux git"),
        ("dnf", "sudo dnf install -y tmux git"),
        ("pacman", "sudo pacman -Sy --noconfirm tmux git"),
        ("apk", "sudo apk add tmux git"),
    ],
)
def test_what_is_missing_is_named_with_the_command(
    small_checkout: Path, env: dict[str, str], manager: str, line: str
) -> None:
    """Without the right to install: each missing thing, the exact command, exit 1, and nothing was installed."""
    tool(env, manager, "exit 0")
    tool(env, "id", "echo 1000")
    tool(env, "sudo", "exit 1")
    done = launch(small_checkout, env, "status")
    assert done.status == 1
    assert f"batty:   {line}\n" in done.stderr
    assert "tmux >= 3.2 is needed, found: none" in done.stderr
    assert "git >= 2.38 is needed, found: none" in done.stderr
    assert done.stdout == ""
    assert not [call for call in started(env) if call.startswith(manager)]


def test_root_may_be_told_not_to_install(small_checkout: Path, env: dict[str, str]) -> None:
    """BATTY_NO_INSTALL names the command instead of running it, and root needs no sudo."""
    tool(env, "apt-get", "exit 0")
    tool(env, "id", "echo 0")
    done = launch(small_checkout, env | {"BATTY_NO_INSTALL": "1"}, "status")
    assert done.status == 1
    assert "batty:   apt-get update && apt-get install -y tmux git\n" in done.stderr
    assert not [call for call in started(env) if call.startswith("apt-get")]


def test_without_a_known_package_manager_the_needs_are_named(small_checkout: Path, env: dict[str, str]) -> None:
    """On a system that batty does not know, the words are enough to go on."""
    tool(env, "id", "echo 0")
    done = launch(small_checkout, env, "status")
    assert done.status == 1
    assert "tmux >= 3.2 is needed" in done.stderr
    assert "install these" in done.stderr


def test_root_gets_it_installed(small_checkout: Path, env: dict[str, str]) -> None:
    """As root, apt-get update runs before the installation, and then the launcher looks again."""
    tool(env, "id", "echo 0")
    git, tmux, link = shutil.which("git"), shutil.which("tmux"), shutil.which("ln")
    install = f'case "$*" in *install*) for name in {git} {tmux}; do {link} -sf "$name" "${{0%/*}}/"; done ;; esac'
    tool(env, "apt-get", install)
    done = launch(small_checkout, env, "hello")
    assert done.stdout == "small ['hello']\n", done.stderr
    calls = [call for call in started(env) if call.startswith("apt-get")]
    assert calls == ["apt-get update", "apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends tmux git"]


@pytest.mark.parametrize(
    ("name", "says", "expected"),
    [
        ("tmux", "tmux 3.1c", "tmux >= 3.2 is needed, found: 3.1c"),
        ("tmux", "tmux 2.9", "tmux >= 3.2 is needed, found: 2.9"),
        ("git", "git version 2.34.1", "git >= 2.38 is needed, found: 2.34.1"),
        ("git", "git version 1.50.0", "git >= 2.38 is needed, found: 1.50.0"),
    ],
)
def test_what_is_too_old_is_missing(
    small_checkout: Path, env: dict[str, str], name: str, says: str, expected: str
) -> None:
    """The version that was found is named."""
    tool(env, "id", "echo 1000")
    real(env, *({"tmux", "git"} - {name}))
    tool(env, name, f"echo {says}")
    done = launch(small_checkout, env, "status")
    assert done.status == 1
    assert expected in done.stderr


@pytest.mark.parametrize("version", ["3.2", "3.2a", "3.10", "next-3.8", "4.0-rc1", "master", "openbsd-7.3"])
def test_every_way_to_say_a_new_enough_tmux(small_checkout: Path, env: dict[str, str], version: str) -> None:
    """Development builds of tmux have names, not numbers."""
    tool(env, "id", "echo 1000")
    tool(env, "tmux", f"echo tmux {version}")
    done = launch(small_checkout, env, "status")
    assert "git >= 2.38 is needed" in done.stderr
    assert "tmux >=" not in done.stderr


def test_a_python_that_is_none_is_refused(small_checkout: Path, env: dict[str, str]) -> None:
    """BATTY_PYTHON is a wish to be obeyed or refused, not a hint."""
    done = launch(small_checkout, env | {"BATTY_PYTHON": "/nowhere/python"}, "status")
    assert done.status == 1
    assert "BATTY_PYTHON=/nowhere/python is no Python >= 3.11" in done.stderr


def test_a_python_without_venv_is_named_with_its_package(small_checkout: Path, env: dict[str, str]) -> None:
    """Debian's python3 has no ensurepip until python3.N-venv is installed."""
    tool(env, "id", "echo 1000")
    tool(env, "sudo", "exit 1")
    tool(env, "apt-get", "exit 0")
    real(env, "tmux", "git")
    tool(env, "python3", "echo bare 3.12 /usr/bin/python3.12")
    done = launch(small_checkout, {k: v for k, v in env.items() if k != "BATTY_PYTHON"}, "status")
    assert done.status == 1
    assert "Python 3.12 has no venv module" in done.stderr
    assert "sudo apt-get install -y python3.12-venv\n" in done.stderr


def test_built_once_then_started_without_python(small_checkout: Path, env: dict[str, str]) -> None:
    """The first run builds, outside the checkout; the next ones start nothing but the built program."""
    real(env, "tmux", "git")
    before = sorted(path for path in small_checkout.rglob("*") if "__pycache__" not in path.parts)
    assert launch(small_checkout, env, "--is-set-up").status == 1
    first = launch(small_checkout, env, "a b", "$c", "")
    assert first.stdout == "small ['a b', '$c', '']\n", first.stderr
    assert "making a virtual environment" in first.stderr
    assert sorted(path for path in small_checkout.rglob("*") if "__pycache__" not in path.parts) == before
    assert launch(small_checkout, env, "--is-set-up").status == 0
    for name in ("python3", "python3.11", "python3.12", "python3.13", "tmux", "git", "id"):
        tool(env, name, "exit 1")
    link = Path(env["HOME"]) / "batty"
    link.symlink_to(small_checkout / "bin" / "batty")
    second = process.run(["/usr/bin/env", "-i", *(f"{k}={v}" for k, v in env.items()), str(link), "again"])
    assert (second.stdout, second.stderr) == ("small ['again']\n", "")
    assert started(env) == []


def test_a_setup_killed_half_way_is_done_again(small_checkout: Path, env: dict[str, str], tmp_path: Path) -> None:
    """kill -9 in the middle of the installation: what it left is never used, and locks nobody out."""
    real(env, "tmux", "git")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    argv = [str(small_checkout / "bin" / "batty"), "one"]
    first = subprocess.Popen(argv, env=env | {"FIFO": str(fifo)}, start_new_session=True, stderr=subprocess.PIPE)
    fifo.read_text()
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    (built,) = Path(env["HOME"]).rglob("venv")
    (built / "debris").touch()
    assert launch(small_checkout, env, "--is-set-up").status == 1
    second = launch(small_checkout, env, "two")
    assert "starting over" in second.stderr
    assert second.stdout == "small ['two']\n", second.stderr
    assert not (built / "debris").exists()


def test_a_failed_setup_says_why_and_leaves_nothing_to_use(small_checkout: Path, env: dict[str, str]) -> None:
    """pip's own words are shown, the exit status is 1, and the next run tries again."""
    real(env, "tmux", "git")
    backend = (small_checkout / "backend.py").read_text()
    (small_checkout / "backend.py").write_text("raise SystemExit('no such luck')\n")
    first = launch(small_checkout, env, "one")
    assert first.status == 1
    assert "no such luck" in first.stderr
    assert "nothing half-made is ever used" in first.stderr
    (small_checkout / "backend.py").write_text(backend)
    assert launch(small_checkout, env, "two").stdout == "small ['two']\n"


def test_two_at_once_build_once(small_checkout: Path, env: dict[str, str], tmp_path: Path) -> None:
    """The second waits and says so; when the first is killed, the lock is free and the second does the work."""
    real(env, "tmux", "git")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    argv = [str(small_checkout / "bin" / "batty"), "x"]
    with subprocess.Popen(argv, env=env | {"FIFO": str(fifo)}, start_new_session=True, stderr=subprocess.PIPE) as first:
        fifo.read_text()
        with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as second:
            assert second.stderr is not None
            said = ""
            while "waiting for another" not in said:
                line = second.stderr.readline()
                assert line, said
                said += line
            os.killpg(first.pid, signal.SIGKILL)
            out, _ = second.communicate(timeout=100)
    assert out == "small ['x']\n"
