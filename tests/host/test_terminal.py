"""Talking to a real tmux server: nothing is expanded, cut, forged or guessed."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from batty_tmux.host.quoting import line, q_format, typable
from batty_tmux.host.terminal import ClientFacts, Terminal
from batty_tmux.names import PaneId, SessionId, WindowId
from tests.support.hostile import FOLDERS, TITLES
from tests.support.server import PrivateServer, eventually


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrivateServer]:
    private = PrivateServer(tmp_path)
    yield private
    private.kill()


@pytest.fixture(params=[False, True], ids=["processes", "connection"])
def terminal(server: PrivateServer, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    """Whatever holds for commands that are processes of their own holds over a standing connection."""
    plain = server.terminal
    if not request.param:
        yield plain
        return
    connected = plain.connected(plain.sessions()[0].session)
    yield connected
    if connected.control is not None:
        connected.control.close()


def window_of(terminal: Terminal) -> WindowId:
    return terminal.windows()[0].window


def nothing_ran(*folders: Path) -> bool:
    return not any(found for folder in (Path.cwd(), *folders) for found in folder.rglob("pwned"))


def test_the_server_is_the_users_own() -> None:
    """Inside tmux it is that server, outside the default one; TMUX_TMPDIR counts."""
    assert Terminal.from_environment({"TMUX": "/a,b/socket,12,0"}).socket == Path("/a,b/socket")
    assert Terminal.from_environment({}) == Terminal(None, "")
    outside = Terminal.from_environment({"TMUX_TMPDIR": "/x", "TMUX": ""})
    assert (outside.socket, outside.environment()["TMUX_TMPDIR"]) == (None, "/x")


def test_an_outer_tmux_does_not_redirect(server: PrivateServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A TMUX in the environment never wins over the terminal's own server."""
    monkeypatch.setenv("TMUX", f"{server.socket},1,0")
    assert Terminal(None, str(server.short)).identity() is None


def test_no_server_is_no_error(tmp_path: Path) -> None:
    """Where nothing runs, listings are empty and nothing is started."""
    private = PrivateServer(tmp_path, start=False)
    terminal = private.terminal
    assert not terminal.alive()
    assert (terminal.panes(), terminal.windows(), terminal.sessions(), terminal.clients()) == ((), (), (), ())
    assert terminal.capture(PaneId("%0")) is None
    terminal.wake_server()
    assert not private.socket.exists()
    private.kill()


def test_identity_names_socket_process_and_start(server: PrivateServer) -> None:
    """Ids start again at zero with every server, so they count only together with this."""
    socket, pid, started = (server.terminal.identity() or "").rsplit(",", 2)
    assert Path(socket) == server.socket
    os.kill(int(pid), 0)
    assert int(started) > 0


def test_the_version_has_two_numbers(terminal: Terminal) -> None:
    """The floor is 3.2, and later tests of features compare with it."""
    assert terminal.version() >= (3, 2)


def test_words_reach_tmux_as_they_are(terminal: Terminal) -> None:
    """No word is cut, split or expanded, as an argument or in a sourced line; seeded, so a failure repeats."""
    chance = random.Random(7)
    alphabet = ";\"'\\$~#{}()%\n\t -é\N{PILE OF POO}ab\x1b\x7f"
    words = ["".join(chance.choices(alphabet, k=chance.randrange(1, 12))) for _ in range(60)]
    window = window_of(terminal)
    sourced = {f"@s{number}": word for number, word in enumerate(words)}
    terminal.set_window(window, sourced).check()
    for number, word in enumerate(words):
        terminal.run("set-option", "-w", "-t", window, "--", f"@a{number}", word).check()
    show = [line("show-options", "-w", "-v", "-t", window, f"@{kind}{n}") for n in range(60) for kind in "sa"]
    expected = "".join(f"{word}\n" * 2 for word in words)
    assert terminal.source(show).check().stdout == expected


@pytest.mark.parametrize("title", [text.replace("\0", "") for text in TITLES])
def test_hostile_option_values_are_stored_and_harmless(server: PrivateServer, title: str) -> None:
    """A value is kept byte for byte; shown with q/e it neither runs nor styles."""
    window = window_of(server.terminal)
    server.terminal.set_window(window, {"@batty_title": title, "@after": "next"}).check()
    assert server.option(window, "@batty_title") == title
    assert server.option(window, "@after") == "next"
    shown = server.show(window, "#{q/e:@batty_title}")
    assert "#[" not in shown.replace("##", "")
    assert nothing_ran(server.home)


def test_options_can_be_unset(server: PrivateServer) -> None:
    """None takes an option away."""
    window = window_of(server.terminal)
    server.terminal.set_window(window, {"@batty_phase": "phase-1"}).check()
    assert server.terminal.windows()[0].phase == "phase-1"
    server.terminal.set_window(window, {"@batty_phase": None}).check()
    assert server.terminal.windows()[0].phase is None


def test_listings_carry_battys_options(server: PrivateServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What batty wrote on windows, panes and sessions comes back typed, under a C locale too."""
    monkeypatch.setenv("LC_ALL", "C")
    terminal, pane = server.terminal, server.pane
    terminal.set_window(window_of(terminal), {"@batty_phase": "phase-1", "@batty_run": "001", "@batty_repo": "/a%20b"})
    terminal.set_pane(pane, {"@batty_role": "executor"})
    terminal.set_session(server.session, {"@batty_session_repo": "/r"})
    (window,), (facts,), (session,) = terminal.windows(), terminal.panes(), terminal.sessions()
    assert (window.phase, window.run, window.repo) == ("phase-1", "001", "/a b")
    assert (facts.pane, facts.role, facts.run, facts.dead) == (pane, "executor", "001", False)
    assert (session.name, session.repo) == ("user", "/r")
    os.kill(facts.pid, 0)


def test_a_control_client_is_told_from_a_person(server: PrivateServer, tmp_path: Path) -> None:
    """Both are attached clients to tmux; only one can see a menu."""
    attach = 'exec env -u TMUX tmux $0 -S "$1" attach -t "$2"'
    target = server.session
    made = [server.terminal.run("new-session", "-d", "-P", "-F", "#{pane_id}", "exec cat").check() for _ in range(2)]
    clients: tuple[ClientFacts, ...] = ()
    # one after the other: tmux 3.3a may crash where a session is made while a control client attaches
    for number, (flag, pane) in enumerate(zip(("-u", "-C"), made, strict=True), 1):
        words = ("sh", "-c", attach, flag, str(server.socket), target)
        server.terminal.respawn(PaneId(pane.stdout.strip()), words, tmp_path, {"TERM": "xterm"}).check()
        clients = eventually(lambda n=number: len(found := server.terminal.clients()) == n and found, "the client")  # type: ignore[misc]
    assert clients
    assert {facts.control for facts in clients} == {True, False}
    assert {facts.session for facts in clients} == {target}
    assert all(facts.activity > 0 and facts.name for facts in clients)


def test_a_server_without_sessions_is_alive(server: PrivateServer) -> None:
    """With exit-empty off the last window may close and the server stay."""
    server.terminal.run("set-option", "-s", "exit-empty", "off").check()
    identity = server.terminal.identity()
    server.terminal.kill_window(window_of(server.terminal)).check()
    eventually(lambda: not server.terminal.sessions(), "the end of the session")
    assert server.terminal.identity() == identity


@pytest.mark.parametrize("forged", ["x\n$9\t@9\tphase-9\t009\t/x", "x\t\t\t\t\t", "../up", "#(touch pwned)"])
def test_an_option_cannot_forge_a_row(server: PrivateServer, forged: str) -> None:
    """A line break, a tab or a path in an option adds no window and makes no phase."""
    server.terminal.set_window(window_of(server.terminal), {"@batty_phase": forged, "@batty_repo": forged}).check()
    (window,) = server.terminal.windows()
    assert window.phase is None
    assert (window.session, window.window) == (server.session, window_of(server.terminal))
    assert nothing_ran(server.home)


def test_a_session_is_found_by_its_whole_name(server: PrivateServer) -> None:
    """tmux itself would take `us`, `u*` or `$0` for `user`."""
    assert server.terminal.session_named("user") == server.session
    assert [server.terminal.session_named(name) for name in ("us", "u*", "$0", "=user", "")] == [None] * 5


@pytest.mark.parametrize("target", ["0", "user", "user:0.0", "%", "%1;", "-t", ""])
def test_only_exact_ids_are_targets(terminal: Terminal, target: str) -> None:
    """A name or an index is whatever is there by now; it is a bug to pass one."""
    with pytest.raises(ValueError):
        terminal.capture(PaneId(target))
    with pytest.raises(ValueError):
        terminal.kill_window(WindowId(target))


def test_pasted_text_arrives_whole(server: PrivateServer, tmp_path: Path) -> None:
    """Far more than a terminal's line buffer of 4096 bytes, with nothing expanded."""
    copy = tmp_path / "copy"
    server.terminal.respawn(
        server.pane, ("sh", "-c", 'stty -icanon -echo; exec cat >"$1"', "sh", str(copy)), tmp_path, {}
    )
    eventually(copy.exists, "the reader")
    text = "".join(f"line {n}: #(touch pwned) $HOME `id` 'x' \"y\" é;\n" for n in range(400))
    server.terminal.paste(server.pane, text).check()
    eventually(lambda: copy.read_text() == text, "the whole text")
    assert server.terminal.run("list-buffers").stdout == ""
    assert nothing_ran(server.home, tmp_path)


def test_pasted_text_cannot_press_keys() -> None:
    """What would end a bracketed paste, or move a cursor, is dropped; line breaks and tabs stay."""
    assert typable("a\x1b[201~\x03b\x9b1A\r\nc\td\re\x7f\0\ud800") == "a[201~b1A\nc\td\ne"


def test_a_typed_line_is_entered(server: PrivateServer) -> None:
    """The text and then Enter, also while the user looks back in copy mode."""
    server.terminal.run("copy-mode", "-t", server.pane).check()
    server.terminal.type_line(server.pane, "y; #{pid}").check()
    screen = eventually(lambda: (s := server.terminal.capture(server.pane)) and s.count("y; #{pid}") == 2 and s, "echo")
    assert isinstance(screen, str)
    assert screen.startswith("y; #{pid}\ny; #{pid}\n")


def test_nothing_typed_is_nothing_pasted(server: PrivateServer) -> None:
    """An empty text is no error, and leaves no buffer."""
    assert server.terminal.paste(server.pane, "\x1b").ok
    assert not server.terminal.paste(PaneId("%99"), "").ok


def test_a_vanished_pane_has_no_screen(terminal: Terminal) -> None:
    """The caller is told, and never gets another pane's text."""
    assert terminal.capture(PaneId("%99")) is None


def test_wrapped_lines_can_be_joined(server: PrivateServer) -> None:
    """A long question is one line again."""
    server.terminal.paste(server.pane, "x" * 300).check()
    eventually(lambda: "x" * 300 in (server.terminal.capture(server.pane, joined=True) or ""), "the joined line")
    assert "x" * 300 not in (server.terminal.capture(server.pane) or "")


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_respawned_program_gets_its_words_its_folder_and_its_variables(
    server: PrivateServer, tmp_path: Path, folder: str
) -> None:
    """Exactly: no shell, no format and no variable is in between."""
    where, out = tmp_path / "work" / folder, tmp_path / "out"
    where.mkdir(parents=True)
    script = 'printf "%s|" "$PWD" "$BATTY_X" "$@" >"$0.tmp" && mv "$0.tmp" "$0"; exec cat'
    words = ("$(touch pwned)", "#(touch pwned)", "end;", "two\nlines", "~", "")
    server.terminal.set_pane(server.pane, {"@batty_role": "executor"})
    argv = ("sh", "-c", script, str(out), *words)
    server.terminal.respawn(server.pane, argv, where, {"BATTY_X": "#(touch pwned) $HOME;"}).check()
    eventually(out.exists, "the program")
    assert out.read_text() == "|".join((str(where), "#(touch pwned) $HOME;", *words, ""))
    assert server.terminal.panes()[0].role == "executor"
    assert nothing_ran(server.home, tmp_path)


def test_a_single_word_is_not_given_to_a_shell(server: PrivateServer, tmp_path: Path) -> None:
    """tmux runs one word by the shell; batty's program is run itself, and its status is seen."""
    program = tmp_path / "exit 7; #"
    program.write_text("#!/bin/sh\nexit 5\n")
    program.chmod(0o755)
    server.terminal.set_window(window_of(server.terminal), {"remain-on-exit": "on"}).check()
    server.terminal.respawn(server.pane, (str(program),), tmp_path, {}).check()

    def ended() -> int | None:
        server.terminal.wake_server()
        return server.terminal.panes()[0].dead_status

    assert eventually(ended, "the end") == 5
    assert server.terminal.panes()[0].dead


def test_a_killed_program_shows_its_signal(server: PrivateServer) -> None:
    """Woken, the server knows a killed pane for dead even where it lost the news."""
    server.terminal.set_window(window_of(server.terminal), {"remain-on-exit": "on"}).check()
    os.kill(server.terminal.panes()[0].pid, 9)

    def known() -> bool:
        server.terminal.wake_server()
        facts = server.terminal.panes()[0]
        return (
            facts.dead and facts.dead_status is None and (facts.dead_signal or "").lower() in {"9", "kill", "sigkill"}
        )

    eventually(known, "the signal")


def test_a_user_hook_runs_and_an_absent_one_does_not(server: PrivateServer) -> None:
    """`@batty-landed` is empty until the user sets it."""
    assert server.terminal.fire("@batty-landed").ok
    server.terminal.run("set-hook", "-g", "@batty-landed", "set-option -g @hit yes").check()
    server.terminal.fire("@batty-landed").check()
    eventually(lambda: server.terminal.run("show-options", "-g", "-v", "@hit").stdout == "yes\n", "the hook")
    with pytest.raises(ValueError, match="x"):
        server.terminal.fire("@x; kill-server")


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_pipe_reaches_its_fifo(server: PrivateServer, tmp_path: Path, folder: str) -> None:
    """pipe-pane expands formats, dates and the shell; the path comes through all three."""
    where = tmp_path / folder
    where.mkdir()
    fifo = where / "pipe"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    try:
        server.terminal.pipe(server.pane, fifo).check()
        server.terminal.type_line(server.pane, "seen").check()
        eventually(lambda: _readable(reader), "output in the FIFO")
        server.terminal.unpipe(server.pane).check()
        assert server.show(server.pane, "#{pane_pipe}") == "0"
    finally:
        os.close(reader)
    assert nothing_ran(server.home, tmp_path)


def _readable(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except BlockingIOError:
        return b""


@pytest.mark.parametrize("value", ["", "x" * 200_000, "a\n\nb\t#(touch pwned) $HOME é\0;", "\udcff"])
def test_a_session_remembers_text_of_any_size(server: PrivateServer, value: str) -> None:
    """What is remembered comes back unchanged, and panes never see it."""
    terminal, session = server.terminal, server.session
    terminal.remember(session, "BATTY_STATE", value).check()
    assert terminal.recall(session, "BATTY_STATE") == value
    assert "BATTY_STATE" not in terminal.run("show-environment", "-t", session).stdout
    terminal.remember(session, "BATTY_STATE", None).check()
    assert terminal.recall(session, "BATTY_STATE") is None


def test_recall_is_not_fooled(server: PrivateServer) -> None:
    """A variable that something else wrote is nothing remembered; nor is one of a session that has gone."""
    server.terminal.run("set-environment", "-h", "-t", server.session, "BATTY_X", "not base64!").check()
    assert server.terminal.recall(server.session, "BATTY_X") is None
    assert server.terminal.recall(SessionId("$99"), "BATTY_X") is None
    with pytest.raises(ValueError, match="-t"):
        server.terminal.remember(server.session, "-t", "x")


def test_a_closed_window_is_gone(server: PrivateServer) -> None:
    """Exactly that window."""
    made = server.terminal.run("new-window", "-d", "-P", "-F", "#{window_id}", "-t", f"{server.session}:", "exec cat")
    server.terminal.kill_window(WindowId(made.stdout.strip())).check()
    assert [facts.window for facts in server.terminal.windows()] == ["@0"]


def test_a_failing_line_does_not_stop_the_rest(server: PrivateServer) -> None:
    """And the failure is told."""
    done = server.terminal.source([line("kill-window", "-t", "@99"), line("set-option", "-g", "@rest", "done")])
    assert not done.ok
    assert "@99" in done.stderr
    assert server.terminal.run("show-options", "-g", "-v", "@rest").stdout == "done\n"


def test_a_doubled_hash_is_literal_where_tmux_expands(server: PrivateServer) -> None:
    """A window named by such a text runs nothing, expands nothing, and keeps style marks as text."""
    window = window_of(server.terminal)
    title = "#(touch pwned) #{session_name} #[fg=red] %H"
    server.terminal.source([line("rename-window", "-t", window, "--", q_format(title))]).check()
    name = server.show(window, "#{window_name}")
    assert "user" not in name
    assert "##[fg=red]" in name
    assert "%H" in name
    assert nothing_ran(server.home)
