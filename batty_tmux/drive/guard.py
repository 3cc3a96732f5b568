"""The guard: git run by an executor moves neither the base nor refs/batty/*. Against accidents, not malice.

What it does is in guard/hook.sh. Nothing is written into git's configuration or its hooks folder, which the
user's own checkout shares: one variable of the executor's environment makes git look for hooks in ours.
"""

import os
import shlex
import stat
from importlib import resources
from pathlib import Path

from batty_tmux.core.checks import GuardFacts
from batty_tmux.core.status import current_run
from batty_tmux.drive.place import Place
from batty_tmux.drive.records import Records
from batty_tmux.host.files import read_text
from batty_tmux.host.plumbing import Git, state_folder
from batty_tmux.host.process import run
from batty_tmux.names import Sha

FOLDER = "guard"
_KNOWN = "hooks-folder"
"""File that keeps where the user's own hooks are; hook.sh believes it while no configuration file is newer."""

_ALWAYS = (
    "applypatch-msg",
    "commit-msg",
    "post-applypatch",
    "post-checkout",
    "post-commit",
    "post-merge",
    "post-rewrite",
    "pre-applypatch",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
    "prepare-commit-msg",
    "reference-transaction",
)
_IF_THEIRS = ("fsmonitor-watchman", "post-index-change", "pre-auto-gc", "sendemail-validate")
"""Run so often, or by their mere presence so dear, that there is one only where the user has one at the time."""

_EXECUTABLE = stat.S_IRUSR | stat.S_IXUSR | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH


def install(place: Place, base: str, remote: str = "") -> Path:
    """Write the hooks for this base branch, as far as they are not there, and return their folder.

    Where the base is a remote's, that is never pushed to either.

    Safe to call from several processes at once, and while git runs the hooks: each is replaced whole. The last
    caller's base counts. A hook that another tool has put into the folder is replaced.
    """
    folder = place.state / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    theirs = _remember_hooks_folder(folder, place.home)
    text = _text(base, remote)
    for name in _ALWAYS:
        _put(folder / name, text)
    for name in _IF_THEIRS:
        if os.access(theirs / name, os.X_OK):
            _put(folder / name, text)
        else:
            (folder / name).unlink(missing_ok=True)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """Return what makes git use the hooks in `folder`, for the environment of an executor.

    This is the variable in which `git -c` hands its settings down; git adds to it. The documented one, of a
    count, keys and values, would be three, and an agent that drops variables with KEY in their names would
    leave the count: then every git command dies.
    """
    quoted = str(folder).replace("'", "'\\''")
    return {"GIT_CONFIG_PARAMETERS": f"'core.hookspath'='{quoted}'"}


def base_of_run(repo: Path, default: str) -> str:
    """Return the base that the current run lands on, else the default: the hooks hold one, that of the last start."""
    state = state_folder(Git(repo))
    return (current_run(Records.at(state).events).base if state.is_dir() else "") or default


def facts(repo: Path, base: str, remote: str = "") -> GuardFacts:
    """Look whether the hooks are in place and current, and whether git obeys them; nothing is changed."""
    folder = state_folder(Git(repo)) / FOLDER
    if not folder.is_dir():
        return GuardFacts(str(folder), installed=False)
    stale = tuple(name for name in _ALWAYS if not _is_current(folder / name, _text(base, remote)))
    tries = (f"refs/heads/{base}", "refs/batty/doctor")
    tip = Git(repo).tip(tries[0])
    return GuardFacts(str(folder), True, stale, tuple(ref for ref in tries if not _is_refused(repo, folder, ref, tip)))


def _is_refused(repo: Path, folder: Path, ref: str, tip: Sha | None) -> bool:
    """Prepare to delete a branch or to make a ref at `tip`, as an executor would, and call it off in any case."""
    order = f"delete {ref}" if ref.startswith("refs/heads/") else f"create {ref} {tip}"
    lines = f"start\n{order}\nprepare\nabort\n"
    done = run(("git", "update-ref", "--stdin"), cwd=repo, env=environment(folder), stdin=lines)
    return not done.ok and "batty: refused" in done.stderr


def _remember_hooks_folder(folder: Path, home: Path) -> Path:
    """Return the user's own hooks folder, and write it down for the hooks where they can tell when it changes."""
    known = folder / _KNOWN
    fresh = folder / f".{_KNOWN}.{os.getpid()}"
    fresh.touch()
    # the file's time is from before the look, so that a setting made since is newer, or as old: both are noticed
    before = fresh.stat().st_mtime_ns
    common = folder.parent.parent
    told = str(common / "hooks")
    if run(("git", "config", "--get", "core.hooksPath"), cwd=home).ok:
        # a relative one is left so: it means another folder in each worktree
        told = run(("git", "rev-parse", "--git-path", "hooks"), cwd=home).check().stdout.removesuffix("\n")
    includes = run(("git", "config", "--get-regexp", "^include"), cwd=home).ok
    if includes or "\n" in told or (common / "config.worktree").exists():
        fresh.unlink()
        known.unlink(missing_ok=True)
    else:
        fresh.write_bytes(os.fsencode(told) + b"\n")
        os.utime(fresh, ns=(before, before))
        fresh.replace(known)
    return home / told


def _text(base: str, remote: str) -> str:
    template = resources.files("batty_tmux").joinpath("guard/hook.sh").read_text("utf-8")
    return template.replace("@base@", shlex.quote(f"refs/heads/{base}"), 1).replace("@shared@", shlex.quote(remote), 1)


def _put(path: Path, text: str) -> None:
    if _is_current(path, text):
        return
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.write_text(text, "utf-8", "surrogateescape")
    fresh.chmod(_EXECUTABLE)
    fresh.replace(path)


def _is_current(path: Path, text: str) -> bool:
    return read_text(path) == text and not path.is_symlink() and os.access(path, os.X_OK)
