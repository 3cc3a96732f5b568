"""What no rule may allow of git: moving the base, forcing, going round the guard, work in other places."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from batty_tmux.core.findings import Finding, abbreviates, flagged, operands
from batty_tmux.core.places import Ground
from batty_tmux.core.shell_words import Simple, Word, joined_path

READS: Final = frozenset(
    "status diff log show ls-files ls-tree ls-remote rev-parse rev-list blame annotate grep describe shortlog cat-file "
    "merge-base name-rev for-each-ref show-ref show-branch count-objects version help whatchanged cherry range-diff "
    "diff-tree diff-files diff-index var check-ignore check-attr check-ref-format merge-tree verify-commit fsck".split()
)
"""Subcommands that change nothing of a repository."""


@dataclass(frozen=True)
class Call:
    """One call of git: `simple` is the subcommand with its arguments, `settings` what -c sets for it."""

    simple: Simple
    settings: tuple[str, ...] = ()
    elsewhere: bool = False

    @property
    def subcommand(self) -> str:
        return self.simple.name


def call_of(simple: Simple) -> Call:
    """Take git's own options off a call; `elsewhere` says that --git-dir or --work-tree choose another place."""
    settings: list[str] = []
    folders, elsewhere, at = simple.folders, False, 1
    words = simple.words
    while at < len(words) and words[at].text.startswith("-"):
        text = words[at].text
        value = words[at + 1] if at + 1 < len(words) else Word("")
        if text == "-C":
            fixed = value.certain and not value.pattern
            folders = tuple(joined_path(f, value.text) if f is not None and fixed else None for f in folders)
        elif text in {"-c", "--config-env"}:
            settings.append(value.text if value.certain else "unknown")
        elif text.startswith("--config-env="):
            settings.append(text.partition("=")[2])
        elsewhere = elsewhere or text.startswith(("--git-dir", "--work-tree", "--namespace", "--exec-path="))
        at += 2 if text in {"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--config-env"} else 1
    return Call(replace(simple, words=words[at:], folders=folders), tuple(settings), elsewhere)


def findings(simple: Simple, ground: Ground, base: str) -> Iterator[Finding]:
    """Yield what no rule may allow in a call of git, and what cannot be known."""
    call = call_of(simple)
    if any(setting.lower().startswith(("core.hookspath", "alias.", "unknown")) for setting in call.settings):
        yield Finding("going round the guard by git's settings")
    yield from _skipping(call)
    yield from _places(call, ground)
    check = _CHECKS.get(call.subcommand)
    if check is not None:
        yield from check(call.simple, base)
    if call.subcommand not in READS and any(re.search(r"(?:^|[:+/])(?:refs/)?batty/", t) for t in call.simple.texts):
        yield Finding("changing batty's own refs")
    if call.subcommand in _CHECKS and (call.simple.more or not all(w.certain for w in call.simple.arguments)):
        yield Finding(f"what git {call.subcommand} gets is not fixed", denied=False)


def _skipping(call: Call) -> Iterator[Finding]:
    texts = call.simple.texts
    long = call.subcommand in {"commit", "push", "merge", "rebase", "am", "cherry-pick", "revert", "pull"} and any(
        text.startswith("--no-v") and abbreviates(text, {"--no-verify"}) for text in texts
    )
    short = call.subcommand == "commit" and any(
        re.fullmatch(r"-[aeiopqsvz]*n.*", text) for text in _before_dashes(texts)
    )
    if long or short:
        yield Finding("skipping hooks with --no-verify")


def _before_dashes(texts: tuple[str, ...]) -> tuple[str, ...]:
    return texts[: texts.index("--")] if "--" in texts else texts


def _places(call: Call, ground: Ground) -> Iterator[Finding]:
    """Yield a finding where a repository is changed that is not the phase's worktree."""
    if call.subcommand in READS or not call.subcommand:
        return
    places = {ground.of_word(Word("."), folder) for folder in call.simple.folders}
    if "outside" in places:
        yield Finding("changing a repository outside the worktree")
    if "unknown" in places:
        yield Finding("in which folder git runs is not fixed", denied=False)
    if call.elsewhere:
        yield Finding("changing a repository that is chosen by an option")


# --- one check a subcommand ---------------------------------------------------------------------------------


def _is_base(text: str, base: str) -> bool:
    return bool(base) and text.lstrip("+") in {base, f"heads/{base}", f"refs/heads/{base}"}


def _may_be_base(text: str, base: str) -> bool:
    """Tell whether a target names the base, or a pattern that may hold it."""
    return _is_base(text, base) or (bool(base) and "*" in text and not text.startswith("refs/tags/"))


def _push(simple: Simple, base: str) -> Iterator[Finding]:
    refspecs = [word.text for word in operands(simple, "o", {"--repo", "--push-option", "--receive-pack", "--exec"})][
        1:
    ]
    forcing = ("--force", "--force-with-lease", "--force-if-includes")
    if (
        flagged(simple, "f")
        or any(abbreviates(t, forcing) for t in simple.texts)
        or any(r[:1] == "+" for r in refspecs)
    ):
        yield Finding("a forced push")
    if flagged(simple, "d", "--delete", "--mirror", "--prune") or any(r.startswith(":") for r in refspecs):
        yield Finding("a push that deletes")
    targets = [refspec.rpartition(":")[2] for refspec in refspecs]
    if flagged(simple, "", "--all", "--branches") or any(_may_be_base(target, base) for target in targets):
        yield Finding("a push to the base branch")


def _branch(simple: Simple, base: str) -> Iterator[Finding]:
    moves = flagged(simple, "dDfmMcC", "--delete", "--force", "--move", "--copy")
    if moves and any(_is_base(word.text, base) for word in operands(simple, "u")):
        yield Finding("moving or deleting the base branch")


def _switch(simple: Simple, base: str) -> Iterator[Finding]:
    texts = simple.texts
    made = {texts[at + 1] for at, text in enumerate(texts[:-1]) if text in {"-b", "-B", "-c", "-C", "--orphan"}}
    made |= {text.partition("=")[2] for text in texts if abbreviates(text, {"--force-create", "--create", "--orphan"})}
    made |= {text[2:] for text in texts if re.match(r"-[BC][^-]", text)}
    made |= {texts[at + 1] for at, text in enumerate(texts[:-1]) if abbreviates(text, {"--force-create", "--create"})}
    if any(_is_base(name, base) for name in made):
        yield Finding("moving the base branch")
    named = [word.text for word in operands(simple)]
    if (
        not made
        and len(named) == 1
        and _is_base(named[0], base)
        and not flagged(simple, "d", "--detach")
        and "--" not in texts
    ):
        yield Finding("working on the base branch itself")


def _fetch(simple: Simple, base: str) -> Iterator[Finding]:
    named = [word.text for word in operands(simple, "jo", {"--depth", "--upload-pack", "--refmap"})]
    if any(":" in text and _may_be_base(text.rpartition(":")[2], base) for text in named[1:]):
        yield Finding("moving the base branch")


def _rebase(simple: Simple, base: str) -> Iterator[Finding]:
    named = operands(simple, "xsX", {"--onto", "--exec", "--strategy", "--strategy-option"})
    if len(named) > 1 and _is_base(named[1].text, base):
        yield Finding("moving the base branch")


def _symbolic_ref(simple: Simple, base: str) -> Iterator[Finding]:  # noqa: ARG001 -- as all checks
    if len(operands(simple, "m")) > 1 or flagged(simple, "d", "--delete"):
        yield Finding("moving refs by hand")


def _worktree(simple: Simple, base: str) -> Iterator[Finding]:
    named = operands(simple, "bB", {"--reason", "--expire"})
    if named and named[0].text == "add" and any(_is_base(word.text, base) for word in named[2:]):
        yield Finding("working on the base branch itself")
    if named and named[0].text == "prune":
        yield Finding("removing or moving a worktree")
    if named and named[0].text in {"remove", "move", "repair"}:
        yield Finding("removing or moving a worktree")


def _config(simple: Simple, base: str) -> Iterator[Finding]:  # noqa: ARG001 -- as all checks
    named = [word.text.lower() for word in operands(simple, "f", {"--file", "--type", "--default", "--blob"})]
    reads = flagged(simple, "l", "--get", "--get-all", "--get-regexp", "--list") or named[:1] in (["get"], ["list"])
    if not reads and flagged(simple, "", "--global", "--system") and (len(named) > 1 or flagged(simple, "e", "--edit")):
        yield Finding("changing git's settings for everything")
    if not reads and any(name.startswith(("core.hookspath", "include")) for name in named) and len(named) > 1:
        yield Finding("going round the guard by git's settings")


def _refs_by_hand(simple: Simple, base: str) -> Iterator[Finding]:  # noqa: ARG001 -- as all checks
    yield Finding("moving refs by hand")


def _credential(simple: Simple, base: str) -> Iterator[Finding]:  # noqa: ARG001 -- as all checks
    yield Finding("reading credentials")


def _nothing(simple: Simple, base: str) -> Iterator[Finding]:  # noqa: ARG001 -- words of these must be fixed
    yield from ()


_CHECKS: Final[dict[str, Callable[[Simple, str], Iterator[Finding]]]] = {
    "push": _push,
    "branch": _branch,
    "checkout": _switch,
    "switch": _switch,
    "fetch": _fetch,
    "pull": _fetch,
    "rebase": _rebase,
    "symbolic-ref": _symbolic_ref,
    "worktree": _worktree,
    "config": _config,
    "reset": _nothing,
    "tag": _nothing,
    "remote": _nothing,
    "update-ref": _refs_by_hand,
    "send-pack": _refs_by_hand,
    "receive-pack": _refs_by_hand,
    "fast-import": _refs_by_hand,
    "filter-branch": _refs_by_hand,
    "filter-repo": _refs_by_hand,
    "credential": _credential,
    "credential-store": _credential,
    "credential-cache": _credential,
}
