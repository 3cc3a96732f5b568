"""Whether a person has just pressed a key in an executor's pane: then nothing is typed there for them.

tmux has no event for it. It knows when each client last pressed a key, to the second, and which pane it is in; a hook
of ours notes when one came there.
"""

from dataclasses import dataclass, field

from batty_tmux.host.clock import monotonic
from batty_tmux.host.terminal import ClientFacts, Terminal
from batty_tmux.names import PaneId


@dataclass
class Hands:
    """What was seen of the clients that are in the pane. `pressed` is when the last key was noticed."""

    pressed: float = float("-inf")
    _known: dict[str, int] = field(default_factory=dict)

    def look(self, terminal: Terminal, pane: PaneId) -> bool:
        """Tell whether a key was pressed there since the last look.

        A client that was not there before has come by a key, which was none for the pane: what counts is a key in a
        later second than its coming, or where nobody noted that, one after this look.
        """
        there = [c for c in terminal.clients() if not c.control and c.pane == pane]
        news = any(self._has_pressed(client) for client in there)
        self._known = {client.name: client.activity for client in there}
        if news:
            self.pressed = monotonic()
        return news

    def _has_pressed(self, client: ClientFacts) -> bool:
        known = self._known.get(client.name)
        if known is None:
            return client.came is not None and client.activity > client.came
        return client.activity != known

    def quiet(self) -> float:
        """Return for how many seconds no key was noticed."""
        return monotonic() - self.pressed
