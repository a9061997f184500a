"""Ready-made data directories, kept between starts: one pack each, in a directory that only this user may enter.

They hold sample values of the targets' columns. Nothing here may stop a lab from being built: what goes wrong with the
cache is said in `problem`, and the lab is built without it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from optischema_tui.core.cluster.pack import Damaged, pack, read_note, unpack
from optischema_tui.core.safe_text import one_line

CACHE_BYTES = 1 << 30
"""The size that the cache stays below; what was used longest ago goes first."""
LEAST_FREE_BYTES = 512 << 20
"""What stays free on the disk, whatever there is to keep."""
_SUFFIX = ".pack"
_PART = ".part"
_LOCK = "lock"


def cache_key(*parts: str) -> str:
    """A file name's worth of digest of what must be the same for an entry to be of use."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


class LabCache:
    """The entries in `directory`. Any number of programs may use it at once; a reader is never disturbed."""

    def __init__(self, directory: Path, max_bytes: int = CACHE_BYTES, least_free: int = LEAST_FREE_BYTES) -> None:
        self.directory = directory
        self.problem = ""
        """Why the last lab was not taken from here, or is not kept; a sentence, or empty."""
        self._max_bytes = max_bytes
        self._least_free = least_free

    @contextmanager
    def entry(self, name: str) -> Iterator[tuple[BinaryIO, Any] | None]:
        """The entry's file and note, or None when there is none that can be used. A damaged one is dropped."""
        try:
            self._check_private()
            path = self._path(name)
            file = open(path, "rb")  # noqa: SIM115
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            self._cannot("read", error)
            yield None
            return
        with file:
            try:
                note = read_note(file)
                os.utime(path)
            except (Damaged, OSError) as error:
                self.drop(name, str(error))
                yield None
            else:
                yield file, note

    def take(self, name: str, file: BinaryIO, directory: Path, owner: int | None) -> bool:
        """Make `directory` from an entry's file. False when the entry is damaged: it is dropped, nothing is left.

        Raises OSError when the place of the lab cannot be written.
        """
        try:
            unpack(file, directory, owner)
        except Damaged as error:
            self.drop(name, str(error))
            shutil.rmtree(directory, ignore_errors=True)
            return False
        return True

    def keep(self, name: str, directory: Path, note: Any) -> bool:
        """Keep the data directory of a server that is down. False when it is not kept; `problem` says why."""
        try:
            with self._locked() as mine:
                if not mine:
                    self.problem = "Another program is writing to the lab's cache: this lab is not kept"
                    return False
                return self._write(name, directory, note)
        except OSError as error:
            self._cannot("written", error)
            return False

    def drop(self, name: str, why: str) -> None:
        """Remove an entry that is of no use."""
        self.problem = f"A kept lab was damaged ({why}) and is built anew"
        with suppress(OSError):
            self._path(name).unlink()

    def forget(self) -> int:
        """Remove every entry. Returns the bytes that this freed. Raises OSError."""
        freed = 0
        if self.directory.is_dir():
            for path in self._files():
                freed += path.stat().st_size
                path.unlink()
        return freed

    def _write(self, name: str, directory: Path, note: Any) -> bool:
        for left in self.directory.glob(f"*{_PART}"):
            left.unlink()  # of a program that was killed: whoever has the lock is the only one that writes
        part = self._path(name).with_suffix(_PART)
        try:
            size = _size(directory)
            if shutil.disk_usage(self.directory).free < size + self._least_free:
                self.problem = f"The lab is not kept for the next start: {self.directory} has too little free space"
                return False
            with open(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb", buffering=1 << 20) as out:
                pack(directory, out, note)
            if part.stat().st_size > self._max_bytes:
                self.problem = "The lab is not kept for the next start: it is larger than the cache may be"
                return False
            part.replace(self._path(name))
        finally:
            part.unlink(missing_ok=True)
        self._make_room(self._path(name))
        return True

    def _make_room(self, newest: Path) -> None:
        files = sorted(self._files(), key=lambda path: (path == newest, path.stat().st_mtime_ns))
        total = sum(path.stat().st_size for path in files)
        for path in files:
            if total <= self._max_bytes:
                break
            total -= path.stat().st_size
            path.unlink()

    def _files(self) -> Sequence[Path]:
        return [path for path in sorted(self.directory.iterdir()) if path.suffix in (_SUFFIX, _PART)]

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        """The right to write. It ends with the program, however that ends; nobody waits for it."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._check_private()
        descriptor = os.open(self.directory / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)

    def _check_private(self) -> None:
        """Raises OSError when others than this user may reach or change what is kept."""
        known = self.directory.stat()
        if known.st_uid != os.geteuid() or known.st_mode & 0o077:
            raise PermissionError(f"{self.directory} must belong to you alone (mode 0700)")

    def _cannot(self, what: str, error: OSError) -> None:
        self.problem = f"The lab's cache cannot be {what}: {one_line(error.strerror or str(error), 200)}"

    def _path(self, name: str) -> Path:
        return self.directory / f"{name}{_SUFFIX}"


def _size(directory: Path) -> int:
    """Bytes of all files below `directory`, holes not counted."""
    return sum(
        os.lstat(os.path.join(place, name)).st_blocks * 512 for place, _, names in os.walk(directory) for name in names
    )
