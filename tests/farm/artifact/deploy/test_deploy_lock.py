"""Two deployments at once to a board whose shell does everything: the later one goes on, and what is there is whole."""

import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shlex import quote

import pytest

from devices.errors import ConnectionLost
from farm.artifact.deploy import deploy, deployed, roll_back
from farm.artifact.deploy.lock import alone
from farm.errors import LabFault

from .conftest import FolderShell, FolderStream
from .test_deploy_cut import whole

pytestmark = pytest.mark.usefixtures("named", "way")
BUSYBOX = pytest.mark.parametrize("way", ["busybox"], indirect=True)
BOTH = pytest.mark.parametrize("way", ["shell", "busybox"], indirect=True)


@pytest.fixture
def named(monkeypatch):
    monkeypatch.setenv("FARM_OWNER", "ci of the other lab")


@pytest.fixture
def another(shell):
    """``another()``: the same board, reached by another controller."""

    def make() -> FolderShell:
        one = FolderShell()
        one.environment = dict(shell.environment)
        return one

    return make


@pytest.fixture
def held(workdir):
    """``held(process)``: a step of another deployment that stands on the board as being at work."""

    def hold(process: int) -> None:
        Path(workdir).mkdir(parents=True, exist_ok=True)
        Path(workdir, "deploying.7").symlink_to(f"{process} ci of the third lab 0a1b2c3d")

    return hold


TAKEN = "another deployment has taken over, in the name of ci of the other lab$"


@BOTH
def test_the_earlier_one_is_told_and_does_nothing_more(shell, another, workdir, dataset, retrain):
    first, second = retrain(b"first"), retrain(b"second")
    with pytest.raises(LabFault, match=TAKEN):
        deploy(shell, workdir, first, dataset, progress=lambda _: deploy(another(), workdir, second, dataset))
    assert whole(Path(workdir)) == second.id
    deploy(shell, workdir, first, dataset)
    assert whole(Path(workdir)) == first.id


@BOTH
def test_one_that_waits_for_its_link_is_ended_with_all_that_it_has_started(
    shell, another, workdir, dataset, retrain, monkeypatch
):
    first, second = retrain(os.urandom(3 << 20)), retrain(b"second")
    send, seen = FolderStream.send, []

    def in_the_middle(stream, data):
        send(stream, data)
        if not seen and os.listdir(Path(workdir, "incoming")):  # noqa: PTH208 -- it unpacks
            seen.append(stream._process)
            deploy(another(), workdir, second, dataset)
            stream._process.wait(10)
            assert Path(workdir, "current").resolve().name == second.id

    monkeypatch.setattr(FolderStream, "send", in_the_middle)
    with pytest.raises(LabFault, match=TAKEN):
        deploy(shell, workdir, first, dataset, by_shell=True)
    assert seen[0].returncode == -signal.SIGTERM
    assert os.listdir(Path(workdir, "incoming")) == []  # noqa: PTH208
    assert whole(Path(workdir)) == second.id


@BUSYBOX
def test_whatever_two_do_to_each_other_the_board_holds_a_whole_one(another, workdir, dataset, retrain):
    models = [retrain(os.urandom(200_000)) for _ in range(2)]

    def put(model) -> str:
        try:
            deploy(another(), workdir, model, dataset, keep=1)
        except LabFault as fault:
            return str(fault)
        return model.id

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(put, models))
    assert whole(Path(workdir)) in done
    assert all(said in {model.id for model in models} or re.search(TAKEN, said) for said in done)
    assert next(one.current for one in deployed(another(), workdir))


@BOTH
def test_one_that_could_not_even_begin_is_told_why_and_not_that_another_has_come(
    shell, another, workdir, dataset, retrain, tmp_path
):
    deploy(shell, workdir, retrain(b"first"), dataset)
    full, real = another(), shell.run("command -v mv").text
    says = 'case $* in *deployer*) echo "mv: No space left on device" >&2; exit 1 ;; esac'
    full.before(tmp_path / "before", mv=f'{says}\nexec {real} "$@"')
    with pytest.raises(LabFault, match="No space left on device\n  try: remove old files"):
        deploy(full, workdir, retrain(b"second"), dataset)
    assert not list(Path(workdir).glob("deployer.*"))


@BUSYBOX
@pytest.mark.parametrize("lives", [False, True])
def test_a_process_that_has_ended_or_does_something_else_by_now_holds_nothing(
    shell, workdir, artifact, dataset, held, lives
):
    held(os.getpid() if lives else 2**22 + 1)  # Linux has no higher ones than 2**22
    deploy(shell, workdir, artifact, dataset)
    assert whole(Path(workdir)) == artifact.id
    assert [path.name for path in Path(workdir).glob("deploying.*")] == ["deploying.10"]  # of its three steps


@BUSYBOX
def test_one_that_does_not_end_in_time_is_named(shell, workdir, artifact, dataset, held, tmp_path):
    shell.before(tmp_path / "before", sleep="[ $1 = 1 ]")  # a second is over at once; this board knows no tenths
    deaf = "import signal, sys; signal.signal(15, signal.SIG_IGN); print(flush=True); sys.stdin.read()"
    Path(workdir).mkdir(parents=True)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", deaf], cwd=workdir, **pipes) as process:
        process.stdout.readline()
        held(process.pid)
        said = f"another deployment runs here, process {process.pid}, in the name of ci of the third lab\n  try: wait"
        with pytest.raises(LabFault, match=said):
            deploy(shell, workdir, artifact, dataset)
        process.stdin.close()
    deploy(shell, workdir, artifact, dataset)


@BOTH
def test_the_earlier_one_does_not_end_the_later_one_that_is_at_work(shell, workdir, held):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    Path(workdir).mkdir(parents=True)
    with subprocess.Popen(["cat"], cwd=workdir, **pipes) as later:  # noqa: S607
        held(later.pid)
        Path(workdir, "deployer").write_text("ci of the third lab 0a1b2c3d\n")
        done = shell.run(f"cd {quote(workdir)}\n{alone('ci 1', 'may be ended', 'echo runs')}", check=False)
        assert (done.exit_status, done.text) == (76, "")
        assert later.poll() is None
        later.stdin.close()
        assert later.wait(10) == 0


@BUSYBOX
@pytest.mark.parametrize(("program", "nth"), [("mv", 0), ("ln", 0), ("tar", 0), ("ln", 2)])
def test_power_that_goes_in_the_middle_keeps_nobody_out(
    shell, another, workdir, dataset, retrain, tmp_path, program, nth
):
    old, new = retrain(b"old"), retrain(b"new")
    deploy(shell, workdir, old, dataset)
    board, count = another(), tmp_path / "count"
    count.write_text(f"{nth}\n")
    real = shell.run(f"command -v {program}").text
    last = f"read n <{count}; echo $((n - 1)) >{count}; [ $n != 0 ] || {{ kill -9 $PPID; exit 1; }}"
    board.before(tmp_path / "before", **{program: f'{last}\nexec {real} "$@"'})
    with pytest.raises((LabFault, ConnectionLost)):
        deploy(board, workdir, new, dataset)
    assert int(count.read_text()) < 0
    assert whole(Path(workdir)) in (old.id, new.id)
    deploy(shell, workdir, new, dataset)
    assert whole(Path(workdir)) == new.id


@BUSYBOX
def test_the_way_back_keeps_out_who_came_before(shell, another, workdir, dataset, retrain):
    first, second, third = retrain(b"first"), retrain(b"second"), retrain(b"third")
    for model in (first, second):
        deploy(shell, workdir, model, dataset)
    with pytest.raises(LabFault, match=TAKEN):
        deploy(shell, workdir, third, dataset, progress=lambda _: roll_back(another(), workdir))
    assert whole(Path(workdir)) == first.id
