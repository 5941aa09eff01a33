"""Where a control group may be made, and that none is left behind."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from farm.errors import LabFault
from farm.trial.prediction.cgroup import Group, Place, Quota, places

WRITABLE = {"cgroup.procs": "1\n2\n", "cgroup.controllers": "cpuset cpu memory pids\n", "cgroup.subtree_control": ""}
GIVES = WRITABLE | {"cgroup.subtree_control": "cpu memory\n"}


def test_beside_its_own_group_where_the_one_above_gives_its_controllers_away(tree, tmp_path):
    proc = tree(own="/user/app/scope", groups={"/": WRITABLE, "/user/app": GIVES, "/user/app/scope": WRITABLE})
    place, why = places(proc, pid=7)
    assert (place, why) == (Place(2, tmp_path / "sys/user/app", frozenset({"cpu", "memory"})), "")


def test_below_its_own_group_where_it_is_delegated_and_holds_nobody_else(tree, tmp_path):
    proc = tree(own="/run.scope", groups={"/": WRITABLE, "/run.scope": WRITABLE | {"cgroup.procs": "7\n"}})
    place, _ = places(proc, pid=7)
    assert place == Place(2, tmp_path / "sys/run.scope", frozenset({"cpu", "memory", "cpuset"}), alone=True)


def test_a_group_that_is_not_delegated_names_the_way_to_one_that_is(tree, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    proc = tree(own="/session.scope", groups={"/": WRITABLE, "/session.scope": WRITABLE})
    place, why = places(proc, pid=7)
    assert place is None
    assert "session.scope is not delegated to this user" in why
    assert "systemd-run --user --scope -p Delegate=yes farm predict" in why


@pytest.mark.skipif(os.geteuid() == 0, reason="needs a user who is not root: root may write anywhere")
def test_a_read_only_tree_is_no_place(tree, tmp_path):
    proc = tree(own="/a", groups={"/": GIVES, "/a": WRITABLE})
    for path in (tmp_path / "sys", tmp_path / "sys/a"):
        path.chmod(0o555)
    assert places(proc, pid=7)[0] is None


def test_of_version_1_only_processor_time_is_used(tree, tmp_path):
    groups = {"/unified": {"cgroup.controllers": "hugetlb\n"}, "/cpu/jobs": WRITABLE | {"cpu.cfs_quota_us": "-1\n"}}
    place, _ = places(tree(own="/jobs", groups=groups, unified=False), pid=7)
    assert place == Place(1, tmp_path / "sys/cpu/jobs", frozenset({"cpu"}))


def test_without_control_groups_it_is_said_why(tmp_path):
    assert places(tmp_path)[1] == "no control groups: No such file or directory"
    for name in ("mountinfo", "cgroup"):
        (tmp_path / name).write_text("")
    assert places(tmp_path) == (None, "no control groups are mounted")


def test_a_limit_that_the_kernel_does_not_keep_is_a_fault_and_nothing_stays(tmp_path, monkeypatch):
    wrong = Path.write_text
    monkeypatch.setattr(Path, "write_text", lambda path, text, **how: wrong(path, text.replace("5000", "7000"), **how))
    monkeypatch.setattr(Path, "rmdir", shutil.rmtree)  # of a real group, its files are no hindrance
    group = Group(Place(2, tmp_path, frozenset({"cpu", "memory"})), Quota(5000, 10_000), 1 << 30, (0,))
    with pytest.raises(LabFault, match=r"cpu\.max: holds 7000 10000, was given 5000 10000"), group:
        pass
    assert not list(tmp_path.iterdir())


def test_what_a_group_is_given(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "rmdir", shutil.rmtree)
    with Group(Place(2, tmp_path, frozenset({"cpu", "memory", "cpuset"})), Quota(5000, 10_000), 4096, (2, 3)) as group:
        found = {file.name: file.read_text() for file in group.folder.iterdir()}
    assert found == {"cpu.max": "5000 10000", "memory.max": "4096", "cpuset.cpus": "2,3"}
    assert not group.folder.exists()


def test_a_real_group_ends_what_is_in_it_and_is_gone():
    place, why = places()
    if place is None:
        pytest.skip(f"needs control groups that may be written here: {why}")
    if place.alone:
        pytest.skip("needs a control group above this process's own: it would have to move")
    with Group(place, Quota(5_000, 10_000), 1 << 30, (0,)) as group:
        joining = (
            "import pathlib, os, sys, time; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); print(flush=True)"
        )
        argv = [sys.executable, "-c", joining + "; time.sleep(60)", str(group.joined_by)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            assert str(process.pid) in group.joined_by.read_text().split()
            group.__exit__(None, None, None)
            assert process.wait(timeout=10) == -9
    assert not group.folder.exists()
