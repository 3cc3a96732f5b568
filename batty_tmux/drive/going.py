"""Show a phase's window to the person at this terminal."""

from collections.abc import Mapping

from batty_tmux.core.events import Launched
from batty_tmux.errors import BattyError
from batty_tmux.host.terminal import ClientFacts, Terminal
from batty_tmux.names import PhaseId


def go(terminal: Terminal, phase: PhaseId, launched: Launched | None, environ: Mapping[str, str]) -> None:
    """Switch the tmux client we are looked at through to the phase's window.

    Raises BattyError `no-client` outside of tmux, `no-window` where the window is gone, or is another server's.
    """
    if not environ.get("TMUX"):
        raise BattyError("no-client", "this terminal is no tmux client", next=f"batty attach {phase}")
    if launched is None or terminal.identity() != launched.server:
        raise _gone(phase)
    sessions = [facts.session for facts in terminal.windows() if facts.window == launched.window]
    client = _client(terminal, environ.get("TMUX_PANE", ""))
    if not sessions:
        raise _gone(phase)
    here = client is not None and client.session in sessions
    session = client.session if client is not None and here else sessions[0]
    if not terminal.run("select-window", "-t", f"{session}:{launched.window}").ok:
        raise _gone(phase)
    if client is not None and not here:
        terminal.run("switch-client", "-c", client.name, "-t", session)


def _client(terminal: Terminal, pane: str) -> ClientFacts | None:
    """Return the client that shows this pane, of several the one that last pressed a key."""
    there = [client for client in terminal.clients() if client.pane == pane and not client.control]
    return max(there, key=lambda client: client.activity, default=None)


def _gone(phase: PhaseId) -> BattyError:
    return BattyError("no-window", f"{phase} has no window here", next="batty resume")
