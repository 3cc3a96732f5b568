"""The status line shows the work, and treats what it shows as text."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugin.conftest import load
from tests.support.attached import Attached
from tests.support.server import PrivateServer


@pytest.fixture
def bar(server: PrivateServer, tmp_path: Path) -> PrivateServer:
    """A server whose status line is the placeholder alone, redrawn each second."""
    for name, value in (
        ("status-right", "[#{batty_status}]"),
        ("status-right-length", "110"),
        ("status-left", ""),
        ("window-status-format", ""),
        ("window-status-current-format", "W"),
        ("status-interval", "1"),
    ):
        server.terminal.run("set-option", "-g", name, value).check()
    load(server)
    return server


@pytest.fixture
def watcher(bar: PrivateServer) -> Iterator[Attached]:
    """Somebody who looks at it."""
    with Attached(bar.socket, bar.env) as attached:
        attached.expect("[]")
        yield attached


def show(server: PrivateServer, **options: str) -> None:
    for name, value in options.items():
        server.terminal.run("set-option", "-w", f"@batty_{name}", value).check()


def test_phase_progress_state_and_task_are_shown(bar: PrivateServer, watcher: Attached) -> None:
    """What the supervisor pushes is there at once, and the session's summary beside it."""
    show(bar, phase="phase-2", progress="1/3", state="working", task="Write the parser")
    watcher.expect("[phase-2 1/3 working Write the parser]")
    bar.terminal.run("set-option", "@batty_summary", "2 working, 1 asking").check()
    watcher.expect("[phase-2 1/3 working Write the parser 2 working, 1 asking]")
    bar.terminal.run("set-option", "-wu", "@batty_phase").check()
    watcher.expect("[ 2 working, 1 asking]")


def test_what_waits_elsewhere_is_told_in_a_session_of_ones_own(bar: PrivateServer, watcher: Attached) -> None:
    """Where batty's own session is, that one's counts stand alone."""
    bar.terminal.run("set-option", "-g", "@batty_elsewhere", "3").check()
    watcher.expect("[batty needs you: 3]")
    bar.terminal.run("set-option", "@batty_summary", "? 2 asking").check()
    watcher.expect("[ ? 2 asking]")


COLOURS = {
    "waits": ("black", "brown"),
    "fails": ("white", "red"),
    "works": ("black", "cyan"),
    "done": ("white", "blue"),
}


@pytest.mark.parametrize("tone", [*COLOURS, "calm", "#[fg=red]"])
def test_a_state_has_a_glyph_and_a_colour_of_its_tone(bar: PrivateServer, watcher: Attached, tone: str) -> None:
    """Glyph and word read without the colour, which ends with them: what follows is drawn as the theme has it."""
    bar.terminal.run("set-option", "-g", "window-status-current-format", "W#{E:@batty_window}").check()
    bar.terminal.run("set-option", "-g", "status-style", "fg=magenta,bg=default").check()
    show(bar, phase="phase-2", state="asking", glyph="?", tone=tone, task="after")
    watcher.expect("[phase-2 ? asking after]")
    watcher.expect("W ?")
    plain = watcher.styles("phase-2 ")
    colours = {(fore, back) for fore, back, _ in watcher.styles("? asking")}
    assert colours == {COLOURS.get(tone, ("magenta", "default"))}
    assert watcher.styles(" after]") == plain


def test_the_colours_are_the_users_to_choose(bar: PrivateServer, watcher: Attached) -> None:
    """A theme's own, by the tone."""
    theirs = "#{?#{==:#{@batty_tone},waits},#[fg=green],}"
    bar.terminal.run("set-option", "-g", "@batty-colour", theirs).check()
    show(bar, phase="phase-2", state="asking", glyph="?", tone="waits")
    watcher.expect("[phase-2 ? asking]")
    assert {fore for fore, _, _ in watcher.styles("? asking")} == {"green"}


def test_a_pause_and_typing_are_told_in_words(bar: PrivateServer, watcher: Attached) -> None:
    """Both read without colour, right after the state; nothing is there while supervision is at it."""
    show(bar, phase="phase-2", state="working", task="Write the parser", hold="paused")
    watcher.expect("[phase-2 working (paused) Write the parser]")
    show(bar, hold="you")
    watcher.expect("[phase-2 working (you type) Write the parser]")
    show(bar, hold="")
    watcher.expect("[phase-2 working Write the parser]")


def test_what_waits_is_counted_in_every_window_of_the_session(bar: PrivateServer, watcher: Attached) -> None:
    """As `batty status` heads its list; nothing is there when nothing waits."""
    bar.terminal.run("set-option", "@batty_waiting", "2").check()
    bar.terminal.run("set-option", "@batty_summary", "? 2 asking").check()
    watcher.expect("[ needs you: 2 ? 2 asking]")
    bar.terminal.run("set-option", "@batty_waiting", "").check()
    watcher.expect("[ ? 2 asking]")


@pytest.mark.parametrize("field", ["phase", "progress", "state", "glyph", "hold", "task", "waiting", "summary"])
@pytest.mark.parametrize(
    "value",
    [
        "#(touch {folder}/pwned)",
        "#{{session_name}} #S #H %H",
        "#[fg=red]x#[bg=blue]",
        "a,b}}c{{#,#}}",
        "##[fg=red]y",
        "$(x) `y` 'z' \"w\" \\",
    ],
)
def test_a_hostile_value_is_shown_as_it_is(
    bar: PrivateServer, watcher: Attached, tmp_path: Path, field: str, value: str
) -> None:
    """It neither runs nor expands nor styles, in any field."""
    text = value.format(folder="/tmp/p") if field == "task" else value.format(folder=tmp_path)
    show(bar, phase="p", state="working")
    scope = () if field in {"summary", "waiting"} else ("-w",)
    bar.terminal.run("set-option", *scope, f"@batty_{field}", text).check()
    watcher.expect(text)
    plain = watcher.styles("W")
    assert watcher.styles(text) == plain
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize("before", range(30, 41))
def test_a_long_task_is_cut_without_letting_a_style_out(bar: PrivateServer, watcher: Attached, before: int) -> None:
    """A cut through an escaped # must not leave one that counts."""
    show(bar, phase="p", task="a" * before + "#[fg=red]" + "b" * 60)
    watcher.expect("...")
    shown = "a" * min(before, 40)
    assert watcher.styles(shown) == watcher.styles("W")
    assert watcher.styles("...") == watcher.styles("W")
    assert "#[fg=red]"[: max(0, 40 - before)] in watcher.text
