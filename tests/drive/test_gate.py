"""A gate sees exactly one commit and nothing else, and only an ordinary status of it speaks about the code."""

import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from batty_tmux.core.events import GateFinished, GateStarted
from batty_tmux.drive.gate import GateSpec, Subject, run_gate
from batty_tmux.drive.place import Place
from batty_tmux.drive.pristine import verdict_of
from batty_tmux.host.lock import exclusive
from batty_tmux.names import PhaseId, RunId
from tests.support.repo import Repo
from tests.support.server import eventually

KEEP = ("cache",)
ONLY_THE_TREE = 'test "$(find . -path ./.git -prune -o ! -type d -print | sort | tr "\\n" " ")" = '


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository that ignores what tools leave behind."""
    return Repo.make(tmp_path / "repo", {".gitignore": "*.pyc\n__pycache__/\ncache/\n*.out\n", "src/a.py": "a = 1\n"})


def spec(command: str, *, setup: str = "", keep: tuple[str, ...] = (), seconds: float = 60) -> GateSpec:
    return GateSpec(command, seconds, setup, keep)


def gated(repo: Repo, gate: GateSpec, ref: str = "main", **environ: str) -> GateFinished:
    subject = Subject(PhaseId("phase-1"), repo.tip(ref), repo.tree(ref), "queue", RunId("001"), os.environ | environ)
    return run_gate(Place.around(repo.folder), gate, subject, slots(repo))


def slots(repo: Repo) -> Path:
    return repo.folder.parent / "slots"


def said(finished: GateFinished) -> str:
    return Path(finished.log).read_text()


class TestPristine:
    def test_a_gate_runs_on_exactly_the_files_of_the_candidate(self, repo: Repo) -> None:
        """Not on what lies in the checkout, in the slot, or on another branch."""
        repo.phase("phase-1", {"src/b.py": "b\n", "src/a.py": None})
        repo.write("untracked", "x")
        repo.write("src/a.py", "uncommitted")
        branch = "batty/phase-1-run-001"
        gate = spec(f"{ONLY_THE_TREE}'./.git ./.gitignore ./README ./src/b.py '".replace("-prune -o", "-print -o"))
        finished = gated(repo, gate, branch)
        assert finished.verdict == "pass", said(finished)
        assert (finished.commit, finished.tree) == (repo.tip(branch), repo.tree(branch))

    @pytest.mark.parametrize("name", ["untracked", "x.out", "src/__pycache__/a.pyc", "cache/x", "deep/er/file"])
    def test_what_one_gate_leaves_the_next_does_not_find(self, repo: Repo, name: str) -> None:
        """Untracked, ignored, byte code, in folders of its own or in the tree's."""
        gate = spec(f'test ! -e {name} && mkdir -p "$(dirname {name})" && echo x >{name}')
        assert [gated(repo, gate).verdict for _ in range(2)] == ["pass", "pass"]

    def test_a_repository_that_a_gate_leaves_behind_goes_too(self, repo: Repo) -> None:
        gate = spec("test ! -e inner && git init -q inner && echo x >inner/file")
        assert [gated(repo, gate).verdict for _ in range(2)] == ["pass", "pass"]

    def test_a_tracked_file_that_a_gate_changed_is_as_committed_for_the_next(self, repo: Repo) -> None:
        """Also with the same size and the same time: that is how a stale result passes a bad commit."""
        old = "touch -t 202001010000 src/a.py"
        cheat = f"{old} && git update-index -q --refresh && echo 'a = 2' >src/a.py && {old}"
        gate = spec(f"grep -q 'a = 1' src/a.py && {cheat}")
        assert [gated(repo, gate).verdict for _ in range(2)] == ["pass", "pass"]

    @pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
    def test_a_tracked_file_that_a_gate_hid_from_git_is_as_committed_for_the_next(self, repo: Repo, flag: str) -> None:
        gate = spec(f"grep -q 'a = 1' src/a.py && git update-index {flag} src/a.py && echo 'a = 2' >src/a.py")
        assert [gated(repo, gate).verdict for _ in range(2)] == ["pass", "pass"]

    def test_a_file_that_did_not_change_keeps_its_time(self, repo: Repo) -> None:
        """Or whatever is kept of a build would be made anew each time."""
        gated(repo, spec("touch -t 202001010000 src/a.py"))
        repo.commit("another", {"src/b.py": "b\n"})
        assert gated(repo, spec("true")).status == 0
        assert (slots(repo) / "gate-1" / "src" / "a.py").stat().st_mtime < 1_600_000_000

    def test_the_candidate_is_whole_also_where_the_user_checks_out_a_part(self, repo: Repo) -> None:
        repo.commit("more", {"other/b": "b\n"})
        repo.git("sparse-checkout", "set", "other")
        gate = spec("test -e src/a.py && test -e other/b")
        assert [gated(repo, gate).verdict for _ in range(2)] == ["pass", "pass"]

    def test_a_lock_that_a_killed_git_left_in_the_slot_stops_nobody(self, repo: Repo) -> None:
        gate = spec('for f in index HEAD; do echo >"$(git rev-parse --git-path $f.lock)"; done')
        assert [gated(repo, gate).verdict for _ in range(2)] == ["pass", "pass"]

    def test_what_is_to_be_kept_is_kept_and_only_there(self, repo: Repo) -> None:
        """`gate.keep` names paths from the top: a folder of the same name further down is not meant."""
        gate = spec("ls cache src; mkdir -p cache src/cache; echo x >cache/x; echo x >src/cache/x", keep=KEEP)
        gated(repo, gate)
        second = replace(gate, command="test -e cache/x && test ! -e src/cache")
        finished = gated(repo, second)
        assert finished.verdict == "pass", said(finished)

    def test_a_gate_that_moves_head_has_no_verdict(self, repo: Repo) -> None:
        """It cannot be known what it tested; and the next gate is on its own commit again."""
        move = "git -c user.name=x -c user.email=x commit -q --allow-empty -m moved"
        assert gated(repo, spec(move)).verdict == "infra"
        assert gated(repo, spec('git diff --quiet HEAD && test "$(git rev-parse HEAD)" = $BATTY_CANDIDATE')).status == 0

    def test_a_gate_that_removes_its_own_worktree_ends_nothing_else(self, repo: Repo) -> None:
        assert gated(repo, spec('rm -rf "$PWD"')).verdict == "infra"
        assert gated(repo, spec("test -e src/a.py")).verdict == "pass"

    def test_a_slot_that_was_deleted_by_hand_is_made_again(self, repo: Repo) -> None:
        """With its setup, which is gone with it."""
        gate = spec("test -e cache/made", setup="mkdir -p cache && echo >cache/made", keep=KEEP)
        assert gated(repo, gate).verdict == "pass"
        assert [slot.name for slot in slots(repo).iterdir()] == ["gate-1"]
        (slots(repo) / "gate-1").rename(slots(repo).parent / "gone")
        finished = gated(repo, gate)
        assert finished.verdict == "pass", said(finished)

    def test_no_prune_takes_a_slot(self, repo: Repo) -> None:
        gated(repo, spec("true"))
        (slots(repo) / "gate-1").rename(slots(repo) / "away")
        repo.git("worktree", "prune", "--expire=now")
        (slots(repo) / "away").rename(slots(repo) / "gate-1")
        assert gated(repo, spec("test -e src/a.py")).verdict == "pass"

    def test_a_slot_that_somebody_has_put_something_into_the_way_of_is_left_alone(self, repo: Repo) -> None:
        mine = repo.write("gate-1/mine", "x", into=slots(repo))
        with pytest.raises(Exception, match="in the way"):
            gated(repo, spec("true"))
        assert mine.read_text() == "x"


class TestSetup:
    def test_it_runs_once_where_something_is_kept_and_again_when_the_gate_changes(
        self, repo: Repo, tmp_path: Path
    ) -> None:
        count = tmp_path / "count"
        gate = spec("true", setup=f"echo . >>{count}", keep=KEEP)
        for _ in range(2):
            gated(repo, gate)
        assert len(count.read_text().split()) == 1
        gated(repo, replace(gate, keep=("other",)))
        assert len(count.read_text().split()) == 2

    def test_it_runs_each_time_where_nothing_is_kept(self, repo: Repo) -> None:
        """What it made was cleaned away."""
        gate = spec("test -e made", setup="echo >made")
        assert [gated(repo, gate).verdict for _ in range(2)] == ["pass", "pass"]

    def test_where_it_fails_the_code_is_not_to_blame_and_it_is_tried_again(self, repo: Repo, tmp_path: Path) -> None:
        gate = spec("true", setup=f"test -e {tmp_path}/network", keep=KEEP)
        assert gated(repo, gate).verdict == "infra"
        (tmp_path / "network").touch()
        assert gated(repo, gate).verdict == "pass"


class TestVerdict:
    @pytest.mark.parametrize(
        ("command", "verdict", "status"),
        [
            ("exit 0", "pass", 0),
            ("exit 1", "fail", 1),
            ("exit 125", "fail", 125),
            ("./src/a.py", "infra", 126),
            ("no-such-program-anywhere", "infra", 127),
            ("exit 139", "infra", 139),
            ("kill -9 $$", "infra", -9),
            ("kill -15 0", "infra", -15),
        ],
    )
    def test_only_an_ordinary_status_speaks_about_the_code(
        self, repo: Repo, command: str, verdict: str, status: int
    ) -> None:
        finished = gated(repo, spec(command))
        assert (finished.verdict, finished.status) == (verdict, status)

    def test_the_table(self) -> None:
        said = {status: verdict_of(status) for status in (None, 0, 1, 2, 125, 126, 127, 128, 129, 255, -9)}
        assert [s for s, v in said.items() if v == "infra"] == [126, 127, 129, 255, -9]
        assert (said[None], said[0]) == ("timeout", "pass")

    def test_when_the_time_is_up_all_that_it_started_is_killed(self, repo: Repo, tmp_path: Path) -> None:
        """Grandchildren too: what lives on would work in the slot while the next gate does."""
        fifo = tmp_path / "fifo"
        os.mkfifo(fifo)
        gate = spec(f"( sh -c 'echo $$; exec sleep 600' ) & echo ready; cat {fifo}", seconds=1)
        finished = gated(repo, gate)
        assert (finished.verdict, finished.status) == ("timeout", None)
        pid = next(int(word) for word in said(finished).split() if word.isdigit())
        eventually(lambda: not _alive(pid), "the end of the grandchild")

    def test_what_it_left_running_when_it_ended_is_killed_too(self, repo: Repo) -> None:
        finished = gated(repo, spec("sleep 600 & echo $!"))
        eventually(lambda: not _alive(int(said(finished))), "the end of what it left")

    def test_start_and_end_are_in_the_journal_with_what_was_gated_and_the_log(self, repo: Repo) -> None:
        finished = gated(repo, spec("echo out; echo err >&2; exit 3"))
        started, ended = Place.around(repo.folder).records.events
        assert isinstance(started, GateStarted)
        assert isinstance(ended, GateFinished)
        assert (started.tree, started.log, ended.status) == (repo.tree(), finished.log, 3)
        assert said(finished).split() == ["out", "err"]

    def test_another_command_setup_or_keep_is_another_gate(self) -> None:
        gate = spec("a")
        others = (spec("b"), spec("a", setup="s"), spec("a", keep=("k",)), spec("", setup="a"))
        assert len({gate.key({}), *(other.key({}) for other in others)}) == 5


class TestEnvironment:
    def test_what_a_gate_is_told_and_what_not(self, repo: Repo) -> None:
        """Nothing leads it to a terminal, to tmux, or to another repository; the caller's own words arrive."""
        leaks = {"TMUX": "/x,1,0", "TMUX_PANE": "%1", "GIT_DIR": "/x", "CLAUDECODE": "1", "BATTY_RUN": "9", "MINE": "1"}
        finished = gated(repo, spec("env; test ! -t 0; cat; tty; readlink /proc/self/fd/0"), **leaks)
        told = dict(line.split("=", 1) for line in said(finished).splitlines() if "=" in line)
        assert {name for name in told if name.startswith(("TMUX_P", "GIT_", "CLAUDE", "BATTY_"))} == {
            "BATTY_PHASE",
            "BATTY_CANDIDATE",
        }
        assert "TMUX" not in told
        assert (told["CI"], told["BATTY_CANDIDATE"], told["MINE"]) == ("true", repo.tip(), "1")
        assert said(finished).splitlines()[-2:] == ["not a tty", "/dev/null"]

    def test_it_has_a_temporary_folder_of_its_own_that_goes_with_it(self, repo: Repo) -> None:
        finished = gated(repo, spec('touch "$TMPDIR/x" && ls "$TMPDIR" && echo "$TMPDIR"'))
        name, folder = said(finished).split()
        assert name == "x"
        assert not Path(folder).exists()

    def test_it_holds_no_lock(self, repo: Repo) -> None:
        """A gate that lives on after its lander was killed would keep every other lander from the queue."""
        place = Place.around(repo.folder)
        with exclusive(place.landing_lock) as held:
            os.set_inheritable(held.descriptor, True)
            subject = Subject(PhaseId("phase-1"), repo.tip(), repo.tree(), "queue", RunId("001"), os.environ)
            finished = run_gate(place.holding(held), spec("ls -l /proc/$$/fd"), subject, slots(repo))
        assert str(place.landing_lock) not in said(finished)


class TestSlots:
    def test_two_gates_at_once_use_two(self, repo: Repo, tmp_path: Path) -> None:
        """Each ends only when it has met the other."""
        for name in ("one", "two"):
            os.mkfifo(tmp_path / name)
        meet = spec(
            f"if mkdir {tmp_path}/first 2>/dev/null; then echo >{tmp_path}/one; read x <{tmp_path}/two; "
            f"else read x <{tmp_path}/one; echo >{tmp_path}/two; fi; pwd",
            seconds=30,
        )
        ended: list[GateFinished] = []
        threads = [threading.Thread(target=lambda: ended.append(gated(repo, meet))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [finished.verdict for finished in ended] == ["pass", "pass"]
        assert {said(finished).strip() for finished in ended} == {str(slots(repo) / f"gate-{n}") for n in (1, 2)}
        assert len({finished.log for finished in ended}) == 2

    def test_the_next_gate_uses_the_first_one_again(self, repo: Repo) -> None:
        for _ in range(2):
            assert said(gated(repo, spec("pwd"))).strip() == str(slots(repo) / "gate-1")

    def test_a_server_that_a_gate_left_in_a_session_of_its_own_does_not_keep_it(self, repo: Repo) -> None:
        """Only what outlives a killed lander does."""
        daemon = f"{sys.executable} -c 'import os, time; os.setsid(); print(os.getpid(), flush=True); time.sleep(99)'"
        finished = gated(repo, spec(f"{daemon} >pid & until test -s pid; do :; done; cat pid"))
        try:
            assert said(gated(repo, spec("pwd"))).strip() == str(slots(repo) / "gate-1")
        finally:
            os.kill(int(said(finished)), signal.SIGKILL)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")
