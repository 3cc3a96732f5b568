"""A shell line -> the simple commands in it: what would run, with which words, files and folders.

The grammar is tree-sitter's of bash. Where it and a shell might read a line differently, and wherever something is
known only when the line runs, that is said as a doubt: whoever reads a Line with doubts has not seen all of it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Final

from batty_tmux.core.shell_doubts import HIDING, RESERVED, TOO_DEEP, UNSAFE, of_text, of_tree, rejoined
from batty_tmux.core.shell_words import Simple, Word, joined_path, word_of
from batty_tmux.core.wrappers import Script, inner

if TYPE_CHECKING:
    from tree_sitter import Language, Node

MAX_LENGTH: Final = 8_000
"""Characters. A longer line is not parsed, and a person judges it: what is no shell at all takes a time that grows
with its square, here up to half a second."""
_MOST_COMMANDS: Final = 500
_MAX_SCRIPTS: Final = 3
_MAX_FOLDERS: Final = 8

Folders = frozenset[str | None]
"""The folders that a command may find itself in; None is one that is known only when the line runs."""
_After = tuple[Folders, Folders]
"""Where the shell may be when a command has succeeded, and when it has failed."""


@dataclass(frozen=True)
class Line:
    """What a line would run, in order, and why that may not be all."""

    commands: tuple[Simple, ...] = ()
    doubts: tuple[str, ...] = ()


@cache
def _language() -> "Language":
    # imported at the first command that is judged: 20 ms and a MB that help, hooks and quiet phases do not need
    import tree_sitter_bash  # noqa: PLC0415
    from tree_sitter import Language  # noqa: PLC0415

    return Language(tree_sitter_bash.language())


def parse(text: str, folder: str = ".", depth: int = 0) -> Line:
    """Read a line. `folder` is where it would run. Total: whatever the text is, a Line comes back."""
    return _parse(text, frozenset({folder}), depth)


def _parse(text: str, at: Folders, depth: int) -> Line:
    from tree_sitter import Parser  # noqa: PLC0415 -- see _language

    if len(text) > MAX_LENGTH:
        return Line(doubts=("it is too long to judge",))
    if depth > _MAX_SCRIPTS:
        return Line(doubts=("it is a script in a script in a script",))
    whole = rejoined(text)
    if UNSAFE.search(whole):
        return Line(doubts=("an odd character stands behind its brace",))
    source = whole.encode("utf-8", "replace")
    root = Parser(_language()).parse(source).root_node
    reader = _Reader(source, depth, [*of_text(text), *of_tree(root, source)])
    if not TOO_DEEP.intersection(reader.doubts):
        reader.block(root, at, ())
    return Line(tuple(reader.commands), tuple(dict.fromkeys(reader.doubts)))


# --- the walk -----------------------------------------------------------------------------------------------

_STATEMENTS: Final = frozenset(
    {"program", "compound_statement", "do_group", "else_clause", "case_item", "if_statement", "elif_clause"}
    | {"while_statement", "for_statement", "c_style_for_statement", "case_statement"}
)
_LOOPS: Final = frozenset({"while_statement", "for_statement", "c_style_for_statement"})
_WORDS: Final = frozenset(
    {"word", "string", "raw_string", "ansi_c_string", "concatenation", "simple_expansion", "expansion", "number"}
    | {"command_substitution", "process_substitution", "arithmetic_expansion", "brace_expression", "variable_name"}
)


class _Reader:
    """Walks one tree, and gathers what it would run."""

    def __init__(self, source: bytes, depth: int, doubts: Iterable[str]) -> None:
        self.source = source
        self.depth = depth
        self.commands: list[Simple] = []
        self.doubts = list(doubts)

    # -- statements

    def block(self, node: "Node", at: Folders, after: tuple[str, ...]) -> _After:
        """Walk statements that follow one another: each begins where the one before may have ended."""
        done, begun = (at, at), at
        for child in node.named_children:
            done = self.visit(child, begun, after)
            begun = _joined(*done)
        if node.type in _LOOPS and begun != at:
            self.doubts.append("it changes folders in a loop")
            return _NOWHERE, _NOWHERE
        everywhere = _joined(at, begun)
        return done if node.type in {"program", "compound_statement", "do_group"} else (everywhere, everywhere)

    def visit(self, node: "Node", at: Folders, after: tuple[str, ...], owed: tuple["Node", ...] = ()) -> _After:
        """Walk one statement that may begin in any of `at`, and reads the output of the commands `after`.

        `owed` are redirections that the grammar puts behind all of it, and a shell behind its last command.
        """
        match node.type:
            case "command":
                return self._command(node, owed, at, after)
            case "redirected_statement":
                return self._redirected(node, at, after, owed)
            case "list":
                return self._list(node, at, after, owed)
            case "pipeline":
                return self._pipeline(node, at, after, owed)
            case "negated_command":
                ended = self.visit(_statements(node)[-1], at, after, owed) if _statements(node) else (at, at)
                return ended[::-1]
        if owed:
            self._redirect_all(owed, at, after)
        ended = self._compound(node, at, after)
        self._beside_heredocs(owed, at, after)
        return ended

    def _compound(self, node: "Node", at: Folders, after: tuple[str, ...]) -> _After:
        """Walk a statement that is no plain command: blocks, loops, and what only sets variables."""
        match node.type:
            case "subshell":
                self.block(node, at, after)
                return at, at
            case "function_definition":
                self.block(node, _NOWHERE, after)
                return at, at
            case "comment" | "heredoc_body" | "heredoc_start" | "heredoc_end" | "test_operator":
                self._substituted(node, at)
                return at, at
            case kind if kind in _STATEMENTS:
                return self.block(node, at, after)
            case "declaration_command" | "unset_command":
                self._assigned(node, at)
                words = [Word(self._of(child).decode("utf-8", "replace")) for child in node.children]
                self.commands.append(Simple(tuple(words), folders=_listed(at), after=after, written=tuple(words)))
                return at, at
            case "variable_assignment" | "variable_assignments":
                self._assigned(node, at)
                return at, at
        self._substituted(node, at)
        return at, at

    def _list(self, node: "Node", at: Folders, after: tuple[str, ...], owed: tuple["Node", ...]) -> _After:
        parts = _statements(node)
        if len(parts) != 2:  # noqa: PLR2004 -- one on each side of the operator
            self.doubts.append("a part of it is not understood")
        ok, failed = self.visit(parts[0], at, after) if parts else (at, at)
        if any(child.type == "||" for child in node.children):
            ok2, failed2 = self.visit(parts[-1], failed, after, owed) if parts else (at, at)
            return _joined(ok, ok2), failed2
        ok2, failed2 = self.visit(parts[-1], ok, after, owed) if parts else (at, at)
        return ok2, _joined(failed, failed2)

    def _pipeline(self, node: "Node", at: Folders, after: tuple[str, ...], owed: tuple["Node", ...]) -> _After:
        """Walk commands that run side by side: none of them moves another, each reads those before it."""
        parts = _statements(node)
        for number, child in enumerate(parts, 1):
            begun = len(self.commands)
            self.visit(child, at, after, owed if number == len(parts) else ())
            after = (*after, *(command.name for command in self.commands[begun:]))
        return at, at

    def _redirected(self, node: "Node", at: Folders, after: tuple[str, ...], owed: tuple["Node", ...]) -> _After:
        body, redirects = node.child_by_field_name("body"), (*_redirects(node), *owed)
        if body is not None:
            return self.visit(body, at, after, redirects)
        self._redirect_all(redirects, at, after)
        self._beside_heredocs(redirects, at, after)
        return at, at

    def _redirect_all(self, redirects: tuple["Node", ...], at: Folders, after: tuple[str, ...]) -> None:
        """Take note of redirections of a whole block; a word behind one of them would be a mistake."""
        if [word for redirect in redirects for word in self._operands(redirect, at)]:
            self.doubts.append("shells differ over the words behind its redirection")
        self._emit(Simple((), folders=_listed(at), after=after), redirects, at)

    def _beside_heredocs(self, redirects: Iterable["Node"], at: Folders, after: tuple[str, ...]) -> None:
        """Walk what stands on the line of a here-document, behind its beginning."""
        for redirect in redirects:
            for child in redirect.named_children if redirect.type == "heredoc_redirect" else ():
                if child.type not in {"file_redirect", *_WORDS}:
                    # what it reads is not always told by the tree; too much is said rather than too little
                    names = tuple(command.name for command in self.commands)
                    self.visit(child, at, (*after, *names) if child.type == "pipeline" else after)

    # -- simple commands

    def _command(self, node: "Node", redirects: tuple["Node", ...], at: Folders, after: tuple[str, ...]) -> _After:
        own = _redirects(node)
        words, sets = self._words(node, at)
        trailing = [word for redirect in (*own, *redirects) for word in self._operands(redirect, at)]
        simple = Simple((*words, *trailing), tuple(sets), folders=_listed(at), after=after)
        raw = node.child_by_field_name("name")
        if raw is not None and self._of(raw).decode("utf-8", "replace") in RESERVED:
            self.doubts.append(f"shells read the word {self._of(raw).decode()} otherwise")
        run = self._emit(simple, (*own, *redirects), at)
        self._beside_heredocs((*own, *redirects), at, after)
        # `command cd` moves this shell, `env cd` only itself: either is believed
        ended = _moved(run[-1], at) if run else (at, at)
        return ended if simple.name in _MOVING else (_joined(*ended) if ended[0] != at else at, at)

    def _words(self, node: "Node", at: Folders) -> tuple[list[Word], list[str]]:
        words: list[Word] = []
        sets: list[str] = []
        for child in node.children:
            if child.type == "command_name":
                words += [self._word(part, at) for part in child.children]
            elif child.type == "variable_assignment":
                sets += self._assigned(child, at)
            elif child.type.endswith("_redirect"):
                continue
            elif child.is_named:
                words.append(self._word(child, at))
            else:
                words.append(Word(self._of(child).decode("utf-8", "replace"), certain=False))
        return words, sets

    def _word(self, node: "Node", at: Folders) -> Word:
        word = word_of(node, self.source)
        return replace(word, runs=self._substituted(node, at)) if not word.certain else word

    def _assigned(self, node: "Node", at: Folders) -> list[str]:
        """Take note of variables that are set; of those that change what words mean, with a doubt."""
        self._substituted(node, at)
        names = [self._of(found).decode("utf-8", "replace") for found in _descendants(node, "variable_name")]
        self.doubts += [f"it sets {name}" for name in names if HIDING.fullmatch(name)]
        return names

    def _substituted(self, node: "Node", at: Folders) -> tuple[str, ...]:
        """Walk the substitutions in a node; return the names of what they run."""
        begun = len(self.commands)
        for found in _descendants(node, "command_substitution", "process_substitution"):
            self.block(found, at, ())
        return tuple(command.name for command in self.commands[begun:])

    def _operands(self, redirect: "Node", at: Folders) -> Iterator[Word]:
        """Yield words that the grammar counts to a redirection, and a shell to the command."""
        if redirect.type == "heredoc_redirect":
            yield from (self._word(child, at) for child in redirect.named_children if child.type in _WORDS)
        parts = _redirects(redirect) if redirect.type == "heredoc_redirect" else (redirect,)
        for part in parts:
            targets = [child for child in part.named_children if child.type in _WORDS]
            yield from (self._word(child, at) for child in targets[1:])

    def _files(self, redirects: Iterable["Node"], at: Folders) -> tuple[list[Word], list[Word]]:
        """Return the files that are written and those that are read."""
        writes: list[Word] = []
        reads: list[Word] = []
        for redirect in redirects:
            if redirect.type == "heredoc_redirect":
                inner_writes, inner_reads = self._files(_redirects(redirect), at)
                writes += inner_writes
                reads += inner_reads
                continue
            operator = next((child.type for child in redirect.children if not child.is_named), "")
            target = next((child for child in redirect.named_children if child.type in _WORDS), None)
            if target is None or redirect.type == "herestring_redirect":
                self._substituted(redirect, at)
                continue
            word = self._word(target, at)
            if operator.endswith("&") and re.fullmatch(r"\d+-?|-", word.text):
                continue
            (reads if operator in {"<", "<&"} else writes).append(word)
        return writes, reads

    def _emit(self, simple: Simple, redirects: Iterable["Node"], at: Folders) -> list[Simple]:
        """Add a command, with what it runs in its turn in its place; return what runs in this shell."""
        redirects = tuple(redirects)
        writes, reads = self._files(redirects, at)
        bodies = [
            self._of(body).decode("utf-8", "replace")
            for redirect in redirects
            if redirect.type == "heredoc_redirect" and (body := _child(redirect, "heredoc_body")) is not None
        ]
        strings = any(redirect.type == "herestring_redirect" for redirect in redirects)
        simple = replace(simple, writes=tuple(writes), reads=tuple(reads), fed=tuple(bodies), strings=strings)
        if not simple.words:
            if writes or reads:
                self.commands.append(simple)
            return []
        if len(self.commands) >= _MOST_COMMANDS:
            self.doubts.append("it has too many commands")
            return []
        found, doubts = inner(simple)
        self.doubts += doubts
        for each in found:
            if isinstance(each, Script):
                self._script(each, at)
            else:
                self.commands.append(each)
        return [each for each in found if isinstance(each, Simple)]

    def _script(self, script: Script, at: Folders) -> None:
        line = _parse(script.text, at, self.depth + 1)
        self.doubts += line.doubts
        if script.here and any(command.name in _MOVING for command in line.commands):
            self.doubts.append("it changes folders in a script of its own")
        self.commands += [replace(command, after=(*script.after, *command.after)) for command in line.commands]

    def _of(self, node: "Node") -> bytes:
        return self.source[node.start_byte : node.end_byte]


# --- nodes and folders --------------------------------------------------------------------------------------

_NOWHERE: Final[Folders] = frozenset({None})
_MOVING: Final = frozenset({"cd", "pushd", "popd"})


def _child(node: "Node", kind: str) -> "Node | None":
    return next((child for child in node.named_children if child.type == kind), None)


def _statements(node: "Node") -> list["Node"]:
    return [child for child in node.named_children if child.type != "comment"]


def _redirects(node: "Node") -> tuple["Node", ...]:
    return tuple(child for child in node.named_children if child.type.endswith("_redirect"))


def _descendants(node: "Node", *kinds: str) -> Iterator["Node"]:
    """Yield the topmost nodes of these kinds in a node, itself included, in order."""
    stack = [node]
    while stack:
        found = stack.pop()
        if found.type in kinds:
            yield found
        else:
            stack.extend(reversed(found.named_children))


def _joined(*sets: Folders) -> Folders:
    joined = frozenset[str | None]().union(*sets)
    return joined if len(joined) <= _MAX_FOLDERS else _NOWHERE


def _listed(at: Folders) -> tuple[str | None, ...]:
    return tuple(sorted(at, key=lambda folder: folder or ""))


def _moved(simple: Simple, at: Folders) -> _After:
    """Return where a command leaves the shell: only cd and its like move it, and only when they succeed."""
    if simple.name not in _MOVING:
        return at, at
    operands = [word for word in simple.words[1:] if not re.fullmatch(r"-[LPe@]+|--", word.text)]
    if simple.name == "popd" or len(operands) > 1:
        return _NOWHERE, at
    if not operands:
        return (frozenset({"~"}) if simple.name == "cd" else _NOWHERE), at
    target = operands[0]
    if not target.certain or target.pattern or target.text in {"-", ""} or target.text[0] in "+-":
        return _NOWHERE, at
    return frozenset({None if folder is None else joined_path(folder, target.text) for folder in at}), at
