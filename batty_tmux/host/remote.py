"""A remote as git knows it: fetch one branch of it, and push to it so that nothing of anybody's is lost.

No hosting service's API. What a remote, its hooks or ssh say is hostile: it comes back in plain lines without the
addresses' passwords. Nothing asks at a terminal: who cannot log in without being asked is told so.

The landing lock is not handed down to these: git may leave a helper behind that keeps passwords for a while, or a
hook a program, and the lock with it. That a push of a killed lander may still arrive does no harm: the remote decides.
"""

import hashlib
import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from batty_tmux.host.plumbing import Git
from batty_tmux.host.process import Done, run
from batty_tmux.names import Base, Sha, clean

FETCHING: Final = 120.0
PUSHING: Final = 600.0
"""Seconds. A hook of the user's that runs before a push has this time too."""

_SSH = ("BatchMode=yes", "ConnectTimeout=10", "ServerAliveInterval=5", "ServerAliveCountMax=3")
_CONFIG = ("http.lowSpeedLimit=1", "http.lowSpeedTime=30", "fetch.writeCommitGraph=false", "push.gpgSign=false")
_LOGIN = re.compile(r"(?<=://)[^/@\s]*@")
_NO_CONNECTION = 128
_ROW = re.compile(r"^([ +*!=-])\t[^\t]*\t(.*)$", re.MULTILINE)
_WORDS = 6
"""Lines of what was said that are kept."""

_LONGEST = 1024
"""Bytes that a turn may have; what is longer nobody of us wrote."""

Verdict = Literal["done", "moved", "refused", "unknown"]


@dataclass(frozen=True)
class Pushed:
    """What came of a push: done, refused because the ref was elsewhere (`moved`), or by a rule; or nobody knows."""

    verdict: Verdict
    words: tuple[str, ...] = ()


def turn_ref(base: Base) -> str:
    """Return the ref on the remote by which machines take turns at this branch."""
    return f"refs/batty/turn/{base.name}"


def seen_turn_ref(base: Base) -> str:
    """Return the ref here that holds what was fetched of it."""
    return f"refs/batty/shared/{base.remote}/{base.name}"


def fetch(git: Git, base: Base, timeout: float = FETCHING) -> Done:
    """Bring the remote's branch here, and whose turn it is there; no tag, no other branch, no FETCH_HEAD."""
    # a pattern may match nothing, where a name that is not there would fail; with --prune what is gone goes here too
    turns = f"+{turn_ref(base)}*:{seen_turn_ref(base)}*"
    branch = f"+refs/heads/{base.name}:{base.ref}"
    words = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--prune")
    return _run(git, *words, base.remote, branch, turns, timeout=timeout)


def push(git: Git, base: Base, commit: Sha, old: Sha) -> Pushed:
    """Move the remote's branch from exactly `old` to the commit, which must descend from it. The user's hook is run."""
    config = (f"core.hooksPath={_hooks(git)}",)
    return _push(git, base.remote, f"{commit}:refs/heads/{base.name}", f"refs/heads/{base.name}:{old}", config)


def put(git: Git, remote: str, ref: str, new: str, old: str | None) -> Pushed:
    """Write a ref of batty's own on the remote, or remove it where `new` is empty; only where it is `old`, or none."""
    return _push(git, remote, f"{new}:{ref}", f"{ref}:{old or ''}", (), "--no-verify")


def seen_turn(git: Git, base: Base) -> tuple[str, str] | None:
    """Return object and text of the turn on the remote as it was fetched; None where there is none."""
    row = git.say("for-each-ref", "--format=%(objectname) %(objecttype) %(objectsize)", seen_turn_ref(base)).split()
    if not row or row[1] != "blob" or int(row[2]) > _LONGEST:
        return (row[0], "") if row else None
    return row[0], git.run("cat-file", "blob", row[0]).stdout


def keep(git: Git, text: str) -> str:
    """Write a text into the object database, and return its name there."""
    return git.say("hash-object", "-w", "--stdin", stdin=text)


def may_push(git: Git, base: Base, timeout: float = 30) -> Done:
    """Ask the remote to let us push, without pushing: it tells who may not log in for that, and no more."""
    words = ("push", "--dry-run", "--porcelain", "--no-verify", base.remote, f"{base.ref}:refs/heads/{base.name}")
    return _run(git, *words, timeout=timeout)


def address(git: Git, remote: str) -> str | None:
    """Return where pushes go, without a password; None where there is no such remote."""
    done = git.run("remote", "get-url", "--push", remote)
    return plain(done.stdout.strip()) if done.ok else None


def mark(url: str) -> str:
    """Return one name for all ways to write an address, with no login in it: with or without .git, as scp has it."""
    scp = re.fullmatch(r"(?:[^/@\s]+@)?([^/:\s]+):(?!//)(.+)", url)
    whole = f"ssh://{scp[1]}/{scp[2]}" if scp else plain(url)
    scheme, _, rest = whole.rpartition("://")
    host, slash, path = rest.partition("/")
    host = host.lower() if scheme != "file" else host
    return f"{host}{slash}{path.strip('/').removesuffix('.git')}"


def key_of(url: str, base: Base) -> str:
    """Return the name under which machines lock this branch of this remote; nothing can be read back from it."""
    return hashlib.sha256(f"{mark(url)} {base.name}".encode("utf-8", "surrogateescape")).hexdigest()[:24]


def plain(url: str) -> str:
    """Return an address without the name and password in it."""
    return _LOGIN.sub("", url)


def words_of(done: Done) -> tuple[str, ...]:
    """Return the last lines that were said, made safe to show."""
    ended = () if done.status is not None else ("it ran out of time",)
    lines = (clean(plain(line), 300) for line in (done.stderr.strip() or done.stdout.strip()).splitlines())
    return (*[line for line in lines if line][-_WORDS:], *ended)


def _push(git: Git, remote: str, what: str, lease: str, config: Sequence[str], *more: str) -> Pushed:
    words = ("push", "--porcelain", "--no-follow-tags", "--recurse-submodules=no", "--force-with-lease=" + lease)
    done = _run(git, *words, *more, remote, what, timeout=PUSHING, config=config)
    return _judged(done)


def _judged(done: Done) -> Pushed:
    row = _ROW.search(done.stdout)
    if done.ok:
        return Pushed("done")
    if row is None or row[1] != "!":
        # git ends with 1 where a hook here said no, and with 128 where it could not speak with the remote
        known = done.status == 1
        return Pushed("refused" if known else "unknown", words_of(done))
    said = clean(plain(row[2]), 300)
    if said.startswith("[rejected]"):
        return Pushed("moved", (said,))
    if said.startswith("[remote rejected]"):
        # what its hooks print comes on the other channel, marked line by line
        told = (line.partition("remote:")[2] for line in done.stderr.splitlines() if line.startswith("remote:"))
        shown = [line for line in (clean(plain(each), 300) for each in told) if line][:_WORDS]
        return Pushed("refused", (said.removeprefix("[remote rejected]").strip(" ()") or said, *shown))
    return Pushed("unknown", (said, *words_of(done)))


def _run(git: Git, *words: str, timeout: float, config: Sequence[str] = ()) -> Done:
    env = {"GIT_SSH_COMMAND": command} if (command := _ssh(git)) else {}
    return Git(git.folder).run(*words, env=env, timeout=timeout, config=(*_CONFIG, *config))


def _ssh(git: Git) -> str:
    """Return the user's own ssh command, told to ask nothing and not to wait for ever; "" where it is no OpenSSH.

    For each option ssh takes the first that it is given, so what the user's command says itself still holds.
    """
    own = os.environ.get("GIT_SSH_COMMAND") or git.run("config", "--get", "core.sshCommand").stdout.strip()
    if not own and os.environ.get("GIT_SSH"):
        own = shlex.quote(os.environ["GIT_SSH"])
    try:
        words = shlex.split(own or "ssh")
    except ValueError:
        return own
    if not words or Path(words[0]).name != "ssh":
        return own
    return " ".join((own or "ssh", *(f"-o {option}" for option in _SSH)))


def _hooks(git: Git) -> str:
    """Return the user's own folder of hooks, which batty's own git calls are told to overlook."""
    done = run(("git", "rev-parse", "--git-path", "hooks"), cwd=git.folder)
    return done.stdout.removesuffix("\n") if done.ok else "/dev/null"
