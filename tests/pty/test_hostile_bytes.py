"""What reaches a real terminal: no control sequence that a server's text brought along."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from pseudo_terminal import PseudoTerminal, assert_nothing_raw

SHOW = Path(__file__).parents[1] / "screens" / "show_app.py"


def bytes_of(situation: str, keys: list[bytes], marker: str) -> bytes:
    """Everything the program writes while `keys` are pressed, each after the screen came to rest."""
    with PseudoTerminal([sys.executable, str(SHOW), situation]) as terminal:
        terminal.until(marker)
        for key in keys:
            terminal.rest()
            terminal.press(key)
        terminal.rest()
        terminal.quit()
        return bytes(terminal.raw)


@pytest.fixture(scope="module")
def hostile() -> bytes:
    return bytes_of("hostile", [b"\r", b"p", b"2", b"j", b"3", b"?", b"\x1b", b"4", b"6", b"9", b"1"], "Most")


def test_the_program_showed_the_text(hostile: bytes) -> None:
    assert b"owned" in hostile
    assert "␛".encode() in hostile


def test_nothing_that_a_server_sent_reaches_the_terminal_raw(hostile: bytes) -> None:
    assert_nothing_raw(hostile)
    assert "\x1b[31m \ufffd" not in hostile.decode()


def test_a_harmless_picture_makes_the_same_kinds_of_sequences(hostile: bytes) -> None:
    calm = bytes_of("live", [b"2", b"?", b"\x1b", b"1"], "Most")
    kinds = re.compile(rb"\x1b(?:[\]P_^X]|\[[?=>]?[\d;:]*[ !]?[A-Za-z])")

    def finals(raw: bytes) -> set[bytes]:
        return {re.sub(rb"[\d;:]", b"", match.group()) for match in kinds.finditer(raw)}

    assert finals(hostile) <= finals(calm)
