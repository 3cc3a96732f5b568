"""Dependencies are kept and given out whole, to nobody's harm: real folders, real copies, real kills."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from batty_tmux.drive.dependencies import Wanted, keep, kept, restore
from batty_tmux.drive.place import Place
from batty_tmux.host.lock import Held, exclusive
from tests.support.repo import Repo
from tests.support.server import eventually


@contextmanager
def locked(it: Wanted) -> Iterator[Held]:
    with exclusive(it.lock) as held:
        yield held


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.make(tmp_path / "shop", {".gitignore": "node_modules/\n.venv/\ntarget/\nlink\n", "uv.lock": "1"})


def wanted(repo: Repo, *folders: str, link: bool = False, limit: int = 10**9, key: str = "k1") -> Wanted:
    place = Place.around(repo.folder)
    return Wanted(place, repo.folder.parent / "shop.batty" / "cache" / "x", key, folders, link, limit)


def worktree(repo: Repo, name: str) -> Path:
    return repo.worktree(f"shop.batty/{name}", "-b", name)


def filled(repo: Repo, name: str, files: dict[str, str]) -> Path:
    """Make a worktree in which a setup was, long ago."""
    tree = worktree(repo, name)
    for path, text in files.items():
        os.utime(repo.write(path, text, into=tree), (1, 1))
    return tree


def texts(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.resolve() == path
    }


MODULES = {"node_modules/a/x.js": "one", "node_modules/a/y.js": "two"}


@pytest.mark.parametrize("link", [False, True])
def test_a_worktree_gets_the_very_files_with_times_modes_and_links(repo: Repo, link: bool) -> None:
    """Build tools go by times; programs must stay executable; links stay links."""
    one = filled(repo, "one", MODULES)
    (one / "node_modules/a/x.js").chmod(0o755)
    (one / "node_modules/b").symlink_to("a")
    for name in ("x.js", "y.js"):
        os.utime(one / "node_modules/a" / name, (1, 1))
    it = wanted(repo, "node_modules", link=link)
    with locked(it) as held:
        assert keep(it, one, held) == ""
        two = worktree(repo, "two")
        assert restore(it, two, held) == ("hardlink" if link else "copy") or not link
    file = two / "node_modules/a/x.js"
    assert (file.read_text(), file.stat().st_mode & 0o777, file.stat().st_mtime) == ("one", 0o755, 1)
    assert (two / "node_modules/b").readlink() == Path("a")
    assert (file.stat().st_nlink > 1) is link


def test_what_is_written_in_place_is_seen_nowhere_else(repo: Repo) -> None:
    """Rule: neither the cache, nor the worktree that filled it, nor one that took from it, shares a byte."""
    one = filled(repo, "one", MODULES)
    it = wanted(repo, "node_modules")
    with locked(it) as held:
        keep(it, one, held)
        two, three = worktree(repo, "two"), worktree(repo, "three")
        restore(it, two, held)
        for tree in (one, two):
            with (tree / "node_modules/a/x.js").open("r+") as file:
                file.write("BAD")
        assert restore(it, three, held)
    assert texts(three / "node_modules") == {"a/x.js": "one", "a/y.js": "two"}


def test_hard_links_that_were_written_in_place_are_given_to_nobody_any_more(repo: Repo) -> None:
    """Rule: with run.links a write in place reaches who shares the file; who comes later never gets it."""
    one = filled(repo, "one", MODULES)
    it = wanted(repo, "node_modules", link=True)
    with locked(it) as held:
        keep(it, one, held)
        two, three = worktree(repo, "two"), worktree(repo, "three")
        restore(it, two, held)
        (two / "node_modules/a/x.js").write_text("BAD")
        assert restore(it, three, held) == ""
        assert not (three / "node_modules").exists()
        assert kept(it.cache) == ()
        # and it is kept anew, from a clean worktree
        assert (one / "node_modules/a/x.js").read_text() == "one"
        assert keep(it, one, held) == ""
        assert restore(it, three, held) == "hardlink"
    assert (three / "node_modules/a/x.js").read_text() == "one"


@pytest.mark.parametrize("link", [False, True])
def test_nothing_that_was_restored_is_newer_than_the_sources(repo: Repo, link: bool) -> None:
    """Rule: a build made elsewhere, after this worktree was checked out, is not taken for one of these sources.

    That is when two phases start at once, from two commits with the same lock files.
    """
    one, two = worktree(repo, "one"), worktree(repo, "two")
    repo.write("target/debug/app", "made from one", into=one)
    source = two / "README"
    later = source.stat().st_mtime_ns + 10**10
    os.utime(one / "target/debug/app", ns=(later, later))
    it = wanted(repo, "target", link=link)
    with locked(it) as held:
        keep(it, one, held)
        assert restore(it, two, held) != "hardlink"
        assert (two / "target/debug/app").stat().st_mtime_ns < source.stat().st_mtime_ns
        # and the kept one is as it was
        assert restore(it, worktree(repo, "three"), held)


def test_a_virtual_environment_works_where_it_is_moved_to(repo: Repo) -> None:
    """Rule: its scripts start its own python, and what was installed to be edited is the new worktree's source."""
    one = filled(repo, "one", {})
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(one / ".venv")], check=True)
    script = f"#!{one}/.venv/bin/python\nimport sys, mine; print(sys.prefix, mine.__file__)\n"
    repo.write(".venv/bin/tool", script, into=one).chmod(0o755)
    library = next((one / ".venv/lib").glob("python*")) / "site-packages"
    (library / "mine.pth").write_text(f"{one}/src\n")
    repo.commit("source", {"src/mine.py": "", "src/other.py": ""}, into=one)
    it = wanted(repo, ".venv")
    with locked(it) as held:
        assert keep(it, one, held) == ""
        two = repo.worktree("shop.batty/two", "-b", "two", "one")
        assert restore(it, two, held)
    said = subprocess.run([str(two / ".venv/bin/tool")], capture_output=True, text=True, check=True).stdout
    assert said == f"{two}/.venv {two}/src/mine.py\n"
    for name, text in texts(two / ".venv/bin").items():
        assert str(one) not in text, name


def test_what_names_its_worktree_and_is_no_text_is_not_kept(repo: Repo) -> None:
    """Rule: refused with the file's name, rather than given out broken; cargo's target is, since cargo checks it."""
    one = filled(repo, "one", {})
    repo.write("node_modules/a/addon.node", f"\0{one}/build\0", into=one)
    repo.write("target/debug/app", f"\0{one}/src\0", into=one)
    repo.write("target/.rustc_info.json", "{}", into=one)
    modules, target = wanted(repo, "node_modules"), wanted(repo, "target", key="k2")
    with locked(modules) as held:
        assert "node_modules/a/addon.node holds the path" in keep(modules, one, held)
        assert kept(modules.cache) == ()
        assert keep(target, one, held) == ""


def test_nothing_is_put_over_anything_or_where_the_tip_does_not_ignore_it(repo: Repo, tmp_path: Path) -> None:
    """Rule: what is there stays; a folder that is not ignored, or behind a link, gets nothing."""
    one = filled(repo, "one", MODULES)
    it = wanted(repo, "node_modules")
    with locked(it) as held:
        keep(it, one, held)
        two = filled(repo, "two", {"node_modules/mine": "mine"})
        assert restore(it, two, held) == ""
        assert texts(two / "node_modules") == {"mine": "mine"}
        three = worktree(repo, "three")
        repo.commit("ignore nothing", {".gitignore": "x\n"}, into=three)
        assert restore(it, three, held) == ""
        assert not (three / "node_modules").exists()
    outside = tmp_path / "outside"
    outside.mkdir()
    repo.commit("all ignored", {".gitignore": "deep\nlink\nnode_modules\n"})
    four = filled(repo, "four", {"deep/node_modules/x": "1"})
    deep = wanted(repo, "deep/node_modules", key="k3")
    with locked(deep) as held:
        assert keep(deep, four, held) == ""
        five = worktree(repo, "five")
        (five / "deep").symlink_to(outside)
        assert restore(deep, five, held) == ""
    assert list(outside.iterdir()) == []


def test_an_entry_that_is_not_whole_is_used_by_nobody(repo: Repo) -> None:
    """Rule: a file cut short, gone or added, or an `about` that cannot be read, makes it be dropped."""
    one = filled(repo, "one", MODULES)
    it = wanted(repo, "node_modules")
    spoilers: tuple[Callable[[Path], object], ...] = (
        lambda entry: (entry / "0/a/x.js").write_text(""),
        lambda entry: (entry / "0/a/x.js").unlink(),
        lambda entry: (entry / "0/a/z.js").write_text("more"),
        lambda entry: (entry / "about").write_text("{"),
        lambda entry: (entry / "0.prints").unlink(),
    )
    two = worktree(repo, "two")
    with locked(it) as held:
        for spoil in spoilers:
            assert keep(it, one, held) == ""
            spoil(it.entry)
            assert restore(it, two, held) == ""
            assert not (two / "node_modules").exists()
            assert kept(it.cache) == ()


def test_the_cache_stays_within_its_quota(repo: Repo) -> None:
    """Rule: the one longest out of use goes; what is larger than all of it is not kept."""
    one = filled(repo, "one", {"node_modules/x": "x" * 50_000})
    for number in range(4):
        it = wanted(repo, "node_modules", limit=150_000, key=f"key{number}")
        with locked(it) as held:
            assert keep(it, one, held) == ""
        os.utime(it.entry / "about", (number, number))
    assert sorted(each.key for each in kept(it.cache)) == ["key2", "key3"]
    small = wanted(repo, "node_modules", limit=10_000, key="small")
    with locked(small) as held:
        assert "larger than run.quota" in keep(small, one, held)
    assert not small.entry.exists()


CHILD = """
import sys
from pathlib import Path
from batty_tmux.drive.dependencies import Wanted, keep, restore
from batty_tmux.drive.place import Place
from batty_tmux.host.lock import exclusive
verb, repo, cache, tree = sys.argv[1:]
it = Wanted(Place.around(Path(repo)), Path(cache), "k1", ("node_modules",), False, 10**10)
with exclusive(it.lock) as held:
    {"keep": keep, "restore": restore}[verb](it, Path(tree), held)
"""


@pytest.mark.parametrize("verb", ["keep", "restore"])
def test_whoever_is_killed_in_the_middle_leaves_nothing_half(repo: Repo, verb: str) -> None:
    """Rule: killed at the first byte, the entry is not there or whole, the worktree has all of it or nothing."""
    many = {f"node_modules/{number % 40}/{number}.js": f"file {number}" for number in range(4000)}
    one, two = filled(repo, "one", many), worktree(repo, "two")
    it = wanted(repo, "node_modules", limit=10**10)
    if verb == "restore":
        with locked(it) as held:
            assert keep(it, one, held) == ""
    tree = one if verb == "keep" else two
    growing = it.cache / (".in-k1" if verb == "keep" else ".out-k1")
    words = [sys.executable, "-c", CHILD, verb, str(repo.folder), str(it.cache), str(tree)]
    child = subprocess.Popen(words)
    eventually(lambda: growing.exists() or child.poll() is not None, "its beginning")
    child.send_signal(signal.SIGKILL)
    child.wait()
    # a cp that goes on keeps the lock: this waits for its end
    with locked(it) as held:
        assert (two / "node_modules").exists() is False or texts(two / "node_modules").keys() == {
            path.removeprefix("node_modules/") for path in many
        }
        assert keep(it, one, held) == ""
        if not (two / "node_modules").exists():
            assert restore(it, two, held)
    assert {f"node_modules/{path}": text for path, text in texts(two / "node_modules").items()} == many
    assert not list(it.cache.glob(".*"))
