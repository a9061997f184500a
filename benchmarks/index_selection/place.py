"""Where the benchmark keeps its server, data and results: never in the repository."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

VARIABLE = "OPTISCHEMA_BENCH_DIR"
SOCKET_PATH_LIMIT = 90


def base() -> Path:
    """The benchmark's directory, made when missing. It must be short: it holds the server's socket."""
    directory = Path(os.environ.get(VARIABLE) or Path(tempfile.gettempdir()) / "optischema-index-selection")
    if len(str(directory)) > SOCKET_PATH_LIMIT:
        raise SystemExit(f"{directory} is too long for a socket: set {VARIABLE} to a shorter path")
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def part(name: str) -> Path:
    """A directory inside `base()`, made when missing."""
    directory = base() / name
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def dsn(database: str) -> str:
    """Conninfo of one of the benchmark's databases, as superuser by the private socket."""
    return f"host={base() / 'socket'} port=5432 user=postgres dbname={database}"
