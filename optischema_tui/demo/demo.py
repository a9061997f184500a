"""The demo: a private server with a shop in it and traffic on it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import optischema_tui
from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.cluster.cluster import Cluster, start_cluster
from optischema_tui.core.errors import LabError
from optischema_tui.core.safe_text import one_line

PREFIX = "optischema-demo-"
DATABASE = "shop"
OWNER = "shop"
"""Owns the schema and makes the traffic; no superuser."""
DBA = "dba"
"""Whom the user of the demo connects as."""
PROFILE = 'label = "demo"\nallow_changes = true\ninterval = 5\n'
START_SHARE = 0.1
TRAFFIC_STOP_SECONDS = 5.0
SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track": "top",
    "track_io_timing": "on",
    "max_connections": "40",
    "shared_buffers": "128MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # Like a shop that serves many sessions at once; and one statement never takes more than one core.
    "max_parallel_workers_per_gather": "0",
}

Progress = Callable[[str, float], None]


class Demo:
    """A running demo. Ends with `stop`, or by itself when the program is gone."""

    def __init__(self, cluster: Cluster, traffic: subprocess.Popen[bytes]) -> None:
        self.cluster = cluster
        self.traffic = traffic
        self.dsn = cluster.dsn(DATABASE, DBA)
        """Conninfo without a secret, for the user."""

    @classmethod
    def start(cls, progress: Progress, configured: str = "") -> Demo:
        """Start the server, load the shop, start the traffic; blocks for about 10 s. Raises LabError.

        `progress` gets what is being done and the part done, 0..1; `configured` is as in `find_binaries`.
        """
        progress("Starting a private PostgreSQL", 0.0)
        cluster = start_cluster(
            find_binaries(configured=configured),
            prefix=PREFIX,
            settings=SETTINGS,
            initdb_args=("--no-sync", "--no-data-checksums"),
            superuser=DBA,
        )
        try:
            _load(cluster, lambda title, part: progress(title, START_SHARE + (1 - START_SHARE) * part))
            _write_profile(cluster.socket_dir / "profile.toml")
            return cls(cluster, _start_traffic(cluster))
        except BaseException:
            cluster.stop()
            raise

    def __enter__(self) -> Demo:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End traffic and server and remove the directory. Safe to call twice."""
        if self.traffic.stdin is not None:
            self.traffic.stdin.close()
        try:
            self.traffic.wait(TRAFFIC_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.traffic.kill()
            self.traffic.wait()
        self.cluster.stop()


def _load(cluster: Cluster, progress: Progress) -> None:
    import psycopg

    from optischema_tui.demo.shop import load

    try:
        with psycopg.connect(cluster.dsn("postgres"), autocommit=True) as session:
            session.execute(f"CREATE ROLE {OWNER} LOGIN")
            session.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
        with psycopg.connect(cluster.dsn(DATABASE, OWNER), autocommit=True) as session:
            load(session, progress)
        with psycopg.connect(cluster.dsn(DATABASE), autocommit=True) as session:
            session.execute("CREATE EXTENSION pg_stat_statements")
            session.execute("CHECKPOINT")
            session.execute("SELECT pg_stat_statements_reset()")
    except psycopg.Error as error:
        raise LabError(
            "The demo's shop could not be loaded", one_line(str(error)), "It needs about 400 MB of free disk space"
        ) from error


def _write_profile(path: Path) -> None:
    """What the program may do with this server: the target resolver reads it beside the socket."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(PROFILE)


def _start_traffic(cluster: Cluster) -> subprocess.Popen[bytes]:
    root = str(Path(optischema_tui.__file__).parent.parent)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, environment.get("PYTHONPATH", ""))))
    with open(cluster.socket_dir / "traffic.log", "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "optischema_tui.demo.traffic", cluster.dsn(DATABASE, OWNER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
