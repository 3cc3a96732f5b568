"""Who else is at a shared base: executors that must not push to it, machines that wait for each other, what is told."""

import json
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from batty_tmux.core.events import Unreachable
from batty_tmux.core.queue_plan import rests
from batty_tmux.drive import guard
from batty_tmux.drive.courtesy import machine
from batty_tmux.drive.exchange import freshen
from batty_tmux.drive.project import Project
from batty_tmux.drive.settings import base_of, opened, uncommitted
from batty_tmux.drive.undo import move_back
from batty_tmux.errors import BattyError
from batty_tmux.host.clock import monotonic, now
from batty_tmux.host.process import Done, run
from batty_tmux.names import Base, PhaseId
from tests.support.engines import Engine, redis_server
from tests.support.lander import Lander
from tests.support.repo import board_files
from tests.support.shared import Hub, cut_off, faults

ORIGIN = Base("main", "origin")


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub.make(tmp_path / "hub.git")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with redis_server(tmp_path) as found:
        yield found


def batty(lander: Lander, *words: str) -> Done:
    argv = (sys.executable, "-P", "-m", "batty_tmux", "--repo", str(lander.repo.folder), *words)
    return run(argv, cwd=lander.repo.folder)


def doctor(lander: Lander) -> dict[str, dict[str, str]]:
    done = batty(lander, "doctor", "--json")
    return {row["check"]: row for row in json.loads(done.stdout)["checks"]}


class TestBase:
    def test_the_branch_here_says_whose_the_base_is_and_all_else_is_read_there(self, hub: Hub) -> None:
        one = hub.clone("one")
        hub.push("more", {"batty.toml": '[run]\nparallel = 7\n[queue]\nremote = "origin"\n', **board_files("phase-9")})
        freshen(one.place, ORIGIN)
        project = Project.around(one.repo.folder)
        assert (project.base, project.config.run.parallel) == (ORIGIN, 7)
        assert [phase.id for phase in project.board.phases] == ["phase-9"]

    def test_without_a_branch_here_the_fetched_one_says_it_of_itself(self, hub: Hub) -> None:
        one = hub.clone("one")
        one.repo.git("switch", "-q", "-c", "elsewhere")
        one.repo.git("branch", "-q", "-D", "main")
        assert Project.around(one.repo.folder).base == ORIGIN
        one.approve("phase-1", {"c": "x\n"}, start="origin/main")
        one.land()
        assert (one.states, hub.history()[-1]) == ({"phase-1": "landed"}, "work of phase-1")
        assert not one.repo.try_git("rev-parse", "--verify", "-q", "refs/heads/main").ok

    def test_a_file_that_cannot_be_read_here_is_no_matter_where_the_remotes_can(self, hub: Hub) -> None:
        one = hub.clone("one")
        one.repo.commit("break it", {"batty.toml": '[queue]\nremote = "origin"\nnonsense = 1\n'})
        found = opened(one.repo.folder, "main")
        assert found.base == ORIGIN
        one.approve("phase-1", {"c": "x\n"}, start="origin/main")
        one.land()
        assert one.states == {"phase-1": "landed"}

    @pytest.mark.parametrize("name", ["--upload-pack=x", "a b", "../x", "https://host/x", "a/", "$(x)", "x.lock"])
    def test_a_remote_whose_name_could_be_something_else_is_refused(self, hub: Hub, name: str) -> None:
        one = hub.clone("one")
        one.repo.commit("set it", {"batty.toml": f"[queue]\nremote = '{name}'\n"})
        assert base_of(one.repo.folder, "main") == Base("main")
        with pytest.raises(BattyError, match=r"queue\.remote"):
            Project.around(one.repo.folder).refuse_bad_settings()

    def test_a_checkout_that_is_only_behind_has_nothing_uncommitted(self, hub: Hub) -> None:
        one = hub.clone("one")
        hub.push("more", {**board_files("phase-9")})
        freshen(one.place, ORIGIN)
        assert uncommitted(one.repo.folder, ORIGIN) == ()
        one.repo.write("kanban/phase-8/PHASE.md", "# mine\n")
        one.repo.write("batty.toml", "[run]\n")
        assert uncommitted(one.repo.folder, ORIGIN) == ("batty.toml", "kanban/phase-8/PHASE.md")

    def test_what_landed_is_never_taken_back_by_moving_a_shared_branch(self, hub: Hub) -> None:
        one = hub.clone("one")
        one.approve("phase-1", {"c": "x\n"})
        one.land()
        with pytest.raises(BattyError) as refused:
            move_back(Project.around(one.repo.folder), PhaseId("phase-1"))
        assert (refused.value.code, refused.value.next) == ("shared-base", "batty queue undo phase-1")


class TestGuard:
    @pytest.mark.parametrize("by_url", [False, True])
    def test_an_executor_cannot_push_to_the_base(self, hub: Hub, by_url: bool) -> None:
        one = hub.clone("one")
        one.repo.phase("phase-1", {"c": "x\n"})
        folder = one.repo.worktree("one.phase-1", "batty/phase-1-run-001")
        environ = guard.environment(guard.install(one.place, "main", "origin"))
        where = hub.url if by_url else "origin"
        for words in (("HEAD:main",), ("--force", "HEAD:refs/heads/main"), ("HEAD:refs/batty/turn/main",)):
            done = one.repo.try_git("push", where, *words, cwd=folder, env=environ)
            assert "batty: refused" in done.stderr
        assert hub.history() == ["start", "set the gate"]
        assert one.repo.try_git("push", where, "HEAD:refs/heads/mine", cwd=folder, env=environ).ok
        assert one.repo.try_git("fetch", "origin", cwd=folder, env=environ).ok


class TestWords:
    def test_doctor_tells_what_the_remote_and_the_lock_say(self, hub: Hub, engine: Engine) -> None:
        hub.push(
            "lock", {"batty.toml": f'[gate]\ncommand = "true"\n[queue]\nremote = "origin"\nlock = "{engine.address}"\n'}
        )
        one = hub.clone("one")
        found = doctor(one)
        assert (found["base"]["says"], found["remote"]["state"], found["lock"]["state"]) == ("origin/main", "ok", "ok")
        one.repo.commit("my own", {"mine": "x\n"})
        engine.kill()
        found = doctor(one)
        assert (found["branch"]["mend"], found["lock"]["state"]) == ("git push origin main", "note")
        cut_off(one)
        assert doctor(one)["remote"]["state"] == "missing"
        one.repo.git("remote", "remove", "origin")
        one.repo.git("update-ref", "refs/remotes/origin/main", "main")
        assert doctor(one)["remote"]["mend"] == "git remote add origin URL"

    def test_status_and_queue_name_the_remotes_branch_and_what_does_not_answer(self, hub: Hub) -> None:
        hub.push("a board", board_files("phase-9"))
        one = hub.clone("one")
        one.approve("phase-1", {"c": "x\n"})
        cut_off(one)
        landed = batty(one, "land")
        assert (landed.status, landed.stderr.splitlines()[-1]) == (1, "↳ next: batty land")
        for command in ("status", "queue"):
            said = " ".join(batty(one, command).stdout.split())
            assert "cannot be reached" in said
            assert "what is queued stays ↳ next: batty land" in said
        said = batty(one, "status").stdout
        assert "base origin/main" in said
        told = json.loads(batty(one, "status", "--json").stdout)
        assert (told["base"], told["remote"]) == ("main", "origin")
        queue = Project.around(one.repo.folder).queue()
        assert (rests(queue, now()), rests(queue, now() + timedelta(minutes=2))) == (True, False)
        assert len(one.all(Unreachable)) == 1, "who only looks starts no lander that cannot land"


def test_who_has_the_turn_and_who_has_the_lock_do_not_wait_for_each_other(tmp_path: Path, engine: Engine) -> None:
    """As after a Redis that was gone for a while: the one with the lock waits its turn, and lets go of it meanwhile."""
    hub = Hub.make(tmp_path / "hub.git", gate="sleep 0.1", more=f'lock = "{engine.address}"\n')
    one, two = hub.clone("one"), hub.clone("two")
    for lander in (one, two):
        lander.approve(lander.repo.folder.name, {lander.repo.folder.name: "x\n"})
    text = two.repo.write("../turn", f"{machine(two.place)}\nsome nonce\n")
    blob = two.repo.git("hash-object", "-w", str(text))
    two.repo.git("push", "-q", "origin", f"{blob}:refs/batty/turn/main")
    began = monotonic()
    threads = [threading.Thread(target=lander.land) for lander in (one, two)]
    threads[0].start()
    threads[0].join(1.5)
    threads[1].start()
    for thread in threads:
        thread.join()
    assert hub.history()[2:] == ["work of two", "work of one"]
    assert monotonic() - began < 30
    assert faults(hub, one, two) == []
