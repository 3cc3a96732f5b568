"""batty unpause: beside its opposite, in pause.py."""

from batty_tmux.commands.pause import unpause as command

__all__ = ["command"]
