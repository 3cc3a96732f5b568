"""The rules that are built in: three sets, each with all of the one before it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Literal

from batty_tmux.core.deny_git import call_of
from batty_tmux.core.findings import flagged, operands
from batty_tmux.core.looks import INSIDE, class_of, is_hushed, is_known_program, may_run_others, runs_inside, stays
from batty_tmux.core.places import Ground
from batty_tmux.core.request import WRITES, Request
from batty_tmux.core.shell import Line
from batty_tmux.core.shell_words import Simple
from batty_tmux.core.wrappers import is_wrapped

SetName = Literal["careful", "standard", "trusting"]
SETS: Final[tuple[SetName, ...]] = ("careful", "standard", "trusting")


@dataclass(frozen=True)
class View:
    """A request with what the parser saw: one line for each way to read it, and where it stands."""

    request: Request
    lines: tuple[Line, ...]
    ground: Ground
    gate: frozenset[str] = frozenset()

    @property
    def commands(self) -> tuple[Simple, ...]:
        return tuple(simple for line in self.lines for simple in line.commands)


@dataclass(frozen=True)
class BuiltIn:
    """One rule of a set: the kinds of prompt that it answers, with which meaning, when, and in words."""

    name: str
    since: SetName
    kinds: frozenset[str]
    answer: str
    told: str
    holds: Callable[[View], bool]


def rules_of(chosen: str) -> tuple[BuiltIn, ...]:
    """Return the rules of a set, in order."""
    known = SETS[: SETS.index(chosen) + 1] if chosen in SETS else SETS[:1]
    return tuple(rule for rule in _RULES if rule.since in known)


# --- careful ------------------------------------------------------------------------------------------------

_AGENTS: Final = frozenset({"claude", "codex"})


def _names_worktree(view: View) -> bool:
    """Tell whether some rows of the dialog are the worktree's path and nothing else; a long path wraps."""
    rows = [row.strip() for row in view.request.text[:20_000].split("\n")[:100]]
    runs = (
        "".join(rows[start:end])
        for start in range(len(rows))
        for end in range(start + 1, min(start + 6, len(rows) + 1))
    )
    return bool(view.ground.worktree) and view.request.family in _AGENTS and view.ground.worktree in runs


def _edits_worktree(view: View) -> bool:
    """Tell whether all files are ordinary ones of the worktree, and a dialog asks about the one that it names."""
    request = view.request
    if not request.paths or not view.ground.worktree or request.family not in _AGENTS or request.tool not in WRITES:
        return False
    names = {PurePosixPath(path).name for path in request.paths}
    asked = not request.menu or any(request.question.endswith(f" {name}?") for name in names)
    return asked and all(_is_ordinary(path, view.ground) for path in request.paths)


def _is_ordinary(path: str, ground: Ground) -> bool:
    guarded = _GUARDED.intersection(part.lower() for part in PurePosixPath(path).parts)
    return ground.where(path) == "inside" and not guarded and ".." not in PurePosixPath(path).parts


_GUARDED: Final = frozenset({".git", ".claude", ".codex", ".husky", ".mcp.json", ".envrc"})
"""Files that make an agent, git or a shell run something later."""


# --- standard -----------------------------------------------------------------------------------------------


def _reads_worktree(view: View) -> bool:
    request, ground = view.request, view.ground
    inside = all(ground.where(path) in INSIDE and not is_hushed(path) for path in request.paths)
    return request.tool in {"Read", "Glob", "Grep", "LS"} and bool(ground.worktree) and inside


def _is_all(*classes: str) -> Callable[[View], bool]:
    """Make a condition: each command is of one of these classes."""

    def holds(view: View) -> bool:
        found = {class_of(simple, view.ground, view.gate) for simple in view.commands}
        return bool(view.commands) and bool(view.ground.worktree) and found <= set(classes)

    return holds


# --- trusting -----------------------------------------------------------------------------------------------

_OUTWARD: Final = frozenset(
    "curl wget nc ncat netcat socat ssh sftp scp ftp telnet http xh mail sendmail gh glab hub heroku aws gcloud "
    "gsutil az kubectl helm terraform tofu pulumi ansible ansible-playbook docker docker-compose podman buildah "
    "vagrant fly flyctl vercel netlify firebase wrangler doctl psql mysql mysqladmin mysqldump mongo mongosh redis- "
    "cli createdb dropdb pg_dump pg_restore systemctl service loginctl kill pkill killall renice tmux screen open "
    "xdg-open osascript say notify-send claude codex gemini aider batty batty-tmux npx bunx twine ping dig nslookup "
    "host tailscale ngrok iptables ip ifconfig nmcli env printenv history hash enable bind trap chsh dbus-send "
    "gsettings defaults ollama pip pip3 pipx conda mamba nix nix-env rsync lsof nmap tcpdump gpg openssl security "
    "crontab shopt ulimit exec source . eval sudo".split()
)
"""Programs that reach beyond the worktree: networks, services, other processes, the desktop, other agents."""
_GIT_TAME: Final = frozenset(
    "add commit mv rm restore checkout switch stash reset clean rebase merge cherry-pick revert tag branch apply am "
    "notes sparse-checkout".split()
)
_PACKAGES: Final = {
    name: frozenset(verbs.split())
    for name, verbs in {
        "npm": "install i ci add remove uninstall update run test ls list outdated dedupe rebuild prune exec",
        "pnpm": "install i add remove update run test list build lint dev",
        "yarn": "install add remove upgrade run test list build lint",
        "bun": "install add remove update run test build",
        "uv": "sync lock add remove venv run tree pip",
        "poetry": "install add remove lock update run show check",
        "pdm": "install add remove lock update sync run",
        "pipenv": "install lock sync run",
        "bundle": "install exec update lock",
        "cargo": "build b run r test check clippy fmt doc add remove fetch update tree metadata bench clean nextest",
        "go": "build run test vet fmt get mod generate list tool doc env",
        "composer": "install require update remove dump-autoload",
        "dotnet": "build restore test run add remove format",
        "mix": "deps.get compile test format",
        "gradle": "build test check assemble clean",
        "mvn": "compile test verify package clean",
        "deno": "test lint check fmt cache",
    }.items()
}
"""Package managers, with what they may do: install into the project, build, run. Never publish or log in."""
_SENDS = re.compile(
    r"(?:[\w-]+[:-])?(?:install|uninstall|deploy|publish|release|upload|push|ship)(?:[:-][\w-]+)?", re.IGNORECASE
)
"""Goals of make and scripts of npm that reach beyond the worktree by their name."""
_CODE: Final = {"python": "c", "perl": "eE", "ruby": "e", "node": "ep", "php": "rB", "lua": "e", "osascript": "e"}


def _stays_inside(view: View) -> bool:
    every = all(_is_tame(simple, view) for simple in view.commands)
    return bool(view.commands) and bool(view.ground.worktree) and every


def _is_tame(simple: Simple, view: View) -> bool:
    ground = view.ground
    if class_of(simple, ground, view.gate):
        return True
    if not runs_inside(simple, ground) or not all(
        ground.of(word, simple) <= {"inside", "device"} for word in (*simple.writes, *simple.reads)
    ):
        return False
    if not simple.words:
        return True
    if simple.more or simple.fed or not stays(simple, ground) or any(is_hushed(text) for text in simple.texts):
        return False
    if simple.name == "git":
        return _git_is_tame(simple)
    if (simple.name in _OUTWARD and not _is_own_pip(simple)) or is_wrapped(simple, "npx", "bunx"):
        return False
    goals = [word.text for word in operands(simple, "C")]
    own = simple.name in _PACKAGES or _is_own_pip(simple)
    if any(_SENDS.fullmatch(goal) for goal in goals[own:]) or _runs_code(simple) or may_run_others(simple):
        return False
    if simple.name in _PACKAGES:
        return (goals[0] if goals else "install") in _PACKAGES[simple.name]
    return is_known_program(simple.words[0].text) or ground.of(simple.words[0], simple) <= {"inside"}


def _git_is_tame(simple: Simple) -> bool:
    """Tell whether git changes only this worktree and its branch: other branches and the stash are everybody's."""
    call = call_of(simple)
    sub, name = call.simple, call.subcommand
    shared = {
        "rebase": flagged(sub, "x", "--exec"),
        "branch": flagged(sub, "dDfmMcC", "--delete", "--force", "--move", "--copy"),
        "tag": flagged(sub, "df", "--delete", "--force"),
        "stash": next((word.text for word in operands(sub)), "push") not in {"push", "apply", "list", "show"},
    }
    return name in _GIT_TAME and not call.settings and not call.elsewhere and not shared.get(name, False)


def _is_own_pip(simple: Simple) -> bool:
    """Tell whether this is the pip of an environment in the project."""
    return re.fullmatch(r"(?:\./)?\.?v?env/bin/pip3?", simple.words[0].text) is not None


def _runs_code(simple: Simple) -> bool:
    """Tell whether an interpreter gets its code on the command line or from its input, where nobody has read it."""
    name = re.sub(r"[\d.]+$", "", simple.name)
    if name not in _CODE:
        return False
    texts = simple.texts
    own = re.fullmatch(r"(?:\./)?\.?v?env/bin/python[\d.]*", simple.words[0].text) is not None
    modules = {"pip", "http.server", "smtpd", "webbrowser", "ensurepip", "site"}
    serves = any(texts[at] == "-m" and texts[at + 1] in modules for at in range(len(texts) - 1))
    return not operands(simple) or "-" in texts or flagged(simple, _CODE[name]) or (serves and not own)


_PERMISSION: Final = frozenset({"permission"})
_ASKED_ONCE: Final = "yes once"


def _is_family(family: str) -> Callable[[View], bool]:
    return lambda view: view.request.family == family


_RULES: Final = (
    BuiltIn(
        "built-in trust-worktree",
        "careful",
        frozenset({"trust"}),
        "trust",
        "the agent asks to trust the phase's own worktree",
        _names_worktree,
    ),
    BuiltIn(
        "built-in skip-update",
        "careful",
        frozenset({"update"}),
        "skip",
        "Codex offers a new version of itself",
        _is_family("codex"),
    ),
    BuiltIn(
        "built-in wait-for-limit",
        "careful",
        frozenset({"limit"}),
        "wait",
        "Claude Code has reached a usage limit",
        _is_family("claude"),
    ),
    BuiltIn(
        "built-in edit-in-worktree",
        "careful",
        frozenset({"edit"}),
        _ASKED_ONCE,
        "an ordinary file of the worktree is edited",
        _edits_worktree,
    ),
    BuiltIn(
        "standard: read in the worktree",
        "standard",
        _PERMISSION,
        _ASKED_ONCE,
        "files of the worktree are read or searched",
        _reads_worktree,
    ),
    BuiltIn(
        "standard: look-only command",
        "standard",
        _PERMISSION,
        _ASKED_ONCE,
        "every command only looks: ls, cat, rg, git diff and their like",
        _is_all("look"),
    ),
    BuiltIn(
        "standard: tests and checks",
        "standard",
        _PERMISSION,
        _ASKED_ONCE,
        "every command looks or tests: the gate, test runners, linters, the phase's board",
        _is_all("look", "test"),
    ),
    BuiltIn(
        "standard: commit",
        "standard",
        _PERMISSION,
        _ASKED_ONCE,
        "every command looks, tests or commits: git add, git commit",
        _is_all("look", "test", "commit"),
    ),
    BuiltIn(
        "trusting: stays in the worktree",
        "trusting",
        _PERMISSION,
        _ASKED_ONCE,
        "every command stays in the worktree and reaches no network",
        _stays_inside,
    ),
)
