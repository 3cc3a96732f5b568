"""Whether a person has just pressed a key in an executor's pane: then nothing is typed there for them.

tmux has no event for it. It knows when each client last pressed a key, to the second, and which pane it is in.
"""

from dataclasses import dataclass, field

from batty_tmux.host.clock import monotonic
from batty_tmux.host.terminal import Terminal
from batty_tmux.names import PaneId


@dataclass
class Hands:
    """What was seen of the clients that are in the pane. `pressed` is when the last key was noticed."""

    pressed: float = float("-inf")
    _known: dict[str, int] = field(default_factory=dict)

    def look(self, terminal: Terminal, pane: PaneId) -> bool:
        """Tell whether a key was pressed there since the last look.

        A client that was not there before has come by a key, which was none for the pane: it counts from then on.
        """
        there = {c.name: c.activity for c in terminal.clients() if not c.control and c.pane == pane}
        news = any(self._known.get(name, at) != at for name, at in there.items())
        self._known = there
        if news:
            self.pressed = monotonic()
        return news

    def quiet(self) -> float:
        """Return for how many seconds no key was noticed."""
        return monotonic() - self.pressed
