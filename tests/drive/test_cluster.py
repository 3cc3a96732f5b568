"""Gates on the workers of a real scheduler: what they say of the code counts, what happens to them never does."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from distributed import Client

from batty_tmux import __version__
from batty_tmux.core.events import AnyEvent, GateFinished, GateMoved, GatePlaced, GateStopped
from batty_tmux.drive import cluster as workers
from batty_tmux.drive import elsewhere, wire
from batty_tmux.drive.gate import GateSpec, Subject, run_gate, run_unless_stopped
from batty_tmux.drive.place import Place
from batty_tmux.drive.worker import answer
from batty_tmux.errors import BattyError
from batty_tmux.host.dask import Engine
from batty_tmux.host.process import Stop
from batty_tmux.names import PhaseId, RunId, Sha
from tests.support.disk import small_disk
from tests.support.engines import Cluster, dask_cluster
from tests.support.machines import Network, need_namespaces
from tests.support.made_up import secrets
from tests.support.repo import Repo
from tests.support.server import eventually

Beside = Callable[[Callable[[], object]], list[Any]]

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.make(tmp_path / "repo", {".gitignore": "cache/\n", "src/a.py": "a = 1\n"})


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler without workers."""
    folder = tmp_path / "engine"
    folder.mkdir()
    with dask_cluster(folder) as cluster:
        yield cluster


@pytest.fixture
def cluster(empty: Cluster) -> Cluster:
    add(empty, "w1")
    return empty


def add(cluster: Cluster, name: str, **environ: str) -> None:
    cluster.add_worker(name, {**os.environ, **environ})
    cluster.wait_for_workers(len(cluster.workers))


def spec(cluster: Cluster, command: str, **more: str) -> GateSpec:
    return GateSpec(command, 60, "", (), workers=cluster.address, **more)  # type: ignore[arg-type]


def subject(repo: Repo, ref: str = "main", base: str = "", **environ: str) -> Subject:
    told = (PhaseId("phase-1"), repo.tip(ref), repo.tree(ref), "queue", RunId("001"), os.environ | environ)
    return Subject(*told, repo.tip(base) if base else Sha(""))  # type: ignore[arg-type]


def gated(repo: Repo, gate: GateSpec, of: Subject | None = None) -> GateFinished:
    return run_gate(Place.around(repo.folder), gate, of or subject(repo), repo.folder.parent / "slots")


def said(finished: GateFinished) -> str:
    return Path(finished.log).read_text()


def events(repo: Repo) -> list[AnyEvent]:
    return Place.around(repo.folder).records.events


def placed(repo: Repo) -> list[str]:
    return [event.host for event in events(repo) if isinstance(event, GatePlaced)]


def moved(repo: Repo) -> list[GateMoved]:
    return [event for event in events(repo) if isinstance(event, GateMoved)]


def alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    try:
        return state.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def number_in(file: Path) -> int:
    eventually(lambda: file.exists() and file.read_text().strip(), f"a number in {file}")
    return int(file.read_text())


@pytest.fixture
def beside() -> Iterator[Beside]:
    """Run something in a thread; what it returned or raised comes into the list."""
    threads = []

    def begin(work: Callable[[], object]) -> list[Any]:
        found: list[Any] = []

        def whole() -> None:
            try:
                found.append(work())
            except BattyError as refused:
                found.append(refused)

        threads.append(threading.Thread(target=whole))
        threads[-1].start()
        return found

    yield begin
    for thread in threads:
        thread.join()


class TestOneGate:
    def test_a_worker_gives_verdict_log_and_time(self, repo: Repo, cluster: Cluster) -> None:
        passed = gated(repo, spec(cluster, "echo out; echo err >&2; ls"))
        assert (passed.verdict, passed.status, passed.host) == ("pass", 0, "w1"), said(passed)
        assert passed.seconds > 0
        assert passed.memory > 0
        assert said(passed).split()[:2] == ["out", "err"]
        assert "src" in said(passed)
        assert Path(passed.log).stat().st_mode & 0o777 == 0o400
        summary = "=== short test summary info ===\\nFAILED tests/test_x.py::test_a - no\\n"
        red = gated(repo, spec(cluster, f"printf '{summary}'; exit 3"))
        assert (red.verdict, red.status, red.failed) == ("fail", 3, ("tests/test_x.py::test_a",))
        assert gated(repo, spec(cluster, "no-such-program-anywhere")).verdict == "infra"
        assert placed(repo) == ["w1"] * 3

    def test_it_has_the_workers_environment_and_no_secret_is_in_its_log(self, repo: Repo, empty: Cluster) -> None:
        add(empty, "w1", OF_THE_WORKER="1", DASK_SECRET="2")
        token = next(secret.value for secret in secrets(5) if secret.name == "github classic")
        command = f'env; echo {token}; test -z "$DASK_SECRET$MINE$GIT_DIR" && test "$OF_THE_WORKER$CI" = 1true'
        told = gated(repo, spec(empty, command), subject(repo, MINE="1", GIT_DIR="/x"))
        assert told.verdict == "pass", said(told)
        assert f"BATTY_CANDIDATE={repo.tip()}" in said(told)
        assert token not in said(told)

    def test_of_a_long_log_the_end_comes_back(
        self, repo: Repo, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told = gated(repo, spec(cluster, "head -c 12000000 /dev/zero | tr '\\0' 'x' | fold -w 99; echo; echo last"))
        assert told.verdict == "pass"
        assert said(told).startswith("batty: the first ")
        assert said(told).endswith("\nlast\n")
        assert len(said(told)) < 9_000_000

    def test_setup_and_what_is_kept_are_as_here(self, repo: Repo, cluster: Cluster) -> None:
        command, setup = "test -e cache/made && test ! -e left && touch left", "mkdir -p cache && touch cache/made"
        gate = replace(spec(cluster, command), setup=setup, keep=("cache",))
        for _ in range(2):
            told = gated(repo, gate)
            assert told.verdict == "pass", said(told)

    def test_a_mirror_gets_all_once_and_then_what_is_new(self, repo: Repo, empty: Cluster, tmp_path: Path) -> None:
        """Also where it has lost everything in between, and for a commit that it holds below another."""
        add(empty, "w1", XDG_CACHE_HOME=str(tmp_path / "cache"))
        gate = spec(empty, "git cat-file -e HEAD~0 && git merge-base main HEAD")
        repo.phase("phase-1", {"b": "b\n"})
        new = "batty/phase-1-run-001"
        assert gated(repo, gate, subject(repo, new, base="main")).verdict == "pass"
        assert gated(repo, gate, subject(repo, "main", base="main")).verdict == "pass"
        later = repo.grow("main", "later", {"c": "c\n"})
        assert gated(repo, gate, subject(repo, later, base="main~1")).verdict == "pass"
        shutil.rmtree(tmp_path / "cache" / "batty-tmux" / "workers" / "mirrors")
        again = gated(repo, gate, subject(repo, later, base="main~1"))
        assert again.verdict == "pass", said(again)
        assert moved(repo) == []
        repo.grow("main", "the base goes on", {"d": "d\n"})
        beside_it = gated(
            repo, replace(gate, command="git diff --name-only main HEAD"), subject(repo, new, base="main")
        )
        assert said(beside_it).split() == ["b", "c", "d"]

    def test_a_worker_can_fetch_it_instead(self, repo: Repo, cluster: Cluster) -> None:
        gate = spec(cluster, "test -e src/a.py && git rev-parse main", fetch=f"file://{repo.folder}")
        assert gated(repo, gate).verdict == "pass"
        away = spec(cluster, "true", fetch=f"file://{repo.folder}/nowhere")
        head = repo.grow("main", "later", {"c": "c\n"})
        with pytest.raises(BattyError, match="no worker") as told:
            gated(repo, away, subject(repo, head))
        assert "nowhere" in " ".join(told.value.evidence)

    def test_a_clock_that_is_a_year_ahead_changes_nothing(self, repo: Repo, empty: Cluster, tmp_path: Path) -> None:
        """How long it took is measured by a clock that nobody sets; when it was, the journal says."""
        (tmp_path / "skew").mkdir()
        (tmp_path / "skew" / "sitecustomize.py").write_text(
            "import time\nreal = time.time\ntime.time = lambda: real() + 365 * 86400\n"
        )
        add(empty, "w1", PYTHONPATH=f"{tmp_path / 'skew'}:{os.environ.get('PYTHONPATH', '')}")
        began = time.time()
        told = gated(repo, spec(empty, "sleep 1"))
        assert told.verdict == "pass", said(told)
        assert 1 <= told.seconds < 30
        assert began - 1 < events(repo)[-1].at.timestamp() < time.time() + 1
        assert gated(repo, spec(empty, "true")).verdict == "pass"


class TestTools:
    def test_a_worker_with_other_tools_is_refused_by_name(self, repo: Repo, empty: Cluster) -> None:
        add(empty, "odd", PATH=f"/nowhere:{os.environ['PATH']}")
        with pytest.raises(BattyError) as told:
            gated(repo, spec(empty, "true"))
        assert (told.value.code, told.value.next) == ("no-worker", "batty doctor")
        assert any(line.startswith("odd: PATH: /nowhere:") for line in told.value.evidence), told.value.evidence
        assert events(repo) == []
        add(empty, "w1")
        assert gated(repo, spec(empty, "true")).host == "w1"

    def test_a_command_can_say_what_the_tools_are(self, repo: Repo, empty: Cluster) -> None:
        """Then it does not matter where they are; and which of its lines differs is told."""
        toolchain = "echo compiler; echo version ${OF_TOOLS:-1}"
        add(empty, "elsewhere", PATH=f"/nowhere:{os.environ['PATH']}")
        assert gated(repo, spec(empty, "true", toolchain=toolchain)).host == "elsewhere"
        of = subject(repo, OF_TOOLS="2")
        with pytest.raises(BattyError) as told:
            gated(repo, spec(empty, "true", toolchain=f"{toolchain} "), of)
        assert told.value.evidence == ("elsewhere: toolchain line 2: version 1 there, version 2 here",)

    def test_a_command_that_names_no_tools_is_told(self, repo: Repo, cluster: Cluster) -> None:
        with pytest.raises(BattyError) as told:
            gated(repo, spec(cluster, "true", toolchain="echo why >&2; exit 3"))
        assert (told.value.code, told.value.evidence[-1]) == ("toolchain", "why")

    @pytest.mark.parametrize(
        ("line", "says"),
        [
            ("import batty_tmux; batty_tmux.__version__ = '0.0.1'", "batty: 0.0.1 there"),
            ("import sys; sys.modules['batty_tmux'] = None", "ModuleNotFoundError"),
        ],
    )
    def test_another_batty_or_none_is_refused_by_name(
        self, repo: Repo, empty: Cluster, tmp_path: Path, line: str, says: str
    ) -> None:
        (tmp_path / "site").mkdir()
        (tmp_path / "site" / "sitecustomize.py").write_text(f"{line}\n")
        add(empty, "old", PYTHONPATH=f"{tmp_path / 'site'}:{os.environ.get('PYTHONPATH', '')}")
        with pytest.raises(BattyError) as told:
            gated(repo, spec(empty, "true"))
        assert [row for row in told.value.evidence if row.startswith("old: ") and says in row], told.value.evidence

    def test_a_worker_looks_again_when_a_job_begins(self, repo: Repo, cluster: Cluster) -> None:
        """Its tools may have changed since a lander has asked. It runs nothing then."""
        gate, place = spec(cluster, "true"), Place.around(repo.folder)
        wanted = gate.wanted(os.environ)
        other = wire.Wanted(wanted.tools, (*wanted.facts, ("cc", "/usr/bin/cc", "/usr/bin/gcc", "1", "1")))
        job = gate.job(PhaseId("phase-1"), repo.tip(), repo.tree())
        sent = wire.Sent("id", job, other, *elsewhere.repository(place.git, repo.tip()), "refs/heads/main", repo.tip())
        with closing(Engine(cluster.address)) as engine:
            for version in (__version__, "0.0.1"):
                told = engine.submit(answer, (version, wire.encode(sent), b""), version, list(engine.seats()))
                reply = wire.replies.decode(told.result(timeout=60))  # type: ignore[arg-type]
                assert isinstance(reply.answer, wire.Unfit), reply
                assert (reply.host, len(reply.answer.differs)) == ("w1", 1)


class TestFaults:
    def test_a_stop_ends_it_there(self, repo: Repo, cluster: Cluster, tmp_path: Path, beside: Beside) -> None:
        place, gate = Place.around(repo.folder), spec(cluster, f"echo $$ >{tmp_path}/pid; exec sleep 600")
        with Stop() as stop:
            found = beside(lambda: run_unless_stopped(place, gate, subject(repo), tmp_path / "slots", stop))
            pid = number_in(tmp_path / "pid")
            eventually(lambda: placed(repo) == ["w1"], "word of where it is")
            stop.set()
            eventually(lambda: found, "the end")
        assert isinstance(found[0], GateStopped)
        eventually(lambda: not alive(pid), "the end of the gate at the worker")

    def test_where_a_worker_dies_another_one_runs_it(
        self, repo: Repo, cluster: Cluster, tmp_path: Path, beside: Beside
    ) -> None:
        """Each try is journaled; what the dead one would have said is nothing."""
        add(cluster, "w2")
        gate = spec(cluster, f"mkdir {tmp_path}/once 2>/dev/null || exit 0; echo $$ >{tmp_path}/pid; exec sleep 600")
        found = beside(lambda: gated(repo, gate))
        pid = number_in(tmp_path / "pid")
        try:
            eventually(lambda: placed(repo), "word of where it is")
            first = placed(repo)[0]
            next(worker for worker in cluster.workers if worker.address == first).kill()
            eventually(lambda: found, "the verdict of the other one")
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        other = {"w1": "w2", "w2": "w1"}[first]
        assert (found[0].verdict, found[0].host) == ("pass", other)
        assert placed(repo) == [first, other]
        assert [(event.host, event.why) for event in moved(repo)] == [(first, "it is gone")]

    def test_a_gate_at_which_workers_die_gets_no_verdict_on_the_code(self, repo: Repo, cluster: Cluster) -> None:
        for name in ("w2", "w3", "w4"):
            add(cluster, name)
        told = gated(repo, spec(cluster, "kill -9 $PPID; sleep 2"))
        assert told.verdict == "infra", said(told)
        assert "3 workers did not bring it to an end" in said(told)
        assert len(moved(repo)) == elsewhere.TRIES

    def test_where_all_have_died_it_is_nobodys_fault(
        self, repo: Repo, cluster: Cluster, tmp_path: Path, beside: Beside, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(workers, "GRACE", 1.0)
        monkeypatch.setattr(elsewhere, "GRACE", 1.0)
        found = beside(lambda: gated(repo, spec(cluster, f"echo $$ >{tmp_path}/pid; exec sleep 600")))
        pid = number_in(tmp_path / "pid")
        eventually(lambda: placed(repo), "word of where it is")
        cluster.workers[0].kill()
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: found, "the end")
        assert (found[0].code, found[0].evidence) == ("no-worker", ("w1: it is gone",))
        assert isinstance(events(repo)[-1], GateStopped)

    def test_a_scheduler_that_is_killed_is_nobodys_fault(
        self, repo: Repo, cluster: Cluster, tmp_path: Path, beside: Beside
    ) -> None:
        """And the gates that were at work end by themselves."""
        found = beside(lambda: gated(repo, spec(cluster, f"echo $$ >{tmp_path}/pid; exec sleep 600")))
        pid = number_in(tmp_path / "pid")
        cluster.scheduler.kill()
        eventually(lambda: found, "the end")
        assert (found[0].code, found[0].next) == ("no-scheduler", "batty doctor")
        assert isinstance(events(repo)[-1], GateStopped)
        eventually(lambda: not alive(pid), "the end of the gate at the worker")

    def test_a_full_disk_of_a_worker_costs_a_try(
        self, repo: Repo, cluster: Cluster, tmp_path: Path, beside: Beside
    ) -> None:
        """Another one runs it; where there is none, it is told which disk is full, and no entry is to blame."""
        with small_disk(tmp_path / "disk", 1 << 20) as disk:
            add(cluster, "full", XDG_CACHE_HOME=str(disk))
            large = repo.grow("main", "large", {"large": os.urandom(2 << 20)})
            with Client(cluster.scheduler.address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
                # what is busy is not the first choice; it is until the other has failed
                os.mkfifo(tmp_path / "door")
                busy = client.submit((tmp_path / "door").read_text, workers=["w1"], allow_other_workers=False)
                eventually(lambda: any(client.processing().values()), "the task that keeps w1 busy")
                found = beside(lambda: gated(repo, spec(cluster, "test -e large"), subject(repo, large)))
                eventually(lambda: moved(repo), "the end at the full one")
                (tmp_path / "door").write_text("go")
                eventually(lambda: found, "the end at the other")
                del busy
            assert (found[0].verdict, found[0].host) == ("pass", "w1"), found
            assert [event.host for event in moved(repo)] == ["full"]
            assert moved(repo)[0].why.startswith("its disk is full: ")
            cluster.workers[0].kill()
            with pytest.raises(BattyError) as refused:
                gated(repo, spec(cluster, "test -e large"), subject(repo, large))
            assert refused.value.code == "no-worker"
            assert [line for line in refused.value.evidence if line.startswith("full: its disk is full: ")]

    def test_an_unplugged_worker_costs_a_try(self, repo: Repo, tmp_path: Path, beside: Beside) -> None:
        need_namespaces("unplugging a worker")
        folder = tmp_path / "engine"
        folder.mkdir()
        with Network.of(tmp_path, "h1", "h2") as network, dask_cluster(folder, address=network.address) as cluster:
            for name in ("h1", "h2"):
                machine = network[name]
                environ = {**machine.environ, "PATH": os.environ["PATH"]}
                cluster.add_worker(name, environ, prefix=machine.inside(()))
            gate = spec(cluster, f"mkdir {tmp_path}/once 2>/dev/null || exit 0; echo $$ >{tmp_path}/pid; sleep 600")
            found = beside(lambda: gated(repo, gate))
            number_in(tmp_path / "pid")
            eventually(lambda: placed(repo), "word of where it is")
            first = placed(repo)[0]
            network[first].unplug()
            eventually(lambda: found, "the verdict of the other one", seconds=90)
            assert (found[0].verdict, found[0].host) == ("pass", {"h1": "h2", "h2": "h1"}[first])
            pid = number_in(tmp_path / "pid")
            eventually(lambda: not alive(pid), "the end of the gate that nobody hears of", seconds=60)
