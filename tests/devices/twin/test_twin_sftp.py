"""SFTP reaches the board's tree, and nothing else of the host."""

import stat

import pytest


@pytest.fixture
def sftp(client):
    with client.transport.open_sftp_client() as sftp:
        yield sftp


@pytest.fixture
def folder(sftp, up):
    path = f"{up[0].root}/var/tmp/sftp"
    sftp.mkdir(path)
    yield path
    for name in sftp.listdir(path):
        sftp.remove(f"{path}/{name}")
    sftp.rmdir(path)


def test_a_file_goes_there_and_back(sftp, folder, tmp_path):
    (tmp_path / "here").write_bytes(b"\x00\xff" * 500_000)
    sftp.put(str(tmp_path / "here"), f"{folder}/there")
    sftp.get(f"{folder}/there", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == b"\x00\xff" * 500_000


def test_rights_and_names_change(sftp, folder):
    with sftp.open(f"{folder}/a", "w") as file:
        file.write(b"first")
    sftp.chmod(f"{folder}/a", 0o750)
    assert stat.S_IMODE(sftp.stat(f"{folder}/a").st_mode) == 0o750
    with sftp.open(f"{folder}/b", "w") as file:
        file.write(b"second")
    with pytest.raises(OSError, match="Failure"):
        sftp.rename(f"{folder}/a", f"{folder}/b")
    sftp.posix_rename(f"{folder}/a", f"{folder}/b")
    assert sftp.listdir(folder) == ["b"]
    sftp.truncate(f"{folder}/b", 2)
    with sftp.open(f"{folder}/b") as file:
        assert file.read() == b"fi"


def test_relative_paths_begin_at_home(sftp, up):
    assert sftp.normalize(".") == f"{up[0].root}/home/farm"


@pytest.mark.parametrize("path", ["/etc/passwd", "../../../../../../etc/passwd", "/"])
def test_what_is_not_the_boards_is_denied(sftp, path):
    with pytest.raises(PermissionError):
        sftp.stat(path)


def test_a_link_out_of_the_tree_leads_nowhere(sftp, client, folder):
    client.text(f"ln -s /etc/passwd {folder}/link")
    with pytest.raises(PermissionError):
        sftp.open(f"{folder}/link")
    with pytest.raises(PermissionError):
        sftp.symlink("/etc/passwd", f"{folder}/other")


def test_a_missing_file_is_missing(sftp, folder):
    with pytest.raises(FileNotFoundError):
        sftp.open(f"{folder}/none")
