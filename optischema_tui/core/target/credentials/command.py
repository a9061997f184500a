"""password_command: a program that prints the password (pass, op, vault, a cloud's token)."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread

from optischema_tui.core.errors import AuthError
from optischema_tui.core.safe_text import one_line

SECONDS = 10
MOST_BYTES = 64 * 1024


def ask_command(command: Sequence[str], profile: str) -> str:
    """The first line that the command prints, run without a shell. Its output is never shown, nor its errors.

    Raises AuthError when it fails, takes longer than SECONDS, or prints nothing or more than MOST_BYTES.
    """
    what = f"The password_command of profile {one_line(profile, 60)}"
    try:
        # A session of its own: a child that outlives the deadline, or asks on the terminal, is not ours to wait for.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise AuthError(f"{what} cannot be run", str(getattr(error, "strerror", "") or "unknown reason")) from None
    try:
        printed = _printed(process)
        if printed is None:
            raise AuthError(f"{what} did not end within {SECONDS} s")
        if len(printed) > MOST_BYTES:
            raise AuthError(f"{what} printed too much to be a password")
    finally:
        _end(process)
    if process.returncode != 0:
        raise AuthError(f"{what} failed", f"Its exit code was {process.returncode}")
    first = printed.decode("utf-8", "replace").split("\n", 1)[0].rstrip("\r")
    if not first:
        raise AuthError(f"{what} printed nothing")
    return first


def _printed(process: subprocess.Popen[bytes]) -> bytes | None:
    """What the process prints until it ends, at most one byte too much; None when it does not end in time."""
    found: list[bytes] = []
    stream = process.stdout
    assert stream is not None

    def read() -> None:
        with stream:
            found.append(stream.read(MOST_BYTES + 1))

    reader = Thread(target=read, daemon=True)
    reader.start()
    reader.join(SECONDS)
    if not found:
        return None
    if len(found[0]) <= MOST_BYTES:
        with suppress(subprocess.TimeoutExpired):
            process.wait(1)  # it has closed its output
    return found[0]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave neither a process that was not waited for behind, nor its children."""
    if process.returncode is None:  # so its number is still its own, even if it has ended
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
