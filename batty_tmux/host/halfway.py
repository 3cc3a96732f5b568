"""How far a fast-forward came that was killed: which of two contents a file of the checkout has."""

from hashlib import sha1, sha256
from typing import Literal

from batty_tmux.host.plumbing import Blob, Git
from batty_tmux.names import Sha

_SHA1_DIGITS = 40

Side = Literal["old", "new", "partial", "missing", "other"]


def on_disk(git: Git, path: str, old: Blob | None, new: Blob | None) -> Side:
    """Tell which side of a fast-forward a file is on, for repairing one that was killed half-way.

    `partial` is a proper beginning of either content: git was writing it. `other` is the user's.
    """
    file = git.folder / path
    if file.is_symlink():
        content = str(file.readlink()).encode()
    elif file.is_file():
        content = file.read_bytes()
    else:
        return "missing" if not file.exists() else "other"
    same = _same(content, old, new)
    if same is not None:
        return same
    wanted = {side: _content(git, path, blob) for side, blob in (("old", old), ("new", new)) if blob is not None}
    if wanted.get("old") == content:
        return "old"
    if wanted.get("new") == content:
        return "new"
    # git may have been killed writing the new content, or while the old one was being put back
    return "partial" if any(whole.startswith(content) for whole in wanted.values()) else "other"


def _same(content: bytes, old: Blob | None, new: Blob | None) -> Side | None:
    """Tell by its object id which blob a content is. Asking git for each of thousands of files takes minutes."""
    for side, blob in (("old", old), ("new", new)):
        if blob is not None and _object_id(content, blob.sha) == blob.sha:
            return side  # type: ignore[return-value]
    return None


def _object_id(content: bytes, like: Sha) -> str:
    """Return the id that git gives to a blob, by the hash function that this repository's ids are made with."""
    whole = b"blob %d\0" % len(content) + content
    return (sha1(whole, usedforsecurity=False) if len(like) == _SHA1_DIGITS else sha256(whole)).hexdigest()


def _content(git: Git, path: str, blob: Blob) -> bytes:
    """Return a blob as a checkout of it would be, with line endings and filters applied."""
    done = git.run("cat-file", "--filters", f"--path={path}", blob.sha).check()
    return done.stdout.encode("utf-8", "surrogateescape")
