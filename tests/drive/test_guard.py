"""The guard, with real git and real hooks: what it refuses, what it lets through, and whose hooks still run."""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from batty_tmux.drive import guard
from batty_tmux.drive.place import Place
from batty_tmux.host.process import Done, run
from tests.support.repo import Repo

PHASE = "batty/phase-1-run-001"
PIN = "refs/batty/claim/phase-1/1"
WRITE = '#!/bin/sh\n{ echo "$PWD $*"; cat; } >>"$OUT"\nexit "${STATUS-0}"\n'


@dataclass
class Yard:
    """A repository whose main is free, and the worktree of a phase with two commits that main lacks."""

    repo: Repo
    worktree: Path
    environ: dict[str, str]
    base: str = "main"

    @property
    def refs(self) -> str:
        return self.repo.git("for-each-ref", f"refs/heads/{self.base}", "refs/batty/")

    @property
    def folder(self) -> Path:
        return self.repo.folder / ".git/batty/guard"

    def agent(self, *words: str, cwd: Path | None = None, **environ: str) -> Done:
        return self.repo.try_git(*words, cwd=cwd or self.worktree, env=self.environ | environ)

    def install(self, base: str | None = None) -> None:
        self.environ = guard.environment(guard.install(Place.around(self.repo.folder), base or self.base))

    def hook(self, folder: str, name: str, text: str = WRITE) -> Path:
        file = self.repo.write(name, text, into=Path(self.repo.folder, folder))
        file.chmod(0o755)
        return file


def make(folder: Path, base: str = "main") -> Yard:
    repo = Repo.make(folder)
    repo.commit("second", {"b": "2\n"})
    if base != "main":
        repo.git("branch", "-m", "main", base)
    repo.phase("phase-1", {"work": "done\n"}, start=f"refs/heads/{base}")
    repo.grow(PHASE, "more", {"work": "done twice\n"})
    worktree = repo.worktree(folder.name + ".phase-1", PHASE)
    repo.git("update-ref", PIN, f"refs/heads/{PHASE}")
    repo.git("switch", "--quiet", "-c", "mine")
    yard = Yard(repo, worktree, {}, base)
    yard.install()
    return yard


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return make(tmp_path / "repo")


REFUSED = {
    "branch -f": ("branch", "-f", "main", "HEAD"),
    "branch -f backwards": ("branch", "-f", "main", "main~1"),
    "branch -D": ("branch", "-D", "main"),
    "branch -m away": ("branch", "-m", "main", "other"),
    "branch -M over it": ("branch", "-M", PHASE, "main"),
    "branch -M, as hosts advise": ("branch", "-M", "main"),
    "checkout -B": ("checkout", "-B", "main", "HEAD"),
    "update-ref": ("update-ref", "refs/heads/main", "HEAD"),
    "update-ref -d": ("update-ref", "-d", "refs/heads/main"),
    "push": ("push", ".", "HEAD:main"),
    "push of an expression with spaces": ("push", ".", "HEAD@{1 day ago}:main"),
    "push that deletes": ("push", ".", ":main"),
    "push of a pin": ("push", ".", f"+main:{PIN}"),
    "fetch": ("fetch", ".", "HEAD:main"),
    "worktree add -B": ("worktree", "add", "-B", "main", "../other", "HEAD"),
    "a pin moved": ("update-ref", PIN, "main"),
    "a pin deleted": ("update-ref", "-d", PIN),
    "a pin deleted by fetch": ("fetch", "--prune", ".", "+refs/heads/*:refs/batty/*"),
    "a pin made": ("update-ref", "refs/batty/landed/9", "HEAD"),
}


@pytest.mark.parametrize("packed", [False, True], ids=["loose", "packed"])
@pytest.mark.parametrize("words", REFUSED.values(), ids=REFUSED)
def test_what_would_move_the_base_or_a_pin_is_refused_in_words(
    yard: Yard, words: tuple[str, ...], packed: bool
) -> None:
    """Git says no, nothing has moved, and the agent reads what to do instead; without the guard, it moves."""
    if packed:
        yard.repo.git("pack-refs", "--all", "--prune")
    before = yard.refs
    done = yard.agent(*words)
    assert not done.ok
    assert "batty: refused: this would" in done.stderr, done.stderr
    assert "commit on the phase's own branch instead" in done.stderr
    assert yard.refs == before
    for branch in ("main", PHASE):
        assert yard.agent("reflog", "exists", f"refs/heads/{branch}").ok
    assert not (yard.repo.folder / ".git/logs/refs/.tmp-renamed-log").exists()
    assert yard.agent("status", "--porcelain").stdout == ""
    assert yard.repo.try_git(*words, cwd=yard.worktree).ok
    assert yard.refs != before


def test_a_commit_on_the_base_is_refused_and_nothing_of_it_is_lost(yard: Yard) -> None:
    """An agent that has switched to a free main goes back with `git switch -`, as it is told, and commits there."""
    before = yard.refs
    assert yard.agent("switch", "main").ok
    (yard.worktree / "new").write_text("precious\n")
    yard.agent("add", "new").check()
    done = yard.agent("commit", "-m", "oops")
    assert not done.ok
    assert "git switch -" in done.stderr
    assert yard.refs == before
    assert yard.agent("switch", "-").ok
    assert yard.agent("commit", "-m", "better").ok
    assert yard.repo.files(PHASE)["new"] == "precious\n"


def test_a_merge_into_the_base_leaves_a_way_back(yard: Yard) -> None:
    """The files are the phase's already when git is told no: back on its branch, nothing is uncommitted."""
    before = yard.refs
    yard.agent("switch", "main").check()
    assert "batty: refused" in yard.agent("merge", PHASE).stderr
    assert yard.agent("switch", "-").ok
    assert yard.agent("status", "--porcelain").stdout == ""
    assert yard.refs == before


def test_the_users_own_checkout_is_guarded_from_an_agent_and_free_for_the_user(yard: Yard) -> None:
    """What counts is whose environment git runs in; nothing is written into what checkouts share."""
    yard.repo.git("switch", "--quiet", "main")
    shared = [yard.repo.folder / ".git" / name for name in ("config", "info/exclude")]
    texts = [file.read_text() for file in shared]
    yard.install()
    assert not yard.agent("commit", "--allow-empty", "-m", "by the agent", cwd=yard.repo.folder).ok
    assert yard.repo.try_git("commit", "--allow-empty", "-m", "by the user").ok
    assert [file.read_text() for file in shared] == texts
    assert all(file.suffix == ".sample" for file in (yard.repo.folder / ".git/hooks").iterdir())


def test_an_agents_own_work_goes_through(yard: Yard, tmp_path: Path) -> None:
    """Everything that an agent may do on its branch does what it does without the guard."""
    run(("git", "clone", "--quiet", "--bare", str(yard.repo.folder), str(tmp_path / "remote.git"))).check()
    yard.repo.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    yard.repo.grow("main", "elsewhere", {"c": "3\n"})
    (yard.worktree / "work").write_text("changed\n")
    before = yard.refs
    for line in (
        "stash",
        "stash pop",
        "commit -qam third",
        "commit -q --amend -m third-again",
        "rebase -q main",
        "branch side HEAD~1",
        "checkout -q side",
        "commit -q --allow-empty -m aside",
        f"checkout -q {PHASE}",
        "merge -q --no-edit side",
        "cherry-pick --allow-empty side --keep-redundant-commits",
        "merge -q main",
        "branch -m side moved",
        "branch -D moved",
        "tag v1",
        "checkout -q --detach main",
        f"checkout -q {PHASE}",
        "branch -f main main",
        "fetch -q origin",
        "fetch -q . HEAD:refs/heads/copy",
        "push -q -f origin HEAD",
        "push -q origin HEAD:refs/heads/main --force",
        "push -q . HEAD:refs/heads/other",
        "worktree add -q --detach ../scratch",
        "worktree remove ../scratch",
        "bisect start HEAD HEAD~2",
        "bisect reset",
        "reset -q --hard HEAD~1",
        "update-ref refs/heads/main-2 HEAD",
        "update-ref refs/battyx HEAD",
        "notes add -m note",
        "remote remove origin",
    ):
        done = yard.agent(*line.split())
        assert done.ok, (line, done.stderr)
    assert yard.refs == before


@pytest.mark.parametrize("words", [("gc", "--prune=now"), ("pack-refs", "--all", "--prune"), ("gc",)], ids=" ".join)
def test_packing_refs_is_no_move(yard: Yard, words: tuple[str, ...]) -> None:
    """To the hook, packing is a creation and a deletion of each ref; they end packed, at their values."""
    for number in range(3):
        yard.repo.git("update-ref", f"refs/batty/landed/{number}", "main")
    before = yard.refs
    for _ in range(2):
        done = yard.agent(*words)
        assert (done.ok, "refused" in done.stderr) == (True, False), done.stderr
        assert yard.refs == before
        assert not (yard.repo.folder / ".git/refs/heads/main").exists()
        yard.repo.git("update-ref", PIN, "main~1")
        yard.repo.git("update-ref", PIN, f"refs/heads/{PHASE}")


@pytest.mark.parametrize("name", ["copy", "clone"])
def test_another_repository_is_no_concern(yard: Yard, tmp_path: Path, name: str) -> None:
    """A test of the agent's project may make repositories with a main, and a clone of this one is another."""
    other = tmp_path / name
    made = ("clone", "-q", ".", str(other)) if name == "clone" else ("init", "-q", "-b", "main", str(other))
    for words in (
        made,
        ("-C", str(other), "checkout", "-q", "-B", "main"),
        ("-C", str(other), "commit", "-q", "--allow-empty", "-m", "one"),
        ("-C", str(other), "commit", "-q", "--allow-empty", "-m", "two"),
        ("-C", str(other), "update-ref", "refs/batty/x", "HEAD"),
        ("-C", str(other), "branch", "-m", "main", "gone"),
        ("-C", str(other), "push", "-q", ".", "HEAD:refs/heads/main"),
    ):
        done = yard.agent(*words)
        assert done.ok, (words, done.stderr)
    before = yard.refs
    assert not yard.agent("-C", str(other), "push", str(yard.repo.folder), "HEAD:refs/heads/main", "-f").ok
    assert not yard.agent("-C", str(other), "push", f"file://{yard.repo.folder}/.git", "HEAD:refs/heads/main", "-f").ok
    assert yard.refs == before


BASES = ("it's", 'a"b', "$HOME", "`id`", "a;b", "$(id)x", "main)", "a|b&c", "über", "x/%s")


@pytest.mark.parametrize("base", BASES)
def test_a_base_is_its_name_letter_by_letter(tmp_path: Path, base: str) -> None:
    """Whatever git allows in a branch's name is no shell word, no pattern and no option in the hook."""
    yard = make(tmp_path / "repo", base)
    before = yard.refs
    assert base in before
    done = yard.agent("update-ref", f"refs/heads/{base}", "HEAD")
    assert not done.ok
    assert f"would move {base}\n" in done.stderr
    assert yard.refs == before
    assert yard.agent("update-ref", f"refs/heads/{base}x", "HEAD").ok
    assert yard.agent("pack-refs", "--all").ok
    assert yard.refs == before


FOLDERS = ("with space", "it's", 'quote"d', "$(touch pwned)", "back\\slash", "bang!", "[glob]*", "a=b", "über")


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_may_be_called_anything(tmp_path: Path, name: str) -> None:
    """The setting is quoted as git quotes it, and the user's hook behind it is found too."""
    yard = make(tmp_path / name)
    yard.hook(".git/hooks", "pre-commit")
    assert not yard.agent("branch", "-f", "main", "HEAD").ok
    assert yard.agent("commit", "--allow-empty", "-m", "x", OUT=str(tmp_path / "out")).ok
    assert (tmp_path / "out").read_text().startswith(str(yard.worktree))


def test_a_setting_given_inside_adds_to_ours(yard: Yard) -> None:
    """`git -c` hands its settings down in the same variable; neither loses the other, nor does an alias' git."""
    alias = "alias.t=!git config user.name && git config core.hooksPath && git branch -f main HEAD"
    done = yard.agent("-c", "user.name=Somebody Else", "-c", alias, "t")
    assert done.stdout.splitlines() == ["Somebody Else", str(yard.folder)]
    assert "batty: refused" in done.stderr


HOOKS = {".git/hooks": None, ".husky": ".husky", "elsewhere": "{repo}/elsewhere"}


@pytest.mark.parametrize("late", [False, True], ids=["before", "set later"])
@pytest.mark.parametrize(("folder", "setting"), HOOKS.items(), ids=HOOKS)
def test_the_users_hooks_run_where_the_users_settings_have_them(
    yard: Yard, tmp_path: Path, folder: str, setting: str | None, late: bool
) -> None:
    """The default folder, a relative one in each worktree, an absolute one; set before the start or after it."""
    where = str(yard.worktree / folder) if setting == ".husky" else folder
    os.utime(yard.repo.folder / ".git/config", (1, 1))
    yard.install()
    for name in ("pre-commit", "commit-msg", "post-commit", "reference-transaction"):
        yard.hook(where, name, f'#!/bin/sh\necho "{name}" >>"$OUT"\n')
    if setting is not None:
        yard.repo.git("config", "core.hooksPath", setting.format(repo=yard.repo.folder))
    if not late:
        yard.install()
    out = tmp_path / "out"
    yard.agent("commit", "--allow-empty", "-q", "-m", "x", OUT=str(out)).check()
    ran = out.read_text().split()
    plain = tmp_path / "plain"
    yard.repo.try_git("commit", "--allow-empty", "-q", "-m", "x", cwd=yard.worktree, env={"OUT": str(plain)}).check()
    assert ran == plain.read_text().split()
    assert {"pre-commit", "commit-msg", "post-commit", "reference-transaction"} == set(ran)


def test_a_users_hook_gets_the_same_and_says_no(yard: Yard, tmp_path: Path) -> None:
    """Arguments, input, folder, git's variables and exit status of a hook are those without the guard."""
    tell = (
        '#!/bin/sh\n{ echo "$PWD" "$@"; env | grep ^GIT_ | grep -v PARAMETERS | sort; cat; } >>"$OUT"\nexit "$STATUS"\n'
    )
    for name in ("pre-push", "reference-transaction", "pre-commit", "prepare-commit-msg", "post-rewrite"):
        yard.hook(".git/hooks", name, tell)
    commands = (
        ("commit", "--allow-empty", "-q", "-m", "x"),
        ("commit", "--allow-empty", "-q", "--amend", "-m", "x"),
        ("push", "-q", ".", "HEAD:refs/heads/there"),
        ("push", "-q", ".", ":refs/heads/there"),
        ("update-ref", "refs/heads/new", "HEAD"),
        ("update-ref", "-d", "refs/heads/new"),
    )
    told: list[str] = []
    start = yard.repo.tip(PHASE)
    for environ in ({}, yard.environ):
        out = tmp_path / f"out-{len(told)}"
        yard.repo.git("reset", "-q", "--hard", start, cwd=yard.worktree, env={"OUT": os.devnull, "STATUS": "0"})
        for words in commands:
            yard.repo.try_git(*words, cwd=yard.worktree, env=environ | {"OUT": str(out), "STATUS": "0"}).check()
        told.append(re.sub(r"there [0-9a-f]+ ", "", out.read_text()))
    assert told[1] == told[0]
    assert told[0].count("prepared") > 4
    for words in commands[:1] + commands[4:5]:
        assert not yard.agent(*words, OUT=os.devnull, STATUS="3").ok


def test_a_users_hook_is_guarded_too(yard: Yard) -> None:
    """Git that a hook runs has the same environment, so a hook that moves main for the agent is refused."""
    yard.hook(".git/hooks", "post-commit", "#!/bin/sh\ngit update-ref refs/heads/main HEAD\n")
    before = yard.refs
    done = yard.agent("commit", "--allow-empty", "-m", "x")
    assert "batty: refused" in done.stderr
    assert yard.refs == before


def test_a_hook_that_does_not_read_and_one_that_cannot_run_do_no_harm(yard: Yard) -> None:
    yard.hook(".git/hooks", "reference-transaction", "#!/bin/sh\nexit 0\n")
    yard.hook(".git/hooks", "pre-commit", "#!/bin/sh\nexit 9\n").chmod(0o644)
    done = yard.agent("commit", "--allow-empty", "-q", "-m", "x")
    assert (done.ok, done.stderr) == (True, "")


def test_hooks_that_are_dear_are_there_only_while_the_user_has_them(yard: Yard) -> None:
    """An index hook alone slows every command; it comes and goes with the user's own."""
    theirs = yard.hook(".git/hooks", "post-index-change")
    yard.install()
    assert (yard.folder / "post-index-change").exists()
    theirs.unlink()
    yard.install()
    assert not (yard.folder / "post-index-change").exists()


def test_installing_again_changes_nothing_and_mends_what_was_changed(yard: Yard) -> None:
    """A tool that puts hooks where git looks for them has replaced ours; the next start of an executor puts it back."""
    names = sorted(path.name for path in yard.folder.iterdir())
    inodes = {path.name: path.stat().st_ino for path in yard.folder.iterdir() if path.name != "hooks-folder"}
    yard.install()
    assert {name: (yard.folder / name).stat().st_ino for name in inodes} == inodes
    shutil.move(yard.folder / "reference-transaction", yard.folder / "reference-transaction.old")
    (yard.folder / "pre-push").unlink()
    (yard.folder / "pre-push").write_text("#!/bin/sh\n")
    (yard.folder / "reference-transaction.old").unlink()
    yard.install()
    assert sorted(path.name for path in yard.folder.iterdir()) == names
    assert not yard.agent("branch", "-f", "main", "HEAD").ok
    assert not yard.agent("push", ".", "HEAD:main").ok


def test_the_newest_base_is_the_one_that_is_guarded(yard: Yard) -> None:
    yard.install("mine")
    assert yard.agent("update-ref", "refs/heads/main", "HEAD").ok
    assert not yard.agent("update-ref", "refs/heads/mine", "HEAD").ok


def test_every_start_of_an_executor_and_a_doctor_find_the_same_hooks(yard: Yard) -> None:
    """What doctor looks at is what is installed; it tells what is stale, and what git does not obey."""
    before = yard.refs
    good = guard.facts(yard.repo.folder, "main")
    assert (good.installed, good.stale, good.unguarded) == (True, (), ())
    (yard.folder / "pre-commit").chmod(0o444)
    for name in ("pre-push", "reference-transaction"):
        (yard.folder / name).unlink()
    bad = guard.facts(yard.repo.folder, "main")
    assert bad.stale == ("pre-commit", "pre-push", "reference-transaction")
    assert bad.unguarded == ("refs/heads/main", "refs/batty/doctor")
    assert yard.refs == before


def test_a_deletion_is_told_from_packing_by_the_lock(yard: Yard) -> None:
    """A git that asks no hook for packed-refs itself shows both as one line; only a deletion holds that lock."""
    yard.repo.git("pack-refs", "--all", "--prune")
    line = f"{yard.repo.tip()} {'0' * 40} refs/heads/main\n"
    hook = str(yard.folder / "reference-transaction")
    assert run((hook, "prepared"), cwd=yard.worktree, env=yard.environ, stdin=line).ok
    (yard.repo.folder / ".git/packed-refs.lock").touch()
    assert not run((hook, "prepared"), cwd=yard.worktree, env=yard.environ, stdin=line).ok
