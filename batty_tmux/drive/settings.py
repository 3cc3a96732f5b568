"""Which branch is the base, and what batty.toml says at its tip: never what a phase's branch says."""

from pathlib import Path

from batty_tmux.config import FILE, MAX_SIZE, ConfigError, parse, peek_base
from batty_tmux.config_tables import Config
from batty_tmux.errors import BattyError
from batty_tmux.host.plumbing import Git, find_repository
from batty_tmux.names import Sha

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
    """Return the local branch that phases land on.

    That is `asked`, else run.base of the checkout's own file (this key only), else what origin/HEAD names,
    main or master, whichever exists. Raises `no-base`, and ConfigError where that file hides its run.base.
    """
    git = Git(repo)
    own = repo / FILE
    named = asked or (peek_base(_own_text(own), FILE) if own.is_file() else "")
    if named:
        if exists(git, named):
            return named
        raise _no_base(git, f"there is no branch {named}")
    remote = git.run("symbolic-ref", "--quiet", f"{_REMOTE}HEAD")
    default = remote.stdout.strip().removeprefix(_REMOTE) if remote.ok else "main"
    found = next((name for name in (default, "main", "master") if exists(git, name)), None)
    if found is None:
        raise _no_base(git, "there is no branch main or master, and nothing names another base")
    return found


def exists(git: Git, branch: str) -> bool:
    """Tell whether this is the exact name of a local branch."""
    # rev-parse would take an expression such as main~1 for a branch
    return git.run("show-ref", "--verify", "--quiet", f"refs/heads/{branch}").ok


def base_text(repo: Path, base: str) -> str | None:
    """Return the text of batty.toml at the base's tip; None where it has none."""
    git = Git(repo)
    row = git.say("ls-tree", "-l", "--full-tree", f"refs/heads/{base}", "--", FILE)
    if not row:
        return None
    mode, _, blob, size = row.partition("\t")[0].split()
    source = f"{base}:{FILE}"
    if not mode.startswith("100"):
        raise ConfigError(source, 1, "", "is not a file")
    if int(size) > 4 * MAX_SIZE:
        raise ConfigError(source, 1, "", f"is longer than {MAX_SIZE // 1024} KiB")
    return _utf8(git.run("cat-file", "blob", blob).check().stdout, source)


def settings(repo: Path, base: str) -> Config:
    """Return the configuration at the base's tip; all defaults where it has no file. Raises ConfigError."""
    text = base_text(repo, base)
    return Config() if text is None else parse(text, f"{base}:{FILE}")


class SettingsReader:
    """Reads the settings at the base's tip, with no call of git where neither the tip nor the file has changed."""

    def __init__(self, repo: Path, base: str) -> None:
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


def uncommitted(repo: Path, base: str) -> tuple[str, ...]:
    """Name the files among batty.toml and kanban/ that are not at the base's tip as they are in the checkout.

    So it is whichever branch the checkout is on: what counts is that batty does not see them.
    """
    git = Git(repo)
    # diff, unlike diff-index, compares contents where only time stamps differ
    differ = git.say(
        "diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", f"refs/heads/{base}", "--", FILE, BOARDS
    )
    fresh = git.say("ls-files", "-z", "--others", "--exclude-standard", "--", FILE, BOARDS)
    paths = {path for path in (differ + fresh).split("\0") if path}
    return tuple(sorted(path for path in paths if path.rsplit("/", 1)[-1] not in _UNCOUNTED))


def ignored(repo: Path) -> tuple[str, ...]:
    """Name what git ignores among batty.toml and the boards' own files: no commit takes those by itself."""
    globs = (FILE, f":(glob){BOARDS}/*/config.yml", f":(glob){BOARDS}/*/PHASE.md")
    out = Git(repo).say("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", *globs)
    return tuple(path for path in out.split("\0") if path)


def commit_command(repo: Path, base: str | None, paths: tuple[str, ...], *, force: bool = False) -> str:
    """Return the command line that commits these paths, only these, on the base."""
    tops = sorted({path.split("/", 1)[0] for path in paths}) or [FILE, BOARDS]
    words = " ".join(tops)
    add = "git add -f" if force else "git add"
    commit = f'{add} {words} && git commit -m "Set up batty" -- {words}'
    elsewhere = base is not None and Git(repo).head_branch() != base
    return f"git switch {base} && {commit}" if elsewhere else commit


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
