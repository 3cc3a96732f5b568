"""batty.toml: what is refused names its file, line and key; what is read is exactly what the contract says."""

import tomllib

import msgspec
import pytest
from hypothesis import given as examples
from hypothesis import settings, strategies

from batty_tmux import toml_lines
from batty_tmux.config import (
    BUILT_IN,
    MAX_SIZE,
    ConfigError,
    describe,
    given,
    literal,
    parse,
    peek_base,
    values,
)
from batty_tmux.config_tables import Agent, Config, Rule, Supervisor

FULL = r"""
[run]
base = "trunk"
parallel = 3
worktrees = "../trees/{repo}"
agent = "mine"
session = "{repo}-work"
layout = "layouts/mine.yaml.j2"
setup = "make deps"
provide = [".env", "local/settings.toml"]
[agents.claude]
args = ["--model", "opus"]
[agents.mine]
command = ["my-agent", "--task", "{brief}"]
[gate]
command = "make test"
timeout = "90s"
setup = "npm ci"
keep = ["node_modules"]
[review]
by = "auto"
[policy]
mode = "suggest"
[[policy.rule]]
match = "Continue\\? \\[y/n\\]"
answer = "y"
[supervisor]
by = "command"
command = ["my-judge", "--strict"]
timeout = "2m"
calls = 5
budget = "1.25"
confidence = 1
kinds = ["question"]
[queue]
gate = "batch"
slots = 2
"""


def refused(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return caught.value


def test_an_empty_file_means_all_the_defaults_of_the_contract() -> None:
    """The defaults are part of the contract; they are written out here a second time on purpose."""
    assert {key: literal(value) for key, value in values(parse(""))} == {
        "run.base": '""',
        "run.parallel": "1",
        "run.worktrees": '"../{repo}.batty"',
        "run.agent": '"claude"',
        "run.session": '"{repo}"',
        "run.layout": '"phase"',
        "run.setup": '""',
        "run.provide": "[]",
        "run.cache": "[]",
        "run.links": "false",
        "run.quota": '"10G"',
        "gate.command": '""',
        "gate.timeout": '"30m"',
        "gate.setup": '""',
        "gate.keep": "[]",
        "gate.files": "[]",
        "gate.workers": '""',
        "gate.fetch": '""',
        "gate.toolchain": '""',
        "review.by": '"human"',
        "review.director": '"claude"',
        "review.command": "[]",
        "review.model": '""',
        "review.args": "[]",
        "review.timeout": '"5m"',
        "review.budget": '"1"',
        "review.decides": "false",
        "review.confidence": "0.8",
        "review.limit_lines": "200",
        "review.limit_files": "10",
        "review.paths": "[]",
        "review.reworks": "1",
        "policy.mode": '"act"',
        "policy.set": '"standard"',
        "policy.rule": "[]",
        "patience.stuck": '"20m"',
        "patience.idle": '"2m"',
        "patience.nudges": "1",
        "patience.relaunches": "2",
        "patience.hold": '"30s"',
        "patience.setup": '"30m"',
        "patience.host": '"2m"',
        "patience.limits": '"resume"',
        "supervisor.by": '""',
        "supervisor.command": "[]",
        "supervisor.model": '""',
        "supervisor.args": "[]",
        "supervisor.timeout": '"90s"',
        "supervisor.calls": "20",
        "supervisor.budget": '"0.50"',
        "supervisor.confidence": "0.7",
        "supervisor.kinds": '["question", "plan", "permission", "edit", "confirm", "choice"]',
        "queue.gate": '"each"',
        "queue.slots": '"auto"',
        "queue.rework": "2",
        "queue.remote": '""',
        "queue.lock": '""',
        "queue.retention": '"30d"',
        "attention.bell": "true",
        "attention.desktop": '"off"',
    }


def test_every_key_is_read() -> None:
    config = parse(FULL)
    assert config.run.provide == (".env", "local/settings.toml")
    assert config.agents == {
        "claude": Agent(args=("--model", "opus")),
        "mine": Agent(command=("my-agent", "--task", "{brief}")),
    }
    assert config.policy.rule == (Rule(match=r"Continue\? \[y/n\]", answer="y"),)
    assert (config.gate.seconds, config.queue.slots, config.review.by) == (90.0, 2, "auto")
    asked = Supervisor("command", ("my-judge", "--strict"), timeout="2m", calls=5, budget="1.25", kinds=("question",))
    assert config.supervisor == msgspec.structs.replace(asked, confidence=1.0)
    assert config.supervisor.seconds == 120


@pytest.mark.parametrize(
    ("written", "seconds"), [('"90s"', 90), ('"30m"', 1800), ('"2h"', 7200), ('"45"', 45), ("45", 45)]
)
def test_a_timeout_is_a_number_with_a_unit_or_plain_seconds(written: str, seconds: float) -> None:
    assert parse(f"[gate]\ntimeout = {written}").gate.seconds == seconds


@pytest.mark.parametrize(
    ("text", "line", "key", "says"),
    [
        ("[run]\n\nparalel = 3", 3, "run.paralel", 'did you mean "run.parallel"'),
        ("[gat]\ncommand = 'x'", 1, "gat", 'did you mean "gate"'),
        ("# word\ntimeout = '3m'", 2, "timeout", 'did you mean "gate.timeout"'),
        ("[agents.x]\ncommand = ['x']\narg = []", 3, "agents.x.arg", 'did you mean "agents.x.args"'),
        ("[agents.x]\nargs = ['x']", 1, "agents.x", "has no command"),
        ("[agents.'a b']\ncommand = ['x']", 1, "agents.a b", "characters"),
        ("[run]\nagent = 'codec'", 2, "run.agent", 'did you mean "codex"'),
        ("[run]\nagent = ''", 2, "run.agent", "is empty"),
        ("[run]\nparallel = 0", 2, "run.parallel", "from 1 to 64"),
        ("[run]\nparallel = 65", 2, "run.parallel", "from 1 to 64"),
        ("[run]\nparallel = true", 2, "run.parallel", "truth value"),
        ("[run]\nparallel = 1.0", 2, "run.parallel", "whole number"),
        ("[run]\nparallel = 0x" + "f" * 9000, 2, "run.parallel", "far too large"),
        ("[run]\nprovide = [\n  'a',\n  3,\n]", 4, "run.provide", "list of texts"),
        ("[run]\nprovide = [\n  'a',\n  '../b',\n]", 4, "run.provide", "stays inside"),
        ("[run]\ncache = ['../node_modules']", 2, "run.cache", "stays inside"),
        ("[run]\nquota = '10 litres'", 2, "run.quota", "10G"),
        ("[patience]\nsetup = 'soon'", 2, "patience.setup", "30m"),
        ("[run]\nprovide = ['/etc/passwd']", 2, "run.provide", "stays inside"),
        ("[run]\nprovide = ['.git/config']", 2, "run.provide", "git's own"),
        ("[gate]\nkeep = ['a/../../b']", 2, "gate.keep", "stays inside"),
        ("[gate]\nkeep = ['']", 2, "gate.keep", "stays inside"),
        ("[run]\nsession = 'a:b'", 2, "run.session", "letters"),
        ("[run]\nsession = '#(touch x)'", 2, "run.session", "letters"),
        ("[run]\nsession = '{phase}'", 2, "run.session", "{repo}"),
        ("[run]\nworktrees = '../{phase}'", 2, "run.worktrees", "only placeholder"),
        ("[run]\nworktrees = '~/trees'", 2, "run.worktrees", "not expanded"),
        ("[run]\nbase = '-x'", 2, "run.base", "branch"),
        ("[run]\nbase = 'a..b'", 2, "run.base", "branch"),
        ('[run]\nbase = "a\\u0000"', 2, "run.base", "control character"),
        ("[run]\nlayout = '../x'", 2, "run.layout", "stays inside"),
        ("[gate]\ntimeout = '0m'", 2, "gate.timeout", "a time"),
        ("[gate]\ntimeout = 'soon'", 2, "gate.timeout", "a time"),
        ("[gate]\nworkers = 'host:8786'", 2, "gate.workers", "names no scheduler"),
        ("[gate]\nworkers = 'tcp://host:8786'", 2, "gate.workers", "names no scheduler"),
        ("[gate]\nworkers = 'dask://host'", 2, "gate.workers", "dask://HOST:PORT"),
        ("[gate]\nworkers = 'dask://host:70000'", 2, "gate.workers", "dask://HOST:PORT"),
        ("[gate]\nworkers = 'dask://me@host:1'", 2, "gate.workers", "dask://HOST:PORT"),
        ("[gate]\nworkers = 'dask://host:1/x'", 2, "gate.workers", "dask://HOST:PORT"),
        ("[gate]\nfetch = 'ext::sh -c x'", 2, "gate.fetch", "git fetches from"),
        ("[gate]\nfetch = '--upload-pack=x'", 2, "gate.fetch", "git fetches from"),
        ("[gate]\nfetch = '/srv/repo'", 2, "gate.fetch", "git fetches from"),
        ("[review]\nby = 'me'", 2, "review.by", '"human" or "auto" or "director"'),
        ("[review]\nby = 'director'\ndirector = 'command'", 3, "review.director", "names none"),
        ("[review]\nby = 'director'\ncommand = ['x']", 3, "review.command", 'review.director = "command"'),
        ("[review]\ntimeout = 'soon'", 2, "review.timeout", '"45s"'),
        ("[review]\npaths = ['docs/', '/']", 2, "review.paths", "fit nothing"),
        ("[review]\nlimit_lines = -1", 2, "review.limit_lines", "from 0 to 100000"),
        ("[supervisor]\nby = 'gpt'", 2, "supervisor.by", '"claude" or "codex"'),
        ("[supervisor]\nby = 'command'", 2, "supervisor.by", "names none"),
        ("[supervisor]\nby = 'codex'\ncommand = ['x']", 3, "supervisor.command", 'not "codex"'),
        ("[supervisor]\ncommand = ['x']", 2, "supervisor.command", 'not ""'),
        ("[supervisor]\nmodel = '--yolo'", 2, "supervisor.model", "an option"),
        ("[supervisor]\ntimeout = 'soon'", 2, "supervisor.timeout", "a time"),
        ("[supervisor]\ncalls = 1001", 2, "supervisor.calls", "from 0 to 1000"),
        ("[supervisor]\nbudget = '0.00'", 2, "supervisor.budget", "dollars"),
        ("[supervisor]\nbudget = '-1'", 2, "supervisor.budget", "dollars"),
        ("[supervisor]\nconfidence = 70", 2, "supervisor.confidence", "a number from 0 to 1"),
        ("[supervisor]\nkinds = [\n'plan',\n'login',\n]", 4, "supervisor.kinds", '"login" is none of question'),
        ("[queue]\nslots = 'many'", 2, "queue.slots", '"auto" or a whole number'),
        (
            "[[policy.rule]]\nmatch='a'\nanswer=''\n[[policy.rule]]\nmatch='('\nanswer='y'",
            5,
            "policy.rule.1.match",
            "regular",
        ),
        ("[policy]\nrule = [{match='a', answer='b'},\n{match='c'}]", 3, "policy.rule.1.answer", "missing"),
        ("[policy]\nrule = 'x'", 2, "policy.rule", "list of tables"),
        ("[[policy.rule]]\nmatch = ''\nanswer = 'y'", 2, "policy.rule.0.match", "every prompt"),
        ('[[policy.rule]]\nmatch = "x"\nanswer = "y\\u001b[A"', 3, "policy.rule.0.answer", "control character"),
        ("[[policy.rule]]\nanswer = 'y'", 1, "policy.rule.0", "names nothing"),
        ("[[policy.rule]]\npaths = []\nanswer = 'y'", 1, "policy.rule.0", "names nothing"),
        ("[[policy.rule]]\ncommand = '/(/'\nanswer = 'y'", 2, "policy.rule.0.command", "regular expression"),
        ("[[policy.rule]]\npaths = 'a'\nanswer = 'y'", 2, "policy.rule.0.paths", "list of texts"),
        ("[policy]\nset = 'bold'", 2, "policy.set", '"careful" or "standard"'),
        ("[policy]\nmode = 'fully'", 2, "policy.mode", '"full"'),
        ("run = 3", 1, "run", "must be a table"),
        ("[agents]\nclaude = 3", 2, "agents.claude", "must be a table"),
        ("[run]\nbase = 'a'\nbase = 'b'\n", 3, "base", "given twice"),
        ("[run]\n[gate]\n[run]\n", 3, "run", "given twice"),
        ("[run]\nparallel = \n", 2, "parallel", "not valid TOML"),
        ("[gate]\ncommand = '''\nx", 3, "x", "not valid TOML"),
    ],
)
def test_a_fault_is_refused_by_line_and_key(text: str, line: int, key: str, says: str) -> None:
    error = refused(text)
    assert (error.code, error.exit_code, error.line, error.key) == ("bad-config", 1, line, key)
    assert error.what.startswith(f"batty.toml:{line}: ")
    assert says in error.what
    assert error.next


TRUTHS = {"attention.bell", "review.decides", "run.links"}
WRONG = ("1979-05-27", "1.5", "true", "{a = 1}", "[[1]]", "07:32:00", "nan", "99999999999999999999")


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("key", [entry.key for entry in describe()])
def test_a_value_of_another_kind_is_refused_at_every_key(key: str, value: str) -> None:
    """No key of any kind takes one of these."""
    table, name = key.replace("NAME", "claude").rsplit(".", 1)
    head = f"[[{table[:-2]}]]\n" if table.endswith("[]") else f"[{table}]\n"
    others = "".join(f"{other} = 'x'\n" for other in ("match", "answer") if table.endswith("[]") and other != name)
    if (key == "gate.timeout" and value.isdigit()) or (key in TRUTHS and value == "true"):
        value = "'never'"
    error = refused(f"{head}{others}{name} = {value}\n")
    assert error.key.replace(".0.", "[].") == key.replace("NAME", "claude")
    assert error.line == 2 + others.count("\n")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = " + "[" * 100_000, 1),
        ("[run]\na" + ".b" * 50_000 + " = 1", 2),
        ("\n[" + "a." * 50_000 + "a]", 2),
        ("a = " + "{b = " * 10_000, 1),
        ("[run]\nparallel = " + "9" * 5_000, 2),
        ("[run]\n" + "parallel = 1 # word\n" * 60_000, MAX_SIZE // 20 + 2),
        ("[run]\nbase = '\x1b]0;x\x07'", 2),
        ("[run]\nbase = \ud800", 2),
    ],
)
@pytest.mark.timeout(5)
def test_a_file_made_to_exhaust_the_parser_is_refused_with_its_line(text: str, line: int) -> None:
    error = refused(text)
    assert abs(error.line - line) <= 1
    assert error.what.isprintable()


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    error = refused("[run]\nx = 1\nparallel = 'a'\n[gate]\ny = 1\n")
    assert [error.line, *(int(row.split(":")[1]) for row in error.evidence)] == [2, 3, 5]


@examples(strategies.text(alphabet="[]{}=.,\"'#\\\n abr01", max_size=60))
@settings(max_examples=300, deadline=None)
def test_no_text_whatever_gives_another_error(text: str) -> None:
    try:
        assert isinstance(parse(text), Config)
    except ConfigError as error:
        assert 1 <= error.line <= text.count("\n") + 1  # noqa: PT017 - both ways out are right


def test_the_base_is_read_alone_from_a_file_with_other_faults() -> None:
    """The checkout's own file counts for run.base only, so nothing else in it may be in the way."""
    assert peek_base("[run]\nbase = 'trunk'\nparallel = 'no'\n[nonsense]") == "trunk"
    assert peek_base("") == ""
    with pytest.raises(ConfigError, match=r"run\.base"):
        peek_base("[run]\nbase = 3")


def test_describe_names_every_key_that_is_read_with_its_default_and_a_meaning() -> None:
    keys = {entry.key: entry for entry in describe()}
    assert {key for key, _ in values(Config())} - {"policy.rule"} <= set(keys)
    assert all(entry.meaning for entry in keys.values())
    defaults = dict(values(Config()))
    assert all(keys[key].default == literal(value) for key, value in defaults.items() if key in keys)


def test_lines_are_those_of_the_keys_through_strings_comments_and_arrays() -> None:
    text = (
        'a = """\n[x]\n"""\n# b = 1\n[t."u"] # [no]\nc = [ # ]\n 1,\n {d = "}"},\n]\n[[t.v]]\ne = 1\n[[t.v]]\nf = 1\n'
    )
    tomllib.loads(text)
    lines = toml_lines.scan(text)
    assert [lines.at.get(path) for path in (("a",), ("t", "u"), ("t", "u", "c"), ("t", "u", "c", "1", "d"))] == [
        1,
        5,
        6,
        8,
    ]
    assert [lines.at[("t", "v", "0", "e")], lines.at[("t", "v", "1", "f")]] == [11, 13]
    assert ("b",) not in lines.at


def test_given_tells_the_keys_that_a_file_sets() -> None:
    assert {"run.parallel", "gate.command"} <= given("run = {parallel = 2}\ngate.command = 'x'")
    assert "run.base" not in given("[run]\nparallel = 2")


def test_a_config_does_not_change() -> None:
    with pytest.raises(AttributeError):
        Config().run.parallel = 2  # type: ignore[misc]
    assert BUILT_IN == ("claude", "codex")
    assert msgspec.structs.replace(Config().run, parallel=2).parallel == 2


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        ('[hosts.h1]\nssh = "-oProxyCommand=touch x"', "hosts.h1.ssh", "is a host as ssh knows it"),
        ('[hosts.h1]\nssh = "a b"', "hosts.h1.ssh", "is a host as ssh knows it"),
        ('[hosts.h1]\nssh = "me@host:22"', "hosts.h1.ssh", "a port is for ~/.ssh/config"),
        ('[hosts.h1]\nssh = "a\\nb"', "hosts.h1.ssh", "holds a control character"),
        ('[hosts."h 1"]\nssh = "h1"', "hosts.h 1", "a name has up to 32 of the characters"),
        ('[hosts.-h]\nssh = "h1"', "hosts.-h", "a name has up to 32 of the characters"),
        ('[hosts.h1]\nssh = "h1"\nparallel = 0', "hosts.h1.parallel", "a whole number from 1 to 64"),
        ('[hosts.h1]\nssh = "h1"\nfolder = "-x"', "hosts.h1.folder", "is taken for an option"),
        ('[hosts.h1]\nssh = "h1"\nbatty = " "', "hosts.h1.batty", "is empty"),
        ('[hosts.here]\nssh = "h1"', "hosts.here", '"here" is this machine'),
        ("[hosts.a]\nparallel = 1\n[hosts.b]\nparallel = 1", "hosts.b", "is this machine, as a is"),
        ('[patience]\nhost = "soon"', "patience.host", "must be a time"),
    ],
)
def test_a_host_that_could_be_misread_is_refused(text: str, key: str, says: str) -> None:
    """Rule: an address is never an option, a second word or a port; a name is safe wherever it is shown."""
    error = refused(text)
    assert error.key == key
    assert says in error.problem


def test_a_host_without_ssh_is_this_machine() -> None:
    config = parse('[hosts.here]\nparallel = 4\n[hosts.h1]\nssh = "me@h1.example"')
    assert (config.hosts["here"].ssh, config.hosts["here"].parallel) == ("", 4)
    assert (config.hosts["h1"].parallel, config.hosts["h1"].batty) == (2, "batty")
