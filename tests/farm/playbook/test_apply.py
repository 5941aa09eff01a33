from pathlib import Path

import pytest

from farm.errors import LabFault, UsageFault
from farm.playbook import Playbook, apply, load

PLAYBOOKS = Path(__file__).parents[3] / "playbooks"
MODELS = ["atom-e3930", "coral-dev", "jetson-tx2", "pi-zero-aiy"]


def playbook(*steps: dict, model: str = "coral-dev") -> Playbook:
    return Playbook.model_validate({"model": model, "steps": list(steps)})


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}


@pytest.mark.parametrize("place", MODELS, indirect=True)
def test_a_second_time_nothing_changes(place) -> None:
    book = load(PLAYBOOKS / f"{place.board.model}.yaml")
    first = apply(book, place.board, place.shell, workdir=place.workdir)
    assert [step.name for step in first if step.changed]
    before = files_below(place.root)
    again = apply(book, place.board, place.shell, workdir=place.workdir)
    assert [step for step in again if step.changed] == []
    assert files_below(place.root) == before


@pytest.mark.parametrize("place", MODELS, indirect=True)
def test_check_mode_says_what_would_change_and_changes_nothing(place) -> None:
    book = load(PLAYBOOKS / f"{place.board.model}.yaml")
    before = files_below(place.root)
    foreseen = apply(book, place.board, place.shell, workdir=place.workdir, check=True)
    assert files_below(place.root) == before
    done = apply(book, place.board, place.shell, workdir=place.workdir)
    assert [(step.name, step.changed) for step in foreseen] == [(step.name, step.changed) for step in done]


def test_the_farms_folder_becomes_the_logins(place) -> None:
    (step,) = apply(playbook({"directory": {"path": "workdir"}}), place.board, place.shell, workdir=place.workdir)
    assert (step.changed, step.detail) == (True, "is not there")
    assert Path(place.workdir).is_dir()


def test_rights_that_differ_are_named_and_set_right(place) -> None:
    folder = place.root / "opt/models"
    folder.mkdir(mode=0o700)
    book = playbook({"directory": {"path": "/opt/models", "mode": "0750"}})
    (step,) = apply(book, place.board, place.shell, workdir=place.workdir)
    assert step.detail == "mode is 700, not 750"
    assert folder.stat().st_mode & 0o777 == 0o750


def test_a_file_gets_its_exact_content_and_rights(place) -> None:
    content = "a 'quoted' line\nno newline at the end $HOME"
    book = playbook({"file": {"path": "/etc/farm/x y.conf", "content": content, "mode": "0600"}})
    apply(book, place.board, place.shell, workdir=place.workdir)
    path = place.root / "etc/farm/x y.conf"
    assert path.read_text(encoding="utf-8") == content
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("edited by hand", encoding="utf-8")
    (step,) = apply(book, place.board, place.shell, workdir=place.workdir)
    assert step.detail == "content differs"
    assert path.read_text(encoding="utf-8") == content


def test_a_service_is_stopped_now_and_at_boot(place) -> None:
    book = playbook({"service": {"name": "edgetpu", "enabled": False, "running": False}})
    (step,) = apply(book, place.board, place.shell, workdir=place.workdir)
    assert step.detail == "is enabled, is running"
    states = place.shell.run("systemctl is-enabled edgetpu; systemctl is-active edgetpu", check=False)
    assert states.text.split() == ["disabled", "inactive"]


def test_a_service_that_does_not_exist_is_not_running(place) -> None:
    book = playbook({"service": {"name": "nobody-knows-it", "enabled": False, "running": False}})
    (step,) = apply(book, place.board, place.shell, workdir=place.workdir)
    assert not step.changed


@pytest.mark.parametrize("place", ["jetson-tx2"], indirect=True)
def test_a_power_mode_is_set_by_number_and_proven_by_name(place) -> None:
    book = playbook({"power_mode": {"name": "MAXN", "id": 0}}, model="jetson-tx2")
    (step,) = apply(book, place.board, place.shell, workdir=place.workdir)
    assert (step.changed, step.detail) == (True, "is MAXP_CORE_ARM")
    assert place.board.state().power_mode == "MAXN"


@pytest.mark.parametrize("place", ["jetson-tx2"], indirect=True)
def test_a_change_that_does_not_hold_is_a_lab_fault(place) -> None:
    """Number and name belong to different modes: the board obeys, and is not what was wanted."""
    book = playbook({"power_mode": {"name": "MAXN", "id": 1}}, model="jetson-tx2")
    with pytest.raises(LabFault, match="bench-1: power mode MAXN: changed, and still is MAXQ"):
        apply(book, place.board, place.shell, workdir=place.workdir)


def test_every_core_gets_the_governor(place) -> None:
    apply(playbook({"governor": {"name": "performance"}}), place.board, place.shell, workdir=place.workdir)
    assert place.board.state().governor == "performance"


def test_a_package_that_no_mirror_has_is_named(place) -> None:
    book = playbook({"packages": {"names": ["nobody-packs-it"]}})
    with pytest.raises(Exception, match="Unable to locate package nobody-packs-it"):
        apply(book, place.board, place.shell, workdir=place.workdir)


@pytest.mark.parametrize("place", ["pi-zero-aiy"], indirect=True)
def test_a_bonnet_that_the_kernel_does_not_name_is_a_lab_fault_with_a_hint(place) -> None:
    (place.root / "run/dmesg").write_text("[    1.0] usb 1-1: new device\n", encoding="utf-8")
    with pytest.raises(LabFault) as seen:
        apply(load(PLAYBOOKS / "pi-zero-aiy.yaml"), place.board, place.shell, workdir=place.workdir)
    assert str(seen.value).startswith("bench-1: no AIY Vision Bonnet")
    assert "usb 1-1: new device" in str(seen.value)
    assert "reseat the bonnet" in seen.value.hint


def test_a_playbook_for_another_model_touches_nothing(place) -> None:
    with pytest.raises(UsageFault, match="is for jetson-tx2, but bench-1 is a coral-dev"):
        apply(load(PLAYBOOKS / "jetson-tx2.yaml"), place.board, place.shell, workdir=place.workdir)
    assert place.shell.as_root == []


def test_progress_names_each_step_before_it_is_taken(place) -> None:
    told: list[str] = []
    book = playbook({"governor": {"name": "performance"}}, {"directory": {"path": "workdir"}})
    apply(book, place.board, place.shell, workdir=place.workdir, progress=told.append)
    assert told == ["governor performance", "directory workdir"]


def test_what_an_earlier_change_may_mend_is_told_in_check_mode_and_no_fault_yet(place) -> None:
    """As the bonnet's line in dmesg before its driver is installed."""
    wants = {"expect": {"what": "a site", "file": "/etc/site", "matches": "north"}}
    writes = {"file": {"path": "/etc/site", "content": "north\n"}}
    book = playbook(writes, wants)
    foreseen = apply(book, place.board, place.shell, workdir=place.workdir, check=True)
    assert foreseen[1].detail.startswith("not so yet: no a site: want a match of 'north'")
    done = apply(book, place.board, place.shell, workdir=place.workdir)
    assert [step.changed for step in done] == [True, False]
    (place.root / "etc/site").unlink()
    with pytest.raises(LabFault, match="no a site"):
        apply(playbook(wants, writes), place.board, place.shell, workdir=place.workdir, check=True)
