"""SFTP over the board's tree: paths are the host's, but only those below the root are there."""
# ruff: noqa: D102 -- SFTPServerInterface says what each method answers

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paramiko
from paramiko import SFTPAttributes, SFTPHandle, SFTPServer, SFTPServerInterface
from paramiko.sftp import SFTP_OK

from .faults import Faults


class _File(SFTPHandle):
    def __init__(self, descriptor: int, path: Path, flags: int, faults: Faults) -> None:
        super().__init__(flags)
        self._descriptor, self._path, self._flags, self._faults = descriptor, path, flags, faults

    def read(self, offset: int, length: int) -> bytes | int:
        self._faults.disk(length)
        try:
            return os.pread(self._descriptor, length, offset)
        except OSError as error:
            return _code(error)

    def write(self, offset: int, data: Any) -> int:  # noqa: ANN401 -- wider than it is: paramiko passes bytes
        self._faults.disk(len(data))
        try:
            if "full-disk" in self._faults:
                raise OSError(errno.ENOSPC, "No space left on device")
            if self._flags & os.O_APPEND:
                os.write(self._descriptor, data)
            else:
                os.pwrite(self._descriptor, data, offset)
        except OSError as error:
            return _code(error)
        return SFTP_OK

    def stat(self) -> SFTPAttributes | int:
        return SFTPAttributes.from_stat(os.fstat(self._descriptor))

    def chattr(self, attr: SFTPAttributes) -> int:
        return _change(self._path, attr)

    def close(self) -> None:
        os.close(self._descriptor)


class Sftp(SFTPServerInterface):
    """Answers one SFTP session. Each method returns what was asked for, or an SFTP error code."""

    def __init__(
        self,
        server: paramiko.ServerInterface,
        *args: object,
        root: Path,
        home: Path,
        faults: Faults,
    ) -> None:
        super().__init__(server, *args)
        self._root, self._home, self._faults = root.resolve(), home, faults

    def open(self, path: str, flags: int, attr: SFTPAttributes) -> SFTPHandle | int:
        try:
            target = self._inside(path)
            creates = flags & os.O_CREAT and not target.exists()
            if creates and "full-disk" in self._faults:
                raise OSError(errno.ENOSPC, "No space left on device")
            mode = 0o666 if attr.st_mode is None else attr.st_mode
            return _File(os.open(target, flags | os.O_CLOEXEC, mode), target, flags, self._faults)
        except OSError as error:
            return _code(error)

    def list_folder(self, path: str) -> list[SFTPAttributes] | int:
        try:
            entries = list(self._inside(path).iterdir())
            return [SFTPAttributes.from_stat(entry.lstat(), entry.name) for entry in entries]
        except OSError as error:
            return _code(error)

    def stat(self, path: str) -> SFTPAttributes | int:
        try:
            return SFTPAttributes.from_stat(self._inside(path).stat())
        except OSError as error:
            return _code(error)

    def lstat(self, path: str) -> SFTPAttributes | int:
        try:
            return SFTPAttributes.from_stat(self._inside(path, follow=False).lstat())
        except OSError as error:
            return _code(error)

    def remove(self, path: str) -> int:
        return self._do(lambda: self._inside(path, follow=False).unlink())

    def rename(self, oldpath: str, newpath: str) -> int:
        def move() -> None:
            target = self._inside(newpath, follow=False)
            if os.path.lexists(target):  # SFTP version 3: the target must not be there
                raise FileExistsError(errno.EEXIST, "File exists")
            self._inside(oldpath, follow=False).rename(target)

        return self._do(move)

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        return self._do(lambda: self._inside(oldpath, follow=False).replace(self._inside(newpath, follow=False)))

    def mkdir(self, path: str, attr: SFTPAttributes) -> int:
        mode = 0o777 if attr.st_mode is None else attr.st_mode
        return self._do(lambda: self._inside(path, follow=False).mkdir(mode))

    def rmdir(self, path: str) -> int:
        return self._do(lambda: self._inside(path, follow=False).rmdir())

    def chattr(self, path: str, attr: SFTPAttributes) -> int:
        try:
            return _change(self._inside(path), attr)
        except OSError as error:
            return _code(error)

    def readlink(self, path: str) -> str | int:
        try:
            return str(self._inside(path, follow=False).readlink())
        except OSError as error:
            return _code(error)

    def symlink(self, target_path: str, path: str) -> int:
        def link() -> None:
            place = self._inside(path, follow=False)
            self._inside(str(place.parent / target_path), follow=False)  # never out of the root
            place.symlink_to(target_path)

        return self._do(link)

    def canonicalize(self, path: str) -> str:
        return os.path.normpath(self._home / path)

    def _inside(self, path: str, *, follow: bool = True) -> Path:
        asked = Path(os.path.normpath(self._home / path))
        resolved = asked.resolve() if follow else asked.parent.resolve() / asked.name
        if not resolved.is_relative_to(self._root):
            raise PermissionError(errno.EACCES, "outside the board")
        return resolved

    @staticmethod
    def _do(action: Callable[[], object]) -> int:
        try:
            action()
        except OSError as error:
            return _code(error)
        return SFTP_OK


def _change(path: Path, attr: SFTPAttributes) -> int:
    try:
        if attr.st_size is not None:
            os.truncate(path, attr.st_size)
        if attr.st_mode is not None:
            path.chmod(attr.st_mode & 0o7777)
        if attr.st_atime is not None and attr.st_mtime is not None:
            os.utime(path, (attr.st_atime, attr.st_mtime))
    except OSError as error:
        return _code(error)
    return SFTP_OK


def _code(error: OSError) -> int:
    return SFTPServer.convert_errno(error.errno or errno.EIO)
