"""Several hosts on one machine: network namespaces on one bridge, an sshd in each, all made and removed by the test.

    with Network.of(tmp_path, "h1", "h2") as network:
        network["h1"].ssh("batty --version")     # by a real ssh, through a real network
        network["h2"].unplug()                   # its packets go nowhere: connections hang
        network["h2"].die()                      # as a power cut: every process of it is gone

Where namespaces cannot be had (no root, a container without the right), `Network.of` gives hosts on loopback, each an
sshd on a port of its own: a test that unplugs one calls `need_namespaces`, and says so by name.

All hosts share the file system, so each has a HOME of its own, and a folder for tmux sockets of its own.
"""

import os
import random
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Self

import pytest

from batty_tmux.host.process import Done, run
from tests.conftest import IDENTITY
from tests.support.server import eventually

_PASSED_ON = ("PYTHONPATH", "PYTHONSAFEPATH", "PYTHONDONTWRITEBYTECODE", "LC_ALL", "LANG")
"""What batty on a host needs of the tests' environment, to be the batty that is tested."""


def lacking(*programs: str) -> str | None:
    """Say what is not here; None where all is."""
    missing = [name for name in programs if not _program(name)]
    return f"needs {', '.join(missing)}: bin/test installs them where apt may" if missing else None


def _program(name: str) -> str | None:
    # sbin is on no ordinary user's PATH
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def program(name: str) -> str:
    """Return where a program is. Fails the test where it is not here, with what would bring it."""
    found = _program(name)
    if found is None:
        pytest.fail(str(lacking(name)))
    return found


@cache
def no_namespaces() -> str | None:
    """Say why this machine gives no network namespaces; None where it does. BATTY_TEST_LOOPBACK has it do without."""
    if os.environ.get("BATTY_TEST_LOOPBACK"):
        return "BATTY_TEST_LOOPBACK is set"
    if _program("ip") is None:
        return "ip (iproute2) is not installed"
    name = f"btry{secrets.token_hex(3)}"
    made = run(("ip", "netns", "add", name))
    if made.ok:
        run(("ip", "netns", "del", name)).check()
    return None if made.ok else f"`ip netns add` is refused: {made.stderr.strip()}"


def need_namespaces(what: str) -> None:
    """Skip the test where hosts are on loopback, and say what cannot be played there."""
    why = no_namespaces()
    if why is not None:
        pytest.skip(f"{what} needs network namespaces: {why}")


@dataclass
class Machine:
    """A host. `address` is where the others find it; its sshd listens there, on `port`."""

    name: str
    folder: Path
    address: str
    port: int
    namespace: str | None
    environ: Mapping[str, str]
    config: Path
    """The client's: `ssh NAME` with it reaches every host of the network, from every other one."""
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def inside(self, argv: Iterable[str]) -> tuple[str, ...]:
        """Return the words that run a program on this host."""
        return ("ip", "netns", "exec", self.namespace, *argv) if self.namespace else tuple(argv)

    def run(self, *argv: str, cwd: Path | None = None, timeout: float = 60) -> Done:
        """Run a program on this host, as somebody who sits at it."""
        return run(self.inside(argv), cwd=cwd or self.home, env=self.environ, timeout=timeout)

    def start(self, *argv: str, cwd: Path | None = None, log: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a program on this host that goes on until it ends or the host does."""
        with (log or Path(os.devnull)).open("ab") as out:
            started = subprocess.Popen(
                self.inside(argv),
                cwd=cwd or self.home,
                env=dict(self.environ),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self._started.append(started)
        return started

    def ssh(self, line: str, timeout: float = 60) -> Done:
        """Run a shell line on this host as one who comes from outside."""
        return run(("ssh", "-F", str(self.config), self.name, line), timeout=timeout)

    def boot(self) -> None:
        """Start its sshd, as when it is switched on, and wait until it answers."""
        self.start(program("sshd"), "-D", "-e", "-f", str(self.folder / "sshd_config"), log=self.folder / "sshd.log")
        eventually(self._answers, f"an answer of {self.name}'s sshd: {self.folder}/sshd.log")

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.address, self.port), timeout=1) as line:
                return line.recv(4) == b"SSH-"
        except OSError:
            return False

    def unplug(self) -> None:
        """Take it off the network: what was connected hangs, and nothing is told."""
        assert self.namespace, "loopback cannot be unplugged"
        run(("ip", "link", "set", self.namespace, "down")).check()

    def plug(self) -> None:
        assert self.namespace
        run(("ip", "link", "set", self.namespace, "up")).check()

    def die(self) -> None:
        """End every process of the host at once, as when its power is cut. `boot` switches it on again."""
        while pids := self._pids():
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        for started in self._started:
            # sshd writes its title over its environment, by which the others are found on loopback
            started.kill()
            started.wait()
        self._started.clear()

    def _pids(self) -> list[int]:
        if self.namespace:
            return [int(pid) for pid in run(("ip", "netns", "pids", self.namespace)).stdout.split()]
        # on loopback its processes are told by their environment
        mark = f"TEST_MACHINE={self.folder}".encode()
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _holds(entry, mark)]


def _holds(process: Path, mark: bytes) -> bool:
    try:
        alive = process.joinpath("stat").read_text().rpartition(")")[2].split()[0] != "Z"
        return alive and mark in process.joinpath("environ").read_bytes().split(b"\0")
    except OSError:
        return False


@dataclass
class Network:
    """The hosts by name. The test itself is on the network too: at `address`, with `ssh` reaching them by their names.

    `path` is a folder to put first on PATH, in which `ssh` knows these hosts and nothing of the developer's.
    """

    machines: dict[str, Machine]
    address: str
    path: Path

    def __getitem__(self, name: str) -> Machine:
        return self.machines[name]

    @classmethod
    @contextmanager
    def of(cls, tmp_path: Path, *names: str) -> Iterator[Self]:
        """Make a network of hosts, and remove it."""
        needed = lacking("sshd", "ssh", "ssh-keygen")
        if needed:
            pytest.fail(needed)
        # short, since sockets of tmux and of ssh's masters lie below it; not of the test's own folder for that reason
        folder = Path(tempfile.mkdtemp(prefix="bn-"))
        why = no_namespaces()
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            here, wired = stack.enter_context(_bridge(names)) if why is None else ("127.0.0.1", {})
            network = cls({}, here, _client(folder))
            for name in names:
                namespace, address, port = wired.get(name) or (None, "127.0.0.1", free_port())
                machine = Machine(name, folder / name, address, port, namespace, {}, folder / "ssh_config")
                machine.environ = _environ(machine, folder)
                _install(machine, folder)
                network.machines[name] = machine
                stack.callback(machine.die)
            _introduce(network, folder)
            for machine in network.machines.values():
                machine.boot()
            yield network


@contextmanager
def _bridge(names: Sequence[str]) -> Iterator[tuple[str, dict[str, tuple[str, str, int]]]]:
    """Yield the bridge's address, and of each host its namespace, its address and the port of its sshd."""
    with ExitStack() as stack:
        mark, net = _fresh_bridge(stack)
        wired = {}
        for number, name in enumerate(names, 2):
            # the cable's end on the bridge has the name of the namespace
            own, address = f"{mark}n{number}", f"{net}.{number}"
            _ip("netns", "add", own)
            stack.callback(run, ("ip", "netns", "del", own))
            _ip("link", "add", own, "type", "veth", "peer", "name", "eth0", "netns", own)
            _ip("link", "set", own, "master", mark, "up")
            _ip("-n", own, "addr", "add", f"{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _ip("-n", own, "link", "set", device, "up")
            wired[name] = (own, address, 22)
        yield f"{net}.1", wired


def _fresh_bridge(stack: ExitStack) -> tuple[str, str]:
    """Make a bridge on a network that no other test uses; return its name and the first three numbers."""
    while True:
        third = random.randrange(1, 255)
        mark = f"bt{third}"
        # the name is the claim: a second test that draws the same number is refused here
        if run(("ip", "link", "add", mark, "type", "bridge")).ok:
            break
    stack.callback(run, ("ip", "link", "del", mark))
    net = f"10.231.{third}"
    _ip("addr", "add", f"{net}.1/24", "dev", mark)
    _ip("link", "set", mark, "up")
    return mark, net


def _ip(*words: str) -> None:
    run(("ip", *words)).check()


def free_port() -> int:
    """Return a port of loopback's on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _client(folder: Path) -> Path:
    """Make the folder whose `ssh` is on every PATH of this network."""
    path = folder / "bin"
    path.mkdir()
    script = path / "ssh"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(program("ssh"))} -F {shlex.quote(f"{folder}/ssh_config")} "$@"\n')
    script.chmod(0o755)
    run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key"))).check()
    return path


def _environ(machine: Machine, folder: Path) -> dict[str, str]:
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    own = {
        "HOME": str(machine.home),
        "TMUX_TMPDIR": str(machine.folder / "tmux"),
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "TEST_MACHINE": str(machine.folder),
        "SHELL": "/bin/sh",
        "TERM": "xterm-256color",
    }
    return passed | own


def _install(machine: Machine, folder: Path) -> None:
    for made in (machine.home, machine.folder / "tmux"):
        made.mkdir(parents=True, mode=0o700)
    (machine.home / ".gitconfig").write_text(IDENTITY)
    run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(machine.folder / "host_key"))).check()
    keys = machine.folder / "authorized_keys"
    shutil.copy(folder / "key.pub", keys)
    Path("/run/sshd").mkdir(exist_ok=True) if os.geteuid() == 0 else None
    words = " ".join(f'{name}="{value}"' for name, value in machine.environ.items())
    (machine.folder / "sshd_config").write_text(
        f"ListenAddress {machine.address}\nPort {machine.port}\nHostKey {machine.folder}/host_key\n"
        f"PidFile {machine.folder}/sshd.pid\nAuthorizedKeysFile {keys}\nStrictModes no\nUsePAM no\n"
        f"PasswordAuthentication no\nPermitRootLogin yes\nMaxStartups 100\nMaxSessions 50\nSetEnv {words}\n"
    )


def _introduce(network: Network, folder: Path) -> None:
    """Write the one configuration that all clients use: who is where, and by which key each is known."""
    known, hosts = [], []
    for machine in network.machines.values():
        key = (machine.folder / "host_key.pub").read_text().split()[:2]
        known.append(f"[{machine.address}]:{machine.port} {' '.join(key)}\n{machine.address} {' '.join(key)}\n")
        hosts.append(f"Host {machine.name}\n  HostName {machine.address}\n  Port {machine.port}\n")
    (folder / "known_hosts").write_text("".join(known))
    common = (
        f"Host *\n  IdentityFile {folder}/key\n  IdentitiesOnly yes\n  UserKnownHostsFile {folder}/known_hosts\n"
        "  StrictHostKeyChecking yes\n  BatchMode yes\n  LogLevel ERROR\n"
    )
    (folder / "ssh_config").write_text("".join(hosts) + common)
