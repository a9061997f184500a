"""What the terminal can do, found from the environment before Textual is imported."""

from __future__ import annotations

import asyncio
import base64
import locale
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

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


def steady(driver: type[Any]) -> type[Any]:
    """Textual's driver class, but deaf and mute once the terminal is gone, where its own threads would break: the
    program then hangs in a full queue, or ends with a traceback before the hang-up signal is heeded."""

    class Steady(driver):  # type: ignore[misc]
        def __init__(self, *words: Any, **named: Any) -> None:
            super().__init__(*words, **named)
            setattr(self, "_file", _Output(getattr(self, "_file")))  # noqa: B009, B010

        def _run_input_thread(self) -> None:
            try:
                self.run_input_thread()
            except OSError:
                # With a hang-up that is ignored (nohup) nothing else would end a program without a terminal.
                self._app.call_later(self._app.exit, 128 + signal.SIGHUP, 128 + signal.SIGHUP)

    return Steady


class _Output:
    """A terminal's stream. What cannot be written any more goes nowhere."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with self._gone():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._gone():
            self._stream.flush()

    @contextmanager
    def _gone(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _encoding(env: Mapping[str, str]) -> str:
    for variable in ("LC_ALL", "LC_CTYPE", "LANG"):
        if value := env.get(variable):
            return value if "." in value else ("utf-8" if value in ("C.utf8",) else "ascii")
    stream = sys.__stderr__
    return (stream.encoding if stream is not None else "") or locale.getpreferredencoding(False)
