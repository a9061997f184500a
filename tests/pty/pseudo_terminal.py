"""A program on a pseudo terminal: keys go in, everything it writes is kept."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType

SEQUENCE = re.compile(rb"\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)|\[[0-9;:?=>]*[ !$]?[A-Za-z]|[()][A-Z0-9])")
OSC = re.compile(rb"\x1b\]([^\x07\x1b]*)")


class PseudoTerminal:
    """Runs `command` on a terminal of `width` x `height`; killed at the end of the block when it still runs."""

    def __init__(self, command: Sequence[str], width: int = 120, height: int = 40) -> None:
        self.raw = bytearray()
        self.status: int | None = None
        """Exit code, once the program has ended."""
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            env = dict(os.environ, TERM="xterm-256color", COLORTERM="truecolor", LANG="C.UTF-8", LC_ALL="C.UTF-8")
            os.execvpe(command[0], list(command), env)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def __enter__(self) -> PseudoTerminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.status is None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        self._wait()
        if self._terminal >= 0:
            os.close(self._terminal)

    def text(self, since: int = 0) -> str:
        """What was written from byte `since` on, without the sequences that place and colour it."""
        return SEQUENCE.sub(b" ", bytes(self.raw[since:])).decode("utf-8", "replace")

    def press(self, key: bytes) -> int:
        """Send a key; gives the length of what was written before it."""
        before = len(self.raw)
        os.write(self._terminal, key)
        return before

    def until(self, words: str, since: int = 0, seconds: float = 60.0) -> None:
        """Read until a pattern stands in what was written from `since` on. Fails at the deadline."""
        self.read(lambda: re.search(words, self.text(since)) is not None, seconds)
        assert re.search(words, self.text(since)), f"{words!r} never came; the last of it: {self.text(since)[-2000:]}"

    def rest(self, quiet: float = 0.3, seconds: float = 5.0) -> None:
        """Read until nothing was written for `quiet` seconds, `seconds` at most."""
        last = [len(self.raw), time.monotonic()]

        def calm() -> bool:
            if len(self.raw) != last[0]:
                last[:] = [len(self.raw), time.monotonic()]
            return time.monotonic() - last[1] >= quiet

        self.read(calm, seconds)

    def quit(self, seconds: float = 20.0) -> int:
        """Press q and give the exit code. Fails when the program does not end."""
        self.press(b"q")
        self.read(lambda: False, seconds)
        self._wait()
        assert self.status is not None
        return self.status

    def hang_up(self) -> None:
        """Close the terminal as a dropped connection does; nothing can be read or written any more."""
        os.close(self._terminal)
        self._terminal = -1

    def wait(self, seconds: float) -> None:
        """Read on until the program has ended. Fails when it has not by then."""
        end = time.monotonic() + seconds
        while self.status is None and time.monotonic() < end:
            if self._terminal >= 0:
                self.read(lambda: False, 0.1)
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        assert self.status is not None, f"it did not end within {seconds:g} s"

    def read(self, until: Callable[[], bool], seconds: float) -> None:
        """Read until the condition holds, the program closed the terminal, or the time is over."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not until():
            if select.select([self._terminal], [], [], 0.05)[0]:
                try:
                    chunk = os.read(self._terminal, 65_536)
                except OSError:
                    return
                if not chunk:
                    return
                self.raw += chunk

    def _wait(self) -> None:
        if self.status is None:
            self.status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


def assert_nothing_raw(raw: bytes) -> None:
    """No title, clipboard, device control, bell, C1, NUL or bidi character reached the terminal."""
    kinds = {match.group(1).split(b";")[0] for match in OSC.finditer(raw)}
    assert kinds <= {b"22"}, f"22 is Textual's pointer shape: {kinds}"
    assert b"\x1bP+q" not in raw
    assert raw.count(b"\x07") == len(OSC.findall(raw)), "a bell ends those and rings for nothing else"
    assert not re.search("[\x00\x80-\x9f\u202a-\u202e\u2066-\u2069]", raw.decode("utf-8", "strict"))
