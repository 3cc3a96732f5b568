"""What worktrees that run at once are given: ports, room, files, dependencies. Only decisions."""

from collections.abc import Sequence

import pytest

from batty_tmux.core import dependencies, ports, space
from batty_tmux.core.dependencies import Kept, evicted, lock_files, moved, moving, names_its_worktree, paths_of
from batty_tmux.core.provided import MOST_BYTES, MOST_FILES, Found, choose, kinds
from batty_tmux.core.space import Need, Room, judge


class TestPorts:
    def test_a_phase_gets_the_same_block_at_any_time(self) -> None:
        """What it is told stays true after a restart; constants, so that another version gives the same."""
        assert [ports.choose(owner, (), ()) for owner in ("/a\0phase-1", "/b\0phase-1")] == [
            ports.wish("/a\0phase-1"),
            ports.wish("/b\0phase-1"),
        ]
        assert ports.base_of(ports.wish("/a\0phase-1")) == 23360

    def test_no_two_owners_share_a_block_while_there_are_free_ones(self) -> None:
        """Also where all wish for the same one."""
        taken: set[int] = set()
        for number in range(ports.BLOCKS):
            block = ports.choose(f"owner {number}", taken, ())
            assert block not in taken
            taken.add(block)
        assert ports.choose("one more", taken, ()) in taken

    def test_what_listens_is_avoided_before_it_is_shared(self) -> None:
        """Down to the last port of a block; where everything is busy, an unclaimed block is taken all the same."""
        first = ports.wish("me")
        heard = [ports.base_of(first) + ports.PORTS - 1]
        assert ports.choose("me", (), heard) == (first + 1) % ports.BLOCKS
        everywhere = [ports.base_of(block) for block in range(ports.BLOCKS)]
        assert ports.choose("me", {first}, everywhere) == (first + 1) % ports.BLOCKS

    def test_all_blocks_are_below_what_systems_give_out(self) -> None:
        """From 32768 on Linux takes ports for outgoing connections."""
        assert (ports.base_of(0), ports.of(ports.base_of(ports.BLOCKS - 1))[-1]) == (21000, 30999)


class TestSpace:
    @pytest.mark.parametrize(
        ("need", "room", "verdict"),
        [
            (Need(0, 10**12, 1), Room(0), "enough"),
            (Need(2, 10**9, 10), Room(4 * 10**9), "enough"),
            (Need(2, 10**9, 10), Room(2 * 10**9 + space.COMFORT - 1), "tight"),
            (Need(2, 10**9, 10), Room(2 * 10**9 + space.RESERVE - 1), "too-little"),
            (Need(1, 0, 10, dependencies=10**9), Room(10**9), "too-little"),
            (Need(1, 0, 10, dependencies=10**9, shared=True), Room(10**9), "enough"),
            (Need(2, 10, 600), Room(10**12, inodes=1000), "too-little"),
            (Need(1, 10, 600), Room(10**12, inodes=1000), "enough"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, need: Need, room: Room, verdict: str) -> None:
        """Bytes and files, with a reserve; copies by reflink take no room."""
        assert judge(need, room).verdict == verdict

    def test_the_estimate_is_told_with_units(self) -> None:
        """A person decides by it."""
        told = judge(Need(3, 12_000_000, 10, dependencies=300_000_000), Room(60 * 10**9)).says
        assert told == "3 worktrees of 12 MB, with 300 MB of dependencies each, copied: 936 MB; 60 GB free"

    def test_small_files_take_whole_blocks(self) -> None:
        """20,000 files of a byte are 80 MB."""
        assert space.taken([0, 1, 4096, 4097]) == 4 * 4096


class TestProvided:
    def test_one_large_folder_does_not_keep_a_small_file_out(self) -> None:
        """It is left out whole, and named with its size."""
        large = [Found(f".big/{number}", 10) for number in range(MOST_FILES + 1)]
        chosen = choose([*large, Found(".env", 10), Found("z/a", MOST_BYTES + 1)])
        assert chosen.paths == (".env",)
        assert [line.split(" is left")[0] for line in chosen.left_out] == [
            ".worktreeinclude names too much: z/",
            ".worktreeinclude names too much: .big/",
        ]

    @pytest.mark.parametrize(
        ("path", "text", "found"),
        [
            (".env", "DB_PASSWORD=hunter2-and-more\n", True),
            ("a/.env", "TOKEN=ghp_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5\n", True),
            ("certs/server.pem", "", True),
            (".netrc", "", True),
            (".env", "PORT=3000\nDEBUG=1\n", False),
            ("notes.txt", "the [redacted:token] of before\n", False),
        ],
    )
    def test_a_file_with_a_secret_is_known_by_text_or_name(self, path: str, text: str, found: bool) -> None:
        """The kinds tell of it, and nothing of its value is in them."""
        told = kinds(path, text)
        assert bool(told) is found
        assert not any(word in " ".join(told) for word in ("hunter2", "ghp_"))


class TestDependencies:
    def key(self, **other: object) -> str:
        given: dict[str, object] = {
            "locks": {"uv.lock": "a", "web/yarn.lock": "b"},
            "folders": (".venv",),
            "setup": "uv sync",
            "machine": ("linux",),
            "owner": "/repo",
        }
        return dependencies.key(**{**given, **other})  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "other",
        [
            {"locks": {"uv.lock": "a", "web/yarn.lock": "c"}},
            {"locks": {"uv.lock": "b", "web/yarn.lock": "a"}},
            {"locks": {"uv.lock": "a"}},
            {"folders": (".venv", "node_modules")},
            {"setup": "uv sync --all-extras"},
            {"machine": ("darwin",)},
            {"owner": "/other"},
        ],
    )
    def test_whatever_may_make_them_others_makes_another_key(self, other: dict[str, object]) -> None:
        """The same content under another name too."""
        assert self.key() == self.key()
        assert self.key(**other) != self.key()

    def test_lock_files_are_known_wherever_they_are(self) -> None:
        """A version of a runtime alone says nothing of dependencies."""
        paths = ("web/package-lock.json", "requirements-dev.txt", "src/requirements.py", ".nvmrc", "go.sum", "README")
        assert lock_files(paths) == (".nvmrc", "go.sum", "requirements-dev.txt", "web/package-lock.json")
        assert lock_files((".nvmrc", ".python-version", "README")) == ()

    def test_those_longest_out_of_use_go_first_and_the_new_one_never(self) -> None:
        """As many as it takes."""
        there = [Kept("old", 4, 1.0), Kept("mid", 4, 2.0), Kept("new", 9, 0.0)]
        assert evicted(there, 13, new="new") == ("old",)
        assert evicted(there, 17, new="new") == ()
        assert evicted(there, 1, new="new") == ("old", "mid")

    def test_a_path_is_that_of_its_worktree_only_where_the_name_ends(self) -> None:
        """phase-1-run-001 begins phase-1-run-0010 and stands in nobody else's path."""
        paths = paths_of(("/w/p-run-001",))
        assert names_its_worktree(b"#!/w/p-run-001/.venv/bin/python", paths)
        assert not names_its_worktree(b"/w/p-run-0010/x /w/p-run-001-b", paths)

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (b"#!/w/a b/bin/python\n", b"#!/v/c d/bin/python\n"),
            (b"file:///w/a%20b/src", b"file:///v/c%20d/src"),
            (b"/real/w/a b:/w/a b", b"/real/v/c d:/v/c d"),
            (b"/w/a bc", b"/w/a bc"),
            (b"\xff/w/a b\xfe", b"\xff/v/c d\xfe"),
        ],
    )
    def test_a_text_names_the_worktree_it_is_moved_to(self, before: bytes, after: bytes) -> None:
        """In each form in which a path is written; bytes that are no text of ours stay."""
        assert moved(before, ("/w/a b", "/real/w/a b"), ("/v/c d", "/real/v/c d")) == after

    @pytest.mark.parametrize(
        ("path", "content", "checks", "rewrite", "problem"),
        [
            ("bin/pip", b"#!/w", False, True, False),
            ("x/y.pyc", b"\0/w", False, False, False),
            ("lib/x.so", b"\0/w", False, False, True),
            ("debug/app", b"\0/w", True, False, False),
        ],
    )
    def test_what_is_no_text_is_not_moved(
        self, path: str, content: bytes, checks: bool, rewrite: bool, problem: bool
    ) -> None:
        """Unless a program that checks it by itself reads it, or puts the path right."""
        found = moving(path, content, checks_itself=checks)
        assert (found.rewrite, bool(found.problem)) == (rewrite, problem)


def test_words_that_look_alike_are_no_reason_to_join_parts() -> None:
    """A key is of its parts, not of their text put together."""

    def key(setup: str, folders: Sequence[str]) -> str:
        return dependencies.key({}, folders=folders, setup=setup, machine=(), owner="")

    assert key("a", ("b",)) != key("ab", ())
    assert key("a", ("b", "c")) != key("a", ("bc",))
