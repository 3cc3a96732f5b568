"""Which TCP ports something listens on, and who on this machine has claimed which: by files that all may read."""

import errno
import os
import socket
from collections.abc import Iterable
from pathlib import Path

_PLACES = (
    (socket.AF_INET, "127.0.0.1"),
    (socket.AF_INET, "0.0.0.0"),  # noqa: S104 -- bound for a moment, and never listened on
    (socket.AF_INET6, "::1"),
    (socket.AF_INET6, "::"),
)


def heard(ports: Iterable[int]) -> frozenset[int]:
    """Return those ports on which something listens, here or for the world.

    It is tried by taking each for a moment, without listening: nobody can connect to it.
    """
    return frozenset(port for port in ports if any(_is_taken(family, place, port) for family, place in _PLACES))


def _is_taken(family: socket.AddressFamily, place: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            # connections that are over linger for a minute, and are nobody's
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                tried.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            tried.bind((place, port))
    except OSError as refused:
        return refused.errno == errno.EADDRINUSE
    return False


def registry() -> Path:
    """Return the folder in which all repositories of this user say which ports are theirs."""
    home = os.environ.get("XDG_STATE_HOME", "")
    state = Path(home) if home.startswith("/") else Path.home() / ".local" / "state"
    return state / "batty-tmux" / "ports"
