"""The keys that the plugin has bound in a tmux server, as the user has chosen them."""

from dataclasses import dataclass

from batty_tmux.host.terminal import Terminal

_BOUND = "#{@batty_saved_key}\t#{@batty_saved_key_unpause}"


@dataclass(frozen=True)
class Keys:
    """Each follows the prefix; "" where nothing is bound, as where the plugin is not loaded."""

    menu: str = ""
    unpause: str = ""


def bound(terminal: Terminal) -> Keys:
    """Ask the server. Nothing is bound in one that does not run."""
    menu, _, unpause = terminal.run("display-message", "-p", _BOUND).stdout.removesuffix("\n").partition("\t")
    return Keys(menu, unpause)
