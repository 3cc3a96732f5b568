"""Opening the windows of a workspace: what tmuxp would open, and nothing of the user's is touched."""

import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libtmux
import pytest
from tmuxp.workspace.builder.protocol import WorkspaceBuilderProtocol

from batty_tmux.core.layout import Home, Window, parse, shell_line, workspace
from batty_tmux.errors import BattyError
from batty_tmux.host import process
from batty_tmux.host.files import share
from batty_tmux.host.tmux import SourceFileBuilder, _window_line, load
from batty_tmux.names import PhaseId, RunId, SessionId, WindowId
from tests.support.hostile import FOLDERS, TITLES
from tests.support.server import PrivateServer, eventually

FACTS = (
    "#{session_name}|#{window_name}|#{pane_start_path}|#{pane_start_command}|#{pane_active}|#{window_active}|"
    "#{remain-on-exit}|#{@batty_phase}|#{@batty_title}|#{@batty_state}|#{@batty_run}|#{@batty_repo}"
)
SCRIPT = 'printf "%s\\0" "$PWD" "$@" >"$0.tmp" && mv "$0.tmp" "$0"; exec cat'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrivateServer]:
    private = PrivateServer(tmp_path)
    yield private
    private.kill()


def tmuxp(server: PrivateServer, file: Path) -> process.Done:
    """Load a file by tmuxp's own command line, which knows nothing of batty."""
    command = (sys.executable, "-c", "from tmuxp.cli import cli; cli()", "load", "-d", "-S", str(server.socket))
    return process.run((*command, str(file)), env=server.env | {"TMUX": ""}).check()


def facts_of(server: PrivateServer, name: str) -> list[str]:
    session = server.terminal.session_named(name)
    assert session is not None
    return server.terminal.run("list-panes", "-s", "-t", session, "-F", FACTS).check().stdout.splitlines()


def hostile_windows(tmp_path: Path) -> list[Window]:
    """One window for each title, in folders of hostile names, whose program writes down what it got."""
    windows = []
    for number, title in enumerate(TITLES):
        folder = tmp_path / "work" / str(number) / FOLDERS[number % len(FOLDERS)]
        folder.mkdir(parents=True)
        out, word = str(tmp_path / f"out-{number}"), title.replace("\0", "")
        windows.append(
            Window(
                phase=PhaseId(f"phase-{number}"),
                title=title,
                start=str(folder),
                executor=("sh", "-c", SCRIPT, out, word, str(folder)),
                orchestrator=("sleep", "1000"),
                run=RunId("001"),
                repo=str(folder),
            )
        )
    return windows


def what_programs_got(tmp_path: Path, windows: list[Window]) -> None:
    for number, window in enumerate(windows):
        out = tmp_path / f"out-{number}"
        eventually(out.exists, f"the program of window {number}")
        assert out.read_bytes().decode().split("\0") == [window.start, *window.executor[-2:], ""]
        out.unlink()


@pytest.mark.parametrize("layout", ["phase", "wide"])
def test_tmuxp_alone_and_batty_open_the_same(server: PrivateServer, tmp_path: Path, layout: str) -> None:
    """Whatever phases and folders are called: same windows, same commands, same options, and nothing else ran."""
    windows = hostile_windows(tmp_path)
    template = (share() / "layouts" / f"{layout}.yaml.j2").read_text()
    home = Home(str(tmp_path), ("cat",), RunId("001"), windows[1].start)
    text = workspace(template, "repo", windows, home)
    file = tmp_path / "layout.yaml"
    file.write_text(text)

    tmuxp(server, file)
    what_programs_got(tmp_path, windows)
    plain = facts_of(server, "repo")
    server.terminal.run("kill-session", "-t", server.terminal.session_named("repo") or "").check()
    loaded = load(file, server.terminal, "repo")
    what_programs_got(tmp_path, windows)

    assert facts_of(server, "repo") == plain
    assert len(plain) == 2 * len(windows) + 1
    assert [one.phase for one in loaded.windows] == [None, *(window.phase for window in windows)]
    assert [facts.repo for facts in server.terminal.windows() if facts.phase] == [w.repo for w in windows]
    assert not [found for folder in (tmp_path, Path.cwd()) for found in folder.rglob("pwned")]


@pytest.mark.parametrize("title", TITLES)
def test_a_title_does_nothing_in_a_status_bar(server: PrivateServer, tmp_path: Path, title: str) -> None:
    """Even a theme that expands the option's value again gets the same text, but for what it takes for a date."""
    window = Window(PhaseId("p"), title, "/", ("cat",), ("cat",), RunId("001"), "/")
    text = workspace((share() / "layouts/phase.yaml.j2").read_text(), "repo", [window])
    opened = load(text, server.terminal, "repo").windows[0]
    stored = server.option(opened.window, "@batty_title")
    forms = ["#{@batty_title}", "#{q/e:@batty_title}", *(["#{E:@batty_title}"] if "%" not in stored else [])]
    assert {server.show(opened.window, form) for form in forms} == {stored}
    assert "#" not in stored
    assert not list(tmp_path.rglob("pwned"))


def spec(*windows: dict[str, Any], **session: Any) -> str:
    return json.dumps({"session_name": "made", "windows": list(windows), **session})


def test_programs_that_end_at_once_are_kept(server: PrivateServer) -> None:
    """Twenty windows whose programs end before their options could be set one by one: every status is there."""
    windows = [
        {
            "window_name": f"w{number}",
            "options": {"remain-on-exit": "on"},
            "panes": [{"shell": f"exit {number}"}, {"shell": f"exit {number + 100}"}],
        }
        for number in range(20)
    ]
    loaded = load(spec(*windows), server.terminal, "made")

    def statuses() -> list[int | None]:
        server.terminal.wake_server()
        return [facts.dead_status for facts in server.terminal.panes() if facts.session == loaded.session]

    expected = [status for number in range(20) for status in (number, number + 100)]
    eventually(lambda: statuses() == expected, "every status")


def test_appending_leaves_the_session_to_the_user(server: PrivateServer, tmp_path: Path) -> None:
    """No focus, no option, no variable, no script: windows are added after the last one, and that is all."""
    before = server.show(server.session, "#{window_id} #{pane_id}")
    options = server.terminal.run("show-options", "-t", server.session).stdout
    everywhere = server.terminal.run("show-options", "-g").stdout
    text = spec(
        {"window_name": "one", "focus": True, "panes": [{"shell": "cat"}, {"shell": "cat", "focus": True}]},
        {"window_name": "two", "panes": [{"shell": "cat"}]},
        options={"status-left": "mine", "base-index": 5},
        global_options={"status-right": "mine"},
        environment={"MINE": "1"},
        before_script=f"touch {shlex.quote(str(tmp_path))}/pwned; false",
    )
    loaded = load(text, server.terminal, "made", append_to=server.session)
    assert loaded.session == server.session
    assert server.show(server.session, "#{window_id} #{pane_id}") == before
    assert server.terminal.run("show-options", "-t", server.session).stdout == options
    assert server.terminal.run("show-options", "-g").stdout == everywhere
    assert "MINE" not in server.terminal.run("show-environment", "-t", server.session).stdout
    assert [facts.window for facts in server.terminal.windows()] == ["@0", *(one.window for one in loaded.windows)]
    assert not (tmp_path / "pwned").exists()


def test_a_new_session_has_only_its_windows(server: PrivateServer) -> None:
    """What held it open is gone; the first window stands where first windows stand; other sessions stay."""
    server.terminal.run("set-option", "-g", "base-index", "3").check()
    text = spec(
        {"window_name": "one", "panes": [{"shell": "cat"}]},
        {"window_name": "two", "panes": [{"shell": "cat"}]},
        options={"status-left": "a;"},
        environment={"MINE": "#(x)"},
    )
    loaded = load(text, server.terminal, "made")
    template = "#{window_index} #{window_name} #{window_active}"
    listed = server.terminal.run("list-windows", "-t", loaded.session, "-F", template)
    assert listed.stdout == "3 one 1\n4 two 0\n"
    assert server.terminal.run("show-options", "-v", "-t", loaded.session, "status-left").stdout == "a;\n"
    assert "MINE=#(x)" in server.terminal.run("show-environment", "-t", loaded.session).stdout
    assert server.show(loaded.session, "#{window_width}x#{window_height}") == "220x50"
    assert server.terminal.session_named("user") is not None


def test_a_server_is_started_where_none_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first `batty work` of the day."""
    private = PrivateServer(tmp_path, start=False)
    monkeypatch.setenv("HOME", str(private.home))
    try:
        loaded = load(spec({"window_name": "one", "panes": [{"shell": "cat"}]}), private.terminal, "made")
        assert [facts.window for facts in private.terminal.windows()] == [one.window for one in loaded.windows]
    finally:
        private.kill()


@pytest.mark.parametrize("broken", [{"options": {"no-such-option": "1"}}, {"layout": "b25d,80x24,0,0,1"}])
@pytest.mark.parametrize("append", [False, True])
def test_a_refused_window_leaves_nothing_behind(server: PrivateServer, broken: dict[str, Any], append: bool) -> None:
    """All windows or none; the user's last window never gets the options of one that failed."""
    text = spec(
        {"window_name": "one", "panes": [{"shell": "cat"}]},
        {"window_name": "two", "panes": [{"shell": "cat"}, {"shell": "cat"}], **broken},
        {"window_name": "three", "panes": [{"shell": "cat"}]},
    )
    with pytest.raises(BattyError) as caught:
        load(text, server.terminal, "made", append_to=server.session if append else None)
    assert caught.value.code == "windows-failed"
    assert caught.value.evidence
    assert [(facts.session, facts.window) for facts in server.terminal.windows()] == [(server.session, "@0")]
    assert len(server.terminal.panes()) == 1


def test_a_session_that_has_gone_is_an_error_and_no_other_is_taken(server: PrivateServer) -> None:
    """The user may close the session between batty's look and its batch; nothing falls upon another one."""
    window = {"window_name": "one", "options": {"@batty_phase": "p"}, "panes": [{"shell": "cat"}, {"shell": "cat"}]}
    with pytest.raises(BattyError) as caught:
        load(spec(window), server.terminal, "made", append_to=SessionId("$99"))
    assert "$99" in caught.value.evidence[0]
    assert len(server.terminal.panes()) == 1
    assert server.terminal.windows()[0].phase is None


def test_each_window_is_one_group(server: PrivateServer) -> None:
    """tmux drops the rest of a group after a failure: an option that fails is followed by no split."""
    line = _window_line("$0:{end}", {"options": {"no-such": "1"}, "panes": [{"shell": "cat"}, {"shell": "cat"}]})
    assert "\n" not in line
    assert not server.terminal.source([line]).ok
    owners = [facts.window for facts in server.terminal.panes()]
    assert len(owners) == len(set(owners)) == 2


@pytest.mark.parametrize("name", ["no-such-layout", "", "main-horizontal-mirrored"])
def test_an_unknown_layout_never_reaches_tmux(server: PrivateServer, name: str) -> None:
    """It would end a 3.3a server; so it is refused here too, for files that batty did not render."""
    identity = server.terminal.identity()
    with pytest.raises(BattyError, match="layout"):
        load(spec({"window_name": "one", "layout": name, "panes": ["pane"]}), server.terminal, "made")
    assert server.terminal.identity() == identity


def test_tmuxps_keys_are_honoured(server: PrivateServer, tmp_path: Path) -> None:
    """Typed panes, folders and variables that trickle down, window_shell, options_after, focus, layout."""
    (tmp_path / "deep").mkdir()
    text = spec(
        {
            "window_name": "one",
            "layout": "even-horizontal",
            "start_directory": "deep",
            "environment": {"WHO": "window"},
            "options": {"@first": True},
            "options_after": {"@last": 5, "synchronize-panes": "on"},
            "shell_command_before": "echo before",
            "panes": [
                {"shell_command": ["echo typed-$WHO;", {"cmd": "not entered", "enter": False}]},
                {"environment": {"WHO": "pane"}, "shell_command": "echo other-$WHO", "focus": True},
            ],
        },
        {"window_name": "two", "window_shell": "exec cat", "focus": True, "panes": ["typed into cat", None]},
        start_directory=str(tmp_path),
    )
    first, second = load(text, server.terminal, "made").windows

    def screen(pane: str) -> str:
        return server.terminal.capture(type(first.panes[0])(pane)) or ""

    eventually(lambda: "typed-window" in screen(first.panes[0]) and "not entered" in screen(first.panes[0]), "typing")
    eventually(lambda: "other-pane" in screen(first.panes[1]), "the pane's own variable")
    eventually(lambda: screen(second.panes[0]).count("typed into cat") == 2, "the window's shell")
    assert "before" in screen(first.panes[0])
    assert "typed" not in screen(first.panes[1])
    assert server.show(first.panes[0], "#{pane_start_path} #{pane_height}") == f"{tmp_path / 'deep'} 50"
    assert [server.option(first.window, name) for name in ("@first", "@last")] == ["on", "5"]
    assert server.show(first.window, "#{pane_id}") == first.panes[1]
    assert server.show(second.window, "#{window_active} #{pane_id}") == f"1 {second.panes[0]}"


def test_roles_mark_the_panes_of_phases_only(server: PrivateServer) -> None:
    """The first pane is the executor's, the second the orchestrator's; the home window has neither."""
    windows = [Window(PhaseId("p"), "t", "/", ("cat",), ("cat",), RunId("001"), "/r")]
    text = workspace(
        (share() / "layouts/phase.yaml.j2").read_text(), "r", windows, Home("/", ("cat",), RunId("001"), "/r")
    )
    home, phase = load(text, server.terminal, "r").windows
    roles = {facts.pane: facts.role for facts in server.terminal.panes() if facts.run}
    assert roles == {home.panes[0]: None, phase.panes[0]: "executor", phase.panes[1]: "orchestrator"}
    heights = [int(server.show(pane, "#{pane_height}")) for pane in phase.panes]
    assert heights[0] > 2 * heights[1] - 2
    assert parse(text).session == "r"


def test_fifty_windows_come_in_the_files_order(server: PrivateServer) -> None:
    """Ids are paired with the file's windows by their order, so it must hold for many."""
    command = shell_line(("cat",))
    windows = [{"window_name": f"w{n}", "panes": [{"shell": command}] * 2, "layout": "tiled"} for n in range(50)]
    opened = load(spec(*windows), server.terminal, "made", append_to=server.session).windows
    listed = server.terminal.run("list-windows", "-a", "-F", "#{window_id} #{window_name}").stdout
    named = dict(text.split() for text in listed.splitlines())
    assert [named[one.window] for one in opened] == [f"w{n}" for n in range(50)]
    owners = {facts.pane: facts.window for facts in server.terminal.panes()}
    assert all(owners[pane] == one.window for one in opened for pane in one.panes)


def test_tmuxps_command_line_can_choose_the_builder(server: PrivateServer, tmp_path: Path) -> None:
    """A user may name batty's builder in a file of their own."""
    file = tmp_path / "own.yaml"
    builder = "batty_tmux.host.tmux:SourceFileBuilder"
    file.write_text(spec({"window_name": "one;", "panes": [{"shell": "cat"}]}, workspace_builder=builder))
    tmuxp(server, file)
    (facts,) = [found for found in server.terminal.windows() if found.session != server.session]
    assert server.show(facts.window, "#{window_name}") == "one;"


def test_it_is_a_builder_in_tmuxps_sense(server: PrivateServer) -> None:
    """The protocol is tmuxp's; a given session is only ever added to, with or without `append`."""
    events: list[dict[str, Any]] = []
    config = {"session_name": "made", "windows": [{"window_name": "one", "panes": [{"shell": "cat"}]}]}
    tmux = libtmux.Server(socket_path=server.socket)
    builder = SourceFileBuilder(session_config=config, server=tmux, on_build_event=events.append)
    assert not builder.session_exists("made")
    assert not builder.session_exists("us")
    builder.build(tmux.sessions[0])
    assert isinstance(builder, WorkspaceBuilderProtocol)
    assert builder.session.session_id == server.session
    assert [facts.window for facts in server.terminal.windows()] == [WindowId("@0"), builder.opened[0].window]
    assert [event["event"] for event in events] == ["session_created", "workspace_built"]
    assert re.fullmatch(r"\$\d+", builder.session_id)
