"""What a shell line would run: its simple commands, their words, files and folders, and what is not certain."""

from itertools import product

import pytest
from hypothesis import given, settings, strategies

from batty_tmux.core.shell import MAX_LENGTH, parse
from batty_tmux.core.shell_words import shown


def seen(line: str) -> list[str]:
    return [shown(simple.words) for simple in parse(line).commands]


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("ls -la", ["ls -la"]),
        ("a && b || c; d & e | f", ["a", "b", "c", "d", "e", "f"]),
        ("! a", ["a"]),
        ("(a; b)", ["a", "b"]),
        ("{ a; b; }", ["a", "b"]),
        ("a $(b) `c` <(d)", ["b", "c", "d", "a $(b) `c` <(d)"]),
        ("x=$(a)", ["a"]),
        ('echo "a $(b) c"', ["b", "echo a $(b) c"]),
        ("bash -c 'a; b'", ["a", "b"]),
        ("bash -lc 'a'", ["a"]),
        ("bash -o pipefail -c a", ["a"]),
        ("bash script.sh", ["bash script.sh"]),
        ("eval a b", ["a b"]),
        ("env -- A=1 B=2 a b", ["a b"]),
        ("timeout -k 5 10s a", ["a"]),
        ("nice -n 5 a; nice -5 b; nice c", ["a", "b", "c"]),
        ("time -p a; command a; builtin a; exec a; nohup a", ["a"] * 5),
        ("command -v a", ["command -v a"]),
        ("a | xargs -n 1 -P2 b c", ["a", "b c"]),
        ("find x y -exec a {} \\;", ["find x y -exec a '{}' ';'", "a 'x/{}'", "a 'y/{}'"]),
        ("uv run --with x a", ["a"]),
        ("sudo -u x a", ["sudo -u x a", "a"]),
        ("if a; then b; elif c; then d; else e; fi", ["a", "b", "c", "d", "e"]),
        ("for x in $(a); do b; done; while c; do d; done", ["a", "b", "c", "d"]),
        ("case $(a) in b) c;; *) d;; esac", ["a", "c", "d"]),
        ("a <<X\n$(b)\nX\nc", ["a", "b", "c"]),
        ("a <<'X'\n$(b)\nX\nc", ["a", "c"]),
        ("a <<X && b\nx\nX", ["a", "b"]),
        ("a > x b", ["a b"]),
        ("a && b > x c", ["a", "b c"]),
        ("! a >&2 b", ["a b"]),
        ("a && # c\nb", ["a", "b"]),
        ("a <<< $(b)", ["b", "a"]),
        ("# nothing", []),
        ("", []),
    ],
)
def test_what_would_run(line: str, commands: list[str]) -> None:
    """Through operators, substitutions, here-documents and commands that run others."""
    assert seen(line) == commands


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("x a\\ b", "a b"),
        ("x 'a b'", "a b"),
        ('x "a b"', "a b"),
        ("x a'b'\"c\"d", "abcd"),
        ('x "a\\"b\\$c\\d"', 'a"b$c\\d'),
        ("x $'a\\tb\\x41\\u00e9\\'\\101\\e'", "a\tbA\u00e9'A\x1b"),
        ("x ''", ""),
        ('x "a\nb"', "a\nb"),
        ("x a=b", "a=b"),
        ("x {}", "{}"),
        ("x HEAD@{1}", "HEAD@{1}"),
        ("x a#b", "a#b"),
    ],
)
def test_words_are_unquoted_as_a_shell_does(line: str, word: str) -> None:
    """And then nothing about them is uncertain."""
    found = parse(line).commands[0].words[1]
    assert (found.text, found.certain, found.pattern) == (word, True, False)


@pytest.mark.parametrize(
    "word", ["$x", "${x}", '"$x"', "a$x", "$(a)", "`a`", "$((1+1))", "{a,b}", "a{1..3}", "<(a)", "=a"]
)
def test_what_is_known_only_later_is_not_certain(word: str) -> None:
    """Variables, substitutions and braces; a pattern is one that may become several words."""
    assert not parse(f"x {word}").commands[-1].words[1].certain
    assert parse("x *.py a?b [ab]").commands[0].words[1].pattern


@pytest.mark.parametrize(
    ("line", "folders"),
    [
        ("cd a && x", {"./a"}),
        ("cd a; x", {".", "./a"}),
        ("cd a || x", {"."}),
        ("(cd a && b); x", {"."}),
        ("cd a | x", {"."}),
        ("cd a && cd b && x", {"./a/b"}),
        ("cd /a && x", {"/a"}),
        ("cd && x", {"~"}),
        ("cd $a && x", {None}),
        ("cd - && x", {None}),
        ("pushd a && x", {"./a"}),
        ("if a; then cd b; fi; x", {".", "./b"}),
        ("command cd a && x", {".", "./a"}),
        ("make -C a x", {"./a"}),
        ("bash -c 'cd a && x'", {"./a"}),
        ("bash -c 'cd a'; x", {"."}),
    ],
)
def test_the_folder_that_a_command_runs_in(line: str, folders: set[str | None]) -> None:
    """As far as cd tells it; where it may have failed, both."""
    assert set(parse(line).commands[-1].folders) == folders
    assert parse(line).doubts == ()


def test_files_of_redirections() -> None:
    """What is written, what is read, and numbers that are neither."""
    simple = parse("a > b 2>> c < d 2>&1 >&- &> e").commands[0]
    assert [word.text for word in simple.writes] == ["b", "c", "e"]
    assert [word.text for word in simple.reads] == ["d"]
    assert [w.text for w in parse("{ a; } > b").commands[0].writes] == ["b"]
    assert [w.text for w in parse("> b").commands[0].writes] == ["b"]
    assert [w.text for w in parse("bash -c a > b").commands[-1].writes] == ["b"]


def test_what_a_command_reads_from_a_pipe() -> None:
    """The names of all that is before it, also where a script stands in between."""
    assert [simple.after for simple in parse("a | b | c").commands] == [(), ("a",), ("a", "b")]
    assert parse("a | bash -c 'b'").commands[-1].after == ("a",)


@pytest.mark.parametrize(
    "line",
    [
        "a (",
        "a '",
        'a "',
        "a `b",
        "a $(b",
        "if a",
        "$a b",
        "*",
        "a=b; $a",
        "alias a=b",
        "f() { a; }",
        "PATH=x a",
        "export PATH=x",
        "bash -c $x",
        "eval $x",
        "a | bash",
        "a\u00a0b",
        "a\rb",
        "a \u202e b",
        "\u0430 b",
        "! { a; }",
        "((a))",
        "cat <<A\nx",
        "cat <<A\nx\n A",
        "a # b \\\nc",
        "for x in a; do cd b; done",
        "a" * (MAX_LENGTH + 1),
        "env -i a",
        'bash -c "bash -c \\"bash -c \'bash -c a\'\\""',
        "exec 3<>a",
        "a\n\\b",
        "a `b` `c`",
        "{ a; } > b c",
        "a &>b c",
        "&>b c",
        "a +(b)",
    ],
)
def test_what_is_not_certain_is_said(line: str) -> None:
    """Syntax that is not understood, programs that are not fixed, characters that are not what they look like."""
    assert parse(line).doubts


HOSTILE = (
    "(",
    "$(",
    '"$(`',
    "<<A ",
    "a ",
    "{",
    "if ",
    "case ",
    "'\"`$(",
    "a;",
    "a|",
    "a && ",
    "\\\n",
    "`",
    "${",
    "<(",
    "\x00",
    "\udc80",
)


@pytest.mark.parametrize("part", HOSTILE)
@pytest.mark.timeout(20)
def test_hostile_lines_take_bounded_time(part: str) -> None:
    """The longest line that is parsed, and one of 100,000 characters, which is not."""
    parse("ls")
    parse(part * (MAX_LENGTH // len(part)))
    assert parse(part * 100_000).doubts


# measured: a line of these ended the process in one of six runs, depending on where its memory lay
@pytest.mark.parametrize(
    "line", ["{\U0007aeb0", "a {12漢}", "echo x{1..漢", "\x8e{\U0007aeb0\U0003df8dòPíiN", "{\\\n漢"]
)
def test_a_character_that_the_grammar_looks_up_beyond_its_table_is_not_parsed(line: str) -> None:
    assert parse(line).doubts


def test_braces_before_common_characters_are_parsed() -> None:
    assert parse("echo {é} '{ü' {1..3} ${x} 漢{a}").doubts == ()


PARTS = [*"ab $(){}[]<>|&;'\"`\\\n#*?~=!-/.0", "<<", "EOF", "\nEOF\n", "if ", "then ", "fi", "do ", "done", "$'", "cd "]


@given(strategies.lists(strategies.sampled_from(PARTS), max_size=40).map("".join))
@settings(max_examples=500, deadline=None)
def test_every_text_is_read(text: str) -> None:
    """Total: whatever stands there, a line comes back."""
    line = parse(text)
    assert all(simple.folders for simple in line.commands)


@pytest.mark.parametrize(
    ("before", "after"), list(product(["", "a; ", "a && ", "(", "x=1 ", "! ", "a\n"], ["", "; a", " | a", " # a"]))
)
def test_a_command_is_found_wherever_it_stands(before: str, after: str) -> None:
    """No neighbour hides it."""
    close = ")" if before == "(" and "#" not in after else "\n)" if before == "(" else ""
    assert "rm -rf /x" in seen(f"{before}rm -rf /x{after}{close}")
