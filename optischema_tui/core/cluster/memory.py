"""A place in memory for a server of thousands of small files, where there is plenty of it.

A disk's file system takes 0.1 to 1 ms to create a file, the longer the more were removed of late; memory 0.01 ms. And
what lies there is gone with the machine.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
SPARE = 8
"""Times the size needed that must be free: the rest of the machine comes first."""


def memory_base(size: int) -> Path | None:
    """A directory in memory with much more than `size` bytes to spare; None: there is none, or TMPDIR names a place."""
    if os.environ.get("TMPDIR") or not os.access(SHARED_MEMORY, os.W_OK | os.X_OK):
        return None
    try:
        place = os.statvfs(SHARED_MEMORY)
        free = min(place.f_bavail * place.f_frsize, _available(), _left_to_us())
    except (OSError, ValueError):
        return None
    return SHARED_MEMORY if free >= SPARE * size else None


def _available() -> int:
    """Bytes that new work can have without swapping, as the kernel estimates it."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", Path("/proc/meminfo").read_text("ascii"), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _left_to_us() -> int:
    """Bytes below the limit of our control group (version 2); a lot where there is no limit."""
    found = re.search(r"^0::(/.*)$", Path("/proc/self/cgroup").read_text("utf-8"), re.MULTILINE)
    group = Path("/sys/fs/cgroup" + found[1]) if found else Path()
    try:
        limit = (group / "memory.max").read_text("ascii").strip()
        used = int((group / "memory.current").read_text("ascii"))
    except OSError:
        return 1 << 62
    return (1 << 62) if limit == "max" else int(limit) - used
