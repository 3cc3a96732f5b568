"""Objects of the repository, many at a time: commits read and written, and all of a candidate put on the disk."""

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from batty_tmux.errors import CommandFailed
from batty_tmux.host.plumbing import Git
from batty_tmux.names import Sha


def raw_commits(git: Git, commits: Sequence[Sha]) -> dict[Sha, bytes]:
    """Return commits as they are stored. Raises CommandFailed where one is not there."""
    wanted = list(dict.fromkeys(commits))
    done = git.run("cat-file", "--batch", stdin="".join(f"{sha}\n" for sha in wanted)).check()
    data, found = done.stdout.encode("utf-8", "surrogateescape"), dict[Sha, bytes]()
    for sha in wanted:
        head, _, data = data.partition(b"\n")
        if head.split()[1:2] != [b"commit"]:
            raise CommandFailed(done.argv, 1, "", f"{sha} is not a commit that is here")
        size = int(head.split()[2])
        found[sha], data = data[:size], data[size + 1 :]
    return found


def write_commits(git: Git, raw: Sequence[bytes]) -> tuple[Sha, ...]:
    """Write several commits by one call of git; return their ids in the same order."""
    with TemporaryDirectory(prefix="batty-commits-") as name:
        files = [Path(name, str(number)) for number in range(len(raw))]
        for file, content in zip(files, raw, strict=True):
            file.write_bytes(content)
        said = git.say("hash-object", "-t", "commit", "-w", "--no-filters", "--", *map(str, files))
    return tuple(Sha(line) for line in said.splitlines())


def harden(git: Git, tip: str, base: str) -> None:
    """Have everything that `tip` has beyond `base` reach the disk, whoever wrote it.

    Git that writes many objects and waits for each takes many times as long: once the first of them is on the
    disk, the others mostly are. An object that is in a pack was waited for when that was written.
    """
    out = git.say("rev-list", "--objects", "--no-object-names", tip, f"^{base}")
    for name in out.split():
        try:
            descriptor = os.open(git.common_folder / "objects" / name[:2] / name[2:], os.O_RDONLY)
        except FileNotFoundError:
            continue
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
