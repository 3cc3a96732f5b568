"""What batty leaves in a session that it makes: a status line that tells of the work, also without the plugin."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from batty_tmux.core.report import GLYPHS, TONES
from batty_tmux.drive.hooks import dress, dress_window
from batty_tmux.names import WindowId
from tests.support.attached import Attached
from tests.support.server import PrivateServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrivateServer]:
    private = PrivateServer(tmp_path)
    yield private
    private.kill()


def dressed(server: PrivateServer) -> None:
    """As batty does it, with a phase in the window."""
    window = WindowId(server.terminal.windows()[0].window)
    dress(server.terminal, server.session)
    dress_window(server.terminal, window)
    server.terminal.set_window(window, {"@batty_phase": "phase-2", "@batty_state": "asking", "@batty_glyph": "?"})


def test_a_plain_tmux_shows_the_state_in_both_places(server: PrivateServer) -> None:
    """In the list of windows by its glyph, on the right in words."""
    dressed(server)
    with Attached(server.socket, server.env, columns=160) as person:
        person.expect("phase-2 ? asking")
        person.expect("0:cat* ?")


def test_a_theme_keeps_its_list_of_windows(server: PrivateServer) -> None:
    """Whoever has written one puts the glyph there."""
    server.terminal.run("set-option", "-g", "window-status-current-format", "mine").check()
    dressed(server)
    with Attached(server.socket, server.env, columns=160) as person:
        person.expect("phase-2 ? asking")
        assert "mine" in person.text
        assert "cat*" not in person.text


def test_a_status_line_with_our_segment_gets_it_once(server: PrivateServer) -> None:
    """The plugin has put it where the user wants it."""
    server.terminal.run("set-option", "-g", "status-right", "#{E:@batty_segment}").check()
    dressed(server)
    with Attached(server.socket, server.env, columns=160) as person:
        person.expect("phase-2 ? asking")
        assert person.text.count("phase-2") == 1


def test_every_state_has_a_glyph_and_every_tone_is_a_states() -> None:
    """What has no tone moves on by itself or is out of the run."""
    assert set(TONES) <= set(GLYPHS)
    assert set(GLYPHS) - set(TONES) == {"blocked", "ready", "skipped"}
