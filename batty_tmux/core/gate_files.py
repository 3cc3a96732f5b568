"""Which files of a repository decide what its gate does: a candidate that changes one could pass by changing it.

A pattern is matched from the root of the repository, part by part, with `*`, `?` and `[...]` inside a part:

    Makefile        a file of that name, in any folder       (a pattern without a slash)
    /Makefile       only the one in the root                 (a slash at the start or inside: from the root)
    ci/*.sh         files directly in ci                     (`*` never crosses a slash)
    ci/**/run.sh    at any depth below ci, ci/run.sh too     (`**` as a part: any number of folders)
    ci/             everything in ci, at any depth           (a slash at the end: a folder, from the root)

Upper and lower case differ. There is no negation. A pattern also matches a path that is spelled exactly like it.
"""

import posixpath
import shlex
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

_MAKE = ("Makefile", "makefile", "GNUmakefile", "*.mk")
_PYTHON = ("pyproject.toml", "setup.cfg", "tox.ini")
_PYTEST = (*_PYTHON, "conftest.py", "pytest.ini", ".pytest.ini")
_JEST = ("package.json", "jest.config.*")
_VITEST = ("package.json", "vitest.config.*", "vitest.workspace.*", "vite.config.*")
_MOCHA = ("package.json", ".mocharc.*")
_AVA = ("package.json", "ava.config.*")
_PLAYWRIGHT = ("package.json", "playwright.config.*")
# what a script of package.json runs is not in the command
_NODE = tuple(dict.fromkeys((*_JEST, *_VITEST, *_MOCHA, *_AVA, *_PLAYWRIGHT)))
_CARGO = (
    "Cargo.toml",
    "build.rs",
    "rust-toolchain",
    "rust-toolchain.toml",
    "**/.cargo/config.toml",
    "**/.cargo/config",
    "**/.config/nextest.toml",
)
_GRADLE = ("*.gradle", "*.gradle.kts", "gradle.properties", "gradlew", "**/gradle/wrapper/*")
_MAVEN = ("pom.xml", "mvnw", "**/.mvn/**")
_RUBY = ("Rakefile", ".rspec", "Gemfile")
_CMAKE = ("CMakeLists.txt", "*.cmake", "CMakePresets.json")
_PHP = ("phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml")
_TASK = ("Taskfile.yml", "Taskfile.yaml", "taskfile.yml", "taskfile.yaml")

_RUNNERS: dict[str, tuple[str, ...]] = {
    "make": _MAKE,
    "gmake": _MAKE,
    "just": ("justfile", "Justfile", ".justfile", "*.just"),
    "task": _TASK,
    "go-task": _TASK,
    "pytest": _PYTEST,
    "py.test": _PYTEST,
    "tox": (*_PYTEST, "toxfile.py", "tox.toml"),
    "nox": (*_PYTEST, "noxfile.py"),
    "nose2": ("unittest.cfg", "nose2.cfg", "setup.cfg", "pyproject.toml"),
    "coverage": (".coveragerc", *_PYTHON),
    "ruff": ("ruff.toml", ".ruff.toml", "pyproject.toml"),
    "mypy": ("mypy.ini", ".mypy.ini", "pyproject.toml", "setup.cfg"),
    "pre-commit": (".pre-commit-config.yaml",),
    "npm": _NODE,
    "pnpm": _NODE,
    "yarn": _NODE,
    "npx": _NODE,
    "bun": (*_NODE, "bunfig.toml"),
    "bunx": _NODE,
    "jest": _JEST,
    "vitest": _VITEST,
    "mocha": _MOCHA,
    "ava": _AVA,
    "playwright": _PLAYWRIGHT,
    "deno": ("deno.json", "deno.jsonc"),
    "tsc": ("tsconfig.json", "tsconfig.*.json"),
    "eslint": ("eslint.config.*", ".eslintrc", ".eslintrc.*"),
    "cargo": _CARGO,
    "cargo-nextest": _CARGO,
    "go": ("go.mod", "go.work"),
    "golangci-lint": (".golangci.*",),
    "gradle": _GRADLE,
    "gradlew": _GRADLE,
    "mvn": _MAVEN,
    "mvnw": _MAVEN,
    "bundle": _RUBY,
    "rake": _RUBY,
    "rspec": _RUBY,
    "rails": _RUBY,
    "cmake": _CMAKE,
    "ctest": _CMAKE,
    "meson": ("meson.build", "meson_options.txt", "meson.options"),
    "phpunit": _PHP,
    "composer": ("composer.json", *_PHP),
    "dotnet": ("*.csproj", "*.fsproj", "*.sln", "Directory.Build.*", "global.json"),
    "swift": ("Package.swift",),
    "mix": ("mix.exs", "**/test/test_helper.exs"),
    "sbt": ("build.sbt", "**/project/*.sbt", "**/project/build.properties"),
    "bazel": (".bazelrc", "MODULE.bazel", "WORKSPACE", "WORKSPACE.bazel"),
    "prove": (".proverc",),
}

_SHELLS = frozenset({".", "source", "sh", "bash", "dash", "zsh", "ksh", "fish"})
_INTERPRETERS = frozenset({"python", "python3", "node", "ruby", "perl", "php", "deno", "bun"})
_READS_A_FILE = _SHELLS | _INTERPRETERS | {"-f", "--file", "--makefile"}
"""After one of these a word is a file even where it has neither a slash nor a dot."""
_LOCKS = ("*.lock", "*.lockb", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "go.sum")
"""These say which dependencies there are, not what is tested, even where the command names one."""
_DEEPEST = 4
"""Command lines inside command lines, as in `sh -c 'bash -c "..."'`."""


def definition(command: str, setup: str, extra: tuple[str, ...]) -> tuple[str, ...]:
    """Return the patterns of the files that define the gate, each once.

    Always /batty.toml; what the command and the setup name; the configuration of the runners in them; `extra`,
    which are the user's own.
    A command line is read as words, not run: what a script starts in turn, or a variable holds, is not seen.
    """
    lines = [list(_words(line)) for line in (command, setup)]
    found = ["/batty.toml", *(pattern for words in lines for pattern in _named(words))]
    found += (each for words in lines for word in words for each in _RUNNERS.get(posixpath.basename(word), ()))
    return tuple(dict.fromkeys((*found, *extra)))


def touched(changed: Iterable[str], patterns: Iterable[str]) -> tuple[str, ...]:
    """Return those of the changed paths that a pattern matches, each once and in their order.

    Paths are as git gives them: from the root, with slashes, unquoted.
    """
    known = {pattern for pattern in patterns if pattern.strip("/")}
    exact = {pattern.removeprefix("/") for pattern in known if not pattern.endswith("/")}
    # most patterns are plain names, and those need no walk
    names = {pattern for pattern in known if not _MAGIC & set(pattern)}
    rules = [
        _parts(pattern) for pattern in known - names if _MAGIC & {*pattern.removeprefix("/")} or pattern[-1] == "/"
    ]
    return tuple(
        path
        for path in dict.fromkeys(changed)
        if path in exact or posixpath.basename(path) in names or any(_matches(path.split("/"), rule) for rule in rules)
    )


# --- patterns

_MAGIC = frozenset("*?[/")


def _parts(pattern: str) -> list[str]:
    """Return a pattern's parts from the root on."""
    parts = [part for part in pattern.split("/") if part]
    if "/" not in pattern:
        parts.insert(0, "**")
    if pattern.endswith("/"):
        parts += ("**", "*")
    return parts


def _matches(path: Sequence[str], parts: Sequence[str]) -> bool:
    """Match with at most one way back, to the last `**`: longer ones cannot find what it does not."""
    at = here = 0
    back: tuple[int, int] | None = None
    while at < len(path):
        if here < len(parts) and parts[here] == "**":
            back, here = (here, at), here + 1
        elif here < len(parts) and fnmatchcase(path[at], parts[here]):
            at, here = at + 1, here + 1
        elif back is not None:
            back = (back[0], back[1] + 1)
            here, at = back[0] + 1, back[1]
        else:
            return False
    return all(part == "**" for part in parts[here:])


# --- command lines


def _words(line: str, depth: int = 0) -> Iterator[str]:
    """Yield the words of a command line, and of those inside its words; an operator is a word too."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    # a comment's words are harmless, while a # inside a word must not hide the rest of the line
    lexer.commenters = ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:
        # a quote that is never closed: a shell would refuse it, or it is inside of something unread here
        words = line.replace("'", " ").replace('"', " ").split()
    for word in words:
        bare = word.strip("`")
        if depth < _DEEPEST and len(bare.split()) > 1:
            yield from _words(bare, depth + 1)
        elif bare:
            yield bare


def _named(words: Sequence[str]) -> Iterator[str]:
    """Yield a pattern for each word that can be a file of the repository, also from where `cd` leads."""
    folder, before = "", ""
    for word in words:
        if before == "cd":
            folder = posixpath.normpath(posixpath.join(folder, word))
        elif word == ")":
            folder = ""
        else:
            for path in _paths(word, before):
                yield from (f"/{place}" for place in _places(path, folder))
        before = word if word in _READS_A_FILE or not word.startswith("-") else before


def _paths(word: str, before: str) -> Iterator[str]:
    """Yield what a word can say about files: itself, or what is after = in an assignment or an option."""
    _, equals, value = word.partition("=")
    for text in (value,) if equals else (word,):
        plain = text.strip("`").removeprefix("$PWD/").removeprefix("${PWD}/").split("::")[0]
        is_path = "/" in plain or "." in plain.strip(".") or before in _READS_A_FILE
        if (
            is_path
            and not plain.startswith(("/", "-", "~", "$"))
            and not plain.endswith(("/", "..."))
            and "://" not in plain
        ):
            yield plain


def _places(path: str, folder: str) -> Iterator[str]:
    for start in dict.fromkeys(("", folder)):
        place = posixpath.normpath(posixpath.join(start, path))
        name = posixpath.basename(place)
        if (
            name.strip(".")
            and not place.startswith(("../", "/"))
            and not any(fnmatchcase(name, lock) for lock in _LOCKS)
        ):
            yield place
