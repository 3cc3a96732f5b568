"""Commands that run others: env, timeout, xargs, find -exec, bash -c. What counts is what they run."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from batty_tmux.core.shell_doubts import HIDING
from batty_tmux.core.shell_words import Simple, Word, joined_path, shown

_MOST: Final = 12
"""Wrappers in wrappers that are taken off."""


@dataclass(frozen=True)
class Script:
    """The text of a line that a command hands to a shell; `here` where that is the same shell."""

    text: str
    after: tuple[str, ...] = ()
    here: bool = False


Found = tuple[list[Simple | Script], list[str]]
"""What a command would run, itself where it wraps nothing, and doubts."""

SHELLS: Final = frozenset({"sh", "bash", "zsh", "dash", "ksh", "ash", "fish"})
_UNFOLLOWED: Final = frozenset(
    "script flock watch parallel strace ltrace chroot unshare nsenter systemd-run expect busybox toybox fakeroot "
    "start-stop-daemon setpriv run-parts entr inotifywait nix-shell distrobox alias coproc".split()
)


def inner(simple: Simple) -> Found:
    """Take the wrappers off a command."""
    found: list[Simple | Script] = []
    doubts: list[str] = []
    todo = [replace(simple, written=simple.words)]
    for _ in range(_MOST):
        if not todo:
            return found, doubts
        each = todo.pop(0)
        doubts += _doubts(each)
        step = _STEPS.get(each.name)
        if step is None:
            found.append(each)
            continue
        made, told = step(each)
        doubts += told
        found += [part for part in made if part is each or isinstance(part, Script)]
        todo += [part for part in made if part is not each and isinstance(part, Simple)]
    return [*found, *todo], [*doubts, "too many commands in one another"]


def _doubts(simple: Simple) -> list[str]:
    if not simple.words:
        return []
    first = simple.words[0]
    if not first.certain or first.pattern or not first.text:
        return [f"which program it runs is not fixed: {first.text[:60]}"]
    if not first.text.isascii():
        return [f"the name of its program is not plain: {first.text[:60]}"]
    if simple.name in _UNFOLLOWED:
        return [f"what {simple.name} runs is not followed"]
    return []


def _rest(simple: Simple, words: Sequence[Word]) -> Found:
    """Go on with the words that are left; without any, the command stands for itself."""
    return ([replace(simple, words=tuple(words))], []) if words else ([simple], [])


def _past(words: Sequence[Word], valued: str = "", long: frozenset[str] = frozenset()) -> int:
    """Return how many words are options: `valued` are the letters, `long` the names that take the next word."""
    at = 0
    while at < len(words) and words[at].text.startswith("-") and words[at].text != "-":
        text = words[at].text
        if text == "--":
            return at + 1
        cluster = re.fullmatch(r"-([A-Za-z]+)", text)
        takes = text in long or (cluster is not None and cluster[1][-1] in valued)
        at += 2 if takes else 1
    return min(at, len(words))


def _plain(valued: str = "", long: str = "", operands: int = 0) -> Callable[[Simple], Found]:
    """Make a step for a wrapper that has options, `operands` of its own, and then the command."""
    names = frozenset(long.split())

    def step(simple: Simple) -> Found:
        rest = simple.arguments[_past(simple.arguments, valued, names) :]
        return _rest(simple, rest[operands:])

    return step


def _nice(simple: Simple) -> Found:
    rest = simple.arguments
    if rest and re.fullmatch(r"-n?-?\d+|--adjustment=.*", rest[0].text):
        return _rest(simple, rest[1:])
    return _rest(simple, rest[2:] if rest and rest[0].text in {"-n", "--adjustment"} else rest)


def _command(simple: Simple) -> Found:
    words = simple.arguments
    if words and re.fullmatch(r"-[pvV]*[vV][pvV]*", words[0].text):
        return [simple], []
    return _rest(simple, words[_past(words) :])


_ASSIGNED = re.compile(r"([A-Za-z_]\w*)=", re.ASCII)


def _env(simple: Simple) -> Found:
    words, doubts = simple.arguments, []
    at = _past(words, "uC", frozenset({"--unset", "--chdir"}))
    if any(word.text != "--" for word in words[:at]) or (at < len(words) and words[at].text == "-"):
        doubts = ["env takes variables away, or reads its words otherwise"]
    found, told = _assigning(simple, words[at:])
    return found, [*doubts, *told]


def _time(simple: Simple) -> Found:
    """Take off the word that bash knows itself: variables may be set behind it."""
    return _assigning(simple, simple.arguments[_past(simple.arguments, "of", frozenset({"--output", "--format"})) :])


def _assigning(simple: Simple, words: Sequence[Word]) -> Found:
    """Go on behind words that set variables."""
    names = [match[1] for match in map(_ASSIGNED.match, (word.text for word in words)) if match]
    count = next((at for at, word in enumerate(words) if not _ASSIGNED.match(word.text)), len(words))
    names = names[:count]
    found, _ = _rest(replace(simple, sets=(*simple.sets, *names)), words[count:])
    return found if words[count:] else [simple], [f"it sets {name}" for name in names if HIDING.fullmatch(name)]


def _xargs(simple: Simple) -> Found:
    words = simple.arguments
    at = _past(
        words, "InPLsdEa", frozenset("--max-args --max-procs --max-lines --replace --delimiter --arg-file".split())
    )
    rest = words[at:]
    marks = [words[n + 1].text for n in range(at - 1) if words[n].text == "-I"]
    marks += [word.text[2:] for word in words[:at] if re.match(r"-I.", word.text)]
    marks += ["{}"] if any(word.text in {"-i", "--replace"} for word in words[:at]) else []
    filled = [replace(word, certain=False) if any(mark in word.text for mark in marks) else word for word in rest]
    return ([replace(simple, words=tuple(filled), more=True)], []) if rest else ([simple], [])


def _find(simple: Simple) -> Found:
    """Yield find itself, and each command that it runs on what it finds, with {} in the folder that it looks in."""
    words = simple.arguments
    texts = simple.texts
    first = next(
        (n for n, text in enumerate(texts) if text.startswith(("-", "(", "!")) and text not in {"-H", "-P"}), 0
    )
    starts = [word for word in words[:first] if word.text not in {"-H", "-P"}] or [Word(".")]
    found: list[Simple | Script] = [simple]
    for at, text in enumerate(texts):
        if text in {"-exec", "-execdir", "-ok", "-okdir"}:
            length = next((n for n, word in enumerate(texts[at + 1 :]) if word in {";", "+"}), len(texts))
            run = words[at + 1 : at + 1 + length]
            found += [replace(simple, words=tuple(_filled(run, start)), written=()) for start in starts if run]
    return found, ["find follows links"] if "-L" in texts or "-follow" in texts else []


def _filled(run: Sequence[Word], start: Word) -> list[Word]:
    return [
        replace(word, text=word.text.replace("{}", f"{start.text}/{{}}"), certain=word.certain and start.certain)
        for word in run
        if word.text != "+"
    ]


def _shell(simple: Simple) -> Found:
    """Read the line of `sh -c LINE`, and what a here-document feeds a shell."""
    words = simple.arguments
    at = next((n for n, word in enumerate(words) if re.fullmatch(r"-[A-Za-z]*c[A-Za-z]*", word.text)), None)
    operand = _past(words, "oO", frozenset({"--rcfile", "--init-file"}))
    if at is not None and at <= operand:
        line = next((word for word in words[at + 1 :] if not re.match(r"[-+]", word.text)), None)
        if line is None:
            return [simple], ["the line that a shell gets is not fixed"]
        return _scripted(simple, line.text, fixed=line.certain, here=False)
    if operand < len(words):
        return [simple], [] if words[operand].certain else ["the script that a shell gets is not fixed"]
    if set(simple.texts) & {"--version", "--help"}:
        return [simple], []
    return [simple, *(Script(body, simple.after) for body in simple.fed)], ["a shell reads its commands from its input"]


def _scripted(simple: Simple, text: str, *, fixed: bool, here: bool) -> Found:
    """Put a line in the place of the command that hands it to a shell, and keep what else that does."""
    script = Script(text, simple.after, here=here)
    if not fixed:
        return [simple, script], [f"the line that {simple.name} gets is not fixed"]
    beside = [replace(simple, words=())] if simple.writes or simple.reads else []
    return [script, *beside], []


def _eval(simple: Simple) -> Found:
    text = " ".join(word.text for word in simple.arguments)
    fixed = all(word.certain and not word.pattern for word in simple.arguments)
    return _scripted(simple, text, fixed=fixed, here=True)


def _trap(simple: Simple) -> Found:
    words = simple.arguments[_past(simple.arguments) :]
    return ([simple, Script(words[0].text, simple.after, here=True)], []) if words else ([simple], [])


_OF_RUNNERS: Final = frozenset(
    "--with --extra --group --python --package --env-file --project --directory --with-requirements".split()
)


def _runner(*words: str) -> Callable[[Simple], Found]:
    """Make a step for `uv run COMMAND` and its like."""

    def step(simple: Simple) -> Found:
        if simple.texts[: len(words)] != words:
            return [simple], []
        rest = simple.arguments[len(words) :]
        return _rest(simple, rest[_past(rest, "p", _OF_RUNNERS) :])

    return step


def _privileged(simple: Simple) -> Found:
    """Keep sudo itself: it is what is judged first."""
    rest = simple.arguments[_past(simple.arguments, "ugpCcDRTrth") :]
    return [simple, *([replace(simple, words=rest)] if rest else [])], []


def _in_folder(simple: Simple, folder: Word) -> Simple:
    known = folder.certain and not folder.pattern
    moved = tuple(joined_path(at, folder.text) if at is not None and known else None for at in simple.folders)
    return replace(simple, folders=moved)


def _make(simple: Simple) -> Found:
    """Follow make -C: what it writes, it writes there."""
    words = simple.arguments
    for at, word in enumerate(words):
        if word.text in {"-C", "--directory"} and at + 1 < len(words):
            kept = (simple.words[0], *words[:at], *words[at + 2 :])
            return [replace(_in_folder(simple, words[at + 1]), words=kept)], []
        if re.match(r"-C.|--directory=", word.text):
            kept = (simple.words[0], *words[:at], *words[at + 1 :])
            folder = replace(word, text=re.sub(r"^-C|^--directory=", "", word.text))
            return [replace(_in_folder(simple, folder), words=kept)], []
    return [simple], []


_STEPS: Final[dict[str, Callable[[Simple], Found]]] = {
    "env": _env,
    "xargs": _xargs,
    "find": _find,
    "eval": _eval,
    "trap": _trap,
    "command": _command,
    "nice": _nice,
    "make": _make,
    "builtin": _plain(),
    "nohup": _plain(),
    "unbuffer": _plain(),
    "caffeinate": _plain("tw"),
    "exec": _plain("a"),
    "time": _time,
    "setsid": _plain(),
    "stdbuf": _plain("ioe"),
    "ionice": _plain("cnpPu"),
    "timeout": _plain("ks", "--kill-after --signal", 1),
    "gtimeout": _plain("ks", "--kill-after --signal", 1),
    "uv": _runner("run"),
    "poetry": _runner("run"),
    "pipenv": _runner("run"),
    "pdm": _runner("run"),
    "hatch": _runner("run"),
    "rye": _runner("run"),
    "pixi": _runner("run"),
    "bundle": _runner("exec"),
    "npx": _runner(),
    "bunx": _runner(),
    "sudo": _privileged,
    "doas": _privileged,
} | dict.fromkeys(SHELLS, _shell)


def is_wrapped(simple: Simple, *names: str) -> bool:
    """Tell whether one of these stands before the command, as in `npx tsc`."""
    return bool(simple.written) and simple.written[0].text.rpartition("/")[2].lower() in names


def as_typed(simple: Simple) -> tuple[str, ...]:
    """Return a command as one would type it, without and with its wrappers."""
    return tuple(dict.fromkeys(shown(words) for words in (simple.words, simple.written) if words))
