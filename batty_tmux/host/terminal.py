"""Speaks to a tmux server: typed listings, and the few verbs batty needs. No libtmux.

libtmux has no time-outs and quotes nothing; here every call is bounded, every target is an exact id, and
every value reaches tmux as one literal word. Format strings name only ids, numbers and batty's own options,
because a line break in anything else would forge a row.
"""

import base64
import os
import re
import shlex
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote

from batty_tmux.host import process
from batty_tmux.host.control import Control
from batty_tmux.host.process import Done
from batty_tmux.host.quoting import direct, line, q_argv, q_directory, typable
from batty_tmux.names import PaneId, PhaseId, RunId, SessionId, WindowId, phase_id

TIMEOUT = 10
"""Seconds for one tmux call. A call takes 3 ms; the rest is for a machine that is busy with gates."""

_ID = re.compile(r"[$@%]\d+")
_HOOK = re.compile(r"@[A-Za-z0-9_-]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VERSION = re.compile(r"(\d+)\.(\d+)")
_NEWER_THAN_ALL = (99, 0)


@dataclass(frozen=True)
class PaneFacts:
    """One pane. `run` is its window's where the pane has none of its own.

    Below tmux 3.6 a pane may be dead with neither status nor signal until `wake_server` is called.
    """

    session: SessionId
    window: WindowId
    pane: PaneId
    pid: int
    dead: bool
    dead_status: int | None
    dead_signal: str | None
    run: RunId | None
    role: str | None


@dataclass(frozen=True)
class WindowFacts:
    """One window. `phase` is None when the window is not batty's, or its option names no valid phase."""

    session: SessionId
    window: WindowId
    phase: PhaseId | None
    run: RunId | None
    repo: str | None


@dataclass(frozen=True)
class SessionFacts:
    """One session. `repo` is set for sessions that batty made."""

    session: SessionId
    name: str
    repo: str | None


@dataclass(frozen=True)
class ClientFacts:
    """One attached client, and the pane that its keys go to. A control client is no person.

    `activity` is when it last pressed a key, in seconds of the epoch. `came` is when somebody last came to the pane,
    in the same seconds; None where nobody has kept watch of it.
    """

    name: str
    session: SessionId
    control: bool
    activity: int
    pane: PaneId
    came: int | None


@dataclass(frozen=True)
class TitledPane:
    """One pane with what a person sees of it. `ours` says that its window has batty's options."""

    session: SessionId
    window: WindowId
    pane: PaneId
    pid: int
    dead: bool
    ours: bool
    program: str
    title: str
    name: str


def _option(name: str) -> str:
    """Format of an option in a listing: a line break or tab in its value must not forge a row or a field.

    The range stands in for [:cntrl:], whose colon would end the substitution.
    """
    return f"#{{s/[\x01-\x1f\x7f]/ /:{name}}}"


_PANE = "\t".join(
    (
        "#{session_id}\t#{window_id}\t#{pane_id}\t#{pane_pid}",
        "#{pane_dead}\t#{pane_dead_status}\t#{pane_dead_signal}",
        _option("@batty_run"),
        _option("@batty_role"),
    )
)
_WINDOW = "\t".join(
    ("#{session_id}", "#{window_id}", _option("@batty_phase"), _option("@batty_run"), _option("@batty_repo"))
)
_SESSION = "\t".join(("#{session_id}", _option("@batty_session_repo"), "#{session_name}"))
_TITLED = "\t".join(
    (
        "#{session_id}\t#{window_id}\t#{pane_id}\t#{pane_pid}\t#{pane_dead}\t#{?@batty_repo,1,0}",
        *(_option(name) for name in ("pane_current_command", "pane_title", "window_name")),
    )
)
CAME = "@batty_came"
"""Option of a window: the second in which a client last came to it, or to another pane of it."""
_CLIENT = "\t".join(
    (
        "#{session_id}\t#{client_control_mode}\t#{client_activity}\t#{pane_id}",
        _option(CAME),
        "#{client_name}",
    )
)


@dataclass(frozen=True)
class Terminal:
    """A tmux server. `socket` None is tmux's default one, looked for in `tmpdir` when that is given.

    With a `control` connection commands go that way, else each is a process of its own.
    """

    socket: Path | None = None
    tmpdir: str = ""
    control: Control | None = field(default=None, compare=False, repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Terminal":
        """Take the server that the user is in ($TMUX), else the default one (TMUX_TMPDIR counts)."""
        inside = environ.get("TMUX", "").rsplit(",", 2)[0]
        return cls(Path(inside) if inside else None, environ.get("TMUX_TMPDIR", ""))

    def connected(self, session: SessionId) -> "Terminal":
        """Return the same server behind a standing connection, which attaches to a session without being seen."""
        return replace(self, control=Control(self._client(), self.environment(), _exact(session)))

    def environment(self) -> dict[str, str]:
        """Return what a tmux client needs: an empty TMUX, so that `socket` alone decides on the server."""
        return {"TMUX": "", "TMUX_PANE": ""} | ({"TMUX_TMPDIR": self.tmpdir} if self.tmpdir else {})

    def argv(self, *words: str) -> tuple[str, ...]:
        """Return the command line of a tmux client for this server, each word quoted.

        `-u`, because under a C locale tmux would print `_` for each tab and each letter beyond ASCII.
        """
        return (*self._client(), *(q_argv(word) for word in words))

    def run(self, *words: str, stdin: str | None = None, timeout: float = TIMEOUT) -> Done:
        """Run one tmux command. Words longer than 16 kB in all are refused by tmux: use `source`."""
        said = self._asked([line(*words)], timeout) if stdin is None and words[0] != "-V" else None
        return said or process.run(self.argv(*words), env=self.environment(), stdin=stdin, timeout=timeout)

    def source(self, lines: Sequence[str], *, timeout: float = TIMEOUT) -> Done:
        """Run commands, made by `line`, in one turn of the server; a line that fails does not stop the rest."""
        return self._asked(lines, timeout) or self.run(
            "source-file", "-", stdin="\n".join(lines) + "\n", timeout=timeout
        )

    def alive(self) -> bool:
        """Tell whether a server answers."""
        return self.identity() is not None

    def identity(self) -> str | None:
        """Return "<socket path>,<server pid>,<start time>": ids are unique only together with it."""
        done = self.run("display-message", "-p", "#{socket_path},#{pid},#{start_time}")
        return done.stdout.removesuffix("\n") if done.ok else None

    def version(self) -> tuple[int, int]:
        """Return tmux's version; a build from its master branch counts as newer than all."""
        said = self.run("-V").check().stdout
        found = _VERSION.search(said)
        return (int(found[1]), int(found[2])) if found else _NEWER_THAN_ALL

    def panes(self) -> tuple[PaneFacts, ...]:
        """List the panes of all sessions; none when no server runs."""
        return tuple(_pane(fields) for fields in self._rows(_PANE, "list-panes", "-a"))

    def titled_panes(self) -> tuple[TitledPane, ...]:
        """List the panes of all sessions with their titles, which say anything; none when no server runs."""
        rows = self._rows(_TITLED, "list-panes", "-a")
        return tuple(
            TitledPane(SessionId(s), WindowId(w), PaneId(p), _number(pid) or 0, dead == "1", ours == "1", *told)
            for s, w, p, pid, dead, ours, *told in rows
        )

    def windows(self) -> tuple[WindowFacts, ...]:
        """List the windows of all sessions; none when no server runs."""
        return tuple(_window(fields) for fields in self._rows(_WINDOW, "list-windows", "-a"))

    def sessions(self) -> tuple[SessionFacts, ...]:
        """List the sessions; none when no server runs."""
        rows = self._rows(_SESSION, "list-sessions")
        return tuple(SessionFacts(SessionId(s), name, _repo(repo)) for s, repo, name in rows)

    def clients(self) -> tuple[ClientFacts, ...]:
        """List the attached clients; none when no server runs."""
        rows = self._rows(_CLIENT, "list-clients")
        return tuple(
            ClientFacts(name, SessionId(s), control == "1", int(at), PaneId(pane), _number(came))
            for s, control, at, pane, came, name in rows
        )

    def session_named(self, name: str) -> SessionId | None:
        """Find a session by its exact name; tmux's own lookup would take a prefix or a pattern."""
        return next((facts.session for facts in self.sessions() if facts.name == name), None)

    def capture(self, pane: PaneId, *, joined: bool = False) -> str | None:
        """Return the visible text of a pane, None when it is gone.

        `joined` puts wrapped lines together again, and then keeps trailing spaces.
        """
        done = self.run("capture-pane", "-p", *(("-J",) if joined else ()), "-t", _exact(pane))
        return done.stdout if done.ok else None

    def paste(self, pane: PaneId, text: str) -> Done:
        """Put text into a pane as one paste, of any length, without what a terminal would obey."""
        target, buffer = _exact(pane), f"batty-{os.getpid()}-{pane[1:]}"
        plain = typable(text)
        if not plain:
            return self.run("send-keys", "-t", target)
        words = ("load-buffer", "-b", buffer, "-", ";", "paste-buffer", "-p", "-r", "-d", "-b", buffer, "-t", target)
        return process.run(self._client() + words, env=self.environment(), stdin=plain, timeout=TIMEOUT)

    def keys(self, pane: PaneId, *names: str) -> Done:
        """Press keys, by tmux's names for them. Leaves copy mode first: there, keys would move a cursor."""
        target = _exact(pane)
        return self.source([line("copy-mode", "-q", "-t", target), line("send-keys", "-t", target, "--", *names)])

    def type_line(self, pane: PaneId, text: str) -> Done:
        """Paste text and press Enter."""
        pasted = self.paste(pane, text)
        return self.keys(pane, "Enter") if pasted.ok else pasted

    def set_window(self, window: WindowId, options: Mapping[str, str | None]) -> Done:
        """Set options of a window, all in one redraw; None unsets. Values are stored as they are."""
        return self.source([_set(("-w",), _exact(window), key, value) for key, value in options.items()])

    def set_session(self, session: SessionId, options: Mapping[str, str | None]) -> Done:
        """Set options of a session, all in one redraw; None unsets. Values are stored as they are."""
        return self.source([_set((), _exact(session), key, value) for key, value in options.items()])

    def set_pane(self, pane: PaneId, options: Mapping[str, str | None]) -> Done:
        """Set options of a pane, all in one redraw; None unsets. Values are stored as they are."""
        return self.source([_set(("-p",), _exact(pane), key, value) for key, value in options.items()])

    def respawn(self, pane: PaneId, argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Done:
        """Replace what runs in a pane. Its id, options, title and pipe stay."""
        variables = [word for key, value in env.items() for word in ("-e", f"{key}={value}")]
        options = ("-k", "-c", q_directory(str(cwd)), *variables, "-t", _exact(pane))
        return self.source([line("respawn-pane", *options, "--", *direct(argv))])

    def kill_window(self, window: WindowId) -> Done:
        """Close a window and end what runs in it."""
        return self.run("kill-window", "-t", _exact(window))

    def fire(self, hook: str) -> Done:
        """Run a user hook, such as `@batty-land`; one that is not set does nothing."""
        if _HOOK.fullmatch(hook) is None:
            raise ValueError(hook)
        return self.run("set-hook", "-g", "-R", hook)

    def pipe(self, pane: PaneId, fifo: Path) -> Done:
        """Copy what the pane prints into a FIFO. A pane has one pipe: this replaces another's."""
        command = f"exec cat >{shlex.quote(str(fifo))}"
        # expanded as a format and by strftime, before a shell has it
        return self.run("pipe-pane", "-O", "-t", _exact(pane), q_directory(command).replace("%", "%%"))

    def unpipe(self, pane: PaneId) -> Done:
        """End the pane's pipe, if it has one."""
        return self.run("pipe-pane", "-t", _exact(pane))

    def wake_server(self) -> None:
        """Make tmux look for dead children, harmlessly; does nothing when no server runs.

        Below tmux 3.6 built with utempter the server loses SIGCHLD, and then `pane-died` never runs. Call
        this a few milliseconds after the death: sent at once, the signal is lost the same way.
        """
        identity = self.identity()
        if identity is None:
            return
        try:
            os.kill(int(identity.rsplit(",", 2)[1]), signal.SIGCHLD)
        except ProcessLookupError:
            return

    def remember(self, session: SessionId, key: str, value: str | None) -> Done:
        """Keep text of any size with a session, out of reach of its panes' environment; None forgets it."""
        target = ("set-environment", "-h", "-t", _exact(session))
        if value is None:
            return self.source([line("set-environment", "-u", "-t", _exact(session), _variable(key))])
        packed = base64.b64encode(value.encode("utf-8", "surrogateescape")).decode()
        return self.source([line(*target, _variable(key), packed)])

    def recall(self, session: SessionId, key: str) -> str | None:
        """Return what `remember` kept; None when there is nothing, or something else wrote there."""
        done = self.run("show-environment", "-h", "-t", _exact(session), _variable(key))
        if not done.ok:
            return None
        try:
            packed = base64.b64decode(done.stdout.rstrip("\n").partition("=")[2], validate=True)
        except ValueError:
            return None
        return packed.decode("utf-8", "surrogateescape")

    def _asked(self, lines: Sequence[str], timeout: float) -> Done | None:
        """Send commands over the connection, if there is one."""
        said = self.control.ask(lines, timeout) if self.control is not None else None
        if said is None:
            return None
        status = None if any(s.ok is None for s in said) else int(not all(s.ok for s in said))
        texts = {ok: "".join(s.text for s in said if s.ok is ok) for ok in (True, False)}
        return Done(tuple(lines), status, texts[True], texts[False])

    def _client(self) -> tuple[str, ...]:
        return ("tmux", "-u", *(("-S", str(self.socket)) if self.socket else ()))

    def _rows(self, template: str, *words: str) -> Iterator[list[str]]:
        """Yield the fields of each listed line; a line of another shape is not a row."""
        width = template.count("\t") + 1
        for text in self.run(*words, "-F", template).stdout.split("\n"):
            fields = text.split("\t", width - 1)
            if len(fields) == width and _ID.fullmatch(fields[0]):
                yield fields


def _exact(target: str) -> str:
    """Refuse names and indexes: `%1` is that pane or an error, `1` is whatever is there by now."""
    if _ID.fullmatch(target) is None:
        raise ValueError(target)
    return target


def _variable(key: str) -> str:
    if _VARIABLE.fullmatch(key) is None:
        raise ValueError(key)
    return key


def _set(scope: tuple[str, ...], target: str, key: str, value: str | None) -> str:
    if value is None:
        return line("set-option", *scope, "-u", "-t", target, "--", key)
    return line("set-option", *scope, "-t", target, "--", key, value)


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def _repo(packed: str) -> str | None:
    return unquote(packed, errors="surrogateescape") or None


def _pane(fields: list[str]) -> PaneFacts:
    session, window, pane, pid, dead, status, death, run, role = fields
    return PaneFacts(
        session=SessionId(session),
        window=WindowId(window),
        pane=PaneId(pane),
        pid=_number(pid) or 0,
        dead=dead == "1",
        dead_status=_number(status),
        dead_signal=death or None,
        run=RunId(run) if run else None,
        role=role or None,
    )


def _window(fields: list[str]) -> WindowFacts:
    session, window, phase, run, repo = fields
    return WindowFacts(
        session=SessionId(session),
        window=WindowId(window),
        phase=phase_id(phase),
        run=RunId(run) if run else None,
        repo=_repo(repo),
    )
