"""What two machines' tools differ in is told by name, whatever they say of themselves."""

from batty_tmux.core.toolchain import differences

HERE = (("system", "Linux", "x86_64"), ("PATH", "/usr/bin"), ("make", "/usr/bin/make", "/usr/bin/make", "10", "1"))


def test_the_same_tools_differ_in_nothing() -> None:
    assert differences(HERE, HERE) == ()
    assert differences((), ()) == ()


def test_each_fact_is_named_and_both_sides_are_told() -> None:
    make = ("make", "/usr/bin/make", "/usr/bin/gmake", "11", "1")
    there = (("system", "Linux", "aarch64"), ("PATH", "/usr/bin"), make)
    assert differences(HERE, there) == (
        "system: Linux aarch64 there, Linux x86_64 here",
        "make: leading to /usr/bin/gmake size 11 there, leading to /usr/bin/make size 10 here",
    )


def test_a_program_that_one_side_lacks_is_told() -> None:
    assert differences(HERE, HERE[:2]) == ("make: none there, /usr/bin/make /usr/bin/make 10 1 here",)


def test_lines_of_a_toolchain_are_told_by_their_number() -> None:
    here = (("toolchain", "gcc 12"), ("toolchain", "python 3.11"))
    there = (("toolchain", "gcc 12"), ("toolchain", "python 3.12"), ("toolchain", ""))
    assert differences(here, there) == (
        "toolchain line 2: python 3.12 there, python 3.11 here",
        "toolchain line 3: nothing there, none here",
    )


def test_what_a_hostile_machine_says_is_short_and_harmless() -> None:
    there = tuple((f"\x1b[31m#{number}" * 50, "\x1b]0;x\x07" * 200) for number in range(50))
    told = differences((), there)
    assert len(told) == 6
    assert told[-1] == "and 45 more"
    assert all(len(line) < 200 and "\x1b" not in line and "#" not in line for line in told)
