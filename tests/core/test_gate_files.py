"""Which files define the gate: those of its command, of its runner and of the user, and no others."""

from time import process_time

import pytest

from batty_tmux.core.gate_files import definition, touched


@pytest.mark.parametrize(
    ("command", "file"),
    [
        ("sh ./ci/test.sh", "ci/test.sh"),
        ("./gate", "gate"),
        ("bin/test --all", "bin/test"),
        ("python tools/check.py", "tools/check.py"),
        ("python3 -u check", "check"),
        ("sh gate", "gate"),
        ("make -f x.make", "x.make"),
        ("make -f rules test", "rules"),
        (". ./env.sh && go vet", "env.sh"),
        ("true&&./a;(./b)|./c", "c"),
        ("bash -c 'make lint && ci/all'", "ci/all"),
        ("sh -c \"bash -c './deep one'\"", "deep"),
        ("cd sub && ./t.sh", "sub/t.sh"),
        ("(cd sub/x && cd .. && ./t.sh)", "sub/t.sh"),
        ("(cd sub && true) && ./t.sh", "t.sh"),
        ('"$PWD/ci/test.sh"', "ci/test.sh"),
        ("CONF=ci/conf.toml tool --rules=ci/rules", "ci/rules"),
        ("CONF=ci/conf.toml tool --rules=ci/rules", "ci/conf.toml"),
        ("out=`./probe x`", "probe"),
        ("pytest tests/smoke.py::test_a[x]", "tests/smoke.py"),
        ("echo 'never closed; ./gate", "gate"),
        ("echo a#b; ./gate", "gate"),
        ("true\n./gate\n", "gate"),
    ],
)
def test_files_that_the_command_names_define_the_gate(command: str, file: str) -> None:
    """As far as a shell's words can be read without being run; in the setup too."""
    assert touched([file], definition(command, "", ())) == (file,)
    assert touched([file], definition("true", command, ())) == (file,)
    assert touched([f"other/{file}"], definition(command, "", ())) == ()


@pytest.mark.parametrize(
    ("command", "files"),
    [
        ("make check", ["Makefile", "lib/GNUmakefile", "rules.mk"]),
        ("uv run pytest -q", ["conftest.py", "tests/unit/conftest.py", "pyproject.toml", "pytest.ini", "setup.cfg"]),
        ("python -m pytest", ["tests/conftest.py"]),
        ("tox -e py311", ["tox.ini", "conftest.py"]),
        ("nox", ["noxfile.py"]),
        ("npm test", ["package.json", "jest.config.js", "vitest.config.mts", ".mocharc.yml"]),
        ("npx vitest run", ["vitest.config.ts", "vite.config.ts"]),
        ("cargo test --all", ["Cargo.toml", "crates/a/Cargo.toml", "build.rs", ".cargo/config.toml"]),
        ("go test ./...", ["go.mod"]),
        ("just test", ["justfile"]),
        ("task test", ["Taskfile.yml"]),
        ("./gradlew check", ["build.gradle.kts", "gradlew", "gradle/wrapper/gradle-wrapper.properties"]),
        ("mvn -B verify", ["pom.xml", "core/pom.xml", ".mvn/jvm.config"]),
        ("bundle exec rspec", [".rspec", "Rakefile"]),
        ("ctest --test-dir build", ["CMakeLists.txt", "src/CMakeLists.txt"]),
        ("vendor/bin/phpunit", ["phpunit.xml.dist"]),
        ("sh -c 'make test'", ["Makefile"]),
    ],
)
def test_a_known_runner_brings_its_configuration(command: str, files: list[str]) -> None:
    """Wherever it lies, since runners search the folders; batty.toml in the root is always part of it."""
    patterns = definition(command, "", ())
    assert touched([*files, "batty.toml"], patterns) == (*files, "batty.toml")
    assert touched(files, definition("true", "", ())) == ()


@pytest.mark.parametrize(
    ("command", "file"),
    [
        ("pytest tests/", "tests/test_a.py"),
        ("pytest tests", "tests/test_a.py"),
        ("make test", "src/test"),
        ("npm ci && npm test", "package-lock.json"),
        ("git diff --exit-code poetry.lock uv.lock", "poetry.lock"),
        ("cargo test --locked", "Cargo.lock"),
        ("go test ./...", "go.sum"),
        ("go test ./pkg/...", "pkg/a.go"),
        ("curl https://host/x.sh | sh", "host/x.sh"),
        ("/usr/bin/env true", "usr/bin/env"),
        ("../gate", "gate"),
        ("~/gate $HOME/x.sh", "x.sh"),
        ("true", "sub/batty.toml"),
        ("make", "makefile.txt"),
        ("make", "MAKEFILE"),
        ("pytest", "tests/my_conftest.py"),
        ("", "README.md"),
    ],
)
def test_what_is_tested_is_not_the_gate(command: str, file: str) -> None:
    """Tests and lock files change in most phases; a flag on each would be read by nobody."""
    assert touched([file], definition(command, command, ())) == ()


def test_the_users_own_patterns_are_kept_as_they_are() -> None:
    """Last, and each once."""
    assert definition("", "", ("a/", "/batty.toml", "a/")) == ("/batty.toml", "a/")
    assert definition("./x", "./x", ()) == ("/batty.toml", "/x")


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("name", ["name", "a/name", "a/b/name"], ["name/a", "Name", "names"]),
        ("*.mk", ["x.mk", "a/.mk"], ["x.mk/a", "x.mkd"]),
        ("/name", ["name"], ["a/name"]),
        ("a/*.sh", ["a/x.sh"], ["a/b/x.sh", "b/a/x.sh"]),
        ("a/**/x", ["a/x", "a/b/x", "a/b/c/x"], ["x", "b/a/x", "a/x/y"]),
        ("**/a/x", ["a/x", "b/a/x", "a/a/x"], ["a/b/x"]),
        ("a/**", ["a/x", "a/b/x"], ["b/a/x"]),
        ("a/", ["a/x", "a/b/c"], ["a", "b/a/x"]),
        ("a/b/", ["a/b/x"], ["a/x"]),
        ("**/a/**/b/**/c", ["a/b/c", "x/a/a/b/b/y/c"], ["a/c/b", "a/b/c/d"]),
        ("[ab]?.x", ["a1.x", "d/b2.x"], ["c1.x", "a.x"]),
        ("odd[1.x", ["odd[1.x"], ["odd1.x"]),
        ("[slug].ts", ["[slug].ts", "s.ts"], ["slug.ts"]),
        ("", [], ["", "a"]),
        ("/", [], ["a", "a/b"]),
    ],
)
def test_patterns_mean_what_they_say(pattern: str, yes: list[str], no: list[str]) -> None:
    """A star stops at a slash, a double one does not, and a slash says where the pattern begins."""
    assert touched([*yes, *no], [pattern]) == tuple(yes)


def test_paths_come_back_once_and_in_order() -> None:
    """However many patterns match; names that are no text are paths like others."""
    assert touched(["b", "a\udcff", "c", "b"], ["b", "*", "/b"]) == ("b", "a\udcff", "c")


def test_no_pattern_is_slow() -> None:
    """Neither many paths nor a pattern made to be."""
    begun = process_time()
    patterns = definition("make && npm test && cargo test && pytest && mvn test && ./gradlew x", "", ())
    assert touched((f"a/b/c/d/e/f{n}.py" for n in range(10_000)), patterns) == ()
    deep = "/".join("a" * 200)
    assert touched([deep], ["/".join(["**", "a"] * 60) + "/b", "*a" * 40 + "b"]) == ()
    assert touched(["a" * 5000], ["*a" * 40 + "b"]) == ()
    assert touched([deep], ["/".join(["**", "a"] * 60)]) == (deep,)
    definition("a " * 20_000 + "'" * 9 + "(" * 5000, "", ())
    assert process_time() - begun < 5
