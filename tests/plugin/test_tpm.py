"""The real plugin manager, from a line in tmux.conf to the menu."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from batty_tmux.host import files, process
from tests.plugin.conftest import CHECKOUT, ask
from tests.support.attached import PREFIX, Attached
from tests.support.server import PrivateServer


@pytest.fixture
def plugin_manager() -> Path:
    """Its folder; bin/test provides it."""
    found = Path(os.environ.get("BATTY_TEST_TPM", "/usr/share/tmux-plugin-manager"))
    assert os.access(found / "tpm", os.X_OK), (
        f"no tmux plugin manager in {found}: run bin/test, or `apt-get install tmux-plugin-manager`, "
        "or set BATTY_TEST_TPM to a clone of tmux-plugins/tpm"
    )
    return found


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """What a user would clone: the plugin's files and the launcher, as one commit."""
    root = tmp_path / "origin" / "batty-tmux"
    root.mkdir(parents=True)
    shutil.copytree(files.share() / "tmux", root / "tmux")
    shutil.copy(files.share() / "batty.tmux", root)
    shutil.copytree(CHECKOUT / "bin", root / "bin")
    shutil.copy(CHECKOUT / "pyproject.toml", root)
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
    for words in (("init", "-q"), ("add", "--all"), ("commit", "-q", "-m", "all")):
        process.run(["git", *who, *words], cwd=root, env={"HOME": str(tmp_path)}).check()
    return root


@pytest.fixture
def server(tmp_path: Path, plugin_manager: Path, repository: Path) -> Iterator[PrivateServer]:
    """A server, not yet started, whose user wrote a tmux.conf for the plugin manager."""
    made = PrivateServer(tmp_path, start=False, env={"BATTY_HOME": str(tmp_path / "batty-home")})
    (made.home / ".tmux.conf").write_text(
        "set -g status-right '<#{batty_status}>'\n"
        f"set -g @plugin 'file://{repository}'\n"
        f"run-shell '{plugin_manager}/tpm'\n"
    )
    yield made
    made.kill()


def start(server: PrivateServer) -> None:
    """Start tmux as a user does: it reads its configuration."""
    argv = ["tmux", "-u", "-S", str(server.socket), "new-session", "-d", "-s", "user", "-x", "120", "-y", "40"]
    process.run([*argv, "exec cat"], env=server.env | {"XDG_CONFIG_HOME": str(server.home / ".config")}).check()


def test_installed_loaded_and_opened(server: PrivateServer) -> None:
    """prefix + I clones and loads it; prefix + B offers to set it up; the clone stays clean for updates."""
    start(server)
    installed = server.home / ".tmux" / "plugins" / "batty-tmux"
    with Attached(server.socket, server.env) as person:
        person.expect("[user]")
        person.press(PREFIX + "I")
        person.expect('"batty-tmux" download success', seconds=60)
        person.expect("press ENTER to continue")
        person.press("q")
        person.expect_gone("press ENTER to continue")
        assert ask(server, "show-options", "-gv", "@batty_menu") == str(installed / "tmux/scripts/menu.sh")
        person.press(PREFIX + "B")
        person.expect("batty is not set up yet")
    assert process.run(["git", "status", "--porcelain"], cwd=installed, env=server.env).stdout == ""


def test_a_new_tmux_has_it_from_the_start(server: PrivateServer, repository: Path) -> None:
    """Cloned already, it is loaded while tmux starts: the key, and the place in the status line."""
    clone = server.home / ".tmux" / "plugins" / "batty-tmux"
    process.run(["git", "clone", "-q", str(repository), str(clone)], env=server.env).check()
    start(server)
    with Attached(server.socket, server.env) as person:
        person.expect("<>")
        person.press(PREFIX + "B")
        person.expect("Set batty up (virtual environment)")
