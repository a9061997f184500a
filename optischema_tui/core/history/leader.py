"""Which of several programs on one state directory collects from a target: a lock that ends with its holder.

The lock is flock(2) on `collect-<key>.lock`: the kernel lets it go when the process ends, also by kill -9, and a
computer that lost power forgets it. What stands in the file is only for people to read.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import sys
import threading
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import StorageError
from optischema_tui.core.paths import make_private
from optischema_tui.core.safe_text import one_line

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TURNS = 3
"""`holder` takes the lock for an instant to see whether it is free: who meets it then tries again."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who collects, as it wrote itself; unknown parts are 0 or empty."""

    pid: int
    command: str
    """Name of the program and of what it was told to do, without arguments: they may hold a secret."""
    since: float
    """Seconds since 1970."""


class Leader:
    """The right to collect from one target, until `release` or the end of the process.

    Not `exclusive` where nothing can be locked (a read-only directory, a file system without locks): then every
    program collects for itself.
    """

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self.path = path
        self._descriptor = descriptor

    @property
    def exclusive(self) -> bool:
        return self._descriptor is not None

    @classmethod
    def acquire(cls, state_dir: Path, target_key: str, clock: Clock = SYSTEM) -> Leader | None:
        """The lead, or None when another program (or another part of this one) has it. Waits for nothing."""
        path = lock_path(state_dir, target_key)
        try:
            make_private(state_dir)
            descriptor = _take(path)
        except BlockingIOError:
            return None
        except (OSError, StorageError):
            return cls(path, None)
        with contextlib.suppress(OSError):  # a full disk: the lock holds all the same
            os.ftruncate(descriptor, 0)
            holder = {"pid": os.getpid(), "command": _command(), "since": clock.wall()}
            os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        return cls(path, descriptor)

    def holds(self) -> bool:
        """False once the lock file was deleted or replaced: another program may then have the lead as well."""
        if self._descriptor is None:
            return True
        return _is_at(self.path, self._descriptor)

    def release(self) -> None:
        """Let another program collect; idempotent."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
            os.close(descriptor)


def holder(state_dir: Path, target_key: str) -> Holder | None:
    """Who collects from the target now; None when nobody does, or that cannot be known."""
    try:
        descriptor = os.open(lock_path(state_dir, target_key), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None


def lock_path(state_dir: Path, target_key: str) -> Path:
    """A key that is no plain word is named by its hash."""
    name = target_key if _PLAIN.fullmatch(target_key) else sha256(target_key.encode()).hexdigest()[:24]
    return state_dir / f"collect-{name}.lock"


def _take(path: Path) -> int:
    """A descriptor that holds the lock. Raises BlockingIOError when another has it, OSError when there are no locks."""
    for turn in range(_TURNS):
        if turn:
            threading.Event().wait(0.01)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        except OSError:
            os.close(descriptor)
            raise
        if _is_at(path, descriptor):  # else it was deleted between the two calls
            return descriptor
        os.close(descriptor)
    raise BlockingIOError


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except OSError:
        return False


def _read(descriptor: int) -> Holder:
    try:
        told = json.loads(os.pread(descriptor, 4096, 0))
        return Holder(int(told["pid"]), one_line(str(told["command"]), 80), float(told["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Holder(0, "", 0.0)


def _command() -> str:
    words = [Path(sys.argv[0]).name if sys.argv else ""]
    words += [word for word in sys.argv[1:2] if word.isalpha()]
    return " ".join(words)
