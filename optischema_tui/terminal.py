"""What the terminal can do, found from the environment before Textual is imported."""

from __future__ import annotations

import asyncio
import base64
import locale
import os
import signal
import sys
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass

CLIPBOARD_LIMIT = 64 * 1024
"""Bytes of text that are sent to a terminal's clipboard; longer ones many terminals drop without a word."""
REMOTE_FPS = "15"


@dataclass(frozen=True, slots=True)
class Terminal:
    """Facts of the terminal that the program runs in."""

    remote: bool
    """Over SSH: no animations, fewer frames, no mouse reports unless asked for."""
    tmux: bool
    unicode: bool
    """Braille and box characters can be shown."""
    few_colours: bool
    """16 colours or fewer, or NO_COLOR: the theme of the terminal's own colours is used."""


def probe(env: Mapping[str, str] | None = None, *, ascii_only: bool = False, encoding: str = "") -> Terminal:
    """The facts by environment; `ascii_only` is the person's word and wins."""
    env = os.environ if env is None else env
    encoding = encoding or _encoding(env)
    term = env.get("TERM", "")
    forced = env.get("TEXTUAL_COLOR_SYSTEM", "")
    rich = env.get("COLORTERM", "") in ("truecolor", "24bit") or "256" in term or term.endswith(("-direct", "kitty"))
    few = "NO_COLOR" in env or forced == "standard" or (forced in ("", "auto") and not rich)
    return Terminal(
        remote=bool(env.get("SSH_CONNECTION") or env.get("SSH_TTY")),
        tmux=bool(env.get("TMUX")),
        unicode=not ascii_only and "utf" in encoding.lower() and term not in ("linux", "dumb"),
        few_colours=few,
    )


def prepare(terminal: Terminal, env: MutableMapping[str, str] | None = None) -> None:
    """Set Textual's variables for this terminal. Call before Textual is imported; what the person set stays."""
    env = os.environ if env is None else env
    if terminal.remote:
        env.setdefault("TEXTUAL_ANIMATIONS", "none")
        env.setdefault("TEXTUAL_FPS", REMOTE_FPS)
        env.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")


def clipboard_sequence(text: str, *, tmux: bool) -> str:
    """OSC 52 for `text`, in tmux also wrapped for the terminal outside. Empty when `text` is over the limit."""
    raw = text.encode("utf-8", "replace")
    if len(raw) > CLIPBOARD_LIMIT:
        return ""
    sequence = f"\x1b]52;c;{base64.b64encode(raw).decode('ascii')}\x07"
    return sequence + "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\" if tmux else sequence


def heed_signals(leave: Callable[[int, int], None]) -> None:
    """A closed terminal or a TERM ends the program as `q` does, so that the terminal gets its modes back.

    `leave(result, exit code)` is called in the running event loop.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        with suppress(RuntimeError, ValueError):  # not in the main thread: the host of that thread decides
            loop.add_signal_handler(number, leave, 128 + number, 128 + number)


def _encoding(env: Mapping[str, str]) -> str:
    for variable in ("LC_ALL", "LC_CTYPE", "LANG"):
        if value := env.get(variable):
            return value if "." in value else ("utf-8" if value in ("C.utf8",) else "ascii")
    stream = sys.__stderr__
    return (stream.encoding if stream is not None else "") or locale.getpreferredencoding(False)
