"""Screens that nobody has seen yet: the catalogue, changed at random with a seed. Imports nothing of batty_tmux.

Which keys are right is known from how a mutant was made, never from what a reader says of it: a label that moves
takes its meaning with it; what is quoted, answered or ambiguous has no right key; a label that became dangerous
has none either. Wrong is every other key. To press none is never wrong, and never enough.
"""

# ruff: noqa: RUF001 -- the carets are the ones that the agents draw, and some letters are other ones on purpose

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from tests.support.catalogue import MEANINGS, Shown, catalogue, steps
from tests.support.dissect import Keys, Parts, folded, taken_apart


@dataclass(frozen=True)
class Mutant:
    """A screen, and for each meaning the one key plan that is not wrong; for a meaning without one, all are wrong."""

    made: str
    of: str
    family: str
    text: str
    right: Mapping[str, Keys]

    def wrong(self, meaning: str, keys: Keys | None) -> bool:
        return keys is not None and keys != self.right.get(meaning)


# --- what keeps its meaning ---------------------------------------------------------------------------------


def moved(parts: Parts, _chance: random.Random) -> Iterator[tuple[str, str, Mapping[str, Keys]]]:
    for caret in range(len(parts.rows)):
        other = replace(parts, caret=caret)
        yield "caret moved", other.text(), other.keys()


def reordered(parts: Parts, chance: random.Random) -> Iterator[tuple[str, str, Mapping[str, Keys]]]:
    for _ in range(3):
        order = list(range(len(parts.rows)))
        chance.shuffle(order)
        numbers = [row.number for row in parts.rows]
        rows = tuple(replace(parts.rows[n], number=number) for n, number in zip(order, numbers, strict=True))
        other = replace(parts, rows=rows, right={meaning: order.index(n) for meaning, n in parts.right.items()})
        yield "options reordered", other.text(), other.keys()


def swapped(parts: Parts, _chance: random.Random) -> Iterator[tuple[str, str, Mapping[str, Keys]]]:
    """Yes becomes No and No becomes Yes, where they stand."""
    yes, no = next((parts.right[m] for m in ("yes once", "trust") if m in parts.right), None), parts.right.get("no")
    if yes is None or no is None:
        return
    rows = list(parts.rows)
    one, other = rows[yes], rows[no]
    rows[yes] = replace(other, number=one.number)
    rows[no] = replace(one, number=other.number)
    turned = {yes: no, no: yes}
    changed = replace(parts, rows=tuple(rows), right={m: turned.get(n, n) for m, n in parts.right.items()})
    yield "labels swapped", changed.text(), changed.keys()


_REWORDED = (
    "Shall we go on?",
    "May I?",
    "Is this all right with you?",
    "Please decide what happens next.",
    "Ready when you are",
)


def reworded(parts: Parts, chance: random.Random) -> Iterator[tuple[str, str, Mapping[str, Keys]]]:
    asked = [n for n, line in enumerate(parts.above) if "?" in line or line.strip() == parts.shown.question]
    for words in chance.sample(_REWORDED, 2):
        above = list(parts.above)
        for n in asked[-1:]:
            above[n] = " " * (len(above[n]) - len(above[n].lstrip())) + words
        yield "question reworded", replace(parts, above=tuple(above)).text(), parts.keys()
    if asked and parts.shown.kind == "permission":
        above = list(parts.above)
        above[asked[-1]] = " Do you want to allow everything from now on?"
        kept = {meaning: keys for meaning, keys in parts.keys().items() if meaning != "yes once"}
        yield "a question with a danger", replace(parts, above=tuple(above)).text(), kept


_TONGUES = {
    "de": {
        "Yes": "Ja",
        "No": "Nein",
        "Do you want to proceed?": "Möchten Sie fortfahren?",
        "don't ask again": "nicht mehr fragen",
    },
    "fr": {
        "Yes": "Oui",
        "No": "Non",
        "Do you want to proceed?": "Voulez-vous continuer ?",
        "don't ask again": "ne plus demander",
    },
    "es": {
        "Yes": "Sí",
        "No": "No",
        "Do you want to proceed?": "¿Desea continuar?",
        "don't ask again": "no volver a preguntar",
    },
    "ja": {
        "Yes": "はい",
        "No": "いいえ",
        "Do you want to proceed?": "続行しますか?",
        "don't ask again": "今後は確認しない",
    },
}


def translated(parts: Parts, _chance: random.Random) -> Iterator[tuple[str, str, Mapping[str, Keys]]]:
    for tongue, words in _TONGUES.items():
        text = parts.text()
        for one, other in words.items():
            text = text.replace(one, other)
        yield f"translated ({tongue})", text, parts.keys()


def cut(parts: Parts, chance: random.Random) -> Iterator[tuple[str, str, Mapping[str, Keys]]]:
    """Cut from any side: what is still chosen must be what the whole dialog has there."""
    lines = parts.text().rstrip("\n").split("\n")
    for _ in range(3):
        yield "cut from the top", "\n".join(lines[chance.randrange(1, len(lines)) :]), parts.keys()
        yield "cut from the bottom", "\n".join(lines[: -chance.randrange(1, min(14, len(lines)))]), parts.keys()
    for columns in (1, 2, 3, 4, chance.randrange(5, 20)):
        yield "cut from the left", "\n".join(line[columns:] for line in lines), parts.keys()
    for columns in (4, 8, 9, 10, 11, 12, 13, 14, 20, 21, 22, chance.randrange(23, 60)):
        yield "cut from the right", "\n".join(line[:columns] for line in lines), parts.keys()


def wrapped(parts: Parts, chance: random.Random) -> Iterator[tuple[str, str, Mapping[str, Keys]]]:
    lines = parts.text().rstrip("\n").split("\n")
    for width in (8, 12, chance.randrange(16, 40), 40, 60, 79):
        hard = (line[n : n + width] for line in lines for n in range(0, max(len(line), 1), width))
        yield "wrapped by the terminal", "\n".join(hard), parts.keys()
        yield "wrapped by the agent", "\n".join(row for line in lines for row in folded(line, width)), parts.keys()


def renumbered(parts: Parts, chance: random.Random) -> Iterator[tuple[str, str, Mapping[str, Keys]]]:
    if not parts.rows[0].number:
        return
    count = len(parts.rows)
    for numbers in (
        [*range(2, count + 2)],
        [1] * count,
        [*range(count, 0, -1)],
        [0, *range(2, count + 1)],
        [*range(11, 11 + count)],
    ):
        rows = tuple(replace(row, number=f"{n}. ") for row, n in zip(parts.rows, numbers, strict=True))
        yield "options renumbered", replace(parts, rows=rows).text(), parts.keys()
    digits = re.sub(r"\d", lambda _: str(chance.randrange(10)), "\n".join(parts.above))
    yield "numbers in the text changed", replace(parts, above=tuple(digits.split("\n"))).text(), parts.keys()


def half_painted(parts: Parts, chance: random.Random) -> Iterator[tuple[str, str, Mapping[str, Keys]]]:
    lines = parts.text().rstrip("\n").split("\n")
    for _ in range(4):
        row = chance.randrange(len(lines))
        yield "a row not painted", "\n".join([*lines[:row], "", *lines[row + 1 :]]), parts.keys()
        start, length = chance.randrange(len(lines)), chance.randrange(2, 6)
        blank = ["" if start <= n < start + length else line for n, line in enumerate(lines)]
        yield "rows not painted", "\n".join(blank), parts.keys()
        gone = [line for n, line in enumerate(lines) if not start <= n < start + length]
        yield "rows missing", "\n".join(gone), parts.keys()


_NOISE = (
    "● The tests pass.", "  ⎿  12 passed", "Do you want to proceed?", "❯ 1. Yes", "  2. No", "› 1. Yes, proceed (y)",
    "───────────────────────────────", "Esc to cancel · Tab to amend", "+ Do you want to proceed?", "$ rm -rf /",
    "Press enter to confirm or esc to cancel", "", "  Would you like to run the following command?", "● Yes", "1. one",
)  # fmt: skip


def scrolled(parts: Parts, chance: random.Random) -> Iterator[tuple[str, str, Mapping[str, Keys]]]:
    # above a dialog whose beginning has left the screen there is nothing to be seen
    for _ in range(2 if parts.shown.whole or parts.shown.kind != "unknown" else 0):
        noise = [chance.choice(_NOISE) for _ in range(chance.randrange(1, 60))]
        yield "a transcript above", "\n".join((*noise, parts.text())), parts.keys()
    yield "blank rows around it", "\n" * 20 + parts.text() + "\n" * 30, parts.keys()
    yield "blanks behind rows", "\n".join(f"{line}    " for line in parts.text().split("\n")), parts.keys()
    yield "in capitals", parts.text().upper(), parts.keys()


_UNSEEN = ("\u200b", "\u200c", "\u2060", "\ufeff", "\u00ad", "\x00", "\x07")


def unseen(parts: Parts, chance: random.Random) -> Iterator[tuple[str, str, Mapping[str, Keys]]]:
    for mark in _UNSEEN:
        rows = tuple(replace(row, label=_with(row.label, mark, chance)) for row in parts.rows)
        yield "characters that are not seen", replace(parts, rows=rows).text(), parts.keys()


def _with(label: str, mark: str, chance: random.Random) -> str:
    at = chance.randrange(len(label) + 1)
    return label[:at] + mark + label[at:]


def boxed(parts: Parts, _chance: random.Random) -> Iterator[tuple[str, str, Mapping[str, Keys]]]:
    lines = parts.text().rstrip("\n").split("\n")
    start = next((n + 1 for n, line in reversed([*enumerate(parts.above)]) if re.match(r"[─▔]{20}", line)), 0)
    width = max(len(line) for line in lines) + 1
    for corners, side in (("╭╮╰╯", "│"), ("┏┓┗┛", "┃")):
        box = [f"{side}{line:<{width}}{side}" for line in lines[start:]]
        edges = [corners[0] + "─" * width + corners[1], corners[2] + "─" * width + corners[3]]
        yield "in a box", "\n".join((*lines[: max(start - 1, 0)], edges[0], *box, edges[1])), parts.keys()


# --- what has no right key any more -------------------------------------------------------------------------

NONE: Mapping[str, Keys] = {}


def two_carets(parts: Parts, chance: random.Random) -> Iterator[tuple[str, str, Mapping[str, Keys]]]:
    two = chance.sample(range(len(parts.rows)), 2)
    yield "two carets", parts.text(two), NONE
    yield "a caret on each", parts.text(range(len(parts.rows))), NONE


_INDENTS = (
    "    ",
    "      ",
    "  │ ",
    "> ",
    "▎ ",
    "+ ",
    "- ",
    "+",
    "-",
    "    12 + ",
    "12 |  ",
    "# ",
    "// ",
    "  > ",
    "● ",
    "  ⎿  ",
)


def quoted(parts: Parts, chance: random.Random) -> Iterator[tuple[str, str, Mapping[str, Keys]]]:
    """In a diff, a code block, a quotation: with the agent's composer below, or at the very bottom of the screen."""
    dialog = parts.text().rstrip("\n").split("\n")
    for mark in chance.sample(_INDENTS, 8):
        text = "\n".join(("● The file says:", "", *(f"{mark}{line}" for line in dialog)))
        yield f"quoted behind {mark!r}", text, NONE
        yield f"quoted behind {mark!r}, above a composer", f"{text}\n{COMPOSERS[parts.shown.family]}", NONE
    fence = "\n".join(("● The file says:", "", "  ```", *(f"  {line}" for line in dialog), "  ```"))
    yield "in a code block", fence, NONE
    yield "in a code block without its end", fence.removesuffix("  ```").rstrip(), NONE


_RULE = "─" * 100
COMPOSERS = {
    "claude": f"\n{_RULE}\n❯\u00a0\n{_RULE}\n  ⏵⏵ accept edits on (shift+tab to cycle) · ← for agents\n",
    "codex": "\n\n› Ask Codex to do anything\n\n  gpt-5 · ~/shop\n  ← for agents · ? for shortcuts\n",
    "any": "\n$ ",
}
_LIVE = (
    "● Done, it was answered.",
    "• Done, it was answered.",
    "text goes on here",
    "✻ Testing… (3s)",
    "$ ",
    "ann@box:~$ ",
    "  ⎿  12 passed",
)


def answered(parts: Parts, chance: random.Random) -> Iterator[tuple[str, str, Mapping[str, Keys]]]:
    text = parts.text().rstrip("\n")
    for below in chance.sample(_LIVE, 4):
        yield "followed by live text", f"{text}\n{below}\n", NONE
        yield "followed by live text", f"{text}\n\n\n{below}\n", NONE
    yield "stale, above a composer", text + COMPOSERS[parts.shown.family], NONE
    yield "stale, right above a composer", text + "\n" + COMPOSERS[parts.shown.family].lstrip("\n"), NONE


_DANGERS = (
    ", and buy credits", ", and don't ask again", ", always", " for all future commands", ", delete everything",
    " and push to main", " (and upgrade)", " — in auto mode", " from now on", " and pay 20 $", ", for this session",
    "!", " ⚠", " и больше не спрашивать", "，以后不再询问",
)  # fmt: skip


def dangerous(parts: Parts, chance: random.Random) -> Iterator[tuple[str, str, Mapping[str, Keys]]]:
    """The words of what would be chosen go on: in the same row, or in the next."""
    for n in sorted(set(parts.right.values())):
        safe = {m: keys for m, keys in parts.keys().items() if parts.right[m] != n}
        for danger in chance.sample(_DANGERS, 4):
            yield "a label with a danger", _labelled(parts, n, parts.rows[n].label + danger).text(), safe
        # Codex ends each label with its shortcut; Claude may or may not
        words, ends, shortcut = parts.rows[n].label.partition(" (" if parts.shown.family == "codex" else "\0")
        edge = len(parts.margin) + 2 + len(parts.rows[n].number) + len(words)
        hidden = _labelled(parts, n, words + chance.choice(_DANGERS[:6]) + ends + shortcut).text().split("\n")
        for columns in (edge, edge + 1):
            yield "a danger beyond the edge", "\n".join(line[:columns] for line in hidden), safe
        where = " " * (len(parts.margin) + 2 + len(parts.rows[n].number))
        below = f"{where}{chance.choice(_DANGERS).strip(' ,')}"
        rows = list(parts.rows)
        rows[n] = replace(rows[n], tail="", below=(below, *rows[n].below))
        if parts.shown.family == "claude" and rows[n].number:
            yield "a danger in the next row", replace(parts, rows=tuple(rows)).text(), safe
        other = chance.choice(("Buy credits", "Yes, always", "Update now", "Yes, and don't ask again", "Trust all"))
        if n == parts.right.get("no") and "Cancel" in parts.shown.options:
            # where nothing else declines any more, to cancel does
            safe["no"] = steps(parts.caret, parts.shown.options.index("Cancel"))
        yield "a danger in its place", _labelled(parts, n, other).text(), safe


def _labelled(parts: Parts, n: int, label: str) -> Parts:
    rows = list(parts.rows)
    rows[n] = replace(rows[n], label=label)
    return replace(parts, rows=tuple(rows))


def doubled(parts: Parts, chance: random.Random) -> Iterator[tuple[str, str, Mapping[str, Keys]]]:
    """Two options with the same words: which of them is it?"""
    for n in sorted(set(parts.right.values())):
        others = [other for other in range(len(parts.rows)) if other not in parts.right.values()]
        if others:
            other = chance.choice(others)
            rows = list(parts.rows)
            rows[other] = replace(parts.rows[n], number=rows[other].number)
            changed = replace(parts, rows=tuple(rows))
            yield "a label twice", changed.text(), {m: k for m, k in parts.keys().items() if parts.right[m] != n}


_REORDERING = ("\u202e", "\u2067", "\u200f", "\u202b")


def turned(parts: Parts, chance: random.Random) -> Iterator[tuple[str, str, Mapping[str, Keys]]]:
    """Characters that show text in another order than it is stored in."""
    for mark in _REORDERING:
        n = chance.randrange(len(parts.rows))
        yield "text turned around", _labelled(parts, n, _with(parts.rows[n].label, mark, chance)).text(), NONE


_LOOKALIKES = str.maketrans({"e": "е", "o": "о", "a": "а", "N": "Ν", "Y": "Υ"})


def lookalike(parts: Parts, _chance: random.Random) -> Iterator[tuple[str, str, Mapping[str, Keys]]]:
    rows = tuple(replace(row, label=row.label.translate(_LOOKALIKES)) for row in parts.rows)
    yield "letters of another script", replace(parts, rows=rows).text(), parts.keys()


# --- all of them --------------------------------------------------------------------------------------------

_Maker = Callable[[Parts, random.Random], Iterator[tuple[str, str, Mapping[str, Keys]]]]
MAKERS: tuple[_Maker, ...] = (
    moved, reordered, swapped, reworded, translated, cut, wrapped, renumbered, half_painted, scrolled, unseen, boxed,
    two_carets, quoted, answered, dangerous, doubled, turned, lookalike,
)  # fmt: skip


def mutants(seed: int = 1) -> Iterator[Mutant]:
    """Make them, the same ones for the same seed."""
    for shown in catalogue().values():
        chance = random.Random(f"{seed} {shown.name}")
        if shown.caret is None:
            yield from _lines(shown, chance)
            continue
        parts = taken_apart(shown)
        for maker in MAKERS:
            for made, text, right in maker(parts, chance):
                yield Mutant(made, shown.name, shown.family, text, right)


def _lines(shown: Shown, chance: random.Random) -> Iterator[Mutant]:
    """Screens without a menu: noise above changes nothing, and what is quoted or answered has no right key."""
    right = {m: keys for m in MEANINGS if (keys := shown.keys(m))}
    text = shown.text.rstrip("\n")
    for _ in range(6):
        noise = "\n".join(chance.choice(_NOISE) for _ in range(chance.randrange(1, 60)))
        yield Mutant("a transcript above", shown.name, shown.family, f"{noise}\n{text}", right)
        if shown.entry == "C32":
            continue  # without its end it is not answered yet
        lines = text.split("\n")
        kept = lines[: chance.randrange(1, len(lines) + 1)]
        yield Mutant("cut from the bottom", shown.name, shown.family, "\n".join(kept), right)
    for mark in chance.sample(_INDENTS, 4):
        inside = "\n".join(f"{mark}{line}" for line in text.split("\n"))
        yield Mutant(
            f"quoted behind {mark!r}", shown.name, shown.family, inside, {} if shown.family != "any" else right
        )
    for below in chance.sample(_LIVE, 3):
        yield Mutant("followed by live text", shown.name, shown.family, f"{text}\n{below}", {})
