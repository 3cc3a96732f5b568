"""Which moves of the base were a person's own, and which pinned refs are not where they were put."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from batty_tmux.drive.moves import by_a_person, changed_pins, restore
from batty_tmux.names import Sha
from tests.support.repo import Repo

PHASE = "batty/phase-1-run-001"


@dataclass
class Yard:
    """A person's checkout of main, and the worktree of a phase below `ours`."""

    repo: Repo
    ours: Path
    worktree: Path
    old: Sha

    def told(self, old: Sha | None = None, new: Sha | None = None, landed: Sha | None = None) -> str:
        return by_a_person(self.repo.plumbing, "main", old or self.old, new or self.repo.tip(), self.ours, landed)

    @property
    def here(self) -> str:
        return f" in {self.repo.folder}"


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    repo = Repo.make(tmp_path / "repo")
    repo.commit("second", {"b": "2\n"})
    repo.phase("phase-1", {"work": "done\n"})
    worktree = repo.worktree("repo.batty/phase-1-run-001", PHASE)
    return Yard(repo, tmp_path / "repo.batty", worktree, repo.tip())


def test_what_a_person_does_in_a_checkout_of_the_base_is_proved(yard: Yard) -> None:
    """A commit, another on top, an amended one, a merge, a rebase: told by the newest command, however many steps."""
    repo = yard.repo
    repo.commit("third", {"c": "3\n"})
    assert yard.told() == "commit" + yard.here
    repo.commit("fourth", {"d": "4\n"})
    assert yard.told() == "commit" + yard.here
    repo.git("commit", "-q", "--amend", "-m", "fourth again")
    assert yard.told() == "commit (amend)" + yard.here
    repo.branch("side", str(yard.old))
    repo.grow("side", "aside", {"e": "5\n"})
    repo.git("merge", "-q", "--no-edit", "side")
    assert yard.told() == "merge side" + yard.here
    repo.git("reset", "-q", "--hard", "HEAD^1")
    repo.git("rebase", "-q", "side")
    assert yard.told() == "rebase (finish)" + yard.here


def test_a_person_may_have_gone_on_to_another_branch_and_to_another_worktree(yard: Yard) -> None:
    """The reflog of HEAD remembers; where the checkout is by now says nothing."""
    yard.repo.git("switch", "-q", "-c", "mine")
    other = yard.repo.worktree("other", "main")
    yard.repo.commit("third", {"c": "3\n"}, into=other)
    yard.repo.git("switch", "-q", "--detach", cwd=other)
    yard.repo.git("switch", "-q", "main")
    assert yard.told() == f"commit in {other}"


@pytest.mark.parametrize(
    "words",
    [
        ("branch", "-f", "main", PHASE),
        ("update-ref", "refs/heads/main", PHASE),
        ("update-ref", "-m", "commit: no", "refs/heads/main", PHASE),
        ("push", "-q", ".", f"{PHASE}:main"),
        ("fetch", "-q", ".", f"{PHASE}:main"),
        ("branch", "-C", PHASE, "main"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
@pytest.mark.parametrize("where", ["home", "worktree"])
def test_a_base_moved_under_nobodys_hands_is_not_proved(yard: Yard, words: tuple[str, ...], where: str) -> None:
    """Anybody can do that from anywhere, an executor too; that its HEAD was at the commit before proves nothing."""
    yard.repo.git("switch", "-q", "-c", "mine")
    yard.repo.git("merge", "-q", PHASE)
    yard.repo.git(*words, cwd=yard.worktree if where == "worktree" else None)
    assert yard.repo.tip() == yard.repo.tip(PHASE)
    assert yard.told() == ""


def test_a_ref_moved_below_a_checkout_of_the_base_is_not_proved(yard: Yard) -> None:
    """Git writes that into the reflog of the checkout's HEAD as well, whoever did it."""
    yard.repo.git("update-ref", "refs/heads/main", PHASE)
    assert yard.told() == ""
    yard.repo.git("update-ref", "refs/heads/main", yard.old)
    yard.repo.git("config", "receive.denyCurrentBranch", "updateInstead")
    yard.repo.git("reset", "-q", "--hard")
    yard.repo.git("push", "-q", ".", f"{PHASE}:main", cwd=yard.worktree)
    assert yard.repo.tip() == yard.repo.tip(PHASE)
    assert yard.told(old=yard.old) == ""


def test_an_executors_commit_on_the_base_is_not_a_persons(yard: Yard) -> None:
    """What counts is where it was done: batty's own worktrees are below the folder that it was told."""
    yard.repo.git("switch", "-q", "-c", "mine")
    yard.repo.git("switch", "-q", "main", cwd=yard.worktree)
    yard.repo.commit("third", {"c": "3\n"}, into=yard.worktree)
    assert yard.told() == ""
    assert by_a_person(yard.repo.plumbing, "main", yard.old, yard.repo.tip(), yard.repo.folder / "none") != ""


def test_a_persons_step_on_top_of_anothers_does_not_prove_the_others(yard: Yard) -> None:
    """Each step between the two is looked at, not only the newest."""
    yard.repo.git("switch", "-q", "-c", "mine")
    yard.repo.git("branch", "-f", "main", PHASE, cwd=yard.worktree)
    yard.repo.git("switch", "-q", "main")
    between = yard.repo.tip()
    yard.repo.commit("third", {"c": "3\n"})
    assert yard.told() == ""
    assert yard.told(old=between) == "commit" + yard.here


def test_backwards_past_what_landed_is_never_proved(yard: Yard) -> None:
    """A person has to look: a phase's work is gone from the base. What they take back of their own is theirs."""
    kept = yard.repo.tip("HEAD~1")
    yard.repo.git("reset", "-q", "--hard", kept)
    assert yard.told(landed=yard.old) == ""
    assert yard.told(landed=kept) == yard.told() == "reset" + yard.here
    yard.repo.commit("elsewhere", {"z": "9\n"})
    assert yard.told(landed=yard.old) == ""
    assert yard.told(landed=kept) == "commit" + yard.here


def test_without_reflogs_nothing_is_proved(yard: Yard) -> None:
    """Switched off from the beginning, switched off and removed, expired: no proof, and no failure."""
    repo = yard.repo
    third = repo.commit("third", {"c": "3\n"})
    repo.git("reflog", "expire", "--expire=now", "--all")
    assert yard.told() == ""
    repo.git("config", "core.logAllRefUpdates", "false")
    (repo.folder / ".git/logs/HEAD").unlink()
    (repo.folder / ".git/logs/refs/heads/main").unlink()
    repo.commit("fourth", {"d": "4\n"})
    assert yard.told() == ""
    assert yard.told(old=third) == ""


@pytest.mark.parametrize("old", ["0" * 40, "1" * 40])
def test_a_value_that_is_no_commit_proves_nothing(yard: Yard, old: str) -> None:
    yard.repo.commit("third", {"c": "3\n"})
    assert yard.told(old=Sha(old)) == ""
    assert yard.told(new=Sha(old)) == ""


def test_what_is_told_holds_no_escape(tmp_path: Path) -> None:
    """A folder's name goes to terminals and tmux."""
    repo = Repo.make(tmp_path / "a\x1b[31m#(touch x)")
    old = repo.tip()
    repo.commit("third", {"c": "3\n"})
    told = by_a_person(repo.plumbing, "main", old, repo.tip(), tmp_path / "ours")
    assert told.startswith("commit in ")
    assert not {"\x1b", "#"} & set(told)


def pinned(repo: Repo) -> dict[str, Sha]:
    pins = {
        f"refs/batty/claim/phase-{n}/1": repo.grow(repo.branch(f"b{n}"), f"c{n}", {"f": f"{n}\n"}) for n in range(4)
    }
    for ref, sha in pins.items():
        repo.plumbing.pin(ref, sha)
    return pins


@pytest.mark.parametrize("packed", [False, True])
def test_pins_that_are_gone_or_moved_are_named_and_put_back(yard: Yard, packed: bool) -> None:
    """Each by its own; refs that nobody expects are left alone; where all is well there is nothing to do."""
    git, expected = yard.repo.plumbing, pinned(yard.repo)
    assert changed_pins(git, expected) == {}
    if packed:
        yard.repo.git("pack-refs", "--all")
    yard.repo.git("update-ref", "-d", "refs/batty/claim/phase-1/1")
    yard.repo.git("update-ref", "refs/batty/claim/phase-2/1", "main")
    yard.repo.git("update-ref", "refs/batty/other", "main")
    changed = changed_pins(git, expected)
    assert changed == {"refs/batty/claim/phase-1/1": None, "refs/batty/claim/phase-2/1": yard.repo.tip()}
    assert set(restore(git, expected, changed)) == set(changed)
    assert changed_pins(git, expected) == {}
    assert yard.repo.tip("refs/batty/other") == yard.repo.tip()
    assert restore(git, expected, {}) == ()


def test_a_pin_whose_commit_is_gone_stays_lost_and_keeps_no_other_from_coming_back(yard: Yard) -> None:
    git, expected = yard.repo.plumbing, pinned(yard.repo)
    lost, kept = "refs/batty/claim/phase-0/1", "refs/batty/claim/phase-3/1"
    for ref in (lost, kept):
        yard.repo.git("update-ref", "-d", ref)
    yard.repo.git("branch", "-q", "-D", "b0")
    yard.repo.git("gc", "-q", "--prune=now")
    changed = changed_pins(git, expected)
    assert changed == {lost: None, kept: None}
    assert restore(git, expected, changed) == (kept,)
    assert changed_pins(git, expected) == {lost: None}


def test_a_pin_that_moves_again_meanwhile_is_left_where_it_is(yard: Yard) -> None:
    """Put back is what was seen; anything newer is seen the next time."""
    git, expected = yard.repo.plumbing, pinned(yard.repo)
    ref = "refs/batty/claim/phase-1/1"
    yard.repo.git("update-ref", ref, "main")
    changed = changed_pins(git, expected)
    yard.repo.git("update-ref", ref, "b2")
    assert restore(git, expected, changed) == ()
    assert yard.repo.tip(ref) == yard.repo.tip("b2")
