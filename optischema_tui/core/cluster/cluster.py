"""Starts private PostgreSQL servers. Each is owned by a guardian process that ends it when the program ends."""

from __future__ import annotations

import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.errors import LabError
from optischema_tui.core.paths import short_base
from optischema_tui.core.safe_text import clean

GUARDIAN = Path(__file__).with_name("guardian.py")
NOBODY = 65534
AS_NOBODY_INSIDE = ("unshare", "-U", f"--map-user={NOBODY}", f"--map-group={NOBODY}")
"""Root only: the server believes it is not root, its files still belong to root and stay private."""
HBA = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
LOG_LINES_SHOWN = 6
UNGUARDED_STOP_SECONDS = 10.0


class Cluster:
    """A running private server. Ends with `stop`, or by itself when the program is gone."""

    def __init__(
        self, binaries: Binaries, socket_dir: Path, port: int, superuser: str, timeout: float, owner: int | None
    ) -> None:
        self.binaries = binaries
        self.socket_dir = socket_dir
        self.data_dir = socket_dir / "data"
        self.log_file = socket_dir / "server.log"
        self.port = port
        self.superuser = superuser
        self.pid = 0
        """The postmaster's process id, 0 while the server is down."""
        self.owner = owner
        """The user id that the data must belong to, where that is not this program's own."""
        self._timeout = timeout
        self._lock = threading.RLock()
        self._guardian: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def dsn(self, dbname: str = "postgres", user: str = "") -> str:
        """A conninfo string by Unix socket, without any secret. `user` defaults to the superuser."""
        return _conninfo(host=str(self.socket_dir), port=str(self.port), user=user or self.superuser, dbname=dbname)

    def tcp_dsn(self, dbname: str = "postgres", user: str = "") -> str:
        """A conninfo string by 127.0.0.1, where the server asks for a password (SCRAM). Only with `listen_tcp`."""
        return _conninfo(host="127.0.0.1", port=str(self.port), user=user or self.superuser, dbname=dbname)

    def stop(self) -> None:
        """End the server and remove its directory. Safe to call twice and from any thread."""
        with self._lock:
            guardian, self._guardian = self._guardian, None
            pid, self.pid = self.pid, 0
            if guardian is None:
                return
            for pipe in (guardian.stdin, guardian.stdout):
                if pipe is not None:
                    pipe.close()
            guardian.wait()
            if self.socket_dir.exists():
                self._stop_unguarded(pid)

    def halt(self) -> None:
        """Stop the server but keep its data, so that `resume` can start it again."""
        self._tell("halt")
        self.pid = 0

    def crash(self) -> None:
        """SIGKILL the postmaster but keep its data, so that `resume` can start it again."""
        self._tell("crash")
        self.pid = 0

    def resume(self) -> None:
        """Start a server that was made but not started, halted or crashed, on its socket and port. Raises LabError."""
        self.pid = self._tell("start")

    def restart(self) -> None:
        self.halt()
        self.resume()

    def _stop_unguarded(self, pid: int) -> None:
        """The guardian itself was killed: the server has got SIGINT from the kernel; see to the rest."""
        deadline = SYSTEM.monotonic() + UNGUARDED_STOP_SECONDS
        while self._is_ours(pid) and SYSTEM.monotonic() < deadline:
            time.sleep(0.02)
        if self._is_ours(pid):
            os.kill(pid, signal.SIGKILL)
        while self.socket_dir.exists() and SYSTEM.monotonic() < deadline + UNGUARDED_STOP_SECONDS:
            shutil.rmtree(self.socket_dir, ignore_errors=True)

    def _is_ours(self, pid: int) -> bool:
        try:
            return os.fsencode(self.data_dir) in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False

    def _create(self, guardian: subprocess.Popen[bytes], order: Mapping[str, object]) -> None:
        self._guardian = guardian
        try:
            self._exchange(order)
        except BaseException:
            self.stop()
            raise

    def _tell(self, what: str) -> int:
        return self._exchange({"do": what})

    def _exchange(self, words: Mapping[str, object]) -> int:
        """Send one line to the guardian and return the pid it answers. Raises LabError with the server's last words."""
        with self._lock:
            guardian = self._guardian
            if guardian is None or guardian.stdin is None or guardian.stdout is None:
                raise LabError("The private PostgreSQL server has been stopped")
            try:
                guardian.stdin.write(json.dumps(words).encode() + b"\n")
                guardian.stdin.flush()
                line = self._read_line(guardian.stdout.fileno())
            except OSError as error:
                raise LabError("The private PostgreSQL server lost its guardian process", str(error)) from error
        answer: dict[str, Any] = (
            json.loads(line) if line else {"ok": False, "what": "its guardian process ended", "log": ""}
        )
        if not answer["ok"]:
            raise LabError(
                "The private PostgreSQL server did not start: " + clean(str(answer["what"])),
                _last_words(str(answer["log"])),
            )
        return int(answer["pid"])

    def _read_line(self, descriptor: int) -> bytes:
        deadline = SYSTEM.monotonic() + 2 * self._timeout + 20
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - SYSTEM.monotonic()))
            if not ready:
                raise LabError("The private PostgreSQL server did not answer in time")
            chunk = os.read(descriptor, 65536)
            if not chunk:
                return b""
            line += chunk
        return line


def start_cluster(
    binaries: Binaries,
    *,
    prefix: str,
    settings: Mapping[str, str],
    initdb_args: Sequence[str] = (),
    superuser: str = "postgres",
    listen_tcp: bool = False,
    timeout: float = 60.0,
) -> Cluster:
    """Create and start a private server; blocks until it is ready (about a second) or raises LabError.

    The words are those of `create_cluster`.
    """
    cluster = create_cluster(
        binaries,
        prefix=prefix,
        settings=settings,
        initdb_args=initdb_args,
        superuser=superuser,
        listen_tcp=listen_tcp,
        timeout=timeout,
    )
    try:
        cluster.resume()
    except BaseException:
        cluster.stop()
        raise
    return cluster


def create_cluster(
    binaries: Binaries,
    *,
    prefix: str,
    settings: Mapping[str, str],
    initdb_args: Sequence[str] = (),
    initdb: bool = True,
    base: Path | None = None,
    superuser: str = "postgres",
    listen_tcp: bool = False,
    timeout: float = 60.0,
) -> Cluster:
    """Make the directory of a private server and, with `initdb`, its data; `resume` starts it. Raises LabError.

    Without `initdb` the caller puts data of the same binaries into `data_dir` (see core.cluster.pack) and then resumes.
    `prefix` begins the directory's name, in `base` (a short path) or the temporary directory; `settings` overrule
    postgresql.conf; `timeout` is in seconds, for each of initdb and a start. The server listens on a Unix socket in a
    0700 directory, where every local role is trusted, and with `listen_tcp` also on a free port of 127.0.0.1, where a
    password is asked for. The locale is C with UTF-8 unless `initdb_args` say otherwise.
    """
    run = _how_to_run(binaries)
    directory = (base or short_base(prefix)) / f"{prefix}{secrets.token_hex(4)}"
    port = _free_port() if listen_tcp else 5432
    place = {
        "listen_addresses": "127.0.0.1" if listen_tcp else "",
        "port": str(port),
        "unix_socket_directories": str(directory),
        "unix_socket_permissions": "0700",
        "dynamic_shared_memory_type": "mmap",  # files in the data directory: nothing in /dev/shm outlives a kill
        "logging_collector": "off",
        "lc_messages": "C",
    }
    early = ("--set", "dynamic_shared_memory_type=mmap") if binaries.version_num >= 160000 else ()
    locale = () if any(arg.startswith("--locale") for arg in initdb_args) else ("--locale=C",)
    encoding = () if any(arg.startswith(("-E", "--encoding")) for arg in initdb_args) else ("--encoding=UTF8",)
    command = [str(binaries.initdb), "-U", superuser, "-A", "trust"]
    order = {
        "wrap": run.wrap,
        "user": run.user,
        "initdb": [*command, *early, *locale, *encoding, *initdb_args] if initdb else [],
        "postgres": [str(binaries.postgres)],
        "conf": "".join(f"{name} = {_setting(value)}\n" for name, value in {**place, **settings}.items()),
        "hba": HBA,
        "deadline": timeout,
    }
    cluster = Cluster(binaries, directory, port, superuser, timeout, run.user)
    cluster._create(_spawn_guardian(directory), order)
    return cluster


class _Run:
    """How the server's programs are run: words before each command, or another user."""

    def __init__(self, wrap: Sequence[str] = (), user: int | None = None) -> None:
        self.wrap = list(wrap)
        self.user = user


@cache
def _how_to_run(binaries: Binaries) -> _Run:
    """PostgreSQL refuses to run as root: find a way that works here. Raises LabError when there is none."""
    if os.geteuid() != 0:
        return _Run()
    version = [str(binaries.postgres), "--version"]
    if _works([*AS_NOBODY_INSIDE, *version]):
        return _Run(wrap=AS_NOBODY_INSIDE)
    if _works(version, NOBODY):
        return _Run(user=NOBODY)
    raise LabError(
        "A private PostgreSQL server cannot be started by root here",
        "PostgreSQL refuses to run as root, this system allows no user namespace, and the user nobody may not read"
        f" {binaries.bindir}",
        "Run the program as a normal user",
    )


def _works(argv: Sequence[str], user: int | None = None) -> bool:
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            timeout=20,
            user=user,
            group=user,
            extra_groups=None if user is None else (),
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _spawn_guardian(directory: Path) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARDIAN), str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={**environment, "LC_ALL": "C"},
            start_new_session=True,
        )
    except OSError as error:
        raise LabError("A private PostgreSQL server cannot be started", str(error.strerror or error)) from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _conninfo(**parameters: str) -> str:
    def quoted(value: str) -> str:
        if value and not any(character.isspace() or character in "'\\" for character in value):
            return value
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

    return " ".join(f"{name}={quoted(value)}" for name, value in parameters.items())


def _setting(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _last_words(log: str) -> str:
    lines = [line for line in clean(log).splitlines() if line.strip()]
    return "Its log ends: " + " | ".join(lines[-LOG_LINES_SHOWN:]) if lines else ""
