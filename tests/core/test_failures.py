"""Names of failed tests, read from what runners really print.

The files in `runner_logs` were made by the runners, and shortened by their stack traces; folders are replaced. The
logs below in this file are of runners that were not at hand, in the form that their projects' issue trackers show.
"""

from pathlib import Path
from time import process_time

import pytest

from batty_tmux.core.failures import LOOKED_AT, failed_tests

BY = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
LOGS = Path(__file__).with_name("runner_logs")

PYTEST = (
    "test_s.py::test_bad",
    "test_s.py::TestC::test_p[a b]",
    "test_s.py::TestC::test_p[c - d]",
    "test_s.py::TestC::test_p[e[f]]",
)
UNITTEST = (
    "test_a (test_u.T.test_a)",
    "test_doc (test_u.T.test_doc)",
    "test_sub (test_u.T.test_sub) [hey] (i=0)",
    "test_sub (test_u.T.test_sub) [hey] (i=1)",
)
RAN = {
    "pytest": (*PYTEST, "test_imp.py", "test_s.py::test_err"),
    "pytest-color-v": (*PYTEST, "test_s.py::test_err"),
    "xdist": (PYTEST[1], PYTEST[0], PYTEST[3], PYTEST[2], "test_s.py::test_err"),
    "unittest": (
        "test_imp (unittest.loader._FailedTest.test_imp)",
        "setUpClass (test_u.S)",
        "test_b (test_u.T.test_b)",
        *UNITTEST,
        "test_unexp (test_u.T.test_unexp)",
    ),
    "nose2": (
        "_ErrorHolder",
        "test_b (test_u.T.test_b)",
        "test_imp (nose2.loader.ModuleImportFailure.test_imp)",
        *UNITTEST,
    ),
    "go": ("TestX", "TestX/sub_a", "TestX/sub_a/deep", "TestPanic"),
    "go-json": ("TestX/sub_a/deep", "TestX/sub_a", "TestX", "TestPanic"),
    "cargo": ("tests::no_panic", "tests::bad", "integration", "src/lib.rs - documented (line 7)"),
    "cargo--q": ("tests::bad", "tests::no_panic", "integration", "src/lib.rs - documented (line 7)"),
    "node": ("top bad", "inner bad # odd"),
    "node-tap": ("top bad", "inner bad # odd", "suite A"),
    "jest": (
        f"outer {BY} inner {BY} fails {BY} odd",
        "top bad",
        "jest/b.test.js",
    ),
    "vitest": ("b.test.js", "a.test.js > outer > inner > fails > odd", "a.test.js > top bad"),
    "mocha": ("top bad", "outer inner fails 1) odd", 'outer "after each" hook: hk for "fails 1) odd"'),
    "ava": (f"bad {BY} odd", "throws"),
    "ava-tap": (f"bad {BY} odd", "throws"),
    "bats": ("bad one",),
    "ctest": ("bad", "gone", "slow"),
    "prove": ("bad one", "in sub", "sub"),
    "maven": ("ex.ATest.bad", "ex.ATest.err", "ex.ATest.par(int)[1]", "ex.ATest.par(int)[2]", "ex.ATest$In.nested"),
}

TOLD = {
    "nextest": (
        """\
    Starting 3 tests across 1 binary
        PASS [   0.004s] shop::orders total
        FAIL [   0.009s] shop::orders refund::twice
--- STDOUT:              shop::orders refund::twice ---
running 1 test
test refund::twice ... FAILED

failures:

failures:
    refund::twice

test result: FAILED. 0 passed; 1 failed; 0 ignored
     SIGABRT [   1.002s] (3/3) shop::orders crash
     Summary [   1.010s] 3 tests run: 1 passed, 2 failed, 0 skipped
        FAIL [   0.009s] shop::orders refund::twice
     SIGABRT [   1.002s] shop::orders crash
error: test run failed
""",
        ("shop::orders refund::twice", "shop::orders crash"),
    ),
    "rspec": (
        """\
Failures:

  1) Cart adds an item
     Failure/Error: expect(1).to eq 2

Finished in 0.02 seconds
2 examples, 2 failures

Failed examples:

rspec ./spec/cart_spec.rb:5 # Cart adds an item
rspec ./spec/cart_spec.rb[1:2] # Cart #total is 3

Randomized with seed 7
rspec is not a member here
""",
        ("./spec/cart_spec.rb:5 # Cart adds an item", "./spec/cart_spec.rb[1:2] # Cart #total is 3"),
    ),
    "phpunit": (
        """\
There was 1 error:

1) Shop\\CartTest::testBreaks
RuntimeException: no

--

There were 2 failures:

1) Shop\\CartTest::testTotal with data set #0 (1, 'a')
Failed asserting that 1 matches expected 2.

2) Shop\\CartTest::testEmpty
Failed asserting that false is true.

--

There was 1 risky test:

1) Shop\\CartTest::testNothing
This test did not perform any assertions

FAILURES!
Tests: 4, Assertions: 2, Errors: 1, Failures: 2, Risky: 1.
""",
        (
            "Shop\\CartTest::testBreaks",
            "Shop\\CartTest::testTotal with data set #0 (1, 'a')",
            "Shop\\CartTest::testEmpty",
        ),
    ),
    "gradle": (
        """\
> Task :compileJava
> Task :test FAILED

CartTest > total() FAILED
    org.opentest4j.AssertionFailedError at CartTest.java:9

CartTest > sums(int) > shop.CartTest.sums(int)[1] FAILED
    java.lang.AssertionError at CartTest.java:14

4 tests completed, 2 failed
""",
        ("CartTest > total()", "CartTest > sums(int) > shop.CartTest.sums(int)[1]"),
    ),
    "surefire before 3.0": (
        """\
[ERROR] Tests run: 2, Failures: 1, Errors: 0, Skipped: 0, Time elapsed: 0.05 s <<< FAILURE! - in shop.CartTest
[ERROR] testTotal(shop.CartTest)  Time elapsed: 0.01 s  <<< FAILURE!
""",
        ("testTotal(shop.CartTest)",),
    ),
    "dotnet": (
        """\
  Passed Shop.CartTests.Adds [< 1 ms]
  Failed Shop.CartTests.Totals [21 ms]
  Error Message:
   Assert.IsTrue failed.
  Failed Shop.CartTests.Sums(a: 1, b: "x") [1 s]
Failed!  - Failed:     2, Passed:     1, Skipped:     0, Total:     3, Duration: 40 ms
""",
        ("Shop.CartTests.Totals", 'Shop.CartTests.Sums(a: 1, b: "x")'),
    ),
    "swift": (
        """\
Test Case '-[ShopTests.CartTests testTotal]' failed (0.021 seconds).
Test Case 'CartTests.testEmpty' failed (0.002 seconds)
Test Suite 'CartTests' failed at 2024-01-04 18:36:42.021
✘ Test "Adds an item" recorded an issue at CartTests.swift:16:17: Expectation failed
✘ Test "Adds an item" failed after 0.986 seconds with 1 issue.
✘ Test total() failed after 0.001 seconds with 1 issue.
✘ Suite CartTests failed after 0.988 seconds with 1 issue.
✘ Test run with 2 tests in 1 suite failed after 0.988 seconds with 2 issues.
""",
        ("ShopTests.CartTests testTotal", "CartTests.testEmpty", "Adds an item", "total()"),
    ),
}


@pytest.mark.parametrize("runner", RAN)
def test_names_are_read_from_a_runners_own_log(runner: str) -> None:
    """Each failed test once, in order; what passed, was skipped or is still to be done is not there."""
    assert failed_tests((LOGS / f"{runner}.txt").read_text()) == RAN[runner]


@pytest.mark.parametrize("runner", TOLD)
def test_names_are_read_from_a_log_as_it_was_shown(runner: str) -> None:
    """The same, for runners that are not here."""
    log, names = TOLD[runner]
    assert failed_tests(log) == names


def test_every_log_that_is_kept_is_read() -> None:
    """A file that no test names proves nothing."""
    assert {path.stem for path in LOGS.iterdir()} == {*RAN, "pytest-long-reason"}


def test_a_reason_of_several_lines_does_not_end_the_summary() -> None:
    """With CI set, as a gate has it, pytest prints reasons whole; the names after them still count."""
    log = (LOGS / "pytest-long-reason.txt").read_text()
    assert failed_tests(log.replace("FAILED not_me - x\n", ""))[0] == "test_m.py::test_multi"
    later = (
        "=== short test summary info ===\nFAILED a.py::b - one\ntwo\nFAILED a.py::c - three\n2 failed in 1s\nFAILED d\n"
    )
    assert failed_tests(later) == ("a.py::b", "a.py::c")


@pytest.mark.parametrize(
    "log",
    [
        "",
        "ok 1 - fine\n1..1\n",
        "FAILED (failures=4, errors=3)\nFAIL\nFAIL\tex.com/m\t0.002s\nerror: test failed\n",
        "FAILED a.py::b - outside of a summary\n",
        "make: *** [Makefile:2: test] Error 1\n",
        "not ok 1 - later # TODO not yet\nnot ok 2 # skip none\n",
        "  1) a list in prose:\n  ● a bullet\n    an indented line\nrspec ./x\n",
    ],
)
def test_what_is_no_name_gives_none(log: str) -> None:
    """A runner nobody knows has no names, and no line of it is taken for one."""
    assert failed_tests(log) == ()


def test_names_carry_nothing_that_a_terminal_would_obey() -> None:
    """They come from the branch that is gated."""
    hostile = "\x1b]0;title\x07\x1b[31mna\x1b[0mme\x9b2J\u202e\u2066\x00\x7f"
    assert failed_tests(f"not ok 1 - {hostile} end\x1b\n") == ("name2J end",)
    assert failed_tests("\x1b[1mnot ok 1 - \x1b]8;;http://x\x1b\\shown\x1b]8;;\x1b\\\x1b[0m\r\n") == ("shown",)
    assert failed_tests("not ok 1 - \x1b[2J\x1b]0;never closed\n") == ()


def test_there_are_at_most_twenty_of_at_most_200_characters() -> None:
    """Each once: the first that are found."""
    log = "".join(f"not ok {n} - {n} {'x' * 5000}\n" * 2 for n in range(50))
    names = failed_tests(log)
    assert len(names) == 20
    assert {len(name) for name in names} == {200}
    assert [name.split()[0] for name in names] == [str(n) for n in range(20)]


def test_only_the_end_of_a_log_is_read() -> None:
    """Its last million characters."""
    assert failed_tests("not ok 1 - early\n" + "x\n" * (LOOKED_AT // 2) + "not ok 2 - late\n") == ("late",)


@pytest.mark.parametrize(
    "piece",
    [
        "\n",
        "\x1b",
        "\x1b[",
        "\x1b[0",
        "\x1b]",
        " ",
        "0",
        "FAILED ",
        " - [",
        "not ok 1 # ",
        "[ERROR]  Time elapsed: 1 s ",
        "a > ",
        " FAIL  [ ",
        "x.py:: FAILED [",
        "  1) x\n       y\n",
        "\n   1 failing\n  1) x\n       y",
        "failures:\n    a\n",
        "======================================================================\nFAIL: a\n",
        "--- FAIL: TestX (0.00s)\n",
        "  Failed a [1 ms",
        "FAIL a ",
        "not ok 1 - a\n",
        "\r",
    ],
)
def test_no_log_is_slow(piece: str) -> None:
    """Ten megabytes of what each pattern begins with, and of names without end, all in one line or in many."""
    log = piece * (10_000_000 // len(piece))
    begun = process_time()
    failed_tests(log)
    assert process_time() - begun < 10
