"""prefix + B, pressed by somebody who is really attached."""

from pathlib import Path

import pytest

from batty_tmux.host import files, process
from batty_tmux.host.quoting import q_format
from tests.plugin.conftest import Recorder, ask, load, run_in
from tests.support.attached import PREFIX, Attached
from tests.support.server import PrivateServer

CLOSES = "any key closes this"
HOSTILE = 'repo\'s #(touch pwned) #{session_name} $(touch pwned) %H "q";'


@pytest.fixture
def repository(tmp_path: Path, server: PrivateServer) -> Path:
    """A repository with boards, in which the pane that the user looks at is; its path is hostile."""
    root = tmp_path / HOSTILE
    for name in ("phase-10", "phase-2", "evil#(touch pwned)", "-x", "a'b", "phase 3", "no-board"):
        (root / "kanban" / name).mkdir(parents=True)
        if name != "no-board":
            (root / "kanban" / name / "config.yml").write_text("version: 1\n")
    process.run(["git", "init", "-q", str(root)], env=server.env).check()
    server.terminal.run("new-window", "-n", "here", "-c", q_format(str(root)), "exec cat").check()
    return root


@pytest.fixture
def plain(tmp_path: Path, server: PrivateServer) -> Path:
    """A repository whose path needs no encoding, with one board, and the user in it."""
    root = tmp_path / "shop"
    (root / "kanban" / "phase-1").mkdir(parents=True)
    (root / "kanban" / "phase-1" / "config.yml").write_text("version: 1\n")
    process.run(["git", "init", "-q", str(root)], env=server.env).check()
    server.terminal.run("new-window", "-n", "here", "-c", q_format(str(root)), "exec cat").check()
    return root


def opened(person: Attached) -> None:
    """Press the key, and wait for the menu."""
    person.press(PREFIX + "B")
    person.expect("Launch all phases")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("L", ["work", "all", "--parallel", "3", "--detach"]),
        ("m", ["queue"]),
        ("s", ["status"]),
        ("p", ["plan"]),
        ("e", ["report"]),
        ("h", ["doctor"]),
        ("l1", ["work", "phase-2", "--detach"]),
        ("l2", ["work", "phase-10", "--detach"]),
        ("xy", ["stop"]),
    ],
)
def test_an_item_runs_its_command_in_the_panes_directory(
    server: PrivateServer, repository: Path, recorder: Recorder, person: Attached, key: str, words: list[str]
) -> None:
    """Whatever the path is made of: it arrives whole, nothing in it runs, and the output can be read."""
    (repository / ".git" / "batty").mkdir()
    (repository / ".git" / "batty" / "journal.jsonl").write_text("{}\n")
    phase_window(server, phase="phase-3", state="reviewing")
    phase_window(server, phase="phase-4", state="working")
    load(server)
    opened(person)
    titles = {"l": "Launch a phase", "x": "Stop the work here?"}
    for one, following in zip(key, [*key[1:], ""], strict=True):
        person.press(one)
        if following:
            person.expect(f" {titles[one]} ")
    person.expect(CLOSES)
    assert recorder.calls == [[str(repository), *words]]
    person.press(" ")
    person.expect_gone(CLOSES)
    assert not list(repository.parent.rglob("pwned"))
    assert not Path("pwned").exists()


def test_the_number_at_once_is_the_users(server: PrivateServer, recorder: Recorder, person: Attached) -> None:
    """@batty-parallel goes into the menu's text and into the command."""
    server.terminal.run("set-option", "-g", "@batty-parallel", "5").check()
    load(server)
    opened(person)
    person.expect("Launch all phases, 5 at once")
    person.press("L")
    person.expect(CLOSES)
    assert [call[1:] for call in recorder.calls] == [["work", "all", "--parallel", "5", "--detach"]]


def test_a_board_is_what_batty_takes_for_one(
    server: PrivateServer, plain: Path, recorder: Recorder, person: Attached
) -> None:
    """A folder with a task is one without a config.yml too; other folders there are none."""
    board = plain / "kanban" / "phase-1"
    (board / "config.yml").unlink()
    (plain / "kanban" / "notes" / "tasks").mkdir(parents=True)
    load(server)
    person.press(PREFIX + "B")
    person.expect("Set this repository up")
    person.press("q")
    person.expect_gone("Set this repository up")
    (board / "tasks").mkdir()
    (board / "tasks" / "001-one.md").write_text("")
    opened(person)
    person.press("l")
    person.expect("phase-1")
    assert "notes" not in person.text


def test_a_parallel_that_is_no_number_is_not_used(server: PrivateServer, recorder: Recorder, person: Attached) -> None:
    """An option's value is not a place to put commands into."""
    server.terminal.run("set-option", "-g", "@batty-parallel", "2 #(touch pwned)").check()
    load(server)
    opened(person)
    person.expect("Launch all phases, 3 at once")


def test_launch_lists_boards_in_their_order_and_only_safe_names(
    server: PrivateServer, repository: Path, recorder: Recorder, person: Attached
) -> None:
    """phase-2 before phase-10; what is no name for a phase is not offered."""
    load(server)
    opened(person)
    person.press("l")
    person.expect(" Launch a phase ")
    text = person.text
    assert text.index("phase-2") < text.index("phase-10")
    menu = [line for line in person.lines if "│" in line]
    assert not [line for line in menu if "evil" in line or "no-board" in line or "a'b" in line or "phase 3" in line]


def test_a_long_list_comes_in_pages(
    server: PrivateServer, repository: Path, recorder: Recorder, person: Attached
) -> None:
    """tmux draws no menu that is higher than the screen."""
    for number in range(20, 60):
        (repository / "kanban" / f"phase-{number}").mkdir()
        (repository / "kanban" / f"phase-{number}" / "config.yml").touch()
    load(server)
    opened(person)
    person.press("l")
    person.expect("phase-35")
    person.press("+")
    person.expect("phase-36")
    person.press("+")
    person.expect("phase-59")
    person.press("6")
    person.expect(CLOSES)
    assert [call[1:] for call in recorder.calls] == [["work", "phase-59", "--detach"]]


def test_nothing_to_launch_is_said(server: PrivateServer, recorder: Recorder, person: Attached) -> None:
    """Outside a repository the list is not an empty box."""
    server.terminal.run("new-window", "-c", "/", "exec cat").check()
    server.terminal.run("set-option", "-g", "@batty-key-launch", "L").check()
    load(server)
    person.press(PREFIX + "L")
    person.expect("Nothing in kanban/ here is to be launched")
    person.press("q")
    person.press(PREFIX + "B")
    person.expect("No repository here")


def of(repository: Path) -> str:
    """Return what batty writes on its windows to say whose they are."""
    return str(repository / ".git" / "batty")


def phase_window(server: PrivateServer, **options: str) -> str:
    """Make a window as a phase's is, without going there."""
    state = Path(options.get("repo", "/elsewhere/.git/batty"))
    folder = ("-c", str(state.parents[1])) if state.parent.is_dir() else ()
    window = ask(server, "new-window", "-d", "-P", "-F", "#{window_id}", "-n", "phase", *folder, "exec cat")
    for name, value in options.items():
        server.terminal.run("set-option", "-w", "-t", window, f"@batty_{name}", value).check()
    return window


def test_go_to_a_phase(server: PrivateServer, plain: Path, recorder: Recorder, person: Attached) -> None:
    """The list holds the windows in which phases work, with their states, and brings one to the front."""
    repo = of(plain)
    phase_window(server, phase="phase-1", state="working", repo=repo)
    second = phase_window(server, phase="phase-2", state="asking", repo=repo)
    phase_window(server, phase="x#(touch pwned)", state="working", repo=repo)
    load(server)
    opened(person)
    person.press("w")
    person.expect("phase-2  asking")
    assert "pwned" not in person.text
    person.press("2")
    person.expect(lambda: ask(server, "display-message", "-p", "-t", "user", "#{window_id}") == second)


def test_review_opens_at_once_and_says_who_looks_on(
    server: PrivateServer, plain: Path, recorder: Recorder, person: Attached
) -> None:
    """Three keys with the verdict's: no list comes before it, and it is gone when the verdict is given."""
    client = ask(server, "list-clients", "-F", "#{client_name}")
    recorder.path.write_text(f'{recorder.path.read_text()}printf "%s" "$BATTY_CLIENT" >"$HOME/client"\n')
    phase_window(server, phase="phase-2", state="reviewing", repo=of(plain))
    load(server)
    opened(person)
    person.press("r")
    person.expect(lambda: recorder.calls == [[str(plain), "review"]])
    told = server.home / "client"
    person.expect(lambda: told.exists() and told.read_text() == client)
    person.expect_gone("$ batty review")


def offered(person: Attached) -> list[str]:
    """The menu's entries, without their keys."""
    person.press(PREFIX + "B")
    person.expect("doctor)")
    rows = [line.split("│")[1] for line in person.lines if line.count("│") == 2]
    person.press("q")
    person.expect_gone("doctor)")
    return [" ".join(row.rsplit("(", 1)[0].split()) for row in rows]


START = ["Launch all phases, 3 at once", "Launch a phase...", "Plan"]
END = ["Status", "Is everything there? (doctor)"]


def test_only_what_makes_sense_now_is_offered(
    server: PrivateServer, plain: Path, recorder: Recorder, person: Attached
) -> None:
    """Entry by entry, from an empty repository to a run: what another repository asks is not counted."""
    load(server)
    assert offered(person) == [*START, *END]
    journal = plain / ".git" / "batty" / "journal.jsonl"
    journal.parent.mkdir()
    journal.write_text("{}\n")
    run = ["Status", "Merge queue", "Report", END[-1]]
    assert offered(person) == ["Resume", *START, *run]
    phase_window(server, phase="phase-9", state="asking", repo="/elsewhere/.git/batty")
    assert offered(person) == ["Resume", *START, *run]
    home = phase_window(server, run="001", repo=of(plain))
    first = phase_window(server, phase="phase-1", state="asking", repo=of(plain))
    there = ["Go to a phase...", "Dashboard", *run, "Stop..."]
    assert offered(person) == ["Answer... (1)", *START, *there]
    phase_window(server, phase="phase-2", state="reviewing", repo=of(plain))
    assert offered(person) == ["Answer... (1)", "Review... (1)", *START, *there]
    server.terminal.run("select-window", "-t", first).check()
    pause, told = "Pause supervision of phase-1", "What happened to phase-1"
    ask(server, "send-keys", "-t", first, "")
    assert pause in offered(person)
    assert told in offered(person)
    server.terminal.run("set-option", "-w", "-t", first, "@batty_hold", "paused").check()
    assert "Let supervision of phase-1 go on" in offered(person)
    person.press(PREFIX + "B")
    person.expect("Dashboard")
    person.press("d")
    person.expect(lambda: ask(server, "display-message", "-p", "-t", "user", "#{window_id}") == home)


def test_outside_of_a_board_setting_up_is_offered(
    server: PrivateServer, tmp_path: Path, recorder: Recorder, person: Attached
) -> None:
    """A repository without phases has one thing to do first."""
    process.run(["git", "init", "-q", str(tmp_path / "new")], env=server.env).check()
    server.terminal.run("new-window", "-c", str(tmp_path / "new"), "exec cat").check()
    load(server)
    assert offered(person) == ["Set this repository up", END[-1]]
    person.press(PREFIX + "B")
    person.expect("Set this repository up")
    person.press("i")
    person.expect(CLOSES)
    assert recorder.calls == [[str(tmp_path / "new"), "init"]]


def test_the_mouse_alone_drives_it(server: PrivateServer, plain: Path, recorder: Recorder, person: Attached) -> None:
    """A click on the status line opens it, a click chooses, also from the list behind an entry."""
    for option, value in (("mouse", "on"), ("status-right", "CLICK HERE")):
        server.terminal.run("set-option", "-g", option, value).check()
    load(server)
    person.expect("CLICK HERE")
    person.click("CLICK HERE")
    person.expect("Launch a phase...")
    person.click("Launch a phase...")
    person.expect("│ phase-1 ")
    person.click("phase-1")
    person.expect(CLOSES)
    assert recorder.calls == [[str(plain), "work", "phase-1", "--detach"]]


def test_a_hostile_state_never_reaches_the_menu(
    server: PrivateServer, plain: Path, recorder: Recorder, person: Attached
) -> None:
    """A state that is no word is left out; the phase is still there."""
    phase_window(server, phase="phase-1", state="#(touch pwned)", repo=of(plain))
    load(server)
    opened(person)
    person.press("w")
    person.expect("phase-1")
    assert "touch" not in person.text


def test_stop_asks_first(server: PrivateServer, plain: Path, recorder: Recorder, person: Attached) -> None:
    """Leaving the question stops nothing."""
    phase_window(server, phase="phase-1", state="working", repo=of(plain))
    load(server)
    opened(person)
    person.press("x")
    person.expect("Stop the work here?")
    person.press("n")
    person.expect_gone("Stop the work here?")
    opened(person)
    assert recorder.calls == []


def test_a_failing_command_stays_to_be_read(server: PrivateServer, tmp_path: Path, person: Attached) -> None:
    """The window does not close over an error."""
    failing = tmp_path / "failing"
    failing.write_text("#!/bin/sh\necho what went wrong\nexit 3\n")
    failing.chmod(0o755)
    server.terminal.run("set-option", "-g", "@batty-command", str(failing)).check()
    load(server)
    opened(person)
    person.press("L")
    person.expect("ended with 3")
    assert "what went wrong" in person.text


def test_no_batty_is_said(server: PrivateServer, person: Attached) -> None:
    """A command that does not exist is named before a menu offers it."""
    server.terminal.run("set-option", "-g", "@batty-command", "/nowhere/batty").check()
    load(server)
    person.press(PREFIX + "B")
    person.expect("no batty to run: set @batty-command")


def test_without_a_terminal_nothing_hangs(server: PrivateServer, recorder: Recorder) -> None:
    """No client, or a name that is none: the script ends, and starts nothing."""
    load(server)
    script = files.share() / "tmux" / "scripts" / "menu.sh"
    pane, session = server.pane, server.session
    for words in ((), ("", pane, session), ("/dev/pts/nope", pane, session), ("x", "%1;", "$(touch pwned)")):
        run_in(server, script, *words).check()
    assert recorder.calls == []


def test_the_offer_comes_first_and_installs_only_when_chosen(
    server: PrivateServer, small_checkout: Path, tmp_path: Path, person: Attached
) -> None:
    """From a clone whose environment is not built: the offer; 'Not now' makes nothing; then it is built in sight."""
    load(server, small_checkout, env=server.env)
    person.press(PREFIX + "B")
    person.expect("batty is not set up yet")
    person.press("n")
    person.expect_gone("batty is not set up yet")
    assert not (tmp_path / "batty home").exists()
    person.press(PREFIX + "B")
    person.expect("Set batty up (virtual environment)")
    person.press("s")
    person.expect("batty: set up in", seconds=90)
    person.expect(CLOSES)
    person.press(" ")
    person.expect_gone(CLOSES)
    opened(person)
    person.press("s")
    person.expect("small ['status']")
