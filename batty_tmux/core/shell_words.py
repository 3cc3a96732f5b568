"""Words of a shell line as the command gets them, and the simple commands that they make."""

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tree_sitter import Node


@dataclass(frozen=True)
class Word:
    """One word, unquoted. Where it is not `certain`, expansions stand in it as they were written.

    `pattern` says that the shell may make several of it (*, ?, []); `runs` names the commands that give a part of it.
    """

    text: str
    certain: bool = True
    pattern: bool = False
    runs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Simple:
    """One command that would run: no operators, no substitutions, and what only wraps others taken off.

    `sets` names the variables that are set for it, `writes` and `reads` the files of its redirections. It would run in
    one of `folders`, seen from where the line starts; None is one that is not known. `after` names the commands whose
    output it reads, `fed` are its here-documents, and `strings` says that it reads a here-string. With `more`, words
    are added that are not seen. `written` has its words with the wrappers.
    """

    words: tuple[Word, ...]
    sets: tuple[str, ...] = ()
    writes: tuple[Word, ...] = ()
    reads: tuple[Word, ...] = ()
    folders: tuple[str | None, ...] = (".",)
    after: tuple[str, ...] = ()
    fed: tuple[str, ...] = ()
    strings: bool = False
    more: bool = False
    written: tuple[Word, ...] = ()

    @property
    def name(self) -> str:
        """The program's name without its folder, in small letters: some file systems know no others."""
        return self.words[0].text.rpartition("/")[2].lower() if self.words else ""

    @property
    def arguments(self) -> tuple[Word, ...]:
        return self.words[1:]

    @property
    def texts(self) -> tuple[str, ...]:
        """The arguments as texts."""
        return tuple(word.text for word in self.words[1:])


def shown(words: tuple[Word, ...]) -> str:
    """Return words as one would type them."""
    return " ".join(shlex.quote(word.text) if word.certain and not word.pattern else word.text for word in words)


def joined_path(folder: str, path: str) -> str:
    """Return a path seen from a folder; ~ and / begin anew."""
    return path if path.startswith(("/", "~")) else f"{folder}/{path}"


# --- from the tree ------------------------------------------------------------------------------------------

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED_IN_STRING = re.compile(r'\\([$`"\\])')
_GLOB = re.compile(r"(?<!\\)(?:\\\\)*[*?\[]")
_BRACES = re.compile(r"\{[^{}]*(?:,|\.\.)[^{}]*\}")
_C_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|U[0-9a-fA-F]{1,8}|[0-7]{1,3}|c.|.)", re.DOTALL)
_C_LETTERS: Final = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b"} | {
    "f": "\f",
    "v": "\v",
}
_LEAVES: Final = frozenset({"word", "number", "variable_name"})


def word_of(node: "Node", source: bytes) -> Word:
    """Read one word of the tree."""
    parts = node.children if node.type == "concatenation" else [node]
    read = [_part(part, source) for part in parts]
    # what stands in quotes is no brace of the shell's
    bare = "".join(_of(part, source) if part.type in _LEAVES or not part.is_named else "_" for part in parts)
    text = "".join(word.text for word in read)
    known = all(word.certain for word in read) and not _BRACES.search(bare)
    return Word(text, known, any(word.pattern for word in read))


def _part(node: "Node", source: bytes) -> Word:
    raw = _of(node, source)
    match node.type:
        case "raw_string":
            return Word(raw[1:-1])
        case "string":
            return Word(_ESCAPED_IN_STRING.sub(r"\1", raw[1:-1]), certain=not _expands(node))
        case "ansi_c_string":
            return Word(_C_ESCAPE.sub(_c_character, raw[2:-1]))
        case kind if kind in _LEAVES or not node.is_named:
            # zsh makes a path of =name
            return Word(_ESCAPED.sub(r"\1", raw), certain=not raw.startswith("="), pattern=bool(_GLOB.search(raw)))
    return Word(raw, certain=False)


def _expands(string: "Node") -> bool:
    return any(child.is_named and child.type != "string_content" for child in string.children)


def _c_character(match: re.Match[str]) -> str:
    told = match[1]
    if told[0] in "xuU" and len(told) > 1:
        code = int(told[1:], 16)
        return chr(code) if code <= 0x10FFFF else "\ufffd"  # noqa: PLR2004 -- the last code point
    if told[0] in "01234567":
        return chr(int(told, 8) & 0xFF)
    if told[0] == "c" and len(told) > 1:
        return chr(ord(told[1]) & 0x1F)
    return _C_LETTERS.get(told, told)


def _of(node: "Node", source: bytes) -> str:
    return source[node.start_byte : node.end_byte].decode("utf-8", "replace")
