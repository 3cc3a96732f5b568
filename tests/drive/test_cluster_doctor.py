"""What `batty doctor` finds of the workers that gates run on: without the package, without certificates."""

import os
import sys
from pathlib import Path

import pytest

from batty_tmux.host.process import run
from tests.support.engines import Cluster, Engine
from tests.support.machines import free_port, program
from tests.support.repo import Repo
from tests.support.server import eventually

WHO, CA = ("SCHEDULER", "WORKER", "CLIENT"), ("CA_FILE", "ca.pem")

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.make(tmp_path / "repo")


def test_a_machine_without_the_package_says_how_to_get_it(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['distributed'] = None\n")
    repo.commit("gate", {"batty.toml": '[gate]\ncommand = "true"\nworkers = "dask://127.0.0.1:1"\n'})
    argv = (sys.executable, "-m", "batty_tmux", "--repo", str(repo.folder), "doctor")
    told = run(argv, env={"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}, cwd=repo.folder)
    assert "pip install 'batty-tmux[cluster]'" in told.stdout


def certificates(folder: Path) -> dict[str, str]:
    """Make an authority and a certificate of it; return Dask's settings that name them, as variables."""
    signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial")
    rsa = ("-newkey", "rsa:2048", "-nodes", "-keyout")
    for words in (
        ("req", "-x509", *rsa, "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=batty tests"),
        ("req", *rsa, "key.pem", "-out", "asked.pem", "-subj", "/CN=node"),
        ("x509", "-req", "-in", "asked.pem", *signed, "-out", "node.pem"),
    ):
        run((program("openssl"), *words), cwd=folder).check()
    named = {f"{who}__{what}": f"{file}.pem" for who in WHO for what, file in (("KEY", "key"), ("CERT", "node"))}
    return {f"DASK_DISTRIBUTED__COMM__TLS__{key}": str(folder / file) for key, file in (*named.items(), CA)}


def test_over_tls_nobody_comes_in_without_a_certificate(repo: Repo, tmp_path: Path) -> None:
    tls = certificates(tmp_path)
    address = f"127.0.0.1:{free_port()}"
    words = (sys.executable, "-m", "dask", "scheduler", "--host", f"tls://{address}", "--no-dashboard")
    scheduler = Engine(words, f"tls://{address}", tmp_path / "scheduler.log", {**os.environ, **tls})
    cluster = Cluster(tmp_path, scheduler)
    scheduler.start()
    try:
        cluster.add_worker("w1", {**os.environ, **tls})
        repo.gate("true", workers=f"dask+tls://{address}")
        doctor = (sys.executable, "-m", "batty_tmux", "--repo", str(repo.folder), "doctor")
        eventually(lambda: "w1 (1)" in run(doctor, cwd=repo.folder, env=tls).stdout, "the worker")
        assert "wants certificates" in run(doctor, cwd=repo.folder).stdout
        repo.gate("true", workers=f"dask://{address}")
        assert "does not answer" in run(doctor, cwd=repo.folder).stdout
    finally:
        for engine in (*cluster.workers, scheduler):
            engine.kill()
