"""Show a phase's executor through a terminal that is a pane of somebody else's tmux, on another machine.

Each viewer has a session of its own that shares the windows: two of them may look at two phases. It draws no status
line and takes no prefix key, since the tmux around it has both.
"""

import os
import secrets
from collections.abc import Mapping
from typing import NoReturn

from batty_tmux.drive.project import Project
from batty_tmux.drive.windows import find_window
from batty_tmux.errors import BattyError
from batty_tmux.host.process import become, scrubbed
from batty_tmux.host.quoting import line
from batty_tmux.names import PhaseId, RunId

_OURS = "batty-shown"


def show_here(project: Project, phase: PhaseId, environ: Mapping[str, str]) -> NoReturn:
    """Become a tmux client that shows the executor alone. Raises BattyError where its window is gone."""
    watch = project.watch(phase)
    found = find_window(project.terminal, project, phase, RunId(watch.run))
    if found is None:
        raise BattyError("no-window", f"{phase} has no window here", next="batty status")
    terminal, name = project.terminal, f"{_OURS}-{secrets.token_hex(4)}"
    options = {"status": "off", "prefix": "None", "prefix2": "None", "destroy-unattached": "on"}
    terminal.run("new-session", "-d", "-t", found.session, "-s", name).check()
    session = terminal.session_named(name)
    if session is None:
        raise BattyError("no-session", f"{phase} cannot be shown now", next="batty status")
    zoomed = terminal.run("display-message", "-p", "-t", found.pane, "#{window_zoomed_flag}").stdout.strip() == "1"
    lines = [line("select-window", "-t", f"{session}:{found.window}")]
    lines += [line("select-pane", "-t", found.pane)]
    lines += [] if zoomed else [line("resize-pane", "-Z", "-t", found.pane)]
    # last, since it ends a session that nobody looks at yet
    last = options.pop("destroy-unattached")
    terminal.source([*lines, *(line("set-option", "-t", session, key, value) for key, value in options.items())])
    env = {**scrubbed(environ), "TERM": os.environ.get("TERM", "screen-256color")}
    env.pop("TMUX", None)
    words = ("attach-session", "-t", session, ";", "set-option", "-t", session, "destroy-unattached", last)
    become((*terminal.argv(), *words), env)
