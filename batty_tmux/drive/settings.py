"""Which branch is the base, and what batty.toml says at its tip: never what a phase's branch says."""

import shlex
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from batty_tmux.config import FILE, MAX_SIZE, ConfigError, parse, peek_base, peek_remote
from batty_tmux.config_tables import Config
from batty_tmux.errors import BattyError
from batty_tmux.host.plumbing import Git, find_repository
from batty_tmux.names import Base, Sha

BOARDS = "kanban"
_REMOTE = "refs/remotes/origin/"
_UNCOUNTED = frozenset({".lock", "activity.jsonl"})
"""What kanban-md leaves beside a board while it works; nothing of it needs to be committed."""


def repository(folder: Path) -> Path:
    """Return the top of the checkout around a folder. Raises `no-repository`, or `no-commits` in an empty one."""
    git = find_repository(folder)
    if git.tip("HEAD") is None and not git.say("for-each-ref", "--count=1", "refs/heads"):
        what = f"{git.folder} has no commits yet, and work starts from one"
        raise BattyError("no-commits", what, next='git commit --allow-empty -m "Start"')
    return git.folder


def base_branch(repo: Path, asked: str | None) -> str:
    """Return the name of the branch that phases land on.

    That is `asked`, else run.base of the checkout's own file (this key only), else what origin/HEAD names,
    main or master, whichever exists here or, where it says itself that it is the base, at a remote. Raises
    `no-base`, and ConfigError where that file hides its run.base.
    """
    git = Git(repo)
    own = repo / FILE
    named = asked or (peek_base(_own_text(own), FILE) if own.is_file() else "")
    if named:
        if exists(git, named) or fetched(git, named) is not None:
            return named
        raise _no_base(git, f"there is no branch {named}")
    remote = git.run("symbolic-ref", "--quiet", f"{_REMOTE}HEAD")
    default = remote.stdout.strip().removeprefix(_REMOTE) if remote.ok else "main"
    likely = (default, "main", "master")
    found = next((name for name in likely if exists(git, name)), None)
    found = found or next((name for name in likely if fetched(git, name) is not None), None)
    if found is None:
        raise _no_base(git, "there is no branch main or master, and nothing names another base")
    return found


def exists(git: Git, branch: str) -> bool:
    """Tell whether this is the exact name of a local branch."""
    # rev-parse would take an expression such as main~1 for a branch
    return git.run("show-ref", "--verify", "--quiet", f"refs/heads/{branch}").ok


def fetched(git: Git, name: str) -> Base | None:
    """Return the branch of this name as it was fetched from the remote that its own batty.toml names."""
    refs = git.say("for-each-ref", "--format=%(refname)", f"refs/remotes/**/{name}").splitlines()
    for ref in refs:
        base = Base(name, ref.removeprefix("refs/remotes/").removesuffix(f"/{name}"))
        if base.ref == ref and _named_remote(git.folder, base) == base.remote:
            return base
    return None


def base_of(repo: Path, name: str) -> Base:
    """Return the base of this name: the branch here, or that of the remote which the branch here names.

    Only where there is none here does a fetched one say it of itself.
    """
    git, local = Git(repo), Base(name)
    if git.tip(local.ref) is None:
        return fetched(git, name) or local
    return Base(name, _named_remote(repo, local))


def _named_remote(repo: Path, base: Base) -> str:
    """Return queue.remote at a branch's tip; "" where its file cannot be read: what is wrong with it is told then."""
    with suppress(ConfigError):
        return peek_remote(base_text(repo, base) or "")
    return ""


@dataclass(frozen=True)
class Opened:
    """A base where it is now. `tip` is None where it does not exist; `config` may be what is wrong with its file."""

    base: Base
    tip: Sha | None
    config: Config | ConfigError = Config()


def opened(repo: Path, name: str) -> Opened:
    """Open the base of this name. Where it is a branch here, nothing is read twice."""
    git, local = Git(repo), Base(name)
    tip = git.tip(local.ref)
    if tip is not None:
        told = _tried(repo, local)
        remote = told.queue.remote if isinstance(told, Config) else _named_remote(repo, local)
        if not remote:
            return Opened(local, tip, told)
        base = Base(name, remote)
    else:
        base = fetched(git, name) or local
    tip = git.tip(base.ref)
    return Opened(base, tip, _tried(repo, base)) if tip is not None else Opened(base, None)


def _tried(repo: Path, base: Base) -> Config | ConfigError:
    try:
        return settings(repo, base)
    except ConfigError as fault:
        return fault


def base_text(repo: Path, base: Base) -> str | None:
    """Return the text of batty.toml at the base's tip; None where it has none."""
    git = Git(repo)
    row = git.say("ls-tree", "-l", "--full-tree", base.ref, "--", FILE)
    if not row:
        return None
    mode, _, blob, size = row.partition("\t")[0].split()
    source = f"{base}:{FILE}"
    if not mode.startswith("100"):
        raise ConfigError(source, 1, "", "is not a file")
    if int(size) > 4 * MAX_SIZE:
        raise ConfigError(source, 1, "", f"is longer than {MAX_SIZE // 1024} KiB")
    return _utf8(git.run("cat-file", "blob", blob).check().stdout, source)


def settings(repo: Path, base: Base) -> Config:
    """Return the configuration at the base's tip; all defaults where it has no file. Raises ConfigError."""
    text = base_text(repo, base)
    return Config() if text is None else parse(text, f"{base}:{FILE}")


class SettingsReader:
    """Reads the settings at the base's tip, with no call of git where neither the tip nor the file has changed."""

    def __init__(self, repo: Path, base: Base) -> None:
        self._repo = repo
        self._base = base
        self._at: tuple[Sha, str] | None = None
        self._config = Config()

    def at(self, tip: Sha) -> Config:
        """Return the settings where `tip` is the base's tip. Raises ConfigError."""
        if self._at is None or self._at[0] != tip:
            row = Git(self._repo).say("ls-tree", "--full-tree", tip, "--", FILE)
            if self._at is None or self._at[1] != row:
                self._config = settings(self._repo, self._base)
            self._at = (tip, row)
        return self._config


def own_settings(repo: Path) -> Config:
    """Return what the checkout's own file says: for checking it before it is committed, never for working."""
    own = repo / FILE
    return parse(_own_text(own), FILE) if own.is_file() else Config()


def uncommitted(repo: Path, base: Base) -> tuple[str, ...]:
    """Name the files among batty.toml and kanban/ that are not at the base's tip as they are in the checkout.

    So it is whichever branch the checkout is on: what counts is that batty does not see them. A checkout that is
    only behind a remote has nothing of its own there.
    """
    git = Git(repo)
    differ = _differing(git, base.ref)
    fork = git.merge_base("HEAD", base.ref) if differ and base.remote else None
    if fork is not None:
        own = set(_differing(git, fork).split("\0"))
        differ = "".join(f"{path}\0" for path in differ.split("\0") if path in own)
    fresh = git.say("ls-files", "-z", "--others", "--exclude-standard", "--", FILE, BOARDS)
    paths = {path for path in (differ + fresh).split("\0") if path}
    return tuple(sorted(path for path in paths if path.rsplit("/", 1)[-1] not in _UNCOUNTED))


def _differing(git: Git, commit: str) -> str:
    # diff, unlike diff-index, compares contents where only time stamps differ
    words = ("diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", commit, "--", FILE, BOARDS)
    return git.run(*words).check().stdout


def ignored(repo: Path) -> tuple[str, ...]:
    """Name what git ignores among batty.toml and the boards' own files: no commit takes those by itself."""
    globs = (FILE, f":(glob){BOARDS}/*/config.yml", f":(glob){BOARDS}/*/PHASE.md")
    out = Git(repo).say("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", *globs)
    return tuple(path for path in out.split("\0") if path)


def commit_command(repo: Path, base: Base | None, paths: tuple[str, ...], *, force: bool = False) -> str:
    """Return the command line that commits these paths, only these, on the base, and brings them to its remote."""
    tops = sorted({path.split("/", 1)[0] for path in paths}) or [FILE, BOARDS]
    words = " ".join(tops)
    add = "git add -f" if force else "git add"
    commit = f'{add} {words} && git commit -m "Set up batty" -- {words}'
    if base is None:
        return commit
    commit += f" && git push {base.remote} {shlex.quote(base.name)}" if base.remote else ""
    elsewhere = Git(repo).head_branch() != base.name
    return f"git switch {base.name} && {commit}" if elsewhere else commit


def _own_text(path: Path) -> str:
    with path.open("rb") as file:
        return _utf8(file.read(4 * MAX_SIZE + 1).decode("utf-8", "surrogateescape"), FILE)


def _utf8(text: str, source: str) -> str:
    """Return the text as it is. Raises ConfigError for bytes that are no UTF-8, which came as surrogates."""
    bad = next((place for place, char in enumerate(text) if "\ud800" <= char <= "\udfff"), None)
    if bad is not None:
        raise ConfigError(source, text.count("\n", 0, bad) + 1, "", "is not UTF-8")
    # TOML takes both kinds of line ends, tomllib's lines count one
    return text.replace("\r\n", "\n")


def _no_base(git: Git, what: str) -> BattyError:
    known = tuple(git.say("for-each-ref", "--count=12", "--format=%(refname:short)", "refs/heads").splitlines())
    return BattyError("no-base", what, evidence=known, next=f"batty work all --base {known[0] if known else 'NAME'}")
