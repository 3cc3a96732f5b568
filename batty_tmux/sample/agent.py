"""Stands in for an agent CLI: reads its brief, takes tasks, asks, writes, commits, ends."""

import os
import subprocess
import sys
from pathlib import Path

PHASE = os.environ["BATTY_PHASE"]
BOARD = os.environ["BATTY_BOARD"]

FAREWELL = """from voice import shout


def farewell(name: str) -> str:
    return shout(f"Goodbye {name}")
"""

TEST_FAREWELL = """import unittest

from farewell import farewell


class Farewell(unittest.TestCase):
    def test_says_goodbye(self) -> None:
        self.assertEqual(farewell("Ada"), "GOODBYE ADA!")


if __name__ == "__main__":
    unittest.main()
"""


def warmer_greeting() -> None:
    ask("Continue? [y/n] ")
    change("greet.py", "Hello, {name}", "Hello, dear {name}")
    Path("farewell.py").write_text(FAREWELL)
    Path("test_farewell.py").write_text(TEST_FAREWELL)


def shorter_greeting() -> None:
    ask("Should the name come first? [y/n] ")
    change("greet.py", "Hello, {name}", "Hi, {name}")


def better_name() -> None:
    ask("Continue? [y/n] ")
    change("voice.py", "shout", "loud")
    change("test_voice.py", "shout", "loud")


def some_documentation() -> None:
    Path("README.md").write_text("# Greetings\n\n`greet(name)` says hello, `farewell(name)` says goodbye.\n")


WORK = {
    "phase-1": warmer_greeting,
    "phase-2": shorter_greeting,
    "phase-3": better_name,
    "phase-4": some_documentation,
}


def ask(question: str) -> None:
    answer = input(question)
    print(f"  (heard {answer!r})")


def change(path: str, old: str, new: str) -> None:
    file = Path(path)
    file.write_text(file.read_text().replace(old, new))
    print(f"  edited {path}")


def tell(*words: str) -> None:
    print("$", *words, flush=True)
    subprocess.run(words, check=True)


def attempt(*words: str) -> None:
    print("$", *words, flush=True)
    subprocess.run(words)


def main() -> None:
    print(f"reading {sys.argv[1]}")
    # after an interruption the task is this phase's already, and there may be nothing new to commit
    attempt("batty-tmux", "board", "pick", "--dir", BOARD, "--claim", PHASE, "--move", "in-progress", "--compact")
    WORK[PHASE]()
    tell("git", "add", "--all")
    if subprocess.run(["git", "diff", "--cached", "--quiet"]).returncode:
        tell("git", "commit", "--quiet", "--message", f"Do the work of {PHASE}")
    tell("batty-tmux", "board", "move", "1", "done", "--dir", BOARD, "--claim", PHASE, "--compact")


if __name__ == "__main__":
    main()
