"""Files: folders are read within bounds, and a file is replaced whole or not at all."""

import os
from pathlib import Path

import pytest

from batty_tmux.host.files import (
    MAX_BYTES,
    MAX_DEPTH,
    append_line,
    is_open_anywhere,
    read_text,
    read_tree,
    share,
    write_atomically,
)


class TestReadTree:
    def test_paths_and_bytes(self, tmp_path: Path) -> None:
        """Line ends, byte order marks and bytes that are not UTF-8 come back as they were written."""
        data = b"\xef\xbb\xbfa\r\n\xff\xfe\n"
        (tmp_path / "a" / "b").mkdir(parents=True)
        (tmp_path / "a" / "b" / "c.md").write_bytes(data)
        (tmp_path / ".hidden").write_text("x")
        found = read_tree(tmp_path)
        assert list(found) == ["a/b/c.md"]
        write_atomically(tmp_path / "copy", found["a/b/c.md"])
        assert (tmp_path / "copy").read_bytes() == data

    def test_links_that_lead_out_are_left_out(self, tmp_path: Path) -> None:
        """A link to a file inside is read; links out, to folders, to nothing and to themselves are not."""
        inside = tmp_path / "inside"
        inside.mkdir()
        (tmp_path / "secret").write_text("secret")
        (inside / "real").write_text("real")
        for name, target in (("in", "real"), ("out", "../secret"), ("gone", "nothing"), ("self", "self"), ("up", "..")):
            (inside / name).symlink_to(target)
        assert read_tree(inside) == {"real": "real", "in": "real"}

    def test_what_is_too_large_or_closed_is_named(self, tmp_path: Path) -> None:
        """A file over the limit is there, empty, so that its reader can say so; one at the limit is whole."""
        (tmp_path / "large").write_bytes(b"x" * (MAX_BYTES + 1))
        (tmp_path / "full").write_bytes(b"x" * MAX_BYTES)
        found = read_tree(tmp_path)
        assert (found["large"], len(found["full"])) == ("", MAX_BYTES)

    def test_pipes_and_depth(self, tmp_path: Path) -> None:
        """A pipe does not block the reader; folders below the limit are not entered."""
        os.mkfifo(tmp_path / "pipe")
        assert read_text(tmp_path / "pipe") is None
        deep = tmp_path.joinpath(*["d"] * (MAX_DEPTH + 1))
        deep.mkdir(parents=True)
        (deep / "f").write_text("x")
        (deep.parent / "g").write_text("x")
        assert list(read_tree(tmp_path)) == ["/".join(["d"] * MAX_DEPTH) + "/g"]

    def test_no_folder_has_no_files(self, tmp_path: Path) -> None:
        assert read_tree(tmp_path / "none") == {}
        assert read_text(tmp_path / "none" / "x") is None


class TestWrite:
    @pytest.mark.parametrize("mode", [0o444, 0o600, 0o755])
    def test_the_mode_stays(self, tmp_path: Path, mode: int) -> None:
        """Also a read-only file is replaced, and stays read-only; nothing else is left in the folder."""
        file = tmp_path / "f"
        file.write_text("old")
        file.chmod(mode)
        write_atomically(file, "new")
        assert (file.read_text(), file.stat().st_mode & 0o777) == ("new", mode)
        assert list(tmp_path.iterdir()) == [file]

    def test_a_link_is_replaced_not_followed(self, tmp_path: Path) -> None:
        """Whoever puts a link in a board's place cannot have another file written."""
        (tmp_path / "target").write_text("untouched")
        (tmp_path / "link").symlink_to("target")
        write_atomically(tmp_path / "link", "new")
        assert (tmp_path / "target").read_text() == "untouched"
        assert not (tmp_path / "link").is_symlink()
        (tmp_path / "log").symlink_to("target")
        with pytest.raises(OSError, match="log"):
            append_line(tmp_path / "log", "x")

    def test_a_failure_leaves_the_old_file(self, tmp_path: Path) -> None:
        """Text that cannot be written changes nothing, and no temporary file stays."""
        file = tmp_path / "f"
        file.write_text("old")
        with pytest.raises(UnicodeEncodeError):
            write_atomically(file, "\ud800")
        assert (file.read_text(), list(tmp_path.iterdir())) == ("old", [file])
        with pytest.raises(FileNotFoundError):
            write_atomically(tmp_path / "none" / "f", "x")

    def test_lines_are_added(self, tmp_path: Path) -> None:
        append_line(tmp_path / "log", "one")
        append_line(tmp_path / "log", "two")
        assert (tmp_path / "log").read_text() == "one\ntwo\n"


def test_a_file_that_somebody_has_open_is_found(tmp_path: Path) -> None:
    """A lock of git's that nobody has open was left behind; where there is no /proc, nobody can say."""
    path = (tmp_path / "file").resolve()
    with path.open("w"):
        assert is_open_anywhere(path) is Path("/proc/self/fd").is_dir()
    assert not is_open_anywhere(path)


def test_share_holds_layouts_and_scripts() -> None:
    """Installed or not, the folder that share names holds both."""
    assert (share() / "layouts").is_dir()
    assert (share() / "tmux").is_dir()
