"""The radar on real repositories: what it says is what git says to whoever merges by hand."""

import random
from itertools import combinations
from pathlib import Path

import pytest

from batty_tmux.core import radar
from batty_tmux.core.events import Collided, Collision, Enqueued, ExecutorStarted, Landed, Launching, Skipped
from batty_tmux.drive.project import Project
from batty_tmux.drive.radar import Known, look, probe
from batty_tmux.host.agents import claude
from batty_tmux.names import Branch, PhaseId, RunId, Sha
from tests.support.repo import Files, Repo

RUN = RunId("001")
ONE, ALIEN = PhaseId("one"), PhaseId("alien")
TEXT = "".join(f"line {n}\n" for n in range(20))


def changed(line: int, to: str) -> str:
    return TEXT.replace(f"line {line}\n", f"{to}\n")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.make(tmp_path / "shop", {"a.txt": TEXT, "b.txt": TEXT, "d/c.txt": TEXT})


def tips(repo: Repo, *names: str) -> dict[PhaseId, Sha]:
    return {PhaseId(name): repo.tip(f"batty/{name}-run-001") for name in names}


def state_of(repo: Repo) -> set[str]:
    """Everything under .git but what reading may touch."""
    return {str(path) for path in (repo.folder / ".git").rglob("*") if path.is_file()}


def grown(repo: Repo, name: str, *steps: Files) -> None:
    branch = repo.branch(f"batty/{name}-run-001")
    for step in steps:
        repo.grow(branch, "step", step)


# -- probe


def test_all_pairs_are_probed(repo: Repo) -> None:
    """Each phase learns of the base and of every other; both sides of a pair learn the same."""
    grown(repo, "one", {"a.txt": changed(3, "one")})
    grown(repo, "two", {"a.txt": changed(3, "two"), "b.txt": changed(1, "two")})
    grown(repo, "three", {"a.txt": changed(15, "three"), "b.txt": changed(1, "three")})
    base = repo.commit("base", {"b.txt": changed(1, "base")})
    found = probe(repo.plumbing, base, tips(repo, "one", "two", "three"))
    assert found == {
        "one": (Collision("two", ("a.txt",)),),
        "two": (Collision("", ("b.txt",)), Collision("one", ("a.txt",)), Collision("three", ("b.txt",))),
        "three": (Collision("", ("b.txt",)), Collision("two", ("b.txt",))),
    }


def test_one_phase_is_probed_alone(repo: Repo) -> None:
    """With `only`, the pairs that it has no part in are not looked at."""
    for name in ("one", "two", "three"):
        grown(repo, name, {"a.txt": changed(3, name)})
    known: Known = {}
    found = probe(repo.plumbing, repo.tip(), tips(repo, "one", "two", "three"), only=ONE, known=known)
    assert found == {
        "one": (Collision("three", ("a.txt",)), Collision("two", ("a.txt",))),
        "two": (Collision("one", ("a.txt",)),),
        "three": (Collision("one", ("a.txt",)),),
    }
    assert len(known) == 3


def test_what_is_known_is_not_probed_again(repo: Repo) -> None:
    """What two commits say never changes: a false memory stays, until one of the two is another commit."""
    grown(repo, "one", {"a.txt": changed(3, "one")})
    grown(repo, "two", {"a.txt": changed(3, "two")})
    known: Known = {}
    heads = tips(repo, "one", "two")
    probe(repo.plumbing, repo.tip(), heads, known=known)
    for pair in known:
        known[pair] = ("remembered",)
    assert probe(repo.plumbing, repo.tip(), heads, known=known)[ONE][0].paths == ("remembered",)
    repo.grow("batty/two-run-001", "more", {"x": "x"})
    found = probe(repo.plumbing, repo.tip(), tips(repo, "one", "two"), known=known)
    assert found[ONE] == (Collision("", ("remembered",)), Collision("two", ("a.txt",)))
    assert len(known) == 3


def test_who_holds_the_other_does_not_collide(repo: Repo) -> None:
    """One that was begun on another's branch, that has merged the base, or that is at the same commit."""
    grown(repo, "one", {"a.txt": changed(3, "one")})
    repo.phase("same", {}, start="batty/one-run-001")
    repo.git("update-ref", "refs/heads/batty/same-run-001", "batty/one-run-001")
    repo.phase("above", {"a.txt": changed(3, "above")}, start="batty/one-run-001")
    found = probe(repo.plumbing, repo.tip(), tips(repo, "one", "same", "above"))
    assert found == {"one": (), "same": (), "above": ()}


def test_histories_with_nothing_in_common_collide_in_no_path(repo: Repo) -> None:
    """Git refuses to merge them, and the pairs after them are probed all the same."""
    grown(repo, "one", {"a.txt": changed(3, "one")})
    grown(repo, "two", {"a.txt": changed(3, "two")})
    alien = Sha(repo.git("commit-tree", repo.tree(), "-m", "another beginning"))
    found = probe(repo.plumbing, repo.tip(), {ALIEN: alien, **tips(repo, "one", "two")})
    assert found[ALIEN] == tuple(Collision(name, ()) for name in ("", "one", "two"))
    assert Collision("two", ("a.txt",)) in found[ONE]


def test_a_file_in_a_folders_place_has_one_name(repo: Repo) -> None:
    """Git names such a file after a commit; a new commit must not make the same collision news."""
    grown(repo, "one", {"new": "a file\n"})
    grown(repo, "two", {"new/file": "below a folder\n"})
    for _ in range(2):
        found = probe(repo.plumbing, repo.tip(), tips(repo, "one", "two"))
        assert found[ONE] == (Collision("two", ("new",)),)
        repo.grow("batty/one-run-001", "more", {"x": "x"})


def test_odd_names_are_told_as_they_are(repo: Repo) -> None:
    """No name of a file is split, quoted or lost."""
    odd = ("with space", "new\nline", "tab\t", 'quote"', "\N{PILE OF POO}", "1", "0", "a~b")
    for name in ("one", "two"):
        grown(repo, name, dict.fromkeys(odd, f"{name}\n"))
    found = probe(repo.plumbing, repo.tip(), tips(repo, "one", "two"))
    assert found[ONE] == (Collision("two", tuple(sorted(odd))),)


def test_a_probe_leaves_nothing_behind(repo: Repo) -> None:
    """No object, ref, index or file of the repository comes into being, however many merges were tried."""
    for name in ("one", "two", "three"):
        grown(repo, name, {"a.txt": changed(3, name), "b.txt": changed(len(name), name)})
    before = state_of(repo), repo.snapshot_files(), repo.git("for-each-ref")
    probe(repo.plumbing, repo.tip(), tips(repo, "one", "two", "three"))
    assert (state_of(repo), repo.snapshot_files(), repo.git("for-each-ref")) == before


def merged_by_hand(repo: Repo, one: str, other: str) -> set[str] | None:
    """Merge in a worktree, as a person would; return the unmerged paths, None where it is clean."""
    there = repo.folder.parent / "by-hand"
    if not there.is_dir():
        repo.worktree("by-hand", "--detach", one)
    repo.git("reset", "--quiet", "--hard", cwd=there)
    repo.git("clean", "-ffdxq", cwd=there)
    repo.git("checkout", "--quiet", "--detach", one, cwd=there)
    words = ("-c", "merge.directoryRenames=conflict", "merge", "--quiet", "--no-commit", "--no-ff", other)
    done = repo.try_git(*words, cwd=there)
    paths = set(repo.git("diff", "--name-only", "-z", "--diff-filter=U", cwd=there).split("\0")) - {""}
    repo.try_git("merge", "--abort", cwd=there)
    return None if done.ok else paths


def random_steps(chance: random.Random, name: str) -> list[Files]:
    """Edits, additions, removals, renames with and without edits, folders moved, a file in a folder's place."""

    def edit() -> Files:
        return {chance.choice(["a.txt", "b.txt", "d/c.txt"]): changed(chance.randrange(20), name)}

    def rename() -> Files:
        old = chance.choice(["a.txt", "b.txt"])
        return {old: None, f"d/{chance.choice(['x', 'y'])}.txt": changed(chance.randrange(20), name)}

    def move_folder() -> Files:
        return {"d/c.txt": None, "e/c.txt": TEXT}

    def add() -> Files:
        return {chance.choice(["d/new.txt", "new", "new/deep.txt", "e/c.txt"]): f"{name}\n"}

    def remove() -> Files:
        return {chance.choice(["a.txt", "d/c.txt"]): None}

    return [chance.choice([edit, edit, rename, move_folder, add, remove])() for _ in range(chance.choice([1, 1, 2]))]


@pytest.mark.parametrize("seed", range(6))
def test_the_radar_says_what_a_merge_by_hand_says(seed: int, repo: Repo) -> None:
    """For random branches: the same pairs conflict, in paths of which none is missed."""
    chance = random.Random(seed)
    names = ("one", "two", "three", "four")
    for name in names:
        branch = repo.branch(f"batty/{name}-run-001")
        for step in random_steps(chance, name):
            there = repo.files(branch)
            clash = {p for p in step if any(q.startswith(f"{p}/") or p.startswith(f"{q}/") for q in there)}
            kept = {p: t for p, t in step.items() if p not in clash and (t is not None or p in there)}
            repo.grow(branch, "step", kept)
    base = repo.commit("base", {chance.choice(["a.txt", "b.txt"]): changed(chance.randrange(20), "base")})
    heads = tips(repo, *names)
    found = probe(repo.plumbing, base, heads)
    sides = {PhaseId(""): base, **heads}
    for one, other in combinations(sides, 2):
        told = {c.phase: set(c.paths) for c in found[other]}.get(one)
        by_hand = merged_by_hand(repo, sides[one], sides[other])
        assert (told is None) == (by_hand is None), (one, other, told, by_hand)
        if by_hand is not None and told is not None:
            plain = {path.partition("~")[0] for path in by_hand}
            assert plain <= told, (one, other)


# -- look


def launch(repo: Repo, name: str, files: Files | None, *, agent: str = "") -> None:
    """Have a phase at work: its branch, and what the journal has of its launch."""
    branch = repo.phase(name, files) if files is not None else Branch(f"batty/{name}-run-001")
    records = Project.around(repo.folder).place.records
    phase = PhaseId(name)
    records.append(Launching(run=RUN, phase=phase, branch=branch, worktree="/none", start=repo.tip()))
    if agent:
        records.append(ExecutorStarted(run=RUN, phase=phase, attempt=1, pid=1, agent=agent))


def write(repo: Repo, *events: Enqueued | Landed | Skipped) -> None:
    Project.around(repo.folder).place.records.append(*events)


def looked(repo: Repo, only: str | None = None) -> dict[str, str]:
    news = look(Project.around(repo.folder), PhaseId(only) if only else None)
    return {event.phase: radar.words(event.collisions, "main") for event in news}


@pytest.fixture
def shop(repo: Repo) -> Repo:
    repo.gate("true")
    return repo


def test_news_are_journaled_once(shop: Repo) -> None:
    """Both phases are told; nobody is told the same again, by whoever looks; what has gone is told too."""
    launch(shop, "one", {"a.txt": changed(3, "one")})
    assert looked(shop) == {}
    launch(shop, "two", {"a.txt": changed(3, "two")})
    expected = {"one": "would conflict with two in a.txt", "two": "would conflict with one in a.txt"}
    assert looked(shop, "two") == expected
    assert (looked(shop, "one"), looked(shop, "two"), looked(shop)) == ({}, {}, {})
    shop.grow("batty/two-run-001", "more of the same", {"x": "x"})
    assert looked(shop, "two") == {}
    shop.grow("batty/two-run-001", "leave it alone", {"a.txt": TEXT})
    assert looked(shop, "two") == dict.fromkeys(("one", "two"), "would no longer conflict with anything")
    events = Project.around(shop.folder).place.records.events
    assert len([e for e in events if isinstance(e, Collided)]) == 4


def test_looking_at_one_phase_forgets_nothing_of_the_others(shop: Repo) -> None:
    """What they were told of a third phase or of the base stands, whoever looked."""
    for name in ("one", "two"):
        launch(shop, name, {"a.txt": changed(3, name)})
    looked(shop)
    launch(shop, "three", {"a.txt": changed(3, "three")})
    assert looked(shop, "three") == {
        "one": "would conflict with three in a.txt; with two in a.txt",
        "two": "would conflict with one in a.txt; with three in a.txt",
        "three": "would conflict with one in a.txt; with two in a.txt",
    }


def test_a_landing_is_told_to_who_is_still_at_work(shop: Repo) -> None:
    """What was a collision with the phase that landed is one with the base, in the same paths."""
    launch(shop, "one", {"a.txt": changed(3, "one")})
    launch(shop, "two", {"a.txt": changed(3, "two")})
    looked(shop)
    shop.git("merge", "--quiet", "--ff-only", "batty/one-run-001")
    tip = shop.tip()
    write(shop, Landed(run=RUN, phase=ONE, head=tip, base=tip, candidate=tip, tree=shop.tree()))
    assert looked(shop) == {"two": "would conflict with main in a.txt"}


def test_what_waits_counts_by_its_claim_and_what_is_over_does_not(shop: Repo) -> None:
    """A commit on top of a claim does not land with it; a skipped phase lands not at all; a lost branch is no error."""
    launch(shop, "one", {"x": "x\n"})
    write(shop, Enqueued(run=RUN, phase=ONE, head=shop.tip("batty/one-run-001"), claim="refs/batty/claim"))
    shop.grow("batty/one-run-001", "later", {"a.txt": changed(3, "one")})
    launch(shop, "two", {"a.txt": changed(3, "two")})
    launch(shop, "gone", None)
    assert looked(shop) == {}
    launch(shop, "three", {"a.txt": changed(3, "three")})
    assert set(looked(shop)) == {"two", "three"}
    write(shop, Skipped(run=RUN, phase=PhaseId("three")))
    assert looked(shop) == {"two": "would no longer conflict with anything"}


def test_claude_code_finds_the_words_and_others_find_nothing(shop: Repo) -> None:
    """A whole file or none; taken away once nothing collides, unless the agent has read it and must hear that too."""
    launch(shop, "one", {"a.txt": changed(3, "one")}, agent="claude")
    launch(shop, "two", {"a.txt": changed(3, "two")}, agent="codex")
    looked(shop)
    folder = Project.around(shop.folder).place.run_folder(RUN)
    notice = folder / "one" / "radar.json"
    told = radar.advice([Collision("two", ("a.txt",))], "main")
    assert notice.read_text() == claude.notice(told)
    assert not (folder / "two" / "radar.json").exists()
    shop.grow("batty/two-run-001", "leave it alone", {"a.txt": TEXT})
    looked(shop)
    assert not notice.exists()
    shop.grow("batty/two-run-001", "once more", {"a.txt": changed(3, "two")})
    looked(shop)
    notice.rename(notice.with_suffix(".told"))
    shop.grow("batty/two-run-001", "leave it alone", {"a.txt": TEXT})
    looked(shop)
    assert "no longer" in notice.read_text()
