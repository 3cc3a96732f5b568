"""Commits that travel as bytes: a bundle holds what is new above some commits that the other side has.

A bundle is made without a ref of its own, so that nothing in the repository changes: its head is written here, and
git packs the rest.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

from batty_tmux.errors import BattyError
from batty_tmux.host.plumbing import Git
from batty_tmux.names import Sha

_SHA256 = 64
"""Digits of an object's name in a repository of the newer kind."""


_WHOLE = "batty-made"
"""The file that says that a bare repository was made to its end."""


def bundle(git: Git, tips: Mapping[str, Sha], without: Sequence[Sha]) -> bytes:
    """Return commits, by the names of refs, with all that they have beyond others; nothing at all where these hold it.

    Raises CommandFailed where one of them is not here.
    """
    rest = [f"^{sha}" for sha in without]
    if without and not git.say("rev-list", "--max-count=1", *tips.values(), *rest):
        return b""
    wanted = "".join(f"{word}\n" for word in (*tips.values(), *rest))
    made = git.run("pack-objects", "--revs", "--thin", "--stdout", "-q", stdin=wanted, timeout=600).check()
    newer = any(len(sha) == _SHA256 for sha in tips.values())
    kind = ["# v3 git bundle", "@object-format=sha256"] if newer else ["# v2 git bundle"]
    head = [*kind, *(f"-{sha} " for sha in without), *(f"{sha} {ref}" for ref, sha in tips.items()), "", ""]
    return "\n".join(head).encode() + made.stdout.encode("utf-8", "surrogateescape")


def unbundle(git: Git, data: bytes, refs: Mapping[str, str]) -> bool:
    """Take the commits of a bundle in: by its refs, ours. False where what it stands on is not here, and whole.

    Raises CommandFailed where they cannot be kept, as on a full disk.
    """
    with NamedTemporaryFile(prefix="batty-bundle-") as file:
        file.write(data)
        file.flush()
        if not git.run("bundle", "verify", "--quiet", file.name, timeout=600).ok:
            return False
        fetch(git, file.name, refs)
    return True


def fetch(git: Git, source: str, refs: Mapping[str, str]) -> None:
    """Fetch refs from a URL or a file: by theirs, ours. Raises CommandFailed where one cannot be had."""
    words = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--end-of-options", source)
    # never a program that a URL names
    allowed = {"GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh"}
    git.run(*words, *(f"+{theirs}:{ours}" for theirs, ours in refs.items()), env=allowed, timeout=600).check()


def bare(folder: Path, object_format: str) -> Git:
    """Return git in a bare repository, made if it is not there, half-made or whole."""
    if object_format not in {"sha1", "sha256"}:
        raise BattyError("object-format", f"{object_format!r} is no kind of git repository", next="batty doctor")
    folder.mkdir(parents=True, exist_ok=True)
    git = Git(folder)
    if not (folder / _WHOLE).exists():
        git.run("init", "--quiet", "--bare", f"--object-format={object_format}", ".").check()
        (folder / _WHOLE).touch()
    return git
