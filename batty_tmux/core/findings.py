"""What is found in a command that no rule may allow, and how its words are told apart."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from batty_tmux.core.shell_words import Simple, Word


@dataclass(frozen=True)
class Finding:
    """`denied` is what no rule may allow; else it is something that nobody can know before the line runs."""

    told: str
    denied: bool = True


def operands(simple: Simple, valued: str = "", long: Collection[str] = ()) -> list[Word]:
    """Return the words that are no options. `valued` are letters, `long` names of options that take the next word."""
    found: list[Word] = []
    words = iter(simple.arguments)
    for word in words:
        if word.text == "--":
            return [*found, *words]
        if len(word.text) > 1 and word.text.startswith("-"):
            if word.text in long or (re.fullmatch(r"-[A-Za-z]+", word.text) and word.text[-1] in valued):
                next(words, None)
        else:
            found.append(word)
    return found


def values(simple: Simple, *options: str) -> Iterator[Word]:
    """Yield the values of options, written `-o X`, `-oX`, `--output X` or `--output=X`."""
    arguments = simple.arguments
    for at, word in enumerate(arguments):
        for option in options:
            if word.text == option and at + 1 < len(arguments):
                yield arguments[at + 1]
            elif option.startswith("--") and word.text.startswith(f"{option}="):
                yield _rest(word, len(option) + 1)
            elif not option.startswith("--") and word.text.startswith(option) and word.text != option:
                yield _rest(word, len(option))


def _rest(word: Word, length: int) -> Word:
    return Word(word.text[length:], word.certain, word.pattern, word.runs)


def flagged(simple: Simple, letters: str = "", *names: str) -> bool:
    """Tell whether an option is given: one of the letters, alone or among others, or a name or its beginning."""
    return any(_is_option(text, letters, names) for text in simple.texts)


def _is_option(text: str, letters: str, names: Collection[str]) -> bool:
    if text.startswith("--"):
        return abbreviates(text, names)
    return bool(letters) and re.fullmatch(rf"-[A-Za-z]*[{letters}][A-Za-z]*\d*", text) is not None


def abbreviates(text: str, names: Collection[str]) -> bool:
    """Tell whether a word is one of these long options: programs take any beginning that is unique."""
    told = text.partition("=")[0]
    return len(told) > 3 and any(name.startswith(told) for name in names)  # noqa: PLR2004 -- "--f" is too short to tell
