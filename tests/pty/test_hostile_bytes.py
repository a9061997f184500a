"""What reaches a real terminal: no control sequence that a server's text brought along."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest

SHOW = Path(__file__).parents[1] / "screens" / "show_app.py"
OSC = re.compile(rb"\x1b\]([^\x07\x1b]*)")


def bytes_of(situation: str, keys: list[bytes], marker: bytes) -> bytes:
    """Everything the program writes to a pty of 120x40 while `keys` are pressed, each after the screen came to rest."""
    pid, terminal = pty.fork()
    if pid == 0:
        env = dict(os.environ, TERM="xterm-256color", COLORTERM="truecolor", LANG="C.UTF-8", LC_ALL="C.UTF-8")
        os.execvpe(sys.executable, [sys.executable, str(SHOW), situation], env)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    raw = bytearray()
    try:
        _read(terminal, raw, until=lambda: marker in raw, seconds=60)
        assert marker in raw, "the screen never came"
        for key in keys:
            _read(terminal, raw, until=lambda: False, seconds=0.4)
            os.write(terminal, key)
        _read(terminal, raw, until=lambda: False, seconds=1.0)
        os.write(terminal, b"q")
        _read(terminal, raw, until=lambda: False, seconds=20)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    return bytes(raw)


def _read(terminal: int, raw: bytearray, *, until: object, seconds: float) -> None:
    """Read until the condition holds, the program closed the terminal, or the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():  # type: ignore[operator]
        if select.select([terminal], [], [], 0.05)[0]:
            try:
                chunk = os.read(terminal, 65_536)
            except OSError:
                return
            if not chunk:
                return
            raw += chunk


@pytest.fixture(scope="module")
def hostile() -> bytes:
    return bytes_of("hostile", [b"\r", b"p", b"2", b"j", b"3", b"?", b"\x1b", b"4", b"1"], b"Most")


def test_the_program_showed_the_text(hostile: bytes) -> None:
    assert b"owned" in hostile
    assert "␛".encode() in hostile


def test_no_title_no_clipboard_no_device_control(hostile: bytes) -> None:
    assert {match.group(1).split(b";")[0] for match in OSC.finditer(hostile)} <= {b"22"}, "22: Textual's pointer shape"
    assert b"\x1bP+q" not in hostile
    assert hostile.count(b"\x07") == len(OSC.findall(hostile)), "a bell ends those and rings for nothing else"


def test_no_c1_no_nul_no_bidi(hostile: bytes) -> None:
    text = hostile.decode("utf-8", "strict")
    assert not re.search("[\x00\x80-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert "\x1b[31m \ufffd" not in text


def test_a_harmless_picture_makes_the_same_kinds_of_sequences(hostile: bytes) -> None:
    calm = bytes_of("live", [b"2", b"?", b"\x1b", b"1"], b"Most")
    kinds = re.compile(rb"\x1b(?:[\]P_^X]|\[[?=>]?[\d;:]*[ !]?[A-Za-z])")

    def finals(raw: bytes) -> set[bytes]:
        return {re.sub(rb"[\d;:]", b"", match.group()) for match in kinds.finditer(raw)}

    assert finals(hostile) <= finals(calm)
