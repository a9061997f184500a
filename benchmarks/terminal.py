"""A program on a pty of 200x50, measured as a person would feel it. Needs benchmarks/requirements.txt."""

from __future__ import annotations

import fcntl
import os
import pty
import random
import re
import signal
import statistics
import struct
import termios
import threading
import time
from collections.abc import Callable, Sequence

import psutil
import pyte

COLUMNS, LINES = 200, 50
# pyte knows neither private CSI queries nor string sequences; neither puts a character on the screen.
UNKNOWN = re.compile(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p|\x1b[P\]_^].*?(?:\x07|\x1b\\)", re.DOTALL)
ANSWERS = {b"\x1b[6n": b"\x1b[1;1R", b"\x1b[c": b"\x1b[?62;22c", b"\x1b[?2026$p": b"\x1b[?2026;2$y"}


class Terminal:
    """Runs `command`; a thread reads, answers what a real terminal answers, and keeps the screen."""

    def __init__(self, command: Sequence[str], environment: dict[str, str] | None = None) -> None:
        self.screen = pyte.Screen(COLUMNS, LINES)
        self.stream = pyte.ByteStream(self.screen)
        self.lock = threading.Lock()
        self.received = 0
        self.first_frame: float | None = None
        self.began = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(
                {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", **(environment or {})}
            )
            os.execvp(command[0], list(command))
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return
            if not data:
                return
            for question, answer in ANSWERS.items():
                if question in data:
                    self.send(answer)
            with self.lock:
                self.received += len(data)
                self.stream.feed(UNKNOWN.sub(b"", data))
                if self.first_frame is None and len(self._text().replace(" ", "").replace("\n", "")) >= 200:
                    self.first_frame = time.monotonic() - self.began

    def send(self, data: bytes) -> None:
        os.write(self.fd, data)

    def _text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def text(self) -> str:
        with self.lock:
            return self._text()

    def wait(self, ready: Callable[[str], bool], seconds: float = 60.0) -> float:
        """Seconds since start when the screen satisfied `ready`."""
        while time.monotonic() - self.began < seconds:
            if ready(self.text()):
                return time.monotonic() - self.began
            time.sleep(0.005)
        raise SystemExit(f"the screen never showed what was waited for:\n{self.text()}")

    def region(self, first: int, last: int) -> list[tuple[str, ...]]:
        """Characters and colours of the screen lines first..last."""
        with self.lock:
            return [
                tuple(f"{cell.data}{cell.fg}{cell.bg}{cell.reverse}" for cell in (row[x] for x in range(COLUMNS)))
                for row in (self.screen.buffer[y] for y in range(first, last + 1))
            ]

    def idle(self, seconds: float) -> tuple[float, float, float]:
        """CPU percent of one core, bytes per second, RSS in MB, of the untouched program and its children."""
        processes = self._tree()
        cpu, received, began = self._cpu(processes), self.received, time.monotonic()
        time.sleep(seconds)
        wall = time.monotonic() - began
        memory = psutil.Process(self.pid).memory_info().rss / 1e6
        return 100 * (self._cpu(processes) - cpu) / wall, (self.received - received) / wall, memory

    def key_latency(self, keys: Sequence[bytes], count: int, first: int, last: int) -> tuple[float, float, float]:
        """Median, 95th percentile and maximum ms from a key to a change in the screen lines first..last."""
        times = []
        for number in range(count):
            time.sleep(random.uniform(0.45, 0.82))
            before = self.region(first, last)
            began = time.monotonic()
            self.send(keys[number % len(keys)])
            while time.monotonic() - began < 2:
                if self.region(first, last) != before:
                    times.append(1000 * (time.monotonic() - began))
                    break
                time.sleep(0.001)
        if not times:
            raise SystemExit(f"no key changed the screen:\n{self.text()}")
        times.sort()
        return statistics.median(times), times[max(0, int(len(times) * 0.95) - 1)], times[-1]

    def _tree(self) -> list[psutil.Process]:
        root = psutil.Process(self.pid)
        return [root, *root.children(recursive=True)]

    @staticmethod
    def _cpu(processes: Sequence[psutil.Process]) -> float:
        total = 0.0
        for process in processes:
            if process.is_running():
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def close(self) -> None:
        os.kill(self.pid, signal.SIGHUP)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                break
            time.sleep(0.02)
        else:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)
