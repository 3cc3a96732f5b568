"""Where a path leads, seen from the worktree. Links are not followed: nothing here looks at the disk."""

import posixpath
import re
from dataclasses import dataclass
from typing import Final, Literal

from batty_tmux.core.shell_words import Simple, Word, joined_path

Where = Literal["inside", "root", "git", "temporary", "device", "outside", "unknown"]
"""root is the worktree itself, git something of git's own in it; unknown is known only when the line runs."""

_NOWHERE: Final = "/.worktree"
"""Stands for a worktree that is not known: what stays in it is told from what does not."""
_TEMPORARY: Final = ("/tmp", "/var/tmp", "/private/tmp", "/private/var/tmp", "/var/folders", "/dev/shm")  # noqa: S108
_DEVICES: Final = re.compile(r"/dev/(?:null|stdin|stdout|stderr|tty|zero|full|random|urandom|fd/\d+)")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))(?=/|$)", re.ASCII)
_OUTSIDE: Final = frozenset({"HOME", "OLDPWD", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"})


@dataclass(frozen=True)
class Ground:
    """The worktree that a phase may change, absolute, and the folder in which its lines start; both "" if unknown."""

    worktree: str = ""
    folder: str = ""

    def where(self, path: str, folder: str = ".") -> Where:
        """Say where a fixed path leads, seen from a folder that is itself seen from where lines start."""
        if path.startswith("~") or (folder.startswith("~") and not path.startswith("/")):
            return "outside"
        root = posixpath.normpath(self.worktree or _NOWHERE)
        full = posixpath.normpath(joined_path(joined_path(self.folder or root, folder), path))
        # two slashes at the start have a meaning of their own to nobody here
        full = "/" + full.lstrip("/")
        if full == root:
            return "root"
        if full.startswith(f"{root}/"):
            return "git" if ".git" in full.removeprefix(root).lower().split("/") else "inside"
        if _DEVICES.fullmatch(full):
            return "device"
        return "temporary" if any(full.startswith(f"{place}/") for place in _TEMPORARY) else "outside"

    def of_word(self, word: Word, folder: str | None = ".") -> Where:
        """Say where a word of a command leads."""
        text = word.text
        if not word.certain:
            found = _VARIABLE.match(text)
            name = (found[1] or found[2]) if found else ""
            rest = text[found.end() :] if found else text
            if re.search(r"[$`(<{]", rest) or name not in {"PWD", "TMPDIR", *_OUTSIDE}:
                return "unknown"
            if name != "PWD":
                return "temporary" if name == "TMPDIR" and ".." not in rest.split("/") else "outside"
            text = f".{rest}"
        if folder is None and not text.startswith(("/", "~")):
            return "unknown"
        return self.where(text, folder or ".")

    def of(self, word: Word, simple: Simple) -> set[Where]:
        """Say where a word of a command may lead, from all folders that it may run in."""
        return {self.of_word(word, folder) for folder in simple.folders}
