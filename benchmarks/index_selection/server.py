"""The benchmark's own PostgreSQL 15 with HypoPG: started once, kept with its data, detached from the caller.

python -m benchmarks.index_selection.server start|stop|status
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.index_selection.place import base

BINDIR = Path(os.environ.get("OPTISCHEMA_BENCH_BINDIR", "/usr/lib/postgresql/15/bin"))
SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "max_connections": "80",
    "shared_buffers": "2GB",
    "work_mem": "64MB",
    "maintenance_work_mem": "512MB",
    "effective_cache_size": "4GB",
    "random_page_cost": "4",
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track_utility": "off",
    "jit": "off",
    "autovacuum": "off",
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
    "lc_messages": "C",
    "timezone": "UTC",
}
"""Of the reference run; those below max_parallel_workers_per_gather only make loading and repetition quick."""


def start() -> None:
    """Make the cluster when it is missing and start it when it is down. Returns when it takes connections."""
    if not (BINDIR / "initdb").exists():
        raise SystemExit(f"{BINDIR} holds no PostgreSQL: apt-get install postgresql-15 postgresql-15-hypopg")
    data = base() / "cluster"
    sockets = base() / "socket"
    if not (data / "PG_VERSION").exists():
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(mode=0o700)
        sockets.mkdir(exist_ok=True)
        _give(data)
        _give(sockets)
        _run("initdb", "-U", "postgres", "-A", "trust", "-D", str(data), "--locale=C", "--encoding=UTF8")
        settings = {**SETTINGS, "unix_socket_directories": str(sockets)}
        with (data / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
    if not running():
        log = base() / "server.log"
        log.touch()
        _give(log)
        _run("pg_ctl", "start", "-w", "-t", "120", "-D", str(data), "-l", str(log))


def stop() -> None:
    if running():
        _run("pg_ctl", "stop", "-m", "fast", "-D", str(base() / "cluster"))


def running() -> bool:
    """Whether the server is up."""
    return _call("pg_ctl", "status", "-D", str(base() / "cluster")).returncode == 0


def _give(path: Path) -> None:
    """PostgreSQL refuses root: its files belong to the user postgres then."""
    if os.geteuid() == 0:
        shutil.chown(path, "postgres", "postgres")


def _call(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(BINDIR / program), *words]
    if os.geteuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd="/",
        start_new_session=True,
        check=False,
    )


def _run(program: str, *words: str) -> None:
    if _call(program, *words).returncode:
        raise SystemExit(f"{program} failed; see {base() / 'server.log'}")


def main() -> None:
    what = sys.argv[1] if len(sys.argv) > 1 else "start"
    if what == "start":
        start()
    elif what == "stop":
        stop()
    print("up" if running() else "down")


if __name__ == "__main__":
    main()
