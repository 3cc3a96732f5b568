"""Open a phase's window: worktree, provided files, brief, layout, tmux. Each step may be done twice."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from batty_tmux.core import marks
from batty_tmux.core.board import Phase
from batty_tmux.core.events import Launched, LaunchFailed, Launching
from batty_tmux.core.layout import Home, Window, parse, session_name, workspace
from batty_tmux.core.marks import Mark
from batty_tmux.core.plan import branch_of, brief, worktree_of
from batty_tmux.core.supervise import Watch
from batty_tmux.drive import hosting
from batty_tmux.drive.blocks import claim
from batty_tmux.drive.hooks import dress, dress_window, install, keep_shape, remember_environment, watch_pane
from batty_tmux.drive.project import BOARDS, Project, board_in_worktree, program
from batty_tmux.drive.provisions import provide
from batty_tmux.drive.redaction import redacted
from batty_tmux.drive.room import NO_ROOM, refuse_no_room
from batty_tmux.errors import BattyError
from batty_tmux.host.files import share, write_atomically
from batty_tmux.host.lock import Held, exclusive
from batty_tmux.host.plumbing import Git
from batty_tmux.host.terminal import Terminal
from batty_tmux.names import PaneId, PhaseId, RunId, SessionId, Sha, WindowId

if TYPE_CHECKING:
    from batty_tmux.host.tmux import Loaded

GUIDES = ("CLAUDE.md", "AGENTS.md")
_THEN_A_SHELL = (
    'trap : INT; "$@"; tmux set-option -p -t "$TMUX_PANE" remain-on-exit off 2>/dev/null; exec "${SHELL:-/bin/sh}"'
)
"""What runs in the home window. Left or killed, the dashboard leaves a shell, and its last words above it."""


@dataclass(frozen=True)
class Open:
    """A window that exists: its ids are good for one tmux server."""

    session: SessionId
    window: WindowId
    pane: PaneId
    orchestrator: PaneId
    server: str


def launch(project: Project, phase: Phase, run: RunId, held: Held, host: str = "") -> Launched | LaunchFailed:
    """Give the phase a worktree and a window, and journal both. The fill lock must be held.

    On another `host` the worktree is made there, with a window of its own, which the one here shows.

    After a kill it goes on where it was: a worktree or a window that is there already is taken as it is.
    """
    _ = held
    records = project.place.records
    watch = project.watch(phase.id)
    if watch.launching is None or watch.state == "closed" or watch.launching.run != run:
        if host and (away := hosting.refusal(project, host, run, phase.id)) is not None:
            records.append(away)
            return away
        records.append(_intent(project, phase, run, host))
        watch = project.watch(phase.id)
    try:
        if watch.host:
            records.append(*hosting.open_there(project, watch))
        else:
            if watch.launching is not None and not Path(watch.launching.worktree).exists():
                refuse_no_room(project.place.home, project.base, project.config, 1)
            make_worktree(project, watch)
        event: Launched | LaunchFailed = open_window(project, watch)
    except BattyError as problem:
        event = hosting.failed(watch, problem) if watch.host else _failed(run, phase.id, problem)
    records.append(event)
    return event


def _failed(run: RunId, phase: PhaseId, problem: BattyError) -> LaunchFailed:
    code = problem.code if problem.code == NO_ROOM else "launch-failed"
    return LaunchFailed(run=run, phase=phase, reason=problem.what, evidence=problem.evidence, code=code)


def _intent(project: Project, phase: Phase, run: RunId, host: str) -> Launching:
    git, base = project.place.git, project.base.ref
    tip = hosting.last_fetched(project, phase.id) or Sha("")
    start = git.merge_base(base, tip) if tip else git.tip(base)
    if start is None:
        raise BattyError("no-base", f"the base branch {project.base} does not exist", next="batty doctor")
    number = _unused(project, phase.id, run)
    if host:
        # the folder is made there, and its path is the host's: nothing here opens it
        there = f"{host}:{worktree_of(phase.id, number)}"
        branch = branch_of(phase.id, number)
        return Launching(run=run, phase=phase.id, branch=branch, worktree=there, start=start, tip=tip, where=host)
    path = project.worktrees / worktree_of(phase.id, number)
    branch, ports = branch_of(phase.id, number), claim(project.place, phase.id, path)
    return Launching(run=run, phase=phase.id, branch=branch, worktree=str(path), start=start, tip=tip, ports=ports)


def _unused(project: Project, phase: PhaseId, run: RunId) -> RunId:
    """Return the run's number, or the next one for which the phase has neither branch nor folder: none is reused."""
    number = int(run)
    while True:
        text = RunId(f"{number:03d}")
        branch = project.place.git.tip(f"refs/heads/{branch_of(phase, text)}")
        if branch is None and not (project.worktrees / worktree_of(phase, text)).exists():
            return text
        number += 1


def make_worktree(project: Project, watch: Watch) -> None:
    """Make the phase's worktree if it is not there, and copy the provided files that its tip ignores."""
    if watch.launching is None or watch.host:
        return
    path = Path(watch.launching.worktree)
    with exclusive(project.place.state / "worktrees.lock") as held:
        # git keeps the lock if we are killed: whoever gets it next knows that nobody writes there any more
        git = replace(project.place.git, held=held)
        known = {tree.path.resolve(): tree for tree in git.worktrees()}
        there = known.get(path.resolve())
        if there is not None and not path.exists():
            # deleted by hand: only its registration is left, and the branch holds what was committed
            git.remove_worktree(path).check()
            there = None
        if there is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            git.add_worktree(path, watch.launching.branch, watch.launching.first)
        elif there.half_made:
            Git(path, held).finish_worktree()
    provide(project, Git(path))


def write_brief(project: Project, phase: Phase, watch: Watch, attempt: int, feedback: str) -> Path:
    """Write what the executor starts from, with the run: nothing of it goes into the worktree."""
    number = "" if attempt == 1 else f"-{attempt}"
    path = project.place.phase_folder(RunId(watch.run), phase.id) / f"brief{number}.md"
    board = f"{BOARDS}/{phase.id}"
    batty = "batty-tmux board"
    moves = {
        "see the board": f"{batty} list --dir {board}",
        "take the next task": f"{batty} pick --dir {board} --claim {phase.id} --move in-progress",
        "read a task": f"{batty} show ID --dir {board}",
        "finish a task": f"{batty} move ID done --dir {board} --claim {phase.id}",
    }
    guide = ""
    if watch.launching is not None:
        files = (Path(watch.launching.worktree) / name for name in GUIDES)
        guide = next((file.read_text(errors="replace") for file in files if file.is_file()), "")
    now = board_in_worktree(watch) or phase
    text = brief(now, guide=guide, gate=project.config.gate.command, board=board, move=moves, feedback=feedback)
    write_atomically(path, redacted(text))
    return path


def open_window(project: Project, watch: Watch) -> Launched:
    """Open the phase's window in the repository's session, or find the one that is open already."""
    if watch.launching is None:
        raise BattyError("not-launched", f"{watch.phase} was not launched", next=f"batty work {watch.phase}")
    run = RunId(watch.run)
    terminal = project.terminal
    there = find_window(terminal, project, watch.phase, run)
    if there is None:
        there = _open(project, terminal, watch)
    return Launched(
        run=run,
        phase=watch.phase,
        session=there.session,
        window=there.window,
        pane=there.pane,
        orchestrator=there.orchestrator,
        server=there.server,
    )


def find_window(terminal: Terminal, project: Project, phase: PhaseId, run: RunId) -> Open | None:
    """Find a phase's window by what batty wrote on it, never by a name."""
    repo = str(project.place.state)
    for window in terminal.windows():
        if (window.phase, window.run, window.repo) == (phase, run, repo):
            panes = [pane for pane in terminal.panes() if pane.window == window.window]
            if len(panes) < 2:  # noqa: PLR2004 -- executor and orchestrator
                return None
            # a window that plain tmuxp opened has no roles: there the executor is the first pane
            top = next((p for p in panes if p.role == "executor"), panes[0])
            bottom = next((p for p in panes if p.role == "orchestrator"), panes[1])
            return Open(window.session, window.window, top.pane, bottom.pane, terminal.identity() or "")
    return None


def _open(project: Project, terminal: Terminal, watch: Watch) -> Open:
    """Render the layout, keep it with the run, and load the windows that are missing."""
    # tmuxp and libtmux take 130 ms to import: only what opens windows pays for it
    from batty_tmux.host.tmux import load  # noqa: PLC0415

    run = RunId(watch.run)
    template = layout_template(project)
    session = ensure_session(project, run, os.environ)
    name = session_of(project, terminal)
    everything = [window_of(project, w) for w in launched_watches(project, run)]
    layout = project.place.run_folder(run) / "layout.yaml"
    write_atomically(layout, workspace(template, name, everything, home_of(project, run)))
    rendered = checked(workspace(template, name, [window_of(project, watch)]))
    load(rendered, terminal, name, append_to=session)
    found = find_window(terminal, project, watch.phase, run)
    if found is None:
        what = f"the layout {project.config.run.layout} made no window with two panes for {watch.phase}"
        raise BattyError("layout-window", what, next="batty config")
    sign(project, terminal, found.orchestrator, watch.phase, run)
    watch_pane(project, terminal, found.pane)
    if not project.run.hosted:
        # there it is shown zoomed, and a layout would end that
        keep_shape(terminal, found.window, rendered)
    dress_window(terminal, found.window)
    return found


def ensure_session(project: Project, run: RunId, environ: Mapping[str, str]) -> SessionId:
    """Return the repository's session, made with its home window if there is none.

    The caller's environment is kept with it before any phase's window is opened: executors start from it.
    """
    from batty_tmux.host.tmux import load  # noqa: PLC0415 -- as in _open

    terminal = project.terminal
    known = session_id(project, terminal)
    if known is None:
        name = session_of(project, terminal)
        home = workspace(layout_template(project), name, [], home_of(project, run))
        made = load(checked(home), terminal, name)
        known = made.session
        _sign_home(project, terminal, made)
        remember_environment(terminal, known, environ)
        dress(terminal, known)
    install(project, terminal, known)
    return known


def ensure_home(project: Project) -> None:
    """Open the home window in the repository's session, if it has none."""
    from batty_tmux.host.tmux import load  # noqa: PLC0415 -- as in _open

    terminal, run = project.terminal, project.run.id
    session = session_id(project, terminal)
    if session is None or home_window(project) is not None:
        return
    name = session_of(project, terminal)
    home = workspace(layout_template(project), name, [], home_of(project, run))
    _sign_home(project, terminal, load(checked(home), terminal, name, append_to=session))


def home_window(project: Project) -> WindowId | None:
    """Find the home window by what batty wrote on it."""
    repo = str(project.place.state)
    found = (w for w in project.terminal.windows() if w.repo == repo and w.phase is None and w.run is not None)
    return next((facts.window for facts in found), None)


def _sign_home(project: Project, terminal: Terminal, made: "Loaded") -> None:
    sign(project, terminal, made.windows[0].panes[0], None, project.run.id)


def sign(project: Project, terminal: Terminal, pane: PaneId, phase: PhaseId | None, run: RunId) -> None:
    """Write whose a window is into the title of its lower pane: the one mark that outlives its being restored."""
    terminal.run("select-pane", "-t", pane, "-T", marks.title(marks.mark(phase, run, str(project.place.state))))


def checked(rendered: str) -> str:
    """Return a rendered layout that batty may load: parsed, its layout names known to every tmux."""
    parse(rendered)
    return rendered


def window_of(project: Project, watch: Watch) -> Window:
    phase = next((p for p in project.board.phases if p.id == watch.phase), None)
    repo = str(project.place.home)
    run = RunId(watch.run)
    return Window(
        phase=watch.phase,
        title=phase.title if phase else str(watch.phase),
        start=watch.launching.worktree if watch.launching and not watch.host else repo,
        executor=(*program(), "--repo", repo, "executor", watch.phase, "--run", run),
        orchestrator=(*program(), "--repo", repo, "supervise", watch.phase, "--run", run),
        run=run,
        repo=str(project.place.state),
    )


def home_of(project: Project, run: RunId) -> Home:
    repo = str(project.place.home)
    if project.run.hosted:
        # nobody sits at a host: its phases are seen from where they are reviewed
        return Home(repo, ("/bin/sh", "-c", "exec cat"), run, str(project.place.state))
    dashboard = (*program(), "--repo", repo, "dashboard")
    return Home(repo, ("/bin/sh", "-c", _THEN_A_SHELL, "batty", *dashboard), run, str(project.place.state))


def launched_watches(project: Project, run: RunId) -> list[Watch]:
    """Return the watches of all phases launched in a run, in natural order."""
    watches = [project.watch(phase.id) for phase in project.phases]
    return [watch for watch in watches if watch.launching is not None and watch.run == run]


def layout_template(project: Project) -> str:
    """Return the text of the layout that batty.toml names: one of batty's, or a path in the repository."""
    name = project.config.run.layout
    own = project.place.home / name
    built_in = share() / "layouts" / f"{name}.yaml.j2"
    if "/" not in name and built_in.is_file():
        return built_in.read_text()
    text = project.place.git.run("show", f"{project.base}:{name}")
    if not text.ok:
        what = f"the layout {name} is neither one of batty's nor a file on {project.base}"
        evidence = (f"{own} is not committed",) if own.is_file() else ()
        raise BattyError("no-layout", what, evidence=evidence, next="batty config")
    return text.stdout


def session_id(project: Project, terminal: Terminal) -> SessionId | None:
    """Find the repository's session: the one that batty marked, else one of the configured name that is unmarked."""
    repo = str(project.place.state)
    sessions = terminal.sessions()
    marked = next((facts.session for facts in sessions if facts.repo == repo), None)
    if marked is not None:
        return marked
    name = _wanted_name(project)
    named = next((facts.session for facts in sessions if facts.name == name and facts.repo is None), None)
    free = {facts.session for facts in sessions if facts.repo is None}
    restored = {found.repo: session for session, found in _restored(terminal) if session in free} if free else {}
    own = marks.mark(None, RunId("000"), repo).repo
    if own in restored or named is None:
        return restored.get(own)
    # a session that was restored with the windows of another repository is that one's
    return None if named in restored.values() else named


def _restored(terminal: Terminal) -> list[tuple[SessionId, Mark]]:
    """Return the sessions in which somebody restored windows of batty's, each with whose they were."""
    found = ((pane.session, marks.read(pane.title)) for pane in terminal.titled_panes() if not pane.ours)
    return [(session, mark) for session, mark in found if mark is not None]


def session_of(project: Project, terminal: Terminal) -> str:
    """Return the name for the repository's session; another repository's of the same name is left alone."""
    known = session_id(project, terminal)
    taken = {facts.name: facts.session for facts in terminal.sessions()}
    name = _wanted_name(project)
    if known is not None:
        return next(text for text, session in taken.items() if session == known)
    number = 2
    while name in taken:
        name = f"{_wanted_name(project)}-{number}"
        number += 1
    return name


def _wanted_name(project: Project) -> str:
    return session_name(project.config.run.session.format(repo=project.place.name))
