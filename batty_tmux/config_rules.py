"""What each text of batty.toml may be. Paths stay inside, names are safe for git and tmux, patterns compile."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

ASKABLE = ("question", "plan", "permission", "edit", "confirm", "choice")
"""Kinds of prompts that a supervisor agent may be asked about. Whatever else there is, a person answers."""

HERE = "here"
"""What this machine is called among hosts."""

_UNITS: Mapping[str, float] = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN = re.compile(r"([1-9]\d{0,6})\s*([smhd]?)")
_VOLUMES: Mapping[str, int] = {"M": 10**6, "G": 10**9, "T": 10**12}
_VOLUME = re.compile(r"([1-9]\d{0,5})\s*([MGT])B?")
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,60}")
_LAYOUT = re.compile(r"[A-Za-z0-9_-]{1,60}")
_BRANCH_NEVER = re.compile(r"^[-/.]|\.\.|//|/\.|@\{|[\x00-\x20\x7f~^:?*\[\\]|\.lock(/|$)|[/.]$|^@$")
_REMOTE = re.compile(r"(?!.*(?:\.\.|\.lock(?:/|$)))[A-Za-z0-9_](?:[A-Za-z0-9._-]|/(?=[A-Za-z0-9_])){0,99}(?<![.])")
_LOCK = re.compile(r"(?:rediss?://|unix:///)\S{1,500}")
_SSH = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.@%+-]{0,199}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NEVER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_WORKERS = re.compile(r"dask(?:\+tls)?://(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\]):(\d{1,5})")
_URL = re.compile(r"(?:ssh|https?|git|file)://[^\s]+|[A-Za-z0-9][A-Za-z0-9._-]*(?:@[A-Za-z0-9.-]+)?:[^\s:][^\s]*")
_MOST_PORTS = 65535
_DOLLARS = re.compile(r"(?!0+(?:\.0*)?$)\d{1,4}(?:\.\d{1,2})?")
_SEVERAL_LINES = frozenset(
    {"run.setup", "gate.setup", "gate.command", "gate.toolchain", "command", "args", "match"}
    | {"supervisor.command", "supervisor.args", "review.command", "review.args"}
)


def span(text: str) -> float | None:
    """Return the seconds of "90", "90s", "30m", "2h" or "30d"; None for anything else, and for zero."""
    found = _SPAN.fullmatch(text.strip())
    return int(found[1]) * _UNITS[found[2]] if found else None


def volume(text: str) -> int | None:
    """Return the bytes of "500M", "10G" or "1T"; None for anything else."""
    found = _VOLUME.fullmatch(text.strip())
    return int(found[1]) * _VOLUMES[found[2]] if found else None


def shown(text: str) -> str:
    """Return text of the file so that a terminal shows it and does nothing else."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)[:120]


def text_problem(path: tuple[str, ...], text: str) -> str:
    """Return what is wrong with one text at a key, or nothing."""
    if _NEVER.search(text):
        return "holds a control character"
    key = path[-1] if path[0] in {"agents", "policy"} else ".".join(path)
    key = f"hosts.{path[-1]}" if path[0] == "hosts" else key
    if key not in _SEVERAL_LINES and _CONTROL.search(text):
        return "holds a control character"
    match key:
        case "run.base":
            return "is not the name of a branch" if _BRANCH_NEVER.search(text) else ""
        case "run.worktrees":
            return _place_problem(text)
        case "run.agent":
            return "" if text else "is empty"
        case "run.session":
            fits = _SESSION.fullmatch(text.replace("{repo}", "repo"))
            return "" if fits else "may hold letters, digits, _, - and {repo}"
        case "run.layout":
            return "" if _LAYOUT.fullmatch(text) else _path_problem(text)
        case "run.provide" | "gate.keep" | "run.cache":
            return _path_problem(text)
        case "run.quota":
            return "" if volume(text) else 'must be a size such as "500M" or "10G"'
        case "gate.timeout" | "patience.setup" | "patience.stuck" | "patience.idle" | "patience.hold" | "patience.host":
            return "" if span(text) else 'must be a time such as "90s", "30m" or "2h"'
        case "gate.workers":
            return _workers_problem(text)
        case "gate.fetch":
            return (
                ""
                if not text or _URL.fullmatch(text)
                else 'must be a URL that git fetches from: "ssh://me@host/srv/repo", "https://host/repo"'
            )
        case "queue.remote":
            fits = _REMOTE.fullmatch(text)
            return (
                "" if fits or not text else 'is not the name of a remote, as `git remote` lists them, such as "origin"'
            )
        case "queue.lock":
            fits = _LOCK.fullmatch(text)
            return "" if fits or not text else 'must be the address of a Redis, such as "redis://host:6379/0"'
        case "hosts.ssh":
            return (
                ""
                if not text or _SSH.fullmatch(text)
                else "is a host as ssh knows it, such as user@host; a port is for ~/.ssh/config"
            )
        case "hosts.folder" | "hosts.batty":
            return "is empty" if not text.strip() else "is taken for an option" if text.startswith("-") else ""
        case "queue.retention":
            return "" if span(text) else 'must be a time such as "12h" or "30d"'
        case "supervisor.timeout" | "review.timeout":
            return "" if span(text) else 'must be a time such as "45s" or "2m"'
        case "supervisor.budget" | "review.budget":
            return "" if _DOLLARS.fullmatch(text) else 'must be dollars such as "0.50" or "2"'
        case "supervisor.model" | "review.model":
            return "is taken for an option" if text.startswith("-") else ""
        case "review.paths":
            return "" if text.strip("/") else "is empty, and would fit nothing"
        case "supervisor.kinds":
            return "" if text in ASKABLE else f'"{shown(text)}" is none of {", ".join(ASKABLE)}'
        case "match":
            return _pattern_problem(text)
        case "command" if path[0] == "policy" and len(text) > 2 and text[0] == text[-1] == "/":  # noqa: PLR2004
            return _pattern_problem(text[1:-1])
    return ""


def supervisor_problem(by: object, command: object) -> tuple[str, str]:
    """Return which key of supervisor.by and supervisor.command does not go with the other, and why; or nothing."""
    return _caller_problem("supervisor", "by", by, command)


def director_problem(by: object, director: object, command: object) -> tuple[str, str]:
    """Return the same of review.director and review.command; nothing of them counts before review.by asks for one."""
    return _caller_problem("review", "director", director, command) if by == "director" else ("", "")


def _caller_problem(table: str, key: str, by: object, command: object) -> tuple[str, str]:
    if by == "command" and not command:
        return key, f'is "command", and {table}.command names none'
    unused = by != "command" and isinstance(command, list) and command
    return ("command", f'is for {table}.{key} = "command", not "{shown(str(by))}"') if unused else ("", "")


def _workers_problem(text: str) -> str:
    found = _WORKERS.fullmatch(text)
    if not text or (found is not None and 0 < int(found[1]) <= _MOST_PORTS):
        return ""
    return f'"{shown(text)}" names no scheduler: "dask://HOST:PORT", or "dask+tls://HOST:PORT"'


def hosts_problem(hosts: Mapping[str, object]) -> tuple[str, str]:
    """Return which host is one too many, and why; or nothing."""
    own = [name for name, host in hosts.items() if isinstance(host, dict) and not host.get("ssh")]
    if len(own) > 1:
        return own[1], f"has no ssh, so it is this machine, as {own[0]} is"
    taken = next((name for name in hosts if name == HERE and name not in own), "")
    return (taken, f'"{HERE}" is this machine, and needs no ssh') if taken else ("", "")


def _place_problem(text: str) -> str:
    if not text.strip() or text.startswith("~"):
        return "must be a path, absolute or seen from the repository; ~ is not expanded"
    rest = text.replace("{repo}", "")
    return "{repo} is the only placeholder here" if "{" in rest or "}" in rest else ""


def _path_problem(text: str) -> str:
    path = PurePosixPath(text)
    if not path.parts or path.is_absolute() or ".." in path.parts:
        return f'"{shown(text)}" must be a relative path that stays inside the repository'
    return f'"{shown(text)}" is git\'s own' if path.parts[0].lower() == ".git" else ""


def _pattern_problem(text: str) -> str:
    if not text:
        return "is empty, and would match every prompt"
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError, MemoryError) as error:
        return f"is not a regular expression: {shown(str(error))}"
    return ""
