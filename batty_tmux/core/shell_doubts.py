"""Where a shell and the grammar may read a line differently: said before it is walked, so that nothing hides there."""

import re
import sys
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tree_sitter import Node

_MAX_DEPTH: Final = 80
TOO_DEEP: Final = frozenset({"it is nested too deep"})
RESERVED: Final = frozenset(
    "! { } [[ ]] (( )) if then elif else fi for while until do done case esac select function in coproc".split()
)
"""Words that begin or end something in a shell, where they are no program's name."""
HIDING: Final = re.compile(
    r"PATH|CDPATH|IFS|ENV|BASH_ENV|BASHOPTS|SHELLOPTS|SHELL|HOME|PROMPT_COMMAND|PS4|LD_\w+|DYLD_\w+|(?:\w*_)?PAGER|"
    r"(?:\w*_)?EDITOR|VISUAL|BROWSER|PYTHONSTARTUP|PYTHONHOME|NODE_OPTIONS|PERL5\w+|RUBYOPT|TMUX|TMPDIR|"
    r"GIT_(?!AUTHOR_|COMMITTER_|TERMINAL_PROMPT$|OPTIONAL_LOCKS$|TRACE)\w+"
)
"""Variables that change what a later word runs, or take the guard away."""

UNSAFE: Final = re.compile(r"\{[0-9]*(?:\.\.[0-9]*)?[^\x00-\xff]")
"""What may end the process that parses it: where a brace range may begin, tree-sitter-bash 0.25.1 looks a character up
in a C table that has no more than 256 rows."""

_CONTINUED = re.compile(r"(?<!\\)((?:\\\\)*)\\\n")
_SIMPLE_DELIMITER = re.compile(rb"\\?\w+|'\w+'|\"\w+\"")
_ARITHMETIC = re.compile(rb"\$\(\([\w\s+\-*/%<>=!&|^~?:,()$]*\)\)|\$\[[\w\s+\-*/%()$]*\]")
_BARE = re.compile(rb"(?:\\[^\n]|[^\s;|&<>()\"'`\\])*", re.DOTALL)
"""What a word without quotes is to a shell."""
_QUOTED_BACK = re.compile(rb"\$.*|`[^`]*`", re.DOTALL)
_AFTER_BOTH = re.compile(rb"[ \t]*(?:\Z|[\n;|&)<>#}`\"]|\d+[<>])")
"""What may follow `a &> b`: to some shells that is `a & > b`, and a word would be a command."""
_BEFORE_COMMENT: Final = b" \t\n;|&()`"


def rejoined(text: str) -> str:
    """Return a text without the line breaks that a backslash takes away."""
    return _CONTINUED.sub(r"\1", text)


def _is_odd(char: str) -> bool:
    return char not in " \t\n" and (char.isspace() or not char.isprintable())


def of_text(text: str) -> Iterator[str]:
    """Yield doubts about a text as it stands."""
    odd = next((char for char in text if _is_odd(char)), "")
    if odd:
        # shells and people differ over blanks that only look like one, and over what is not seen
        yield f"it holds an odd character, {unicodedata.name(odd, f'U+{ord(odd):04X}')}"
    if _CONTINUED.search(text) and re.search("#|<<", text):
        yield "it continues lines beside a comment or a here-document"


def of_tree(root: "Node", source: bytes) -> list[str]:
    """Look at every node once, without recursion. With the doubt of TOO_DEEP the tree cannot be walked."""
    doubts: list[str] = []
    lines = source.split(b"\n")
    end = 0
    stack = [(root, 0)]
    while stack:
        node, deep = stack.pop()
        if deep > _MAX_DEPTH:
            return [*doubts, *TOO_DEEP]
        doubts += _of_node(node, source, lines)
        children = node.children
        stack.extend((child, deep + 1) for child in reversed(children))
        if not children or node.type == "heredoc_body":
            if source[end : node.start_byte].strip():
                doubts.append("a part of it is not understood")
            end = max(end, node.end_byte)
    return [*doubts, "its end is not understood"] if source[end:].strip() else doubts


def _of_node(node: "Node", source: bytes, lines: list[bytes]) -> Iterator[str]:
    match node.type:
        case _ if node.is_error or node.is_missing:
            yield "its syntax is not understood"
        case "comment" if node.start_byte and source[node.start_byte - 1] not in _BEFORE_COMMENT:
            yield "shells differ over where its comment begins"
        case "word" if source[node.start_byte : node.start_byte + 1] == b"#":
            yield "shells differ over where its comment begins"
        case "word" | "variable_name" | "number" if not _BARE.fullmatch(source[node.start_byte : node.end_byte]):
            yield "shells differ over where its words end"
        case "arithmetic_expansion" if not _ARITHMETIC.fullmatch(source[node.start_byte : node.end_byte]):
            yield "it calculates in a way that is not understood"
        case "file_redirect" if not _AFTER_BOTH.match(source, _end_of_target(node)):
            yield "shells differ over what stands behind &>"
        case "command_substitution" if not _QUOTED_BACK.fullmatch(source[node.start_byte : node.end_byte]):
            # this grammar takes `a` `b` for one
            yield "shells differ over its backquotes"
        case "((":
            yield "it calculates in a command"
        case "function_definition":
            yield "it defines a function"
        case "heredoc_redirect" if not _ends_surely(node, source, lines):
            yield "the end of its here-document is not certain"


def _ends_surely(node: "Node", source: bytes, lines: list[bytes]) -> bool:
    """Find the end of a here-document as a shell does: the first line that is the delimiter and nothing else."""
    start, end, body = (_child(node, kind) for kind in ("heredoc_start", "heredoc_end", "heredoc_body"))
    if start is None or end is None:
        return False
    told = source[start.start_byte : start.end_byte]
    delimiter = told.strip(b"\\'\"")
    tabs = source[node.start_byte :].startswith(b"<<-")
    first, last = start.start_point.row + 1, end.start_point.row
    inside = [line.lstrip(b"\t") if tabs else line for line in lines[first : last + 1]]
    late = body is not None and body.start_point.row > first
    plain = _SIMPLE_DELIMITER.fullmatch(told) is not None and not late
    return plain and bool(inside) and inside[-1] == delimiter and delimiter not in inside[:-1]


def _end_of_target(node: "Node") -> int:
    """Return where the file of `&>` ends; for all other redirections the end of the text, where nothing follows."""
    both = any(child.type in {"&>", "&>>"} for child in node.children)
    target = next((child for child in node.named_children if child.type != "file_descriptor"), None)
    return target.end_byte if both and target is not None else sys.maxsize


def _child(node: "Node", kind: str) -> "Node | None":
    return next((child for child in node.named_children if child.type == kind), None)
