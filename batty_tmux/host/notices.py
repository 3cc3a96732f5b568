"""What reaches a person who looks elsewhere: a pane's bell, their terminal's own notification, notify-send.

A notification goes straight to the terminals of the attached clients. tmux's passthrough does not do: it is off
unless the user sets it, and it takes nothing from a pane that nobody sees, which is just when somebody must be told.
"""

import os
import stat
from dataclasses import dataclass

from batty_tmux.errors import BattyError
from batty_tmux.host import process
from batty_tmux.host.terminal import Terminal
from batty_tmux.names import PaneId

_TIMEOUT = 2
"""Seconds for notify-send, which takes milliseconds where somebody listens."""
_PLAIN = frozenset(chr(code) for code in range(32, 127)) - {";"}
_LONGEST = 160
_WITH_TITLE = ("foot", "rxvt", "vte")
"""Terminals, by what they call themselves, that know OSC 777 and not 9."""
_WITHOUT = ("linux", "dumb", "vt")
"""Terminals that know neither, and might show the text on the screen."""
_CLIENT = "#{client_control_mode}\t#{client_tty}\t#{client_termname}\t#{client_termtype}"
_WIDTH = 4


@dataclass(frozen=True)
class Screen:
    """The terminal of an attached client, and what it is called."""

    tty: str
    name: str


def screens(terminal: Terminal) -> tuple[Screen, ...]:
    """List the terminals that people sit at; a control client is a program and has none."""
    rows = (row.split("\t") for row in terminal.run("list-clients", "-F", _CLIENT).stdout.splitlines())
    found = (row for row in rows if len(row) == _WIDTH and row[0] == "0" and row[1].startswith("/dev/"))
    # what a terminal answered when tmux asked tells more than TERM, where it answered
    return tuple(Screen(tty, (kind or name).lower()) for _, tty, name, kind in found)


def notify_screen(screen: Screen, text: str) -> bool:
    """Have a terminal show a notification. False where it could not be told; nothing is ever waited for."""
    if screen.name.startswith(_WITHOUT):
        return False
    return _write(screen.tty, sequence(screen.name, text))


def sequence(name: str, text: str) -> bytes:
    """Return the one sequence that asks a terminal for a notification.

    Whatever the text is: what is left of it is printable ASCII, so that it ends where it should and begins nothing.
    """
    plain = "".join(c if c in _PLAIN else "-" for c in text)[:_LONGEST]
    told = f"777;notify;batty;{plain}" if name.startswith(_WITH_TITLE) else f"9;{plain}"
    return f"\033]{told}\a".encode("ascii")


def ring(terminal: Terminal, pane: PaneId) -> bool:
    """Ring a pane's bell, as a program in it would: tmux flags its window. False where there is no such pane."""
    said = terminal.run("display-message", "-p", "-t", pane, "#{pane_id}\t#{pane_dead}\t#{pane_tty}").stdout
    there, _, rest = said.removesuffix("\n").partition("\t")
    dead, _, tty = rest.partition("\t")
    return there == pane and dead != "1" and _write(tty, b"\a")


def notify_send(text: str) -> str:
    """Have the desktop show a notification; return what went wrong, "" when nothing did."""
    try:
        done = process.run(("notify-send", "--app-name=batty", "batty", text), timeout=_TIMEOUT)
    except BattyError as missing:
        return missing.what
    if done.status is None:
        return f"notify-send did not end within {_TIMEOUT} seconds"
    return "" if done.ok else f"notify-send ended with status {done.status}"


def _write(tty: str, data: bytes) -> bool:
    """Write to a terminal in one piece or not at all, without waiting, and without making it ours."""
    try:
        descriptor = os.open(tty, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # so short that the kernel takes it whole: it is never cut, and cuts nothing that tmux writes meanwhile
        return stat.S_ISCHR(os.fstat(descriptor).st_mode) and os.write(descriptor, data) == len(data)
    except OSError:
        return False
    finally:
        os.close(descriptor)
