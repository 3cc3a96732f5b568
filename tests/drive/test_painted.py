"""Dialogs in a real pane: a scripted agent paints each screen of the catalogue, and the right option is chosen."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from batty_tmux.core.prompts import Prompt, keys, read
from batty_tmux.drive.keyboard import Outcome, choose, digest, write
from batty_tmux.names import PaneId
from tests.support import painter
from tests.support.catalogue import MEANINGS, Shown, catalogue, dialogs
from tests.support.server import PrivateServer, eventually

SIZES = ((80, 24), (100, 30), (250, 60))


class Easel:
    """A pane in which the scripted agent runs; what it notes is read as it comes."""

    def __init__(self, server: PrivateServer, folder: Path) -> None:
        self.terminal, self.pane = server.terminal, PaneId(server.pane)
        self.orders, self.notes = folder / "orders", folder / "notes"
        os.mkfifo(self.orders)
        self.notes.touch()
        self.read = 0
        told = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        argv = (sys.executable, str(painter.__file__), str(self.orders), str(self.notes))
        self.terminal.respawn(self.pane, argv, folder, told).check()
        self.line = os.open(self.orders, os.O_RDWR)

    def resize(self, columns: int, rows: int) -> None:
        self.terminal.run("resize-window", "-t", self.pane, "-x", str(columns), "-y", str(rows)).check()

    def paint(self, name: str, **how: Any) -> Shown:
        """Have a screen painted, and wait until tmux shows it. What was noted before is of no interest."""
        self.read = len(self._lines())
        os.write(self.line, (json.dumps({"name": name, **how}) + "\n").encode())
        self.note("painted")
        last = catalogue()[name].text.rstrip().rsplit("\n", 1)[-1].strip()[:20]
        eventually(lambda: last in (self.terminal.capture(self.pane) or ""), f"{name} on the screen")
        return catalogue()[name]

    def note(self, *what: str) -> list[Any]:
        """Wait for what the agent notes next, which must be one of these."""
        eventually(lambda: self._lines()[self.read :], "a note of the agent")
        told = json.loads(self._lines()[self.read])
        self.read += 1
        assert told[0] in what, told
        assert isinstance(told, list)
        return told

    def quiet(self) -> bool:
        """Tell whether no key had any effect since the last note."""
        return not self._lines()[self.read :]

    def asks(self, family: str) -> Prompt:
        found = read(self.terminal.capture(self.pane) or "", family)
        assert found is not None, self.terminal.capture(self.pane)
        return found

    def close(self) -> None:
        os.close(self.line)

    def _lines(self) -> list[str]:
        return self.notes.read_text(encoding="utf-8").split("\n")[:-1]


@pytest.fixture(scope="module")
def easel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Easel]:
    """One server and one agent for all tests: each paints anew."""
    folder = tmp_path_factory.mktemp("easel")
    server = PrivateServer(folder)
    made = Easel(server, folder)
    yield made
    made.close()
    server.kill()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrivateServer]:
    made = PrivateServer(tmp_path)
    yield made
    made.kill()


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_every_dialog_is_settled_rightly_at_any_size(easel: Easel, columns: int, rows: int) -> None:
    """Wrapped, scrolled, taller than the screen: what a policy may ask for is chosen, and nothing else."""
    easel.resize(columns, rows)
    wrong = []
    for shown in dialogs():
        for meaning in shown.right:
            easel.paint(shown.name)
            pressed = keys(seen := easel.asks(shown.family), meaning)
            if pressed is None:
                wrong.append((shown.name, meaning, "no keys", easel.terminal.capture(easel.pane)))
                continue
            outcome = choose(easel.terminal, easel.pane, seen, pressed)
            told = easel.note("chosen", "key", "wrote")
            if (outcome, told) != (Outcome.CHOSEN, ["chosen", shown.right[meaning]]):
                wrong.append((shown.name, meaning, outcome, str(told)))
    assert wrong == []


def test_what_no_meaning_fits_gets_no_key(easel: Easel) -> None:
    """At any size: a dialog without an option for any policy stays for a person, as the same kind of prompt."""
    for columns, rows in SIZES:
        easel.resize(columns, rows)
        for shown in dialogs():
            missing = [meaning for meaning in MEANINGS if meaning not in shown.right]
            easel.paint(shown.name)
            seen = easel.asks(shown.family)
            assert (shown.name, seen.kind) == (shown.name, shown.kind)
            assert [keys(seen, meaning) for meaning in missing] == [None] * len(missing), shown.name


def test_a_dialog_that_changed_gets_no_key(easel: Easel) -> None:
    """What was read is read again before the first key."""
    easel.paint("claude-2.1.332-C5")
    seen = easel.asks("claude")
    easel.paint("claude-2.1.332-C6")
    assert choose(easel.terminal, easel.pane, seen, ("Enter",)) is Outcome.MOVED_ON
    assert easel.quiet()


def test_the_caret_is_moved_from_where_it_is(easel: Easel) -> None:
    """Somebody has moved it since the dialog was read: the same option is chosen all the same."""
    easel.paint("claude-2.1.332-C5")
    seen = easel.asks("claude")
    easel.terminal.keys(easel.pane, "Down", "Down")
    eventually(lambda: easel.asks("claude").caret == 2, "the caret to move")
    assert choose(easel.terminal, easel.pane, seen, keys(seen, "yes once") or ()) is Outcome.CHOSEN
    assert easel.note("chosen") == ["chosen", 0]


def test_no_enter_without_the_caret_in_its_place(easel: Easel) -> None:
    """An agent that takes no arrows keeps its caret on the wrong row, where Enter would quit, install or pay."""
    shown = easel.paint("claude-2.1.286-C15-caret-on-credits", numb=["arrows"])
    seen = easel.asks(shown.family)
    assert choose(easel.terminal, easel.pane, seen, keys(seen, "wait") or ()) is Outcome.NOT_VERIFIED
    assert easel.quiet()


def test_a_dialog_that_stays_is_told(easel: Easel) -> None:
    """Enter is pressed once; where it changes nothing, the caller knows."""
    easel.paint("codex-0.169.0-X22", numb=["enter"])
    seen = easel.asks("codex")
    assert choose(easel.terminal, easel.pane, seen, keys(seen, "yes") or ()) is Outcome.STILL_THERE
    assert easel.quiet()


@pytest.mark.parametrize(
    "name", ["claude-2.1.332-C13", "claude-2.1.332-C14", "codex-0.169.0-X9", "codex-0.169.0-X9-written"]
)
def test_a_question_is_answered_in_own_words(easel: Easel, name: str) -> None:
    """In Claude's own row, as a note in Codex, in a form: the words arrive whole, by one paste and an Enter."""
    shown = easel.paint(name)
    seen = easel.asks(shown.family)
    words = "Teal; $HOME and `x` are taken as they are"
    assert write(easel.terminal, easel.pane, shown.family, words, seen) is Outcome.CHOSEN
    assert easel.note("wrote") == ["wrote", words]


@pytest.mark.parametrize("name", ["claude-2.1.197-C27", "codex-0.169.0-X20"])
@pytest.mark.parametrize("words", ["Go on.", "One line\nand another\n" * 100])
def test_words_for_the_composer_leave_it(easel: Easel, name: str, words: str) -> None:
    """Long texts are shown folded; a lost Enter is pressed again, and the text never pasted twice."""
    shown = easel.paint(name, deaf=1)
    assert write(easel.terminal, easel.pane, shown.family, words) is Outcome.CHOSEN
    assert easel.note("said") == ["said", words]
    assert easel.quiet()


def test_an_enter_that_is_never_taken_is_told(easel: Easel) -> None:
    """After three the caller knows that the text still stands there."""
    shown = easel.paint("claude-2.1.197-C27", numb=["enter"])
    assert write(easel.terminal, easel.pane, shown.family, "Go on.") is Outcome.STILL_THERE
    assert easel.quiet()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("claude-2.1.286-C27-written", "Go on."),
        ("codex-0.169.0-X20-written", "Go on."),
        ("claude-2.1.332-C5", "Go on."),
        ("claude-2.1.286-C21", "1 thing is missing"),
    ],
)
def test_nothing_is_pasted_where_it_does_not_belong(easel: Easel, name: str, words: str) -> None:
    """Over what a person is writing, into a dialog, or a digit where Claude's survey would take it for a rating."""
    shown = easel.paint(name)
    before = easel.terminal.capture(easel.pane)
    assert write(easel.terminal, easel.pane, shown.family, words) is Outcome.NOT_VERIFIED
    assert easel.quiet()
    assert easel.terminal.capture(easel.pane) == before


def test_a_letter_answers_a_plain_line(server: PrivateServer, tmp_path: Path) -> None:
    """Enter follows the letter only where the program waits for it: one that takes the letter gets no Enter."""
    pane = PaneId(server.pane)
    asks = "printf 'Continue? [y/N] '; read -r a; printf 'took <%s>\\n' \"$a\"; exec cat"
    takes = "stty raw -echo; printf 'Continue? [y/N] '; a=$(head -c 1); stty sane"
    at_once = f"{takes}; printf '\\ntook <%s>\\n' \"$a\"; exec cat -A"
    for script in (asks, at_once):
        server.terminal.respawn(pane, ("sh", "-c", script), tmp_path, {}).check()
        eventually(lambda: "Continue?" in (server.terminal.capture(pane) or ""), "the question")
        seen = read(server.terminal.capture(pane) or "", "any")
        assert seen is not None
        assert choose(server.terminal, pane, seen, keys(seen, "yes") or ()) is Outcome.CHOSEN
        eventually(lambda: "took <y>" in (server.terminal.capture(pane) or ""), "the answer")
    assert "$" not in (server.terminal.capture(pane) or "")


def test_a_tick_behind_the_chosen_option_is_no_new_dialog() -> None:
    """Rule: an agent may tick what was chosen while the dialog goes; a second answer would go to what comes next."""
    text = (Path(__file__).parents[1] / "core" / "screens" / "claude-2.1.197-C2.txt").read_text()
    before, after = read(text, "claude"), read(text.replace("I trust this folder", "I trust this folder ✔"), "claude")
    assert before is not None
    assert after is not None
    assert before.options != after.options
    assert digest(before) == digest(after)
