"""What a shell is offered at the TAB key: commands, options, phases, entries; and never an error."""

import os
import sys
from pathlib import Path

import pytest

from batty_tmux.host.process import run
from tests.support.story import Story

PROGRAM = "import sys; from batty_tmux.cli import main; sys.exit(main())"
SHELLS = ("bash", "zsh", "fish")


def completed(folder: Path, words: str, shell: str = "bash") -> str:
    """Ask batty as the script in a shell does."""
    asked = {"_BATTY_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    if shell == "fish":
        asked["COMP_CWORD"] = words.rpartition(" ")[2]
    told = (f"{key}={value}" for key, value in asked.items())
    done = run(("env", *told, sys.executable, "-c", PROGRAM), cwd=folder)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_phases_are_offered_with_their_states(story: Story, shell: str) -> None:
    """Of those that begin as the word does."""
    story.phase("alpha")
    story.phase("beta")
    story.batty("status")
    told = completed(story.repo, "batty attach al", shell)
    assert "alpha" in told
    assert "beta" not in told
    assert ("ready" in told) == (shell != "bash")


def test_only_what_fits_the_command_is_offered(story: Story) -> None:
    """Nothing asks, so nobody can be answered; `work` knows all of them at once."""
    story.phase("alpha")
    story.batty("status")
    assert "alpha" not in completed(story.repo, "batty answer ")
    assert [row.split(",")[1] for row in completed(story.repo, "batty work ").split()] == ["all", "alpha"]
    assert "--parallel" in completed(story.repo, "batty work --par")
    assert "retry" in completed(story.repo, "batty queue re")


def test_a_folder_that_is_none_of_ours_offers_nothing_and_says_nothing(tmp_path: Path) -> None:
    """What a program writes while a shell completes ends up in the middle of the line."""
    assert completed(tmp_path, "batty attach ").strip() == ""


def test_the_script_works_in_bash(story: Story, tmp_path: Path) -> None:
    """The real shell, with the command on its PATH."""
    story.phase("alpha")
    story.batty("status")
    program = tmp_path / "batty"
    program.write_text(f"#!{sys.executable}\n{PROGRAM}\n")
    program.chmod(0o755)
    asks = (
        'eval "$(batty completion bash)"; COMP_WORDS=(batty attach a); COMP_CWORD=2; '
        '$(complete -p batty | sed "s/.*-F \\([^ ]*\\).*/\\1/") batty a attach; echo "${COMPREPLY[@]}"'
    )
    path = f"PATH={tmp_path}:{os.environ['PATH']}"
    done = run(("env", path, "bash", "-c", asks), cwd=story.repo)
    assert done.stdout == "alpha\n", done.stderr


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", ["batty", "batty-tmux"])
def test_the_script_is_for_the_command_that_is_named(tmp_path: Path, shell: str, name: str) -> None:
    """Both names of the program can be completed."""
    told = run((sys.executable, "-c", PROGRAM, "completion", shell, "--as", name), cwd=tmp_path).check().stdout
    assert name in told
    assert "_BATTY_COMPLETE" in told
