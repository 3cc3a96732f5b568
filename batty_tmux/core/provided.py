"""What of a user's ignored files goes into a worktree: how much at most, and what is secret in it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from batty_tmux.core.redact import drawn, redact

INCLUDE: Final = ".worktreeinclude"
"""A file of gitignore patterns in the repository's root, which name ignored files to copy. Other tools read it too."""
MOST_FILES: Final = 2000
MOST_BYTES: Final = 100_000_000
"""Of what patterns name. Whoever wants more names it in run.provide, or has it cached by run.cache."""

_MARK = re.compile(r"\[redacted:([a-z0-9-]{1,40})\]")
_BY_NAME: Final = (
    ("private key", re.compile(r"id_(?:rsa|dsa|ecdsa|ed25519)|.+\.(?:pem|key|p8|ppk)", re.IGNORECASE)),
    ("key store", re.compile(r".+\.(?:p12|pfx|jks|keystore|kdbx)", re.IGNORECASE)),
    ("passwords", re.compile(r"\.netrc|\.pgpass|\.htpasswd|\.git-credentials", re.IGNORECASE)),
    ("credentials", re.compile(r"credentials(?:\.\w+)?|.*service[-_]?account.*\.json|kubeconfig", re.IGNORECASE)),
)
"""What the name of a file alone tells."""


@dataclass(frozen=True)
class Found:
    """An ignored file that a pattern names, by its path from the root, with its size in bytes."""

    path: str
    size: int


@dataclass(frozen=True)
class Chosen:
    """What is copied, and the words for what is not."""

    paths: tuple[str, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exposed:
    """A provided file that holds secrets, and of which kinds. Their values are nowhere in here."""

    path: str
    kinds: tuple[str, ...]

    @property
    def says(self) -> str:
        return f"{self.path} goes into each worktree and holds secrets ({', '.join(self.kinds)}): agents can read it"


def choose(found: Iterable[Found]) -> Chosen:
    """Take what patterns name, folder by folder, as far as it stays within bounds; a folder too large goes whole."""
    groups: dict[str, list[Found]] = {}
    for file in sorted(found, key=lambda each: each.path):
        groups.setdefault(_group(file.path), []).append(file)
    paths: list[str] = []
    left_out: list[str] = []
    total = 0
    # the small ones first: one large folder must not keep out an .env that sorts behind it
    for name, files in sorted(groups.items(), key=lambda item: (len(item[1]), item[0])):
        size = sum(file.size for file in files)
        if len(paths) + len(files) > MOST_FILES or total + size > MOST_BYTES:
            what = f"{len(files)} files, {max(1, size // 1_000_000)} MB"
            most = f"{MOST_FILES} files and {MOST_BYTES // 1_000_000} MB at most"
            left_out.append(f"{INCLUDE} names too much: {name} is left out ({what}; {most}); see run.cache")
            continue
        total += size
        paths += [file.path for file in files]
    return Chosen(tuple(sorted(paths)), tuple(left_out))


def _group(path: str) -> str:
    top, slash, _ = path.partition("/")
    return f"{top}/" if slash else top


def kinds(path: str, text: str) -> tuple[str, ...]:
    """Name what is secret in a file, by its text and its name; nothing of a value is in the names."""
    marked = redact(text)
    before = _MARK.findall(text)
    told = [kind for kind in _MARK.findall(marked) if kind not in before]
    name = PurePosixPath(path).name
    told += [kind for kind, pattern in _BY_NAME if pattern.fullmatch(name)]
    if not told and drawn(marked):
        told.append("something drawn by lot")
    return tuple(dict.fromkeys(told))
