"""The sample repository of `batty demo`, and what must be true of it at the end."""

import shutil
from importlib import resources
from pathlib import Path

from batty_tmux.core.report import Proof
from batty_tmux.host.plumbing import Git

CONFLICT = "phase-2"
BREAKS_LATER = "phase-3"
ENDS: dict[str, str] = {"phase-1": "landed", "phase-2": "landed", "phase-3": "red", "phase-4": "landed"}
"""How each phase must end: one pair conflicts and is settled, one passes alone and breaks on another."""

SETTLED = 'def greet(name: str) -> str:\n    return f"Hi, dear {name}"\n'
"""What a person makes of the two greetings."""


def make_repository(folder: Path) -> None:
    """Make the sample repository: a small program with tests, four phases, a scripted agent."""
    sample = Path(str(resources.files("batty_tmux"))) / "sample"
    shutil.copytree(sample, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "gitignore").rename(folder / ".gitignore")
    git = Git(folder)
    git.say("init", "--quiet", "--initial-branch=main")
    git.say("config", "user.name", "Batty Demo")
    git.say("config", "user.email", "demo@batty.invalid")
    git.say("add", "--all")
    git.say("commit", "--quiet", "--message", "Start with a greeting and four phases")


def settle(folder: Path) -> None:
    """Settle the conflict as a person would in the worktree that `batty queue resolve` opened."""
    (folder / "greet.py").write_text(SETTLED)
    git = Git(folder)
    git.say("add", "greet.py")
    git.say("commit", "--quiet", "--no-edit")


def failures(states: dict[str, str], proof: Proof, home: Path) -> list[str]:
    """Return what is not as it must be; empty when everything held."""
    wrong = [
        f"{phase} should be {end} and is {states.get(phase)}" for phase, end in ENDS.items() if states.get(phase) != end
    ]
    wrong += [f"{landing.phase} landed without proof" for landing in proof.landings if not landing.sound]
    landed = [landing.phase for landing in proof.landings]
    expected = [phase for phase, end in ENDS.items() if end == "landed"]
    if sorted(landed) != expected:
        wrong.append(f"landed were {', '.join(landed)}, each once was expected of {', '.join(expected)}")
    if any("loud" in text for text in Git(home).texts("main", "voice.py").values()):
        wrong.append("main holds the change that breaks its gate")
    if Git(home).status().dirty:
        wrong.append("the checkout was left dirty")
    return wrong
