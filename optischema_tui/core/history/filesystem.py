"""The place of a file: private creation, a lock over its directory, room left, whether SQLite's WAL is safe there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
_SHARED = re.compile(
    r"nfs4?|cifs|smb3|smbfs|ncpfs|9p|virtiofs|vboxsf|prl_fs|drvfs|afs|coda|ceph|lustre|gpfs|beegfs|pvfs2|orangefs"
    r"|glusterfs|ocfs2|gfs2|acfs|panfs|fuse|fuse\.(?!(fuse-overlayfs|gocryptfs|encfs|cryfs|bindfs)$).*"
)
_OCTAL = re.compile(r"\\([0-7]{3})")


def kind_of(path: Path, mounts: str | None = None) -> str:
    """Type of the file system that holds `path` (which need not exist), as the kernel calls it; empty when unknown.

    `mounts`: lines as in /proc/self/mountinfo; this process' own when None.
    """
    if mounts is None:
        try:
            mounts = MOUNTS.read_text(errors="surrogateescape")
        except OSError:
            return ""
        path = Path(os.path.realpath(path))
    best, kind = -1, ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        fields, told = left.split(" "), right.split(" ")
        if len(fields) < 5 or not told[0]:
            continue
        point = Path(_OCTAL.sub(lambda found: chr(int(found[1], 8)), fields[4]))
        # A later mount on the same point covers the earlier one.
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), told[0]
    return kind


def is_shared(kind: str) -> bool:
    """True when other machines may use these files, or memory mapped from them is not one for all: no WAL there.

    https://www.sqlite.org/wal.html: "all processes using a database must be on the same host computer".
    """
    return _SHARED.fullmatch(kind) is not None


def room(directory: Path) -> int:
    """Bytes that this user can still write in the file system of `directory`."""
    told = os.statvfs(directory)
    return told.f_bavail * told.f_frsize


def inode_of(path: Path) -> int:
    """0 when there is no such file."""
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0


def create_private(path: Path) -> bool:
    """The file exists and only its owner can read it. True when it was made now.

    An existing file is never opened and closed here: closing any descriptor of it would drop the locks that another
    connection of this process holds on it.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if os.stat(path).st_mode & 0o077:
            os.chmod(path, 0o600)
        return False
    sync_directory(path.parent)
    return True


def sync_directory(directory: Path) -> None:
    """What was created, renamed or deleted in `directory` survives a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(directory: Path, patience: float = 5.0) -> Iterator[bool]:
    """One program at a time creates, migrates or moves files here. False: not locked, after `patience` seconds."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        held = False
        for turn in range(1 + int(patience / 0.05)):
            if turn:
                threading.Event().wait(0.05)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            except OSError:
                break
            held = True
            break
        yield held
    finally:
        os.close(descriptor)
