"""Phases on other hosts, from here: have them launched there, tell the host what was decided, fetch their commits."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from batty_tmux import __version__
from batty_tmux.config_tables import Host
from batty_tmux.core.events import (
    AnyEvent,
    Cleaned,
    HostOpened,
    Landed,
    LaunchFailed,
    Launching,
    Skipped,
)
from batty_tmux.core.supervise import Watch
from batty_tmux.drive.place import Place
from batty_tmux.drive.project import Project
from batty_tmux.errors import BattyError
from batty_tmux.host.files import read_text, write_atomically
from batty_tmux.host.lock import exclusive
from batty_tmux.host.ssh import CONNECT, Line, Remote, Unreached
from batty_tmux.names import Base, PhaseId, RunId, Sha, clean, slug

AWAY: Final = "host-away"
"""The code of a launch for which nobody was there: the phase goes elsewhere."""
_ASK, _PUSH = 45.0, 300.0
"""Seconds for an answer, and for a transfer of commits."""


@dataclass(frozen=True)
class Afar:
    """A host as one repository uses it: its own clone there."""

    place: Place
    base: Base
    name: str
    told: Host

    @classmethod
    def of(cls, project: Project, name: str) -> "Afar":
        """Return a host by its name. Raises BattyError `no-host` where the settings have none of it."""
        told = project.config.hosts.get(name)
        if told is None or not told.ssh:
            what = f"batty.toml on {project.base} has no host {clean(name, 40)}"
            raise BattyError("no-host", what, next="batty config")
        return cls(project.place, project.base, name, told)

    @property
    def remote(self) -> Remote:
        return Remote(self.name, self.told.ssh)

    @property
    def clone(self) -> str:
        return f"{slug(self.place.name)}-{identity(self.place)}"

    def words(self, *verb: str) -> tuple[str, ...]:
        """Return the command line, there, of the batty there."""
        return (self.told.batty, "hosted", "--folder", self.told.folder, "--clone", self.clone, *verb)

    def ask(self, *verb: str, given: object = None, timeout: float = _ASK) -> dict[str, Any]:
        """Have the batty there do something. Raises Unreached, or the BattyError that it says there."""
        answer = self.remote.ask(self.words(*verb), "" if given is None else json.dumps(given), timeout)
        if self.remote.lacks(answer):
            what = f"{self.name} has no program {clean(self.told.batty, 80)}"
            next_ = f"ssh {self.told.ssh} pip install batty-tmux=={__version__}"
            raise BattyError("no-batty", what, evidence=tuple(answer.err.splitlines()[-3:]), next=next_)
        said = read(answer.out)
        if said is None:
            last = tuple(clean(line, 200) for line in answer.err.splitlines()[-3:])
            what = f"{self.name} answers what batty does not say (status {answer.status})"
            raise BattyError("bad-answer", what, evidence=last, next="batty doctor")
        if "error" in said:
            raise refused(self.name, said["error"])
        return said

    def line(self, *verb: str) -> Line:
        """Begin to speak with the batty there, line by line."""
        return Line(self.remote, self.words(*verb))

    def push(self, *more: str) -> None:
        """Bring the base's tip there, and what else is named. Raises BattyError."""
        # the batty there reads the same settings, and so looks for the base where they say that it is
        there = dict.fromkeys((Base(self.base.name).ref, self.base.ref))
        bases = (f"{self.base.ref}:{ref}" for ref in there)
        self._git("push", "--quiet", "--force", "--no-verify", self._url, *bases, *more)

    def fetch(self, branch: str) -> Sha | None:
        """Bring the phase's branch here, and put ours where it is; return where that is. Raises BattyError.

        It comes by a ref of batty's own: ours moves only when all of it is here.
        """
        git, own = self.place.git, f"refs/batty/host/{branch}"
        ref = f"refs/heads/{branch}"
        words = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-gc", "--force")
        self._git(*words, self._url, f"{ref}:{own}")
        there, here = git.tip(own), git.tip(ref)
        if there is not None and there != here:
            git.move_refs([(ref, there, here)], f"batty: from {self.name}").check()
        return there

    @property
    def _url(self) -> str:
        return self.remote.url(f"{self.told.folder}/{self.clone}")

    def _git(self, *words: str) -> None:
        config = (
            "fetch.fsckObjects=true",
            "push.gpgSign=false",
            "push.recurseSubmodules=no",
            "fetch.recurseSubmodules=no",
        )
        done = self.place.git.run(*words, env=self.remote.environment(), config=config, timeout=_PUSH)
        if done.ok:
            return
        # git says the same of a host that is not there and of a repository that is not: the host is asked
        self.ask("hello", timeout=2 * CONNECT)
        last = tuple(clean(line, 200) for line in done.stderr.strip().splitlines()[-4:])
        raise BattyError("transfer", f"git could not {words[0]} {self.name}", evidence=last, next="batty doctor")


def read(out: bytes) -> dict[str, Any] | None:
    """Return batty's answer: the last line, whatever a shell's own files print before it; None where there is none."""
    for line in reversed(out.decode("utf-8", "replace").splitlines()):
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(said, dict) and ("batty" in said or "error" in said):
            return said
    return None


def refused(host: str, told: object) -> BattyError:
    """Return what the batty there refused, as one's own words: nothing that it says is obeyed."""
    said: Mapping[str, object] = told if isinstance(told, dict) else {}
    lines = said.get("evidence")
    evidence = tuple(clean(str(line), 200) for line in lines[:12]) if isinstance(lines, list) else ()
    code = slug(str(said.get("code", "")), 40)
    return BattyError(
        code, f"{host}: {clean(str(said.get('message', '')), 300)}", evidence=evidence, next="batty doctor"
    )


def identity(place: Place) -> str:
    """Return what tells this repository from all others on a host: drawn once, and kept."""
    file = place.state / "hosts-id"
    with exclusive(place.state / "hosts-id.lock"):
        known = (read_text(file) or "").strip()
        if not known:
            known = secrets.token_hex(6)
            write_atomically(file, f"{known}\n")
    return known


def refusal(project: Project, host: str, run: RunId, phase: PhaseId) -> LaunchFailed | None:
    """Look whether a host can take a phase, before anything of it is written down; None where it can."""
    try:
        check_version(host, Afar.of(project, host).ask("hello", timeout=2 * CONNECT))
    except BattyError as problem:
        return LaunchFailed(run=run, phase=phase, where=host, code=AWAY, reason=problem.what, evidence=problem.evidence)
    return None


def check_version(host: str, said: Mapping[str, object]) -> None:
    """Raise BattyError where another version of batty is there: what the two say to each other may differ."""
    there = clean(str(said.get("version", "")), 40)
    if there != __version__:
        what = f"{host} has batty {there}, and here it is {__version__}"
        raise BattyError("other-version", what, next=f"pip install batty-tmux=={__version__}  # on {host}")


def open_there(project: Project, watch: Watch) -> tuple[AnyEvent, ...]:
    """Bring the phase's commits to the host and have it launched there. May be done twice. Raises BattyError."""
    launching = watch.launching
    if launching is None:
        return ()
    afar, git = Afar.of(project, watch.host), project.place.git
    branch = f"refs/heads/{launching.branch}"
    if git.tip(branch) is None:
        git.move_refs([(branch, launching.first, None)], "batty: launch").check()
    name, email = (git.run("config", "--get", key).stdout.strip() for key in ("user.name", "user.email"))
    afar.ask("make", given={"name": name, "email": email})
    afar.push(f"{launching.first}:refs/batty/start/{launching.branch}")
    asked = {
        "phase": watch.phase,
        "run": watch.run,
        "branch": launching.branch,
        "start": launching.start,
        "tip": launching.tip,
        "base": project.base.name,
        "agent": project.run.agent,
    }
    said = afar.ask("open", given=asked, timeout=120)
    opened = HostOpened(
        run=RunId(watch.run),
        phase=watch.phase,
        where=watch.host,
        worktree=_text(said, "worktree"),
        window=_text(said, "window"),
        pane=_text(said, "pane"),
        server=_text(said, "server"),
    )
    return (opened,)


def _text(said: Mapping[str, object], key: str) -> str:
    return clean(str(said.get(key, "")), 400)


def failed(watch: Watch, problem: BattyError) -> LaunchFailed:
    """Return how a launch there failed: where nobody was there, it is no failure of the phase."""
    code = AWAY if isinstance(problem, Unreached) else "launch-failed"
    told = {"reason": problem.what, "evidence": problem.evidence, "code": code}
    return LaunchFailed(run=RunId(watch.run), phase=watch.phase, where=watch.host, **told)  # type: ignore[arg-type]  # named above


def last_fetched(project: Project, phase: PhaseId) -> Sha | None:
    """Return what is here of a launch on a host that was given up: what goes on elsewhere begins from it."""
    newest: Launching | None = None
    for event in project.place.records.events:
        if getattr(event, "phase", None) != phase:
            continue
        if isinstance(event, Launching):
            newest = event
        elif isinstance(event, Landed | Cleaned | Skipped):
            newest = None
    if newest is None or not newest.where:
        return None
    return project.place.git.tip(f"refs/heads/{newest.branch}")


def answer(project: Project, watch: Watch, text: str) -> bool:
    """Type a person's answer there, to the very prompt that they saw; false where it was answered already."""
    if watch.prompt is None:
        raise BattyError("nothing-asked", f"{watch.phase} asks nothing now", next="batty status")
    words = ("answer", str(watch.phase), "--key", watch.prompt.key)
    return bool(Afar.of(project, watch.host).ask(*words, given={"text": text}).get("answered"))


def show(project: Project, watch: Watch) -> int:
    """Show the phase's executor on this terminal until the connection ends; return ssh's status."""
    afar = Afar.of(project, watch.host)
    return afar.remote.show(afar.words("show", watch.phase))
