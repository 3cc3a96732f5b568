"""Quoting for tmux: text that reaches it as one literal word, wherever it would expand, split or obey it."""

import re
import unicodedata
from collections.abc import Sequence

_UNSTORABLE = re.compile("[\0\ud800-\udc7f\udd00-\udfff]")
_HASHES = re.compile(r"#+(?![#\[])")


def q_argv(word: str) -> str:
    """Quote one word of a tmux command line: tmux takes a trailing `;` of any argument as a separator."""
    text = _UNSTORABLE.sub("", word)
    return text[:-1] + "\\;" if text.endswith(";") else text


def q_conf(word: str) -> str:
    """Quote one word of tmux's configuration syntax, whatever it holds, line breaks too.

    NUL and lone surrogates that no byte stands behind are dropped: tmux cannot hold them.
    """
    text = "".join(_conf_char(c) for c in _UNSTORABLE.sub("", word))
    return f'"\\{text}"' if text.startswith("~") else f'"{text}"'


def q_format(text: str) -> str:
    """Make text literal in names, pane titles and menu items, which tmux expands as formats and then draws.

    A `#[` stays doubled after the expansion, so that the drawing shows it instead of obeying it.
    """
    return text.replace("#", "##")


def q_directory(path: str) -> str:
    """Make a path literal where tmux expands formats and draws nothing: `-c`, commands.

    Where `[` follows them, tmux takes any number of `#` as they are.
    """
    return _HASHES.sub(r"\g<0>\g<0>", path)


def line(*words: str) -> str:
    """Write one command for `Terminal.source`, each word quoted."""
    return " ".join(q_conf(word) for word in words)


def typable(text: str) -> str:
    """Drop what a terminal would obey: control characters other than line break and tab, lone surrogates.

    An escape sequence in pasted text could end the bracketed paste and type keys.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in lines if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})


def direct(argv: Sequence[str]) -> tuple[str, ...]:
    """Return words that tmux executes as they are: a single one it would give to a shell."""
    return tuple(argv) if len(argv) > 1 else ("env", *argv)


def _conf_char(char: str) -> str:
    if char in '"\\$':
        return "\\" + char
    return f"\\{ord(char):03o}" if ord(char) < 32 or ord(char) == 127 else char  # noqa: PLR2004 -- C0 and DEL
