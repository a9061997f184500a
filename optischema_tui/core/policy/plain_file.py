"""Reads a file that may have been put there to mislead: no link is followed, no pipe is waited for."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_plain(file: str | Path, most: int, folder: int | None = None) -> tuple[bytes, os.stat_result]:
    """The content of a regular file of at most `most` bytes, and what the kernel says of just this file.

    `folder` is the descriptor of the directory that a name stands in. Raises OSError, also for what is no regular file.
    """
    descriptor = os.open(file, _FLAGS, dir_fd=folder)
    try:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode):
            raise OSError(errno.EINVAL, "It is not a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as opened:
            content = opened.read(most + 1)
    finally:
        os.close(descriptor)
    if len(content) > most:
        raise OSError(errno.EFBIG, "It is too large")
    return content, seen
