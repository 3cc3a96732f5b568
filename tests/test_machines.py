"""What plays other hosts and engines does what the tests of it rely on."""

from pathlib import Path

from distributed import Client

from batty_tmux.host.process import run
from tests.support.engines import answers, dask_cluster, redis_server
from tests.support.machines import Network, need_namespaces


def test_hosts_have_homes_of_their_own_and_reach_each_other(tmp_path: Path) -> None:
    with Network.of(tmp_path, "h1", "h2") as network:
        told = network["h1"].ssh("echo $HOME $TMUX_TMPDIR; ssh h2 'echo $HOME'; batty --version").check().stdout
        h1, h2 = network["h1"], network["h2"]
        assert told.splitlines()[:2] == [f"{h1.home} {h1.folder}/tmux", str(h2.home)]
        assert "batty, version" in told


def test_a_host_that_died_is_gone_with_all_it_ran_and_can_be_switched_on_again(tmp_path: Path) -> None:
    with Network.of(tmp_path, "h1") as network:
        host = network["h1"]
        asleep = host.start("sleep", "1000")
        host.ssh("tmux new-session -d -s one 'sleep 1000'").check()
        host.die()
        assert asleep.poll() is not None
        assert not host.ssh("true").ok
        host.boot()
        assert not host.ssh("tmux has-session -t one").ok
        assert host.ssh("true").ok


def test_an_unplugged_host_hangs_and_comes_back(tmp_path: Path) -> None:
    need_namespaces("unplugging a host")
    with Network.of(tmp_path, "h1") as network:
        host = network["h1"]
        host.unplug()
        argv = ("ssh", "-F", str(host.config), "-o", "ConnectTimeout=1", "h1", "true")
        assert "timed out" in run(argv).stderr
        host.plug()
        assert host.ssh("true").ok


def test_nothing_of_a_network_is_left(tmp_path: Path) -> None:
    with Network.of(tmp_path, "h1") as network:
        folder, namespace = network["h1"].folder, network["h1"].namespace
    assert not folder.exists()
    assert namespace is None or namespace not in run(("ip", "netns")).stdout + run(("ip", "-o", "link")).stdout


def test_engines_start_and_are_killed(tmp_path: Path) -> None:
    with redis_server(tmp_path) as redis, dask_cluster(tmp_path, "w1", "w2") as cluster:
        assert answers(redis.address)
        redis.kill()
        assert not answers(redis.address)
        redis.start()
        with Client(cluster.scheduler.address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
            assert set(client.run(lambda: 1).values()) == {1}
            assert {each["name"] for each in client.scheduler_info()["workers"].values()} == {"w1", "w2"}
