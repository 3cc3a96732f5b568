"""What a reviewer is to look at twice: changed paths that change the rules, or lie where nobody expected them.

A path has one flag at most, the gravest. Each says why in words.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from batty_tmux.core.gate_files import touched
from batty_tmux.names import clean

FlagKind = Literal["settings", "gate", "ci", "git", "agents", "board", "elsewhere"]

RULES: Final[frozenset[FlagKind]] = frozenset({"settings", "gate", "ci", "git", "agents", "board"})
"""The kinds by which a phase changes what it, or what comes after it, is judged by."""

_KNOWN: Final[tuple[tuple[FlagKind, tuple[str, ...], str], ...]] = (
    ("settings", ("/batty.toml",), "batty's own settings: gate, policy and review are in it"),
    (
        "ci",
        (
            *("/.github/", "/.gitlab-ci.yml", "/.gitlab/", "/.circleci/", "/.ci/", "/.buildkite/", "/.woodpecker/"),
            *("/.travis.yml", "/.drone.yml", "/.woodpecker.yml", "/.cirrus.yml", "/.forgejo/", "/.gitea/"),
            *("Jenkinsfile", "azure-pipelines.yml", "bitbucket-pipelines.yml", ".pre-commit-config.yaml"),
        ),
        "what runs in CI, or before a commit",
    ),
    (
        "git",
        (".gitattributes", ".gitmodules", ".gitignore", "/.githooks/", "/.husky/", ".mailmap", ".lfsconfig"),
        "how git reads, ignores and merges files here",
    ),
    (
        "agents",
        (
            *("CLAUDE.md", "CLAUDE.local.md", "AGENTS.md", "GEMINI.md", ".mcp.json", ".cursorrules"),
            *("**/.claude/**", "**/.codex/**", "**/.cursor/**"),
        ),
        "what agents are told, or may do, from then on",
    ),
)
_WORD: Final = re.compile(r"[^\W_]{3,}")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MOST: Final = 200_000
"""Characters of goal and tasks that are read for what they mention."""


@dataclass(frozen=True)
class Flag:
    """`path` is as git gives it; `why` is one sentence's worth, without a full stop."""

    path: str
    kind: FlagKind
    why: str


@dataclass(frozen=True)
class Places:
    """Where a phase's work belongs.

    `board` is its own board's folder, `boards` the folder of all, both from the root. `paths` are the patterns of its
    PHASE.md; without any, `texts`, its goal and its tasks, tell by what they mention.
    """

    board: str
    boards: str
    paths: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


def flags(changed: Iterable[str], places: Places, gate: Iterable[str]) -> tuple[Flag, ...]:
    """Flag the changed paths, in their order. `gate` are the patterns of what defines the gate."""
    paths = tuple(dict.fromkeys(changed))
    found: dict[str, Flag] = {}
    gates = set(touched(paths, gate))
    known = [(kind, set(touched(paths, patterns)), why) for kind, patterns, why in _KNOWN]
    for path in paths:
        told: Flag | None = next((Flag(path, kind, why) for kind, these, why in known[:1] if path in these), None)
        if told is None and path in gates:
            told = Flag(path, "gate", "the gate is made of it: the phase changes what proves it")
        told = told or _of_boards(path, places)
        told = told or next((Flag(path, kind, why) for kind, these, why in known[1:] if path in these), None)
        if told is not None:
            found[path] = told
    rest = [path for path in paths if path not in found and not path.startswith(f"{places.board}/")]
    found |= {flag.path: flag for flag in _elsewhere(rest, places)}
    return tuple(found[path] for path in paths if path in found)


def _of_boards(path: str, places: Places) -> Flag | None:
    if not path.startswith(f"{places.boards}/"):
        return None
    if not path.startswith(f"{places.board}/"):
        other = path.split("/")[1]
        return Flag(path, "board", f"the board of {clean(other, 64)}, which is not this phase's to change")
    if path in {f"{places.board}/PHASE.md", f"{places.board}/config.yml"}:
        return Flag(path, "board", "what this phase itself was asked to do")
    return None


def _elsewhere(paths: Sequence[str], places: Places) -> list[Flag]:
    """Flag what is in no place of the phase's.

    Without patterns, a place is the phase's if goal or tasks mention a word of it: of a folder, or of the file's own
    name. If they mention none of all that was changed, they do not speak of files, and nothing can be told by them.
    """
    if places.paths:
        usual = set(touched(paths, places.paths))
        why = "no pattern of `paths` in PHASE.md fits it"
        return [Flag(path, "elsewhere", why) for path in paths if path not in usual]
    mentioned = _words(" ".join(places.texts)[:_MOST])
    home = {path for path in paths if not mentioned.isdisjoint(_words(_bare(path)))}
    if not home:
        return []
    why = "neither goal nor tasks mention it, or a folder that it is in"
    return [Flag(path, "elsewhere", why) for path in paths if path not in home]


def _bare(path: str) -> str:
    """Return a path without its extension, which says nothing about where it belongs."""
    folder, slash, name = path.rpartition("/")
    return folder + slash + (name.rpartition(".")[0] or name)


def _words(text: str) -> frozenset[str]:
    """Return the words of at least three letters, in lower case; `parseLine` and `parse_line` are both two."""
    return frozenset(word.lower() for word in _WORD.findall(_CAMEL.sub(" ", text)))
