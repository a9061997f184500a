"""Owns one private server: a process of its own that outlives the program just long enough to clean up.

Run as `python -I -S guardian.py DIRECTORY`; standard library only, imports nothing of this package.
It speaks JSON lines: the first line on stdin is the order (see `Order`), which makes the directory and its data; later
lines are `{"do": "start"|"halt"|"crash"}`.
Each is answered by one line on stdout: `{"ok": true, "pid": N}` or `{"ok": false, "what": ..., "log": ...}`.
When stdin ends, which the death of the program causes in every case, or at SIGTERM, the server is stopped and
DIRECTORY removed. SIGINT and SIGHUP (the terminal's) are survived on purpose.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from typing import TypedDict

FAST_STOP_SECONDS = 10.0
IMMEDIATE_STOP_SECONDS = 5.0
REMOVE_SECONDS = 10.0
LOG_TAIL_BYTES = 4000
SETTINGS_FILE = "private.conf"
LOCK_FILE = "guardian.lock"
PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.02


class Order(TypedDict):
    """What the program asks for. `wrap` goes before every command, `user` runs it (None: this user); seconds.

    Without `initdb` only DIRECTORY is made: the program itself puts the data into DIRECTORY/data before it says start.
    """

    initdb: list[str]
    postgres: list[str]
    wrap: list[str]
    user: int | None
    conf: str
    hba: str
    deadline: float


class Ended(Exception):
    """The program is gone or wants the end."""


class Failed(Exception):
    """A step went wrong; the log says more."""


class Guardian:
    def __init__(self, directory: str, wakeup: int) -> None:
        self.directory = directory
        self.data = os.path.join(directory, "data")
        self.log = os.path.join(directory, "server.log")
        self.wakeup = wakeup
        self.terminated = False
        self.pending = b""
        self.server: subprocess.Popen[bytes] | None = None
        self.lock: int | None = None
        """Held as long as this process lives: what has a lock that nobody holds was left by a killed guardian."""
        self.crashed = False
        """The server was killed, and not started since."""

    # -- talking -----------------------------------------------------------------------------------------------

    def wait_for_news(self, seconds: float | None) -> None:
        """Sleep until input, a signal or the time limit. Raises Ended when the program is gone."""
        ready, _, _ = select.select([0, self.wakeup], [], [], seconds)
        if self.wakeup in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self.wakeup, 512)
        if self.terminated:
            raise Ended
        if 0 in ready:
            chunk = os.read(0, 65536)
            if not chunk:
                raise Ended
            self.pending += chunk

    def next_line(self) -> bytes:
        while b"\n" not in self.pending:
            self.wait_for_news(None)
        line, self.pending = self.pending.split(b"\n", 1)
        return line

    def answer(self, **words: object) -> None:
        try:
            os.write(1, json.dumps(words).encode() + b"\n")
        except OSError as error:
            raise Ended from error

    def tail(self) -> str:
        try:
            with open(self.log, "rb") as file:
                file.seek(max(0, os.path.getsize(self.log) - LOG_TAIL_BYTES))
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""

    # -- doing -------------------------------------------------------------------------------------------------

    def spawn(self, order: Order, command: list[str]) -> subprocess.Popen[bytes]:
        libc = ctypes.CDLL(None)

        def die_with_guardian() -> None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT)

        with open(self.log, "ab") as log:
            return subprocess.Popen(
                [*order["wrap"], *command, "-D", self.data],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                preexec_fn=die_with_guardian,
                user=order["user"],
                group=order["user"],
                extra_groups=None if order["user"] is None else (),
            )

    def create(self, order: Order) -> None:
        sweep(self.directory)
        # Under its name it is never seen without its lock: another guardian would take it for one that was left.
        unnamed = os.path.join(os.path.dirname(self.directory), f".{os.path.basename(self.directory)}")
        os.mkdir(unnamed, 0o700)
        self.lock = lock(os.path.join(unnamed, LOCK_FILE), os.O_CREAT)
        os.rename(unnamed, self.directory)
        if order["user"] is not None:
            os.chown(self.directory, order["user"], order["user"])
        if not order["initdb"]:
            return
        deadline = time.monotonic() + order["deadline"]
        initdb = self.spawn(order, order["initdb"])
        try:
            while initdb.poll() is None:
                if time.monotonic() > deadline:
                    raise Failed("initdb did not finish in time")
                self.wait_for_news(POLL_SECONDS)
        finally:
            if initdb.poll() is None:
                os.killpg(initdb.pid, signal.SIGKILL)
                initdb.wait()
        if initdb.returncode != 0:
            raise Failed(f"initdb ended with code {initdb.returncode}")
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as conf:
            conf.write(f"include = '{SETTINGS_FILE}'\n")
        with open(os.path.join(self.data, "pg_hba.conf"), "w", encoding="utf-8") as hba:
            hba.write(order["hba"])

    def configure(self, order: Order) -> None:
        """The settings of this place stand in a file of their own: data that came from elsewhere brings others."""
        path = os.path.join(self.data, SETTINGS_FILE)
        with open(path, "w", encoding="utf-8") as conf:
            conf.write(order["conf"])
        if order["user"] is not None:
            os.chown(path, order["user"], order["user"])

    def start(self, order: Order) -> None:
        self.configure(order)
        deadline = time.monotonic() + order["deadline"]
        self.server = self.spawn(order, order["postgres"])
        while True:
            if self.server.poll() is not None:
                if not self.crashed or time.monotonic() > deadline:
                    raise Failed(f"the server ended with code {self.server.returncode} while it started")
                # The crashed server's children still hold its shared memory: they end within moments.
                self.wait_for_news(POLL_SECONDS)
                self.server = self.spawn(order, order["postgres"])
            if self.status() == (self.server.pid, "ready"):
                self.crashed = False
                return
            if time.monotonic() > deadline:
                raise Failed("the server did not become ready in time")
            self.wait_for_news(POLL_SECONDS)

    def status(self) -> tuple[int, str]:
        lines = self.pid_file()
        return (int(lines[0]), lines[7].strip()) if len(lines) > 7 and lines[0].isdigit() else (0, "")

    def pid_file(self) -> list[str]:
        try:
            with open(os.path.join(self.data, "postmaster.pid"), encoding="utf-8", errors="replace") as file:
                return file.read().split("\n")
        except OSError:
            return []

    def halt(self) -> None:
        """Stop the server: as cleanly as it lets us, and for certain."""
        server = self.server
        if server is None:
            return
        for number, seconds in ((signal.SIGINT, FAST_STOP_SECONDS), (signal.SIGQUIT, IMMEDIATE_STOP_SECONDS)):
            if server.poll() is not None:
                break
            server.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(seconds)
        self.crash()

    def crash(self) -> None:
        """SIGKILL the postmaster. Its children notice at once and end by themselves."""
        if self.server is not None and self.server.poll() is None:
            self.server.kill()
            self.server.wait()
            self.crashed = True

    def obey(self, order: Order, what: str) -> None:
        if what == "halt":
            self.halt()
        elif what == "crash":
            self.crash()
        elif what == "start":
            self.start(order)
        self.answer(ok=True, pid=self.server.pid if self.server else 0)

    def remove_all(self) -> None:
        self.halt()
        self.free_shared_memory()
        deadline = time.monotonic() + REMOVE_SECONDS
        while os.path.isdir(self.directory) and time.monotonic() < deadline:
            shutil.rmtree(self.directory, ignore_errors=True)
            if os.path.isdir(self.directory):
                time.sleep(POLL_SECONDS)

    def free_shared_memory(self) -> None:
        """A killed server leaves its small System V segment; only its pid file still knows the number."""
        words = (self.pid_file() + [""] * 7)[6].split()
        if len(words) == 2 and words[1].isdigit():
            ctypes.CDLL(None).shmctl(int(words[1]), 0, None)


def lock(path: str, flags: int) -> int | None:
    """A descriptor that holds the lock of `path`, or None when another process has it or there is none."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def sweep(directory: str) -> None:
    """Remove directories like this one that guardians of ours left when they were killed: they may lie in memory."""
    place, name = os.path.split(directory)
    prefix = name[: name.rfind("-") + 1]
    with os.scandir(place) as entries:
        left = [entry.path for entry in entries if prefix and entry.name.startswith(prefix) and is_ours(entry)]
    for path in left:
        descriptor = lock(os.path.join(path, LOCK_FILE), 0)
        if descriptor is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(descriptor)


def is_ours(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.geteuid()
    except OSError:
        return False


def main(directory: str) -> int:
    os.umask(0o077)
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    guardian = Guardian(directory, reading)

    def terminate(*_: object) -> None:
        guardian.terminated = True

    # Handlers and not SIG_IGN: what is ignored stays ignored in the server, a handler does not pass exec.
    signal.signal(signal.SIGTERM, terminate)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    try:
        order: Order = json.loads(guardian.next_line())
        guardian.create(order)
        guardian.answer(ok=True, pid=0)
        while True:
            what = json.loads(guardian.next_line())["do"]
            try:
                guardian.obey(order, what)
            except (Failed, OSError) as failure:
                guardian.answer(ok=False, what=str(failure), log=guardian.tail())
    except Ended:
        pass
    except (Failed, OSError) as failure:
        with contextlib.suppress(Ended):
            guardian.answer(ok=False, what=str(failure), log=guardian.tail())
    finally:
        guardian.remove_all()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
