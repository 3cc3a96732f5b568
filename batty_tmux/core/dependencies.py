"""Dependencies that a setup has fetched, kept for the next worktree: when they are the same, what may be moved."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote

LOCKS: Final = frozenset(
    """
    package-lock.json npm-shrinkwrap.json pnpm-lock.yaml yarn.lock bun.lock bun.lockb deno.lock
    uv.lock poetry.lock pdm.lock Pipfile.lock pixi.lock conda-lock.yml
    Cargo.lock go.sum go.work.sum Gemfile.lock composer.lock mix.lock pubspec.lock Package.resolved
    Podfile.lock packages.lock.json gradle.lockfile flake.lock cabal.project.freeze stack.yaml.lock
    rust-toolchain rust-toolchain.toml .python-version .node-version .nvmrc .tool-versions .ruby-version
    """.split()
)
"""Files whose content says which dependencies there are, or with which program they are made."""
_REQUIREMENTS = re.compile(r"(?:.*[-_.])?(?:requirements|constraints)(?:[-_.].*)?\.txt")
_PINS: Final = frozenset(name for name in LOCKS if name.startswith((".", "rust-toolchain")))
"""Those that say with which program: no dependencies are known by them alone."""

LARGEST_TEXT: Final = 1_000_000
"""Bytes. A larger file that holds its worktree's path is not rewritten."""
CHECKS_ITSELF: Final = ".rustc_info.json"
"""In Cargo's target folder: cargo compares paths and times by itself, and builds again what is not as it should be."""
_HARMLESS: Final = (".pyc",)
"""Python puts the true path in when it loads such a file."""


@dataclass(frozen=True)
class Kept:
    """What the cache holds for one key. `used` is when it was last of use, in seconds; `size` is in bytes."""

    key: str
    size: int
    used: float


@dataclass(frozen=True)
class Moving:
    """What must become of the worktree's own path in a file when its folder gets another one."""

    rewrite: bool = False
    problem: str = ""


def lock_files(paths: Iterable[str]) -> tuple[str, ...]:
    """Return those of a tree's paths that say which dependencies there are; nothing where none does."""
    named = tuple(sorted(path for path in paths if _is_lock(PurePosixPath(path).name)))
    return named if any(PurePosixPath(path).name not in _PINS for path in named) else ()


def _is_lock(name: str) -> bool:
    return name in LOCKS or _REQUIREMENTS.fullmatch(name) is not None


def key(locks: Mapping[str, str], *, folders: Sequence[str], setup: str, machine: Sequence[str], owner: str) -> str:
    """Return the name under which dependencies are kept: another one for whatever may make them others.

    `locks` are the lock files' digests by path, `machine` what the platform is and where the setup's programs lead,
    `owner` is the repository.
    """
    parts = ["1", owner, setup, *machine, "\1", *folders, "\1"]
    for path, digest in sorted(locks.items()):
        parts += (path, digest)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def evicted(kept: Iterable[Kept], limit: int, *, new: str) -> tuple[str, ...]:
    """Return the keys that must go, the ones longest out of use first, for the rest to fit; `new` never goes."""
    known = sorted(kept, key=lambda each: (each.used, each.key))
    total = sum(each.size for each in known)
    gone: list[str] = []
    for each in known:
        if total <= limit:
            break
        if each.key != new:
            gone.append(each.key)
            total -= each.size
    return tuple(gone)


def paths_of(folders: Iterable[str]) -> tuple[bytes, ...]:
    """Return how files may name a worktree: its path as it is, resolved, and as addresses write it; longest first."""
    told = {form for folder in folders for form in (folder, quote(folder))}
    return tuple(sorted((text.encode("utf-8", "surrogateescape") for text in told), key=lambda raw: (-len(raw), raw)))


def _pattern(paths: Sequence[bytes]) -> "re.Pattern[bytes]":
    # a longer name beside it is another worktree's
    return re.compile(rb"(?:" + b"|".join(map(re.escape, paths)) + rb")(?![A-Za-z0-9_-])")


def names_its_worktree(content: bytes, paths: Sequence[bytes]) -> bool:
    return any(path in content for path in paths) and _pattern(paths).search(content) is not None


def moving(path: str, content: bytes, *, checks_itself: bool) -> Moving:
    """Say what becomes of a file that names its worktree. `path` is for the words; see CHECKS_ITSELF."""
    if path.endswith(_HARMLESS):
        return Moving()
    if b"\0" not in content and len(content) <= LARGEST_TEXT:
        return Moving(rewrite=True)
    return Moving() if checks_itself else Moving(problem=f"{path} holds the path of its worktree and is no text")


def moved(content: bytes, old: Sequence[str], new: Sequence[str]) -> bytes:
    """Return a text in which a worktree's path, in each of its forms, has become another's."""
    pairs = {a.encode("utf-8", "surrogateescape"): b for a, b in _forms(old, new)}
    forms = sorted(pairs, key=lambda raw: (-len(raw), raw))
    return _pattern(forms).sub(lambda found: pairs[found[0]].encode("utf-8", "surrogateescape"), content)


def _forms(old: Sequence[str], new: Sequence[str]) -> "list[tuple[str, str]]":
    return [pair for a, b in zip(old, new, strict=True) for pair in ((a, b), (quote(a), quote(b)))]
