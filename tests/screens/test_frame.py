"""What all screens share."""

from typing import Any

import pytest

from batty_tmux.screens.frame import Frame, Key, Keys, Line


class Broken(Frame[None]):
    """A screen with a bug in it."""

    def on_mount(self) -> None:
        raise ZeroDivisionError


def test_a_bug_ends_the_screen_and_is_the_callers_to_tell(capfd: pytest.CaptureFixture[str]) -> None:
    """Rule: the command line writes its log; what was in memory is not printed over the terminal."""
    app = Broken()
    app.run(headless=True)
    assert isinstance(app.bug, ZeroDivisionError)
    assert app.return_code == 1
    said = capfd.readouterr()
    assert "ZeroDivisionError" not in said.out + said.err


def test_a_line_is_drawn_only_when_it_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule: to show what is shown costs nothing."""
    line = Line("x")
    drawn: list[Any] = []
    monkeypatch.setattr(line, "update", drawn.append)
    keys = Keys("y")
    monkeypatch.setattr(keys, "update", drawn.append)
    for _ in range(2):
        keys.offer([Key("a", "answer", "app.answer"), Key("q", "leave", "app.leave")])
    assert [content.plain for content in drawn] == ["a answer  q leave"]
