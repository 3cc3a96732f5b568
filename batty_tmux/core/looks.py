"""Which commands only look, test or commit, by name and options: what a rule set may let pass without a person.

A command that is not listed here is none of these. Tests run the phase's own code; that is what they are for.
"""

import re
from collections.abc import Collection, Iterator
from typing import Final, Literal

from batty_tmux.core.deny_git import READS, call_of
from batty_tmux.core.findings import flagged, operands
from batty_tmux.core.places import Ground
from batty_tmux.core.shell_words import Simple, Word, shown
from batty_tmux.core.wrappers import is_wrapped

Class = Literal["look", "test", "commit", ""]
"""From the least to the most; "" is none of them."""
INSIDE: Final = frozenset({"inside", "root", "git", "device"})


def class_of(simple: Simple, ground: Ground, gate: Collection[str] = ()) -> Class:
    """Say which kind of command it is, "" for all others. `gate` has the gate's own commands, as typed."""
    if not runs_inside(simple, ground) or any(ground.of(word, simple) != {"device"} for word in simple.writes):
        return ""
    if not all(_is_read(word, simple, ground) for word in simple.reads):
        return ""
    if not simple.words:
        return "look"
    if shown(simple.words) in gate:
        return "test"
    if not is_known_program(simple.words[0].text):
        return ""
    if simple.name == "git":
        return _git(simple, ground)
    if is_wrapped(simple, "npx", "bunx") and simple.name not in _BY_NPX:
        return ""
    if _looks(simple, ground):
        return "look"
    return "test" if _tests(simple, ground) or _is_own_board(simple, ground) else ""


def runs_inside(simple: Simple, ground: Ground) -> bool:
    """Tell whether a command runs in the worktree, whichever of its folders it is in."""
    return all(ground.of_word(Word("."), folder) in {"inside", "root"} for folder in simple.folders)


def is_known_program(text: str) -> bool:
    """Tell whether a program's name is found on the PATH, or where the project's own tools are."""
    folder, slash, _ = text.rpartition("/")
    return not slash or bool(_TOOL_FOLDERS.fullmatch(folder))


_TOOL_FOLDERS = re.compile(
    r"/bin|/usr/bin|/usr/local/bin|/opt/homebrew/bin|(?:\./)?(?:(?:[\w-]+/)*)(?:\.?v?env/bin|node_modules/\.bin|vendor/bin)"
    r"|\."
)


def stays(simple: Simple, ground: Ground, words: Collection[Word] | None = None) -> bool:
    """Tell whether all that may be a path in a command's words is fixed, and in the worktree."""
    return all(_is_inside(part, simple, ground) for word in words or simple.arguments for part in _paths(word))


def _is_inside(word: Word, simple: Simple, ground: Ground) -> bool:
    return ground.of(word, simple) <= INSIDE


def _is_read(word: Word, simple: Simple, ground: Ground) -> bool:
    return _is_inside(word, simple, ground) and not is_hushed(word.text)


def _paths(word: Word) -> Iterator[Word]:
    """Yield what of a word may be a path: itself, an option's value, what is glued to a letter."""
    text = word.text
    if not text.startswith("-"):
        yield word
    for part in text.split("=")[1:] + ([text[2:]] if re.match(r"-\w[/~.$]", text) else []):
        yield Word(part, word.certain, word.pattern)
    if text.startswith("-") and not word.certain:
        yield word


_HUSHED = re.compile(r"(?:^|[/=])\.env(?!\.(?:example|sample|template|dist)$)(?:\.[\w.-]+)?$")


def is_hushed(path: str) -> bool:
    """Tell whether a path of the worktree is that of a file with secrets."""
    return _HUSHED.search(path) is not None


# --- what only looks ----------------------------------------------------------------------------------------

_PLAIN: Final = frozenset(
    "ls cat head tail wc stat file du df basename dirname realpath readlink uname whoami id nl column cmp comm cut tr "
    "seq md5sum sha1sum sha256sum shasum cksum hexdump od strings which type nproc sleep diff expr tac rev fold paste "
    "join tokei cloc wait free uptime arch groups pwd cd grep egrep fgrep jq test [".split()
)
_WORDS_ONLY: Final = frozenset("echo printf true false : exit return break continue shift export unset local declare "
                               "readonly typeset read".split())  # fmt: skip
_NEVER: Final = {
    "date": r"-\w*s.*|--set.*",
    "sort": r"-\w*[oT].*|--output.*|--compress.*|--temp.*",
    "tree": r"-\w*[oR].*",
    "rg": r"--pre.*|--hostname-bin.*",
    "fd": r"-\w*[xX].*|--exec.*",
    "find": r"-delete|-fprint\w*|-fls|-follow|-L",
    "yq": r"-\w*i.*|--inplace.*",
    "ps": r"[^-].*e.*|.*E.*",
    "printf": r"-v.*",
}
"""Options with which these do more than look."""
_MOST_OPERANDS: Final = {"uniq": 1, "xxd": 1}
"""Programs whose next operand is a file that is written."""
_BY_PATTERN: Final = frozenset({"grep", "egrep", "fgrep", "rg", "sed", "awk", "gawk", "jq", "yq", "fd"})
"""Programs whose first operand is a pattern, not a path."""
_SED = re.compile(
    r"(?:(?:\d+|\$|/[^/]*/)(?:,(?:\d+|\$|\+\d+|/[^/]*/))?)?[pdq=]?"
    r"|s(?P<mark>[/|,#])(?:(?!(?P=mark)).)*(?P=mark)(?:(?!(?P=mark)).)*(?P=mark)[gIip\d]*"
)
_AWK_NEVER = re.compile(r"system|getline|\||>|printf?\s*\(?.*>|ENVIRON|@load|-f")
_HUSHED_VARIABLE = re.compile(r"\$\{?\w*(?:KEY|TOKEN|SECRET|PASS|CRED|AUTH)\w*", re.IGNORECASE)


def _looks(simple: Simple, ground: Ground) -> bool:
    name, texts = simple.name, simple.texts
    if name in _NEVER and any(re.fullmatch(_NEVER[name], text) for text in texts):
        return False
    if name in _WORDS_ONLY:
        return not any(_HUSHED_VARIABLE.search(text) for text in texts)
    if name == "set":
        return bool(texts) and texts[0].startswith(("-", "+"))
    if name == "command":
        return texts[:1] in (("-v",), ("-V",))
    if name in {"source", "."}:
        return len(texts) == 1 and re.fullmatch(r"(?:\./)?\.?v?env/bin/activate", texts[0]) is not None
    if texts in {("--version",), ("-V",), ("version",)} and name in {*_VERSIONED, *_TESTS}:
        return True
    if name not in {*_PLAIN, *_NEVER, *_MOST_OPERANDS, "sed", "awk", "gawk"}:
        return False
    if len(operands(simple)) > _MOST_OPERANDS.get(name, len(texts)):
        return False
    return _program_looks(simple) and all(
        _is_read(part, simple, ground) for word in _files(simple) for part in _paths(word)
    )


_VERSIONED: Final = frozenset("python python3 node npm pnpm yarn bun cargo go rustc make pip pip3 uv java gcc".split())


def _program_looks(simple: Simple) -> bool:
    """Tell whether a script of sed or awk only prints."""
    first = next(iter(operands(simple)), Word(""))
    if simple.name == "sed":
        safe = not any(re.match(r"-[A-Za-z]*[iefsW]|--(?!quiet|silent|regexp)", text) for text in simple.texts)
        return safe and first.certain and _SED.fullmatch(first.text) is not None
    if simple.name in {"awk", "gawk"}:
        return first.certain and not any(_AWK_NEVER.search(text) for text in simple.texts)
    return True


def may_run_others(simple: Simple) -> bool:
    """Tell whether a tool for looking is told to run programs, or to write where its script says."""
    if simple.name in {"rg", "fd", "tree"}:
        return any(re.fullmatch(_NEVER[simple.name], text) for text in simple.texts)
    first = next(iter(operands(simple)), Word(""))
    if simple.name == "sed":
        return not first.certain or _SED.fullmatch(first.text) is None
    return simple.name in {"awk", "gawk"} and not _program_looks(simple)


def _files(simple: Simple) -> list[Word]:
    """Return the words that may be paths: all, but for the pattern of a search."""
    words = list(simple.arguments)
    if simple.name not in _BY_PATTERN:
        return words
    given = [at for at, word in enumerate(words) if word.text in {"-e", "--regexp"}]
    if given:
        return [word for at, word in enumerate(words) if at - 1 not in given]
    named = operands(simple, "ABCmgtTEd", {"--glob", "--type", "--max-count", "--context"})
    pattern = named[0] if named else None
    return [word for word in words if word is not pattern]


# --- git ----------------------------------------------------------------------------------------------------

_SETTINGS = re.compile(
    r"(?:user\.(?:name|email)|color\.\w+|core\.quotepath|advice\.\w+|commit\.gpgsign)=.*|core\.pager=(?:cat)?"
)
_GIT_NEVER = re.compile(r"--output.*|--ext-diff|--textconv|-O.*|--open-files.*|--upload-pack.*|--exec.*", re.IGNORECASE)
_GIT_LISTS: Final = {
    "branch": r"-[avrl]+|--(?:list|all|remotes|show-current|verbose|merged|no-merged|contains|sort|format)(?:=.*)?",
    "tag": r"-l|-n\d*|--(?:list|sort|contains|points-at|format)(?:=.*)?",
    "remote": r"-v|--verbose",
}
_GIT_SHOWS: Final = {
    "stash": {"list", "show"},
    "worktree": {"list"},
    "reflog": {"", "show"},
    "notes": {"list", "show"},
} | {
    "remote": {"get-url"},
    "submodule": {"", "status"},
    "bisect": {"log"},
}
_MESSAGES: Final = frozenset(
    "-m -am -qm -qam -aqm --message --grep --author --format --pretty --date -S -G --since --until --after --before "
    "--trailer -C -c --fixup --squash --reuse-message".split()
)


def _git(simple: Simple, ground: Ground) -> Class:
    call = call_of(simple)
    if call.elsewhere or not all(_SETTINGS.fullmatch(setting) for setting in call.settings):
        return ""
    sub, texts = call.simple, call.simple.texts
    if not runs_inside(sub, ground) or any(_GIT_NEVER.fullmatch(text) for text in texts):
        return ""
    words = [word for at, word in enumerate(sub.arguments) if not at or texts[at - 1] not in _MESSAGES]
    words = [word for word in words if word.text.partition("=")[0] not in _MESSAGES]
    if not all(_is_read(part, sub, ground) for word in words for part in _paths(word)):
        return ""
    if call.subcommand in {"add", "stage"}:
        return "" if flagged(sub, "f", "--force") else "commit"
    if call.subcommand == "commit":
        return "commit"
    return "look" if _git_looks(call.subcommand, texts) else ""


def _git_looks(subcommand: str, texts: tuple[str, ...]) -> bool:
    if subcommand in READS - {"ls-remote", "help"}:
        return True
    lists = _GIT_LISTS.get(subcommand)
    if lists is not None and all(re.fullmatch(lists, text) for text in texts):
        return True
    if subcommand == "config":
        return texts[:1] in (("--get",), ("get",)) and len(texts) == 2 and texts[1].startswith("user.")  # noqa: PLR2004
    if subcommand == "symbolic-ref":
        return [text for text in texts if not text.startswith("-")] == ["HEAD"]
    return (texts[0] if texts else "") in _GIT_SHOWS.get(subcommand, set())


# --- tests and checks ---------------------------------------------------------------------------------------

_ANY: Final = re.compile(r".*", re.DOTALL)
_CHECKING: Final = (
    r"(?:[\w-]+[:-])?(?:tests?|check|lint|typecheck|type-check|types|tsc|unit|format|fmt|vet)(?:[:-][\w:-]+)?|t|tst"
)
_TESTS: Final[dict[str, re.Pattern[str]]] = dict.fromkeys(
    "pytest py.test tox nox mypy pyright ruff flake8 pylint black isort coverage shellcheck shfmt hadolint yamllint "
    "markdownlint jest vitest eslint tsc prettier stylelint biome rspec rubocop phpunit phpstan ctest bats "
    "lint-imports staticcheck swiftlint ktlint gofmt rustfmt clang-format".split(),
    _ANY,
) | {
    name: re.compile(words)
    for name, words in {
        "cargo": r"test|t|check|c|clippy|nextest|fmt",
        "go": r"test|vet|fmt",
        "make": _CHECKING,
        "just": _CHECKING,
        "npm": rf"(?:run|run-script) (?:{_CHECKING})|{_CHECKING}",
        "pnpm": rf"(?:run )?(?:{_CHECKING})",
        "yarn": rf"(?:run )?(?:{_CHECKING})",
        "bun": rf"run (?:{_CHECKING})|test",
        "deno": r"test|lint|check|fmt",
        "dotnet": r"test",
        "mvn": r"test|verify",
        "gradle": r"test|check|lint",
        "gradlew": r"test|check|lint",
        "mix": r"test|format",
        "sbt": r"test",
        "zig": r"test|fmt",
        "swift": r"test",
        "dart": r"test|analyze|format",
        "flutter": r"test|analyze",
        "golangci-lint": r"run",
        "composer": _CHECKING,
    }.items()
}  # fmt: skip
"""Programs that test and check, with the first words that they may get."""
_MODULES: Final = frozenset(
    "pytest unittest mypy ruff black flake8 pyright pylint isort coverage tox nox doctest compileall json.tool".split()
)
_BY_NPX: Final = frozenset({"tsc", "eslint", "prettier", "jest", "vitest", "stylelint", "biome"})
_TEST_NEVER = re.compile(r"-toolexec.*|-exec.*|--exec.*|--eval.*|--config=.*|SHELL=.*|MAKEFLAGS=.*|\.SHELLFLAGS=.*")


def _tests(simple: Simple, ground: Ground) -> bool:
    texts = simple.texts
    if any(_TEST_NEVER.fullmatch(text) for text in texts) or not stays(simple, ground):
        return False
    if re.fullmatch(r"python[\d.]*", simple.name):
        return _is_module(texts)
    if simple.name == "node":
        return texts[:1] in (("--test",), ("--check",))
    allowed = _TESTS.get(simple.name)
    if allowed is None:
        return False
    named = [word.text for word in operands(simple, "jlCfo")]
    if simple.name in {"make", "just"}:
        goals = [text for text in named if "=" not in text]
        return bool(goals) and all(allowed.fullmatch(goal) for goal in goals)
    named = [text for text in named if not text.startswith("+")]
    return allowed is _ANY or any(allowed.fullmatch(" ".join(named[:count])) for count in (1, 2))


def _is_module(texts: tuple[str, ...]) -> bool:
    """Tell whether Python runs a module that tests: `python -m pytest`, also with options of Python's own."""
    at = next((n for n, text in enumerate(texts) if text == "-m"), -1)
    plain = all(re.fullmatch(r"-[bBdEIOqsSuvx]+|-W.*|-X.*", text) for text in texts[:at]) if at > 0 else at == 0
    return plain and texts[at + 1 : at + 2] != () and texts[at + 1] in _MODULES


def _is_own_board(simple: Simple, ground: Ground) -> bool:
    """Tell whether an agent keeps its board, which its brief tells it to."""
    texts = simple.texts
    boards = {"batty": ("board",), "batty-tmux": ("board",), "kanban-md": ()}.get(simple.name)
    return boards is not None and texts[: len(boards)] == boards and stays(simple, ground)
