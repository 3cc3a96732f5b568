"""Where each key of a TOML text stands. tomllib gives values without lines, and a refusal needs the line.

The scan never fails: tomllib decides what is valid, this only counts. It is linear and does not recurse.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Path = tuple[str, ...]
"""A key, part by part; an entry of an array is its number from 0, as text."""

MAX_DEPTH = 16
"""More than any key of batty needs, and far less than what exhausts the stack of a recursive parser."""

_TOKEN = re.compile(
    r'(?P<string>"""(?:[^"\\]|\\.|"(?!""))*+"{3,5}|\'\'\'(?:[^\']|\'(?!\'\'))*+\'{3,5}'
    r'|"(?:[^"\\\n]|\\.)*+"?|\'[^\'\n]*+\'?)'
    r"|(?P<comment>\#[^\n]*+)|(?P<newline>\n)|(?P<space>[ \t\r]++)"
    r"|(?P<mark>[\[\]{},=.])|(?P<bare>[^\s\[\]{},=.\#\"']++|.)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Lines:
    """Lines from 1. `too_deep` is the first key nested deeper than MAX_DEPTH."""

    at: dict[Path, int]
    too_deep: Path | None = None

    def line(self, path: Path) -> int:
        """Return the line of a key, or of the nearest table around it that has one."""
        while path and path not in self.at:
            path = path[:-1]
        return self.at.get(path, 1)


@dataclass
class _Frame:
    """An inline table or an array that is open; for an array, `count` entries are behind us."""

    kind: Literal["table", "array"]
    path: Path
    count: int = 0


@dataclass
class _Scan:
    at: dict[Path, int] = field(default_factory=dict)
    arrays: dict[Path, int] = field(default_factory=dict)
    table: Path = ()
    path: Path = ()
    parts: list[str] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=list)
    mode: Literal["key", "value", "header"] = "key"
    brackets: int = 0
    deep: Path | None = None

    def take(self, kind: str, word: str, line: int) -> None:
        if kind == "newline":
            self.end_line(line)
        elif self.mode == "value":
            self.value(kind, word, line)
        elif kind in {"bare", "string"}:
            self.parts.append(_unquoted(word))
        elif word == "=":
            self.assign(line)
        elif word == "[" and not self.frames and not self.parts:
            self.mode = "header"
            self.brackets += 1
        elif word == "}" and self.frames:
            self.frames.pop()
            self.mode = "value"

    def end_line(self, line: int) -> None:
        if self.mode == "header":
            self.open_table(line)
        if not self.frames:
            self.mode, self.parts, self.brackets = "key", [], 0

    def open_table(self, line: int) -> None:
        path = self.resolved(tuple(self.parts))
        if self.brackets > 1:
            path = self.resolved(tuple(self.parts[:-1])) + tuple(self.parts[-1:])
            count = self.arrays.get(path, 0)
            self.arrays[path] = count + 1
            self.note(path, line)
            path = (*path, str(count))
        self.table = path
        self.note(path, line)

    def resolved(self, parts: Path) -> Path:
        """Put the number of its newest entry after every array of tables that a header goes through."""
        path: Path = ()
        for part in parts[: MAX_DEPTH + 1]:
            path = (*path, part)
            if path in self.arrays:
                path = (*path, str(self.arrays[path] - 1))
        return path

    def assign(self, line: int) -> None:
        around = self.frames[-1].path if self.frames else self.table
        self.path = around + tuple(self.parts[: MAX_DEPTH + 1])
        self.parts = []
        self.mode = "value"
        for end in range(len(around) + 1, len(self.path) + 1):
            self.note(self.path[:end], line)

    def value(self, kind: str, word: str, line: int) -> None:
        frame = self.frames[-1] if self.frames else None
        opens = word in {"[", "{"} and kind == "mark"
        if frame is not None and frame.kind == "array" and (opens or kind in {"bare", "string"}):
            self.path = (*frame.path, str(frame.count))
            self.note(self.path, line)
        if opens:
            self.frames.append(_Frame("array" if word == "[" else "table", self.path))
            self.mode = "value" if word == "[" else "key"
            self.parts = []
        elif frame is not None and kind == "mark":
            self.close(frame, word)

    def close(self, frame: _Frame, word: str) -> None:
        if word == "," and frame.kind == "table":
            self.mode, self.parts = "key", []
        elif word == ",":
            frame.count += 1
        elif word in {"]", "}"}:
            self.frames.pop()

    def note(self, path: Path, line: int) -> None:
        if len(path) > MAX_DEPTH and self.deep is None:
            self.deep = path[:MAX_DEPTH]
            path = self.deep
        if len(path) <= MAX_DEPTH:
            self.at.setdefault(path, line)


def scan(text: str) -> Lines:
    """Return the lines of all keys of a TOML text, whether or not the text is valid."""
    state = _Scan()
    for kind, word, line in _tokens(text):
        state.take(kind, word, line)
        if state.deep is not None:
            break
    state.end_line(text.count("\n") + 1)
    return Lines(state.at, state.deep)


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    line = 1
    for found in _TOKEN.finditer(text):
        word = found.group()
        if found.lastgroup not in {"space", "comment"}:
            yield str(found.lastgroup), word, line
        line += word.count("\n")


def _unquoted(word: str) -> str:
    """Return a key's name; its escapes stay as written, since no key of batty's needs one."""
    return word[1:-1] if word[:1] in {'"', "'"} else word
